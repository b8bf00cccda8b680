"""Grants: who may read or write what lies below one item's prefix, for an hour at most.

A grant's secrets are made of its id and the hub's master key, so neither the database nor a backup holds them. The
rule: what has been revoked here is refused from the next request on; a hub beside this one hears of it within moments.
"""

from __future__ import annotations

import base64
import hmac
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, bindparam, delete, literal_column, select, update

from arkitekt_next.data.keys import prefix_of
from arkitekt_next.data.sigv4 import Credentials
from arkitekt_next.errors import InvalidValue
from arkitekt_next.hub.core.ids import monotonic, new_id, now_us
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, Step, insert_or

from .items import missing

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

GRANT_S = 3600
_KNOWN = 4096
_FRESH_S = 2.0
_KEPT_US = 86_400 * 1_000_000
_ID_LIMIT = 64

_g = d.data_grant.c
_INSERT = insert_or(d.data_grant, ["id"])
_AT_ONCE: ColumnElement[int] = literal_column("500")
_NONE: ColumnElement[int] = literal_column("0")
_few = select(_g.id).where(_g.expires_at_us < bindparam("b_before")).limit(_AT_ONCE).offset(_NONE)
_PRUNE = Statement("prune grants", delete(d.data_grant).where(_g.id.in_(_few)))


def _revoke(name: str, column: ColumnElement[str]) -> Statement:
    return Statement(
        f"revoke grants by {name}",
        update(d.data_grant)
        .where(column == bindparam("b_of"), _g.revoked_at_us.is_(None))
        .values(revoked_at_us=bindparam("revoked_at_us")),
    )


_REVOKE_ID = _revoke("id", _g.id)
_REVOKE_ITEM = _revoke("item", _g.item_id)
_REVOKE_LOGIN = _revoke("login", _g.login_id)
_REVOKE_PERSON = _revoke("person", _g.person_id)
_REVOKE = {"id": _REVOKE_ID, "item": _REVOKE_ITEM, "login": _REVOKE_LOGIN, "person": _REVOKE_PERSON}
_REVOKE_ONE = Statement(
    "revoke a person's grants of an item",
    update(d.data_grant)
    .where(_g.person_id == bindparam("b_person"), _g.item_id == bindparam("b_item"), _g.revoked_at_us.is_(None))
    .values(revoked_at_us=bindparam("revoked_at_us")),
)


class Mode(StrEnum):
    """What a grant lets its holder do; to write is to read as well."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one grant is for. `is_revoked` also says that its sign-in has ended, or its person has left the team."""

    id: str
    team: str
    person: str
    login: str
    item: str
    mode: Mode
    expires_at_us: int
    is_revoked: bool

    @property
    def prefix(self) -> str:
        """What every key begins with that it reaches."""
        return prefix_of(self.team, self.item)


