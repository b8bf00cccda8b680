"""Invitations over HTTP. The link is told once, to whoever makes it: only its digest is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Role
from arkitekt_next.errors import NotFound, NotPermitted
from arkitekt_next.hub.accounts import invitations
from arkitekt_next.hub.core.http import Form, SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, IdInPath, Paged, TimeUs, page_of
from arkitekt_next.hub.core.policy import MANAGE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from .profile import Named

router = make_router(prefix="/api/invitations", tag="teams")

_LONGEST_S = 30 * 24 * 3600
_ID = "01a1fb9b-0004-7000-8000-000000000004"
_PERSON = "01a1fb9b-0001-7000-8000-000000000001"
_TOO_HIGH = refusals(
    NotPermitted(person=_PERSON, verb="invite", what="an owner", remedy="Ask an owner of the team to do it")
)
_GONE = refusals(NotFound(what="invitation", name=_ID, remedy="It may be used up or revoked already"))
_INVITATION: dict[str, Any] = {
    "id": _ID,
    "role": "member",
    "by": {"id": _PERSON, "name": "ada"},
    "uses_left": 1,
    "created_at_us": 1795222602284847,
    "expires_at_us": 1795827402284847,
}


class InvitationQuery(Paged):
    """Which invitations are wanted."""


class Invitation(Strict):
    """An open invitation."""

    model_config = ConfigDict(json_schema_extra={"examples": [_INVITATION]})
    id: Id
    role: Role
    by: Named
    uses_left: int
    created_at_us: TimeUs
    expires_at_us: TimeUs


class InvitationPage(Strict):
    """Open invitations, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_INVITATION], "next": None}]})
    items: list[Invitation]
    next: str | None


class InvitationForm(Form):
    """Whom to invite as what, for how long, and how many of them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "member", "expires_s": 86400, "uses": 3}]})
    role: Role = Role.MEMBER
    expires_s: Annotated[float, Field(ge=60, le=_LONGEST_S, description="By default a week, at most 30 days.")] = (
        invitations.INVITATION_S
    )
    uses: Annotated[int, Field(ge=1, le=100, description="How many people may come in by it.")] = 1


class NewInvitation(Invitation):
    """An invitation that was just made, with its link, which is told this once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_INVITATION, "link": "https://lab.example.org/invite#k3Jx0cVwT1"}]}
    )
    link: str


@router.get("", summary="List open invitations", response_model=InvitationPage)
@policy(MANAGE)
async def list_invitations(request: Request, who: Who, wanted: Annotated[InvitationQuery, Query()]) -> SafeJSON:
    """Give the team's invitations that somebody can still come in by."""
    known = context_of(request).accounts.invitations
    found = await known.list_open(who.team, before=wanted.cursor, limit=wanted.limit + 1)
    page, following = page_of(found, wanted.limit, lambda one: one.id)
    return reply(InvitationPage(items=[Invitation(**_fields(one)) for one in page], next=following))


@router.post("", summary="Invite people", response_model=NewInvitation, status_code=201, responses=_TOO_HIGH)
@policy(MANAGE)
async def create_invitation(request: Request, who: Who, form: InvitationForm) -> SafeJSON:
    """Make a link by which people come into the team. Admins can't invite owners."""
    hub = context_of(request)
    accounts = hub.accounts
    made, secret = await accounts.invitations.create(who, form.role, expires_s=form.expires_s, uses=form.uses)
    await accounts.audit.note("invitation.created", who, subject=made.id, role=form.role.value, uses=form.uses)
    return reply(NewInvitation(**_fields(made), link=f"{hub.url}/invite#{secret}"), status=201)


@router.delete("/{invitation}", summary="Take an invitation back", status_code=204, responses=_GONE)
@policy(MANAGE)
async def revoke_invitation(request: Request, who: Who, invitation: IdInPath) -> Response:
    """Take an invitation back. Who has come in by it stays. Admins can't take back those of owners-to-be."""
    accounts = context_of(request).accounts
    await accounts.invitations.revoke(who, invitation)
    await accounts.audit.note("invitation.revoked", who, subject=invitation)
    return Response(status_code=204)


def _fields(one: invitations.Invitation) -> dict[str, Any]:
    return {
        "id": one.id,
        "role": one.role,
        "by": Named(id=one.by, name=one.by_name),
        "uses_left": one.uses_left,
        "created_at_us": one.created_at_us,
        "expires_at_us": one.expires_at_us,
    }
