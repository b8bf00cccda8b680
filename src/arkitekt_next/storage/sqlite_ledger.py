"""The ledger on SQLite: one writer thread with the standard library's driver, WAL, one transaction a batch.

It leaves reading to the engines. The rule: the connection belongs to the thread alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arkitekt_next.errors import StorageFull

from .ledger import Ledger, Unit, run_thread

Durability = Literal["full", "normal"]
_RETRY_S = 0.5
_BUSY_MS = 10_000


class SqliteLedger(Ledger):
    """Group commit by one thread."""

    def __init__(self, path: Path, *, durability: Durability = "full") -> None:
        super().__init__()
        self._path = path
        self._durability = durability
        self._pending: list[Unit] = []
        self._wake = threading.Condition()
        self._closing = False
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._thread = run_thread("arkitekt-ledger", self._run)

    def _hand_over(self, units: list[Unit]) -> None:
        with self._wake:
            self._pending += units
            self._wake.notify()

    async def close(self) -> None:
        """Commit what is queued, truncate the log, stop the thread."""
        if self._turn:
            self._end_turn()
        with self._wake:
            self._closing = True
            self._wake.notify()
        await asyncio.shield(self._closed)

    def _run(self) -> None:
        db = sqlite3.connect(self._path, isolation_level=None, cached_statements=512)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(f"PRAGMA synchronous={self._durability.upper()}")
            db.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            db.execute("PRAGMA wal_autocheckpoint=4000")
            db.execute("PRAGMA cache_size=-32000")
            while self._turn_over(db):
                pass
        finally:
            db.close()
            self._loop.call_soon_threadsafe(self._closed.set_result, None)

    def _turn_over(self, db: sqlite3.Connection) -> bool:
        with self._wake:
            while not self._pending and not self._closing and self.full_reason is None:
                self._wake.wait()
            if not self._pending and self.full_reason is not None and not self._closing:
                self._wake.wait(_RETRY_S)
            batch, self._pending = self._pending, []
            closing = self._closing
        if batch:
            self._commit(db, batch)
        elif self.full_reason is not None:
            self._probe(db)
        return bool(batch) or not closing

    def _commit(self, db: sqlite3.Connection, batch: list[Unit]) -> None:
        try:
            results = self._transact(db, batch)
        except sqlite3.Error as error:
            self._rollback(db)
            self._recover(db, batch, error)
            return
        self.full_reason = None
        self._post(list(zip(batch, results, strict=True)))

    def _transact(self, db: sqlite3.Connection, batch: list[Unit]) -> list[list[int]]:
        execute = db.execute
        execute("BEGIN IMMEDIATE")
        results = []
        for unit in batch:
            counts = [0] * len(unit.steps)
            for index, (statement, row) in enumerate(unit.steps):
                counts[index] = execute(statement.sqlite, row).rowcount
                if counts[index] == 0:
                    break
            results.append(counts)
        execute("COMMIT")
        return results

    def _recover(self, db: sqlite3.Connection, batch: list[Unit], error: sqlite3.Error) -> None:
        if _is_full(error):
            self._survive_full(batch, str(error))
        elif _is_busy(error):
            self._keep(batch)
        elif len(batch) > 1:
            for unit in batch:  # one of them is at fault: find it, commit the others
                self._commit(db, [unit])
        else:
            self._post([(batch[0], error)])

    def _survive_full(self, batch: list[Unit], reason: str) -> None:
        self.full_reason = reason
        self._keep([unit for unit in batch if unit.kept])
        refused = [unit for unit in batch if not unit.kept]
        full = StorageFull(reason=reason, folder=str(self._path.parent))
        self._post([(unit, full) for unit in refused])
        with self._wake:
            if not self._closing:
                self._wake.wait(_RETRY_S)

    def _keep(self, batch: list[Unit]) -> None:
        with self._wake:
            self._pending[:0] = batch

    def _probe(self, db: sqlite3.Connection) -> None:
        """Write something of a page's size, to see whether the disk takes writes again."""
        try:
            db.execute("BEGIN IMMEDIATE")
            db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES ('probe', hex(randomblob(8192)))")
            db.execute("DELETE FROM setting WHERE name = 'probe'")
            db.execute("COMMIT")
            self.full_reason = None
        except sqlite3.Error:
            self._rollback(db)

    @staticmethod
    def _rollback(db: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if db.in_transaction:
                db.execute("ROLLBACK")

    def _post(self, results: Sequence[tuple[Unit, Sequence[int] | Exception]]) -> None:
        if results:
            self._loop.call_soon_threadsafe(self._finish, results)


def _is_full(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    text = str(error)
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or str(errno.ENOSPC) in text or "full" in text


def _is_busy(error: sqlite3.Error) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
