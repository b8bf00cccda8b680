"""Coming in and going out: the sign-in with address and password, the one-time door of `hub open`, the sign-out."""

from __future__ import annotations

from fastapi import Request, Response

from arkitekt_next.auth.addresses import local_path
from arkitekt_next.hub.core.policy import OWN, PUBLIC, SIGN_IN, policy

from . import words
from .answer import go, show
from .route import router as make_router
from .sessions import begin, end
from .visit import visit_of

router = make_router()


@router.get("/sign-in")
@policy(PUBLIC)
async def show_sign_in(request: Request) -> Response:
    """Ask for address and password; who has a session is sent on."""
    wanted = local_path(request.query_params.get("next"))
    if visit_of(request).who is not None:
        return go(wanted)
    return await show(request, "sign_in.html", next=wanted, email="", problem="")


@router.post("/sign-in")
@policy(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Begin a session, or ask again; an unknown address is answered as a wrong password."""
    visit = visit_of(request)
    wanted, email = local_path(visit.get("next")), visit.get("email")[:300]
    person = await try_password(request, email, visit.get("password"))
    if person is None:
        return await show(request, "sign_in.html", status=401, next=wanted, email=email, problem=words.WRONG_SIGN_IN)
    return await begin(request, person, to=wanted, known_as=email)


async def try_password(request: Request, email: str, password: str) -> str | None:
    """Give the person of an address and password, or None. Raises `HubBusy` after too many wrong ones."""
    accounts = visit_of(request).hub.accounts
    cookies = visit_of(request).hub.cookies
    account, address = f"account {email.strip().lower()}", f"address {address_of(request)}"
    known = cookies.known_of(request, account)
    if known is not None:  # where they have signed in before, nobody else's guesses keep them out
        account = f"browser {known}"
    accounts.sign_in_throttle.take(account, address)
    person = await accounts.people.sign_in(email, password)
    if person is None:
        await accounts.audit.note("page.sign_in_refused", address=address_of(request))
        return None
    accounts.sign_in_throttle.give_back(account, address)
    return person.id


def address_of(request: Request) -> str:
    """Give the network address that a request comes from."""
    return request.client.host if request.client is not None else "-"


@router.post("/sign-out")
@policy(OWN)
async def sign_out(request: Request) -> Response:
    """End the session."""
    return await end(request)


@router.get("/enter")
@policy(PUBLIC)
async def show_enter(request: Request) -> Response:
    """Take the secret of a one-time door from the address, and send it."""
    return await show(request, "enter.html")


@router.post("/enter")
@policy(SIGN_IN)
async def enter(request: Request) -> Response:
    """Begin the session that `hub open` has asked for."""
    visit = visit_of(request)
    door = visit.hub.accounts.doors.use(visit.secret())
    if door is None:
        return await show(request, "refused.html", status=404, title="This door is closed", text=words.DOOR_CLOSED)
    return await begin(request, door.person, team=door.team)
