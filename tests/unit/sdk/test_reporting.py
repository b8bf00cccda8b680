"""What a task tells while it runs: progress, log, prints, bars; and how often."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading

import pytest

from arkitekt_next import App, alog, aprogress, log, progress
from arkitekt_next.errors import InvalidValue
from tests.support.waiting import find_soon


def lines_of(handle) -> list[tuple[str, str]]:  # type: ignore[no-untyped-def]
    handle.result(timeout=10)
    return [(line.level, line.message) for line in handle.logs]


@pytest.mark.requirement("call.progress")
def test_progress_is_told_at_most_twenty_times_a_second_and_the_last_always(local_app: App) -> None:
    @local_app.register
    def busy() -> None:
        for step in range(20_000):
            progress(step / 200, f"step {step}")
        progress(100, "done")

    handle = find_soon("local.busy").submit()
    handle.result(timeout=20)
    told = [event["data"] for event in handle.events() if event["name"] == "progress"]
    assert told[-1] == {"percent": 100.0, "message": "done"}
    assert len(told) < 100
    assert handle.progress == (100.0, "done")


@pytest.mark.requirement("call.progress")
def test_the_async_forms_say_the_same(local_app: App) -> None:
    @local_app.register
    async def soon() -> None:
        await alog("a line", "warning")
        await aprogress(50, "half")

    handle = find_soon("local.soon").submit()
    assert lines_of(handle) == [("warning", "a line")]
    assert handle.progress == (50.0, "half")


@pytest.mark.parametrize("percent", [-1, 101, float("nan"), float("inf")])
def test_a_percent_outside_its_range_is_refused(local_app: App, percent: float) -> None:
    @local_app.register
    def odd() -> None:
        progress(percent)

    with pytest.raises(InvalidValue, match="between 0 and 100"):
        find_soon("local.odd")()


def test_a_level_that_does_not_exist_is_refused(local_app: App) -> None:
    @local_app.register
    def odd() -> None:
        log("x", level="loud")

    with pytest.raises(ValueError, match="debug, info, warning, error"):
        find_soon("local.odd")()


@pytest.mark.requirement("call.prints")
def test_what_a_function_prints_is_in_its_log_and_still_printed(
    local_app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    @local_app.register
    def talks() -> None:
        print("first line")
        print("second", end=" ")
        print("line")
        print("to the error stream", file=sys.stderr)
        print("no end", end="")

    lines = lines_of(find_soon("local.talks").submit())
    assert lines == [
        ("stdout", "first line"),
        ("stdout", "second line"),
        ("stderr", "to the error stream"),
        ("stdout", "no end"),
    ]
    assert "first line\nsecond line\n" in capsys.readouterr().out


@pytest.mark.requirement("call.prints")
def test_prints_of_tasks_that_run_together_do_not_mix(local_app: App) -> None:
    gate = threading.Barrier(2)

    @local_app.register
    def talks(name: str) -> None:
        for _ in range(3):
            gate.wait(5)
            print("this is", end=" ")
            gate.wait(5)
            print(name)

    found = find_soon("local.talks")
    first, second = found.submit("first"), found.submit("second")
    assert lines_of(first) == [("stdout", "this is first")] * 3
    assert lines_of(second) == [("stdout", "this is second")] * 3


def test_what_is_printed_outside_a_task_is_nobodys_log(local_app: App) -> None:
    @local_app.register
    def quiet() -> int:
        return 1

    handle = find_soon("local.quiet").submit()
    print("from the outside")
    assert lines_of(handle) == []


def test_the_streams_are_put_back_when_the_app_stops() -> None:
    from arkitekt_next.testing.local import local_app as run_local

    before = (sys.stdout, sys.stderr)
    with run_local(App("putback")):
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before


def test_an_app_may_put_what_is_logged_into_the_log_of_the_task() -> None:
    from arkitekt_next.testing.local import LocalHub

    with LocalHub().app("logs", captures_logging=True) as app:

        @app.register
        def works() -> None:
            logging.getLogger("microscope").warning("the lamp is %s", "old")

        with app.run_detached():
            handle = app.submit("logs.works")
            assert lines_of(handle) == [("warning", "the lamp is old")]


def test_log_outside_a_task_goes_to_logging(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="arkitekt_next.task"):
        log("somebody should know", "warning")
    assert caplog.messages == ["somebody should know"]


@pytest.mark.requirement("call.prints")
def test_a_bar_of_the_drop_in_is_the_progress_of_the_task(local_app: App) -> None:
    from arkitekt_next.integrations.tqdm import tqdm, trange

    @local_app.register
    def loops() -> int:
        total = 0
        for value in tqdm([1, 2, 3], desc="adding", file=sys.__stderr__):
            total += value
        for value in trange(2, file=sys.__stderr__):
            total += value
        return total

    handle = find_soon("local.loops").submit()
    assert handle.result(timeout=10) == 7
    assert handle.progress == (100.0, "2/2")


@pytest.mark.requirement("call.prints")
def test_a_plain_bar_reports_too_while_an_app_is_hosted() -> None:
    from tqdm import tqdm

    from arkitekt_next.testing.local import local_app as run_local

    with run_local(App("bars")) as app:

        @app.register
        def loops() -> None:
            for _ in tqdm(range(4), mininterval=0, file=sys.__stderr__):
                pass

        handle = find_soon("bars.loops").submit()
        handle.result(timeout=10)
        assert handle.progress == (100.0, "4/4")


def test_a_bar_outside_a_task_is_a_plain_bar() -> None:
    from arkitekt_next.integrations.tqdm import tqdm

    with open("/dev/null", "w") as nowhere:
        assert list(tqdm([1, 2], file=nowhere)) == [1, 2]


@pytest.mark.requirement("declare.threads")
def test_a_sleeping_function_and_a_busy_loop_do_not_hold_up_the_transport(local_app: App) -> None:
    go = threading.Event()

    @local_app.register
    def sleeps() -> None:
        go.wait(10)

    @local_app.register(executor="loop")
    def hogs() -> None:
        go.wait(10)

    @local_app.register
    def quick() -> int:
        return 1

    sleeping, hogging = find_soon("local.sleeps").submit(), find_soon("local.hogs").submit()
    assert find_soon("local.quick")(timeout=5) == 1
    go.set()
    sleeping.result(timeout=5)
    hogging.result(timeout=5)


def test_awaits_of_one_task_do_not_change_the_current_task_of_another(local_app: App) -> None:
    from arkitekt_next import current_task

    @local_app.register
    async def who(rounds: int) -> bool:
        mine = current_task()
        assert mine is not None
        for _ in range(rounds):
            await asyncio.sleep(0)
            now = current_task()
            if now is None or now.id != mine.id:
                return False
        return True

    found = find_soon("local.who")
    assert all(handle.result(timeout=10) for handle in [found.submit(20) for _ in range(20)])
