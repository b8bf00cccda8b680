"""Python programs beside a test, as a user would write them: scripts, and notebooks in a real kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEADLINE_S = 60


@contextmanager
def surroundings(folder: Path) -> Iterator[Path]:
    """Let this process and what it starts find the hub of `folder`; give the hub's folder."""
    names = {"ARKITEKT_HUB_FOLDER": str(folder / "hub"), "ARKITEKT_STATE_FOLDER": str(folder / "state")}
    before = {name: os.environ.get(name) for name in (*names, "ARKITEKT_URL", "ARKITEKT_TOKEN", "ARKITEKT_APP")}
    for name in before:
        os.environ.pop(name, None)
    os.environ.update(names)
    try:
        yield folder / "hub"
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def script(code: str, *arguments: str, folder: Path) -> Any:
    """Run a script to its end; give the JSON it printed as its last line."""
    path = _write(code, folder)
    ran = subprocess.run(
        [sys.executable, str(path), *arguments], cwd=folder, capture_output=True, encoding="utf-8", timeout=DEADLINE_S
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@contextmanager
def hosting(code: str, *arguments: str, folder: Path) -> Iterator[int]:
    """Run a script that prints a line when it is ready and ends with its standard input. Gives its process id."""
    path = _write(code, folder)
    process = subprocess.Popen(
        [sys.executable, str(path), *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline(), f"the script ended with {process.wait(DEADLINE_S)}"
        yield process.pid
    finally:
        process.stdin.close()
        process.wait(DEADLINE_S)
        process.stdout.close()


class Notebook:
    """A notebook in a kernel of its own: `run` executes a cell and gives what it printed."""

    def __init__(self, folder: Path) -> None:
        import nbformat
        from nbclient import NotebookClient

        self._format = nbformat.v4
        self._document = nbformat.v4.new_notebook()
        self._client = NotebookClient(
            self._document, timeout=DEADLINE_S, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )

    def run(self, code: str) -> str:
        """Execute one more cell; raise what it raised."""
        cell = self._format.new_code_cell(textwrap.dedent(code))
        self._document.cells.append(cell)
        self._client.execute_cell(cell, len(self._document.cells) - 1)
        return "".join(output.get("text", "") for output in cell.outputs)

    @contextmanager
    def open(self) -> Iterator[Notebook]:
        """Start the kernel, and end it with the block."""
        with self._client.setup_kernel():
            yield self


def _write(code: str, folder: Path) -> Path:
    path = folder / f"program_{len(list(folder.glob('program_*.py')))}.py"
    path.write_text(textwrap.dedent(code), encoding="utf-8")
    return path
