"""What exactly ran is written down once, and told of each task: the function's text, the release, the environment."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from arkitekt_next.sdk.environment import LIMIT_CHARS, describe_environment
from arkitekt_next.storage import history_tables as h
from tests.support.data import on_loop
from tests.support.raw import RawClient, client, definition, sign_in
from tests.support.rest import rest

pytestmark = pytest.mark.requirement("data.provenance")

ENVIRONMENT = {"python": "3.12.3", "implementation": "CPython", "packages": ["numpy==2.1.0"], "platform": "Linux"}


def count(hub: Any, table: Any) -> int:
    async def read() -> int:
        async with hub.app.state.hub.database.engine.connect() as db:
            return int((await db.execute(select(func.count()).select_from(table))).scalar_one())

    return on_loop(hub, read())


async def ran(hub: Any, agent: RawClient, caller: RawClient, action: str) -> dict[str, dict[str, Any]]:
    """Call a function to its end; give the nodes of the task's history by kind."""
    task = await caller.submit(action, {"a": 1})
    await agent.assigned(task)
    await agent.report("ended", task, status="completed", returns=[1])
    await caller.expect("outcome", task=task)
    return await history(hub, task)


async def history(hub: Any, task: str) -> dict[str, dict[str, Any]]:
    token = await asyncio.to_thread(sign_in, hub.url, hub.folder, "caller")
    async with rest(hub, token=token) as web:
        told = await web.get(f"/api/tasks/{task}/provenance")
        assert told.status_code == 200, told.text
        return {node["node"]: node for node in told.json()["nodes"]}


def test_an_environment_is_kept_once_however_many_agents_have_it(hub: Any) -> None:
    async def scene() -> None:
        app = f"x{uuid.uuid4().hex[:8]}"
        before = count(hub, h.environment)
        marked = {**ENVIRONMENT, "platform": app}
        async with client(hub, app) as one, client(hub, app) as two, client(hub, "caller") as caller:
            for agent in (one, two):
                await agent.provide(definition("add"), environment=marked, mode="prod")
            assert count(hub, h.environment) == before + 1
            await two.close()
            nodes = await ran(hub, one, caller, f"{app}.add")
            assert nodes["environment"]["packages"] == ["numpy==2.1.0"]
            assert nodes["environment"]["platform"] == app
            await one.provide(definition("add"))
            assert (await ran(hub, one, caller, f"{app}.add"))["environment"]["platform"] == app, "it was said before"

    asyncio.run(scene())


def test_each_task_tells_the_function_that_it_was_given_to(hub: Any) -> None:
    async def scene() -> None:
        app = f"x{uuid.uuid4().hex[:8]}"
        async with client(hub, app) as agent, client(hub, "caller") as caller:
            await agent.provide(definition("add"), function_hash="5b" * 32, capacity=1)
            first = await ran(hub, agent, caller, f"{app}.add")
            await agent.provide(definition("add"), function_hash="6c" * 32, capacity=1)
            second = await ran(hub, agent, caller, f"{app}.add")
            assert first["task"]["function_hash"] == "5b" * 32
            assert second["task"]["function_hash"] == "6c" * 32
            holder = await caller.submit(f"{app}.add", {"a": 1})
            await agent.assigned(holder)
            waiting = await caller.submit(f"{app}.add", {"a": 2})
            assert (await history(hub, waiting))["task"]["function_hash"] is None, "nobody has it yet"
            await agent.report("ended", holder, status="completed", returns=[1])
            await agent.assigned(waiting)
            assert (await history(hub, waiting))["task"]["function_hash"] == "6c" * 32

    asyncio.run(scene())


def test_a_hash_that_is_none_is_refused(hub: Any) -> None:
    async def scene() -> None:
        async with client(hub, f"x{uuid.uuid4().hex[:8]}") as agent:
            offer = {"definition": definition("add"), "function_hash": "a\0b"}
            await agent.send({"kind": "provide", "request": "p", "offers": [offer]})
            told = await agent.expect("unsupported")
            assert "function_hash" in str(told["error"])

    asyncio.run(scene())


def test_what_is_told_of_this_process_fits_a_message() -> None:
    told = describe_environment()
    assert told["packages"] == sorted(told["packages"])
    assert any(package.startswith("pydantic==") for package in told["packages"])
    assert sum(len(package) + 3 for package in told["packages"]) <= LIMIT_CHARS
    assert (told["omitted"], len(told["packages_hash"])) == (0, 64)
