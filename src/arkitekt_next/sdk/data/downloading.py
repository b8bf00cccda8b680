"""Files fetched to a place that somebody chose: gone on with where it broke off, checked by their hash at the end.

What is here so far lies beside the target under a name that tells the item. The rule: the target appears when all of it
is here with the hash it was stored with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from arkitekt_next.errors import Conflict, InvalidValue
from arkitekt_next.platform import FileLock

from .appearing import put_in_place, refuse_taken
from .objects import STEP_BYTES

if TYPE_CHECKING:
    from .file import File
    from .progress import Progress


def download(file: File, target: Path, *, overwrite: bool, progress: Progress | None) -> Path:
    """Fetch a file. Raises `Conflict` when the target is there, or another process fetches it just now."""
    refuse_taken(target, overwrite=overwrite)
    part = target.with_name(f".{target.name[:200]}.{file.id}.part")
    part.open("ab").close()
    lock = FileLock(part)
    if not lock.try_acquire():
        raise Conflict(problem=f"{target} is being fetched by another process", remedy="Wait for it to end")
    try:
        found = _fetch(file, part, progress)
    finally:
        lock.release()
    if found != file.sha256:
        part.unlink(missing_ok=True)
        raise InvalidValue(
            where=f"item {file.id}",
            expected=f"SHA-256 {file.sha256}",
            got=f"{found}. What was fetched was thrown away: fetch it again",
        )
    put_in_place(part, target, overwrite=overwrite)
    return target


def _fetch(file: File, part: Path, progress: Progress | None) -> str:
    """Go on with a part to the end; give the hash of all of it."""
    digest, done, total = hashlib.sha256(), 0, int(file.meta["size_bytes"])
    with part.open("ab+") as sink:
        sink.seek(0)
        while data := sink.read(STEP_BYTES):
            digest.update(data)
            done += len(data)
        if done > total:
            sink.truncate(0)
            digest, done = hashlib.sha256(), 0
        for data in _rest(file, done, total):
            done += len(data)
            if done > total:
                raise InvalidValue(where=str(file.name), expected=f"{total} bytes", got="more. It was stored wrong")
            sink.write(data)
            digest.update(data)
            if progress is not None:
                progress(done, total)
    return digest.hexdigest()


def _rest(file: File, start: int, total: int) -> Iterator[bytes]:
    if start == total:
        return
    with file.open() as source:
        source.seek(start)
        while data := source.read(STEP_BYTES):
            yield data
