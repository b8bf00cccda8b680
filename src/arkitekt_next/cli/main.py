"""The entry point, and the one place where an error becomes a message and an exit code.

The rule: nothing heavier than click is imported before a command is chosen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.commands import PROGRAM, cli


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    output.prepare_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    code = _run(given, wants_json="--json" in _before_dashes(given))
    _leave(code)


def _before_dashes(arguments: list[str]) -> list[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _run(arguments: list[str], *, wants_json: bool) -> int:
    try:
        result: Any = cli.main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.Exit as left:
        return left.exit_code
    except (click.Abort, KeyboardInterrupt):
        output.note("\nStopped.")
        return 130
    except click.exceptions.NoArgsIsHelpError as asked:
        output.note(asked.format_message())
        return asked.exit_code
    except click.ClickException as refused:
        _show_usage(refused, wants_json)
        return refused.exit_code
    except BrokenPipeError:
        return 1
    except Exception as error:
        from arkitekt_next.cli.failures import show_failure

        return show_failure(error, wants_json=wants_json)
    return result if isinstance(result, int) else 0


def _show_usage(refused: click.ClickException, wants_json: bool) -> None:
    if wants_json:
        output.print_json({"error": {"code": "usage", "message": refused.format_message(), "fields": {}}})
        return
    context = getattr(refused, "ctx", None)
    output.show_problem("Error", refused.format_message())
    if context is not None and context.command is not cli:
        output.note(f"See: {context.command_path} --help")


def _leave(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
