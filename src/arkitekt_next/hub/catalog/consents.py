"""Consents: whom the owner of an app lets provide it beside themselves. Held in memory, as every connection asks.

The rule: nothing is held here that is not on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

_c = t.consent.c
_INSERT = insert_or(t.consent, ["app_id", "person_id"])
_REMOVE = Statement(
    "withdraw consent",
    delete(t.consent).where(_c.app_id == bindparam("b_app"), _c.person_id == bindparam("b_person")),
)
_FORGET = Statement(
    "withdraw consents of a member",
    delete(t.consent).where(_c.team_id == bindparam("b_team"), _c.person_id == bindparam("b_person")),
)


@dataclass(frozen=True, slots=True)
class Consent:
    """One person may provide one app, which is not theirs. `app` is its identifier."""

    app_id: str
    person: str
    team: str
    app: str
    created_at_us: int


class Consents:
    """All consents of a hub. `on_withdrawn` is told of each that ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[tuple[str, str], Consent] = {}
        self._lock = asyncio.Lock()
        self.on_withdrawn: Callable[[Consent], None] = lambda consent: None

    async def load(self) -> None:
        """Read all of them; also what other hubs have changed since."""
        async with self._lock:
            query = select(t.consent, t.app.c.identifier).join(t.app, t.app.c.id == _c.app_id)
            async with self._database.engine.connect() as db:
                rows = (await db.execute(query)).all()
            found = [Consent(r.app_id, r.person_id, r.team_id, r.identifier, r.created_at_us) for r in rows]
            self._replace({(consent.app_id, consent.person): consent for consent in found})

    def has(self, app_id: str, person: str) -> bool:
        """Whether the app's owner lets a person provide it."""
        return (app_id, person) in self._known

    def of_app(self, app_id: str) -> list[Consent]:
        """List whom an app's owner lets provide it, in the order in which they were let."""
        found = [consent for consent in self._known.values() if consent.app_id == app_id]
        return sorted(found, key=lambda consent: (consent.created_at_us, consent.person))

    async def give(self, *, team: str, app_id: str, app: str, person: str) -> Consent:
        """Let a person provide an app; giving it again changes nothing."""
        async with self._lock:
            known = self._known.get((app_id, person))
            if known is not None:
                return known
            consent = Consent(app_id, person, team, app, now_us())
            row = {"team_id": team, "app_id": app_id, "person_id": person, "created_at_us": consent.created_at_us}
            await self._database.ledger.commit((_INSERT, row))
            self._known[(app_id, person)] = consent
            return consent

    async def withdraw(self, *, app_id: str, person: str) -> None:
        """End a consent. Raises `NotFound`."""
        async with self._lock:
            removed = (await self._database.ledger.commit((_REMOVE, {"b_app": app_id, "b_person": person})))[0]
            self._replace({key: consent for key, consent in self._known.items() if key != (app_id, person)})
        if not removed:
            raise NotFound(what="consent", name=person, remedy="It may be withdrawn already")

    async def forget(self, team: str, person: str) -> None:
        """End the consents that a person had in a team which they leave."""
        async with self._lock:
            await self._database.ledger.commit((_FORGET, {"b_team": team, "b_person": person}))
            gone = {key for key, consent in self._known.items() if (consent.team, consent.person) == (team, person)}
            self._replace({key: consent for key, consent in self._known.items() if key not in gone})

    def _replace(self, known: dict[tuple[str, str], Consent]) -> None:
        gone = [consent for key, consent in self._known.items() if key not in known]
        self._known = known
        for consent in gone:
            self.on_withdrawn(consent)
