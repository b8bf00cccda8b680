"""Passkeys in the browser: signing in by one, adding one, taking one away.

Each begins with a form that leads to a page which asks the browser (`passkey.js`), and ends with a form that carries
its answer. The rules: an answer counts once, in the browser it was asked of; and a session that has not just proven who
it is adds nothing, so that a stolen one leaves no way back in.
"""

from __future__ import annotations

from fastapi import Request, Response

from arkitekt_next.auth.addresses import local_path
from arkitekt_next.auth.passkeys import PasskeyRefused
from arkitekt_next.errors import Conflict, RequestRefused
from arkitekt_next.hub.accounts.challenges import CHALLENGE_S
from arkitekt_next.hub.accounts.passkeys import PasskeyCloned
from arkitekt_next.hub.core.policy import OWN, SIGN_IN, policy
from arkitekt_next.wire.codec import dumps

from . import words
from .answer import ACCOUNT, go, show
from .entry import address_of, try_password
from .home import home
from .route import router as make_router
from .sessions import begin
from .visit import Visit, visit_of

router = make_router()


# -- signing in ------------------------------------------------------------------------------------------------------


@router.post("/sign-in/passkey")
@policy(SIGN_IN)
async def ask_for_passkey(request: Request) -> Response:
    """Show the page on which the browser asks for a passkey."""
    visit = visit_of(request)
    passkeys = visit.hub.accounts.passkeys
    challenge, sealed = passkeys.challenges.make("sign in", _holder(visit))
    options = passkeys.ask_for_known(challenge)
    wanted = local_path(visit.get("next"))
    response = await show(request, "passkey_sign_in.html", options=dumps(options), next=wanted)
    visit.hub.cookies.set_challenge(response, sealed, CHALLENGE_S)
    return response


@router.post("/sign-in/passkey/answer")
@policy(SIGN_IN)
async def sign_in_by_passkey(request: Request) -> Response:
    """Begin a session, or ask again; whatever is wrong is answered alike."""
    visit = visit_of(request)
    wanted = local_path(visit.get("next"))
    person = await _try_passkey(request, visit.get("credential"))
    if person is not None:
        response = await begin(request, person, to=wanted, by="passkey")
    else:
        response = await show(request, "sign_in.html", status=401, next=wanted, email="", problem=words.WRONG_PASSKEY)
    visit.hub.cookies.end_challenge(response)
    return response


async def _try_passkey(request: Request, answer: str) -> str | None:
    """Give the person of a passkey's answer, or None. Raises `HubBusy` after too many wrong ones."""
    visit = visit_of(request)
    accounts, address = visit.hub.accounts, f"address {address_of(request)}"
    accounts.sign_in_throttle.take(address)
    challenge = _challenge(request, "sign in")
    try:
        if challenge is None:
            raise PasskeyRefused("expected a challenge of the last five minutes, unused")
        id, handle = await accounts.passkeys.use(answer, challenge)
        if (await accounts.people.find(id)).is_disabled:
            raise PasskeyRefused("the account is disabled")
    except PasskeyCloned as error:
        await accounts.audit.note(
            "passkey.clone_suspected",
            person=error.person,
            subject=error.handle,
            address=address_of(request),
            known=error.known,
            given=error.given,
        )
        return None
    except PasskeyRefused as error:
        await accounts.audit.note("passkey.refused", address=address_of(request), reason=str(error))
        return None
    accounts.sign_in_throttle.give_back(address)
    await accounts.audit.note("passkey.used", person=id, subject=handle)
    return id


# -- adding ----------------------------------------------------------------------------------------------------------


@router.post("/passkeys/new")
@policy(OWN)
async def ask_for_new_passkey(request: Request) -> Response:
    """Show the page on which the browser makes a passkey, to somebody who has just proven who they are."""
    visit = visit_of(request)
    accounts, name = visit.hub.accounts, visit.get("name")[:100]
    problem = await _doubt(request)
    if problem is not None:
        return await home(request, status=403, passkey_problem=problem, passkey_name=name)
    person = await accounts.people.find(visit.principal.person)
    challenge, sealed = accounts.passkeys.challenges.make("add", _holder(visit))
    try:
        options = await accounts.passkeys.ask_for_new(person, challenge, name)
    except (RequestRefused, Conflict) as error:
        return await _home_again(request, error, name)
    response = await show(request, "passkey_new.html", options=dumps(options), name=name)
    visit.hub.cookies.set_challenge(response, sealed, CHALLENGE_S)
    return response


@router.post("/passkeys/add")
@policy(OWN)
async def add_passkey(request: Request) -> Response:
    """Keep the passkey that the browser has made. Whoever has its challenge has proven who they are."""
    visit = visit_of(request)
    accounts, who, name = visit.hub.accounts, visit.principal, visit.get("name")[:100]
    challenge = _challenge(request, "add")
    try:
        if challenge is None:
            raise PasskeyRefused("expected a challenge of the last five minutes, unused")
        added = await accounts.passkeys.add(who.person, visit.get("credential"), challenge, name=name)
        await accounts.audit.note("passkey.added", who, subject=added.handle, name=added.name)
        response = go(f"{ACCOUNT}#passkeys")
    except PasskeyRefused as error:
        await accounts.audit.note("passkey.add_refused", who, reason=str(error))
        response = await home(request, status=400, passkey_problem=words.PASSKEY_NOT_ADDED, passkey_name=name)
    except (RequestRefused, Conflict) as error:
        response = await _home_again(request, error, name)
    visit.hub.cookies.end_challenge(response)
    return response


async def _doubt(request: Request) -> str | None:
    """Say what keeps the hub from believing that the person of the session sits there, if anything does.

    Raises `HubBusy` after too many wrong passwords.
    """
    visit = visit_of(request)
    accounts, who, password = visit.hub.accounts, visit.principal, visit.get("password")
    if accounts.proofs.is_fresh(who.login):
        return None
    person = await accounts.people.find(who.person)
    if not person.has_password:
        return words.NOT_FRESH
    if not password:
        return words.NOT_FRESH_PASSWORD
    if await try_password(request, person.email or "", password) != person.id:
        return words.WRONG_PASSWORD
    return None


async def _home_again(request: Request, error: RequestRefused | Conflict, name: str) -> Response:
    problem = words.field_problem(error)
    return await home(request, status=error.status, passkey_problem=problem, passkey_name=name)


# -- taking away -----------------------------------------------------------------------------------------------------


@router.post("/passkeys/remove")
@policy(OWN)
async def remove_passkey(request: Request) -> Response:
    """Take a passkey away; sessions that began by it go on until they are ended."""
    visit = visit_of(request)
    accounts, who = visit.hub.accounts, visit.principal
    try:
        provider = visit.hub.provider.issuer if visit.hub.provider is not None else ""
        removed = await accounts.passkeys.remove(who.person, visit.get("passkey"), provider=provider)
    except Conflict as error:
        return await _home_again(request, error, "")
    await accounts.audit.note("passkey.removed", who, subject=removed.handle, name=removed.name)
    return go(f"{ACCOUNT}#passkeys")


def _holder(visit: Visit) -> str:
    return visit.session or visit.visit


def _challenge(request: Request, purpose: str) -> bytes | None:
    visit = visit_of(request)
    sealed = visit.hub.cookies.challenge_of(request)
    return visit.hub.accounts.passkeys.challenges.use(sealed, purpose, _holder(visit))
