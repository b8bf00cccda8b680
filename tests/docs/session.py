"""The process in which the Python of one page runs: blocks come in, what they print goes out.

Run by `player.py`. The page is `__main__` here, as it would be for a reader, and may use `await` as in a notebook.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import inspect
import io
import json
import os
import sys
import traceback
import types
from typing import Any


class Page:
    """The namespace of a page, and the app it hosts, if any."""

    def __init__(self, name: str) -> None:
        self.module = types.ModuleType("__main__")
        self.module.__file__ = name
        vars(self.module)["__builtins__"] = builtins  # which C code, numpy's say, looks for in the globals
        sys.modules["__main__"] = self.module
        self.printed = io.StringIO()
        sys.stdout = self.printed
        self.open = contextlib.ExitStack()
        self.runner = self.open.enter_context(asyncio.Runner())

    def run(self, code: str, line: int) -> None:
        """Run a block; `line` is where it stands in the page."""
        name = str(self.module.__file__)
        tree = compile("\n" * (line - 1) + code, name, "exec", ast.PyCF_ONLY_AST)
        compiled = compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        found = types.FunctionType(compiled, vars(self.module))()
        if inspect.iscoroutine(found):
            self.runner.run(found)

    def host(self, identifier: str) -> None:
        """Serve what was registered, and become its caller."""
        from arkitekt_next import easy

        self.open.enter_context(easy(identifier).run_detached())
        self.open.enter_context(easy("reader"))

    def take_printed(self) -> str:
        """Give what was printed since the last time."""
        text = self.printed.getvalue()
        self.printed.seek(0)
        self.printed.truncate()
        return text


def main() -> None:
    """Serve blocks until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    page = Page(sys.argv[1])
    with page.open:
        for request in sys.stdin:
            answers.write(json.dumps(answer(page, json.loads(request))) + "\n")
            answers.flush()


def answer(page: Page, request: dict[str, Any]) -> dict[str, Any]:
    """Carry one request out; say what was printed and what went wrong."""
    failure = None
    try:
        if request["kind"] == "host":
            page.host(request["text"])
        else:
            page.run(request["text"], request["line"])
    except BaseException:
        failure = traceback.format_exc()
    return {"printed": page.take_printed(), "failure": failure}


if __name__ == "__main__":
    main()
