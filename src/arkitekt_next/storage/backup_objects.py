"""The stored objects' part of a backup: files beside the database's copy, each compared with the hash in its row.

A file of the store is written once and never changed, so it is hard-linked where that can be done, else copied. The
rule: a folder of objects appears under its name only when every file in it was read and has the hash that its row says;
a name out of a database that is no plain name of ours never becomes a path.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from arkitekt_next.errors import Conflict, RequestRefused
from arkitekt_next.platform import IS_WINDOWS, make_private_folder

OBJECTS = "objects"
PLACE = "data place"
"""The setting that says where blobs lie: `FOLDER`, which none says as well, or the address of a bucket."""
FOLDER = "folder"
_STEP_BYTES = 4 * 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{32}")
_TABLES = (("object", "key"), ("upload_part", "upload_id"))

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Blob:
    """A file that a row names: `what` says which object, or which upload, it is of."""

    name: str
    size_bytes: int
    digest: str
    what: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken over: how many files, how large they are, and which rows' files were gone by then."""

    files: int = 0
    size_bytes: int = 0
    gone: tuple[Blob, ...] = ()


def beside(database: Path) -> Path:
    """Give the folder of objects that belongs to a backup's file."""
    return database.with_name(f"{database.name}.{OBJECTS}")


def place_of(database: Path) -> str:
    """Give where the blobs that a database names lie: `FOLDER`, or the address of a bucket."""
    address = f"{database.resolve().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(address, uri=True, timeout=30)) as db:
        row = db.execute("SELECT value FROM setting WHERE name = ?", (PLACE,)).fetchone()
        return str(row[0]) if row is not None else FOLDER
    return FOLDER  # none of ours, or damaged, which is refused elsewhere


def list_blobs(database: Path) -> list[Blob]:
    """List the files that a database names. Raises `RequestRefused` for one that names what can't be ours."""
    found: list[Blob] = []
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as db:
            there = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            for table, key in _TABLES:
                if table in there:  # a database of an older release has none
                    query = f'SELECT blob, size_bytes, digest, "{key}" FROM "{table}"'
                    found += [Blob(*row) for row in db.execute(query)]
    except sqlite3.Error as broken:
        raise RequestRefused(where=str(database), problem=f"expected a hub's database, got {broken}") from broken
    for blob in found:
        if not (isinstance(blob.name, str) and _NAME.fullmatch(blob.name)):
            problem = f"expected the name of a stored file, got {ascii(blob.name)[:80]} for {ascii(blob.what)[:80]}"
            raise RequestRefused(where=str(database), problem=problem)
    return found


def drop_rows(database: Path, blobs: Sequence[Blob]) -> None:
    """Take out of a copy the rows of what was replaced or given up while the copy was made."""
    with closing(sqlite3.connect(database)) as db, db:
        for table, _ in _TABLES:
            db.executemany(f'DELETE FROM "{table}" WHERE blob = ?', [(blob.name,) for blob in blobs])


def hold(source: Path, target: Path, blobs: Sequence[Blob], report: Report) -> None:
    """Take over what can be hard-linked, so that it stays whatever the hub removes meanwhile; the rest comes later."""
    for done, blob in enumerate(blobs):
        if done % 1000 == 0:
            report("Holding data", done, len(blobs))
        with suppress(OSError):
            _link(_place(source, blob), _place(target, blob))


def take(source: Path, target: Path, blobs: Sequence[Blob], report: Report) -> Taken:
    """Link or copy files into a new folder, read each of them, and remove there what is not among them.

    Raises `Conflict` for one whose size or hash is not as its row says.
    """
    total, done, files = sum(blob.size_bytes for blob in blobs), 0, 0
    gone: list[Blob] = []
    for blob in blobs:
        report("Copying data", done, total)
        place = _place(target, blob)
        if not place.exists() and not _fetch(_place(source, blob), place):
            gone.append(blob)
            continue
        _check(place, blob)
        files += 1
        done += blob.size_bytes
    report("Copying data", done, total)
    wanted = {blob.name for blob in blobs}
    for place in _files(target):
        if place.name not in wanted:
            place.unlink()
    _sync_folders(target)
    return Taken(files, done, tuple(gone))


def link_all(source: Path, target: Path) -> None:
    """Keep all files of a store in another folder too, by links where that can be done."""
    for place in _files(source):
        _fetch(place, target / place.parent.name / place.name)


def _place(folder: Path, blob: Blob) -> Path:
    return folder / blob.name[:2] / blob.name


def _link(source: Path, place: Path) -> None:
    if not stat.S_ISREG(source.lstat().st_mode):
        raise RequestRefused(where=str(source), problem="expected a file, got something else")
    make_private_folder(place.parent)
    os.link(source, place)


def _fetch(source: Path, place: Path) -> bool:
    """Link a file, or copy it; False when it is not there."""
    try:
        _link(source, place)
    except FileNotFoundError:
        return False
    except OSError:  # another disk, or one without hard links
        draft = place.with_name(f".{place.name}")
        try:
            shutil.copyfile(source, draft)
        except FileNotFoundError:
            draft.unlink(missing_ok=True)
            return False
        draft.chmod(0o600)
        draft.replace(place)
    return True


def _check(place: Path, blob: Blob) -> None:
    """Read a file, bring it to the disk, and compare it with its row."""
    digest, size = hashlib.sha256(), 0
    with place.open("r+b") as file:
        while data := file.read(_STEP_BYTES):
            digest.update(data)
            size += len(data)
        os.fsync(file.fileno())
    if (size, digest.hexdigest()) != (blob.size_bytes, blob.digest):
        raise Conflict(
            problem=f"What is stored of {blob.what} is damaged: {place.name} has {size} bytes with the SHA-256 "
            f"{digest.hexdigest()[:16]}…, not {blob.size_bytes} with {blob.digest[:16]}…",
            remedy="Remove its item, or fetch the file from an older backup; or leave the data out",
        )


def _files(folder: Path) -> Iterator[Path]:
    for shard in sorted(folder.iterdir()) if folder.is_dir() else ():
        if shard.is_dir():
            yield from sorted(shard.iterdir())


def _sync_folders(folder: Path) -> None:
    if IS_WINDOWS or not folder.is_dir():
        return
    for place in (*(shard for shard in folder.iterdir() if shard.is_dir()), folder):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
