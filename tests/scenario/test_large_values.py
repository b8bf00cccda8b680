"""Values at the edge of what a frame holds: passed on, or refused with a reason; never accepted and then stuck."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.raw import RawClient, client
from tests.support.rest import rest
from tests.support.waiting import scenario

GROWING = "[" + "1e15," * 40_000 + "0]"  # 200 kB here; each number is written 1000000000000000.0 on its way out


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, log_level="error") as running:
        yield running


@asynccontextmanager
async def echoing(server: Any, *, streams: bool = False) -> AsyncIterator[RawClient]:
    """An agent with one function of any JSON to any JSON."""
    async with client(server, f"e{uuid.uuid4().hex[:8]}") as agent:
        port = {"key": "x", "kind": "json"}
        offer = {"name": "echo", "args": [port], "returns": [port], "kind": "generator" if streams else "function"}
        await agent.provide(offer)
        yield agent


def ended(task: str, epoch: int, value: str) -> str:
    """A report of success whose result is written as given."""
    report = {"kind": "ended", "task": task, "attempt": 1, "epoch": epoch, "seq": 1, "status": "completed"}
    return json.dumps([report])[:-2] + f',"returns":[{value}]}}]'


@scenario
async def test_arguments_over_http_that_fit_no_frame_are_refused_and_nothing_is_recorded(server: Any) -> None:
    async with rest(server) as web, echoing(server) as agent:
        action = f"{agent.app}.echo"
        for text in ("x" * 700_000, "µ" * 400_000):
            refused = await web.post("/api/tasks", json={"action": action, "args": {"x": text}})
            assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
        assert (await web.get(f"/api/tasks?action={action}")).json()["items"] == []
        text = "x" * 400_000
        task = (await web.post("/api/tasks", json={"action": action, "args": {"x": text}})).json()["task"]
        assert (await agent.assigned(task))["args"] == {"x": text}


@scenario
async def test_arguments_that_grow_when_they_are_written_again_are_refused(server: Any) -> None:
    async with echoing(server) as agent, client(server, "caller") as caller:
        head = f'[{{"kind":"submit","reference":"r-{agent.app}","action":"{agent.app}.echo","args":{{"x":'
        await caller.socket.send(head + GROWING + "}}]")
        refused = await caller.expect("refused", request=f"r-{agent.app}")
        assert refused["error"]["code"] == "too_large"


@scenario
async def test_a_result_that_can_not_be_passed_on_fails_its_task_and_the_agent_goes_on(server: Any) -> None:
    async with echoing(server) as agent, client(server, "caller") as caller:
        task = await caller.submit(f"{agent.app}.echo", {"x": 1})
        assigned = await agent.assigned(task)
        await agent.socket.send(ended(task, assigned["epoch"], GROWING))
        outcome = await caller.expect("outcome", task=task)
        assert (outcome["status"], outcome["error"]["error"]["code"]) == ("failed", "too_large")
        await agent.acknowledged(1)
        again = await caller.submit(f"{agent.app}.echo", {"x": 2})
        await agent.assigned(again)
        await agent.report("ended", again, seq=2, status="completed", returns=[2])
        assert (await caller.expect("outcome", task=again))["returns"] == [2]


@scenario
async def test_a_yield_that_can_not_be_passed_on_fails_its_task(server: Any) -> None:
    async with echoing(server, streams=True) as agent, client(server, "caller") as caller:
        task = await caller.submit(f"{agent.app}.echo", {"x": 1})
        assigned = await agent.assigned(task)
        head = {"kind": "yielded", "task": task, "attempt": 1, "epoch": assigned["epoch"], "seq": 1, "first": 0}
        await agent.socket.send(json.dumps([head])[:-2] + f',"values":[[{GROWING}]]}}]')
        outcome = await caller.expect("outcome", task=task)
        assert outcome["status"] == "failed"
        assert "yielded" in outcome["error"]["message"]
        await agent.expect("stale", task=task)


@scenario
async def test_a_lone_surrogate_does_not_make_other_text_too_large(server: Any) -> None:
    text = "µ" * 120_000 + "\ud800"
    body = json.dumps(text, ensure_ascii=False).replace("\ud800", "\\ud800")
    async with echoing(server) as agent, client(server, "caller") as caller:
        head = f'[{{"kind":"submit","reference":"s-{agent.app}","action":"{agent.app}.echo","args":{{"x":'
        await caller.socket.send(head + body + "}}]")
        accepted = await caller.expect("accepted", reference=f"s-{agent.app}")
        assigned = await agent.assigned(accepted["task"])
        assert assigned["args"] == {"x": text}
        await agent.socket.send(ended(accepted["task"], assigned["epoch"], body))
        assert (await caller.expect("outcome", task=accepted["task"]))["returns"] == [text]
