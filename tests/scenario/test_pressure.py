"""More than a hub takes, and readers that take nothing: refused with a time, bounded, dropped; the others go on.

Figures at full size come from `python -m benchmarks.pressure`, which `make bars` runs.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.raw import RawClient, client, definition, sign_in
from tests.support.rest import rest, worker
from tests.support.teams import someone
from tests.support.waiting import scenario

BLOCK = "x" * 100_000
BUFFER_BYTES = 8 * 1024 * 1024
MOST_BLOCKS = 600


pytestmark = pytest.mark.alone


@pytest.mark.requirement("bar.overload")
@scenario
async def test_more_tasks_than_a_hub_holds_are_refused_as_busy_until_there_is_room() -> None:
    with serve(max_live_tasks=2, log_level="error") as server:
        async with rest(server) as web, worker(server) as w, client(server, "caller") as caller:
            hold = {"action": f"{w.app}.hold", "args": {"a": 1}}
            tasks = [(await web.post("/api/tasks", json=hold)).json()["task"] for _ in range(2)]
            refused = await web.post("/api/tasks", json=hold)
            assert (refused.status_code, refused.json()["code"]) == (429, "busy")
            assert int(refused.headers["retry-after"]) >= 1
            await caller.send({"kind": "submit", "reference": "r", **hold})
            error = (await caller.expect("refused", request="r"))["error"]
            assert (error["code"], error["fields"]["retry_after_s"] > 0) == ("busy", True)
            health = await web.get("/health")
            assert (health.status_code, health.json()["status"]) == (503, "degraded")
            for task in tasks:
                await w.agent.assigned(task)
                w.let_go(task)
            async with asyncio.timeout(20):
                while (await web.get("/health")).status_code != 200:
                    await asyncio.sleep(0.01)
            assert (await web.post("/api/tasks", json=hold)).status_code == 202


@pytest.mark.requirement("bar.overload")
@scenario
async def test_one_person_may_not_take_all_the_room_there_is() -> None:
    with serve(max_live_tasks_per_person=2, log_level="error") as server:
        async with rest(server) as web, worker(server) as w:
            hold = {"action": f"{w.app}.hold", "args": {"a": 1}}
            tasks = [(await web.post("/api/tasks", json=hold)).json()["task"] for _ in range(2)]
            refused = await web.post("/api/tasks", json=hold)
            assert (refused.status_code, refused.json()["code"]) == (429, "busy")
            assert "you have 2 tasks that wait or run" in refused.json()["message"]
            assert (await web.get("/health")).status_code == 200
            await w.agent.assigned(tasks[0])
            w.let_go(tasks[0])
            async with asyncio.timeout(20):
                while (await web.get(f"/api/tasks/{tasks[0]}")).json()["status"] != "completed":
                    await asyncio.sleep(0.01)
            assert (await web.post("/api/tasks", json=hold)).status_code == 202


@pytest.mark.requirement("bar.overload", "keep.health")
@scenario
async def test_arguments_beyond_what_memory_is_given_are_refused_until_tasks_have_ended() -> None:
    with serve(max_live_bytes=100_000, log_level="error") as server:
        async with rest(server) as web, client(server, "app") as agent:
            await agent.provide({**definition("keep"), "args": [{"key": "a", "kind": "string"}]})
            keep = {"action": "app.keep", "args": {"a": "x" * 60_000}}
            tasks = [(await web.post("/api/tasks", json=keep)).json()["task"] for _ in range(2)]
            refused = await web.post("/api/tasks", json=keep)
            assert (refused.status_code, refused.json()["code"]) == (429, "busy")
            health = (await web.get("/health")).json()
            assert (health["status"], health["reasons"]) == (
                "degraded",
                ["busy: " + refused.json()["fields"]["reason"]],
            )
            assert "the arguments of waiting and running tasks take 0.1 MiB" in health["reasons"][0]
            await agent.assigned(tasks[0])
            await agent.report("ended", tasks[0], status="completed", returns=[1])
            async with asyncio.timeout(20):
                while (await web.get("/health")).status_code != 200:
                    await asyncio.sleep(0.01)
            assert (await web.post("/api/tasks", json=keep)).status_code == 202


@pytest.mark.requirement("bar.overload")
@scenario
async def test_one_persons_arguments_leave_room_for_those_of_others() -> None:
    with serve(max_live_bytes=100_000, log_level="error") as server:
        async with rest(server) as web, client(server, "app") as agent, someone(server, "member") as greedy:
            await agent.provide({**definition("keep"), "args": [{"key": "a", "kind": "string"}]})
            keep = {"action": "app.keep", "args": {"a": "x" * 30_000}}
            for _ in range(3):
                assert (await greedy.web.post("/api/tasks", json=keep)).status_code == 202
            refused = await greedy.web.post("/api/tasks", json=keep)
            assert (refused.status_code, refused.json()["code"]) == (429, "busy")
            assert "the arguments of your waiting and running tasks take 0.1 MiB" in refused.json()["message"]
            assert (await web.get("/health")).status_code == 200
            assert (await web.post("/api/tasks", json=keep)).status_code == 202


async def gauge(web: Any, name: str) -> float:
    """Read one figure of the hub's metrics."""
    lines = (await web.get("/metrics")).text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))


async def answered(agent: RawClient, caller: RawClient) -> None:
    """Make one call of another function, to its end."""
    task = await caller.submit("app.add", {"a": 1})
    await agent.assigned(task)
    await agent.report("ended", task, status="completed", returns=[1])
    assert (await caller.expect("outcome", 5, task=task))["returns"] == [1]


@pytest.mark.requirement("bar.stalled-reader")
@scenario
async def test_a_reader_that_stalls_is_bounded_then_dropped_while_others_are_served() -> None:
    with serve(reader_limit_bytes=65536, reader_patience_s=0.5, log_level="error") as server:
        async with rest(server) as web, client(server, "app") as agent, client(server, "caller") as caller:
            flood = definition("flood", generator=True)
            flood["returns"] = [{"key": "out", "kind": "string"}]
            await agent.provide(flood, definition("add"))
            reader = await RawClient(server.url, await token_of(server), "stalled").open()
            task = await reader.submit("app.flood", {"a": 1})
            await agent.assigned(task)
            reader.socket.transport.pause_reading()
            largest, sent = 0.0, 0
            while not await gauge(web, "arkitekt_readers_dropped_total"):
                assert sent < MOST_BLOCKS, f"the reader was not dropped; {largest} bytes wait for it"
                await agent.acknowledged(await agent.report("yielded", task, first=sent, values=[[BLOCK]]))
                await answered(agent, caller)
                largest, sent = max(largest, await gauge(web, "arkitekt_reader_buffer_bytes_max")), sent + 1
            reader.drop()
            print(f"bar: N={sent} values of {len(BLOCK)} bytes, at most {largest:.0f} bytes waited")
            assert 0 < largest <= BUFFER_BYTES


async def token_of(server: Any) -> str:
    return await asyncio.to_thread(sign_in, server.url, server.folder, "stalled")
