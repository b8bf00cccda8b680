"""Files and folders that appear under their name only when they are complete.

Until then they lie beside it, hidden, and go away when writing fails. The rule: what is there already is replaced only
where that was asked for, and at once.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from arkitekt_next.errors import Conflict, NotFound


def refuse_taken(path: Path, *, overwrite: bool) -> None:
    """Raise `Conflict` for a place that is taken, unless it is to be overwritten, and `NotFound` for one nowhere."""
    if not path.parent.is_dir():
        raise NotFound(what="folder", name=str(path.parent), remedy="Make it first")
    if not overwrite and (path.exists() or path.is_symlink()):
        raise Conflict(
            problem=f"{path} exists already",
            remedy="Choose another name, or overwrite it with overwrite=True (--force on the command line)",
        )


@contextmanager
def appearing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a hidden place beside `path` that becomes it at the end, or goes away. Raises `Conflict`."""
    refuse_taken(path, overwrite=overwrite)
    place = path.with_name(f".{path.name[:200]}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield place
        put_in_place(place, path, overwrite=overwrite)
    finally:
        _remove(place)


def put_in_place(place: Path, path: Path, *, overwrite: bool) -> None:
    """Let what lies at `place` be at `path`; what was there before goes. Raises `Conflict`."""
    refuse_taken(path, overwrite=overwrite)
    if not (path.is_dir() or place.is_dir()) or not path.exists():
        os.replace(place, path)
        return
    old = path.with_name(f"{place.name}.old")
    os.replace(path, old)
    try:
        os.replace(place, path)
    except OSError:
        os.replace(old, path)
        raise
    _remove(old)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        with suppress(FileNotFoundError):
            place.unlink()
