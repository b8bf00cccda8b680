"""The ledger contract, on SQLite and on PostgreSQL, in both durabilities, and what only one of them has to do."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import sqlite3
from pathlib import Path

import asyncpg
import pytest

import arkitekt_next.hub
from arkitekt_next.storage.engine import sqlite_url
from arkitekt_next.storage.ledger import Statement
from arkitekt_next.testing import ledger_contract as contract
from arkitekt_next.testing.database import in_loop, opened
from arkitekt_next.testing.ledger_contract import LedgerContract


@pytest.mark.requirement("keep.databases")
class TestSqlite(LedgerContract):
    @pytest.fixture
    def database_url(self, tmp_path: Path) -> str:
        return sqlite_url(tmp_path / "hub.db")


@pytest.mark.requirement("keep.databases")
class TestPostgres(LedgerContract):
    @pytest.fixture
    def database_url(self, postgres_url: str) -> str:
        return postgres_url


def all_statements() -> list[Statement]:
    """Every statement of the hub."""
    found: dict[int, Statement] = {}
    for module in pkgutil.walk_packages(arkitekt_next.hub.__path__, "arkitekt_next.hub."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Statement):
                found[id(value)] = value
    return list(found.values())


@pytest.mark.requirement("keep.databases")
@in_loop
async def test_every_statement_of_the_hub_is_one_that_sqlite_takes(tmp_path: Path) -> None:
    statements = all_statements()
    assert {"insert task", "end", "place", "fence"} <= {statement.name for statement in statements}
    async with opened(sqlite_url(tmp_path / "hub.db")):
        db = sqlite3.connect(tmp_path / "hub.db")
        for statement in statements:
            db.execute(f"EXPLAIN {statement.sqlite}", dict.fromkeys(statement.names)).fetchall()
        db.close()


@pytest.mark.requirement("keep.databases")
@in_loop
async def test_every_statement_of_the_hub_is_one_that_postgresql_takes(postgres_url: str) -> None:
    async with opened(postgres_url):
        connection = await asyncpg.connect(postgres_url)
        for statement in all_statements():
            prepared = await connection.prepare(statement.postgres)
            assert len(prepared.get_parameters()) == len(statement.names)
            if statement.many is not None:
                arrays = (await connection.prepare(statement.many)).get_parameters()
                assert len(arrays) == len(statement.names)
                assert all(kind.name.endswith("[]") for kind in arrays)
        await connection.close()


def test_what_a_call_is_made_of_travels_to_postgresql_in_groups() -> None:
    grouped = {statement.name for statement in all_statements() if statement.many is not None}
    assert {"insert task", "insert event", "end", "place", "move", "count"} <= grouped


def test_a_statement_that_may_touch_several_rows_is_never_grouped() -> None:
    assert contract.RENEW.many is None
    assert contract.DROP.many is None
    assert contract.PUT.many is None
    assert contract.COUNT.key({"b_id": "x", "b_at": 1}) == ("hub", "x")


@in_loop
async def test_a_database_that_is_busy_for_longer_than_sqlite_waits_is_only_a_delay(tmp_path: Path) -> None:
    async with opened(sqlite_url(tmp_path / "hub.db")) as database:
        other = sqlite3.connect(tmp_path / "hub.db", isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.ledger.commit((contract.ADD, contract.hub("a"))))
        done, _ = await asyncio.wait([writing], timeout=1.5)  # longer than SQLite's own patience
        assert not done
        other.execute("ROLLBACK")
        other.close()
        assert await writing == [1]
