"""What the items of a team take, by person and kind.

A team may have a million items, which take the database seconds to count. What has been removed, or was never
committed, counts nothing. The rule: counting goes on for at most a tenth of the time, however many look at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from arkitekt_next.hub.core.ids import monotonic, now_us
from arkitekt_next.storage.data_tables import item

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

KEPT = 9.0
"""How long a count holds, by how long it took."""
_i = item.c


@dataclass(frozen=True, slots=True)
class Share:
    """What one person's items of one kind take."""

    person: str
    kind: str
    is_trashed: bool
    items: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Count:
    """What the items of a team took at a time."""

    shares: tuple[Share, ...]
    at_us: int


class Usage:
    """Counts, and remembers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._locks: dict[str, asyncio.Lock] = {}
        self._known: dict[str, tuple[float, Count]] = {}

    async def of(self, team: str) -> Count:
        """Give what the items of a team take; those who ask meanwhile wait for the same count."""
        async with self._locks.setdefault(team, asyncio.Lock()):
            until, count = self._known.get(team, (float("-inf"), None))
            began = monotonic()
            if count is None or began >= until:
                count = await self._count(team)
                ended = monotonic()
                self._known[team] = (ended + KEPT * (ended - began), count)
            return count

    async def _count(self, team: str) -> Count:
        is_trashed = _i.trashed_at_us.is_not(None)
        query = (
            select(_i.person_id, _i.kind, is_trashed, func.count(), func.coalesce(func.sum(_i.size_bytes), 0))
            .where(_i.team_id == team, _i.committed_at_us.is_not(None), _i.removed_at_us.is_(None))
            .group_by(_i.person_id, _i.kind, is_trashed)
        )
        at_us = now_us()
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        shares = [Share(person, kind, bool(trashed), items, int(size)) for person, kind, trashed, items, size in rows]
        return Count(tuple(sorted(shares, key=lambda share: -share.size_bytes)), at_us)
