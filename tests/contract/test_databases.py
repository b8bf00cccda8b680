"""The database contract, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from arkitekt_next.storage import tables as t
from arkitekt_next.storage.engine import sqlite_url
from arkitekt_next.testing.database import DatabaseContract, in_loop, opened


@pytest.mark.requirement("keep.databases")
class TestSqlite(DatabaseContract):
    @pytest.fixture
    def database_url(self, tmp_path: Path) -> str:
        return sqlite_url(tmp_path / "hub.db")


@in_loop
async def test_the_indexes_that_queries_name_for_sqlite_are_there(tmp_path: Path) -> None:
    async with opened(sqlite_url(tmp_path / "hub.db")):
        pass
    with closing(sqlite3.connect(tmp_path / "hub.db")) as db:
        columns = {
            name: [row[2] for row in db.execute(f"PRAGMA index_info('{name}')")]
            for (name,) in db.execute("SELECT name FROM pragma_index_list('task')")
        }
    assert columns[t.TASK_KEY_INDEX] == ["team_id", "id"]
    assert columns["ix_task_root"] == ["team_id", "root_id", "id"]


@pytest.mark.requirement("keep.databases")
class TestPostgres(DatabaseContract):
    @pytest.fixture
    def database_url(self, postgres_url: str) -> str:
        return postgres_url
