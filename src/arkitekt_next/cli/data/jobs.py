"""Several files one after the other: a bar, a line for each, and at the end those that failed.

The rule: a file that can't be stored leaves the others alone; a hub that can't store anything ends it all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli import output
from arkitekt_next.cli.exits import Exit
from arkitekt_next.cli.failures import as_json as error_json
from arkitekt_next.cli.progress import Bar, bar
from arkitekt_next.errors import (
    ArkitektError,
    HubUnavailable,
    NotAuthenticated,
    NotPermitted,
    StorageFull,
    UnknownFormat,
    UnreadableFile,
)

if TYPE_CHECKING:
    from arkitekt_next.sdk.data.item import Item
    from arkitekt_next.sdk.data.progress import Progress

_ENDS_ALL = (HubUnavailable, NotAuthenticated, NotPermitted, StorageFull)


@dataclass(frozen=True, slots=True)
class Done:
    """The item of a file, whether the hub had it before, and what was said of it anew then, in words."""

    item: Item
    was_known: bool = False
    changes: tuple[str, ...] = ()


Work = Callable[[Path, "Progress"], Done]
"""Stores a file."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file to store; `title` is what it is called on the screen."""

    path: Path
    title: str
    work: Work


def run_jobs(jobs: Sequence[Job], *, as_json: bool) -> int:
    """Store files; give the exit code. A single one that fails raises what went wrong."""
    failed: list[tuple[Job, Exception]] = []
    with bar("storing", wanted=not as_json) as shown:
        for number, job in enumerate(jobs, 1):
            title = job.title if len(jobs) == 1 else f"{number}/{len(jobs)} {job.title}"
            try:
                done = job.work(job.path, _drawn(shown, title))
            except _ENDS_ALL:
                raise
            except (ArkitektError, OSError) as problem:
                told = with_command(problem)
                if len(jobs) == 1:
                    raise told from problem
                failed.append((job, told))
                _tell(shown, job, None, told, as_json=as_json)
            else:
                _tell(shown, job, done, None, as_json=as_json)
    if failed and not as_json:
        stored = len(jobs) - len(failed)
        output.note(f"{len(failed)} of {len(jobs)} were not stored, {stored} {'is' if stored == 1 else 'are'}:")
        for job, error in failed:
            output.show_problem(f"  {output.clean(job.title)}", str(error))
    return Exit.FAILED if failed else Exit.OK


def with_command(error: Exception) -> Exception:
    """Let an error about a file that nothing reads name the command that takes any file."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return UnreadableFile(
            path=str(error.filename), expected="a file that you may read", got=error.strerror, remedy="Check its rights"
        )
    if not isinstance(error, UnknownFormat):
        return error
    remedy = "Save it as OME-TIFF in the program that wrote it, or store it as it is: arkitekt-next data put FILE"
    return UnknownFormat(**{**error.fields, "remedy": remedy})


def what_of(item: Item) -> str:
    """Say in a few words what an item holds."""
    from arkitekt_next.cli.data.quantities import size_text

    meta = item.meta
    if item.kind in ("image", "array"):
        return f"{'×'.join(str(n) for n in meta['shape']) or 'one value'} {meta['dtype']}"
    if item.kind == "table":
        return f"{meta['rows']} rows, {len(meta['columns'])} columns"
    return size_text(item.size_bytes)


def _drawn(shown: Bar, title: str) -> Progress:
    def draw(done: int, total: int) -> None:
        shown.show(done, total, title)

    shown.show(0, None, title)
    return draw


def _tell(shown: Bar, job: Job, done: Done | None, error: Exception | None, *, as_json: bool) -> None:
    if as_json:
        state = "failed" if done is None else "known" if done.was_known else "stored"
        line: dict[str, Any] = {"path": str(job.path), "state": state}
        line |= {"item": done.item.record} if done is not None else {"error": error_json(error or Exception())}
        output.print_json_line(line)
        return
    title = output.clean(job.title)
    if done is None:
        shown.remark(f"{output.paint(output.mark('bad'), 'red')} {title}")
        return
    item = done.item
    text = f"{item.kind} {output.clean(item.name)}, {what_of(item)}  {item.id}"
    if not done.was_known:
        shown.write(f"{output.mark('ok')} {title}: {text}")
        return
    now = f"; now {output.clean(', '.join(done.changes))}" if done.changes else ""
    shown.write(f"{output.mark('dot')} {title} is there already: {text}{now}")
