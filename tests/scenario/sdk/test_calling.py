"""The SDK with a real hub: finding, calling, streaming, cancelling, and scripts that do."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from arkitekt_next import App, Task, call, easy, find, iterate, submit
from arkitekt_next.errors import (
    Conflict,
    HubUnavailable,
    InvalidValue,
    NoAgent,
    NotFound,
    TaskCancelled,
    TaskFailed,
    TaskInterrupted,
    TaskTimeout,
)
from arkitekt_next.sdk.login import sign_in
from arkitekt_next.sdk.web import fetch
from tests.support.lab import Nucleus
from tests.support.scripts import Start
from tests.support.waiting import find_soon, until


@pytest.mark.requirement("call.find")
def test_a_function_is_found_called_and_shows_its_contract(caller: App) -> None:
    found = find("lab.add")
    assert found(2, b=3) == 5
    assert str(found.__signature__) == "(a: int, b: int = 1) -> int"
    assert found.agents_online == 1
    assert call("lab.aadd", 1) == 2


@pytest.mark.requirement("call.find")
def test_it_is_found_by_hash_and_by_what_it_takes_and_gives(caller: App) -> None:
    found = find("lab.add")
    assert find(hash=found.definition.definition_hash).action == "lab.add"
    assert find(args=[Nucleus], returns=[int]).action == "lab.size_of"
    with pytest.raises(NotFound):
        find("lab.nothing")


@pytest.mark.requirement("declare.structures")
def test_a_structure_travels_as_written_both_ways(caller: App) -> None:
    assert call("lab.size_of", Nucleus("four")) == 4
    made = call("lab.ref_to", "ada")
    assert (type(made), made.id) == (Nucleus, "ada")


@pytest.mark.requirement("call.checked")
def test_a_value_that_does_not_fit_is_refused(caller: App) -> None:
    with pytest.raises(InvalidValue, match="expected int"):
        call("lab.add", "x")


@pytest.mark.requirement("I5")
def test_a_stream_of_ten_thousand_has_no_gap_and_no_duplicate(caller: App) -> None:
    assert list(iterate("lab.count", 10_000)) == list(range(10_000))


@pytest.mark.requirement("call.errors")
def test_remote_errors_keep_type_traceback_task_and_agent(caller: App) -> None:
    with pytest.raises(ValueError, match="not today") as caught:
        call("lab.fails", "not today")
    error = caught.value
    assert isinstance(error, TaskFailed)
    assert error.task
    assert error.agent
    assert "lab.py" in error.remote_traceback


@pytest.mark.requirement("call.timeout")
def test_a_timeout_of_one_second_raises_in_about_one_second(caller: App) -> None:
    began = time.monotonic()
    with pytest.raises(TaskTimeout):
        call("lab.forever", timeout=1)
    assert 0.9 < time.monotonic() - began < 1.5


@pytest.mark.requirement("call.cancel", "I7")
def test_a_task_is_cancelled_and_a_stuck_one_interrupted(caller: App) -> None:
    handle = submit("lab.forever")
    handle.cancel(reason="enough")
    with pytest.raises(TaskCancelled):
        handle.result(timeout=5)
    handle = submit("lab.stuck", 3.0)
    until(lambda: handle.status == "running")
    handle.cancel(deadline=0.2)
    with pytest.raises(TaskInterrupted):
        handle.result(timeout=5)


@pytest.mark.requirement("call.prints")
def test_what_a_task_prints_is_in_its_log(caller: App) -> None:
    handle = submit("lab.talks")
    handle.result(timeout=5)
    assert ("stdout", "a line") in handle.logs


@pytest.mark.requirement("call.reference")
def test_a_reference_names_one_task_and_other_arguments_are_a_conflict(caller: App) -> None:
    first = submit("lab.add", 1, reference="once-only")
    again = submit("lab.add", 1, reference="once-only")
    assert (first.id, first.result(20)) == (again.id, again.result(5))
    with pytest.raises(Conflict):
        submit("lab.add", 2, reference="once-only")


@pytest.mark.requirement("call.waiting")
def test_a_task_waits_for_an_agent_unless_told_not_to(caller: App) -> None:
    app = App("sleepy")

    @app.register
    def wake() -> int:
        return 1

    with app.run_detached():
        found = find_soon("sleepy.wake")
        assert found() == 1
    until(lambda: find("sleepy.wake").agents_online == 0)
    with pytest.raises(NoAgent):
        found(wait_for_agent=False)
    waiting = found.submit()
    with app.run_detached():
        assert waiting.result(timeout=10) == 1


@pytest.mark.requirement("call.find", "call.routing")
def test_a_call_may_be_pinned_to_an_agent_or_to_labels(caller: App, lab: App) -> None:
    agent = lab.status()["agent"]
    assert find("lab.add", agent=agent)(1) == 2
    assert call("lab.add", 1, labels=["gpu"]) == 2
    with pytest.raises(TaskTimeout):
        call("lab.add", 1, labels=["tpu"], timeout=0.3)


@pytest.mark.requirement("call.forms")
def test_calls_in_a_running_loop_may_block_and_the_async_forms_await(caller: App) -> None:
    async def cell() -> tuple[int, int]:
        async with easy("notebook") as app:
            return call("lab.add", 1), await app.acall("lab.add", 2)

    assert asyncio.run(cell()) == (2, 3)


@pytest.mark.requirement("declare.retries")
def test_a_declared_number_of_retries_is_kept_to(hub: Any) -> None:
    app, runs = App("shaky"), list[int]()

    @app.register(effects="repeatable", retries=2)
    def expose(needed: int) -> int:
        runs.append(needed)
        if len(runs) < needed:
            raise OSError("no frame")
        return len(runs)

    with app.run_detached(), easy("insistent"):
        assert find_soon("shaky.expose")(3) == 3
        runs.clear()
        with pytest.raises(OSError, match="no frame"):
            call("shaky.expose", 4)
    assert runs == [4, 4, 4]


@pytest.mark.requirement("declare.timeout")
def test_a_declared_timeout_ends_a_call_that_names_none(hub: Any) -> None:
    app, stopped = App("endless"), threading.Event()

    @app.register(timeout=0.3)
    async def expose() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    with app.run_detached(), easy("patient"):
        handle = find_soon("endless.expose").submit()
        with pytest.raises(TaskCancelled, match=r"its timeout of 0\.3 s"):
            handle.result(timeout=10)
        assert stopped.wait(5)


@pytest.mark.requirement("call.children")
def test_a_function_knows_who_called_it(hub: Any) -> None:
    app = App("asked")

    @app.register
    def whose(task: Task) -> str | None:
        return task.person

    with app.run_detached(), easy("asking"):
        person = find_soon("asked.whose")()
    token = sign_in("asking").token
    assert person == fetch(hub.url, "GET", "/api/me", token=token)[1]["person"]["id"]


@pytest.mark.requirement("run.apps")
def test_a_script_calls_with_easy_and_ends_by_itself(lab: App, start: Start) -> None:
    other = start(
        """
        from arkitekt_next import easy, find
        with easy("script"):
            print("got", find("lab.add")(20, 22))
        """
    )
    other.says("got 42")
    assert other.end() == 0


@pytest.mark.requirement("run.apps")
def test_globally_registered_functions_run_with_run(lab: App, start: Start, caller: App) -> None:
    start(
        """
        from arkitekt_next import easy, register

        @register
        def greet(name: str) -> str:
            return f"Hello {name}"

        with easy("greeter") as app:
            app.run()
        """
    )
    assert find_soon("greeter.greet", within=20)("Ada") == "Hello Ada"


def test_closing_ends_everybody_who_waits_for_the_same_reference(lab: App) -> None:
    ends: list[type[BaseException]] = []

    def wait(handle: Any) -> None:
        try:
            handle.result(timeout=20)
        except BaseException as error:
            ends.append(type(error))

    with easy("closing") as app:
        stuck = app.find("lab.forever").with_options(reference="one-for-all")
        threads = [threading.Thread(target=wait, args=(stuck.submit(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        app.link.close()
    for thread in threads:
        thread.join(10)
    assert ends == [HubUnavailable] * 3
    with easy("closing") as app:
        app.find("lab.forever").with_options(reference="one-for-all").submit().cancel()


@pytest.mark.requirement("call.reference")
def test_the_same_reference_many_times_at_once_is_one_task(lab: App, caller: App) -> None:
    add = find_soon("lab.add")
    for turn in range(20):
        same = add.with_options(reference=f"same-{turn}")
        with ThreadPoolExecutor(8) as threads:
            handles = list(threads.map(lambda number, same=same: same.submit(1) if number % 2 else same(1), range(8)))
        assert {handle.id for handle in handles if not isinstance(handle, int)} == {handles[1].id}
        assert {handle if isinstance(handle, int) else handle.result(timeout=20) for handle in handles} == {2}
