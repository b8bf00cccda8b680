"""Functions that wait for what only their own callers could give back: refused where they would hang, never hung."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from arkitekt_next import App, acall, call, easy, submit
from arkitekt_next.embedded import serve
from arkitekt_next.errors import LockReentered
from tests.support.waiting import find_soon, until


@pytest.fixture(scope="module", autouse=True)
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("reentrancy")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error") as server:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        yield server


@pytest.mark.requirement("declare.locks")
def test_a_lock_held_further_up_and_elsewhere_is_refused_not_waited_for(hub: Any) -> None:
    stage, first, second, above = App("stage"), App("first"), App("second"), App("above")

    @stage.register(locks=["stage"])
    def hold() -> str:
        return str(call("first.step"))

    @stage.register(locks=["stage"])
    def want() -> str:
        return "moved"

    @first.register
    def step() -> str:
        return str(call("second.step"))

    @second.register(name="step")
    def step_on() -> str:
        return str(call("stage.want"))

    @above.register
    def top() -> str:
        return str(call("stage.hold"))

    with ExitStack() as running, easy("climber"):
        for app in (stage, first, second, above):
            running.enter_context(app.run_detached())
        for name in ("stage.hold", "above.top"):
            with pytest.raises(LockReentered, match=r"the lock 'stage', which its caller hold"):
                find_soon(name)()
        assert call("second.step") == "moved"


def test_what_a_task_calls_in_its_own_full_app_does_not_wait_for_it(hub: Any) -> None:
    small, inside, most = App("small", capacity=2), [0], [0]

    @small.register
    async def outer(count: int) -> int:
        return sum(await asyncio.gather(*(acall("small.inner", number) for number in range(count))))

    @small.register
    async def inner(number: int) -> int:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        await asyncio.sleep(0.001)
        inside[0] -= 1
        return number

    @small.register
    def deep(levels: int) -> int:
        return 0 if levels == 0 else 1 + int(call("small.deep", levels - 1))

    with small.run_detached(), easy("outsider"):
        assert find_soon("small.outer")(count=30, timeout=20) == 435
        assert most[0] <= 2  # the room is exceeded only where nothing would go on else
        assert call("small.deep", 6, timeout=10) == 6


def test_a_function_that_calls_itself_beyond_its_limit_is_refused_not_hung(hub: Any) -> None:
    limited, done = App("limited"), list[int]()
    both = threading.Barrier(2, timeout=10)

    @limited.register(concurrency=1)
    def down(steps: int) -> int:
        return 0 if steps == 0 else 1 + int(call("limited.down", steps - 1))

    @limited.register(concurrency=2)
    def pair(depth: int) -> int:
        if depth:
            return 0
        both.wait()
        return 1 + int(call("limited.pair", 1))

    @limited.register(concurrency=1)
    def onwards(left: int) -> None:
        done.append(left)
        if left:
            submit("limited.onwards", left - 1)  # it waits for nothing, so this runs when it has ended

    with limited.run_detached(), easy("outsider"):
        with pytest.raises(LockReentered, match=r"one of its 1 places \(concurrency=1\), which its caller down"):
            find_soon("limited.down")(3, timeout=10)
        assert call("limited.down", 0, timeout=10) == 0
        ends = list[object]()
        for handle in [submit("limited.pair", 0), submit("limited.pair", 0)]:
            try:
                ends.append(handle.result(timeout=10))
            except LockReentered:
                ends.append(None)
        assert sorted(ends, key=str) == [1, None]  # one gives way, and the other ends as it should
        call("limited.onwards", 3, timeout=10)
        assert until(lambda: done == [3, 2, 1, 0])


@pytest.mark.requirement("declare.locks")
def test_a_lock_its_caller_holds_is_refused_also_when_an_outsider_has_the_only_place(hub: Any) -> None:
    stage, scanning, go = App("stage"), threading.Event(), threading.Event()

    @stage.register(concurrency=1, locks=["stage"])
    def move(to: int) -> int:
        return to

    @stage.register(locks=["stage"])
    def scan() -> int:
        scanning.set()
        assert go.wait(10)
        return int(call("stage.move", 2))

    with stage.run_detached(), easy("outsider"):
        scan_handle = find_soon("stage.scan").submit()
        assert scanning.wait(10)
        move_handle = submit("stage.move", 1)  # takes the only place, and waits for the lock
        assert until(lambda: any(task["action"] == "move" for task in stage.status()["tasks"]))
        go.set()
        with pytest.raises(LockReentered, match="the lock 'stage', which its caller scan"):
            scan_handle.result(timeout=10)
        assert move_handle.result(timeout=10) == 1


@pytest.mark.requirement("declare.locks")
def test_what_a_holder_calls_goes_to_an_agent_where_the_lock_is_free(hub: Any) -> None:
    first, second = App("stage", labels=["first"]), App("stage", labels=["second"])
    for app in (first, second):

        @app.register(concurrency=1, locks=["stage"])
        def move(depth: int) -> int:
            return 0 if depth == 0 else 1 + int(call("stage.move", depth - 1))

    with first.run_detached(), second.run_detached(), easy("outsider"):
        assert find_soon("stage.move").with_options(labels=["first"])(1, timeout=10) == 1
        with pytest.raises(LockReentered):
            call("stage.move", 2, timeout=10)
