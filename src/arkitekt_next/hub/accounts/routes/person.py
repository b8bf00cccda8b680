"""The accounts of a hub over HTTP, for its owner: make one, disable one, send a link for a new password."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.auth.rules import may_give_role
from arkitekt_next.errors import Conflict, NotFound, NotPermitted, RequestRefused
from arkitekt_next.hub.accounts import people
from arkitekt_next.hub.accounts.links import LINK_S
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.core.paging import Id, IdInPath, Name, Paged, TimeUs, page_after
from arkitekt_next.hub.core.policy import KEEP, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/people", tag="accounts")

_ID = "01a1fb9b-0001-7000-8000-000000000001"
_TEAM = "01a1fb9b-0001-7000-8000-000000000002"
_GONE = refusals(NotFound(what="person", name=_ID, remedy="`arkitekt-next hub user list` lists them"))
_LAST = refusals(Conflict(problem="This is the only owner of the hub", remedy="Make somebody else one first"))
_BAD = refusals(
    RequestRefused(where="email", problem="expected an address like ada@lab.org"),
    Conflict(problem="Somebody has the address ada@lab.org already", remedy="Sign in, or use another one"),
    NotFound(what="team", name=_TEAM, remedy="`GET /api/teams` lists yours"),
    NotPermitted(person=_ID, verb="add", what="an owner", remedy="Ask an owner of the team to do it"),
)
_PERSON: dict[str, Any] = {
    "id": _ID,
    "name": "ada",
    "email": "ada@lab.org",
    "is_hub_owner": False,
    "has_password": True,
    "is_disabled": False,
    "created_at_us": 1795222602284847,
}
_LINK: dict[str, Any] = {"link": "https://lab.example.org/setup#k3Jx0cVwT1", "link_expires_at_us": 1795224402284847}


class PersonQuery(Paged):
    """Which accounts are wanted."""


class Person(Strict):
    """An account of the hub."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PERSON]})
    id: Id
    name: str
    email: str | None
    is_hub_owner: bool
    has_password: bool = Field(description="Without one the person signs in on the hub's own machine, or by a link.")
    is_disabled: bool
    created_at_us: TimeUs


class PersonPage(Strict):
    """Accounts, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_PERSON], "next": None}]})
    items: list[Person]
    next: str | None


class PersonForm(Form):
    """Somebody to make an account for, and what they are to be in a team of yours."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": "ada@lab.org", "role": "member"}]})
    email: Name
    name: Annotated[Name | None, Field(description="By default what stands before the @.")] = None
    role: Role = Role.MEMBER
    team: Annotated[Id | None, Field(description="By default the team of the token.")] = None


class PersonLink(Strict):
    """A link to an account, which is told this once and works once."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINK]})
    link: str
    link_expires_at_us: TimeUs


class NewPerson(Person):
    """An account that was just made, with the link by which its person chooses a password."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_PERSON, "has_password": False, **_LINK}]})
    link: str
    link_expires_at_us: TimeUs


class PersonChange(Form):
    """What is to change about an account."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_disabled": True}]})
    is_disabled: Annotated[bool | None, Field(description="A disabled account ends whatever acts for it.")] = None
    is_hub_owner: Annotated[bool | None, Field(description="Whether the hub is theirs to keep.")] = None


@router.get("", summary="List the hub's accounts", response_model=PersonPage)
@policy(KEEP)
async def list_people(request: Request, who: Who, wanted: Annotated[PersonQuery, Query()]) -> SafeJSON:
    """Give every account of the hub, whatever team it belongs to."""
    everybody = await context_of(request).accounts.people.everybody()
    page, following = page_after(everybody, wanted, lambda person: person.id)
    return reply(PersonPage(items=[Person(**_fields(person)) for person in page], next=following))


@router.post("", summary="Make an account", response_model=NewPerson, status_code=201, responses=_BAD)
@policy(KEEP)
async def create_person(request: Request, who: Who, form: PersonForm) -> SafeJSON:
    """Make an account in a team that you manage; its person chooses a password by the link, within half an hour."""
    hub = context_of(request)
    accounts = hub.accounts
    team = form.team or who.team
    _check_team(accounts.people, who, team, form.role)
    name = form.name or form.email.partition("@")[0]
    made = await accounts.people.add(name=name, email=form.email)
    await accounts.people.join(team, made.id, form.role)
    link = await _link(request, made.id)
    await accounts.audit.note_of_hub("person.created", who, subject=made.id, team=team, role=form.role.value)
    return reply(NewPerson(**_fields(made), **link.model_dump()), status=201)


@router.patch("/{person}", summary="Change an account", response_model=Person, responses=_GONE | _LAST)
@policy(KEEP)
async def change_person(request: Request, who: Who, person: IdInPath, form: PersonChange) -> SafeJSON:
    """Disable or enable an account, give it the hub to keep or take it. The hub's last owner stays."""
    accounts = context_of(request).accounts
    known = await accounts.people.find(person)
    if form.is_hub_owner is not None and form.is_hub_owner is not known.is_hub_owner:
        await accounts.people.set_hub_owner(known.id, form.is_hub_owner)
        event = "person.made_hub_owner" if form.is_hub_owner else "person.unmade_hub_owner"
        await accounts.audit.note_of_hub(event, who, subject=known.id)
    if form.is_disabled is not None and form.is_disabled is not known.is_disabled:
        if form.is_disabled:
            await accounts.disable(known.id)
        else:
            await accounts.people.set_disabled(known.id, False)
        await accounts.audit.note_of_hub(
            f"person.{'disabled' if form.is_disabled else 'enabled'}", who, subject=known.id
        )
    return reply(Person(**_fields(await accounts.people.find(known.id))))


@router.post(
    "/{person}/link", summary="Make a link to an account", response_model=PersonLink, status_code=201, responses=_GONE
)
@policy(KEEP)
async def create_link(request: Request, who: Who, person: IdInPath) -> SafeJSON:
    """Make a link by which a person chooses a password; it voids the one before, and holds for half an hour."""
    accounts = context_of(request).accounts
    known = await accounts.people.find(person)
    if known.is_hub_owner and not await accounts.is_local(who):
        raise NotPermitted(
            person=who.person,
            verb="make",
            what="a link to the account of an owner of the hub",
            remedy="Do it on the hub's own machine: `arkitekt-next hub open`",
        )
    link = await _link(request, known.id)
    await accounts.audit.note_of_hub("account.link_created", who, subject=known.id)
    return reply(link, status=201)


async def _link(request: Request, person: str) -> PersonLink:
    hub = context_of(request)
    secret = await hub.accounts.links.create(person)
    return PersonLink(link=f"{hub.url}/setup#{secret}", link_expires_at_us=now_us() + LINK_S * 1_000_000)


def _check_team(known: people.People, who: Principal, team: str, role: Role) -> None:
    own = known.role_of(team, who.person)
    if own is None:
        raise NotFound(what="team", name=team, remedy="`GET /api/teams` lists yours")
    if not may_give_role(replace(who, team=team, role=own), role):
        raise NotPermitted(person=who.person, verb="add", what=f"an {role}", remedy="Ask an owner of the team to do it")


def _fields(person: people.Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "is_hub_owner": person.is_hub_owner,
        "has_password": person.has_password,
        "is_disabled": person.is_disabled,
        "created_at_us": person.created_at_us,
    }
