"""Sockets that break again and again between the SDK and a real hub: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next import App
from tests.support.raw import client, definition
from tests.support.waiting import scenario

SEED = 20261122
BREAKS = 30
OPEN_CALLS = 600


@pytest.mark.requirement("agent.resume", "I5")
@pytest.mark.slow
def test_streams_and_calls_come_whole_through_many_breaks(hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    provider, caller = App("provider"), App("caller")
    runs: list[int] = []

    @provider.register
    def count(n: int) -> Iterator[int]:
        for value in range(n):
            if value % 50 == 0:
                done.wait(0.001)
            yield value

    @provider.register
    def once(number: int) -> int:
        runs.append(number)
        return number

    results: dict[int, int] = {}
    streams: dict[int, list[int]] = {}
    done = threading.Event()
    draw = random.Random(SEED)

    with provider.run_detached(), caller:
        found, stream = caller.find("provider.once"), caller.find("provider.count")

        def calls(lane: int) -> None:
            for number in range(lane * 1000, lane * 1000 + 150):
                results[number] = found(number)

        def reads(lane: int) -> None:
            streams[lane] = list(stream.with_options(window=256).iterate(4000))

        lanes = [threading.Thread(target=calls, args=(lane,)) for lane in range(4)]
        lanes += [threading.Thread(target=reads, args=(lane,)) for lane in range(4)]

        def breaks() -> None:
            for _ in range(BREAKS):
                connection = draw.choice([provider, caller]).link.connection
                connection.post(connection.cut)
                done.wait(draw.uniform(0.01, 0.15))

        breaker = threading.Thread(target=breaks)
        for thread in [*lanes, breaker]:
            thread.start()
        for thread in lanes:
            thread.join(60)
        done.set()
        breaker.join(60)
    with capsys.disabled():
        print(f"\nseed {SEED}: {BREAKS} breaks, {len(results)} calls, {sum(map(len, streams.values()))} values")
    assert results == {number: number for lane in range(4) for number in range(lane * 1000, lane * 1000 + 150)}
    assert sorted(runs) == sorted(results)
    assert streams == {lane: list(range(4000)) for lane in range(4)}


@pytest.mark.requirement("agent.resume")
@scenario
async def test_all_that_runs_is_attached_at_once_and_of_what_has_ended_so_much_as_can_be_looked_up(hub: Any) -> None:
    async with client(hub, "app") as agent, client(hub, "caller") as caller:
        await agent.provide(definition("add"))
        tasks = [await caller.submit("app.add", {"a": n}, watch=False) for n in range(OPEN_CALLS)]
        attaches = [{"kind": "attach", "request": f"r{n}", "task": task} for n, task in enumerate(tasks)]
        async with client(hub, "later") as later:
            await later.send(*attaches)
            for n in range(OPEN_CALLS):
                await later.expect("done", request=f"r{n}")
            assert not [message for message in later.seen if message["kind"] == "refused"]
            unknown = [{**attach, "task": f"{n:036}", "request": f"u{n}"} for n, attach in enumerate(attaches)]
            await later.send(*unknown)
            async with asyncio.timeout(20):
                while len(refused := [m["error"] for m in later.seen if m["kind"] == "refused"]) < OPEN_CALLS:
                    await asyncio.sleep(0.01)
            assert {error["code"] for error in refused} == {"busy", "not_found"}
            assert all(error["fields"]["retry_after_s"] > 0 for error in refused if error["code"] == "busy")


@pytest.mark.requirement("agent.resume", "I1")
def test_more_open_calls_than_a_connection_may_ask_about_at_once_all_come_back(hub: Any) -> None:
    provider, caller = App("provider"), App("caller")
    let_go = threading.Event()

    @provider.register
    async def hold(number: int) -> int:
        while not let_go.is_set():
            await asyncio.sleep(0.01)
        return number

    with provider.run_detached(), caller:
        found = caller.find("provider.hold")
        handles = [found.submit(number) for number in range(OPEN_CALLS)]
        connection = caller.link.connection
        connection.post(connection.cut)
        let_go.set()
        assert [handle.result(timeout=60) for handle in handles] == list(range(OPEN_CALLS))
