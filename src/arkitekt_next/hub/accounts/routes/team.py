"""Teams over HTTP: those of a person, the one of the token, and a new one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Role
from arkitekt_next.errors import NotFound, NotPermitted, RequestRefused
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, Name, Paged, TimeUs, page_after
from arkitekt_next.hub.core.policy import KEEP, OWN, SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from .local import Token

router = make_router(prefix="/api", tag="teams")

_NOBODY = refusals(
    NotFound(what="person", name="ada@lab.org", remedy="Make their account first"),
    RequestRefused(where="name", problem="expected 1 to 64 printable characters"),
)
_ELSEWHERE = refusals(
    NotFound(what="team", name="01a1fb9b-0001-7000-8000-000000000002", remedy="`GET /api/teams` lists yours"),
    NotPermitted(
        person="01a1fb9b-0001-7000-8000-000000000001",
        verb="act in",
        what="another team",
        remedy="Sign in again, and choose the team there",
    ),
)
_TEAM: dict[str, Any] = {
    "id": "01a1fb9b-0001-7000-8000-000000000002",
    "name": "home",
    "role": "owner",
    "members": 4,
    "created_at_us": 1795222602284847,
}


class TeamQuery(Paged):
    """Which teams are wanted."""


class Team(Strict):
    """A team, and what you are in it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TEAM]})
    id: Id
    name: str
    role: Role | None = Field(description="What you are in it; null when you made it for somebody else.")
    members: int
    created_at_us: TimeUs


class TeamPage(Strict):
    """Teams, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_TEAM], "next": None}]})
    items: list[Team]
    next: str | None


class TeamForm(Form):
    """A new team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "imaging", "owner": "ada@lab.org"}]})
    name: Name
    owner: Annotated[Name | None, Field(description="The e-mail address of its first owner; by default you.")] = None


class SwitchForm(Form):
    """The team to act in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"team": "01a1fb9b-0001-7000-8000-000000000002"}]})
    team: Id


@router.get("/teams", summary="List your teams", response_model=TeamPage)
@policy(SEE)
async def list_teams(request: Request, who: Who, wanted: Annotated[TeamQuery, Query()]) -> SafeJSON:
    """Give the teams you belong to. A token acts in one of them: sign in again for another."""
    people = context_of(request).accounts.people
    page, following = page_after(await people.teams(who.person), wanted, lambda team: team.id)
    items = [
        Team(
            id=team.id,
            name=team.name,
            role=people.role_of(team.id, who.person),
            members=team.members,
            created_at_us=team.created_at_us,
        )
        for team in page
    ]
    return reply(TeamPage(items=items, next=following))


@router.post("/teams", summary="Make a team", response_model=Team, status_code=201, responses=_NOBODY)
@policy(KEEP)
async def create_team(request: Request, who: Who, form: TeamForm) -> SafeJSON:
    """Make a team with one owner, who invites everybody else. For the owner of the hub."""
    accounts = context_of(request).accounts
    owner = who.person if form.owner is None else (await accounts.people.find(form.owner)).id
    id = await accounts.people.create_team(form.name, owner)
    await accounts.audit.note_of_hub("team.created", who, team=id, subject=id, name=form.name, owner=owner)
    return reply(await _team(request, id, who.person), status=201)


@router.get("/team", summary="Show your team", response_model=Team)
@policy(SEE)
async def get_team(request: Request, who: Who) -> SafeJSON:
    """Give the team that the token acts in."""
    return reply(await _team(request, who.team, who.person))


@router.post("/team/switch", summary="Act in another team", response_model=Token, responses=_ELSEWHERE)
@policy(OWN)
async def switch_team(request: Request, who: Who, form: SwitchForm) -> SafeJSON:
    """Give a token for another team of yours. For the local sign-in: other apps were let into one team alone."""
    accounts = context_of(request).accounts
    login = await accounts.logins.find(who.login)
    if login is None or login.kind != "local":
        raise NotPermitted(
            person=who.person, verb="act in", what="another team", remedy="Sign in again, and choose the team there"
        )
    if accounts.people.role_of(form.team, who.person) is None:
        raise NotFound(what="team", name=form.team, remedy="`GET /api/teams` lists yours")
    text, now = await accounts.issue(team=form.team, person=who.person, app=who.app, scopes=who.scopes)
    return reply(Token(token=text, expires_at_us=now.expires_at_us, team=now.team, person=now.person))


async def _team(request: Request, id: str, person: str) -> Team:
    people = context_of(request).accounts.people
    team = await people.team(id)
    return Team(
        id=team.id,
        name=team.name,
        role=people.role_of(team.id, person),
        members=team.members,
        created_at_us=team.created_at_us,
    )
