"""Functions in processes of their own: everything works as in a thread, and a kill is certain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from arkitekt_next import App, iterate, submit
from arkitekt_next.errors import TaskCancelled, TaskFailed, TaskInterrupted
from arkitekt_next.testing.local import local_app
from tests.support.waiting import until
from tests.unit.sdk import processes_sample as sample


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path_factory.mktemp("state")))
        with local_app(sample.app) as app:
            yield app


@pytest.mark.requirement("declare.processes")
def test_it_runs_in_another_process_which_is_used_again(app: App) -> None:
    first, value = app.call("proc.pid", 3)
    second, _ = app.call("proc.pid", 4)
    assert first != os.getpid()
    assert (first, value) == (second, 3)


@pytest.mark.requirement("call.progress", "call.prints")
def test_it_tells_progress_logs_and_prints(app: App) -> None:
    handle = submit("proc.tells", 1)
    assert handle.result(timeout=20) == f"{handle.id} {handle.id}"
    assert [tuple(line) for line in handle.logs] == [("info", "a line"), ("stdout", "printed"), ("stderr", "written")]
    assert handle.progress == (50.0, "half")


@pytest.mark.requirement("declare.streams")
@pytest.mark.parametrize("action", ["count", "acount"])
def test_it_streams(app: App, action: str) -> None:
    assert list(iterate(f"proc.{action}", 6000)) == list(range(6000))


def test_it_pauses_when_the_reader_takes_nothing(app: App) -> None:
    stream = app.find("proc.count").with_options(window=8).iterate(1000)
    assert [next(stream) for _ in range(100)] == list(range(100))
    stream.close()  # type: ignore[attr-defined]


@pytest.mark.requirement("call.errors")
def test_its_exceptions_come_back_as_themselves(app: App) -> None:
    with pytest.raises(ValueError, match="7 is not for me") as caught:
        app.call("proc.raises", 7)
    assert "processes_sample.py" in caught.value.remote_traceback


@pytest.mark.requirement("declare.processes")
def test_a_process_that_dies_fails_its_task_and_no_other(app: App) -> None:
    with pytest.raises(TaskFailed, match="ended with code 3"):
        app.call("proc.dies", 3)
    assert app.call("proc.pid", 1)[1] == 1


@pytest.mark.requirement("declare.processes")
def test_a_function_that_does_not_stop_is_killed_and_its_place_is_free(app: App) -> None:
    handle = submit("proc.spins")
    until(lambda: handle.logs)
    handle.cancel(deadline=0.05)
    with pytest.raises(TaskInterrupted):
        handle.result(timeout=10)
    assert until(lambda: app.status()["tasks"] == [])


@pytest.mark.requirement("call.cancel")
def test_a_function_that_stops_when_asked_is_cancelled(app: App) -> None:
    handle = submit("proc.stops_when_asked")
    until(lambda: handle.progress)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(timeout=10)


@pytest.mark.requirement("call.cancel")
def test_an_async_function_is_cancelled_at_its_await(app: App) -> None:
    handle = submit("proc.awaits_for_ever")
    until(lambda: handle.logs)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(timeout=10)


@pytest.mark.requirement("call.pause")
def test_it_can_be_paused(app: App) -> None:
    handle = submit("proc.stands")
    handle.pause()
    assert until(lambda: handle.status == "paused")
    handle.resume()
    assert until(lambda: handle.status == "running")
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(timeout=10)


@pytest.mark.parametrize("action", ["calls", "acalls"])
def test_it_can_call_others(app: App, action: str) -> None:
    assert app.call(f"proc.{action}", 21, timeout=20) == 42


@pytest.mark.requirement("call.children")
def test_what_it_calls_is_its_child(app: App) -> None:
    own, root, parent = app.call("proc.family", timeout=20)
    assert own == root == parent


def test_what_is_asked_before_its_process_is_there_is_not_forgotten(app: App) -> None:
    for _ in range(3):
        handle = submit("proc.spins")
        handle.cancel(deadline=0.05)
        with pytest.raises((TaskInterrupted, TaskCancelled)):
            handle.result(timeout=10)
    assert until(lambda: app.status()["tasks"] == [])


def test_a_pause_and_its_end_reach_each_task_of_a_process_that_is_used_again(app: App) -> None:
    for _ in range(20):
        handle = submit("proc.stands")
        handle.pause()
        assert until(lambda handle=handle: handle.status == "paused")
        handle.step()
        handle.resume()
        handle.cancel()
        with pytest.raises(TaskCancelled):
            handle.result(timeout=10)


def test_a_reason_of_many_lines_is_a_reason_and_nothing_else(app: App) -> None:
    for reason in ("enough\nR{}", "no memory\nKilled", "a\rb", "\ud800"):
        handle = submit("proc.stops_when_asked")
        until(lambda handle=handle: handle.progress)
        handle.cancel(reason=reason)
        with pytest.raises(TaskCancelled):
            handle.result(timeout=10)
        assert app.call("proc.pid", 5)[1] == 5


def test_a_process_that_was_killed_serves_nobody_else(app: App) -> None:
    for _ in range(15):
        handle = submit("proc.pid", 1)
        handle.interrupt()
        with suppress(TaskInterrupted, TaskCancelled):
            handle.result(timeout=10)
        assert app.call("proc.pid", 2)[1] == 2
