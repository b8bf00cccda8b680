"""A hub on a socket: binds, announces itself in `hub.json`, serves until told to stop. `server` runs it.

One hub a folder: a lock on `hub.lock` is held for as long as it runs, so a second one is refused and a leftover
announcement of a dead one is recognised.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from arkitekt_next.errors import Conflict
from arkitekt_next.platform import FileLock, claim_port, write_private
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES

from .app import create_app
from .core.config import HubSettings
from .core.exposure import settle
from .core.telemetry import log

ANNOUNCEMENT = "hub.json"
LOCK = "hub.lock"


class Server:
    """A hub that serves; `url` is known once it is bound."""

    def __init__(self, settings: HubSettings) -> None:
        self.settings = settings
        settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.exposure = settle(settings)
        self._lock = FileLock(settings.folder / LOCK)
        if not self._lock.try_acquire():
            raise Conflict(
                problem=f"Another hub runs over {settings.folder}",
                remedy="Stop it with `arkitekt-next hub stop`, or give this one a folder of its own",
            )
        try:
            self._sockets = _bind(settings)
        except OSError as error:
            self._lock.release()
            raise Conflict(
                problem=f"Can't listen on {settings.host}:{settings.port}: {error.strerror}",
                remedy="Stop what listens there or choose another --port",
            ) from error
        self.url = _url(self.exposure.scheme, self._sockets[0])
        self.app = create_app(settings, settings.public_url or _address(settings, self.url), self.exposure)
        config = uvicorn.Config(
            self.app,
            ws="websockets-sansio",
            ws_max_size=2
            * FRAME_LIMIT_BYTES,  # the session refuses what is over the limit, and says so before it closes
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            ws_ping_timeout=None,
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            ssl_certfile=self.exposure.certificate,
            ssl_keyfile=self.exposure.key,
            proxy_headers=bool(self.exposure.proxies),
            forwarded_allow_ips=list(self.exposure.proxies),
            timeout_graceful_shutdown=5,
        )
        self._server = _Uvicorn(config, self._ready)
        self._on_ready: Callable[[], None] = lambda: None

    async def serve(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Serve until `stop`; `on_ready` is called when the first request can be answered.

        Raises what keeps the hub from opening.
        """
        self._on_ready = on_ready
        try:
            await self._server.serve(sockets=self._sockets)
        except SystemExit:  # uvicorn's way to say that it did not start; it has logged why
            refused = getattr(self.app.state, "refused", None)
            if refused is None:
                raise
            raise refused from None
        finally:
            announcement = self.settings.folder / ANNOUNCEMENT
            if _pid_of(announcement) == os.getpid():
                announcement.unlink(missing_ok=True)
            _close(self._sockets)
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
        told = {"url": self.url, "hub": hub.id, "pid": os.getpid(), "public_url": hub.url}
        if self.exposure.certificate is not None:
            told["certificate"] = str(self.exposure.certificate.resolve())
        text = json.dumps(told)
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


def _url(scheme: str, bound: socket.socket) -> str:
    """Give the address by which this machine reaches what listens there."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://{'[' + host + ']' if ':' in host else host}:{port}"


def _address(settings: HubSettings, url: str) -> str:
    """Give the address for people; a browser remembers and protects more for a name than for a number."""
    name = socket.gethostname().lower() if settings.host in ("0.0.0.0", "::") else "localhost"
    return url.replace("//127.0.0.1:", f"//{name}:").replace("//[::1]:", f"//{name}:")


def _bind(settings: HubSettings) -> list[socket.socket]:
    """Listen where the settings say, and under every other number that `localhost` stands for on this machine.

    Links say `localhost`, and browsers try ::1 first: whoever had that port there would be given their secrets.
    """
    ports = [settings.port] if settings.port else [_last_port(settings.folder), 0, 0, 0]
    twin = {"127.0.0.1": "::1", "localhost": "::1", "0.0.0.0": "::1", "::1": "127.0.0.1"}.get(settings.host)
    for number, port in enumerate(ports, 1):
        bound: list[socket.socket] = []
        try:
            bound.append(_listen(settings.host, port))
            port = bound[0].getsockname()[1]
            if twin is not None:
                bound += _listen_too(twin, port)
        except OSError:
            _close(bound)
            if number == len(ports):
                raise
            continue
        write_private(settings.folder / "port", str(port))
        return bound
    raise AssertionError("unreachable")


def _listen(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        claim_port(bound)
        bound.bind((host, port))
        bound.listen(2048)
    except OSError:
        bound.close()
        raise
    return bound


def _listen_too(host: str, port: int) -> list[socket.socket]:
    """Listen under another number of this machine, if it has that; raise `OSError` when somebody else does there."""
    try:
        return [_listen(host, port)]
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise
        return []


def _close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


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
