"""How an error is shown: for a person with the remedy, for a script as JSON; and the exit code it gives.

The rule: an error of ours is shown as its own sentence, without a Python traceback; only a defect shows one.
"""

from __future__ import annotations

import os
import traceback

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit, exit_of
from arkitekt_next.errors import ArkitektError, TaskError, TaskFailed

DEBUG = "ARKITEKT_DEBUG"
_TRACE_LINES = 60


def show_failure(error: Exception, *, wants_json: bool) -> Exit:
    """Print an error and give the exit code."""
    code = exit_of(error)
    if wants_json:
        output.print_json({"error": as_json(error)})
    elif isinstance(error, TaskFailed):
        _show_remote(error)
    elif isinstance(error, ArkitektError):
        output.show_problem("Error", str(error), *_whereabouts(error))
        _show_trace(error)
    elif isinstance(error, OSError) and error.filename is not None and error.strerror:
        problem = f"{error.filename} can't be used: {error.strerror}"
        output.show_problem("Error", f"{problem}. Choose a place that exists and that you may write to")
    else:
        output.show_problem("Error", f"{type(error).__name__}: {error}")
        output.note("This is a defect of arkitekt-next, or of something it uses:")
        output.note(output.clean("".join(traceback.format_exception(error))).rstrip())
    return code


def as_json(error: BaseException) -> dict[str, object]:
    """Give an error as `--json` prints it: code, message, fields; a remote one also its type and traceback."""
    if isinstance(error, ArkitektError):
        return error.to_json()
    return {"code": "internal", "message": f"{type(error).__name__}: {error}", "fields": {}}


def _show_remote(error: TaskFailed) -> None:
    kind, message = error.fields.get("remote_type", "Error"), error.fields.get("remote_message", str(error))
    trace = str(error.fields.get("remote_traceback") or "").rstrip()
    if trace:
        output.note(output.paint("Traceback of the function:", dim=True))
        for line in _frames(trace)[-_TRACE_LINES:]:
            output.note(output.paint(line, dim=True))
    output.show_problem(output.clean(kind), str(message), *_whereabouts(error))


def _frames(trace: str) -> list[str]:
    """Give the lines of a traceback without its title and the exception itself, which are shown anyway."""
    lines = output.clean(trace).splitlines()
    if lines and lines[0].startswith("Traceback"):
        del lines[0]
    while lines and not lines[-1].startswith(" "):
        del lines[-1]
    return lines


def _whereabouts(error: ArkitektError) -> list[str]:
    if not isinstance(error, TaskError):
        return []
    ids = {name: str(error.fields.get(name) or "") for name in ("task", "agent")}
    known = [f"{name} {output.clean(id)}" for name, id in ids.items() if id != "offline" and id not in error.message]
    return [output.paint(f"({', '.join(known)})", dim=True)] if known else []


def _show_trace(error: ArkitektError) -> None:
    for line in output.clean(error.fields.get("trace") or "").splitlines():
        output.note(f"  {line}")
    if os.environ.get(DEBUG):
        output.note(output.clean("".join(traceback.format_exception(error))).rstrip())
