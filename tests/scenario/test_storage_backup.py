"""Backups of a hub that is at work, and what is put back from them."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.storage.backup import Contents, backup, contents_of, restore, verify
from tests.support.raw import client, definition

BACKUPS = 3
TASKS = 30_000
LEAST_RATE = 100


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with serve(tmp_path / "hub", log_level="error") as running:
        yield running


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the backup of a hub that has run a few tasks."""
    folder = tmp_path_factory.mktemp("made")

    async def work(running: Any) -> None:
        async with client(running, "app") as agent, client(running, "caller") as caller:
            await agent.provide(definition("add"))
            for number in range(20):
                task = await caller.submit("app.add", {"a": number})
                await agent.report("ended", task, status="completed", returns=[number])
                await caller.expect("outcome", task=task)

    with serve(folder / "hub", log_level="error") as running:
        asyncio.run(work(running))
    backup(folder / "hub", folder / "made.db")
    return folder


def read(path: Path) -> Contents:
    with closing(sqlite3.connect(path)) as db:
        return contents_of(db)


def multiply(path: Path, tasks: int) -> None:
    """Copy the tasks of a database under new ids until there are so many."""
    with closing(sqlite3.connect(path)) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(task)")]
        fresh = {"id": "id || '-' || n.i", "reference": "reference || '-' || n.i", "root_id": "root_id || '-' || n.i"}
        columns = ", ".join(fresh.get(name, f"task.{name}") for name in names)
        db.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {tasks // 20}) "
            f"INSERT INTO task ({', '.join(names)}) SELECT {columns} FROM task, n"
        )
        db.commit()


