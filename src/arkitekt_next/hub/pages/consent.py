"""The page on which a person agrees that a program signs in for them: authorization code with PKCE (RFC 6749 §4.1).

What is asked for is checked before the person sees it and again when they decide. The rule: a request that is not to be
believed sends the browser nowhere.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from fastapi import Request, Response

from arkitekt_next.auth.principal import Scope
from arkitekt_next.errors import NotPermitted, RequestRefused
from arkitekt_next.hub.accounts.oauth.authorize import Answerable, Asked, check, deny, grant
from arkitekt_next.hub.core.policy import OWN, PUBLIC, policy

from . import words
from .answer import ask_to_sign_in, go, show
from .choices import choices_of, problem_with
from .route import router as make_router
from .visit import visit_of

router = make_router()


@router.get("/oauth/authorize")
@policy(PUBLIC)
async def show_consent(request: Request) -> Response:
    """Check what a program asks for; then show it to the person, who signs in first."""
    visit = visit_of(request)
    try:
        asked = await _asked(request)
    except Answerable as error:
        return go(error.address)
    if visit.who is None:
        return await ask_to_sign_in(request, "/oauth/authorize", request.scope["query_string"])
    return await _show(request, asked)


@router.post("/oauth/authorize")
@policy(OWN)
async def decide_consent(request: Request) -> Response:
    """Let the program in with what was ticked, or tell it no."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    try:
        asked = await _asked(request)
    except Answerable as error:
        return go(error.address)
    decision, team = visit.get("decision"), visit.get("team") or who.team
    if decision == "deny":
        await accounts.audit.note("consent.denied", who, app_of=asked.app, client=asked.client.id)
        return go(deny(asked))
    agreed = {scope for scope in asked.scopes if scope in visit.get_all("scope")}
    role = accounts.people.role_of(team, who.person)
    problem = problem_with(role, agreed) if decision == "approve" else words.UNDECIDED
    if problem is not None or role is None:
        return await _show(request, asked, team=team, ticked=agreed, problem=problem or "")
    return go(await grant(accounts, asked, replace(who, team=team, role=role), agreed))


async def _asked(request: Request) -> Asked:
    try:
        return await check(visit_of(request).hub.accounts, request.query_params.multi_items())
    except Answerable:
        raise
    except RequestRefused as error:
        problem = f"{error.fields.get('problem', error.message)}. The program that sent you here has to be corrected"
        raise RequestRefused(problem, where="sign-in address", problem=problem) from None


async def _show(
    request: Request, asked: Asked, *, team: str = "", ticked: set[Scope] | None = None, problem: str = ""
) -> Response:
    visit, parts = visit_of(request), urlsplit(asked.redirect_uri)
    choices = await choices_of(visit, asked.scopes, team=team, ticked=ticked, only_team=asked.client.team)
    if not choices["teams"]:
        raise NotPermitted(
            person=visit.principal.person,
            verb="sign in",
            what=asked.client.name,
            remedy="This program belongs to a team that you are not in",
        )
    return await show(
        request,
        "consent.html",
        status=400 if problem else 200,
        answers_at=f"{parts.scheme}://{parts.netloc}",
        asked=asked,
        query=request.url.query,
        place="a program on the machine you sit at" if parts.scheme == "http" else parts.netloc,
        problem=problem,
        **choices,
    )
