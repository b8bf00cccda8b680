"""Functions declared pure: run once for the same arguments to the same process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next import App, call, easy
from arkitekt_next.embedded import serve
from tests.support.raw import RawClient, definition
from tests.support.teams import Someone, cast, sign_in_as
from tests.support.waiting import find_soon, scenario


@pytest.fixture(scope="module", autouse=True)
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("pure")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error") as server:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        yield server


@pytest.mark.requirement("declare.pure")
def test_a_pure_function_runs_once_for_the_same_arguments_to_the_same_process(hub: Any) -> None:
    ran: list[tuple[str, int, float]] = []

    def program(version: str) -> App:
        app = App("maths", version=version)

        @app.register(pure=True)
        def scaled(x: int, by: float = 2.0) -> float:
            ran.append((version, x, by))
            return x * by

        @app.register
        def counted(x: int) -> int:
            ran.append((version, x, 0.0))
            return x

        return app

    with easy("asker"):
        with program("1").run_detached():
            scaled = find_soon("maths.scaled")
            assert [scaled(x=3, by=0.5), scaled(by=0.5, x=3), scaled(3, 0.5)] == [1.5, 1.5, 1.5]
            assert scaled(4) == 8.0
            assert [find_soon("maths.counted")(1), call("maths.counted", 1)] == [1, 1]
            assert ran == [("1", 3, 0.5), ("1", 4, 2.0), ("1", 1, 0.0), ("1", 1, 0.0)]
            handle = scaled.submit(3, 0.5)
            assert handle.result(timeout=10) == 1.5
            assert "not run: task" in handle.logs[0].message
        with program("2").run_detached():
            assert call("maths.scaled", 3, 0.5) == 1.5
    assert ran[4:] == [("2", 3, 0.5)]


@pytest.mark.requirement("declare.pure")
def test_what_a_pure_function_raises_is_not_kept(hub: Any) -> None:
    moody, ran = App("moody"), list[int]()

    @moody.register(pure=True)
    def fails_first(x: int) -> int:
        ran.append(x)
        if len(ran) == 1:
            raise ValueError("not yet")
        return x

    with easy("asker"), moody.run_detached():
        with pytest.raises(ValueError, match="not yet"):
            find_soon("moody.fails_first")(1)
        assert [call("moody.fails_first", 1), call("moody.fails_first", 1)] == [1, 1]
    assert ran == [1, 1]


async def connect(hub: Any, person: Someone, app: str) -> RawClient:
    """Open a socket of somebody's."""
    return await RawClient(hub.url, await sign_in_as(hub, person.id, app), app).open()


@pytest.mark.requirement("declare.pure", "guard.roles")
@scenario
async def test_a_pure_function_does_not_tell_what_others_have_called_it_with(hub: Any) -> None:
    async with cast(hub, "member", "member", "member") as (ada, bob, maker):
        agent = await connect(hub, maker, "oracle")
        await agent.provide({**definition("judge", effects="none"), "pure": True})

        async def asked(person: Someone, a: int, **options: Any) -> tuple[bool, str]:
            """Call it; give whether it ran, and what its log says."""
            caller = await connect(hub, person, "web")
            task = await caller.submit("oracle.judge", {"a": a}, watch=True, **options)
            fetching = {
                asyncio.create_task(agent.assigned(task)),
                asyncio.create_task(caller.expect("outcome", task=task)),
            }
            _, waiting = await asyncio.wait(fetching, return_when=asyncio.FIRST_COMPLETED)
            [one.cancel() for one in waiting]
            has_run = bool(agent.of("assign", task=task))
            if has_run:
                await agent.acknowledged(await agent.report("ended", task, status="completed", returns=[a]))
            await caller.expect("outcome", task=task)
            said = " ".join(event["data"]["message"] for event in caller.of("event", task=task, name="log"))
            await caller.close()
            return has_run, said

        assert await asked(ada, 41, discreet=True) == (True, "")
        assert await asked(bob, 41) == (True, "")  # had it not run, bob would know what ada gave
        assert (await asked(ada, 41, discreet=True))[0] is False
        has_run, said = await asked(ada, 41)
        assert (has_run, said.partition(" was called")[0]) == (False, "not run: a task")
        assert (await asked(bob, 41))[1].startswith("not run: task 0")
