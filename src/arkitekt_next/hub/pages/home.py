"""The page of the account: who you are, your teams and sign-ins, and for its owners and admins the team."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from arkitekt_next.auth.addresses import local_path
from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.auth.rules import Verb, may, may_give_role, may_manage_member
from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.hub.accounts.logins import Login
from arkitekt_next.hub.accounts.people import Member
from arkitekt_next.hub.catalog.reads import list_apps
from arkitekt_next.hub.catalog.views import AppQuery
from arkitekt_next.hub.core.policy import MANAGE, OWN, SEE, policy

from . import words
from .answer import ACCOUNT, go, show
from .app import is_built
from .route import router as make_router
from .sessions import go_on
from .visit import Visit, visit_of

router = make_router()

_DAYS = {"1": 1, "7": 7, "30": 30}
_USES = {"1": 1, "5": 5, "25": 25}
_APPS_SHOWN = 200


@router.get(ACCOUNT)
@policy(SEE)
async def show_account(request: Request) -> Response:
    """Show the account."""
    return await home(request)


async def home(request: Request, *, status: int = 200, **said: Any) -> Response:
    """Answer with the account; `said` is what it says beside."""
    visit = visit_of(request)
    hub, who = visit.hub, visit.principal
    accounts = hub.accounts
    manages = may(who, Verb.MANAGE)
    teams = await accounts.people.teams(who.person)
    members = [_row(who, member) for member in await accounts.people.members(who.team)]
    logins = await accounts.logins.list_live(team=who.team, person=None if manages else who.person)
    names = {row["person"]: row["name"] for row in members}
    apps = await list_apps(hub.database.engine, hub.catalogue, who, AppQuery(limit=_APPS_SHOWN)) if manages else None
    values: dict[str, Any] = {
        "account": await accounts.people.find(who.person),
        "identities": await accounts.identities.list_of(who.person),
        "who": who,
        "team": next((team for team in teams if team.id == who.team), None),
        "teams": teams,
        "roles": {team.id: accounts.people.role_of(team.id, who.person) for team in teams},
        "logins": [_login_row(login, who, names) for login in logins if login.person == who.person],
        "others": [_login_row(login, who, names) for login in logins if login.person != who.person],
        "members": members if who.role is not Role.GUEST else [],
        "manages": manages,
        "givable": [role for role in Role if may_give_role(who, role)],
        "invitations": await accounts.invitations.list_open(who.team) if manages else [],
        "apps": apps.items if apps is not None else [],
        "passkeys": await accounts.passkeys.list_of(who.person),
        "has_to_prove": not accounts.proofs.is_fresh(who.login),
        "passkey_problem": "",
        "passkey_name": "",
        "new_link": "",
        "has_page": is_built(),
        "problem": "",
    }
    return await show(request, "home.html", status=status, **(values | said))


def _row(who: Principal, member: Member) -> dict[str, Any]:
    manages = may(who, Verb.MANAGE)
    return {
        "person": member.person,
        "name": member.name,
        "email": member.email if manages or member.person == who.person else None,
        "role": member.role,
        "is_disabled": member.is_disabled,
        "is_self": member.person == who.person,
        "is_mine_to_change": manages and may_manage_member(who, role=member.role),
        "joined_at_us": member.joined_at_us,
    }


def _login_row(login: Login, who: Principal, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": login.id,
        "app": "Browser" if login.kind == "page" else login.app,
        "version": login.version,
        "machine": login.machine,
        "kind": words.KINDS.get(login.kind, login.kind),
        "person": names.get(login.person, "somebody who has left"),
        "is_this": login.id == who.login,
        "used_at_us": login.used_at_us,
        "scopes": [words.SCOPES[scope][0].lower() for scope in words.SCOPES if scope in login.scopes],
    }


# -- what everybody may do -----------------------------------------------------------------------------------------


@router.post("/team/switch")
@policy(OWN)
async def switch_team(request: Request) -> Response:
    """Go on in another team, with a new session, at the account or where the form says."""
    visit = visit_of(request)
    team = visit.get("team")
    if visit.hub.accounts.people.role_of(team, visit.principal.person) is None:
        raise NotFound(what="team", name=team[:64], remedy="You may have been removed from it")
    return await go_on(request, team=team, to=local_path(visit.get("next"), ACCOUNT))


@router.post("/team/leave")
@policy(OWN)
async def leave_team(request: Request) -> Response:
    """Leave the team, which ends what acts for this person in it."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    try:
        await accounts.remove_member(who.team, who.person)
    except Conflict as error:
        return await home(request, status=409, problem=words.field_problem(error))
    await accounts.audit.note("member.left", who, subject=who.person)
    return go("/") if not accounts.people.teams_of(who.person) else await go_on(request)