class Grants:
    """Issues, finds and ends grants.

    `holds` says, of a team, a person and a sign-in, whether such a grant may still be used: at once, and as often as it
    is asked.
    """

    def __init__(self, database: Database, *, master: bytes, holds: Callable[[str, str, str], bool]) -> None:
        self._database = database
        self._master = master
        self._holds = holds
        self._known: OrderedDict[str, tuple[Grant, float]] = OrderedDict()
        self._is_alone = database.kind == "sqlite"
        self._revocations = 0

    async def issue(
        self,
        *,
        team: str,
        person: str,
        login: str,
        item: str,
        mode: Mode,
        within_s: int = GRANT_S,
        after: Sequence[Step] = (),
    ) -> Grant:
        """Make a grant, in one transaction `after` other steps, which guard it.

        Raises `InvalidValue` for one that would hold longer than an hour, and `NotFound` where a step changed nothing.
        """
        if not 0 < within_s <= GRANT_S:
            raise InvalidValue(where="grant", expected=f"1 to {GRANT_S} s", got=str(within_s))
        now = now_us()
        grant = Grant(new_id(), team, person, login, item, mode, now + within_s * 1_000_000, False)
        row = {
            "id": grant.id,
            "team_id": team,
            "person_id": person,
            "login_id": login,
            "item_id": item,
            "mode": mode.value,
            "created_at_us": now,
            "expires_at_us": grant.expires_at_us,
            "revoked_at_us": None,
        }
        before = self._revocations
        counts = await self._database.ledger.commit(*after, (_INSERT, row))
        if not all(counts):
            raise missing(item)
        self._know(grant, before)
        return grant

    def credentials_of(self, grant: str) -> Credentials:
        """Give what the holder of a grant signs with, by the grant's id."""
        return Credentials(grant, self._derive(b"data grant\0", grant), self._derive(b"data session\0", grant))

    def _derive(self, use: bytes, grant: str) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._master, use + grant.encode(), "sha256")).decode().rstrip("=")

    async def find(self, id: str) -> Grant | None:
        """Give a grant by its id, be it expired or revoked."""
        found = self._known.get(id)
        if found is None or (not self._is_alone and found[1] < monotonic()):
            found = await self._load(id)
        if found is None:
            return None
        grant = found[0]
        if not grant.is_revoked and not self._holds(grant.team, grant.person, grant.login):
            return replace(grant, is_revoked=True)
        return grant

    async def _load(self, id: str) -> tuple[Grant, float] | None:
        if not (id.isascii() and id.isprintable() and len(id) <= _ID_LIMIT):
            return None
        before = self._revocations
        query = (
            select(d.data_grant, t.login.c.revoked_at_us.label("login_revoked_at_us"))
            .outerjoin(t.login, t.login.c.id == _g.login_id)
            .where(_g.id == id)
        )
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first()
        if row is None:
            return None
        is_revoked = row.revoked_at_us is not None or row.login_revoked_at_us is not None
        grant = Grant(
            id, row.team_id, row.person_id, row.login_id, row.item_id, Mode(row.mode), row.expires_at_us, is_revoked
        )
        return self._know(grant, before)

    def _know(self, grant: Grant, before: int) -> tuple[Grant, float]:
        """Keep in mind what was read or written when so many revocations had been."""
        found = (grant, monotonic() + _FRESH_S)
        if self._revocations == before:  # what was read while something was being revoked may already be wrong
            self._known[grant.id] = found
            if len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return found

    async def revoke(
        self,
        *,
        id: str | None = None,
        item: str | None = None,
        login: str | None = None,
        person: str | None = None,
    ) -> int:
        """End grants, by one or more of what they are of; give how many. They are refused before this returns."""
        given = {"id": id, "item": item, "login": login, "person": person}
        asked = {name: value for name, value in given.items() if value is not None}
        now = now_us()
        count = 0
        for name, value in asked.items():
            row = {"b_of": value, "revoked_at_us": now}
            count += (await self._database.ledger.commit((_REVOKE[name], row), kept=True))[0]
            self._forget(name, value)
        return count

    async def revoke_of(self, person: str, item: str) -> None:
        """End what a person holds of an item. It is refused before this returns."""
        row = {"b_person": person, "b_item": item, "revoked_at_us": now_us()}
        await self._database.ledger.commit((_REVOKE_ONE, row), kept=True)
        self._forget("item", item)

    async def held(self, team: str, *, person: str | None = None, item: str | None = None) -> dict[str, set[str]]:
        """Give who holds grants in a team just now, and of which items: all, of one person, or of one item."""
        query = select(_g.person_id, _g.item_id).distinct()
        query = query.where(_g.team_id == team, _g.revoked_at_us.is_(None), _g.expires_at_us > now_us())
        for column, value in ((_g.person_id, person), (_g.item_id, item)):
            query = query if value is None else query.where(column == value)
        found: dict[str, set[str]] = {}
        async with self._database.engine.connect() as db:
            for row in await db.execute(query):
                found.setdefault(row.person_id, set()).add(row.item_id)
        return found

    def _forget(self, name: str, value: str) -> None:
        self._revocations += 1
        for known, (grant, _) in list(self._known.items()):
            if getattr(grant, name) == value:
                del self._known[known]

    async def prune(self, *, at_us: int, kept_us: int = _KEPT_US) -> int:
        """Remove what expired so long, and a day at least, before that time; give how many rows went."""
        removed = 0
        row = {"b_before": at_us - max(kept_us, _KEPT_US)}
        while count := (await self._database.ledger.commit((_PRUNE, row)))[0]:
            removed += count
        return removed
