"""The page on which a person lets an app in, by the short code that the app shows (RFC 8628 §3.3).

The code is short, so guessing is held back each time one is looked up. The rule: an app gets what the person has
ticked, and never what the person's role in that team can't do.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import Request, Response

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.secrets import normal_user_code
from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.policy import OWN, SEE, policy

from . import words
from .answer import show
from .choices import choices_of, problem_with
from .entry import address_of
from .route import router as make_router
from .visit import visit_of

if TYPE_CHECKING:
    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.accounts.devices import DeviceCode

router = make_router()


@router.get("/device")
@policy(SEE)
async def show_device(request: Request) -> Response:
    """Ask for the code, or take it from the address."""
    return await show(request, "device_code.html", problem="")


@router.post("/device")
@policy(OWN)
async def open_device(request: Request) -> Response:
    """Show which app asks, and for what."""
    visit = visit_of(request)
    typed = visit.get("secret").strip().rpartition("#")[2][:32]
    found = await _find(request, typed)
    if found is None:
        return await _unknown(request)
    return await _show_app(request, found, typed)


@router.post("/device/decide")
@policy(OWN)
async def decide_device(request: Request) -> Response:
    """Let the app in with what was ticked, or turn it away."""
    visit = visit_of(request)
    accounts, who, typed = visit.hub.accounts, visit.principal, visit.get("code")[:32]
    found = await _find(request, typed)
    if found is None:
        return await _unknown(request)
    team, decision = visit.get("team") or who.team, visit.get("decision")
    role = accounts.people.role_of(team, who.person)
    if decision == "deny":
        with suppress(NotFound):  # somebody was faster; it is closed either way
            await accounts.devices.deny(found)
        await accounts.audit.note("device.denied", who, app_of=found.app, machine=found.machine)
        return await show(request, "device_denied.html", code=found)
    agreed = {scope for scope in found.scopes if scope in visit.get_all("scope")}
    problem = problem_with(role, agreed) if decision == "approve" else words.UNDECIDED
    if problem is not None or role is None:
        return await _show_app(request, found, typed, team=team, ticked=agreed, problem=problem or "")
    return await _approve(request, found, replace(who, team=team, role=role), agreed)


async def _approve(request: Request, found: DeviceCode, who: Principal, agreed: set[Scope]) -> Response:
    accounts = visit_of(request).hub.accounts
    try:
        login = await accounts.approve(who, found, agreed)
    except NotFound:
        return await _unknown(request)
    await accounts.audit.note(
        "device.approved", who, subject=login.id, app_of=found.app, machine=found.machine, scopes=sorted(agreed)
    )
    scopes = [words.SCOPES[scope][0] for scope in Scope if scope in agreed]
    team = await _team_name(request, who.team)
    return await show(request, "device_approved.html", code=found, scopes=scopes, team=team)


async def _team_name(request: Request, id: str) -> str:
    visit = visit_of(request)
    teams = await visit.hub.accounts.people.teams(visit.principal.person)
    return next((team.name for team in teams if team.id == id), "")


async def _find(request: Request, typed: str) -> DeviceCode | None:
    """Give what a typed code stands for, unless its program is another team's. Raises `HubBusy` after wrong ones."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    try:
        found = await accounts.find_typed(who, typed, address=address_of(request))
    except NotFound:
        return None
    client = await accounts.clients.find(found.client)
    is_ours = client is not None and client.team in (None, *accounts.people.teams_of(who.person))
    return found if is_ours else None


async def _show_app(
    request: Request,
    found: DeviceCode,
    typed: str,
    *,
    team: str = "",
    ticked: set[Scope] | None = None,
    problem: str = "",
) -> Response:
    visit = visit_of(request)
    client = await visit.hub.accounts.clients.find(found.client)
    only = client.team if client is not None else None
    choices = await choices_of(visit, found.scopes, team=team, ticked=ticked, only_team=only)
    status = 400 if problem else 200
    shown = normal_user_code(typed)  # as the app shows it, whatever way it was typed: it is to be compared
    return await show(request, "device.html", status=status, code=found, typed=shown, problem=problem, **choices)


async def _unknown(request: Request) -> Response:
    problem = (
        "There is no such code waiting. A code holds for 10 minutes and works once: compare it with what the app "
        "shows, or start the app again for a new one."
    )
    return await show(request, "device_code.html", status=404, problem=problem)
