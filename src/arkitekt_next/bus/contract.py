"""The seam between hubs.

Contract: messages of one publisher on one subject arrive in order, at most once; anything may be lost when a connection
breaks, and a subscriber hears only what was published after `subscribe` returned. A handler runs on the event loop and
must not block. A payload is at most 512 KiB.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

Handler = Callable[[bytes], None]
PAYLOAD_LIMIT_BYTES = 512 * 1024


class Bus(ABC):
    """Publishes bytes under a subject to whoever subscribed to it."""

    @abstractmethod
    def publish(self, subject: str, payload: bytes) -> None:
        """Send without waiting; never raises for a broken connection."""

    @abstractmethod
    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with every payload published under `subject` from now on."""

    @abstractmethod
    async def close(self) -> None:
        """Send what is queued and stop."""
