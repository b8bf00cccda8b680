"""The examples run, are short, and print what they say."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from arkitekt_next.embedded import serve
from tests.docs.pages import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A hub, and the environment that leads to it."""
    folder = tmp_path_factory.mktemp("examples")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARKITEKT_")}
    with serve(folder / "hub", log_level="error"):
        yield {
            **kept,
            "ARKITEKT_HUB_FOLDER": str(folder / "hub"),
            "ARKITEKT_STATE_FOLDER": str(folder / "state"),
        }


def promised(example: Path) -> list[str]:
    """Give the lines its docstring says it prints."""
    text = ast.get_docstring(ast.parse(example.read_text(encoding="utf-8"))) or ""
    return [line.strip() for line in text.partition("Prints:\n")[2].splitlines()]


def test_there_are_examples() -> None:
    assert [int(example.name[:2]) for example in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_prints_what_it_says(example: Path, surroundings: dict[str, str], tmp_path: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 40
    ran = subprocess.run(
        [sys.executable, str(example)],
        env=surroundings,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == promised(example)
