"""The SDK with a real hub: hosting, calling, streaming, cancelling, and everything that may break in between."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next import App, Task, call, easy, find, iterate, progress, submit
from arkitekt_next.embedded import serve
from arkitekt_next.errors import (
    AgentLost,
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
from tests.support.scripts import Program, Start, program
from tests.support.waiting import find_soon, until

SETTINGS: dict[str, Any] = {"grace_s": 0.5, "lease_s": 3.0, "heartbeat_s": 1.0, "log_level": "error"}


class Nucleus:
    id: str

    def __init__(self, id: str) -> None:
        self.id = id

    async def shrink(self) -> str:
        return self.id

    @classmethod
    async def expand(cls, value: str) -> Nucleus:
        return cls(value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sdk")


@pytest.fixture(scope="module", autouse=True)
def hub(folder: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", **SETTINGS) as server:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        patch.delenv("ARKITEKT_URL", raising=False)
        patch.delenv("ARKITEKT_TOKEN", raising=False)
        yield server


@pytest.fixture(scope="module")
def lab(hub: Any) -> Iterator[App]:
    """An app with a bit of everything, hosted in this process."""
    app = App("lab", labels=["gpu"])

    @app.register
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @app.register
    async def aadd(a: int, b: int = 1) -> int:
        return a + b

    @app.register
    def fails(text: str) -> None:
        progress(40, "nearly half")
        raise ValueError(text)

    @app.register
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    @app.register
    async def forever(task: Task) -> None:
        await asyncio.Event().wait()

    @app.register
    def stuck(seconds: float) -> None:
        threading.Event().wait(seconds)

    @app.register
    def size_of(ref: Nucleus) -> int:
        return len(ref.id)

    @app.register
    async def ref_to(name: str) -> Nucleus:
        return Nucleus(name)

    @app.register
    def talks() -> None:
        print("a line")

    with app.run_detached():
        yield app


@pytest.fixture
def caller(lab: App) -> Iterator[App]:
    with easy("caller") as app:
        yield app


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda code: stack.enter_context(program(code, tmp_path))


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
    assert "test_sdk.py" in error.remote_traceback


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
    assert (first.id, first.result(5)) == (again.id, again.result(5))
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


AGENT = """
import sys, threading, time
from collections.abc import Iterator
from pathlib import Path
from arkitekt_next import App, progress
app = App({name!r}, drain_s=5)

@app.register
def slow(seconds: float) -> float:
    progress(30, "a third")
    print("running", flush=True)
    time.sleep(seconds)
    return seconds

@app.register(effects="repeatable")
def careful(flag: str) -> str:
    print("running", flush=True)
    while not Path(flag).exists():
        time.sleep(0.01)
    return "done"

@app.register
def gated(flag: str) -> str:
    print("running", flush=True)
    while not Path(flag).exists():
        time.sleep(0.01)
    print("finished", flush=True)
    return "done"

@app.register
def numbers(n: int, flag: str) -> Iterator[int]:
    for number in range(n):
        yield number
        if number == n // 2:
            print("half", flush=True)
            while not Path(flag).exists():
                time.sleep(0.01)

@app.startup
def started() -> None:
    print("starting", flush=True)

@app.shutdown
def stopped() -> None:
    print("stopped", flush=True)

app.run()
print("left", flush=True)
"""


def agent(start: Start, name: str) -> Program:
    running = start(AGENT.format(name=name))
    running.says("starting")
    return running


@pytest.mark.requirement("run.drain")
def test_a_signal_lets_an_app_finish_what_it_runs(caller: App, start: Start) -> None:
    other = agent(start, "finisher")
    handle = find_soon("finisher.slow").submit(0.5)
    other.says("running")
    other.process.send_signal(signal.SIGTERM)
    assert handle.result(timeout=10) == 0.5
    other.says("stopped")
    other.says("left")
    assert other.end() == 0


@pytest.mark.requirement("I9")
def test_a_killed_agent_is_told_to_its_caller_with_the_last_progress(caller: App, start: Start) -> None:
    other = agent(start, "mortal")
    handle = find_soon("mortal.slow").submit(60.0)
    other.says("running")
    until(lambda: handle.progress)
    other.process.kill()
    with pytest.raises(AgentLost, match="a third"):
        handle.result(timeout=10)


@pytest.mark.requirement("declare.effects")
def test_repeatable_work_of_a_killed_agent_is_done_by_the_next(caller: App, start: Start, tmp_path: Path) -> None:
    first = agent(start, "phoenix")
    handle = find_soon("phoenix.careful").submit(str(tmp_path / "go"))
    first.says("running")
    first.process.kill()
    second = agent(start, "phoenix")
    second.says("running")
    (tmp_path / "go").touch()
    assert handle.result(timeout=10) == "done"


@pytest.mark.requirement("I6")
def test_a_frozen_agent_does_not_hang_its_caller(caller: App, start: Start) -> None:
    other = agent(start, "frozen")
    handle = find_soon("frozen.slow").submit(60.0)
    other.says("running")
    other.process.send_signal(signal.SIGSTOP)
    with pytest.raises(AgentLost):
        handle.result(timeout=15)


# -- a hub that goes and comes back ------------------------------------------------------------------------------


@pytest.fixture
def own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "own"))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "own-state"))
    return tmp_path / "own"


@pytest.mark.requirement("I1", "agent.resume")
def test_a_restart_of_the_hub_is_only_a_delay(own_hub: Path, start: Start, tmp_path: Path) -> None:
    with ExitStack() as late:
        with serve(own_hub, **SETTINGS):
            other = agent(start, "steady")
            app = late.enter_context(easy("patient"))
            stream = find_soon("steady.numbers").iterate(2000, str(tmp_path / "go"))
            seen = [next(stream) for _ in range(10)]
            handle = app.submit("steady.gated", str(tmp_path / "go"))
            other.says("half")
        until(lambda: not app.link.connection.is_open)
        (tmp_path / "go").touch()
        other.says("finished")
        with serve(own_hub, **SETTINGS):
            assert handle.result(timeout=20) == "done"
            assert seen + list(stream) == list(range(2000))
            app.close()


@pytest.mark.requirement("agent.outbox")
def test_a_result_of_a_process_that_died_while_the_hub_was_away_is_not_lost(
    own_hub: Path, start: Start, tmp_path: Path
) -> None:
    with ExitStack() as late:
        with serve(own_hub, **SETTINGS):
            first = agent(start, "heir")
            app = late.enter_context(easy("patient"))
            handle = find_soon("heir.gated").submit(str(tmp_path / "go"))
            first.says("running")
        (tmp_path / "go").touch()
        first.says("finished")
        outbox = tmp_path / "own-state" / "outbox"
        until(lambda: any('"done"' in path.read_text() for path in outbox.rglob("*.jsonl")))
        first.process.kill()
        first.end()
        with serve(own_hub, **SETTINGS):
            agent(start, "heir")
            assert handle.result(timeout=20) == "done"
            until(lambda: len(list(outbox.rglob("*.jsonl"))) == 1)
            app.close()


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
