"""How much the store may hold. What is being written counts as it comes, so that nothing goes far beyond the limit.

The rule: what is there is asked of the database, not remembered for long; hubs that share one agree within moments.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from arkitekt_next.errors import StorageFull
from arkitekt_next.hub.core.ids import monotonic
from arkitekt_next.storage import data_tables as d

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

_FRESH_S = 10.0
_AGAIN_S = 0.5


class Quota:
    """Counts what the store holds, against a limit of bytes; None for none."""

    def __init__(self, database: Database, limit_bytes: int | None, *, place: str) -> None:
        self._database = database
        self._limit_bytes = limit_bytes
        self._place = place
        self._stored = 0
        self._since = 0
        self._under_way = 0
        self._asked_at = float("-inf")
        self.counted_bytes: int | None = None
        """What was counted last, if anything was; a counting goes through every object."""

    async def used_bytes(self) -> int:
        """Ask how many bytes all objects, and the parts of uploads, take."""
        total = 0
        async with self._database.engine.connect() as db:
            for table in (d.object, d.upload_part):
                total += int((await db.execute(select(func.coalesce(func.sum(table.c.size_bytes), 0)))).scalar_one())
        self.counted_bytes = total
        return total

    async def check(self, *, room_bytes: int = 1) -> None:
        """Refuse to take anything more once there is no such room. Raises `StorageFull`."""
        if self._limit_bytes is None:
            return
        age_s = monotonic() - self._asked_at
        if age_s > _FRESH_S or (not self._has(room_bytes) and age_s > _AGAIN_S):
            self._asked_at = monotonic()
            before = self._since
            self._stored = await self.used_bytes()
            self._since -= before
        if not self._has(room_bytes):
            raise self._refusal()

    @asynccontextmanager
    async def reserved(self, size_bytes: int) -> AsyncIterator[None]:
        """Count so much while the block runs, and no longer. Raises `StorageFull`."""
        await self.check(room_bytes=max(1, size_bytes))
        self._under_way += size_bytes
        try:
            yield
        finally:
            self._under_way -= size_bytes

    @asynccontextmanager
    async def taking(self, size_bytes: int) -> AsyncIterator[None]:
        """Count what the block writes, if it ends well. Raises `StorageFull`."""
        async with self.reserved(size_bytes):
            yield
            self._since += size_bytes

    async def counted(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Give the same bytes, up to the limit. Raises `StorageFull`."""
        await self.check()
        count = 0
        try:
            async for data in body:
                count += len(data)
                self._under_way += len(data)
                if not self._has(0):
                    raise self._refusal()
                yield data
            self._since += count
        finally:
            self._under_way -= count

    @property
    def _taken(self) -> int:
        return self._stored + self._since + self._under_way

    def _has(self, room_bytes: int) -> bool:
        return self._limit_bytes is None or self._taken + room_bytes <= self._limit_bytes

    def _refusal(self) -> StorageFull:
        limit = f"{self._limit_bytes} bytes may be stored (data_quota_bytes)"
        return StorageFull(
            f"The store is full: {limit}. Remove items and let the trash be emptied, or raise the limit",
            reason=limit,
            folder=self._place,
        )
