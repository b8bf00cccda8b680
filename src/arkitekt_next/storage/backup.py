"""Copies of a hub's SQLite database: made while the hub writes, verified row by row, and put back.

A backup is one SQLite file with everything the ledger held at one moment, and beside it a folder of the stored objects
that it names. The machine-local key is not in it: whoever restores it on another machine gets a new one. It needs
nothing but the standard library. The rule: a file appears under its name only when it was read back and found equal to
its source, and a folder is changed only when all that goes into it was verified.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.platform import FileLock, make_private_folder

from . import backup_objects as objects

DATABASE = "hub.db"
LOCK = "hub.lock"
KEPT = ".before-restore"
_PAGES = 512
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_SCHEMA = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY 1, 2"

Report = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: its schema's revision, and of each table the number and a hash of its rows."""

    revision: str
    rows: dict[str, int]
    hashes: dict[str, str]

    def differences(self, other: Contents) -> list[str]:
        """Name what is not the same in another one."""
        tables = self.hashes.keys() | other.hashes.keys()
        wrong = [name for name in sorted(tables) if self.hashes.get(name) != other.hashes.get(name)]
        return wrong if self.revision == other.revision else ["revision", *wrong]


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A finished backup. `place` is where the stored data lies; of a bucket's, nothing is taken."""

    path: Path
    size_bytes: int
    contents: Contents
    data: objects.Taken
    place: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """A finished restore; `kept` is what the folder held before, under new names."""

    path: Path
    contents: Contents
    kept: list[Path]
    data: objects.Taken


def backup(
    folder: Path, target: Path, *, with_data: bool = True, report: Report = lambda what, done, total: None
) -> BackupReport:
    """Copy a hub's database into a new file, and what it stores into a folder beside it, whether the hub runs or not.

    The copy is of one moment; the hub goes on writing meanwhile, and its log grows until the copy is done. What was
    being written and replaced in that moment may be missing of an item that is not committed, never of one that is.
    What lies in a bucket stays there: that server's own means keep it safe. `target` may be a folder's path plus a name
    that is not taken. Raises `NotFound` when there is no database,
    `Conflict` when a name is taken or the copy is not sound.
    """
    source = folder / DATABASE
    if not source.is_file():
        raise NotFound(what="database", name=str(source), remedy="Name the folder of a hub that has run")
    for taken in (target, objects.beside(target)):
        if taken.exists():
            remedy = "Choose another name; a backup is never overwritten"
            raise Conflict(problem=f"{taken} exists already", remedy=remedy)
    make_private_folder(target.parent)
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    place = objects.place_of(source)
    with_data = with_data and place == objects.FOLDER
    data, store = objects.Taken(), folder / objects.OBJECTS
    try:
        if with_data:
            objects.hold(store, objects.beside(draft), objects.list_blobs(source), report)
        contents = _copy(source, draft, report)
        found = verify(draft, report=report)
        wrong = contents.differences(found)
        if wrong:
            problem = f"The copy of {source} reads back differently in {', '.join(wrong)}"
            raise Conflict(problem=problem, remedy="Check the disk, and try again")
        if with_data:
            data = objects.take(store, objects.beside(draft), objects.list_blobs(draft), report)
        if data.gone:
            _refuse_lost(draft, data.gone)
            objects.drop_rows(draft, data.gone)
            contents = verify(draft, report=report)
        _sync(draft)
        if data.files:
            objects.beside(draft).rename(objects.beside(target))
        _publish(draft, target)
    finally:
        draft.unlink(missing_ok=True)
        shutil.rmtree(objects.beside(draft), ignore_errors=True)
    return BackupReport(target, target.stat().st_size, contents, data, place)


def _refuse_lost(draft: Path, gone: Sequence[objects.Blob]) -> None:
    """Tell what was replaced meanwhile from what is lost: below a committed item nothing is ever replaced."""
    query = "SELECT 1 FROM object JOIN item ON item.id = object.item_id WHERE object.blob = ? AND {}"
    is_kept = "item.committed_at_us IS NOT NULL AND item.removed_at_us IS NULL"
    with closing(_open(draft)) as db:
        lost = [blob for blob in gone if db.execute(query.format(is_kept), (blob.name,)).fetchone() is not None]
    if lost:
        raise Conflict(
            problem=f"{len(lost)} stored files are missing, the first that of {lost[0].what}",
            remedy="Remove its item, or fetch the file from an older backup; or leave the data out",
        )


def restore(
    source: Path,
    folder: Path,
    force: bool = False,
    *,
    with_data: bool = True,
    report: Report = lambda what, done, total: None,
) -> RestoreReport:
    """Put a backup in place of a hub's database and of what it stores; what was there is kept beside it.

    Without its data the store stays as it is, and is kept as well. Raises `Conflict` when a hub runs over the folder,
    when there is a database and `force` is not given, or when stored data is damaged; `RequestRefused` when the file is
    not a sound backup, or its data is not beside it. Nothing is changed then.
    """
    if not source.is_file():
        raise NotFound(what="file", name=str(source), remedy="Name a file that `backup` wrote")
    make_private_folder(folder)
    lock = FileLock(folder / LOCK)
    if not lock.try_acquire():
        raise Conflict(problem=f"A hub runs over {folder}", remedy="Stop it first with `arkitekt-next hub stop`")
    try:
        if (folder / DATABASE).exists() and not force:
            remedy = "Restore into another folder, or use force: what is there is kept beside the new one"
            raise Conflict(problem=f"{folder} holds a database already", remedy=remedy)
        draft = folder / f".{DATABASE}.{secrets.token_hex(4)}"
        try:
            _refuse_unsound(source)
            contents = _copy(source, draft, report)
            if verify(draft, report=report).differences(contents):
                raise Conflict(problem=f"The copy of {source} reads back differently", remedy="Check the disk")
            with_data = with_data and objects.place_of(draft) == objects.FOLDER
            data = _take_data(source, draft, report) if with_data else objects.Taken()
            _sync(draft)
            kept = _set_aside(folder, with_data=with_data)
            if objects.beside(draft).exists():
                objects.beside(draft).rename(folder / objects.OBJECTS)
            draft.replace(folder / DATABASE)
            _sync(folder)
        finally:
            draft.unlink(missing_ok=True)
            shutil.rmtree(objects.beside(draft), ignore_errors=True)
    finally:
        lock.release()
    return RestoreReport(folder / DATABASE, contents, kept, data)


