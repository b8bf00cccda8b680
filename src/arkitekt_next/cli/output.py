"""What the command line prints, and where: results to standard output, everything said about them to standard error.

Colours appear only for a person at a terminal who did not set `NO_COLOR`. The rule: text that came from elsewhere
(a description, an error of a remote function) goes through `clean`, so that it can't steer the terminal.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import IO, Any

import click

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MARKS = {
    "ok": ("✓", "ok"),
    "bad": ("✗", "failed"),
    "run": ("▸", ">"),
    "stop": ("■", "stopped"),
    "change": ("↻", "~"),
    "warn": ("!", "!"),
    "dot": ("·", "-"),
}


def prepare_streams() -> None:
    """Let both streams take any text: what an encoding can't write is shown as an escape."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def is_terminal(stream: IO[Any] | None = None) -> bool:
    """Say whether a person looks at a stream (default: standard output)."""
    chosen = stream if stream is not None else sys.stdout
    try:
        return chosen.isatty()
    except (AttributeError, ValueError):
        return False


def can_ask() -> bool:
    """Say whether a question can be asked: a terminal on both ends."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def confirm(question: str, *, is_sure: bool) -> None:
    """Ask before something that can't be undone, unless told `--yes`. Raises `click.UsageError` without a terminal."""
    if is_sure:
        return
    if not can_ask():
        raise click.UsageError("There is no terminal to ask in. Add --yes if you are sure.")
    click.confirm(clean(question), abort=True)


def when(at_us: int | None) -> str:
    """Write a moment in this machine's time."""
    if at_us is None:
        return "-"
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC).astimezone():%Y-%m-%d %H:%M}"


def has_colour(stream: IO[Any]) -> bool:
    """Say whether colours are wanted on a stream."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def clean(text: object) -> str:
    """Take out what a terminal would obey; newlines and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text).replace("\r\n", "\n"))


def mark(name: str) -> str:
    """Give a sign, in letters where the output can't show it."""
    sign, letters = _MARKS[name]
    try:
        sign.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return letters
    return sign


def paint(text: str, colour: str | None = None, *, bold: bool = False, dim: bool = False) -> str:
    """Colour a piece of text; `say` and `note` take the colour out again where it is not wanted."""
    return click.style(text, fg=colour, bold=bold or None, dim=dim or None)


def _put(text: str, stream: IO[Any]) -> None:
    click.echo(text if has_colour(stream) else click.unstyle(text), file=stream, color=True)


def say(text: str = "") -> None:
    """Print a line of the result."""
    _put(text, sys.stdout)


def note(text: str = "") -> None:
    """Say something about the work; never part of the result."""
    _put(text, sys.stderr)


def warn(text: str) -> None:
    """Say what the user should know before relying on the result."""
    note(f"{paint('Warning:', 'yellow', bold=True)} {text}")


def print_json(value: Any) -> None:
    """Print a JSON value on its own; on a terminal indented, else on one line a value."""
    indent = 2 if is_terminal() else None
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent, default=str))


def print_json_line(value: Any) -> None:
    """Print a JSON value on one line, at once: one of several that come one after the other."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def show_problem(title: str, text: str, *details: str) -> None:
    """Print an error for a person: what it is, what it says, and what else is known."""
    head, *rest = clean(text).splitlines() or [""]
    note(f"{paint(title + ':', 'red', bold=True)} {head}")
    for line in rest:
        note(line)
    for line in details:
        note(line)


def width() -> int:
    """Give the columns there are to write in; without a terminal, no limit worth counting."""
    return shutil.get_terminal_size((100, 24)).columns if is_terminal() else 10_000


def shorten(text: str, limit: int) -> str:
    """Cut a text to one line of at most `limit` characters, showing that it was cut."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= limit else flat[: max(1, limit - 1)] + "…"


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns; on a terminal the last one is cut to fit, elsewhere nothing is."""
    lines = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(title), *(len(line[i]) for line in lines), 0) for i, title in enumerate(titles)]
    room = max(20, width() - sum(widths[:-1]) - 2 * (len(titles) - 1))
    say(_row(titles, widths, room, heading=True))
    for line in lines:
        say(_row(line, widths, room))


def _row(cells: Sequence[str], widths: Sequence[int], room: int, *, heading: bool = False) -> str:
    padded = [cell.ljust(size) for cell, size in zip(cells[:-1], widths, strict=False)]
    text = "  ".join([*padded, shorten(cells[-1], room)]).rstrip()
    return paint(text, bold=True) if heading else text
