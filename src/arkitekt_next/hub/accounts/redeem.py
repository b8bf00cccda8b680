"""Redeem tokens: by one, an unattended app gets a sign-in for whoever made it.

A single-use token works once; one that is bound to an app works for that app as often as it starts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, literal_column, select, update

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.rules import grantable
from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.errors import NotFound, RequestRefused
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

REDEEM_S = 30 * 24 * 3600

_r = t.redeem_token.c
_INSERT = insert_or(t.redeem_token, ["id"])
_USE = Statement(
    "use redeem token",
    update(t.redeem_token)
    .where(
        _r.id == bindparam("b_id"),
        _r.revoked_at_us.is_(None),
        _r.expires_at_us > bindparam("b_now"),
        _r.is_single_use.is_(False) | (_r.uses == literal_column("0")),
    )
    .values(uses=_r.uses + literal_column("1")),
)
_REVOKE = Statement(
    "revoke redeem token",
    update(t.redeem_token)
    .where(_r.team_id == bindparam("b_team"), _r.id == bindparam("b_id"), _r.revoked_at_us.is_(None))
    .values(revoked_at_us=bindparam("revoked_at_us")),
)

_REVOKE_ALL = Statement(
    "revoke redeem tokens of a member",
    update(t.redeem_token)
    .where(_r.team_id == bindparam("b_team"), _r.person_id == bindparam("b_person"), _r.revoked_at_us.is_(None))
    .values(revoked_at_us=bindparam("revoked_at_us")),
)


@dataclass(frozen=True, slots=True)
class RedeemToken:
    """One token that can still be redeemed. `app` None: any app, once."""

    id: str
    team: str
    person: str
    app: str | None
    scopes: frozenset[Scope]
    is_single_use: bool
    uses: int
    created_at_us: int
    expires_at_us: int


class RedeemTokens:
    """The redeem tokens of a hub."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, who: Principal, *, app: str | None, scopes: Iterable[Scope], is_single_use: bool, expires_s: float
    ) -> tuple[RedeemToken, str]:
        """Make a token that acts for `who`; give it and its secret. Raises `RequestRefused` when bound to nothing."""
        if app is None and not is_single_use:
            raise RequestRefused(where="app", problem="expected an app, or a token that works once")
        allowed = who.scopes & grantable(who.role)
        excess = sorted(set(scopes) - allowed)
        if excess:
            said = ", ".join(sorted(allowed)) or "nothing"
            problem = f"expected what you may hand on by your own sign-in ({said}), got {', '.join(excess)}"
            problem += ". Ask for less, or sign in anew with more"
            raise RequestRefused(where="scopes", problem=problem)
        secret, now = new_secret(), now_us()
        row = {
            "id": new_id(),
            "team_id": who.team,
            "person_id": who.person,
            "digest": digest_of(secret),
            "app": app,
            "scopes": dumps(sorted(scopes)),
            "is_single_use": is_single_use,
            "uses": 0,
            "created_at_us": now,
            "expires_at_us": now + round(expires_s * 1e6),
            "revoked_at_us": None,
        }
        await self._database.ledger.commit((_INSERT, row))
        return _token(row), secret

    async def redeem(self, secret: str, app: str) -> RedeemToken | None:
        """Use a token for an app; None when it is none, used up, expired, revoked, or bound to another app."""
        now = now_us()
        query = select(t.redeem_token).where(_r.digest == digest_of(secret))
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).mappings().first()
        if row is None or row["app"] not in (None, app):
            return None
        used = await self._database.ledger.commit((_USE, {"b_id": row["id"], "b_now": now}))
        return _token(row) if used[0] else None

    async def list_live(
        self, *, team: str, person: str | None = None, before: str | None = None, limit: int = 1000
    ) -> list[RedeemToken]:
        """List the tokens of a team, or of a person in it, that can still be redeemed; the newest first."""
        query = _live(team).order_by(_r.id.desc()).limit(limit)
        if person is not None:
            query = query.where(_r.person_id == person)
        if before is not None:
            query = query.where(_r.id < before)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).mappings().all()
        return [_token(row) for row in rows]

    async def find(self, team: str, id: str) -> RedeemToken:
        """Give a token of a team that can still be redeemed. Raises `NotFound`."""
        async with self._database.engine.connect() as db:
            row = (await db.execute(_live(team).where(_r.id == id))).mappings().first() if "\0" not in id else None
        if row is None:
            raise _gone(id)
        return _token(row)

    async def revoke(self, team: str, id: str) -> None:
        """Take a token back. Raises `NotFound`."""
        row = {"b_team": team, "b_id": id, "revoked_at_us": now_us()}
        if "\0" in id or not (await self._database.ledger.commit((_REVOKE, row)))[0]:
            raise _gone(id)

    async def revoke_all(self, *, team: str, person: str) -> None:
        """Take back what a person has made in a team."""
        row = {"b_team": team, "b_person": person, "revoked_at_us": now_us()}
        await self._database.ledger.commit((_REVOKE_ALL, row))


def _live(team: str) -> Select[Any]:
    return select(t.redeem_token).where(
        _r.team_id == team,
        _r.revoked_at_us.is_(None),
        _r.expires_at_us > now_us(),
        _r.is_single_use.is_(False) | (_r.uses == 0),
    )


def _gone(id: str) -> NotFound:
    return NotFound(what="redeem token", name=id, remedy="It may be used up or revoked already")


def _token(row: Any) -> RedeemToken:
    return RedeemToken(
        id=row["id"],
        team=row["team_id"],
        person=row["person_id"],
        app=row["app"],
        scopes=frozenset(Scope(scope) for scope in loads(row["scopes"])),
        is_single_use=row["is_single_use"],
        uses=row["uses"],
        created_at_us=row["created_at_us"],
        expires_at_us=row["expires_at_us"],
    )