@router.post("/logins/revoke")
@policy(OWN)
async def revoke_login(request: Request) -> Response:
    """End a sign-in: one's own, or as owner or admin that of somebody in the team."""
    visit = visit_of(request)
    accounts, who, id = visit.hub.accounts, visit.principal, visit.get("login")
    login = await accounts.logins.find(id)
    if login is None or login.team != who.team or not _may_revoke(visit, login):
        raise NotFound(what="sign-in", name=id[:64], remedy="It may have ended already")
    await accounts.logins.revoke([login.id])
    await accounts.audit.note("login.revoked", who, subject=login.id, person_of=login.person, app_of=login.app)
    return go(ACCOUNT)


def _may_revoke(visit: Visit, login: Login) -> bool:
    who = visit.principal
    if login.person == who.person:
        return True
    role = visit.hub.accounts.people.membership(login.team, login.person) or Role.GUEST
    return may(who, Verb.MANAGE) and may_manage_member(who, role=role)


# -- what owners and admins may do ---------------------------------------------------------------------------------


@router.post("/invitations")
@policy(MANAGE)
async def invite(request: Request) -> Response:
    """Make an invitation and show its link, which is kept nowhere."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    role, days, uses = visit.get("role"), _DAYS.get(visit.get("days")), _USES.get(visit.get("uses"))
    if role not in set(Role) or days is None or uses is None:
        return await home(request, status=400, problem="Choose a role, how long the link holds, and for how many.")
    invitation, secret = await accounts.invitations.create(who, Role(role), expires_s=days * 86_400, uses=uses)
    await accounts.audit.note("invitation.created", who, subject=invitation.id, role=role, uses=uses, days=days)
    return await home(request, new_link=f"{visit.hub.url}/invite#{secret}", new_invitation=invitation)


@router.post("/invitations/revoke")
@policy(MANAGE)
async def revoke_invitation(request: Request) -> Response:
    """Take an invitation back."""
    visit = visit_of(request)
    await visit.hub.accounts.invitations.revoke(visit.principal, visit.get("invitation"))
    await visit.hub.accounts.audit.note("invitation.revoked", visit.principal, subject=visit.get("invitation"))
    return go(ACCOUNT)


@router.post("/members/role")
@policy(MANAGE)
async def change_role(request: Request) -> Response:
    """Change what a member is."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    person, role = visit.get("person"), visit.get("role")
    now = _require_manageable(visit, person)
    if role not in set(Role) or not may_give_role(who, Role(role)):
        raise NotPermitted(person=who.person, verb="give", what=f"the role {role[:16]}", remedy="Ask an owner")
    try:
        await accounts.people.set_role(who.team, person, Role(role))
    except Conflict as error:
        return await home(request, status=409, problem=words.field_problem(error))
    await accounts.audit.note("member.role_changed", who, subject=person, old=now.value, new=role)
    return go(ACCOUNT)


@router.post("/members/remove")
@policy(MANAGE)
async def remove_member(request: Request) -> Response:
    """Remove a member, which ends what acts for them in this team."""
    visit = visit_of(request)
    accounts, who, person = visit.hub.accounts, visit.principal, visit.get("person")
    _require_manageable(visit, person)
    try:
        await accounts.remove_member(who.team, person)
    except Conflict as error:
        return await home(request, status=409, problem=words.field_problem(error))
    await accounts.audit.note("member.removed", who, subject=person)
    return go(ACCOUNT)


def _require_manageable(visit: Visit, person: str) -> Role:
    """Give the role of a member whom this person may change. Raises `NotFound` and `NotPermitted`."""
    who = visit.principal
    role = visit.hub.accounts.people.membership(who.team, person)
    if role is None:
        raise NotFound(what="member", name=person[:64], remedy="They may have left the team")
    if not may_manage_member(who, role=role):
        raise NotPermitted(person=who.person, verb="change", what="an owner", remedy="Ask an owner of the team")
    return role
