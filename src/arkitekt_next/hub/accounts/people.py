"""Persons, teams and who is what in which team. Memberships are held in memory, since every request asks for a role.

The rule: a team never loses its last owner.
"""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, func, select, update

from arkitekt_next.auth.passwords import check_password, hash_password, is_password
from arkitekt_next.auth.principal import Role
from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

INSERT_PERSON = insert_or(t.person, ["email"])
_INSERT_TEAM = insert_or(t.team, ["id"])
_INSERT_MEMBERSHIP = insert_or(t.membership, ["team_id", "person_id"])
_SET_ROLE = Statement(
    "set role",
    update(t.membership)
    .where(t.membership.c.team_id == bindparam("b_team"), t.membership.c.person_id == bindparam("b_person"))
    .values(role=bindparam("role")),
)
_LEAVE = Statement(
    "leave team",
    t.membership.delete().where(
        t.membership.c.team_id == bindparam("b_team"), t.membership.c.person_id == bindparam("b_person")
    ),
)
_others = t.person.alias("others")
_IS_FREE = ~exists().where(_others.c.email == bindparam("b_email"), _others.c.id != t.person.c.id)
_SET_ACCOUNT = Statement(
    "set account",
    update(t.person)
    .where(t.person.c.id == bindparam("b_person"), _IS_FREE)
    .values(name=bindparam("name"), email=bindparam("email"), password_hash=bindparam("password_hash")),
)
_RENAME = Statement(
    "rename person",
    update(t.person)
    .where(t.person.c.id == bindparam("b_person"), _IS_FREE)
    .values(name=bindparam("name"), email=bindparam("email")),
)
_SET_PASSWORD = Statement(
    "set password",
    update(t.person).where(t.person.c.id == bindparam("b_person")).values(password_hash=bindparam("password_hash")),
)
_SET_DISABLED = Statement(
    "disable person",
    update(t.person).where(t.person.c.id == bindparam("b_person")).values(disabled_at_us=bindparam("disabled_at_us")),
)
_SET_HUB_OWNER = Statement(
    "set hub owner",
    update(t.person).where(t.person.c.id == bindparam("b_person")).values(is_hub_owner=bindparam("is_hub_owner")),
)

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}")
_NAME_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Person:
    """An account. One without a password signs in on the hub's own machine only."""

    id: str
    name: str
    email: str | None
    is_hub_owner: bool
    has_password: bool
    is_disabled: bool
    created_at_us: int


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a team."""

    person: str
    name: str
    email: str | None
    role: Role
    is_disabled: bool
    joined_at_us: int


@dataclass(frozen=True, slots=True)
class Team:
    """A team, with how many belong to it."""

    id: str
    name: str
    members: int
    created_at_us: int


class People:
    """All persons and teams of a hub. `on_change` is told (team, person) when a role or account changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._roles: dict[tuple[str, str], Role] = {}
        self._disabled: set[str] = set()
        self._hub_owners: set[str] = set()
        self._changing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self.on_change: Callable[[str | None, str], None] = lambda team, person: None

    async def open(self, team_name: str) -> tuple[str, str]:
        """Give the first team and this operating-system user's person, making both on the first start."""
        user = getpass.getuser()
        async with self._database.engine.begin() as db:
            team = (await db.execute(select(t.team.c.id).order_by(t.team.c.created_at_us))).scalar()
            person = (await db.execute(select(t.person.c.id).where(t.person.c.os_user == user))).scalar()
            now = now_us()
            if team is None:
                team = new_id()
                await db.execute(t.team.insert().values(id=team, name=team_name, created_at_us=now))
            if person is None:
                person = new_id()
                row = {"id": person, "name": user, "os_user": user, "is_hub_owner": True, "created_at_us": now}
                await db.execute(t.person.insert().values(row))
                await db.execute(
                    t.membership.insert().values(team_id=team, person_id=person, role="owner", created_at_us=now)
                )
        await self.reload()
        return team, person

    async def reload(self) -> list[tuple[str, str]]:
        """Read roles and disabled accounts anew, as other hubs may change them; give the memberships that changed."""
        async with self._reading:  # one after the other, so that what was read first is never taken for the newest
            return await self._reload()

    async def _reload(self) -> list[tuple[str, str]]:
        async with self._database.engine.connect() as db:
            rows = await db.execute(select(t.membership.c.team_id, t.membership.c.person_id, t.membership.c.role))
            roles = {(row.team_id, row.person_id): Role(row.role) for row in rows}
            people = select(t.person.c.id, t.person.c.disabled_at_us, t.person.c.is_hub_owner)
            people = people.where(t.person.c.disabled_at_us.is_not(None) | t.person.c.is_hub_owner)
            found = (await db.execute(people)).all()
        disabled = {row.id for row in found if row.disabled_at_us is not None}
        owners = {row.id for row in found if row.is_hub_owner}
        changed = {key for key in roles.keys() | self._roles.keys() if roles.get(key) != self._roles.get(key)}
        moved = (disabled ^ self._disabled) | (owners ^ self._hub_owners)
        changed |= {key for key in roles if key[1] in moved}
        self._roles, self._disabled, self._hub_owners = roles, disabled, owners
        return sorted(changed)

    def role_of(self, team: str, person: str) -> Role | None:
        """Give what a person is in a team; None when they are no member, or disabled."""
        return None if person in self._disabled else self._roles.get((team, person))

    def is_hub_owner(self, person: str) -> bool:
        """Whether the hub itself is theirs to keep."""
        return person in self._hub_owners and person not in self._disabled

    def teams_of(self, person: str) -> list[str]:
        """Give the ids of the teams a person belongs to."""
        return [team for team, member in self._roles if member == person and person not in self._disabled]

    # -- persons ---------------------------------------------------------------------------------------------------

    async def find(self, who: str) -> Person:
        """Give a person by id, or by e-mail address. Raises `NotFound`."""
        query = select(t.person).where((t.person.c.id == who) | (t.person.c.email == _normal_email(who)))
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first() if "\0" not in who else None
        if row is None:
            raise NotFound(what="person", name=who, remedy="`arkitekt-next hub user list` lists them")
        return _person(row)

    async def names(self, people: Iterable[str]) -> dict[str, str]:
        """Give the names of persons by their ids."""
        query = select(t.person.c.id, t.person.c.name).where(t.person.c.id.in_(set(people)))
        async with self._database.engine.connect() as db:
            return {row.id: row.name for row in (await db.execute(query)).all()}

    async def membership_names(self, team: str, person: str) -> tuple[str, str, str] | None:
        """Give the names of a person and of a team, and the role there; None for who is no member any more."""
        query = (
            select(t.person.c.name.label("person"), t.team.c.name.label("team"), t.membership.c.role)
            .join(t.membership, t.membership.c.person_id == t.person.c.id)
            .join(t.team, t.team.c.id == t.membership.c.team_id)
            .where(t.person.c.id == person, t.team.c.id == team)
        )
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first()
        return None if row is None else (row.person, row.team, row.role)

    async def everybody(self) -> list[Person]:
        """List the persons of the hub, in the order in which they came."""
        async with self._database.engine.connect() as db:
            rows = (await db.execute(select(t.person).order_by(t.person.c.created_at_us, t.person.c.id))).all()
        return [_person(row) for row in rows]

    async def sign_in(self, email: str, password: str) -> Person | None:
        """Give the person with this address and password, or None; it takes as long either way."""
        query = select(t.person).where(t.person.c.email == _normal_email(email))
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).first() if "\0" not in email else None
        is_right = await asyncio.to_thread(is_password, row.password_hash if row else None, password[:1024])
        return _person(row) if is_right and row is not None and row.disabled_at_us is None else None

    async def add(self, *, name: str, email: str) -> Person:
        """Make an account without a password, for somebody who gets a link to it. Raises as `create` does."""
        clean, address = check_name(name), check_email(email)
        await self._refuse_taken(address, None)
        return await self._insert(clean, address, None)

    async def _insert(self, name: str, email: str, hashed: str | None) -> Person:
        row = _row_of(name, email, hashed)
        if not (await self._database.ledger.commit((INSERT_PERSON, row)))[0]:
            raise _taken(email)
        return await self.find(str(row["id"]))

    async def rename(self, person: str, *, name: str | None = None, email: str | None = None) -> Person:
        """Change name or address of a person. Raises as `create` does."""
        known = await self.find(person)
        clean = known.name if name is None else check_name(name)
        address = known.email if email is None else check_email(email)
        if address is not None:
            await self._refuse_taken(address, person)
        row = {"b_person": person, "b_email": address, "name": clean, "email": address}
        if not (await self._database.ledger.commit((_RENAME, row)))[0]:
            raise _taken(str(address))
        return await self.find(person)

    async def set_password(self, person: str, password: str) -> None:
        """Give a person another password. Raises `RequestRefused` for one that is too easy."""
        check_password(password)
        hashed = await asyncio.to_thread(hash_password, password)
        await self._database.ledger.commit((_SET_PASSWORD, {"b_person": person, "password_hash": hashed}))

    async def is_password(self, person: str, password: str) -> bool:
        """Whether it is the password of a person."""
        query = select(t.person.c.password_hash).where(t.person.c.id == person)
        async with self._database.engine.connect() as db:
            hashed = (await db.execute(query)).scalar()
        return await asyncio.to_thread(is_password, hashed, password[:1024])

    async def create(self, *, name: str, email: str, password: str) -> Person:
        """Make an account. Raises `RequestRefused` for what it can't have, `Conflict` for an address that is taken."""
        row = await self.draft(name=name, email=email, password=password)
        if not (await self._database.ledger.commit((INSERT_PERSON, row)))[0]:
            raise _taken(str(row["email"]))
        return await self.find(str(row["id"]))

    async def draft(self, *, name: str, email: str, password: str) -> dict[str, Any]:
        """Give the row of a new account, which is not written yet. Raises as `create` does."""
        clean, address = check_name(name), check_email(email)
        check_password(password)
        await self._refuse_taken(address, None)
        return _row_of(clean, address, await asyncio.to_thread(hash_password, password))

    async def check_account(self, person: str, *, name: str, email: str, password: str) -> tuple[str, str]:
        """Give name and address in their one form, if `set_account` would take them. Raises as `create` does."""
        clean, address = check_name(name), check_email(email)
        check_password(password)
        await self._refuse_taken(address, person)
        return clean, address

    async def set_account(self, person: str, *, name: str, email: str, password: str) -> Person:
        """Set name, address and password of a person. Raises as `create` does."""
        clean, address = await self.check_account(person, name=name, email=email, password=password)
        hashed = await asyncio.to_thread(hash_password, password)
        row = {"b_person": person, "b_email": address, "name": clean, "email": address, "password_hash": hashed}
        if not (await self._database.ledger.commit((_SET_ACCOUNT, row)))[0]:
            raise _taken(address)
        return await self.find(person)

    async def set_disabled(self, person: str, is_disabled: bool) -> None:
        """Disable an account, or enable it again. Raises `Conflict` for the hub's last owner."""
        async with self._changing:
            if is_disabled:
                self._refuse_last_keeper(person)
            row = {"b_person": person, "disabled_at_us": now_us() if is_disabled else None}
            await self._database.ledger.commit((_SET_DISABLED, row))
            await self.reload()
        self.on_change(None, person)

    async def set_hub_owner(self, person: str, is_owner: bool) -> None:
        """Give the hub into somebody's keeping, or take it. Raises `Conflict` for its last owner."""
        async with self._changing:
            if not is_owner:
                self._refuse_last_keeper(person)
            await self._database.ledger.commit((_SET_HUB_OWNER, {"b_person": person, "is_hub_owner": is_owner}))
            await self.reload()
        self.on_change(None, person)

    def _refuse_last_keeper(self, person: str) -> None:
        if self._hub_owners - self._disabled == {person}:
            raise Conflict(problem="This is the only owner of the hub", remedy="Make somebody else one first")

    # -- teams -----------------------------------------------------------------------------------------------------

    async def teams(self, person: str | None = None) -> list[Team]:
        """List the hub's teams, or those a person belongs to."""
        counted = select(t.membership.c.team_id, func.count().label("members")).group_by(t.membership.c.team_id)
        of = counted.subquery()
        query = select(t.team, func.coalesce(of.c.members, 0).label("members"))
        query = query.outerjoin(of, of.c.team_id == t.team.c.id).order_by(t.team.c.created_at_us, t.team.c.id)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        wanted = None if person is None else set(self.teams_of(person))
        return [Team(r.id, r.name, r.members, r.created_at_us) for r in rows if wanted is None or r.id in wanted]

    async def team(self, id: str) -> Team:
        """Give a team. Raises `NotFound`."""
        for team in await self.teams():
            if team.id == id:
                return team
        raise NotFound(what="team", name=id, remedy="`arkitekt-next hub team list` lists yours")

    async def create_team(self, name: str, owner: str) -> str:
        """Make a team with its first owner; give its id. Raises `RequestRefused` for a name it can't have."""
        team, now = new_id(), now_us()
        await self._database.ledger.commit(
            (_INSERT_TEAM, {"id": team, "name": check_name(name), "created_at_us": now}),
            (_INSERT_MEMBERSHIP, {"team_id": team, "person_id": owner, "role": Role.OWNER.value, "created_at_us": now}),
        )
        await self.reload()
        return team

    async def members(self, team: str) -> list[Member]:
        """List who belongs to a team, in the order in which they joined."""
        p, m = t.person.c, t.membership.c
        query = select(p.id, p.name, p.email, m.role, p.disabled_at_us, m.created_at_us)
        query = query.join(t.membership, m.person_id == p.id).where(m.team_id == team).order_by(m.created_at_us, p.id)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        return [
            Member(r.id, r.name, r.email, Role(r.role), r.disabled_at_us is not None, r.created_at_us) for r in rows
        ]

    async def join(self, team: str, person: str, role: Role) -> bool:
        """Make a person a member; False when they are one already."""
        row = {"team_id": team, "person_id": person, "role": role.value, "created_at_us": now_us()}
        is_new = bool((await self._database.ledger.commit((_INSERT_MEMBERSHIP, row)))[0])
        await self.reload()
        return is_new

    async def set_role(self, team: str, person: str, role: Role) -> None:
        """Change what a member is. Raises `NotFound` for somebody else, `Conflict` for the last owner."""
        async with self._changing:
            self._require_member(team, person)
            if role is not Role.OWNER:
                self._refuse_last_owner(team, person)
            await self._database.ledger.commit((_SET_ROLE, {"b_team": team, "b_person": person, "role": role.value}))
            await self.reload()
        self.on_change(team, person)

    async def leave(self, team: str, person: str) -> None:
        """End a membership. Raises `NotFound` for somebody else, `Conflict` for the last owner."""
        async with self._changing:
            self._require_member(team, person)
            self._refuse_last_owner(team, person)
            await self._database.ledger.commit((_LEAVE, {"b_team": team, "b_person": person}))
            await self.reload()
        self.on_change(team, person)

    def membership(self, team: str, person: str) -> Role | None:
        """Give what a person is in a team, disabled or not."""
        return self._roles.get((team, person))

    def _require_member(self, team: str, person: str) -> None:
        if (team, person) not in self._roles:
            raise NotFound(what="member", name=person, remedy="They may have left the team")

    def _refuse_last_owner(self, team: str, person: str) -> None:
        owners = {who for (of, who), role in self._roles.items() if of == team and role is Role.OWNER}
        if owners - self._disabled <= {person} and person in owners:
            raise Conflict(problem="This is the team's only owner", remedy="Make somebody else an owner first")

    async def _refuse_taken(self, email: str, person: str | None) -> None:
        query = select(t.person.c.id).where(t.person.c.email == email)
        async with self._database.engine.connect() as db:
            found = (await db.execute(query)).scalar()
        if found is not None and found != person:
            raise _taken(email)


