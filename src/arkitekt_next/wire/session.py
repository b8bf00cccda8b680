"""One end of a connection without any I/O: handshake, decoding, batching, heartbeats, leases.

Bytes and the time go in, messages and frames come out; sockets, tasks and clocks belong to the caller. The rule: a
client's frame is never longer than the limit, and messages leave in the order in which they were given. A hub may use
up to twice the limit for a single message, since it adds ids to what a client just fitted into one frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from arkitekt_next.errors import ProtocolError, TooLarge

from .codec import Decoder, encode
from .messages import (
    FRAME_LIMIT_BYTES,
    FROM_CLIENT,
    FROM_HUB,
    HEARTBEAT_S,
    LEASE_S,
    Hello,
    Message,
    Ping,
    Pong,
    Unsupported,
    Welcome,
)

_FROM_CLIENT = Decoder(FROM_CLIENT)
_FROM_HUB = Decoder(FROM_HUB)
_HUB_LIMIT_BYTES = 2 * FRAME_LIMIT_BYTES


class Session:
    """The state of one connection at one end.

    `buffered_bytes` is what waits to be taken by `frames`; a sender that can't keep up reads it to decide what to drop.
    """

    def __init__(self, decoder: Decoder, opening: type[Message], *, now: float, limit_in: int, limit_out: int) -> None:
        self._decoder = decoder
        self._opening = opening
        self._limit_in = limit_in
        self._limit_out = limit_out
        self._out: deque[tuple[str, int]] = deque()
        self._pings = 0
        self.is_open = False
        self.buffered_bytes = 0
        self.heard_at = now
        self.spoke_at = now
        self.lease_s = LEASE_S
        self.heartbeat_s = HEARTBEAT_S

    def receive(self, frame: str | bytes, now: float) -> list[Message]:
        """Take a frame; give its messages for the layer above, in order.

        Pings are answered and pongs swallowed here. Raises `ProtocolError` when the connection has to be closed.
        """
        self.heard_at = now
        if 4 * len(frame) > self._limit_in and (size := _size_of(frame)) > self._limit_in:
            raise TooLarge(where="frame", size_bytes=size, limit_bytes=self._limit_in, remedy="Split it")
        messages, refused = self._decoder.decode(frame)
        for answer in refused:
            self.send(answer)
        if not self.is_open:
            self._open(messages)
        plain = [m for m in messages if not isinstance(m, (Ping, Pong, Unsupported))]
        if len(plain) != len(messages):
            for message in messages:
                if isinstance(message, Ping):
                    self.send(Pong(number=message.number))
                elif isinstance(message, Unsupported):
                    plain.append(message)
        return plain

    def _open(self, messages: list[Message]) -> None:
        if not messages:
            raise ProtocolError(where="first message", problem=f"expected '{self._kind}'")
        if messages[0].__class__ is not self._opening and getattr(messages[0], "kind", "") != "goodbye":
            got = getattr(messages[0], "kind", "?")
            raise ProtocolError(where="first message", problem=f"expected '{self._kind}', got '{got}'")
        self.is_open = True

    @property
    def _kind(self) -> str:
        return str(self._opening.model_fields["kind"].default)

    def send(self, message: Message) -> int:
        """Queue a message; give its size. Raises `TooLarge` when it fits no frame."""
        return self.send_text(encode(message))

    def send_text(self, text: str) -> int:
        """Queue a message that is already written."""
        size = _size_of(text)
        if size > self._limit_out - 2:
            raise TooLarge(
                where="message",
                size_bytes=size,
                limit_bytes=self._limit_out,
                remedy="Large things travel by reference: return a structure",
            )
        self._out.append((text, size))
        self.buffered_bytes += size
        return size

    def frames(self, now: float) -> Iterator[str]:
        """Take everything queued, as few frames as the limit allows."""
        while self._out:
            yield self.next_frame(now)

    def next_frame(self, now: float) -> str:
        """Take one frame's worth of what is queued; an empty string when there is nothing."""
        if not self._out:
            return ""
        self.spoke_at = now
        parts: list[str] = []
        size = 2
        while self._out:
            text, width = self._out[0]
            if parts and size + width + 1 > FRAME_LIMIT_BYTES:
                break
            self._out.popleft()
            parts.append(text)
            size += width + 1
            self.buffered_bytes -= width
        return "[" + ",".join(parts) + "]"

    def tick(self, now: float) -> bool:
        """Queue a heartbeat when one is due; give False when the other side's lease has run out."""
        if now - self.spoke_at >= self.heartbeat_s:
            self._pings += 1
            self.send(Ping(number=self._pings))
            self.spoke_at = now
        return now - self.heard_at < self.lease_s

    @property
    def next_tick_s(self) -> float:
        """How long after now `tick` wants to be called again, at the latest."""
        return min(self.heartbeat_s, self.lease_s) / 4


def _size_of(text: str | bytes) -> int:
    """Give how many bytes a text takes on the wire, where it is UTF-8."""
    return len(text) if isinstance(text, bytes) or text.isascii() else len(text.encode())


def hub_session(*, now: float) -> Session:
    """The hub's end: it waits for `hello`."""
    return Session(_FROM_CLIENT, Hello, now=now, limit_in=FRAME_LIMIT_BYTES, limit_out=_HUB_LIMIT_BYTES)


def client_session(hello: Hello, *, now: float) -> Session:
    """A client's end: it has said `hello` and waits for `welcome`."""
    session = Session(_FROM_HUB, Welcome, now=now, limit_in=_HUB_LIMIT_BYTES, limit_out=FRAME_LIMIT_BYTES)
    session.send(hello)
    return session


def negotiate(offered: tuple[int, int], served: tuple[int, int]) -> int:
    """Give the highest version both speak, or raise `ProtocolError`."""
    highest = min(offered[1], served[1])
    if highest < max(offered[0], served[0]):
        raise ProtocolError(
            where="hello.protocol",
            problem=f"expected a version between {served[0]} and {served[1]}, got {offered[0]} to {offered[1]}. "
            "Update the older side",
        )
    return highest
