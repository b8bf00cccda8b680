"""Frames within one process, for tests and offline work: two ends, each on its own loop.

The same contract as the websocket: frames arrive whole and in order, a close is told once. The rule: an end calls its
receiver only on its own loop, whoever sent.
"""

from __future__ import annotations

import asyncio

from arkitekt_next.sdk.loop import Mailbox

from . import Receiver, Transport


class MemoryTransport(Transport):
    """One end; frames go to the other end's mailbox."""

    def __init__(self, loop: asyncio.AbstractEventLoop, receiver: Receiver) -> None:
        self._mailbox = Mailbox(loop)
        self._receiver = receiver
        self._other: MemoryTransport | None = None
        self._is_closed = False

    @property
    def is_writable(self) -> bool:
        return True

    def send(self, frame: str) -> None:
        if self._other is not None and not self._is_closed:
            self._other._mailbox.post(self._other._arrive, frame)

    def close(self, code: int = 1000, reason: str = "") -> None:
        other = self._other
        self._mailbox.post(self._end, code, reason)
        if other is not None:
            other._mailbox.post(other._end, code, reason)

    def abort(self) -> None:
        self.close(1006)

    def _arrive(self, frame: str) -> None:
        if not self._is_closed:
            self._receiver.received(frame)

    def _end(self, code: int, reason: str) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._receiver.closed(code, reason)


def pair(
    loop: asyncio.AbstractEventLoop, receiver: Receiver, other_loop: asyncio.AbstractEventLoop, other: Receiver
) -> tuple[MemoryTransport, MemoryTransport]:
    """Make two ends that are connected with each other."""
    here, there = MemoryTransport(loop, receiver), MemoryTransport(other_loop, other)
    here._other, there._other = there, here
    return here, there
