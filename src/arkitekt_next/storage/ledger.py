"""The ledger: group commit for everything that is acknowledged.

`write` queues a unit (statements that belong together); everything that arrived while the last transaction ran goes
into the next one; `done` is called on the event loop after the commit, in the order of `write`. The rule: nothing that
depends on a unit may leave the hub before its `done`.

A unit that is `kept` (an agent's report: work that was done) is tried again until it is on disk. One that is not (a
submit: nothing is promised yet) fails with `StorageFull` while the disk is full.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, bindparam
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql.expression import ClauseElement

Done = Callable[[Sequence[int] | Exception], None]


class Statement:
    """One Core statement, compiled once for each database."""

    __slots__ = ("name", "postgres", "postgres_names", "sqlite")

    def __init__(self, name: str, clause: ClauseElement, postgres: ClauseElement | None = None) -> None:
        self.name = name
        self.sqlite = str(clause.compile(dialect=SQLiteDialect_pysqlite(paramstyle="named")))
        compiled = (clause if postgres is None else postgres).compile(dialect=PGDialect_asyncpg())
        self.postgres = str(compiled)
        self.postgres_names: tuple[str, ...] = tuple(compiled.positiontup or ())


def insert_or(table: Table, keys: Sequence[str], *, update: Sequence[str] = ()) -> Statement:
    """An insert of all columns that leaves an existing row alone, or sets its `update` columns."""
    binds = {column.name: bindparam(column.name) for column in table.columns}
    clauses = []
    for insert in (sqlite_insert, postgres_insert):
        clause = insert(table).values(binds)
        if update:
            changed = {name: getattr(clause.excluded, name) for name in update}
            clauses.append(clause.on_conflict_do_update(index_elements=list(keys), set_=changed))
        else:
            clauses.append(clause.on_conflict_do_nothing(index_elements=list(keys)))
    return Statement(f"insert {table.name}", *clauses)


@dataclass(slots=True)
class Unit:
    """Statements that are committed together; `done` gets their row counts, or the error.

    A step that changes no row guards the ones after it: they are skipped and count 0.
    """

    steps: Sequence[tuple[Statement, Mapping[str, Any]]]
    done: Done
    kept: bool


class Ledger(ABC):
    """What both databases do alike: collect a turn's units, hand them over, call back."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn: list[Unit] = []
        self.backlog = 0
        self.full_reason: str | None = None
        self.commits = 0

    def write(self, steps: Sequence[tuple[Statement, Mapping[str, Any]]], done: Done, *, kept: bool = True) -> None:
        """Queue a unit. Call on the event loop; never blocks."""
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append(Unit(steps, done, kept))
        self.backlog += 1

    async def commit(self, *steps: tuple[Statement, Mapping[str, Any]], kept: bool = False) -> Sequence[int]:
        """Write a unit and wait for it; give the row counts."""
        future: asyncio.Future[Sequence[int]] = self._loop.create_future()

        def done(result: Sequence[int] | Exception) -> None:
            if future.done():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.write(steps, done, kept=kept)
        return await future

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, []
        self._hand_over(turn)

    def _finish(self, results: Sequence[tuple[Unit, Sequence[int] | Exception]]) -> None:
        self.backlog -= len(results)
        self.commits += 1
        for unit, result in results:
            unit.done(result)

    @abstractmethod
    def _hand_over(self, units: list[Unit]) -> None:
        """Take the units of one loop turn."""

    @abstractmethod
    async def close(self) -> None:
        """Commit what is queued and stop."""


def run_thread(name: str, target: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
