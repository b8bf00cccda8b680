"""Teams over HTTP: those of a person, the one of the token, and a new one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Role
from arkitekt_next.errors import NotFound, RequestRefused
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, Name, Paged, TimeUs, page_after
from arkitekt_next.hub.core.policy import KEEP, SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api", tag="teams")

_NOBODY = refusals(
    NotFound(what="person", name="ada@lab.org", remedy="Make their account first"),
    RequestRefused(where="name", problem="expected 1 to 64 printable characters"),
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
    await accounts.audit.note("team made", who, subject=id, name=form.name, owner=owner)
    return reply(await _team(request, id, who.person), status=201)


@router.get("/team", summary="Show your team", response_model=Team)
@policy(SEE)
async def get_team(request: Request, who: Who) -> SafeJSON:
    """Give the team that the token acts in."""
    return reply(await _team(request, who.team, who.person))


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
