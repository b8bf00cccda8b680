"""Start-up, shutdown, background and context functions: order, injection, deadlines, failures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from arkitekt_next import App, call
from arkitekt_next.testing.local import LocalHub, local_app
from tests.support.waiting import find_soon


class Camera:
    def __init__(self, name: str) -> None:
        self.name = name


class Stage:
    def __init__(self, camera: Camera) -> None:
        self.camera = camera


@pytest.mark.requirement("run.hooks")
def test_hooks_run_in_order_and_are_undone_in_reverse() -> None:
    told: list[str] = []
    app = App("hooks")

    @app.context
    async def camera() -> AsyncIterator[Camera]:
        told.append("camera on")
        yield Camera("a")
        told.append("camera off")

    @app.context
    def stage(camera: Camera) -> Iterator[Stage]:
        told.append(f"stage on with {camera.name}")
        yield Stage(camera)
        told.append("stage off")

    @app.startup
    def first(stage: Stage) -> None:
        told.append(f"first start with {stage.camera.name}")

    @app.startup
    async def second() -> None:
        told.append("second start")

    @app.shutdown
    def last() -> None:
        told.append("last stop")

    @app.shutdown
    async def sooner() -> None:
        told.append("sooner stop")

    @app.register
    def snap(count: int, camera: Camera, stage: Stage) -> str:
        return f"{count} from {camera.name} on {stage.camera.name}"

    with local_app(app):
        assert call("hooks.snap", 2) == "2 from a on a"
        told.append("ran")
    assert told == [
        "camera on",
        "stage on with a",
        "first start with a",
        "second start",
        "ran",
        "sooner stop",
        "last stop",
        "stage off",
        "camera off",
    ]


@pytest.mark.requirement("run.hooks")
def test_a_failing_start_is_raised_and_what_was_entered_is_left() -> None:
    told: list[str] = []
    app = LocalHub().app("hooks")

    @app.context
    def camera() -> Iterator[Camera]:
        yield Camera("a")
        told.append("camera off")

    @app.startup
    def breaks() -> None:
        raise OSError("no device")

    with pytest.raises(OSError, match="no device"):
        app.run_detached()
    assert told == ["camera off"]
    assert app.host is None


@pytest.mark.requirement("run.hooks")
def test_a_start_that_takes_too_long_is_given_up() -> None:
    app = LocalHub().app("hooks")

    @app.startup(timeout=0.05)
    async def hangs() -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError, match=r"hangs did not finish within 0\.05 s"):
        app.run_detached()


@pytest.mark.requirement("run.hooks")
def test_a_background_function_runs_beside_the_app_and_is_cancelled_with_it() -> None:
    begun, ended = threading.Event(), threading.Event()
    app = App("hooks")

    @app.background
    async def watch() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with local_app(app):
        assert begun.wait(5)
        assert not ended.is_set()
    assert ended.is_set()


@pytest.mark.requirement("run.hooks")
def test_a_failing_background_function_stops_the_app_with_its_error() -> None:
    app = LocalHub().app("hooks")

    @app.background
    async def watch() -> None:
        raise OSError("the stage is gone")

    serving = app.run_detached()
    with pytest.raises(OSError, match="the stage is gone"):
        serving.wait(5)


@pytest.mark.requirement("run.hooks")
def test_a_background_function_may_be_allowed_to_fail() -> None:
    failed = threading.Event()
    app = App("hooks")

    @app.background(stops_app=False)
    async def watch() -> None:
        failed.set()
        raise OSError("not important")

    @app.register
    def works() -> int:
        return 1

    with local_app(app):
        assert failed.wait(5)
        assert find_soon("hooks.works")() == 1


def test_stopping_waits_for_running_tasks_and_cuts_off_what_takes_too_long() -> None:
    begun, go = threading.Event(), threading.Event()
    app = LocalHub().app("hooks", drain_s=0.05)

    @app.register
    def stuck() -> None:
        begun.set()
        go.wait(30)

    @app.register
    async def patient() -> None:
        await asyncio.Event().wait()

    serving = app.run_detached()
    with app:
        app.submit("hooks.stuck")
        app.submit("hooks.patient")
        assert begun.wait(5)
        serving.stop()
    go.set()
    assert not serving.is_running


def test_a_second_start_of_a_running_app_is_refused() -> None:
    from arkitekt_next.errors import WrongContext

    app = LocalHub().app("hooks")
    with app.run_detached(), pytest.raises(WrongContext, match="already running"):
        app.run_detached()


def test_who_watches_an_app_is_told_of_each_task() -> None:
    told: list[tuple[str, str, str | None]] = []
    done = threading.Event()
    app = LocalHub().app("hooks")

    @app.register
    def works() -> int:
        return 1

    def watch(event) -> None:  # type: ignore[no-untyped-def]
        told.append((event.name, event.action, event.data.get("status")))
        if event.name == "ended":
            done.set()

    app.watchers.append(watch)
    with app.run_detached():
        assert app.call("hooks.works") == 1
        assert done.wait(5)
    assert told == [("assigned", "works", None), ("ended", "works", "completed")]
