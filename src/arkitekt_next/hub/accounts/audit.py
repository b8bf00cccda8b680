"""The audit log: what was done to accounts, sign-ins and rights, one row an event, each sealed over the one before.

Rows are only ever added. The rule: an entry names who, what and whom it was done to, and never a secret.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.storage.engine import Database

_INSERT = insert_or(t.audit, ["number"])
_GENESIS = bytes(32)
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. `subject` is the id of what it was done to."""

    number: int
    at_us: int
    team: str | None
    person: str | None
    app: str | None
    event: str
    subject: str | None
    data: dict[str, Any]


class Audit:
    """The log of one database, which several hubs may write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = asyncio.Lock()

    async def note(
        self,
        event: str,
        who: Principal | None = None,
        *,
        team: str | None = None,
        person: str | None = None,
        subject: str | None = None,
        **data: Any,
    ) -> None:
        """Add an event; `who` did it. Returns once it is on disk."""
        row = {
            "team_id": who.team if who is not None else team,
            "person_id": who.person if who is not None else person,
            "app": who.app if who is not None else None,
            "event": event,
            "subject": subject,
            "data": dumps(data),
        }
        await self._add(row)

    async def note_of_hub(
        self, event: str, who: Principal, *, team: str | None = None, subject: str | None = None, **data: Any
    ) -> None:
        """Add an event of the hub itself, which is not for the team that its keeper happens to act in.

        `team` is one that it is about, whose owners and admins are to know.
        """
        await self._add(
            {
                "team_id": team,
                "person_id": who.person,
                "app": who.app,
                "event": event,
                "subject": subject,
                "data": dumps(data),
            }
        )

    async def _add(self, row: dict[str, Any]) -> None:
        async with self._lock:
            for _ in range(_TRIES):
                number, previous = await self._last()
                full = {"number": number + 1, "at_us": now_us(), **row}
                sealed = {**full, "previous": previous, "hash": _seal(previous, full)}
                if (await self._database.ledger.commit((_INSERT, sealed)))[0]:
                    return
        raise RuntimeError("other hubs were faster, again and again")

    async def _last(self) -> tuple[int, bytes]:
        query = select(t.audit.c.number, t.audit.c.hash).order_by(t.audit.c.number.desc()).limit(1)
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first()
        return (row.number, row.hash) if row is not None else (0, _GENESIS)

    async def read(
        self,
        *,
        team: str | None = None,
        before: int | None = None,
        limit: int = 100,
        event: str | None = None,
        person: str | None = None,
    ) -> list[Entry]:
        """Give events, newest first: those of a team, or all; before a number; of a name or a kind; by somebody."""
        query = select(t.audit).order_by(t.audit.c.number.desc()).limit(limit)
        if team is not None:
            query = query.where(t.audit.c.team_id == team)
        if before is not None:
            query = query.where(t.audit.c.number < before)
        if event is not None:
            # Between the dot and the sign after it lie all events of a kind.
            is_of_kind = and_(t.audit.c.event > f"{event}.", t.audit.c.event < f"{event}/")
            query = query.where(or_(t.audit.c.event == event, is_of_kind))
        if person is not None:
            query = query.where(t.audit.c.person_id == person)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        return [
            Entry(r.number, r.at_us, r.team_id, r.person_id, r.app, r.event, r.subject, loads(r.data)) for r in rows
        ]

    async def has(self, event: str, subject: str) -> bool:
        """Whether an event was ever noted about a subject."""
        query = select(t.audit.c.number).where(t.audit.c.event == event, t.audit.c.subject == subject).limit(1)
        async with self._database.engine.connect() as db:
            return (await db.execute(query)).scalar() is not None

    async def verify(self) -> tuple[int, int | None]:
        """Go along the chain; give how many entries hold, and the number of the first that does not."""
        previous, number = _GENESIS, 0
        async with self._database.engine.connect() as db:
            async for row in await db.stream(select(t.audit).order_by(t.audit.c.number)):
                full = {name: getattr(row, name) for name in _SEALED}
                if row.number != number + 1 or row.previous != previous or row.hash != _seal(previous, full):
                    return number, number + 1
                previous, number = row.hash, row.number
        return number, None


_SEALED = ("number", "at_us", "team_id", "person_id", "app", "event", "subject", "data")


def _seal(previous: bytes, row: dict[str, Any]) -> bytes:
    text = dumps([row[name] for name in _SEALED])
    return hashlib.sha256(previous + text.encode("utf-8", "surrogatepass")).digest()