async def back_up_beside(folder: Path, target: Path) -> Contents:
    """Make a backup as the command does: in a process of its own."""
    code = (
        "import sys, json, dataclasses; from pathlib import Path; from arkitekt_next.storage.backup import backup;"
        "print(json.dumps(dataclasses.asdict(backup(Path(sys.argv[1]), Path(sys.argv[2])).contents)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(folder), str(target), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return Contents(**json.loads(output))


class Load:
    """Calls without pause, and how long each of them took."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, float]] = []
        self._stop = asyncio.Event()

    async def run(self, caller: Any, agent: Any) -> None:
        def answer(message: dict[str, Any]) -> None:
            if message["kind"] == "assign":
                task = asyncio.ensure_future(
                    agent.report("ended", message["task"], status="completed", returns=[message["args"]["a"]])
                )
                reports.add(task)
                task.add_done_callback(reports.discard)

        reports: set[Any] = set()
        agent.on_message = answer
        await asyncio.gather(*(self._lane(caller, number) for number in range(8)))

    async def _lane(self, caller: Any, number: int) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            task = await caller.submit("app.add", {"a": number})
            await caller.expect("outcome", task=task)
            self.calls.append((began, time.monotonic() - began))
            caller.seen = [message for message in caller.seen if message.get("task") != task]

    def stop(self) -> None:
        self._stop.set()


@pytest.mark.requirement("bar.backup", "keep.backup")
def test_a_backup_of_a_hub_at_work_equals_the_moment_it_was_made_of(made: Path, tmp_path: Path) -> None:
    restore(made / "made.db", tmp_path / "hub")
    multiply(tmp_path / "hub" / "hub.db", TASKS)

    async def scenario(server: Any) -> None:
        load = Load()
        async with client(server, "app") as agent, client(server, "caller") as caller:
            await agent.provide(definition("add"), capacity=64)
            working = asyncio.create_task(load.run(caller, agent))
            while len(load.calls) < 100:
                await asyncio.wait([working], timeout=0.01)
            for number in range(BACKUPS):
                began, done = time.monotonic(), len(load.calls)
                contents = await back_up_beside(server.folder, tmp_path / f"{number}.db")
                seconds = time.monotonic() - began
                rate = (len(load.calls) - done) * 2 / seconds  # a call is written when it begins and when it ends
                slowest = max(taken for at, taken in load.calls if at >= began)
                print(
                    f"bar: backup {number}: {contents.rows['task']} tasks in {seconds:.2f} s at {rate:.0f} writes/s, "
                    f"slowest call beside it {slowest * 1000:.0f} ms"
                )
                assert rate >= LEAST_RATE
                assert slowest < 1.0
                back = tmp_path / f"restored{number}"
                put = await asyncio.to_thread(restore, tmp_path / f"{number}.db", back)
                assert contents == put.contents == read(back / "hub.db") == verify(back / "hub.db")
                assert contents.rows["task"] >= TASKS + done
                assert [path.name for path in back.iterdir() if path.name != "hub.lock"] == ["hub.db"]
            load.stop()
            await working

    with serve(tmp_path / "hub", log_level="error") as server:
        asyncio.run(asyncio.wait_for(scenario(server), 120))
    last = verify(tmp_path / f"{BACKUPS - 1}.db")
    assert last.rows["task"] > verify(tmp_path / "0.db").rows["task"]


@pytest.mark.requirement("keep.backup")
def test_a_hub_goes_on_from_what_was_restored(made: Path, tmp_path: Path) -> None:
    async def work(running: Any) -> None:
        async with client(running, "app") as agent, client(running, "caller") as caller:
            await agent.provide(definition("add"))
            task = await caller.submit("app.add", {"a": 1})
            await agent.report("ended", task, status="completed", returns=[1])
            assert (await caller.expect("outcome", task=task))["returns"] == [1]

    restore(made / "made.db", tmp_path / "hub")
    with serve(tmp_path / "hub", log_level="error") as running:
        asyncio.run(work(running))
    assert read(tmp_path / "hub" / "hub.db").rows["task"] == 21


@pytest.mark.requirement("signin.secrets")
def test_a_backup_holds_no_key(made: Path, tmp_path: Path) -> None:
    key = (made / "hub" / "local.key").read_text().strip()
    assert len(key) == 64
    data = (made / "made.db").read_bytes()
    assert key.encode() not in data
    assert bytes.fromhex(key) not in data
    restore(made / "made.db", tmp_path / "new")
    assert not (tmp_path / "new" / "local.key").exists()


@pytest.mark.requirement("keep.backup")
def test_a_hub_that_was_killed_is_backed_up_with_its_last_commits(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    with serve(folder, log_level="error"):
        shutil.copytree(folder, tmp_path / "killed")  # as a crash leaves it: log not merged
    assert (tmp_path / "killed" / "hub.db-wal").stat().st_size > 0
    made = backup(tmp_path / "killed", tmp_path / "made.db")
    assert made.contents.rows["team"] == 1
    assert made.size_bytes == (tmp_path / "made.db").stat().st_size


@pytest.mark.requirement("keep.backup")
def test_a_restore_is_refused_while_a_hub_runs(server: Any, made: Path) -> None:
    before = (server.folder / "hub.db").stat()
    with pytest.raises(Conflict, match="A hub runs over"):
        restore(made / "made.db", server.folder, force=True)
    assert (server.folder / "hub.db").stat().st_ino == before.st_ino


@pytest.mark.requirement("keep.backup")
def test_a_restore_replaces_nothing_unless_told_to_and_keeps_what_was_there(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    with serve(folder, log_level="error"):
        pass
    before = read(folder / "hub.db")
    with pytest.raises(Conflict, match="holds a database already"):
        restore(made / "made.db", folder)
    assert read(folder / "hub.db") == before
    first = restore(made / "made.db", folder, force=True)
    assert [path.name for path in first.kept] == ["hub.db.before-restore"]
    assert read(first.kept[0]) == before
    assert read(folder / "hub.db") == verify(made / "made.db")
    second = restore(made / "made.db", folder, force=True)
    assert second.kept != first.kept
    assert read(first.kept[0]) == before


@pytest.mark.requirement("keep.backup")
def test_a_damaged_backup_is_refused_and_changes_nothing(made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    restore(made / "made.db", folder)
    before = read(folder / "hub.db")
    whole = (made / "made.db").read_bytes()
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE something (x)")
    other.close()
    damaged = {
        "empty": b"",
        "text": b"not a database at all",
        "cut": whole[: len(whole) // 2],
        "torn": whole[: len(whole) // 3] + bytes(4096) + whole[len(whole) // 3 + 4096 :],
        "other": (tmp_path / "other.db").read_bytes(),
    }
    for name, data in damaged.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RequestRefused, match="expected"):
            restore(tmp_path / name, folder, force=True)
        assert read(folder / "hub.db") == before
        assert sorted(path.name for path in folder.iterdir()) == ["hub.db", "hub.lock"]


@pytest.mark.requirement("keep.backup")
def test_a_row_that_changed_in_the_copy_is_noticed(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "made.db", tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        db.execute("UPDATE task SET returns = '[999]' WHERE returns = '[7]'")
        db.commit()
    assert verify(tmp_path / "copy.db").differences(verify(made / "made.db")) == ["task"]


def test_a_backup_is_never_written_over_a_file_or_out_of_nothing(made: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(Conflict, match="exists already"):
        backup(made / "hub", tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"
    with pytest.raises(NotFound):
        backup(tmp_path / "nowhere", tmp_path / "made.db")
    with pytest.raises(NotFound):
        restore(tmp_path / "nothing", tmp_path / "hub")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_a_backup_is_readable_by_its_owner_alone(made: Path) -> None:
    assert (made / "made.db").stat().st_mode & 0o777 == 0o600
