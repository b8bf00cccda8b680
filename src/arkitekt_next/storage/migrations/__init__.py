"""Brings a database to the schema of this release: all of it in one transaction, under the database's own lock.

It leaves the tables' meaning to `storage.tables`, each step to `versions`, and running the steps to `upgrade`, which is
loaded only when there is one to run: Alembic costs more than the rest of opening a database. The rule: a database is
either migrated or untouched. A newer one, a foreign one and one that does not fit are refused.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event, inspect, pool, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from arkitekt_next.errors import Conflict

FOLDER = Path(__file__).parent
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
                    await connection.run_sync(_bring_up, folder)
                return
            except DBAPIError as error:
                if "locked" not in str(error.orig) or time.monotonic() > deadline:
                    raise refusal(error.orig or error) from error
                await asyncio.sleep(0.05)
            except (SQLAlchemyError, OSError) as error:
                raise refusal(error) from error
    finally:
        await engine.dispose()


def refusal(error: BaseException) -> Conflict:
    """Say why a database stays as it is."""
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


def _bring_up(connection: Connection, folder: Path) -> None:
    is_current = _revisions_of(connection) == [_newest(folder)]
    connection.rollback()
    if not is_current:
        from .upgrade import upgrade

        upgrade(connection, folder)


def _revisions_of(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())


def _newest(folder: Path) -> str:
    """Give the newest revision; the name of a step's file begins with its revision, and they sort by age."""
    return max(path.name.partition("_")[0] for path in (folder / "versions").glob("[0-9]*_*.py"))
