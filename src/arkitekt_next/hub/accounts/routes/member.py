"""Members over HTTP: who belongs to the team, what they are in it, and how they leave it.

To hand a team over, make somebody else an owner, then change your own role: the last owner can do neither without.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.auth.rules import Verb, may, may_give_role, may_manage_member
from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.hub.accounts import people
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, IdInPath, Paged, TimeUs, page_after
from arkitekt_next.hub.core.policy import MANAGE, OWN, SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/members", tag="teams")

_PERSON = "01a1fb9b-0001-7000-8000-000000000001"
_REFUSED = refusals(
    NotFound(what="member", name=_PERSON, remedy="They may have left the team"),
    NotPermitted(person=_PERSON, verb="make somebody", what="an owner", remedy="Ask an owner of the team to do it"),
    Conflict(problem="This is the team's only owner", remedy="Make somebody else an owner first"),
)
_MEMBER: dict[str, Any] = {
    "id": _PERSON,
    "name": "ada",
    "email": "ada@lab.org",
    "role": "admin",
    "is_disabled": False,
    "joined_at_us": 1795222602284847,
}


class MemberQuery(Paged):
    """Which members are wanted."""


class Member(Strict):
    """A person in the team."""

    model_config = ConfigDict(json_schema_extra={"examples": [_MEMBER]})
    id: Id
    name: str
    email: str | None = Field(description="Null for whoever does not manage the team, but for their own.")
    role: Role
    is_disabled: bool
    joined_at_us: TimeUs


class MemberPage(Strict):
    """Members, the oldest account first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_MEMBER], "next": None}]})
    items: list[Member]
    next: str | None


class RoleForm(Form):
    """What a member is to be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "member"}]})
    role: Role


@router.get("", summary="List the team's members", response_model=MemberPage)
@policy(SEE)
async def list_members(request: Request, who: Who, wanted: Annotated[MemberQuery, Query()]) -> SafeJSON:
    """Give who belongs to the team. A guest sees themselves alone; e-mail addresses are for those who manage it."""
    everybody = await context_of(request).accounts.people.members(who.team)
    seen = [member for member in everybody if who.role is not Role.GUEST or member.person == who.person]
    page, following = page_after(seen, wanted, lambda member: member.person)
    return reply(MemberPage(items=[_shown(member, who) for member in page], next=following))


@router.patch("/{person}", summary="Change a member's role", response_model=Member, responses=_REFUSED)
@policy(MANAGE)
async def change_member(request: Request, who: Who, person: IdInPath, form: RoleForm) -> SafeJSON:
    """Change what a member is. Admins can neither make owners nor change them. Open connections go on with it."""
    accounts = context_of(request).accounts
    old = _role(accounts.people, who, person)
    if not may_manage_member(who, role=old):
        raise _too_high(who, "change the role of", old)
    if not may_give_role(who, form.role):
        raise _too_high(who, "make somebody", form.role)
    if form.role is not old:
        await accounts.people.set_role(who.team, person, form.role)
        await accounts.audit.note("member.role_changed", who, subject=person, old=old.value, new=form.role.value)
    for member in await accounts.people.members(who.team):
        if member.person == person:
            return reply(_shown(member, who))
    raise _gone(person)


@router.delete("/{person}", summary="Remove a member, or leave", status_code=204, responses=_REFUSED)
@policy(OWN)
async def remove_member(request: Request, who: Who, person: IdInPath) -> Response:
    """End a membership: of others when you manage the team, your own at any time.

    Whatever acts by it ends: sign-ins, tokens, sockets within seconds, consents and shares. What the person has
    recorded stays the team's.
    """
    accounts = context_of(request).accounts
    if person != who.person:
        if who.role is Role.GUEST:
            raise _gone(person)
        role = _role(accounts.people, who, person)
        if not may(who, Verb.MANAGE) or not may_manage_member(who, role=role):
            raise _too_high(who, "remove", role)
    await accounts.remove_member(who.team, person)
    await accounts.audit.note("member.left" if person == who.person else "member.removed", who, subject=person)
    return Response(status_code=204)


def _role(known: people.People, who: Principal, person: str) -> Role:
    role = known.membership(who.team, person)
    if role is None:
        raise _gone(person)
    return role


def _gone(person: str) -> NotFound:
    return NotFound(what="member", name=person, remedy="They may have left the team")


def _too_high(who: Principal, verb: str, role: Role) -> NotPermitted:
    article = "an" if role in (Role.OWNER, Role.ADMIN) else "a"
    return NotPermitted(
        person=who.person, verb=verb, what=f"{article} {role}", remedy="Ask an owner of the team to do it"
    )


def _shown(member: people.Member, who: Principal) -> Member:
    sees_email = may(who, Verb.MANAGE) or member.person == who.person
    return Member(
        id=member.person,
        name=member.name,
        email=member.email if sees_email else None,
        role=member.role,
        is_disabled=member.is_disabled,
        joined_at_us=member.joined_at_us,
    )
