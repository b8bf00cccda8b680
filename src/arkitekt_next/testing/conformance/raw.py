"""A caller of the kit's own: it shares no code with what it judges, and keeps everything it hears.

Also the local sign-in, used by the caller and by the tap. The rule: every wait has a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import secrets
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import websockets

Message = dict[str, Any]
T = TypeVar("T")

DEADLINE_S = 10.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Failed(Exception):
    """A check did not hold; the text says what was expected and what came."""


def expect(holds: Any, problem: str) -> None:
    """Raise `Failed` unless something holds."""
    if not holds:
        raise Failed(problem)


def _post(url: str, body: Message) -> Message:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with _DIRECT.open(request, timeout=DEADLINE_S) as response:
        answer: Message = json.load(response)
    return answer


def prove(key: bytes, side: str, authority: str, client_nonce: str, server_nonce: str) -> str:
    """Write one side's proof that it can read the key file."""
    text = f"arkitekt-{side}|{authority}|{client_nonce}|{server_nonce}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def sign_in(url: str, folder: Path, app: str) -> str:
    """Get a token for an app from the hub of a folder."""
    key = bytes.fromhex((folder / "local.key").read_text())
    authority, nonce = url.split("//")[1], secrets.token_hex(16)
    opened = _post(f"{url}/api/auth/local/challenge", {"client_nonce": nonce})
    if opened["proof"] != prove(key, "hub", authority, nonce, opened["server_nonce"]):
        raise Failed("the hub could not prove itself")
    proof = prove(key, "client", authority, nonce, opened["server_nonce"])
    body = {"challenge": opened["challenge"], "proof": proof, "app": app}
    return str(_post(f"{url}/api/auth/local/token", body)["token"])


def written(messages: list[Message]) -> str:
    """Write a frame, as short as it gets; what is no UTF-8 is escaped."""
    text = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(messages, separators=(",", ":"))
    return text


class News:
    """Something grows or changes, and others wait until it looks as they want."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Let everybody who waits look again."""
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    async def until(self, look: Callable[[], T | None], what: str, within: float = DEADLINE_S) -> T:
        """Wait until `look` gives something true; give that. Raises `Failed` with `what` after the deadline."""
        try:
            async with asyncio.timeout(within):
                while not (found := look()):
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.add(waiter)
                    await waiter
                return found
        except TimeoutError:
            raise Failed(f"{what}: it did not come within {within:g} s") from None


class Followed:
    """What one task told so far; numbers that do not grow, gaps and repeats are kept as problems."""

    def __init__(self) -> None:
        self.task = ""
        self.number = 0
        self.first = 0
        self.values: list[Any] = []
        self.events: list[Message] = []
        self.outcome: Message | None = None
        self.problems: list[str] = []

    def hear(self, message: Message) -> None:
        """Take an event, values or the outcome."""
        number = message["number"]
        if number:
            if number <= self.number:
                self.problems.append(f"number {number} came after {self.number}")
            self.number = number
        if self.outcome is not None:
            self.problems.append(f"{message['kind']} came after the outcome")
        if message["kind"] == "values":
            if message["first"] != self.first + len(self.values):
                self.problems.append(f"values from {message['first']} on came after {len(self.values)} values")
            self.values += [value[0] for value in message["values"]]
        elif message["kind"] == "outcome":
            self.outcome = message
        else:
            self.events.append(message)

    def named(self, name: str) -> list[Message]:
        """Give the events of a name."""
        return [event for event in self.events if event["name"] == name]


