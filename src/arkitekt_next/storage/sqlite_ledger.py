"""The ledger on SQLite: one writer thread with the standard library's driver, WAL, one transaction a batch.

It leaves reading to the engines. The rule: the connection belongs to the thread alone, and the thread outlives every
error: whatever a unit does, the next ones are committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from .grouping import Group, arrange
from .ledger import Ledger, Result, Unit

Durability = Literal["full", "normal"]
_RETRY_S = 0.5
_BUSY_MS = 1_000
_CHECKPOINT_PAGES = 4000
_CACHE_KIB = 32_000
_ROWS_A_STATEMENT = 64
"""Groups are cut into powers of two up to this, so that few forms of a statement have to be prepared."""
_KNOWS_UPDATE_FROM = sqlite3.sqlite_version_info >= (3, 33)
_STORAGE = frozenset(
    (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )
)
"""What is the disk's fault, or the file's, and never a unit's."""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class SqliteLedger(Ledger):
    """Group commit by one thread."""

    def __init__(self, path: Path, *, durability: Durability = "full") -> None:
        super().__init__(str(path.parent))
        self._path = path
        self._durability = durability
        self._queue: queue.SimpleQueue[list[Unit] | None] = queue.SimpleQueue()
        self._pending: list[Unit] = []
        self._closing = threading.Event()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        threading.Thread(target=self._run, name="arkitekt-ledger", daemon=True).start()

    def _hand_over(self, units: list[Unit]) -> None:
        self._queue.put(units)

    async def _stop(self) -> None:
        self._closing.set()
        self._queue.put(None)
        await asyncio.shield(self._closed)

    # -- everything below runs in the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        db: sqlite3.Connection | None = None
        give_up_at = 0.0
        try:
            while True:
                closing = self._collect()
                if closing and not self._pending:
                    break
                if closing:
                    give_up_at = give_up_at or time.monotonic() + self.close_within_s
                    if self.full_reason is not None or time.monotonic() > give_up_at:
                        break
                try:
                    db = db or self._connect()
                    self._turn_over(db)
                except Exception as error:  # the file can't be opened just now, or worse: the thread lives on
                    if db is not None:
                        self._rollback(db)
                    self._survive_full(str(error))
        finally:
            with contextlib.suppress(sqlite3.Error):
                if db is not None:
                    db.close()
            reason = self.full_reason or "the database is locked by another process"
            self._post([(unit, self._full(reason)) for unit in self._pending])
            self._call(self._closed.set_result, None)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, cached_statements=512)
        try:
            db.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA synchronous={self._durability.upper()}")
            db.execute(f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES}")
            db.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        except BaseException:
            db.close()
            raise
        return db

    def _collect(self) -> bool:
        """Wait for units, unless some have to be tried again; give whether the ledger is closing."""
        waiting, pending = self._queue, self._pending
        if not pending and not self._closing.is_set():
            try:
                taken = waiting.get(timeout=None if self.full_reason is None else _RETRY_S)
                pending += taken or ()
            except queue.Empty:
                pass
        while not waiting.empty():
            pending += waiting.get() or ()
        return self._closing.is_set()

    def _turn_over(self, db: sqlite3.Connection) -> None:
        if self._pending:
            self._commit(db, self._pending)
        elif self.full_reason is not None:
            self._probe(db)

    def _commit(self, db: sqlite3.Connection, batch: list[Unit]) -> None:
        try:
            results: Sequence[Result] | None = self._transact_in_groups(db, batch)
            if results is None:
                results = self._transact(db, batch)
        except Exception as error:
            self._rollback(db)
            try:
                if _kind(error) in _STORAGE or _kind(error) in _BUSY:
                    raise
                results = self._transact_apart(db, batch)
            except Exception as again:
                self._rollback(db)
                if _kind(again) not in _BUSY:
                    self._survive_full(str(again))
                return
        self._pending = []
        self.full_reason = None
        self.commits += 1
        self._post(list(zip(batch, results, strict=True)))

    def _transact_in_groups(self, db: sqlite3.Connection, batch: list[Unit]) -> list[Result] | None:
        """Commit a batch by few statements of many rows; None, with nothing done, when it has to run as written.

        Each statement lets go of the interpreter lock and has to get it back from a busy event loop: with one a row,
        that is what most of a batch's time goes into.
        """
        groups = arrange(batch)
        if not _KNOWS_UPDATE_FROM or len(groups) == sum(len(unit.steps) for unit in batch):
            return None
        db.execute("BEGIN IMMEDIATE")
        for group in groups:
            if not self._apply_group(db, group):
                db.execute("ROLLBACK")
                return None
        db.execute("COMMIT")
        return [[1] * len(unit.steps) for unit in batch]

    @staticmethod
    def _apply_group(db: sqlite3.Connection, group: Group) -> bool:
        """Change the rows of a group; give whether each of them was changed."""
        statement, rows = group.statement, group.rows
        names = statement.names
        done = 0
        while done < len(rows):
            count = min(1 << (len(rows) - done).bit_length() - 1, _ROWS_A_STATEMENT)
            text = statement.for_rows(count) if count > 1 else None
            if text is None:
                count, changed = 1, db.execute(statement.sqlite, rows[done]).rowcount
            else:
                values = [row[name] for row in rows[done : done + count] for name in names]
                changed = db.execute(text, values).rowcount
            if changed != count:
                return False
            done += count
        return True

    def _transact(self, db: sqlite3.Connection, batch: list[Unit]) -> list[Result]:
        db.execute("BEGIN IMMEDIATE")
        results: list[Result] = [self._apply(db, unit) for unit in batch]
        db.execute("COMMIT")
        return results

    @staticmethod
    def _apply(db: sqlite3.Connection, unit: Unit) -> list[int]:
        counts = [0] * len(unit.steps)
        for index, (statement, row) in enumerate(unit.steps):
            count = counts[index] = db.execute(statement.sqlite, row).rowcount
            if count == 0:
                break
        return counts

    def _transact_apart(self, db: sqlite3.Connection, batch: list[Unit]) -> list[Result]:
        """Commit a batch in which some unit fails: it gets its error, the others count."""
        results: list[Result] = []
        db.execute("BEGIN IMMEDIATE")
        for unit in batch:
            db.execute("SAVEPOINT unit")
            try:
                results.append(self._apply(db, unit))
            except Exception as error:
                if not db.in_transaction or _kind(error) in _STORAGE:
                    raise
                db.execute("ROLLBACK TO unit")
                results.append(error)
            db.execute("RELEASE unit")
        db.execute("COMMIT")
        return results

    def _survive_full(self, reason: str) -> None:
        """Refuse what may be refused, keep the rest, and wait a moment."""
        self.full_reason = reason
        refused = [unit for unit in self._pending if not unit.kept]
        self._pending = [unit for unit in self._pending if unit.kept]
        self._post([(unit, self._full(reason)) for unit in refused])
        self._closing.wait(_RETRY_S)

    def _probe(self, db: sqlite3.Connection) -> None:
        """Write something of a few pages' size, to see whether the disk takes writes again."""
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('probe', hex(randomblob(16384)))")
            db.execute("DELETE FROM setting WHERE name = 'probe'")
            db.execute("COMMIT")
            self.full_reason = None
        except sqlite3.Error as error:
            self._rollback(db)
            self.full_reason = str(error)

    @staticmethod
    def _rollback(db: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")

    def _post(self, results: Sequence[tuple[Unit, Result]]) -> None:
        if results:
            self._call(self._finish, results)

    def _call(self, function: object, *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed without closing the ledger: nobody listens
            self._loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]


def _kind(error: Exception) -> int:
    """Give SQLite's primary result code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
