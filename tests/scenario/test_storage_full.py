"""A full disk: new calls are refused with the reason, reads work, reports are kept, and the hub goes on by itself.

The disk is a real one of a few megabytes where root may mount it; a limit on the size of the hub's files shows the same
without root.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import resource
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from benchmarks import stage

from arkitekt_next.storage.backup import verify
from tests.support.disks import small_disk
from tests.support.raw import RawClient, client, definition, sign_in

pytestmark = pytest.mark.requirement("bar.disk-full")

DEADLINE_S = 30.0
LANES = 16
SUBMITS = 4000


@dataclass
class Place:
    """A hub whose disk can be filled and freed."""

    hub: stage.Hub
    fill: Callable[[], None]
    free: Callable[[], None]


@pytest.fixture(params=["disk", "limit", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    way = {"disk": _on_small_disk, "limit": _under_limit, "postgres": _on_small_tablespace}[request.param]
    with way(request, tmp_path) as made:
        try:
            yield made
        finally:
            made.hub.stop()


@contextlib.contextmanager
def _on_small_disk(_request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with small_disk(tmp_path / "disk", 16) as disk:
        if disk is None:
            pytest.skip("mounting a small disk needs root")
        (disk.path / "hub").mkdir()
        hub = stage.Hub(disk.path / "hub")
        hub.start()
        yield Place(hub, disk.fill, disk.free)


@contextlib.contextmanager
def _under_limit(_request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    hub = stage.Hub(tmp_path)
    hub.start()
    assert hub.process is not None
    pid = hub.process.pid

    def fill() -> None:
        size = (tmp_path / "hub.db-wal").stat().st_size
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def free() -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    yield Place(hub, fill, free)


@contextlib.contextmanager
def _on_small_tablespace(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    server = request.getfixturevalue("postgres_session")
    with small_disk(Path(f"/tmp/small-{uuid.uuid4().hex}"), 32) as disk:
        if disk is None:
            pytest.skip("mounting a small disk needs root")
        owner = pwd.getpwnam("pgserver")
        (disk.path / "space").mkdir()
        for path in (disk.path, disk.path / "space"):
            path.chmod(0o755)
        os.chown(disk.path / "space", owner.pw_uid, owner.pw_gid)
        name = f"small_{uuid.uuid4().hex}"
        asyncio.run(server.execute(f"CREATE TABLESPACE {name} LOCATION '{disk.path / 'space'}'"))
        url = server.new_database(f"TABLESPACE {name}")
        hub = stage.Hub(tmp_path, database_url=url)
        hub.start()
        try:
            yield Place(hub, disk.fill, disk.free)
        finally:
            hub.stop()
            server.drop_database(url)
            asyncio.run(server.execute(f"DROP TABLESPACE {name}"))


@asynccontextmanager
async def signed_in(hub: stage.Hub) -> AsyncIterator[httpx2.AsyncClient]:
    token = await asyncio.to_thread(sign_in, hub.url, hub.folder, "web")
    async with httpx2.AsyncClient(base_url=hub.url, headers={"authorization": f"Bearer {token}"}, timeout=20) as web:
        yield web


async def submit_until_refused(web: httpx2.AsyncClient, size: int = 2000) -> tuple[list[str], httpx2.Response]:
    """Submit until the disk takes no more; give what was accepted, and the refusal."""
    accepted = []
    for _ in range(SUBMITS):
        answer = await web.post(
            "/api/tasks", json={"action": "app.note", "args": {"text": uuid.uuid4().hex * (size // 32)}}
        )
        if answer.status_code == 507:
            return accepted, answer
        assert answer.status_code == 202, answer.text
        accepted.append(answer.json()["task"])
    raise AssertionError("the disk did not fill up")


async def health(web: httpx2.AsyncClient) -> httpx2.Response:
    return await web.get("/health")


async def until_well(web: httpx2.AsyncClient) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await health(web)).status_code != 200:
            await asyncio.sleep(0.05)


def note() -> dict[str, Any]:
    made = definition("note")
    made["args"] = [{"key": "text", "kind": "string"}]
    return made


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 90))


@pytest.mark.requirement("keep.health")
def test_a_full_disk_refuses_calls_keeps_reports_serves_reads_and_recovers_by_itself(place: Place) -> None:
    async def scenario() -> None:
        hub = place.hub
        async with signed_in(hub) as web, client(hub, "app") as agent, client(hub, "caller") as caller:
            await agent.provide(definition("add"), note(), capacity=100)
            ended = await caller.submit("app.add", {"a": 1})
            await agent.acknowledged(await agent.report("ended", ended, status="completed", returns=[1]))
            running = [await caller.submit("app.add", {"a": number}) for number in range(5)]
            for task in running:
                await agent.assigned(task)

            place.fill()
            accepted, refusal = await submit_until_refused(web)
            body = refusal.json()
            assert body["code"] == "storage_full"
            assert body["fields"]["reason"] in body["message"]
            assert body["fields"]["folder"] in body["message"]
            sick = await health(web)
            assert sick.status_code == 503
            assert sick.json()["status"] == "degraded"
            assert any("disk" in reason for reason in sick.json()["reasons"])
            await caller.send({"kind": "submit", "reference": "over-ws", "action": "app.add", "args": {"a": 1}})
            refused = await caller.expect("refused", request="over-ws")
            assert refused["error"]["code"] == "storage_full"

            assert (await web.get(f"/api/tasks/{ended}")).json()["returns"] == [1]
            assert (await web.get("/api/tasks")).status_code == 200
            last = [await report_end(agent, task) for task in running][-1]
            await settle(caller, web, ended)
            print(f"bar: {len(accepted)} accepted after the disk was filled; refusal: {body['message']}")

            place.free()
            await agent.acknowledged(last)
            for task in running:
                assert (await caller.expect("outcome", task=task))["status"] == "completed"
            await until_well(web)
            again = await caller.submit("app.add", {"a": 9})
            await agent.assigned(again)
            for task in [ended, *running]:
                assert (await web.get(f"/api/tasks/{task}")).json()["status"] == "completed"
            for task in accepted:
                assert (await web.get(f"/api/tasks/{task}")).status_code == 200

    run(scenario())
    place.hub.stop()
    if (place.hub.folder / "hub.db").exists():
        verify(place.hub.folder / "hub.db")


async def report_end(agent: RawClient, task: str) -> int:
    return await agent.report("ended", task, status="completed", returns=[7], error=None)


async def settle(caller: RawClient, web: httpx2.AsyncClient, ended: str) -> None:
    """Read from the full hub over the websocket too: a task that has ended is told from the start."""
    await caller.send({"kind": "attach", "request": "again", "task": ended, "after": 0})
    await caller.expect("done", request="again")
    assert (await web.get(f"/api/tasks/{ended}/events")).status_code == 200


def test_under_load_what_was_accepted_on_a_filling_disk_is_there_and_what_was_refused_is_not(place: Place) -> None:
    async def scenario() -> tuple[set[str], set[str]]:
        accepted: set[str] = set()
        refused: set[str] = set()
        async with signed_in(place.hub) as web, client(place.hub, "app") as agent:
            await agent.provide(note(), capacity=1)
            full = asyncio.Event()

            async def lane() -> None:
                for _ in range(SUBMITS // LANES):
                    reference = uuid.uuid4().hex
                    form = {"action": "app.note", "args": {"text": reference * 60}, "reference": reference}
                    answer = await web.post("/api/tasks", json=form)
                    if answer.status_code == 507:
                        refused.add(reference)
                        full.set()
                        return
                    assert answer.status_code == 202, answer.text
                    accepted.add(reference)

            lanes = [asyncio.create_task(lane()) for _ in range(LANES)]
            await asyncio.wait(lanes, timeout=0.2)
            place.fill()
            await asyncio.gather(*lanes)
            assert full.is_set()
            place.free()
            await until_well(web)
        return accepted, refused

    async def outer() -> None:
        accepted, refused = await scenario()
        place.hub.stop()
        found = await asyncio.to_thread(references, place.hub)
        assert accepted <= found
        assert not refused & found
        print(f"bar: {len(accepted)} accepted, {len(refused)} refused")

    run(outer())


def references(hub: stage.Hub) -> set[str]:
    """Read from the database which submits it holds."""
    url = hub.settings.get("database_url")
    if url is None:
        verify(hub.folder / "hub.db")
        with closing(sqlite3.connect(hub.folder / "hub.db")) as db:
            return {reference for (reference,) in db.execute("SELECT reference FROM task")}

    async def read() -> set[str]:
        import asyncpg

        connection = await asyncpg.connect(url)
        try:
            return {row[0] for row in await connection.fetch("SELECT reference FROM task")}
        finally:
            await connection.close()

    return asyncio.run(read())
