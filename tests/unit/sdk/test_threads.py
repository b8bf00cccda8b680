"""The thread pool: reuse, bursts, blocking jobs."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator

import pytest

from arkitekt_next.sdk.loop import LoopThread
from arkitekt_next.sdk.threads import ThreadPool
from tests.support.waiting import until


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread("test-loop")
    yield thread
    thread.stop()


@pytest.fixture
def pool(loop: LoopThread) -> Iterator[ThreadPool]:
    made = ThreadPool("test", loop.loop.call_later)
    yield made
    loop.loop.call_soon_threadsafe(made.close)


def submit(loop: LoopThread, pool: ThreadPool, *jobs) -> None:  # type: ignore[no-untyped-def]
    def all_at_once() -> None:
        for function, argument in jobs:
            pool.submit(function, argument)

    loop.loop.call_soon_threadsafe(all_at_once)


def test_jobs_one_after_another_use_one_thread(loop: LoopThread, pool: ThreadPool) -> None:
    names: list[str] = []
    for number in range(50):
        submit(loop, pool, (lambda _: names.append(threading.current_thread().name), None))
        until(lambda number=number: len(names) == number + 1)  # type: ignore[misc]
    assert len(set(names)) <= 2


def test_blocking_jobs_do_not_hold_up_each_other(loop: LoopThread, pool: ThreadPool) -> None:
    together = threading.Barrier(20)
    passed: list[int] = []

    def meet(number: int) -> None:
        together.wait(5)
        passed.append(number)

    submit(loop, pool, *((meet, number) for number in range(20)))
    assert until(lambda: len(passed) == 20)


def test_a_short_job_behind_a_blocking_one_waits_milliseconds(loop: LoopThread, pool: ThreadPool) -> None:
    go, done = threading.Event(), threading.Event()
    submit(loop, pool, (lambda _: go.wait(10), None), (lambda _: done.set(), None))
    began = time.monotonic()
    assert done.wait(5)
    assert time.monotonic() - began < 1
    go.set()


def test_every_job_of_a_long_burst_is_run_once(loop: LoopThread, pool: ThreadPool) -> None:
    ran: list[int] = []
    for start in range(0, 5000, 500):
        submit(loop, pool, *((ran.append, number) for number in range(start, start + 500)))
    assert until(lambda: len(ran) == 5000)
    assert sorted(ran) == list(range(5000))


def test_a_job_leaves_no_context_behind(loop: LoopThread, pool: ThreadPool) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    def job(_: None) -> None:
        seen.append(variable.get())
        variable.set("left")

    for count in (1, 2):
        submit(loop, pool, (job, None))
        until(lambda count=count: len(seen) == count)  # type: ignore[misc]
    assert seen == ["unset", "unset"]


def test_idle_threads_end_when_the_pool_is_closed(loop: LoopThread, pool: ThreadPool) -> None:
    threads: list[threading.Thread] = []
    submit(loop, pool, (lambda _: threads.append(threading.current_thread()), None))
    until(lambda: threads)
    loop.loop.call_soon_threadsafe(pool.close)
    threads[0].join(5)
    assert not threads[0].is_alive()
