"""What stands between a candidate and the hub: it passes everything on, remembers it, and can interfere.

To the candidate it is the hub: it has a folder with `hub.json` and a key of its own, and signs in by the book. It can
say things in the hub's name, say assignments twice, keep the agent's words from the hub, and cut the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from arkitekt_next.errors import ArkitektError
from arkitekt_next.testing.conformance.raw import DEADLINE_S, Message, News, prove, sign_in, written
from arkitekt_next.testing.conformance.stage import Hub
from arkitekt_next.wire.codec import Decoder
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES, FROM_CLIENT

_CLIENT = Decoder(FROM_CLIENT)
_NOISE = {"x_field_of_the_future": {"deep": [1, None, "ü"]}}


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the candidate."""

    message: Message
    at_s: float
    connection: int


class Tap:
    """A hub as far as the candidate can tell. `heard` is what the candidate said, `told` what it was told."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.folder = hub, folder
        self.news = News()
        self.heard: list[Said] = []
        self.told: list[Message] = []
        self.problems: list[str] = []
        self.connections = 0
        self.twice = self.noisy = self.muted = self.closed = False
        self.drop: list[str] = []
        self._credit: dict[tuple[str, int], int] = {}
        self._key = secrets.token_bytes(32)
        self._challenges: dict[str, tuple[str, str]] = {}
        self._client: WebSocket | None = None
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    # -- being a hub ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen, and write the folder that the candidate is given."""
        self.folder.mkdir(parents=True, exist_ok=True)
        bound = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{bound.getsockname()[1]}"
        routes = [
            Route("/api/auth/local/challenge", self._challenge, methods=["POST"]),
            Route("/api/auth/local/token", self._token, methods=["POST"]),
            WebSocketRoute("/ws", self._connect),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            ws="websockets-sansio",
            ws_max_size=8 * FRAME_LIMIT_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            log_config=None,
            log_level="critical",
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        (self.folder / "local.key").write_text(self._key.hex())
        about = {"url": f"http://{self.authority}", "hub": "tap", "pid": os.getpid()}
        (self.folder / "hub.json").write_text(json.dumps(about))

    async def stop(self) -> None:
        """Stop listening."""
        await self.cut()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving

    async def _challenge(self, request: Request) -> JSONResponse:
        nonce, theirs, name = str((await request.json())["client_nonce"]), secrets.token_hex(32), secrets.token_hex(8)
        self._challenges[name] = (nonce, theirs)
        proof = prove(self._key, "hub", self.authority, nonce, theirs)
        return JSONResponse({"challenge": name, "server_nonce": theirs, "proof": proof})

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.json()
        nonce, theirs = self._challenges.pop(form["challenge"], ("", ""))
        if form["proof"] != prove(self._key, "client", self.authority, nonce, theirs):
            self.problems.append("the proof of the sign-in is wrong")
            return JSONResponse({"error": {"code": "not_authenticated", "message": "wrong proof"}}, 401)
        try:
            token = await asyncio.to_thread(sign_in, self.hub.url, self.hub.folder, str(form["app"]))
        except OSError:
            return JSONResponse({"error": {"code": "hub_unavailable", "message": "the hub is down"}}, 503)
        expires_at_us = (int(time.time()) + 86_400) * 1_000_000
        return JSONResponse({"token": token, "expires_at_us": expires_at_us, "team": "-", "person": "-"})

    # -- passing on ----------------------------------------------------------------------------------------------

    async def _connect(self, client: WebSocket) -> None:
        if "arkitekt.v1" not in (client.scope.get("subprotocols") or []):
            self.problems.append("the upgrade does not offer the subprotocol arkitekt.v1")
        if self.closed:
            await client.send_denial_response(JSONResponse({}, 503))
            return
        try:
            upstream = await websockets.connect(
                self.hub.url.replace("http", "ws") + "/ws",
                additional_headers={"authorization": client.headers.get("authorization", "")},
                subprotocols=[websockets.Subprotocol("arkitekt.v1")],
                compression=None,
                max_size=None,
                proxy=None,
            )
        except websockets.InvalidStatus as refused:
            await client.send_denial_response(JSONResponse({}, refused.response.status_code))
            return
        except (OSError, websockets.WebSocketException):
            await client.send_denial_response(JSONResponse({}, 503))
            return
        await client.accept(subprotocol="arkitekt.v1")
        self.connections += 1
        self._client = client
        try:
            await self._exchange(client, upstream)
        finally:
            upstream.transport.abort()
            if self._client is client:
                self._client = None
            self.news.notify()

    async def _exchange(self, client: WebSocket, upstream: Any) -> None:
        both = {asyncio.create_task(self._up(client, upstream)), asyncio.create_task(self._down(client, upstream))}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await client.close(upstream.close_code if upstream.close_code not in (None, 1005, 1006) else 1012)
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    async def _up(self, client: WebSocket, upstream: Any) -> None:
        connection = self.connections
        with contextlib.suppress(WebSocketDisconnect, websockets.ConnectionClosed):
            while True:
                frame = await client.receive_text()
                messages = self._judge(frame)
                now = time.monotonic()
                self.heard += [Said(message, now, connection) for message in messages]
                if self.muted:
                    messages = [message for message in messages if "attempt" not in message]
                if messages:
                    await upstream.send(written(messages) if self.muted else frame)
                self.news.notify()

    def _judge(self, frame: str) -> list[Message]:
        """Read a frame; whatever the protocol does not allow is a problem."""
        if len(frame.encode()) > FRAME_LIMIT_BYTES:
            self.problems.append(f"a frame of {len(frame.encode())} bytes")
        try:
            _, refused = _CLIENT.decode(frame)
            raw = json.loads(frame)
        except (ArkitektError, ValueError) as error:
            self.problems.append(f"a frame that is no array of messages: {error}")
            return []
        self.problems += [f"a message that does not fit: {answer.error.message}" for answer in refused]
        messages = [message for message in raw if isinstance(message, dict)]
        for message in messages:
            if message.get("kind") == "yielded":
                self._check_credit(message)
        return messages

    def _check_credit(self, report: Message) -> None:
        through = report["first"] + len(report["values"])
        credit = self._credit.get((report["task"], report["attempt"]))
        if credit is not None and through > credit:
            self.problems.append(f"yields up to {through} with a credit of {credit}")

    async def _down(self, client: WebSocket, upstream: Any) -> None:
        with contextlib.suppress(WebSocketDisconnect, websockets.ConnectionClosed, RuntimeError):
            async for frame in upstream:
                messages = list(self._changed(json.loads(frame)))
                self.told += messages
                await client.send_text(written(messages))
                self.news.notify()

    def _changed(self, messages: list[Message]) -> Iterator[Message]:
        for message in messages:
            if message["kind"] in ("assign", "credit"):
                key = (message["task"], message["attempt"])
                through: int = message["credit" if message["kind"] == "assign" else "through"]
                self._credit[key] = max(self._credit.get(key, 0), through)
            if message["kind"] == "unsupported":
                self.problems.append(f"the hub did not understand: {message['error']['message']}")
            if message["kind"] == "provided" and self.drop:
                message["drop"] = [*message.get("drop", []), *self.drop]
            if self.noisy:
                yield {"kind": "weather", "request": "none", **_NOISE}
                message = {**message, **_NOISE}
            yield message
            if self.twice and message["kind"] == "assign":
                yield dict(message)

    # -- interfering ---------------------------------------------------------------------------------------------

    async def say(self, *messages: Message) -> None:
        """Tell the candidate something in the hub's name."""
        if self._client is not None:
            await self._client.send_text(written(list(messages)))

    async def cut(self) -> None:
        """Break the connection."""
        if self._client is not None:
            with contextlib.suppress(RuntimeError):
                await self._client.close(1012)

    # -- looking -------------------------------------------------------------------------------------------------

    def reports(self, kind: str, task: str = "") -> list[Message]:
        """Give what the candidate said of a kind (about a task)."""
        return [
            said.message
            for said in self.heard
            if said.message["kind"] == kind and (not task or said.message.get("task") == task)
        ]

    def orders(self, kind: str, task: str = "") -> list[Message]:
        """Give what the candidate was told of a kind (about a task)."""
        return [m for m in self.told if m["kind"] == kind and (not task or m.get("task") == task)]

    async def until_said(self, kind: str, task: str = "", count: int = 1, within: float = DEADLINE_S) -> list[Message]:
        """Wait until the candidate said something."""

        def enough() -> list[Message]:
            found = self.reports(kind, task)
            return found if len(found) >= count else []

        return await self.news.until(enough, f"`{kind}` from the client", within)


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
