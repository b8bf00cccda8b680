"""Sessions of browsers: each sign-in begins a new one, so that one planted before it is worth nothing."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response

from arkitekt_next.auth.principal import Principal
from arkitekt_next.errors import NotPermitted
from arkitekt_next.hub.accounts.logins import PAGE_S

from . import words
from .answer import go, show
from .visit import visit_of

APP = "page"


async def begin(
    request: Request,
    person: str,
    *,
    team: str | None = None,
    to: str = "/",
    known_as: str | None = None,
    **noted: str,
) -> Response:
    """Begin the session of a person who has just proven who they are; an older session here ends.

    It is in a team, by default their first one. `known_as` is the address whose password they gave: this browser is
    then known to be theirs. `noted` goes into the audit log.
    """
    visit = visit_of(request)
    who, response = await _begin(request, person, team=team, to=to, noted=noted)
    if who is None:
        return response
    visit.hub.accounts.proofs.note(who.login)
    if known_as is not None:
        visit.hub.cookies.set_known(response, f"account {known_as.strip().lower()}")
    return response


async def go_on(request: Request, *, team: str | None = None, to: str = "/") -> Response:
    """Go on as the same person in another team, with a new session; it proves no more than the one before."""
    visit = visit_of(request)
    who, response = await _begin(request, visit.principal.person, team=team, to=to, noted={})
    if who is not None:
        visit.hub.accounts.proofs.pass_on(visit.principal.login, who.login)
    return response


async def _begin(
    request: Request, person: str, *, team: str | None, to: str, noted: Mapping[str, str]
) -> tuple[Principal | None, Response]:
    visit = visit_of(request)
    accounts = visit.hub.accounts
    teams = [known.id for known in await accounts.people.teams(person)]
    if not teams:  # an account of this very moment, made by another request or at another hub
        await accounts.people.reload()
        teams = [known.id for known in await accounts.people.teams(person)]
    if not teams:
        return None, await show(request, "no_team.html", status=403)
    await _revoke(request)
    chosen = team if team in teams else teams[0]
    token, who = await accounts.logins.issue(team=chosen, person=person, app=APP, kind="page")
    await accounts.audit.note("page.signed_in", who, subject=who.login, **noted)
    response = go(to)
    visit.hub.cookies.set_session(response, token, PAGE_S)
    return who, response


def require_fresh(request: Request, *, verb: str, what: str) -> None:
    """Refuse what would open the account in another way from now on, unless the person has just proven who they are.

    So a stolen session gives nobody the account itself. Raises `NotPermitted`.
    """
    visit = visit_of(request)
    if not visit.hub.accounts.proofs.is_fresh(visit.principal.login):
        raise NotPermitted(person=visit.principal.person, verb=verb, what=what, remedy=words.PROVE_AGAIN)


async def end(request: Request) -> Response:
    """End the session, and show the sign-in."""
    visit = visit_of(request)
    await visit.hub.accounts.audit.note("page.signed_out", visit.principal, subject=visit.principal.login)
    await _revoke(request)
    response = go("/sign-in")
    visit.hub.cookies.end_session(response)
    return response


async def _revoke(request: Request) -> None:
    visit = visit_of(request)
    if visit.who is not None:
        await visit.hub.accounts.logins.revoke([visit.who.login])
