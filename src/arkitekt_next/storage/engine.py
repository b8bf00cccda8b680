"""Opens a database: the engine for everything off the hot path, and the ledger for what is acknowledged.

Backends are told apart here and nowhere else. The rule: nothing is opened before `migrations` has found or made the
schema of this release.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Table, make_url
from sqlalchemy import event as events
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from arkitekt_next.errors import RequestRefused
from arkitekt_next.platform import make_private_file

from .ledger import Ledger
from .migrations import migrate
from .sqlite_ledger import Durability, SqliteLedger
from .tables import event, task

BUSY_MS = 10_000
_SQLITE_SIZE = (
    "SELECT (pages.page_count - free.freelist_count) * size.page_size "
    "FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_page_size AS size"
)
_ROW_BYTES = 28
_SAMPLE = 20_000


@dataclass(slots=True)
class Database:
    """An open, migrated database; `close` releases it."""

    engine: AsyncEngine
    ledger: Ledger
    kind: str

    async def size_bytes(self) -> int:
        """Give how much is in use: on SQLite of all pages, on PostgreSQL an estimate for the tasks and events.

        Files do not shrink when rows go; their room is used again, so it does not count.
        """
        async with self.engine.connect() as db:
            if self.kind == "sqlite":
                return int((await db.exec_driver_sql(_SQLITE_SIZE)).scalar_one())
            return sum([await _estimate(db, table) for table in (task, event)])

    async def close(self) -> None:
        """Flush the ledger and drop all connections."""
        await self.ledger.close()
        await self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """Give the address of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


async def open_database(url: str, *, durability: Durability = "full") -> Database:
    """Open the database at `url` (`sqlite+aiosqlite:///…` or `postgresql://…`) and bring its tables up to date.

    Raises `Conflict` when its schema is newer than this release, or can't be brought up to date; it is untouched then.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database:
            raise RequestRefused(where="database_url", problem="expected the path of a SQLite file, got none")
        parsed = parsed.set(drivername="sqlite+aiosqlite")
        make_private_file(Path(parsed.database or ""))
        await migrate(parsed)
        engine = create_async_engine(parsed, pool_size=4)
        engine.sync_engine.dialect.statement_compiler = _HintingCompiler
        events.listen(engine.sync_engine, "connect", _prepare_sqlite)
        return Database(engine, SqliteLedger(Path(parsed.database or ""), durability=durability), backend)
    if backend == "postgresql":
        from .postgres_ledger import PostgresLedger  # its driver, which SQLite does without

        parsed = parsed.set(drivername="postgresql+asyncpg")
        await migrate(parsed)
        engine = create_async_engine(parsed, pool_size=8, max_overflow=8, pool_pre_ping=True)
        dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        return Database(engine, PostgresLedger(dsn, durability=durability), backend)
    raise RequestRefused(where="database_url", problem=f"expected sqlite or postgresql, got '{backend}'")


class _HintingCompiler(SQLiteCompiler):
    """Writes `with_hint` for SQLite too: its planner, without statistics, takes the primary key where it should not."""

    def get_from_hint_text(self, table: Any, text: str | None) -> str | None:
        """Give `INDEXED BY …` as it was said."""
        return text


async def _estimate(db: AsyncConnection, table: Table) -> int:
    """Estimate what the rows of a PostgreSQL table take: their number, and a sample of their widths; no indexes."""
    await db.exec_driver_sql(f"ANALYZE {table.name}")
    counted = f"SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = '{table.name}'::regclass"
    rows = int((await db.exec_driver_sql(counted)).scalar_one())
    share = min(100.0, 100.0 * _SAMPLE / max(rows, 1))
    width = " + ".join(f'coalesce(pg_column_size("{column.name}"), 0)' for column in table.columns)
    sampled = f"SELECT coalesce(avg({width}), 0)::float FROM {table.name} TABLESAMPLE SYSTEM ({share:.4f})"
    return round(rows * (_ROW_BYTES + float((await db.exec_driver_sql(sampled)).scalar_one())))


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(text: Any) -> Any:
    """What `lower` is on PostgreSQL: SQLite's own knows the letters of English alone."""
    return text.lower() if isinstance(text, str) else text
