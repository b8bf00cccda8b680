"""The page of an invitation: who invites into which team as what, and how to accept."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from arkitekt_next.errors import ArkitektError, Conflict, NotFound, RequestRefused
from arkitekt_next.hub.core.policy import PUBLIC, SIGN_IN, policy

from . import words
from .answer import show
from .entry import try_password
from .route import router as make_router
from .sessions import begin, go_on
from .visit import visit_of

router = make_router()


@router.get("/invite")
@policy(PUBLIC)
async def show_invite(request: Request) -> Response:
    """Take the invitation's secret from the address, or ask for it."""
    return await show(request, "invite_link.html", problem="")


@router.post("/invite")
@policy(SIGN_IN)
async def open_invite(request: Request) -> Response:
    """Show the invitation."""
    return await _show_invitation(request)


@router.post("/invite/accept")
@policy(SIGN_IN)
async def accept_invite(request: Request) -> Response:
    """Join with the account that is signed in."""
    visit = visit_of(request)
    if visit.who is None:
        return await _show_invitation(request, status=401, problem="You have been signed out meanwhile.")
    return await _join(request, visit.who.person)


@router.post("/invite/sign-in")
@policy(SIGN_IN)
async def accept_with_password(request: Request) -> Response:
    """Join with an account that there is, by its address and password."""
    visit = visit_of(request)
    person = await try_password(request, visit.get("email")[:300], visit.get("password"))
    if person is None:
        return await _show_invitation(request, status=401, problem=words.WRONG_SIGN_IN, form="sign-in")
    return await _join(request, person)


@router.post("/invite/account")
@policy(SIGN_IN)
async def accept_as_new_person(request: Request) -> Response:
    """Make an account and join with it."""
    visit = visit_of(request)
    accounts = visit.hub.accounts
    try:
        await accounts.invitations.find(visit.secret())  # hashing is dear, so not without one
        person = await accounts.people.draft(
            name=visit.get("name"), email=visit.get("email"), password=visit.get("password")
        )
    except NotFound:
        return await _gone(request)
    except (RequestRefused, Conflict) as error:
        problem = words.field_problem(error)
        return await _show_invitation(request, status=error.status, problem=problem, form="account")
    return await _join(request, str(person["id"]), newcomer=person)


async def _join(request: Request, person: str, *, newcomer: dict[str, Any] | None = None) -> Response:
    visit = visit_of(request)
    accounts = visit.hub.accounts
    try:
        invitation = await accounts.invitations.accept(visit.secret(), person, newcomer=newcomer)
    except NotFound:
        return await _gone(request)
    except Conflict as error:
        return await _show_invitation(request, status=error.status, problem=_sentence(error))
    if newcomer is not None:
        await accounts.audit.note("person.created", person=person, subject=person)
    await accounts.audit.note(
        "invitation.accepted", team=invitation.team, person=person, subject=invitation.id, role=invitation.role.value
    )
    if visit.who is not None and visit.who.person == person:
        return await go_on(request, team=invitation.team)
    return await begin(request, person, team=invitation.team)


def _sentence(error: ArkitektError) -> str:
    return f"{error.message.rstrip('.')}."


async def _show_invitation(request: Request, *, status: int = 200, problem: str = "", form: str = "") -> Response:
    """Show the invitation; `form` is the one whose fields are filled in again."""
    visit = visit_of(request)
    try:
        invitation = await visit.hub.accounts.invitations.find(visit.secret())
    except NotFound:
        return await _gone(request)
    given: dict[str, Any] = {"name": visit.get("name")[:100], "email": visit.get("email")[:300]}
    return await show(
        request,
        "invite.html",
        status=status,
        invitation=invitation,
        secret=visit.secret(),
        given=given if form else {"name": "", "email": ""},
        form=form,
        problem=problem,
    )


async def _gone(request: Request) -> Response:
    return await show(request, "invite_link.html", status=404, problem=words.INVITATION_GONE)
