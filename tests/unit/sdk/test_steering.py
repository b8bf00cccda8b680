"""Cancelling, interrupting, pausing; limits and locks; what a stuck function keeps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from arkitekt_next import App, acall, apausepoint, call, log, pausepoint, progress, submit
from arkitekt_next.errors import LockReentered, TaskCancelled, TaskInterrupted
from tests.support.waiting import find_soon, until


@pytest.mark.requirement("call.cancel")
def test_an_async_function_is_cancelled_at_its_await_and_may_clean_up(local_app: App) -> None:
    begun, cleaned = threading.Event(), threading.Event()

    @local_app.register
    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    handle = find_soon("local.forever").submit()
    assert begun.wait(5)
    handle.cancel(reason="enough")
    with pytest.raises(TaskCancelled, match="enough"):
        handle.result(timeout=5)
    assert cleaned.is_set()


@pytest.mark.requirement("call.cancel")
@pytest.mark.parametrize("form", ["progress", "log", "pausepoint", "yield"])
def test_a_plain_function_is_cancelled_where_it_speaks(local_app: App, form: str) -> None:
    begun, cleaned = threading.Event(), threading.Event()

    def speak() -> None:
        {"progress": lambda: progress(1), "log": lambda: log("x"), "pausepoint": pausepoint}[form]()

    def loop() -> Iterator[int]:
        begun.set()
        try:
            while True:
                try:
                    if form != "yield":
                        speak()
                    yield 1
                except Exception:  # a cancel passes by what catches everything
                    continue
        finally:
            cleaned.set()

    @local_app.register
    def function() -> None:
        for _ in loop():
            pass

    @local_app.register
    def stream() -> Iterator[int]:
        yield from loop()

    handle = find_soon("local.stream" if form == "yield" else "local.function").submit()
    assert begun.wait(5)
    handle.cancel()
    assert until(lambda: handle.status == "cancelled")
    assert cleaned.wait(5)


@pytest.mark.requirement("call.cancel")
def test_an_async_stream_is_cancelled_while_it_waits_for_its_reader(local_app: App) -> None:
    cleaned = threading.Event()

    @local_app.register
    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            cleaned.set()

    handle = find_soon("local.endless").with_options(window=4).submit()
    until(lambda: handle._call.received == 4)
    handle.cancel()
    assert cleaned.wait(5)
    assert until(lambda: handle.status == "cancelled")


@pytest.mark.requirement("call.cancel", "I7")
def test_a_thread_that_does_not_stop_is_interrupted_and_keeps_its_place_until_it_ends(local_app: App) -> None:
    begun, go = threading.Event(), threading.Event()
    turns: list[int] = []

    @local_app.register(concurrency=1, locks=["stage"])
    def stuck(turn: int) -> None:
        turns.append(turn)
        begun.set()
        if turn == 1:
            go.wait(20)

    first = find_soon("local.stuck").submit(1)
    assert begun.wait(5)
    second = submit("local.stuck", 2)
    first.cancel(deadline=0.05)
    with pytest.raises(TaskInterrupted):
        first.result(timeout=5)
    shown = local_app.status()
    assert [(t["task"], t["state"]) for t in shown["tasks"]] == [(first.id, "abandoned"), (second.id, "waiting")]
    assert shown["locks"] == {"stage": first.id}
    assert turns == [1]
    go.set()
    second.result(timeout=5)
    assert turns == [1, 2]
    assert until(lambda: local_app.status()["locks"] == {})


@pytest.mark.requirement("call.cancel")
def test_an_interrupt_does_not_wait(local_app: App) -> None:
    begun, go = threading.Event(), threading.Event()

    @local_app.register
    def stuck() -> None:
        begun.set()
        go.wait(20)

    handle = find_soon("local.stuck").submit()
    assert begun.wait(5)
    handle.interrupt()
    with pytest.raises(TaskInterrupted):
        handle.result(timeout=5)
    go.set()


@pytest.mark.requirement("call.cancel")
def test_a_task_that_waits_for_its_turn_is_cancelled_at_once(local_app: App) -> None:
    begun, go = threading.Event(), threading.Event()

    @local_app.register(concurrency=1)
    def one_at_a_time() -> int:
        begun.set()
        go.wait(20)
        return 1

    first = find_soon("local.one_at_a_time").submit()
    assert begun.wait(5)
    second, third = submit("local.one_at_a_time"), submit("local.one_at_a_time")
    second.cancel()
    with pytest.raises(TaskCancelled):
        second.result(timeout=5)
    go.set()
    assert (first.result(timeout=5), third.result(timeout=5)) == (1, 1)


@pytest.mark.requirement("call.pause")
@pytest.mark.parametrize("is_async", [False, True])
def test_a_paused_task_stands_at_its_pause_point_until_it_is_resumed(local_app: App, is_async: bool) -> None:
    passed: list[int] = []
    begun, go = threading.Event(), threading.Event()

    @local_app.register(name="steps")
    def plain() -> None:
        begun.set()
        go.wait(5)
        for number in range(4):
            pausepoint()
            passed.append(number)

    @local_app.register(name="asteps")
    async def soon() -> None:
        begun.set()
        await asyncio.to_thread(go.wait, 5)
        for number in range(4):
            await apausepoint()
            passed.append(number)

    handle = find_soon("local.asteps" if is_async else "local.steps").submit()
    assert begun.wait(5)
    handle.pause()
    go.set()
    assert until(lambda: handle.status == "paused")
    assert passed == []
    handle.step()
    assert until(lambda: passed == [0])
    assert until(lambda: handle.status == "paused")
    handle.resume()
    handle.result(timeout=5)
    assert passed == [0, 1, 2, 3]


def test_a_paused_task_can_be_cancelled(local_app: App) -> None:
    @local_app.register
    def paused() -> None:
        while True:
            pausepoint()

    handle = find_soon("local.paused").submit()
    handle.pause()
    assert until(lambda: handle.status == "paused")
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(timeout=5)


@pytest.mark.requirement("declare.concurrency")
def test_no_more_run_at_once_than_the_limit_allows(local_app: App) -> None:
    running, most, lock = [], [0], threading.Lock()
    arrived = threading.Semaphore(0)
    go = threading.Event()

    @local_app.register(concurrency=3)
    def limited(number: int) -> int:
        with lock:
            running.append(number)
            most[0] = max(most[0], len(running))
        arrived.release()
        go.wait(10)
        with lock:
            running.remove(number)
        return number

    found = find_soon("local.limited")
    handles = [found.submit(number) for number in range(9)]
    assert all(arrived.acquire(timeout=5) for _ in range(3))
    assert not arrived.acquire(timeout=0.05)
    go.set()
    assert [handle.result(timeout=5) for handle in handles] == list(range(9))
    assert most[0] == 3


@pytest.mark.requirement("declare.locks")
def test_functions_that_share_a_lock_never_run_together(local_app: App) -> None:
    inside, worst = [0], [0]
    counting = threading.Lock()

    def enter() -> None:
        with counting:
            inside[0] += 1
            worst[0] = max(worst[0], inside[0])
        threading.Event().wait(0.002)
        with counting:
            inside[0] -= 1

    @local_app.register(locks=["stage", "camera"])
    def move() -> None:
        enter()

    @local_app.register(locks=["camera"])
    async def snap() -> None:
        await asyncio.to_thread(enter)

    find_soon("local.snap")
    handles = [submit(name) for _ in range(15) for name in ("local.move", "local.snap")]
    for handle in handles:
        handle.result(timeout=10)
    assert worst[0] == 1


@pytest.mark.requirement("declare.locks")
def test_asking_for_a_lock_that_the_caller_holds_is_refused_not_hung(local_app: App) -> None:
    @local_app.register(locks=["stage"])
    def inner() -> int:
        return 1

    @local_app.register
    async def between() -> int:
        return int(await acall("local.inner"))

    @local_app.register(locks=["stage"])
    def outer() -> int:
        return int(call("local.between"))

    @local_app.register
    def top() -> int:
        return int(call("local.outer"))

    for name in ("local.outer", "local.top"):
        with pytest.raises(LockReentered, match="needs the lock 'stage', which its caller outer"):
            find_soon(name)()
    assert call("local.between") == 1


@pytest.mark.requirement("declare.locks")
def test_a_sibling_that_holds_the_lock_is_waited_for(local_app: App) -> None:
    @local_app.register(locks=["stage"])
    async def step(number: int) -> int:
        await asyncio.sleep(0)
        return number

    @local_app.register
    async def both() -> int:
        return sum(await asyncio.gather(acall("local.step", 1), acall("local.step", 2)))

    assert find_soon("local.both")() == 3


@pytest.mark.requirement("call.cancel")
def test_cleaning_up_after_a_cancel_may_log_and_call(local_app: App) -> None:
    begun, cleaned = threading.Event(), list[int]()

    @local_app.register
    def park(stage: int) -> int:
        return stage

    @local_app.register
    def scans() -> None:
        try:
            while True:
                begun.set()
                pausepoint()
                threading.Event().wait(0.001)
        finally:
            log("parking")
            progress(100, "parking")
            cleaned.append(call("local.park", 7))

    handle = find_soon("local.scans").submit()
    assert begun.wait(5)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(timeout=10)
    assert cleaned == [7]
    assert ("info", "parking") in handle.logs


@pytest.mark.requirement("declare.locks")
def test_a_lock_its_caller_holds_is_refused_also_when_another_has_the_place(local_app: App) -> None:
    scanning, go = threading.Event(), threading.Event()

    @local_app.register(concurrency=1, locks=["stage"])
    def move() -> int:
        return 1

    @local_app.register(locks=["stage"])
    def scan() -> int:
        scanning.set()
        assert go.wait(10)
        return int(call("local.move"))

    find_soon("local.move")
    scan_handle = submit("local.scan")
    assert scanning.wait(10)
    move_handle = submit("local.move")  # takes the place, and waits for the lock
    assert until(lambda: any(task["action"] == "move" for task in local_app.status()["tasks"]))
    go.set()
    with pytest.raises(LockReentered, match="the lock 'stage', which its caller scan"):
        scan_handle.result(timeout=10)
    assert move_handle.result(timeout=10) == 1
