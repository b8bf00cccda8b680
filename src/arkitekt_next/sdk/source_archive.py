"""The sources of a release as one file at the hub, so that the very release can be run again one day.

It holds what the source hash is over, and the lock file. The rule: the same sources make the same file, byte by byte,
and what is kept has the hash that the release was told with.
"""

from __future__ import annotations

import gzip
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from arkitekt_next.errors import Conflict, NotFound, TooLarge

from .sources import MOST_BYTES, MOST_FILES, hash_sources, lock_file, source_files

if TYPE_CHECKING:
    from .app import App


class Kept(NamedTuple):
    """The item that keeps the sources of a release, and whether it was stored just now."""

    item: str
    is_new: bool


def keep_release(app: App, folder: Path) -> Kept:
    """Store the sources of the release that an app has told, unless the hub has them; blocks.

    The app has to have been connected. Raises `TooLarge` for a tree beyond `MOST_FILES` and `MOST_BYTES`, `Conflict`
    when the files are not what they were when the app started.
    """
    release = app.release()
    if release.source_hash is None:
        raise TooLarge(
            f"{folder} has no Python files, or more than {MOST_FILES} of them or {MOST_BYTES // 10**6} MB",
            where=str(folder),
        )
    session = app.link.session
    path = f"/api/apps/{app.identifier}/sources/{release.source_hash}"
    try:
        return Kept(str(session.get(path)["item"]), is_new=False)
    except NotFound:
        pass
    stored = _store(app, folder, release.source_hash, release.version)
    kept = str(session.ask("PUT", path, {"item": stored})["item"])
    return Kept(kept, is_new=kept == stored)


def _store(app: App, folder: Path, source_hash: str, version: str) -> str:
    from .data import files

    items = app.link.items
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / f"{app.identifier}-{source_hash[:12]}.tar.gz"
        with archive.open("wb") as sink:
            write_archive(folder, sink)
        if hash_sources(folder) != source_hash:
            raise Conflict(
                problem=f"{folder} is not what it was when the app started", remedy="Start the app again to keep it"
            )
        wanted = {
            "kind": "file",
            "name": archive.name,
            "note": f"The sources of {app.identifier} {version}",
            "visibility": "private",
            "tags": ["sources"],
        }
        return str(items.write(wanted, lambda store: files.write(store, archive))["id"])


def write_archive(folder: Path, sink: IO[bytes]) -> None:
    """Write the sources of a tree, and its lock file, as tar.gz; the same files give the same bytes."""
    found = source_files(folder) or []
    lock = lock_file(folder)
    if lock is not None and lock.name not in {name for name, _ in found}:
        found = sorted([*found, (lock.name, lock)])
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=sink, mtime=0, compresslevel=9) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for entry, path in _entries(found):
            with path.open("rb") as source:
                archive.addfile(entry, source)


def _entries(found: Iterable[tuple[str, Path]]) -> Iterable[tuple[tarfile.TarInfo, Path]]:
    for name, path in found:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = path.stat().st_size, 0o644
        yield entry, path
