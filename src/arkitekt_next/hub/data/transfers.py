"""How many places of the store one person may take up: three quarters of those to read, and of those to write.

The rule: who is beyond their share waits as everybody does for a place, and keeps none from others meanwhile. All who
come by an address that somebody has signed are that person.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from .objects.blobs import turn


class Transfers:
    """Who reads from and writes to a store that has so many places."""

    def __init__(self, *, readers: int, writers: int) -> None:
        self._reading = _Shares(readers)
        self._writing = _Shares(writers)

    def reading(self, person: str) -> AbstractAsyncContextManager[None]:
        """Wait for a place of a person's share, to be held until all was sent. Raises `HubBusy`."""
        return self._reading.turn_of(person)

    def writing(self, person: str) -> AbstractAsyncContextManager[None]:
        """Wait for a place of a person's share, to be held until all was written. Raises `HubBusy`."""
        return self._writing.turn_of(person)


@dataclass(slots=True)
class _Share:
    places: asyncio.Semaphore
    users: int = 0


class _Shares:
    """The shares of all who have something under way, or wait for that."""

    def __init__(self, places: int) -> None:
        self._most = max(1, places * 3 // 4)
        self._shares: dict[str, _Share] = {}

    @asynccontextmanager
    async def turn_of(self, person: str) -> AsyncIterator[None]:
        share = self._shares.setdefault(person, _Share(asyncio.Semaphore(self._most)))
        share.users += 1
        try:
            async with turn(share.places, whose=" of yours"):
                yield
        finally:
            share.users -= 1
            if not share.users:
                del self._shares[person]
