"""A progress bar for a person at a terminal; nothing for anybody else.

The rule: it is drawn on standard error and leaves no trace in the result.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from arkitekt_next.cli import output

if TYPE_CHECKING:
    from rich.progress import Progress


class Bar:
    """How far something is; does nothing when nobody looks."""

    def __init__(self, drawn: Progress | None, title: str) -> None:
        self._drawn = drawn
        self._task = drawn.add_task(title, total=None) if drawn is not None else None

    def show(self, done: float, total: float | None, text: str | None = None) -> None:
        """Draw `done` of `total` (None: unknown), and what is being done."""
        if self._drawn is not None and self._task is not None:
            named = {} if text is None else {"description": output.shorten(text, 60).replace("[", r"\[")}
            self._drawn.update(self._task, completed=done, total=total, **named)  # type: ignore[arg-type]

    def write(self, line: str) -> None:
        """Print a line of the result without tearing the bar."""
        if self._drawn is not None and not output.is_terminal():
            output.say(line)
        elif self._drawn is not None:
            self._drawn.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            output.say(line)

    def remark(self, line: str) -> None:
        """Say something on standard error without tearing the bar."""
        if self._drawn is not None:
            from rich.text import Text

            shown = line if output.has_colour(sys.stderr) else click.unstyle(line)
            self._drawn.console.print(Text.from_ansi(shown), highlight=False, soft_wrap=True)
        else:
            output.note(line)


@contextmanager
def bar(title: str, *, wanted: bool = True) -> Iterator[Bar]:
    """Show a bar for as long as the block runs."""
    if not wanted or not output.is_terminal(sys.stderr):
        yield Bar(None, title)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=10) as drawn:
        yield Bar(drawn, title)
