"""The ledger on PostgreSQL: one connection, one transaction a batch.

Units usually change every row they name, so a batch is first sent in groups, one statement over arrays for all rows of
a kind; when a row was not changed, it is rolled back and run as it was written, one statement a step.

The rule: a lost connection loses no unit and repeats none. A transaction's id is known before its COMMIT is sent, so
the server is asked over a new connection what became of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import Any

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import bindparam, delete

from .grouping import arrange
from .ledger import Ledger, Result, Step, Unit
from .statement import Statement, insert_or
from .tables import setting

_RETRY_S = 0.5
_CONNECT_S = 10.0
_COMMAND_S = 60.0
# Every statement names its rows by key, so one plan is right for ever, also one that was made over empty tables.
_SESSION = (
    "SET plan_cache_mode TO force_generic_plan; SET enable_seqscan TO off; SET enable_hashjoin TO off; "
    "SET enable_mergejoin TO off; SET jit TO off; SET synchronous_commit TO {}"
)
_FULL = (
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.PostgresIOError,
    asyncpg.ReadOnlySQLTransactionError,
)
_AGAIN = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.QueryCanceledError)
_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
)
_PUT = insert_or(setting, ["name"], update=["value"])
_DROP = Statement("remove probe", delete(setting).where(setting.c.name == bindparam("b_name")))
# More than fits into the free room of a page, and not to be compressed: it takes new pages, as work would.
_PROBE: tuple[Step, ...] = (
    (_PUT, {"name": "probe", "value": secrets.token_hex(32_768)}),
    (_DROP, {"b_name": "probe"}),
)


class _UnequalError(Exception):
    """A group did not change all of its rows."""


class PostgresLedger(Ledger):
    """Group commit by one task."""

    def __init__(self, dsn: str, *, durability: str = "full") -> None:
        super().__init__("the PostgreSQL server")
        self._dsn = dsn
        self._session = _SESSION.format("on" if durability == "full" else "off")
        self._pending: list[Unit] = []
        self._batch: list[Unit] = []
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._connection: asyncpg.Connection | None = None
        self._transaction: str | None = None
        self._unsure: tuple[str, list[Result]] | None = None
        self._task = self._loop.create_task(self._run(), name="arkitekt-ledger")

    def _hand_over(self, units: list[Unit]) -> None:
        self._pending += units
        self._wake.set()

    async def _stop(self) -> None:
        self._closing.set()
        self._wake.set()
        await asyncio.wait([self._task], timeout=self.close_within_s)
        self._task.cancel()
        await asyncio.wait([self._task])
        left = self._batch + self._pending
        self._batch, self._pending = [], []
        self._finish([(unit, self._full(self.full_reason or "it does not answer")) for unit in left])
        await self._part()

    async def _run(self) -> None:
        while not (self._closing.is_set() and not self._pending):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), None if self.full_reason is None else _RETRY_S)
            self._wake.clear()
            if self.full_reason is not None and not self._pending and not self._closing.is_set():
                self._pending.append(Unit(_PROBE, lambda _: None, kept=False))
                self.backlog += 1
            while self._pending:
                self._batch, self._pending = self._pending, []
                await self._commit()
                if self.full_reason is not None and self._closing.is_set():
                    return

    async def _commit(self) -> None:
        """Get the batch on disk; when the server takes nothing, refuse what may be refused and put back the rest."""
        failures = 0
        while True:
            try:
                results = await self._settle(self._batch)
            except _FULL as error:
                await self._survive_full(str(error).partition("\n")[0])
                return
            except _AGAIN:
                continue
            except Exception as error:
                await self._part()
                failures += 1
                if failures > 1 and self._unsure is None:
                    await self._survive_full(f"it does not answer ({error})")
                    return
                if failures > 1:
                    self.full_reason = f"it does not answer ({error})"
                    await self._pause()
            else:
                batch, self._batch = self._batch, []
                self.full_reason = None
                self.commits += 1
                self._finish(list(zip(batch, results, strict=True)))
                return

    async def _settle(self, batch: list[Unit]) -> list[Result]:
        """Run a batch, unless the last try of it was committed without our hearing of it."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        connection = self._connection
        if self._unsure is not None:
            transaction, results = self._unsure
            state = await connection.fetchval("SELECT pg_xact_status($1::text::xid8)", transaction)
            if state == "in progress":
                raise ConnectionError("the last transaction is still under way")
            self._unsure = None
            if state == "committed":
                return results
        for form in (self._in_groups, self._as_written):
            with contextlib.suppress(_UnequalError):
                found = await self._transact(connection, batch, form)
                if found is not None:
                    return found
        found = await self._transact(connection, batch, self._apart)
        assert found is not None
        return found

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._dsn,
            statement_cache_size=512,
            timeout=_CONNECT_S,
            command_timeout=_COMMAND_S,
            server_settings={"application_name": "arkitekt-ledger"},
        )
        await connection.execute(self._session)
        return connection

    async def _transact(self, connection: asyncpg.Connection, batch: list[Unit], form: Any) -> list[Result] | None:
        """Run a batch in one form and commit; None when a unit of it is at fault."""
        self._transaction = None
        await connection.execute("BEGIN")
        try:
            results: list[Result] = await form(connection, batch)
            if self._transaction is not None:
                self._unsure = self._transaction, results
            await connection.execute("COMMIT")
        except Exception as error:
            if connection.is_closed():
                raise
            await connection.execute("ROLLBACK")
            if _is_units_fault(error):
                return None
            raise
        self._unsure = None
        return results

    async def _in_groups(self, connection: asyncpg.Connection, batch: list[Unit]) -> list[Result]:
        groups = arrange(batch)
        if len(groups) == sum(len(unit.steps) for unit in batch) or any(g.statement.many is None for g in groups):
            return await self._as_written(connection, batch)
        for group in groups:
            names, rows = group.statement.names, group.rows
            if len(rows) == 1:
                changed = await self._fetch(connection, group.statement.postgres, [rows[0][name] for name in names])
            else:
                values = [[row[name] for row in rows] for name in names]
                changed = await self._fetch(connection, group.statement.many or "", values)
            if changed != len(rows):
                raise _UnequalError
        return [[1] * len(unit.steps) for unit in batch]

    async def _as_written(self, connection: asyncpg.Connection, batch: list[Unit]) -> list[Result]:
        return [await self._apply(connection, unit) for unit in batch]

    async def _apart(self, connection: asyncpg.Connection, batch: list[Unit]) -> list[Result]:
        """Run a batch in which some unit fails: it gets its error, the others count."""
        results: list[Result] = []
        for unit in batch:
            await connection.execute("SAVEPOINT unit")
            try:
                results.append(await self._apply(connection, unit))
            except Exception as error:
                if connection.is_closed() or not _is_units_fault(error):
                    raise
                await connection.execute("ROLLBACK TO unit")
                results.append(error)
            await connection.execute("RELEASE unit")
        return results

    async def _apply(self, connection: asyncpg.Connection, unit: Unit) -> list[int]:
        counts = [0] * len(unit.steps)
        for index, (statement, row) in enumerate(unit.steps):
            values = [row[name] for name in statement.names]
            counts[index] = await self._fetch(connection, statement.postgres, values)
            if counts[index] == 0:
                break
        return counts

    async def _fetch(self, connection: asyncpg.Connection, text: str, values: Sequence[Any]) -> int:
        changed = await connection.fetch(text, *values)
        if changed:
            self._transaction = changed[0][0]
        return len(changed)

    async def _survive_full(self, reason: str) -> None:
        """Refuse what may be refused, put back the rest, wait a moment."""
        self.full_reason = reason
        known = self._batch + self._pending
        self._batch, self._pending = [], [unit for unit in known if unit.kept]
        self._finish([(unit, self._full(reason)) for unit in known if not unit.kept])
        await self._pause()

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), _RETRY_S)

    async def _part(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*_LOST, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=2)


def _is_units_fault(error: BaseException) -> bool:
    """Whether an error on an open connection comes from what a unit asks for, and not from the server's state."""
    return isinstance(error, Exception) and not isinstance(error, (*_FULL, *_LOST, *_AGAIN, _UnequalError))
