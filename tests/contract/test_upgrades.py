"""Databases of every release: they migrate whole or stay as they are, also when the power goes in the middle."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text

from arkitekt_next.errors import Conflict
from arkitekt_next.storage.engine import open_database, sqlite_url
from arkitekt_next.storage.migrations import FOLDER, migrate
from arkitekt_next.storage.schema import metadata
from arkitekt_next.testing.database import in_loop, opened, opened_as_it_is
from tests.contract import schemas
from tests.contract.schemas.__main__ import postgres_text, sqlite_text

NEXT = '''
"""A later release: it rebuilds a table, moves data, adds and drops."""
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade():
    op.create_table("label", sa.Column("id", sa.Text(), primary_key=True), sa.Column("team_id", sa.Text()))
    op.execute("INSERT INTO label (id, team_id) SELECT id, team_id FROM task")
    with op.batch_alter_table("task") as batch:
        batch.add_column(sa.Column("colour", sa.Text(), nullable=False, server_default="grey"))
        batch.drop_index("ix_task_action")
        batch.alter_column("epoch", type_=sa.BigInteger())
    op.execute("UPDATE task SET colour = 'blue'")
    op.drop_table("implementation")
'''


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return sqlite_url(tmp_path / "hub.db")


def kind_of(url: str) -> str:
    return make_url(url).get_backend_name()


async def load(url: str, revision: str) -> None:
    """Make the database of a release from its text."""
    script = schemas.text_of(revision, kind_of(url))
    if kind_of(url) == "sqlite":
        with closing(sqlite3.connect(str(make_url(url).database))) as made:
            made.executescript(script)
        return
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(script)
    await connection.close()


async def everything(url: str) -> dict[str, Any]:
    """Read all tables as they are, whatever the schema."""
    found: dict[str, Any] = {}
    async with opened_as_it_is(url) as connection:
        if kind_of(url) == "sqlite":
            names = text("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        else:
            names = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for name in sorted((await connection.execute(names)).scalars()):
            found[name] = [dict(row) for row in (await connection.execute(text(f"SELECT * FROM {name}"))).mappings()]
    return found


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """The migrations of a release after this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", "__init__.py"))
    (folder / "versions" / "9000_later.py").write_text(NEXT.format(head=schemas.revisions()[-1]))
    return folder


@contextmanager
def killer(url: str, folder: Path) -> Iterator[Any]:
    """Give a function that migrates in a process killed before its n-th statement; it tells whether it got there."""
    command = [sys.executable, "-m", "tests.support.killed_migration", url, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None

    def kill_at(number: int) -> bool:
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        answer = process.stdout.readline().strip()
        assert answer in ("killed", "done 0")
        return answer == "killed"

    try:
        yield kill_at
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


@pytest.mark.requirement("keep.upgrade")
@pytest.mark.parametrize("revision", schemas.revisions())
@in_loop
async def test_a_database_of_every_release_is_migrated_with_all_it_holds(url: str, revision: str) -> None:
    await load(url, revision)
    before = await everything(url)
    assert all(len(found) == 1 for found in before.values())

    def differences(connection: Any) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with opened(url) as database, database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    after = await everything(url)
    for name, found in before.items():
        if name not in ("alembic_version", "token"):  # tokens hold for half a day: who had one signs in anew
            kept = [{column: row[column] for column in row if column in after[name][0]} for row in found]
            assert [{column: row[column] for column in kept[0]} for row in after[name]] == kept


def test_the_stored_text_of_the_newest_revision_is_what_the_migrations_make() -> None:
    newest = schemas.revisions()[-1]
    hint = "run `python -m tests.contract.schemas`, unless this revision was released: then add a new one"
    assert sqlite_text() == schemas.text_of(newest, "sqlite"), hint
    assert postgres_text() == schemas.text_of(newest, "postgresql"), hint


def test_the_file_of_a_step_is_named_after_its_revision_and_they_sort_by_age() -> None:
    oldest_first = [*ScriptDirectory(str(FOLDER)).walk_revisions()][::-1]
    files = sorted((FOLDER / "versions").glob("*.py"))
    assert [Path(step.path) for step in oldest_first] == files
    assert [step.revision for step in oldest_first] == [file.name.partition("_")[0] for file in files]


def test_a_database_of_this_release_is_opened_without_what_only_an_upgrade_needs(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "hub.db")
    asyncio.run(open_and_close(url))
    code = (
        "import asyncio, sys; from arkitekt_next.storage.engine import open_database;"
        "asyncio.run(open_database(sys.argv[1]));"
        "print(sorted({'alembic', 'asyncpg', 'sqlalchemy.dialects.postgresql'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


@pytest.mark.requirement("bar.upgrade")
def test_a_hub_that_dies_while_it_makes_its_database_leaves_an_empty_one(url: str) -> None:
    deaths = 0
    with killer(url, FOLDER) as kill_at:
        for number in range(1, 100, 7):
            if not kill_at(number):
                break
            deaths += 1
            assert asyncio.run(everything(url)) == {}
    assert deaths >= 5
    asyncio.run(open_and_close(url))
    assert set(asyncio.run(everything(url))) == {*metadata.tables, "alembic_version"}
    print(f"bar: {deaths} deaths in the middle")


@pytest.mark.requirement("bar.upgrade")
def test_a_hub_that_dies_in_the_middle_of_an_upgrade_leaves_the_old_database(url: str, next_release: Path) -> None:
    asyncio.run(load(url, schemas.revisions()[-1]))
    before = asyncio.run(everything(url))
    deaths, step = 0, 5 if kind_of(url) == "sqlite" else 1
    with killer(url, next_release) as kill_at:
        while kill_at(deaths * step + 1):
            deaths += 1
            assert asyncio.run(everything(url)) == before
            asyncio.run(open_and_close(url))
    assert deaths >= 12
    after = asyncio.run(everything(url))
    assert after["alembic_version"] == [{"version_num": "9000"}]
    assert [row["colour"] for row in after["task"]] == ["blue"]
    assert {name: value for name, value in after["task"][0].items() if name != "colour"} == before["task"][0]
    assert "implementation" not in after
    with pytest.raises(Conflict, match=r"'9000'.* newer than this release"):
        asyncio.run(open_and_close(url))
    assert asyncio.run(everything(url)) == after
    print(f"bar: {deaths} deaths in the middle")


async def open_and_close(url: str) -> None:
    database = await open_database(url)
    await database.close()


@pytest.mark.requirement("keep.upgrade")
def test_an_upgrade_that_would_leave_rows_dangling_changes_nothing(tmp_path: Path, next_release: Path) -> None:
    url = sqlite_url(tmp_path / "hub.db")
    asyncio.run(load(url, schemas.revisions()[-1]))
    path = next_release / "versions" / "9000_later.py"
    path.write_text(path.read_text().replace('op.drop_table("implementation")', 'op.execute("DELETE FROM team")'))
    before = asyncio.run(everything(url))
    with pytest.raises(Conflict, match="would refer to rows that are not there"):
        asyncio.run(migrate(make_url(url), folder=next_release))
    assert asyncio.run(everything(url)) == before


@pytest.mark.requirement("keep.upgrade")
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(b"this is a text, and certainly longer than the header of a database would be" * 20)
    before = path.read_bytes()
    with pytest.raises(Conflict, match="file is not a database"):
        asyncio.run(open_and_close(sqlite_url(path)))
    assert path.read_bytes() == before
