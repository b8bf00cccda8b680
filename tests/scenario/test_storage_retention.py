"""What ended long ago goes, what is live or belongs to something live stays, and calls go on meanwhile."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.tasks import retention
from arkitekt_next.hub.tasks.retention import Removed
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import dumps
from tests.support.raw import RawClient, client, definition

pytestmark = pytest.mark.requirement("keep.retention")

DAY_US = 86_400 * 1_000_000
LONG = 1300


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with serve(tmp_path / "hub", database_url=url, log_level="error") as running:
        yield running


def on_hub(server: Any, work: Any) -> Any:
    """Run something in the loop of the hub."""
    running: Future[Any] = asyncio.run_coroutine_threadsafe(work, server.app.state.hub.board.loop)
    return running.result(60)


def sweep(server: Any, *, days: float) -> Removed:
    """Sweep as if so many days had gone by."""
    board = server.app.state.hub.board
    result: Removed = on_hub(server, retention.sweep(board, at_us=now_us() + round(days * DAY_US)))
    return result


def stored(server: Any, table: Any = t.task) -> list[str]:
    column = t.task.c.id if table is t.task else t.event.c.task_id

    async def read() -> list[str]:
        async with server.app.state.hub.database.engine.connect() as db:
            return list((await db.execute(select(column).order_by(column))).scalars())

    result: list[str] = on_hub(server, read())
    return result


async def finish(agent: RawClient, caller: RawClient, task: str, **fields: Any) -> None:
    await agent.report("ended", task, status="completed", **{"returns": [1], **fields})
    await caller.expect("outcome", task=task)


async def stream(agent: RawClient, caller: RawClient, values: int) -> str:
    task = await caller.submit("app.count", {"a": 1})
    await agent.assigned(task)
    for number in range(values):
        seq = await agent.report("yielded", task, first=number, values=[[number]])
    await agent.acknowledged(seq)
    await caller.send({"kind": "consumed", "task": task, "through": values})
    await finish(agent, caller, task, returns=None, yields=values)
    return task


def test_what_ended_before_the_days_goes_and_what_belongs_to_something_live_stays(server: Any) -> None:
    async def work() -> None:
        async with client(server, "app") as agent, client(server, "caller") as caller:
            await agent.provide(definition("add"), definition("count", generator=True), capacity=64)
            plain = await caller.submit("app.add", {"a": 1})
            await finish(agent, caller, plain)
            short = await stream(agent, caller, 5)
            long = await stream(agent, caller, LONG)
            live_root = await caller.submit("app.add", {"a": 2})
            ended_child = await agent.submit("app.add", {"a": 3}, parent=live_root)
            await agent.assigned(ended_child)
            await finish(agent, agent, ended_child)
            ended_root = await caller.submit("app.add", {"a": 4})
            live_child = await agent.submit("app.add", {"a": 5}, parent=ended_root)
            ended_grandchild = await agent.submit("app.add", {"a": 6}, parent=live_child)
            await finish(agent, agent, ended_grandchild)
            await finish(agent, caller, ended_root)

            nothing = await asyncio.to_thread(sweep, server, days=89)
            assert (nothing.tasks, nothing.events) == (0, 0)
            removed = await asyncio.to_thread(sweep, server, days=91)
            assert (removed.tasks, removed.events) == (3, 5 + LONG)
            kept = {live_root, ended_child, ended_root, live_child, ended_grandchild}
            assert set(await asyncio.to_thread(stored, server)) == kept
            assert await asyncio.to_thread(stored, server, t.event) == []
            assert {plain, short, long} & kept == set()

            await finish(agent, caller, live_root)
            await finish(agent, agent, live_child)
            assert (await asyncio.to_thread(sweep, server, days=91)).tasks == 5
            assert await asyncio.to_thread(stored, server) == []

    asyncio.run(asyncio.wait_for(work(), 60))


@pytest.mark.alone  # it times calls
def test_calls_go_on_while_many_tasks_are_removed(server: Any) -> None:
    async def work() -> None:
        async with client(server, "app") as agent, client(server, "caller") as caller:
            await agent.provide(definition("add"), capacity=64)
            await copy_tasks(server, caller, agent, 5000)
            await asyncio.to_thread(os.sync)  # what tests before this one wrote is not what is timed
            sweeping = asyncio.create_task(asyncio.to_thread(sweep, server, days=91))
            slowest, calls = 0.0, 0
            while not sweeping.done():
                began = time.monotonic()
                task = await caller.submit("app.add", {"a": 1}, parent=None)
                await agent.report("ended", task, status="completed", returns=[1])
                await caller.expect("outcome", task=task)
                slowest, calls = max(slowest, time.monotonic() - began), calls + 1
            removed = await sweeping
            print(
                f"bar: {removed.tasks} tasks removed, {calls} calls beside it, the slowest took {slowest * 1000:.0f} ms"
            )
            assert removed.tasks >= 5000
            assert calls >= 5
            assert slowest < 1.0

    asyncio.run(asyncio.wait_for(work(), 60))


async def copy_tasks(server: Any, caller: RawClient, agent: RawClient, count: int, size: int = 0) -> None:
    """Fill the database with copies of one ended task, each a little younger than the one before."""
    task = await caller.submit("app.add", {"a": 7})
    await finish(agent, caller, task)

    async def copy() -> None:
        async with server.app.state.hub.database.engine.begin() as db:
            row = dict((await db.execute(select(t.task).where(t.task.c.id == task))).mappings().one())
            rows = []
            for number in range(count):
                id = f"{task[:-12]}{number:012x}"
                args = dumps({"a": secrets.token_hex(size // 2)})
                rows.append({**row, "id": id, "root_id": id, "reference": id, "args": args})
            await db.execute(t.task.insert(), rows)

    await asyncio.to_thread(on_hub, server, copy())


@pytest.fixture(params=["sqlite", "postgres"])
def small_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    limit = 8_000_000
    with serve(tmp_path / "hub", database_url=url, retention_bytes=limit, log_level="error") as running:
        yield running


def test_beyond_the_bytes_the_oldest_go_first_until_it_is_small_enough(small_server: Any) -> None:
    server = small_server
    database = server.app.state.hub.database

    async def work() -> None:
        async with client(server, "app") as agent, client(server, "caller") as caller:
            await agent.provide(definition("add"))
            live = await caller.submit("app.add", {"a": 1})
            await copy_tasks(server, caller, agent, 3000, size=6000)
            before = await asyncio.to_thread(stored, server)
            assert await asyncio.to_thread(on_hub, server, database.size_bytes()) > 12_000_000
            removed = await asyncio.to_thread(sweep, server, days=1)
            after = await asyncio.to_thread(stored, server)
            assert len(after) == len(before) - removed.tasks
            ended = [id for id in before if id != live]
            assert after == sorted({live, *ended[removed.tasks :]})
            size = await asyncio.to_thread(on_hub, server, database.size_bytes())
            print(f"bar: {removed.tasks} of {len(ended)} removed, {size} bytes left")
            assert 7_000_000 < size <= 8_000_000
            assert (await asyncio.to_thread(sweep, server, days=1)).tasks == 0

    asyncio.run(asyncio.wait_for(work(), 60))


def test_a_hub_finishes_at_its_start_what_it_was_stopped_in(tmp_path: Path) -> None:
    async def leave_half(database: Any) -> None:
        async with database.engine.begin() as db:
            team = (await db.execute(select(t.team.c.id))).scalar_one()
            row = {"team_id": team, "task_id": "gone", "name": "log", "attempt": 1, "at_us": 0, "data": "{}"}
            await db.execute(t.event.insert(), [{**row, "number": number} for number in range(700, 1500)])
            await db.execute(t.setting.insert().values(name="remove-events:gone", value="1499"))

    async def left(database: Any) -> tuple[int, int]:
        async with database.engine.connect() as db:
            events = (await db.execute(select(func.count()).select_from(t.event))).scalar_one()
            return events, (await db.execute(select(func.count()).select_from(t.setting))).scalar_one()

    with serve(tmp_path / "hub", log_level="error") as running:
        on_hub(running, leave_half(running.app.state.hub.database))
    with serve(tmp_path / "hub", log_level="error") as running:
        deadline = time.monotonic() + 20
        while on_hub(running, left(running.app.state.hub.database)) != (0, 0):
            assert time.monotonic() < deadline, "the rest was not removed"
