"""The page of one-time account links: the first password of an account, or a new one."""

from __future__ import annotations

from fastapi import Request, Response

from arkitekt_next.errors import ArkitektError, Conflict, NotFound, NotPermitted, RequestRefused
from arkitekt_next.hub.core.policy import OWN, PUBLIC, SIGN_IN, policy

from . import words
from .answer import show
from .route import router as make_router
from .sessions import APP, begin, require_fresh
from .visit import visit_of

router = make_router()


@router.get("/setup")
@policy(PUBLIC)
async def show_setup(request: Request) -> Response:
    """Take the link's secret from the address, or ask for it."""
    return await show(request, "setup_link.html", problem="")


@router.post("/setup")
@policy(SIGN_IN)
async def open_setup(request: Request) -> Response:
    """Show the form of the account that a link leads to."""
    visit = visit_of(request)
    secret = visit.secret()
    try:
        person = await visit.hub.accounts.people.find(await visit.hub.accounts.links.find(secret))
    except NotFound:
        return await _gone(request)
    return await show(
        request,
        "setup.html",
        secret=secret,
        name=person.name,
        email=person.email or "",
        has_password=person.has_password,
        problem="",
    )


@router.post("/setup/account")
@policy(SIGN_IN)
async def set_account(request: Request) -> Response:
    """Set name, address and password, which uses the link up, and begin a session."""
    visit = visit_of(request)
    accounts = visit.hub.accounts
    secret, name, email, password = visit.secret(), visit.get("name"), visit.get("email"), visit.get("password")
    try:
        known = await accounts.people.find(await accounts.links.find(secret))
        await accounts.people.check_account(known.id, name=name, email=email, password=password)
        await accounts.links.use(secret)
        await accounts.people.set_account(known.id, name=name, email=email, password=password)
    except NotFound:
        return await _gone(request)
    except (RequestRefused, Conflict) as error:
        return await _again(request, error, secret=secret, has_password=known.has_password)
    await accounts.logins.revoke_all(person=known.id, app=APP)
    await accounts.audit.note("account.set_up", person=known.id, subject=known.id)
    visit.who = None
    return await begin(request, known.id)


@router.post("/setup/begin")
@policy(OWN)
async def begin_setup(request: Request) -> Response:
    """Give somebody who has a session but no password yet the form that sets one."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    person = await accounts.people.find(who.person)
    if person.has_password:
        raise NotPermitted(person=who.person, verb="set", what="a password", remedy=words.HAS_PASSWORD)
    require_fresh(request, verb="set", what="a password")
    secret = await accounts.links.create(person.id)
    await accounts.audit.note("account.link_created", who, subject=person.id)
    return await show(
        request, "setup.html", secret=secret, name=person.name, email=person.email or "", has_password=False, problem=""
    )


async def _again(request: Request, error: ArkitektError, *, secret: str, has_password: bool) -> Response:
    visit = visit_of(request)
    return await show(
        request,
        "setup.html",
        status=error.status,
        secret=secret,
        name=visit.get("name")[:100],
        email=visit.get("email")[:300],
        has_password=has_password,
        problem=words.field_problem(error),
    )


async def _gone(request: Request) -> Response:
    return await show(request, "setup_link.html", status=404, problem=words.LINK_GONE)
