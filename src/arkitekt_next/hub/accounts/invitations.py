"""Invitations: links by which people come into a team with a role, so often and until then.

The rule: one holds only as long as whoever made it could still make it, so nobody who was removed comes back by their
own, nor gives by it what they lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, or_, select, update

from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.auth.rules import givable, may_give_role
from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, Step, insert_or

from .people import INSERT_PERSON

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

    from .people import People

INVITATION_S = 7 * 24 * 3600

_INSERT = insert_or(t.invitation, ["id"])
_i = t.invitation.c
_NONE: ColumnElement[int] = literal_column("0")
_ONE: ColumnElement[int] = literal_column("1")
_USE = Statement(
    "use invitation",
    update(t.invitation)
    .where(
        _i.id == bindparam("b_id"),
        _i.uses_left > _NONE,
        _i.revoked_at_us.is_(None),
        _i.expires_at_us > bindparam("b_now"),
    )
    .values(uses_left=_i.uses_left - _ONE),
)
_REVOKE = Statement(
    "revoke invitation",
    update(t.invitation)
    .where(_i.team_id == bindparam("b_team"), _i.id == bindparam("b_id"), _i.revoked_at_us.is_(None))
    .values(revoked_at_us=bindparam("revoked_at_us")),
)
_INSERT_MEMBERSHIP = insert_or(t.membership, ["team_id", "person_id"])


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation; its secret is known to whoever got the link alone."""

    id: str
    team: str
    team_name: str
    role: Role
    by: str
    by_name: str
    uses_left: int
    created_at_us: int
    expires_at_us: int


class Invitations:
    """All invitations of a hub."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def create(self, who: Principal, role: Role, *, expires_s: float, uses: int) -> tuple[Invitation, str]:
        """Make an invitation into `who`'s team; give it and its secret. Raises `NotPermitted` for a role too high."""
        if not may_give_role(who, role):
            raise NotPermitted(
                person=who.person, verb="invite", what=f"an {role}", remedy="Ask an owner of the team to do it"
            )
        secret, now = new_secret(), now_us()
        row = {
            "id": new_id(),
            "team_id": who.team,
            "digest": digest_of(secret),
            "role": role.value,
            "by_id": who.person,
            "uses_left": uses,
            "created_at_us": now,
            "expires_at_us": now + round(expires_s * 1e6),
            "revoked_at_us": None,
        }
        await self._database.ledger.commit((_INSERT, row))
        return (await self.find(secret)), secret

    async def find(self, secret: str) -> Invitation:
        """Give the open invitation of a link. Raises `NotFound` for one that is used up, expired or revoked."""
        async with self._database.engine.connect() as db:
            row = (await db.execute(_open().where(_i.digest == digest_of(secret)))).first()
        if row is None:
            raise NotFound(
                what="invitation", name=secret[:6] + "…", remedy="It may be used up or expired: ask for another one"
            )
        return _invitation(row)

    async def accept(self, secret: str, person: str, *, newcomer: Mapping[str, Any] | None = None) -> Invitation:
        """Bring a person into the team; `newcomer` is the row of an account that is made for it, or not at all.

        Raises `NotFound`; `Conflict` for somebody who is in it already, or an address that was just taken.
        """
        invitation = await self.find(secret)
        if self._people.membership(invitation.team, person) is not None:
            raise Conflict(problem=f"You belong to the team {invitation.team_name} already", remedy="Just sign in")
        use, membership = steps_of(invitation, person)
        steps = [(INSERT_PERSON, newcomer)] if newcomer is not None else []
        used, *made, joined = await self._database.ledger.commit(use, *steps, membership)
        if not used:
            raise NotFound(what="invitation", name=secret[:6] + "…", remedy="It was just used up: ask for another one")
        if made == [0]:
            raise Conflict(problem="Somebody has just taken this address", remedy="Ask for another invitation")
        await self._people.reload()
        if joined:
            self._people.on_change(invitation.team, person)
        return invitation

    async def list_open(self, team: str, *, before: str | None = None, limit: int = 1000) -> list[Invitation]:
        """List a team's open invitations, the newest first."""
        query = _open().where(_i.team_id == team).order_by(_i.id.desc()).limit(limit)
        if before is not None:
            query = query.where(_i.id < before)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        return [_invitation(row) for row in rows]

    async def revoke(self, who: Principal, id: str) -> None:
        """Take an invitation into `who`'s team back. Raises `NotFound`; `NotPermitted` for a role too high."""
        query = select(_i.role).where(_i.team_id == who.team, _i.id == id)
        async with self._database.engine.connect() as db:
            role = (await db.execute(query)).scalar() if "\0" not in id else None
        if role is not None and not may_give_role(who, Role(role)):
            raise NotPermitted(
                person=who.person, verb="take back", what=f"an invitation as {role}", remedy="Ask an owner of the team"
            )
        row = {"b_team": who.team, "b_id": id, "revoked_at_us": now_us()}
        if role is None or not (await self._database.ledger.commit((_REVOKE, row)))[0]:
            raise NotFound(what="invitation", name=id, remedy="It may be used up or revoked already")


def steps_of(invitation: Invitation, person: str) -> tuple[Step, Step]:
    """Give what is written when a person accepts: the use, without which nothing else is, and the membership."""
    now = now_us()
    membership = {
        "team_id": invitation.team,
        "person_id": person,
        "role": invitation.role.value,
        "created_at_us": now,
    }
    return (_USE, {"b_id": invitation.id, "b_now": now}), (_INSERT_MEMBERSHIP, membership)


def _open() -> Any:
    query = (
        select(t.invitation, t.team.c.name.label("team_name"), t.person.c.name.label("by_name"))
        .join(t.team, t.team.c.id == _i.team_id)
        .join(t.person, t.person.c.id == _i.by_id)
        .join(t.membership, and_(t.membership.c.team_id == _i.team_id, t.membership.c.person_id == _i.by_id))
    )
    could_make_it = or_(*(and_(t.membership.c.role == own, _i.role.in_(sorted(givable(own)))) for own in Role))
    query = query.where(could_make_it, t.person.c.disabled_at_us.is_(None))
    return query.where(_i.revoked_at_us.is_(None), _i.uses_left > 0, _i.expires_at_us > now_us())


def _invitation(row: Any) -> Invitation:
    return Invitation(
        id=row.id,
        team=row.team_id,
        team_name=row.team_name,
        role=Role(row.role),
        by=row.by_id,
        by_name=row.by_name,
        uses_left=row.uses_left,
        created_at_us=row.created_at_us,
        expires_at_us=row.expires_at_us,
    )
