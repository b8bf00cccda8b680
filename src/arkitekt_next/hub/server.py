"""Runs a hub: as a process of its own, or in a thread of this one.

What a hub is made of (`listener`, and all below it) is loaded when one is run. The rule: only a process that is a hub
and nothing else has its garbage collector and its threads tuned.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import Conflict
from arkitekt_next.platform import new_event_loop

from .core.config import HubSettings

if TYPE_CHECKING:
    from .listener import Server

_SWITCH_S = 0.0005
"""The ledger's thread asks for the interpreter after every statement; at Python's 5 ms a busy loop would starve it."""


def run(settings: HubSettings, *, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve in the main thread until SIGINT or SIGTERM."""
    import signal

    server = _load(settings)
    loop = new_event_loop()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, server.stop)
        loop.run_until_complete(server.serve(lambda: _settle_down(on_ready, server.url)))
    finally:
        loop.close()


def _load(settings: HubSettings) -> Server:
    """Load and make the server. Modules are no garbage, and looking them through again and again takes its time."""
    gc.disable()
    try:
        from .core.telemetry import configure_logging
        from .listener import Server

        configure_logging(settings.log_level)
        return Server(settings)
    finally:
        gc.freeze()
        gc.enable()


def _settle_down(on_ready: Callable[[str], None], url: str) -> None:
    """Spare the garbage collector what lives as long as the process; a full collection would stall every call."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    sys.setswitchinterval(_SWITCH_S)
    on_ready(url)


class ThreadedServer:
    """A hub in a thread of this process, for tests, notebooks and demos."""

    def __init__(self, settings: HubSettings) -> None:
        from .listener import Server

        self._server = Server(settings)
        self.url = self._server.url
        self.folder = settings.folder
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="arkitekt-hub", daemon=True)

    @property
    def app(self) -> Any:
        """The ASGI app; its hub lies at `app.state.hub` and belongs to the thread's loop."""
        return self._server.app

    def start(self, timeout_s: float = 30.0) -> ThreadedServer:
        """Start and wait until it answers. Raises what kept it from starting."""
        self._thread.start()
        if not self._ready.wait(timeout_s):
            raise Conflict(problem="The hub did not start in time", remedy="See its log")
        if self._failure is not None:
            raise self._failure
        return self

    def _run(self) -> None:
        loop = new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._server.serve(self._ready.set))
            if not self._ready.is_set():
                self._failure = Conflict(problem="The hub did not start", remedy="See its log")
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
            loop.close()

    def stop(self) -> None:
        """Stop and wait for the end."""
        self._server.stop()
        self._thread.join(30)