def _take_data(source: Path, draft: Path, report: Report) -> objects.Taken:
    """Bring the data of a backup beside the draft of the database. Raises `RequestRefused` where it is missing."""
    blobs, place = objects.list_blobs(draft), objects.beside(source)
    data = objects.take(place, objects.beside(draft), blobs, report)
    if data.gone:
        problem = f"expected {len(blobs)} stored files here, {len(data.gone)} are missing. Copy the folder beside the "
        raise RequestRefused(where=str(place), problem=f"{problem}backup, or restore it without data")
    return data


def verify(path: Path, *, report: Report = lambda what, done, total: None) -> Contents:
    """Check a database that nobody writes to; give what it holds. Raises `RequestRefused` when it is damaged."""
    report("Checking", 0, 1)
    try:
        with closing(_open(path)) as db:
            said = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
            dangling = len(db.execute("PRAGMA foreign_key_check").fetchall())
            contents = contents_of(db, report=report)
    except sqlite3.Error as broken:
        raise RequestRefused(where=str(path), problem=f"expected a sound backup of a hub, got {broken}") from broken
    if said != "ok" or dangling:
        problem = f"expected a sound backup, got a damaged one ({said}; {dangling} rows refer to nothing)"
        raise RequestRefused(where=str(path), problem=problem)
    return contents


def contents_of(db: sqlite3.Connection, *, report: Report = lambda what, done, total: None) -> Contents:
    """Count and hash the rows of every table, in the order of their keys. Raises `sqlite3.Error` for a foreign file."""
    revision = str(db.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    rows: dict[str, int] = {}
    hashes: dict[str, str] = {"(schema)": _digest(db.execute(_SCHEMA))[1]}
    names = [name for (name,) in db.execute(_TABLES)]
    for done, name in enumerate(names):
        report(f"Reading {name}", done, len(names))
        keys = [row[1] for row in db.execute(f'PRAGMA table_info("{name}")') if row[5]]
        order = ", ".join(f'"{key}"' for key in keys) or "1"
        rows[name], hashes[name] = _digest(db.execute(f'SELECT * FROM "{name}" ORDER BY {order}'))
    return Contents(revision, rows, hashes)


def _digest(rows: Iterator[tuple[Any, ...]]) -> tuple[int, str]:
    """Count and hash rows, each in a notation that tells types, lengths and every character apart."""
    digest, count = hashlib.sha256(), 0
    for row in rows:
        count += 1
        digest.update(ascii(row).encode())
    return count, digest.hexdigest()


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=30)


@contextmanager
def _pinned(path: Path) -> Iterator[sqlite3.Connection]:
    """Read one moment of a database, however long it takes and whatever is written meanwhile."""
    with closing(_open(path)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield db


def _copy(source: Path, draft: Path, report: Report) -> Contents:
    try:
        with _pinned(source) as live:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
                live.backup(copy, pages=_PAGES, progress=_progress(report), sleep=0)
                copy.execute("PRAGMA journal_mode=DELETE")
            return contents_of(live, report=report)
    except sqlite3.Error as broken:
        raise RequestRefused(where=str(source), problem=f"expected a hub's database, got {broken}") from broken


def _progress(report: Report) -> Callable[[int, int, int], None]:
    def tell(_status: int, remaining: int, total: int) -> None:
        report("Copying", total - remaining, total)

    return tell


def _refuse_unsound(source: Path) -> None:
    with source.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise RequestRefused(where=str(source), problem="expected a backup of a hub, got another kind of file")


def _set_aside(folder: Path, *, with_data: bool) -> list[Path]:
    """Rename the database, its log, which belongs to it, and the store, or hold that twice; give the new names."""
    suffix = KEPT
    while (folder / f"{DATABASE}{suffix}").exists() or (folder / f"{objects.OBJECTS}{suffix}").exists():
        suffix = f"{KEPT}-{secrets.token_hex(3)}"
    kept = []
    store, aside = folder / objects.OBJECTS, folder / f"{objects.OBJECTS}{suffix}"
    if store.is_dir() and any(store.iterdir()):
        if with_data:
            store.rename(aside)
        else:
            objects.link_all(store, aside)
        kept.append(aside)
    for end in ("-wal", "-shm", ""):
        if (folder / f"{DATABASE}{end}").exists():
            kept.append((folder / f"{DATABASE}{end}").replace(folder / f"{DATABASE}{suffix}{end}"))
    return kept


def _publish(draft: Path, target: Path) -> None:
    """Give the finished file its name, never over one that appeared meanwhile."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise Conflict(problem=f"{target} exists already", remedy="Choose another name") from None
    except OSError:  # a file system without hard links
        if target.exists():
            raise Conflict(problem=f"{target} exists already", remedy="Choose another name") from None
        draft.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders, and needs no sync of them
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
