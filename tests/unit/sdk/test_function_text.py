"""One version of a function is told from another by its text, wherever it stands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.sdk.function_text import hash_function

pytestmark = pytest.mark.requirement("data.provenance")

TYPED = "def f(n):\n    def inner(m):\n        return m in {'a', 'b', 'c'}\n    return inner(n) or n + 1\n"


def typed(text: str) -> Callable[..., Any]:
    """Define a function as a prompt does: without a file."""
    names: dict[str, Any] = {}
    exec(compile(text, "<prompt>", "exec"), names)
    return names["f"]  # type: ignore[no-any-return]


def test_the_same_text_is_the_same_version_wherever_it_stands(tmp_path: Path) -> None:
    sources = {
        "flat": "def f(n):\n    return n + 1\n",
        "deep": "if True:\n    def f(n):\n        return n + 1\n",
        "windows": "import os\r\n\r\ndef f(n):\r\n    return n + 1\r\n",
        "other": "def f(n):\n    return n + 2\n",
    }
    hashes = {}
    for name, text in sources.items():
        path = tmp_path / f"{name}.py"
        path.write_bytes(text.encode())
        names: dict[str, Any] = {}
        exec(compile(path.read_text(), str(path), "exec"), names)
        hashes[name] = hash_function(names["f"])
    assert hashes["flat"] == hashes["deep"] == hashes["windows"]
    assert hashes["flat"] != hashes["other"]


def test_what_was_typed_at_a_prompt_is_told_apart_too() -> None:
    assert hash_function(typed(TYPED)) == hash_function(typed("\n\n" + TYPED))
    for other in (TYPED.replace("+ 1", "+ 2"), TYPED.replace("'c'", "'d'"), TYPED.replace("m in", "m not in")):
        assert hash_function(typed(other)) != hash_function(typed(TYPED))
    assert hash_function(len) is None


def test_another_process_gives_the_same_hash_of_what_was_typed() -> None:
    code = f"from arkitekt_next.sdk.function_text import hash_function\nexec({TYPED!r})\nprint(hash_function(f))"
    ran = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(3)
    }
    assert ran == {hash_function(typed(TYPED))}
