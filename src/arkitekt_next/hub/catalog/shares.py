"""Shares: which actions a guest sees, by name. Held in memory, as every lookup asks.

The rule: nothing is held here that is not on disk.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

_s = t.share.c
_INSERT = insert_or(t.share, ["action_id", "person_id"])
_REMOVE = Statement(
    "unshare action",
    delete(t.share).where(_s.action_id == bindparam("b_action"), _s.person_id == bindparam("b_person")),
)
_FORGET = Statement(
    "unshare actions of a member",
    delete(t.share).where(
        _s.team_id == bindparam("b_team"), (_s.person_id == bindparam("b_person")) | (_s.by_id == bindparam("b_by"))
    ),
)


@dataclass(frozen=True, slots=True)
class Share:
    """One action is shared with one person; `by` did it."""

    action: str
    person: str
    team: str
    by: str
    created_at_us: int


class Shares:
    """All shares of a hub."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], Share] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read all of them; also what other hubs have changed since."""
        async with self._lock:
            async with self._database.engine.connect() as db:
                rows = (await db.execute(select(t.share))).all()
            self._known = {
                (r.action_id, r.person_id): Share(r.action_id, r.person_id, r.team_id, r.by_id, r.created_at_us)
                for r in rows
            }

    def is_shared(self, action_id: str, person: str) -> bool:
        """Whether an action is shared with a person, by name."""
        return (action_id, person) in self._known

    def of_action(self, action_id: str) -> list[Share]:
        """List with whom an action is shared, in the order in which it was."""
        found = [share for share in self._known.values() if share.action == action_id]
        return sorted(found, key=lambda share: (share.created_at_us, share.person))

    async def share(self, *, team: str, action_id: str, person: str, by: str) -> Share:
        """Share an action with a person; sharing it again changes nothing."""
        async with self._lock:
            known = self._known.get((action_id, person))
            if known is not None:
                return known
            share = Share(action_id, person, team, by, now_us())
            row = {
                "team_id": team,
                "action_id": action_id,
                "person_id": person,
                "by_id": by,
                "created_at_us": share.created_at_us,
            }
            await self._database.ledger.commit((_INSERT, row))
            self._known[(action_id, person)] = share
            return share

    async def unshare(self, *, action_id: str, person: str) -> None:
        """End a share. Raises `NotFound`."""
        async with self._lock:
            removed = (await self._database.ledger.commit((_REMOVE, {"b_action": action_id, "b_person": person})))[0]
            self._known.pop((action_id, person), None)
        if not removed:
            raise NotFound(what="share", name=person, remedy="It may have ended already")

    async def forget(self, team: str, person: str) -> None:
        """End what was shared with a person in a team which they leave, and what they shared themselves."""
        async with self._lock:
            await self._database.ledger.commit((_FORGET, {"b_team": team, "b_person": person, "b_by": person}))
            self._known = {
                key: share
                for key, share in self._known.items()
                if share.team != team or person not in (share.person, share.by)
            }
