"""Runs a hub on a socket: binds, announces itself in `hub.json`, serves until told to stop.

One hub a folder: a lock on `hub.lock` is held for as long as it runs, so a second one is refused and a leftover
announcement of a dead one is recognised.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from arkitekt_next.errors import Conflict
from arkitekt_next.platform import FileLock, new_event_loop, write_private
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES

from .app import create_app
from .core.config import HubSettings
from .core.telemetry import configure_logging, log

ANNOUNCEMENT = "hub.json"
LOCK = "hub.lock"
_SWITCH_S = 0.0005
"""The ledger's thread asks for the interpreter after every statement; at Python's 5 ms a busy loop would starve it."""


class Server:
    """A hub that serves; `url` is known once it is bound."""

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = FileLock(settings.folder / LOCK)
        if not self._lock.try_acquire():
            raise Conflict(
                problem=f"Another hub runs over {settings.folder}",
                remedy="Stop it with `arkitekt-next hub stop`, or give this one a folder of its own",
            )
        try:
            self._socket = _bind(settings)
        except OSError as error:
            self._lock.release()
            raise Conflict(
                problem=f"Can't listen on {settings.host}:{settings.port}: {error.strerror}",
                remedy="Stop what listens there or choose another --port",
            ) from error
        host, port = self._socket.getsockname()[:2]
        self.url = f"http://{'[' + host + ']' if ':' in host else host}:{port}"
        self.app = create_app(settings)
        config = uvicorn.Config(
            self.app,
            ws="websockets-sansio",
            ws_max_size=FRAME_LIMIT_BYTES + 1024,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            ws_ping_timeout=None,
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            timeout_graceful_shutdown=5,
        )
        self._server = _Uvicorn(config, self._ready)
        self._on_ready: Callable[[], None] = lambda: None

    async def serve(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`; `on_ready` is called when the first request can be answered."""
        self._on_ready = on_ready
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            announcement = self.settings.folder / ANNOUNCEMENT
            if _pid_of(announcement) == os.getpid():
                announcement.unlink(missing_ok=True)
            self._socket.close()
            self._lock.release()

    def stop(self) -> None:
        """Ask it to stop; may be called from any thread."""
        hub = getattr(self.app.state, "hub", None)
        if hub is not None:
            with contextlib.suppress(RuntimeError):
                hub.board.loop.call_soon_threadsafe(hub.part_with_all)
        self._server.should_exit = True

    def _ready(self) -> None:
        hub = self.app.state.hub
        hub.on_evicted = self.stop
        text = json.dumps({"url": self.url, "hub": hub.id, "pid": os.getpid()})
        write_private(self.settings.folder / ANNOUNCEMENT, text)
        log.info("hub ready", url=self.url, hub=hub.id, folder=str(self.settings.folder))
        self._on_ready()


class _Uvicorn(uvicorn.Server):
    """Uvicorn that says when it is ready and leaves signals to us."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _bind(settings: HubSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    ports = [settings.port] if settings.port else [_last_port(settings.folder), 0]
    for port in ports:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((settings.host, port))
            bound.listen(2048)
        except OSError:
            bound.close()
            if port == ports[-1]:
                raise
            continue
        write_private(settings.folder / "port", str(bound.getsockname()[1]))
        return bound
    raise AssertionError("unreachable")


def _last_port(folder: Path) -> int:
    try:
        port = int((folder / "port").read_text())
    except (OSError, ValueError):
        return 0
    return port if 1024 <= port <= 65535 else 0


def _pid_of(announcement: Path) -> int | None:
    try:
        return int(json.loads(announcement.read_text())["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def run(settings: HubSettings, *, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve in the main thread until SIGINT or SIGTERM."""
    import signal

    configure_logging(settings.log_level)
    server = Server(settings)
    loop = new_event_loop()
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, server.stop)
        loop.run_until_complete(server.serve(lambda: _settle_down(on_ready, server.url)))
    finally:
        loop.close()


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
