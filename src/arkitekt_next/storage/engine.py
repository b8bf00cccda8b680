"""Opens a database: the engine for everything off the hot path, the ledger for what is acknowledged, migrations.

Backends are told apart here and nowhere else. The rule: a database newer than this release is refused, never touched.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from arkitekt_next.errors import Conflict, RequestRefused

from .ledger import Ledger
from .postgres_ledger import PostgresLedger
from .sqlite_ledger import Durability, SqliteLedger

MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(slots=True)
class Database:
    """An open, migrated database; `close` releases it."""

    engine: AsyncEngine
    ledger: Ledger
    kind: str

    async def close(self) -> None:
        """Flush the ledger and drop all connections."""
        await self.ledger.close()
        await self.engine.dispose()


def sqlite_url(path: Path) -> str:
    """Give the address of a SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


async def open_database(url: str, *, durability: Durability = "full") -> Database:
    """Open the database at `url` (`sqlite+aiosqlite:///…` or `postgresql://…`) and bring its tables up to date."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if not parsed.database:
            raise RequestRefused(where="database_url", problem="expected the path of a SQLite file, got none")
        engine = create_async_engine(parsed.set(drivername="sqlite+aiosqlite"), pool_size=4)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        await migrate(engine)
        return Database(engine, SqliteLedger(Path(parsed.database), durability=durability), backend)
    if backend == "postgresql":
        engine = create_async_engine(parsed.set(drivername="postgresql+asyncpg"), pool_size=8, max_overflow=8)
        await migrate(engine)
        dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        return Database(engine, PostgresLedger(dsn, durability=durability), backend)
    raise RequestRefused(where="database_url", problem=f"expected sqlite or postgresql, got '{backend}'")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


async def migrate(engine: AsyncEngine) -> None:
    """Upgrade to the newest schema, in one transaction and under the database's lock."""
    async with engine.begin() as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(724001)")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise Conflict(
            problem=f"The database has the schema '{current}', which is newer than this release knows",
            remedy="Start it with the newer release, or restore a backup made with this one",
        )
    if current != script.get_current_head():
        command.upgrade(config, "head")


def upgrade_blocking(url: str) -> None:
    """Migrate from a script, outside a loop."""

    async def run() -> None:
        database = await open_database(url)
        await database.close()

    asyncio.run(run())
