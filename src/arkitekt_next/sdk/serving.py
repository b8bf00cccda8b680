"""Ways to run an app: blocking, on the caller's loop, or beside the caller.

The rule: whoever started it gets what went wrong, and stopping always ends, whatever the functions do.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from arkitekt_next.errors import WrongContext
from arkitekt_next.platform import new_event_loop

from .hosting import Host
from .loop import at_exit, user_thread

if TYPE_CHECKING:
    from concurrent.futures import Future

    from .app import App

STOP_S = 60.0


async def arun_app(app: App, *, mode: str, ready: asyncio.Event | None = None) -> None:
    """Host an app on the running loop until it is cancelled or asked to stop."""
    if app.host is not None:
        raise WrongContext(problem=f"the app {app.identifier} is already running here", remedy="Stop it first")
    await app.link.aensure_open()
    host = app.host = Host(app, mode=mode, drain_s=app.drain_s)
    try:
        await host.start()
        if ready is not None:
            ready.set()
        try:
            await host.wait()
        finally:
            await asyncio.shield(host.stop())
    finally:
        app.host = None
        with suppress(TimeoutError):
            await asyncio.shield(app.aclose())


def run_app(app: App, *, mode: str) -> None:
    """Host an app on a loop of this thread until SIGINT or SIGTERM."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_until_signal(app, mode))


async def _until_signal(app: App, mode: str) -> None:
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None

    def stop() -> None:
        if app.host is not None:
            app.host.stop_soon()
        else:
            main.cancel()

    with _signals(loop, stop), suppress(asyncio.CancelledError):
        await arun_app(app, mode=mode)


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Any) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.getsignal(number)
        try:
            loop.add_signal_handler(number, stop)
        except (NotImplementedError, RuntimeError):  # Windows
            signal.signal(number, on_signal)
    try:
        yield
    finally:
        for caught, handler in before.items():
            with suppress(NotImplementedError, RuntimeError):
                loop.remove_signal_handler(caught)
            signal.signal(caught, handler)


class Serving:
    """An app that runs beside the caller; a context manager that stops it."""

    def __init__(self, app: App, done: Future[None]) -> None:
        self.app = app
        self._done = done

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return not self._done.done()

    def stop(self) -> None:
        """Drain, shut down, and block until all that is over; raise what a background function failed with."""
        host = self.app.host
        if host is not None and not self._done.done():
            host.ask_to_stop()
        self._done.result(STOP_S)

    def wait(self, timeout: float | None = None) -> None:
        """Block until the app has stopped by itself; raise what it failed with, or `TimeoutError`."""
        self._done.result(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run_app_detached(app: App, *, mode: str) -> Serving:
    """Host an app on the SDK's user loop; come back once its functions are provided."""
    thread = user_thread()
    if thread.is_current:
        raise WrongContext(problem="run_detached() would wait for its own loop", remedy="Use await arun() here")
    done, is_ready = thread.run(_begin(app, mode))
    serving = Serving(app, done)
    if not is_ready:
        done.result()
    at_exit(lambda: serving.stop() if serving.is_running else None)
    return serving


async def _begin(app: App, mode: str) -> tuple[Future[None], bool]:
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    done = asyncio.run_coroutine_threadsafe(arun_app(app, mode=mode, ready=ready), loop)
    done.add_done_callback(lambda ended: loop.call_soon_threadsafe(ready.set))
    await ready.wait()
    return done, not done.done()


_interactive: dict[str, App] = {}


def start_interactive(identifier: str | None, mode: str, options: dict[str, Any]) -> App:
    """Run an app in the background of a notebook; the same identifier gives the same app."""
    from .app import App
    from .current import default_app, enter, leave

    app = App(identifier, registrations=default_app().registrations, **options)
    known = _interactive.get(app.identifier)
    if known is not None and known.host is not None:
        return known
    run_app_detached(app, mode=mode)
    if known is not None:
        leave(known)
    _interactive[app.identifier] = app
    enter(app)
    return app
