"""Server-sent events: pushed in order, resumed without gap or duplicate, bounded for a reader that does not read."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.tasks.stream import PERSON_STREAM_LIMIT
from tests.support.raw import definition, sign_in
from tests.support.rest import rest, worker
from tests.support.teams import someone
from tests.support.waiting import scenario

HEARTBEAT_S = 0.2
BLOCKS = 400


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, heartbeat_s=HEARTBEAT_S, reader_limit_bytes=65536, log_level="error") as running:
        yield running


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[tuple[int | None, str, dict[str, Any]]]:
    """Read a stream as a browser does: (id, event, data)."""
    number: int | None = None
    kind = "message"
    async for line in lines:
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            yield number, kind, json.loads(line[6:])


async def follow(web: Any, task: str, *, after: int = 0, last_event_id: int | None = None) -> list[Any]:
    headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
    async with web.stream("GET", f"/api/tasks/{task}/stream?after={after}", headers=headers) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        return [event async for event in events_of(stream.aiter_lines())]


async def submit(web: Any, action: str, args: Any) -> str:
    return (await web.post("/api/tasks", json={"action": action, "args": args})).json()["task"]


@pytest.mark.requirement("wire.events")
@scenario
async def test_events_are_pushed_while_the_task_runs_and_the_stream_ends_with_the_outcome(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = await submit(web, f"{w.app}.hold", {"a": 3})
        names: list[str] = []
        async with web.stream("GET", f"/api/tasks/{task}/stream") as stream:
            async for number, kind, data in events_of(stream.aiter_lines()):
                names.append(data.get("name", kind))
                assert data["task"] == task
                if data["number"]:
                    assert number == data["number"]
                if names[-1] == "log":
                    w.let_go(task)  # so what follows can only have been pushed
        assert [n for n in names if n != "progress"] == ["queued", "assigned", "started", "log", "outcome"]
        assert data["returns"] == [3]


@pytest.mark.requirement("wire.events", "I5")
@scenario
async def test_an_ended_task_is_told_from_the_start_and_resumed_from_any_number(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = await submit(web, f"{w.app}.count", {"a": 25})
        whole = await follow(web, task)
        assert [v for _, kind, data in whole if kind == "values" for v in data["values"]] == [[n] for n in range(25)]
        numbers = [number for number, _, _ in whole]
        assert numbers == sorted(set(numbers))
        for at in (0, 1, 5, len(whole) - 2):
            seen = numbers[at]
            assert await follow(web, task, last_event_id=seen) == whole[at + 1 :]
            assert await follow(web, task, after=seen) == whole[at + 1 :]
        assert await follow(web, task, after=0, last_event_id=numbers[3]) == whole[4:]
        done = await web.get(f"/api/tasks/{task}/stream", headers={"Last-Event-ID": str(numbers[-1])})
        assert done.status_code == 204  # a browser stops reconnecting


@pytest.mark.requirement("wire.events")
@scenario
async def test_a_browser_that_reconnects_in_the_middle_misses_nothing(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = await submit(web, f"{w.app}.hold", {"a": 1})
        first: list[int] = []
        async with web.stream("GET", f"/api/tasks/{task}/stream") as stream:
            async for number, _, data in events_of(stream.aiter_lines()):
                if data["number"]:
                    first.append(number or 0)
                if data.get("name") == "log":
                    break
        w.let_go(task)
        rest_of_it = await follow(web, task, last_event_id=first[-1])
        numbers = first + [number for number, _, _ in rest_of_it]
        assert numbers == [1, 2, 3, 4, 5]
        assert rest_of_it[-1][1] == "outcome"


@scenario
async def test_a_silent_stream_carries_heartbeats(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = await submit(web, f"{w.app}.hold", {"a": 1})
        beats = 0
        async with web.stream("GET", f"/api/tasks/{task}/stream") as stream:
            async for line in stream.aiter_lines():
                beats += line.startswith(":")
                if beats == 3:
                    w.let_go(task)
        assert beats >= 3


@scenario
async def test_many_follow_one_task_and_leave_nothing_behind(server: Any) -> None:
    async with rest(server) as web, worker(server) as w:
        task = await submit(web, f"{w.app}.hold", {"a": 1})
        followers = [asyncio.create_task(follow(web, task)) for _ in range(20)]
        await w.agent.assigned(task)
        board = server.app.state.hub.board
        while len(board.streams) < 20:
            await asyncio.sleep(0.001)
        w.let_go(task)
        told = await asyncio.gather(*followers)
        assert {json.dumps([e for e in events if e[2]["number"]]) for events in told} == {
            json.dumps([e for e in told[0] if e[2]["number"]])
        }
        while board.streams:
            await asyncio.sleep(0.001)


@pytest.mark.requirement("bar.stalled-reader")
@scenario
async def test_a_reader_that_does_not_read_costs_bounded_memory_and_misses_nothing(server: Any) -> None:
    block = "x" * 20_000
    token = await asyncio.to_thread(sign_in, server.url, server.folder, "web")
    async with rest(server, token=token) as web, worker(server) as w:
        offer = definition("flood", generator=True)
        offer["returns"] = [{"key": "out", "kind": "string"}]
        await w.agent.provide(offer)
        w.agent.on_message = lambda message: None
        task = await submit(web, f"{w.app}.flood", {"a": 1})
        await w.agent.assigned(task)
        host, port = server.url.removeprefix("http://").split(":")
        lazy = socket.create_connection((host, int(port)))
        request = f"GET /api/tasks/{task}/stream HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        lazy.sendall(request.encode())
        board = server.app.state.hub.board
        while not board.streams:
            await asyncio.sleep(0.001)
        (stream,) = board.streams
        largest = 0
        for first in range(BLOCKS):
            seq = await w.agent.report("yielded", task, first=first, values=[[block]])
            await w.agent.acknowledged(seq)
            largest = max(largest, stream._buffered_bytes)
        await w.agent.report("ended", task, status="completed", yields=BLOCKS)
        assert largest < 4 * 65536
        received = await asyncio.to_thread(read_all, lazy)
        firsts = [
            json.loads(line[6:])["first"] for line in received.splitlines() if line.startswith('data: {"kind":"val')
        ]
        assert firsts == list(range(BLOCKS))
        assert "event: outcome" in received


def read_all(lazy: socket.socket) -> str:
    """Read a chunked response to its end."""
    lazy.settimeout(20)
    raw = b""
    while not raw.endswith(b"0\r\n\r\n"):
        part = lazy.recv(65536)
        if not part:
            break
        raw += part
    lazy.close()
    body, out = raw.partition(b"\r\n\r\n")[2], b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        out, body = out + body[:length], body[length + 2 :]
    return out.decode()


@scenario
async def test_unknown_tasks_and_bad_numbers_are_refused_before_anything_is_streamed(server: Any) -> None:
    async with rest(server) as web:
        assert (await web.get("/api/tasks/none/stream")).status_code == 404
        assert (await web.get("/api/tasks/none/stream?after=-1")).status_code == 422
        assert (await web.get("/api/tasks/none/stream", headers={"Last-Event-ID": "x"})).status_code == 422


@pytest.mark.requirement("bar.overload")
@scenario
async def test_one_person_leaves_others_room_for_their_streams(server: Any) -> None:
    async with rest(server) as web, worker(server) as w, someone(server, "member") as greedy:
        task = (await web.post("/api/tasks", json={"action": f"{w.app}.hold", "args": {"a": 1}})).json()["task"]
        path = f"/api/tasks/{task}/stream"
        streams = server.app.state.hub.board.streams
        headers = {"authorization": f"Bearer {greedy.token}"}
        async with AsyncExitStack() as opened:
            many = httpx2.AsyncClient(base_url=server.url, headers=headers, limits=httpx2.Limits())
            await opened.enter_async_context(many)
            for _ in range(PERSON_STREAM_LIMIT):
                answer = await opened.enter_async_context(many.stream("GET", path))
                assert answer.status_code == 200
            refused = await greedy.web.get(path)
            assert (refused.status_code, refused.json()["code"]) == (429, "busy")
            assert int(refused.headers["retry-after"]) > 0
            async with web.stream("GET", path) as answer:
                assert answer.status_code == 200
        async with asyncio.timeout(20):
            while streams:
                await asyncio.sleep(0.01)
        w.let_go(task)


def test_a_hub_that_stops_ends_its_streams() -> None:
    with serve(grace_s=0.5, log_level="error") as running:
        opened = threading.Event()
        seen: list[str] = []

        async def watch() -> None:
            async with rest(running) as web, worker(running) as w:
                task = await submit(web, f"{w.app}.hold", {"a": 1})
                async with web.stream("GET", f"/api/tasks/{task}/stream") as stream:
                    async for line in stream.aiter_lines():
                        seen.append(line)
                        if '"log"' in line:
                            opened.set()

        thread = threading.Thread(target=lambda: asyncio.run(asyncio.wait_for(watch(), 30)))
        thread.start()
        assert opened.wait(20)
        running.stop()
        thread.join(20)
        assert not thread.is_alive()
    assert "event: outcome" not in seen
