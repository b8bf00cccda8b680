"""The bus inside one process: what a single hub uses. Hubs that share an `Exchange` hear each other."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from arkitekt_next.bus.contract import Bus, Handler


class Exchange:
    """Connects the buses of several hubs in one process, each on its own event loop."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[tuple[asyncio.AbstractEventLoop, Handler]]] = defaultdict(list)


class MemoryBus(Bus):
    """Delivers on the subscriber's loop, in order."""

    def __init__(self, exchange: Exchange | None = None) -> None:
        self._exchange = exchange or Exchange()
        self._mine: list[tuple[str, tuple[asyncio.AbstractEventLoop, Handler]]] = []

    def publish(self, subject: str, payload: bytes) -> None:
        """Hand the payload to each subscriber's loop."""
        for loop, handler in self._exchange.handlers.get(subject, ()):
            loop.call_soon_threadsafe(handler, payload)

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Listen from now on."""
        entry = (asyncio.get_running_loop(), handler)
        self._exchange.handlers[subject].append(entry)
        self._mine.append((subject, entry))

    async def close(self) -> None:
        """Stop listening."""
        for subject, entry in self._mine:
            self._exchange.handlers[subject].remove(entry)
        self._mine.clear()
