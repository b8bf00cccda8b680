"""Brings a database to the schema of this release: all of it in one transaction, under the database's own lock.

It leaves the tables' meaning to `storage.tables`, and each step to `versions`. The rule: a database is either migrated
or untouched. A newer one, a foreign one and one that does not fit are refused.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, event, pool
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from arkitekt_next.errors import Conflict

FOLDER = Path(__file__).parent
_LOCK = 724001
_WAIT_S = 60.0


async def migrate(url: URL, *, folder: Path = FOLDER) -> None:
    """Upgrade the database at `url` to the newest schema in `folder`. Raises `Conflict`, leaving it as it was."""
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+asyncpg")
    else:
        url = url.set(drivername="sqlite+aiosqlite")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    deadline = time.monotonic() + _WAIT_S
    try:
        while True:
            try:
                async with engine.connect() as connection:
                    await connection.run_sync(_upgrade, folder)
                return
            except DBAPIError as error:
                if "locked" not in str(error.orig) or time.monotonic() > deadline:
                    raise _refusal(error.orig or error) from error
                await asyncio.sleep(0.05)
            except (SQLAlchemyError, CommandError, OSError) as error:
                raise _refusal(error) from error
    finally:
        await engine.dispose()


def _refusal(error: BaseException) -> Conflict:
    return Conflict(
        problem=f"The database can't be brought to the schema of this release ({error})",
        remedy="Nothing was changed. Name another database, restore a backup, or report the message",
    )


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Tables are rebuilt to be altered, which must not touch the rows that refer to them; checked before the commit.
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={round(_WAIT_S * 1000)}")
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.close()


def _upgrade(connection: Connection, folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    if _is_current(connection, script):
        connection.rollback()
        return
    connection.rollback()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none before DDL
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if not _is_current(connection, script):  # another opener may have been faster
        command.upgrade(config, "head")
        _check_references(connection)
    connection.commit()


def _is_current(connection: Connection, script: ScriptDirectory) -> bool:
    """Whether there is nothing to do. Raises `Conflict` for a schema that this release does not know."""
    current = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise Conflict(
            problem=f"The database has the schema '{current}', which is newer than this release knows "
            f"(it knows up to '{script.get_current_head()}')",
            remedy="Nothing was changed. Start it with the newer release, or restore a backup made with this one",
        )
    return current == script.get_current_head()


def _check_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if dangling:
        raise Conflict(
            problem=f"After the upgrade {len(dangling)} rows would refer to rows that are not there",
            remedy="Nothing was changed. Restore a backup, or report it",
        )
