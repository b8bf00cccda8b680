"""Python programs that tests start beside themselves: whole apps in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue

DEADLINE_S = 30.0


class Program:
    """A running program; its standard output is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._queue.put(line.rstrip("\n"))
        self._queue.put("<end of output>")

    def says(self, text: str, within: float = DEADLINE_S) -> str:
        """Wait for a line that holds `text`; give it."""
        while True:
            try:
                line = self._queue.get(timeout=within)
            except Empty:
                raise AssertionError(f"no {text!r} within {within} s; it said {self.lines}") from None
            if text in line:
                return line
            assert line != "<end of output>", f"it ended without {text!r}; it said {self.lines}"

    def end(self, within: float = DEADLINE_S) -> int:
        """Wait for the end; give the exit code."""
        return self.process.wait(within)


@contextmanager
def program(code: str, folder: Path, **environment: str) -> Iterator[Program]:
    """Run code as a script of its own; it is killed when the block ends."""
    script = folder / f"program_{len(list(folder.glob('program_*')))}.py"
    script.write_text(textwrap.dedent(code))
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        cwd=folder,
    )
    running = Program(process)
    try:
        yield running
    finally:
        process.kill()
        process.wait()


Start = Callable[[str], Program]
