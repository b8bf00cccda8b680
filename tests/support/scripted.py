"""The hub's end of a connection in the hands of a test: it says what it is told to, and keeps what it hears.

Built on `wire.session`, so it speaks the protocol; what it does not is left to the test.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any, TypeVar

from arkitekt_next.ports import define
from arkitekt_next.sdk.app import App
from arkitekt_next.sdk.login import Access
from arkitekt_next.sdk.loop import transport_thread
from arkitekt_next.sdk.transport import Receiver, Transport
from arkitekt_next.sdk.transport.memory import MemoryTransport, pair
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.session import hub_session

M = TypeVar("M", bound=m.Message)


class ScriptedHub:
    """One app's hub. Methods are called from the test's thread; each wait has a deadline."""

    def __init__(self, *, lease_s: float = 30.0, heartbeat_s: float = 10.0) -> None:
        self.heard: list[m.Message] = []
        self.frames: list[int] = []
        self.opened = 0
        self.pings = 0
        self.refuse_dials = False
        self.answers_pings = True
        self._taken = 0
        self._news = threading.Condition()
        self._lease_s, self._heartbeat_s = lease_s, heartbeat_s
        self._end: _End | None = None
        self._epoch = 0

    def app(self, identifier: str = "scripted", **options: Any) -> App:
        """Make an app that is connected to this hub."""
        return App(identifier, dial=self.dial, access=lambda: Access("memory://scripted", "t"), **options)

    async def dial(self, url: str, token: str, receiver: Receiver) -> Transport:
        if self.refuse_dials:
            from arkitekt_next.errors import HubUnavailable

            raise HubUnavailable(url=url, reason="the test wants it so", remedy="Wait")
        loop = asyncio.get_running_loop()
        end = _End(self, loop)
        client, end.transport = pair(loop, receiver, loop, end)
        self._end = end
        return client

    def say(self, *messages: m.Message) -> None:
        """Send messages to the app, as one frame."""
        end = self._end
        assert end is not None
        transport_thread().loop.call_soon_threadsafe(end.say, messages)

    def expect(self, kind: type[M], *, within: float = 20.0) -> M:
        """Give the next message of a kind; others on the way are skipped."""
        deadline = time.monotonic() + within
        with self._news:
            while True:
                while self._taken < len(self.heard):
                    message = self.heard[self._taken]
                    self._taken += 1
                    if isinstance(message, kind):
                        return message
                left = deadline - time.monotonic()
                assert left > 0, f"no {kind.__name__} came; heard {[str(h)[:120] for h in self.heard[-10:]]}"
                self._news.wait(left)

    def provided(self, *, epoch: int | None = None, drop: list[str] | None = None) -> m.Provide:
        """Take the app's functions; give what it offered."""
        offered = self.expect(m.Provide)
        self._epoch = epoch if epoch is not None else self._epoch + 1
        names = [offer.definition["name"] for offer in offered.offers]
        self.say(
            m.Provided(request=offered.request, agent="agent-1", epoch=self._epoch, actions=names, drop=drop or [])
        )
        return offered

    def assign(self, task: str, action: str, args: dict[str, Any] | None = None, **fields: Any) -> None:
        """Give the app a task."""
        fields = {"attempt": 1, "root": task, "epoch": self._epoch, **fields}
        self.say(m.Assign(task=task, action=action, args=args or {}, **fields))

    def cut(self, code: int = 1006) -> None:
        """Break the connection."""
        end = self._end
        assert end is not None
        end.transport.close(code)

    def hear(self, messages: list[m.Message]) -> None:
        with self._news:
            self.heard.extend(messages)
            self._news.notify_all()


class _End:
    def __init__(self, hub: ScriptedHub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop
        self._session = hub_session(now=loop.time())
        self.transport: MemoryTransport

    def say(self, messages: tuple[m.Message, ...]) -> None:
        for message in messages:
            self._session.send(message)
        self._flush()

    def _flush(self) -> None:
        for frame in self._session.frames(self._loop.time()):
            self.transport.send(frame)

    def received(self, frame: str | bytes) -> None:
        hub = self._hub
        hub.frames.append(len(frame))
        hub.pings += str(frame).count('"kind":"ping"')
        messages = self._session.receive(frame, self._loop.time())
        if messages and isinstance(messages[0], m.Hello):
            hub.opened += 1
            self._session.send(
                m.Welcome(
                    protocol=1,
                    hub="scripted",
                    connection=str(hub.opened),
                    team="team",
                    person="person",
                    now_us=0,
                    lease_s=hub._lease_s,
                    heartbeat_s=hub._heartbeat_s,
                    frame_limit_bytes=m.FRAME_LIMIT_BYTES,
                )
            )
        for message in messages:
            if isinstance(message, m.Drain) and message.request is not None:
                self._session.send(m.Done(request=message.request))
        hub.hear(messages)
        if hub.answers_pings or any(isinstance(message, m.Hello) for message in messages):
            self._flush()

    def writable(self) -> None:
        self._flush()

    def closed(self, code: int, reason: str) -> None:
        """The test knows: it cut, or the app closed."""


def add(a: int, b: int = 1) -> int:
    return a + b


def count(n: int) -> Iterator[int]:
    yield from range(n)


def in_background(work):  # type: ignore[no-untyped-def]
    """Run a blocking call beside the script; give what waits for its result."""
    from concurrent.futures import Future

    future: Future[object] = Future()

    def main() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=main, daemon=True).start()
    return future


def found(scripted: ScriptedHub, app: App, function=add):  # type: ignore[no-untyped-def]
    """Let the app find a function that only the script provides."""
    finding = in_background(lambda: app.find("far.add"))
    asked = scripted.expect(m.Lookup)
    definition = define(function).definition
    scripted.say(
        m.Found(
            request=asked.request,
            action="far.add",
            definition=definition.to_json(),
            signature_hash=definition.signature_hash,
            definition_hash=definition.definition_hash,
            agents_online=1,
        )
    )
    return finding.result(20)


def outcome(task: str, **fields: object) -> m.Outcome:
    return m.Outcome(**{"task": task, "number": 9, "at_us": 0, "status": "completed", "returns": [3], **fields})  # type: ignore[arg-type]
