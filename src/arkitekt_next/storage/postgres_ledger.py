"""The ledger on PostgreSQL: one connection, one transaction a batch, the same statements.

The rule: a lost connection loses no unit; the batch is tried again on a new one (every statement is conditional, so
a batch that was committed just before the connection broke changes nothing the second time but its row counts, which
the reducer reads as "already so").
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import asyncpg

from arkitekt_next.errors import StorageFull

from .ledger import Ledger, Unit

_RETRY_S = 0.5


class PostgresLedger(Ledger):
    """Group commit by one task."""

    def __init__(self, dsn: str, *, durability: str = "full") -> None:
        super().__init__()
        self._dsn = dsn
        self._durability = durability
        self._pending: list[Unit] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task = self._loop.create_task(self._run(), name="arkitekt-ledger")

    def _hand_over(self, units: list[Unit]) -> None:
        self._pending += units
        self._wake.set()

    async def close(self) -> None:
        """Commit what is queued and close the connection."""
        if self._turn:
            self._end_turn()
        self._closing = True
        self._wake.set()
        await asyncio.wait([self._task], timeout=30)

    async def _run(self) -> None:
        connection: asyncpg.Connection | None = None
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                batch, self._pending = self._pending, []
                try:
                    connection = connection or await self._connect()
                    await self._commit(connection, batch)
                except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError):
                    connection = None
                    self._pending[:0] = batch
                    await asyncio.sleep(_RETRY_S)
            if self._closing:
                break
        if connection is not None:
            with contextlib.suppress(OSError, asyncpg.PostgresError):
                await connection.close()

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(self._dsn, statement_cache_size=256)
        await connection.execute(f"SET synchronous_commit TO {'on' if self._durability == 'full' else 'off'}")
        return connection

    async def _commit(self, connection: asyncpg.Connection, batch: list[Unit]) -> None:
        try:
            results = await self._transact(connection, batch)
        except (asyncpg.DiskFullError, asyncpg.OutOfMemoryError) as error:
            await self._survive_full(batch, str(error))
        except asyncpg.PostgresConnectionError:
            raise
        except asyncpg.PostgresError as error:
            if len(batch) == 1:
                self._finish([(batch[0], error)])
                return
            for unit in batch:
                await self._commit(connection, [unit])
        else:
            self.full_reason = None
            self._finish(list(zip(batch, results, strict=True)))

    async def _transact(self, connection: asyncpg.Connection, batch: list[Unit]) -> list[Sequence[int]]:
        results: list[Sequence[int]] = []
        async with connection.transaction():
            for unit in batch:
                counts = [0] * len(unit.steps)
                for index, (statement, row) in enumerate(unit.steps):
                    values = [row.get(name) for name in statement.postgres_names]
                    counts[index] = _count(await connection.execute(statement.postgres, *values))
                    if counts[index] == 0:
                        break
                results.append(counts)
        return results

    async def _survive_full(self, batch: list[Unit], reason: str) -> None:
        self.full_reason = reason
        self._pending[:0] = [unit for unit in batch if unit.kept]
        full = StorageFull(reason=reason, folder="the PostgreSQL server")
        self._finish([(unit, full) for unit in batch if not unit.kept])
        await asyncio.sleep(_RETRY_S)


def _count(tag: str) -> int:
    last = tag.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0
