"""Identities of the provider, and whose account each one opens.

An identity is the pair of issuer and subject, which the provider never gives to somebody else. The rule: an e-mail
address opens nothing. It may be taken over from the provider for a new account when nobody has it; it never leads to an
account that there is. Source: OpenID Connect Core §5.7.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, exists, select

from arkitekt_next.auth.principal import Role
from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, Step, insert_or

from .invitations import steps_of
from .people import INSERT_PERSON, check_email

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

    from .invitations import Invitation
    from .oidc.provider import Profile
    from .people import People

_i = t.identity.c
_other = t.identity.alias("other")
_INSERT = insert_or(t.identity, ["issuer", "subject"])
_INSERT_MEMBERSHIP = insert_or(t.membership, ["team_id", "person_id"])
_DELETE_PERSON = Statement("take a person back", delete(t.person).where(t.person.c.id == bindparam("b_person")))
_HAS_PASSWORD = exists().where(
    t.person.c.id == _i.person_id, t.person.c.password_hash.is_not(None), t.person.c.email.is_not(None)
)
_HAS_ANOTHER = exists().where(
    _other.c.person_id == _i.person_id, _other.c.issuer == _i.issuer, _other.c.subject != _i.subject
)
_HAS_PASSKEY = exists().where(t.passkey.c.person_id == _i.person_id)
_UNLINK = Statement(
    "unlink identity",
    delete(t.identity).where(
        _i.issuer == bindparam("b_issuer"),
        _i.subject == bindparam("b_subject"),
        _i.person_id == bindparam("b_person"),
        _HAS_PASSWORD | _HAS_ANOTHER | _HAS_PASSKEY | (_i.issuer != bindparam("b_provider")),
    ),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody at a provider, and since when they open an account here."""

    issuer: str
    subject: str
    created_at_us: int


def mark_of(issuer: str, subject: str) -> str:
    """Give what the audit log calls an identity; it tells them apart without naming anybody."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode("utf-8", "replace")).hexdigest()[:32]


class Identities:
    """All identities of a hub. `team` is the one that newcomers join as `role`; None: they need an invitation."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people
        self._adding = asyncio.Lock()
        self.team: str | None = None
        self.role = Role.GUEST

    async def welcome(self, team: str, role: Role) -> None:
        """Let newcomers join a team, which is named by name or id. Raises `RequestRefused` for none, or several."""
        teams = await self._people.teams()
        fitting = [known.id for known in teams if known.id == team] or [
            known.id for known in teams if known.name == team
        ]
        if len(fitting) != 1:
            problem = (
                f"several teams are called '{team}': give the id of one"
                if fitting
                else f"there is no team '{team}': make it first, with `arkitekt-next hub team create`"
            )
            raise RequestRefused(where="setting oidc_team", problem=problem)
        self.team, self.role = fitting[0], role

    async def find(self, issuer: str, subject: str) -> str | None:
        """Give whose account an identity opens; None for one that is not known."""
        query = select(_i.person_id).where(_i.issuer == issuer, _i.subject == subject)
        async with self._database.engine.connect() as db:
            found = (await db.execute(query)).scalar()
        return str(found) if found is not None else None

    async def list_of(self, person: str) -> list[Identity]:
        """List the identities that open a person's account, the oldest first."""
        query = select(_i.issuer, _i.subject, _i.created_at_us).where(_i.person_id == person)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query.order_by(_i.created_at_us, _i.subject))).all()
        return [Identity(row.issuer, row.subject, row.created_at_us) for row in rows]

    async def link(self, issuer: str, subject: str, person: str) -> bool:
        """Let an identity open a person's account; False when it does already. Raises `Conflict` for another's."""
        row = _row(issuer, subject, person)
        if (await self._database.ledger.commit((_INSERT, row)))[0]:
            return True
        if await self.find(issuer, subject) != person:
            raise Conflict(problem="It opens another account of this hub", remedy="Unlink it there first")
        return False

    async def unlink(self, issuer: str, subject: str, person: str, *, provider: str) -> None:
        """Let an identity open a person's account no more. `provider` is the issuer that can be signed in with.

        Raises `NotFound`; `Conflict` when there is no other way into the account.
        """
        row = {"b_issuer": issuer, "b_subject": subject, "b_person": person, "b_provider": provider}
        if (await self._database.ledger.commit((_UNLINK, row)))[0]:
            return
        if await self.find(issuer, subject) != person:
            raise NotFound(what="linked account", name=mark_of(issuer, subject), remedy="It may be unlinked already")
        raise Conflict(
            problem="This is your only way into your account", remedy="Set a password first, or link another one"
        )

    async def enrol(self, issuer: str, subject: str, profile: Profile) -> tuple[str, bool]:
        """Make an account that an identity opens, in the team of newcomers; give its person, and whether it is new.

        An address that somebody has, or that is none, stays unset.
        """
        person = new_id()
        row = {"team_id": self.team, "person_id": person, "role": self.role.value, "created_at_us": now_us()}
        return await self._make(issuer, subject, profile, person, (_INSERT_MEMBERSHIP, row))

    async def enrol_invited(
        self, issuer: str, subject: str, profile: Profile, invitation: Invitation
    ) -> tuple[str, bool]:
        """Make an account that an identity opens by an invitation, as `enrol` does.

        Raises `NotFound`, and makes none, when the invitation was just used up.
        """
        person = new_id()
        use, membership = steps_of(invitation, person)
        return await self._make(issuer, subject, profile, person, membership, use)

    async def _make(
        self, issuer: str, subject: str, profile: Profile, person: str, membership: Step, *first: Step
    ) -> tuple[str, bool]:
        commit = self._database.ledger.commit
        async with self._adding:
            known = await self.find(issuer, subject)
            if known is not None:
                return known, False
            identity = (_INSERT, _row(issuer, subject, person))
            row = _person_row(person, profile.name, await self._free(profile.email))
            counts = await commit(*first, (INSERT_PERSON, row), identity, membership)
            if first and not counts[0]:
                raise NotFound(what="invitation", name="…", remedy="It was just used up: ask for another one")
            made, linked = counts[len(first) : len(first) + 2]
            if not made:  # somebody took the address meanwhile
                _, linked, _ = await commit((INSERT_PERSON, {**row, "email": None}), identity, membership)
            if not linked:  # another hub was faster
                await commit((_DELETE_PERSON, {"b_person": person}))
                return await self.find(issuer, subject) or "", False
        await self._people.reload()
        return person, True

    async def _free(self, email: str | None) -> str | None:
        if email is None:
            return None
        try:
            address = check_email(email)
            await self._people.find(address)
        except NotFound:
            return address
        except RequestRefused:
            return None
        return None


def _row(issuer: str, subject: str, person: str) -> dict[str, object]:
    return {"issuer": issuer, "subject": subject, "person_id": person, "created_at_us": now_us()}


def _person_row(id: str, name: str, email: str | None) -> dict[str, object]:
    return {
        "id": id,
        "name": name,
        "os_user": None,
        "email": email,
        "password_hash": None,
        "is_hub_owner": False,
        "created_at_us": now_us(),
        "disabled_at_us": None,
    }
