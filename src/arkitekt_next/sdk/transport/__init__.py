"""How frames get to a hub and back: over a websocket, or within this process.

The seam is `Transport` (what a connection sends with) and `Receiver` (what a transport tells it). Contract: text
frames arrive whole and in the order in which they were sent; nothing is kept across a close; every call happens on
the loop that opened the transport; `closed` is called exactly once, last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol


class Receiver(Protocol):
    """What a transport tells its owner."""

    def received(self, frame: str | bytes) -> None:
        """A text frame arrived."""

    def writable(self) -> None:
        """`is_writable` has become true again."""

    def closed(self, code: int, reason: str) -> None:
        """The transport is gone; 1006 when the other side said nothing."""


class Transport(ABC):
    """One open way to a hub."""

    @property
    @abstractmethod
    def is_writable(self) -> bool:
        """Whether the other side keeps up; while it is false the owner holds frames back."""

    @abstractmethod
    def send(self, frame: str) -> None:
        """Send a text frame; after a close it goes nowhere."""

    @abstractmethod
    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in good order; `closed` follows within a few seconds, whatever the other side does."""

    @abstractmethod
    def abort(self) -> None:
        """Drop everything at once; `closed` follows."""

    def forget(self) -> None:  # noqa: B027  # not every transport has such handles
        """Let go of the operating system's handles without a word: in a forked child they are the parent's."""


Dial = Callable[[str, str, Receiver], Awaitable[Transport]]
"""Open a transport to a hub's address with a token. Raises `NotAuthenticated`, `HubUnavailable`, `ProtocolError`."""
