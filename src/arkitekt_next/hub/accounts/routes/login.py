"""Sign-ins over HTTP: which apps act for whom, and how that ends."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.rules import Verb, may, may_manage_member
from arkitekt_next.errors import NotFound, NotPermitted
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, IdInPath, Paged, TimeUs, page_of
from arkitekt_next.hub.core.policy import OWN, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from .profile import Named

router = make_router(prefix="/api/logins", tag="accounts")

_ID = "01a1fb9b-0005-7000-8000-000000000005"
_PERSON = "01a1fb9b-0001-7000-8000-000000000001"
_REFUSED = refusals(
    NotFound(what="sign-in", name=_ID, remedy="It may have ended already"),
    NotPermitted(person=_PERSON, verb="end", what="a sign-in of an owner", remedy="Ask an owner of the team to do it"),
)
_ALL = refusals(
    NotPermitted(person=_PERSON, verb="list", what="sign-ins of others", remedy="Ask an owner or admin of the team")
)
_LOGIN: dict[str, Any] = {
    "id": _ID,
    "person": {"id": _PERSON, "name": "ada"},
    "app": "segment",
    "kind": "device",
    "client": "arkitekt-next",
    "scopes": ["call", "provide", "read"],
    "version": "1.2.0",
    "machine": "gpu-box",
    "is_current": False,
    "is_connected": True,
    "created_at_us": 1795222602284847,
    "used_at_us": 1795265802284847,
}


class LoginQuery(Paged):
    """Which sign-ins are wanted."""

    all: Annotated[bool, Field(description="Everybody's of the team, for those who manage it.")] = False


class Login(Strict):
    """One app that acts for one person in the team."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LOGIN]})
    id: Id
    person: Named
    app: str
    kind: str = Field(description="How it came about: local, page, device, code, redeem.")
    client: str = Field(description="The OAuth client it came by, if any.")
    scopes: list[Scope]
    version: str
    machine: str
    is_current: bool = Field(description="Whether it is the one that asks.")
    is_connected: bool = Field(description="Whether it has an open socket to this hub.")
    created_at_us: TimeUs
    used_at_us: TimeUs


class LoginPage(Strict):
    """Sign-ins, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_LOGIN], "next": None}]})
    items: list[Login]
    next: str | None


@router.get("", summary="List sign-ins", response_model=LoginPage, responses=_ALL)
@policy(OWN)
async def list_logins(request: Request, who: Who, wanted: Annotated[LoginQuery, Query()]) -> SafeJSON:
    """Give your sign-ins in the team that can still be used; with `all`, everybody's."""
    hub = context_of(request)
    if wanted.all and not may(who, Verb.MANAGE):
        raise NotPermitted(
            person=who.person, verb="list", what="sign-ins of others", remedy="Ask an owner or admin of the team"
        )
    connected = {peer.principal.login for peer in hub.peers if peer.principal.team == who.team}
    found = await hub.accounts.logins.list_live(
        team=who.team,
        person=None if wanted.all else who.person,
        connected=connected,
        before=wanted.cursor,
        limit=wanted.limit + 1,
    )
    page, following = page_of(found, wanted.limit, lambda login: login.id)
    names = await hub.accounts.people.names(login.person for login in page)
    items = [
        Login(
            id=login.id,
            person=Named(id=login.person, name=names.get(login.person, "")),
            app=login.app,
            kind=login.kind,
            client=login.client,
            scopes=sorted(login.scopes),
            version=login.version,
            machine=login.machine,
            is_current=login.id == who.login,
            is_connected=login.id in connected,
            created_at_us=login.created_at_us,
            used_at_us=login.used_at_us,
        )
        for login in page
    ]
    return reply(LoginPage(items=items, next=following))


@router.delete("/{login}", summary="End a sign-in", status_code=204, responses=_REFUSED)
@policy(OWN)
async def revoke_login(request: Request, who: Who, login: IdInPath) -> Response:
    """End a sign-in of yours, or of whom you manage. Its tokens stop working, its sockets close within seconds."""
    accounts = context_of(request).accounts
    found = await accounts.logins.find(login)
    if found is None or found.team != who.team or found.revoked_at_us is not None:
        raise _gone(login)
    if found.person != who.person:
        _check_manages(who, accounts.people.membership(who.team, found.person), login)
    await accounts.logins.revoke([login])
    await accounts.audit.note("login.revoked", who, subject=login, person_of=found.person, app_of=found.app)
    return Response(status_code=204)


def _check_manages(who: Principal, role: Any, login: str) -> None:
    if not may(who, Verb.MANAGE):
        raise _gone(login)
    if role is not None and not may_manage_member(who, role=role):
        raise NotPermitted(
            person=who.person, verb="end", what=f"a sign-in of an {role}", remedy="Ask an owner of the team to do it"
        )


def _gone(login: str) -> NotFound:
    return NotFound(what="sign-in", name=login, remedy="It may have ended already")