def _row_of(name: str, email: str, hashed: str | None) -> dict[str, Any]:
    return {
        "id": new_id(),
        "name": name,
        "os_user": None,
        "email": email,
        "password_hash": hashed,
        "is_hub_owner": False,
        "created_at_us": now_us(),
        "disabled_at_us": None,
    }


def check_email(email: str) -> str:
    """Bring an e-mail address into its one form. Raises `RequestRefused` for what is none."""
    address = _normal_email(email)
    if _EMAIL.fullmatch(address) is None or not address.isprintable():
        raise RequestRefused(where="email", problem="expected an address like ada@lab.org")
    return address


def _normal_email(email: str) -> str:
    return email.strip().lower()


def check_name(name: str) -> str:
    """Bring a name into its one form. Raises `RequestRefused` for what is none."""
    clean = " ".join(name.split())
    if not 0 < len(clean) <= _NAME_LIMIT or not clean.isprintable():
        raise RequestRefused(where="name", problem=f"expected 1 to {_NAME_LIMIT} printable characters")
    return clean


def _taken(email: str) -> Conflict:
    return Conflict(problem=f"Somebody has the address {email} already", remedy="Sign in, or use another one")


def _person(row: Any) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        is_hub_owner=row.is_hub_owner,
        has_password=row.password_hash is not None,
        is_disabled=row.disabled_at_us is not None,
        created_at_us=row.created_at_us,
    )
