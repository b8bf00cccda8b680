"""Sessions of browsers: each sign-in begins a new one, so that one planted before it is worth nothing."""

from __future__ import annotations

from fastapi import Request, Response

from arkitekt_next.hub.accounts.logins import PAGE_S

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
    """Begin a person's session in a team, by default their first one, and go on; an older session here ends.

    `known_as` is the address whose password they gave: this browser is then known to be theirs. `noted` goes into the
    audit log.
    """
    visit = visit_of(request)
    accounts = visit.hub.accounts
    teams = [known.id for known in await accounts.people.teams(person)]
    if not teams:
        return await show(request, "no_team.html", status=403)
    await _revoke(request)
    chosen = team if team in teams else teams[0]
    token, who = await accounts.logins.issue(team=chosen, person=person, app=APP, kind="page")
    await accounts.audit.note("page.signed_in", who, subject=who.login, **noted)
    response = go(to)
    visit.hub.cookies.set_session(response, token, PAGE_S)
    if known_as is not None:
        visit.hub.cookies.set_known(response, f"account {known_as.strip().lower()}")
    return response


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