class RawCaller:
    """A connection of the app `judge`; it can be opened again after the hub was killed."""

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.news = News()
        self.followed: dict[str, Followed] = {}
        self.answers: dict[str, Message] = {}
        self.pending: dict[str, Message] = {}
        self.by_reference: dict[str, Followed] = {}
        self.holding: set[str] = set()
        self._requests = itertools.count(1)
        self._socket: Any = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect; submit again what was not accepted, attach to what has not ended."""
        await self.close()
        token = await asyncio.to_thread(sign_in, self.hub.url, self.hub.folder, "judge")
        self._socket = await websockets.connect(
            self.hub.url.replace("http", "ws") + "/ws",
            additional_headers={"authorization": f"Bearer {token}"},
            subprotocols=[websockets.Subprotocol("arkitekt.v1")],
            compression=None,
            max_size=None,
            proxy=None,
        )
        await self.send({"kind": "hello", "session": str(uuid.uuid4()), "app": "judge"})
        self._reader = asyncio.create_task(self._read())
        for submit in list(self.pending.values()):
            await self.send(submit)
        for followed in self.followed.values():
            if followed.outcome is None:
                request = self._request()
                await self.send({"kind": "attach", "request": request, "task": followed.task, "after": followed.number})

    @property
    def is_open(self) -> bool:
        """Whether the connection stands."""
        return self._reader is not None and not self._reader.done()

    async def close(self) -> None:
        """Close without a word."""
        if self._reader is not None:
            self._socket.transport.abort()
            await self._reader
            self._reader = None

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for frame in self._socket:
                for message in json.loads(frame):
                    await self._hear(message)
                self.news.notify()

    async def _hear(self, message: Message) -> None:
        kind = message["kind"]
        if kind == "ping":
            await self.send({"kind": "pong", "number": message["number"]})
        elif kind == "accepted":
            followed = self.by_reference[message["reference"]]
            followed.task = message["task"]
            followed.number = message["number"]
            self.pending.pop(message["reference"], None)
            self.followed[followed.task] = followed
        elif kind in ("event", "values", "outcome"):
            await self._follow(message)
        elif "request" in message:
            self.answers[message["request"]] = message
            self.pending.pop(message["request"], None)

    async def _follow(self, message: Message) -> None:
        followed = self.followed.get(message["task"])
        if followed is None:
            return
        followed.hear(message)
        if message["kind"] == "values" and followed.task not in self.holding:
            await self.take(followed)

    async def take(self, followed: Followed) -> None:
        """Declare taken what came."""
        await self.send({"kind": "consumed", "task": followed.task, "through": followed.first + len(followed.values)})

    async def send(self, *messages: Message) -> None:
        """Send a frame; it is lost when there is no connection."""
        with contextlib.suppress(websockets.ConnectionClosed):
            await self._socket.send(written(list(messages)))

    def _request(self) -> str:
        return f"judge-{next(self._requests)}"

    async def ask(self, kind: str, **fields: Any) -> Message:
        """Send a request; give whatever answers it."""
        request = self._request()
        await self.send({"kind": kind, "request": request, **fields})
        return await self.news.until(lambda: self.answers.get(request), f"an answer to {kind}")

    async def start(self, action: str, *, hold: bool = False, **fields: Any) -> Followed:
        """Submit a call of the conformance app and wait until it is accepted."""
        followed = self.post(action, **fields)
        await self.send(self.pending[followed[0]])
        reference, call = followed

        def accepted() -> bool:
            return bool(call.task) or reference in self.answers

        await self.news.until(accepted, f"an answer to the call of {action}")
        expect(call.task, f"{action} was refused: {self.answers.get(reference)}")
        if hold:
            self.holding.add(call.task)
        return call

    def post(self, action: str, **fields: Any) -> tuple[str, Followed]:
        """Prepare a call that goes out when the connection is (re)opened, or by `start`."""
        reference, call = uuid.uuid4().hex, Followed()
        self.by_reference[reference] = call
        self.pending[reference] = {
            "kind": "submit",
            "reference": reference,
            "action": f"conformance.{action}",
            **fields,
        }
        return reference, call

    async def ended(self, call: Followed, within: float = DEADLINE_S) -> Message:
        """Wait for the outcome; what came before it has to be sound."""
        outcome = await self.news.until(lambda: call.outcome, f"the outcome of {call.task}", within)
        expect(not call.problems, "; ".join(call.problems[:3]))
        return outcome

    async def call(self, action: str, within: float = DEADLINE_S, **args: Any) -> Message:
        """Call and wait for the outcome."""
        return await self.ended(await self.start(action, args=args), within)

    async def returns(self, action: str, **args: Any) -> Any:
        """Call and give the first value that came back."""
        outcome = await self.call(action, **args)
        expect(outcome["status"] == "completed", f"{action} ended {outcome['status']}: {outcome.get('error')}")
        expect(len(outcome.get("returns") or []) == 1, f"{action} returned {outcome.get('returns')}")
        return outcome["returns"][0]

    async def control(self, call: Followed, verb: str, **fields: Any) -> None:
        """Steer a task; it has to be taken."""
        answer = await self.ask("control", task=call.task, verb=verb, **fields)
        expect(answer["kind"] == "done", f"{verb} was answered by {answer}")
