"""A client written from docs/reference/protocol.md alone: no code of the SDK. It can misbehave on purpose."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import secrets
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import websockets

DEADLINE_S = 20.0
Message = dict[str, Any]


def post(url: str, body: Message, token: str | None = None) -> Message:
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
        return json.load(response)


def sign_in(url: str, folder: Path, app: str) -> str:
    key = bytes.fromhex((folder / "local.key").read_text())
    authority = url.split("//")[1]
    nonce = secrets.token_hex(16)
    challenge = post(f"{url}/api/auth/local/challenge", {"client_nonce": nonce})

    def proof(side: str) -> str:
        text = f"arkitekt-{side}|{authority}|{nonce}|{challenge['server_nonce']}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    assert challenge["proof"] == proof("hub")
    body = {"challenge": challenge["challenge"], "proof": proof("client"), "app": app}
    return post(f"{url}/api/auth/local/token", body)["token"]


class RawClient:
    """One connection. Whatever arrives is kept in `seen` and can be waited for."""

    def __init__(
        self,
        url: str,
        token: str,
        app: str,
        session: str | None = None,
        *,
        release: Message | None = None,
        host: str = "",
    ) -> None:
        self.url, self.token, self.app, self.release, self.host = url, token, app, release, host
        self.session = session or str(uuid.uuid4())
        self.seen: list[Message] = []
        self.epoch = 0
        self.agent = ""
        self.seq = itertools.count(1)
        self._changed = asyncio.Condition()
        self._requests = itertools.count(1)
        self.on_message: Callable[[Message], None] = lambda message: None

    async def open(self) -> RawClient:
        await self.knock()
        await self.expect("welcome")
        return self

    async def knock(self) -> None:
        """Connect and say hello. Raises `websockets.InvalidStatus` when the token is not let in."""
        self.socket = await websockets.connect(
            self.url.replace("http", "ws") + "/ws",
            additional_headers={"authorization": f"Bearer {self.token}"} if self.token else {},
            subprotocols=["arkitekt.v1"],
            compression=None,
            max_size=None,
        )
        self._reader = asyncio.create_task(self._read())
        about: Message = {} if self.release is None else {"release": self.release}
        if self.host:
            about["host"] = self.host
        await self.send({"kind": "hello", "session": self.session, "app": self.app, **about})

    async def _read(self) -> None:
        try:
            async for frame in self.socket:
                messages = json.loads(frame)
                async with self._changed:
                    self.seen += messages
                    self._changed.notify_all()
                for message in messages:
                    if message["kind"] == "ping":
                        await self.send({"kind": "pong", "number": message["number"]})
                    self.on_message(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def send(self, *messages: Message) -> None:
        await self.socket.send(json.dumps(list(messages)))

    async def expect(self, kind: str, deadline_s: float = DEADLINE_S, **fields: Any) -> Message:
        """Wait for a message of a kind whose fields are as given, from the beginning of the connection on."""

        def fits() -> Message | None:
            for message in self.seen:
                if message["kind"] == kind and all(message.get(k) == v for k, v in fields.items()):
                    return message
            return None

        async with asyncio.timeout(deadline_s), self._changed:
            while (found := fits()) is None:
                await self._changed.wait()
            return found

    def of(self, kind: str, **fields: Any) -> list[Message]:
        return [m for m in self.seen if m["kind"] == kind and all(m.get(k) == v for k, v in fields.items())]

    async def provide(
        self, *definitions: Message, deadline_s: float = DEADLINE_S, function_hash: str | None = None, **fields: Any
    ) -> Message:
        request = f"p{next(self._requests)}"
        offers: list[Message] = [{"definition": d} for d in definitions]
        if function_hash is not None:
            offers = [{**offer, "function_hash": function_hash} for offer in offers]
        await self.send({"kind": "provide", "request": request, "offers": offers, **fields})
        provided = await self.expect("provided", deadline_s, request=request)
        self.epoch, self.agent = provided["epoch"], provided["agent"]
        return provided

    async def submit(self, action: str, args: Message | None = None, **fields: Any) -> str:
        """Submit and wait until the task is on disk; give its id."""
        reference = fields.pop("reference", None) or uuid.uuid4().hex
        await self.send({"kind": "submit", "reference": reference, "action": action, "args": args or {}, **fields})
        async with asyncio.timeout(DEADLINE_S), self._changed:
            while True:
                for message in self.seen:
                    if message.get("reference") == reference and "task" in message:
                        return message["task"]
                    if message["kind"] == "refused" and message["request"] == reference:
                        raise AssertionError(message["error"])
                await self._changed.wait()

    async def assigned(self, task: str, attempt: int = 1) -> Message:
        return await self.expect("assign", task=task, attempt=attempt)

    async def report(self, kind: str, task: str, *, attempt: int = 1, epoch: int | None = None, **fields: Any) -> int:
        seq = fields.pop("seq", None)
        if seq is None:
            seq = next(self.seq)
        epoch = self.epoch if epoch is None else epoch
        await self.send({"kind": kind, "task": task, "attempt": attempt, "epoch": epoch, "seq": seq, **fields})
        return seq

    async def acknowledged(self, seq: int) -> None:
        async with asyncio.timeout(DEADLINE_S), self._changed:
            while not any(m["kind"] == "ack" and m["seq"] >= seq for m in self.seen):
                await self._changed.wait()

    async def close(self) -> None:
        await self.socket.close()
        await self._reader

    def drop(self) -> None:
        """Break the connection without a word, as a killed process does."""
        self.socket.transport.abort()


@asynccontextmanager
async def client(server: Any, app: str, *, session: str | None = None) -> AsyncIterator[RawClient]:
    """Sign in to a served hub and open a connection."""
    token = await asyncio.to_thread(sign_in, server.url, server.folder, app)
    opened = await RawClient(server.url, token, app, session).open()
    try:
        yield opened
    finally:
        await opened.close()


def definition(name: str, *, effects: str = "unknown", generator: bool = False, retries: int = 0) -> Message:
    """The published form of a function of two integers that gives one."""
    raw: Message = {
        "name": name,
        "args": [{"key": "a", "kind": "int"}, {"key": "b", "kind": "int", "required": False, "default": 0}],
        "returns": [{"key": "out", "kind": "int"}],
        "effects": effects,
        "retries": retries,
    }
    if generator:
        raw["kind"] = "generator"
    return raw
