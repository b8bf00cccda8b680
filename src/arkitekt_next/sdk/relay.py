"""Lets a worker process call over its parent's connection: frames in, frames out.

To the worker it looks like a hub: it answers `hello` with the parent's own welcome and passes everything else
through. The rule: it keeps nothing; when the parent's connection breaks, the worker is told and says again what was
not answered, as any client does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import ArkitektError
from arkitekt_next.wire.codec import dumps, encode, loads
from arkitekt_next.wire.messages import Accepted, Message, Welcome

if TYPE_CHECKING:
    from .link import Link

_PASSED = frozenset({"lookup", "submit", "attach", "detach", "consumed", "control"})


class Relay:
    """One worker's share of a connection. `received` may come from any thread; the rest is on the transport loop."""

    def __init__(self, link: Link, send: Callable[[str], None], cut: Callable[[], None]) -> None:
        self._connection = link.connection
        self._caller = link.caller
        self._send = send
        self._cut = cut
        self._names: set[str] = set()
        self._is_greeting = False
        self._is_greeted = False
        self.handlers: dict[type[Message], Callable[[Any], None]] = {}
        self._connection.post(self._join)

    def _join(self) -> None:
        self._caller.relays.append(self.take)
        self._connection.add(self)

    def close(self) -> None:
        """Take no more part."""
        self._connection.post(self._part)

    def _part(self) -> None:
        if self.take in self._caller.relays:
            self._caller.relays.remove(self.take)
        self._connection.remove(self)

    def received(self, frame: str) -> None:
        """Take a frame from the worker."""
        self._connection.post(self._pass_on, frame)

    def _pass_on(self, frame: str) -> None:
        for message in loads(frame):
            kind = message.get("kind")
            if kind == "hello":
                self._is_greeting, self._is_greeted = True, False
                self._greet()
            elif kind == "ping":
                self._send(dumps([{"kind": "pong", "number": message.get("number", 0)}]))
            elif kind in _PASSED:
                name = message.get("request") or message.get("reference") or message.get("task")
                self._names.add(str(name))
                if message.get("task"):
                    self._names.add(str(message["task"]))
                self._connection.send(dumps(message))

    def _greet(self) -> None:
        welcome = self._connection.welcome
        if self._is_greeting and self._connection.is_open and welcome is not None:
            self._is_greeting, self._is_greeted = False, True
            self._send(f"[{encode(welcome)}]")

    def take(self, message: Any) -> bool:
        """Pass a hub's message on, if it answers or belongs to this worker."""
        for field in ("request", "reference", "task", "what"):
            if getattr(message, field, None) in self._names:
                if isinstance(message, Accepted):
                    self._names.add(message.task)
                self._send(f"[{encode(message)}]")
                return True
        return False

    # -- the role --------------------------------------------------------------------------------------------

    def opened(self, welcome: Welcome) -> None:
        self._greet()

    def lost(self) -> None:
        if self._is_greeted:
            self._is_greeted = False
            self._cut()

    def turn_ends(self) -> None:
        pass

    def closed(self, error: ArkitektError) -> None:
        self._cut()
