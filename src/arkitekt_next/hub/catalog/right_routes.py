"""Consents and shares over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.hub.accounts.routes.profile import Named
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import ActionInPath, AppInPath, IdInPath, Paged, TimeUs, page_after
from arkitekt_next.hub.core.policy import SHARE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from . import consents, rights, shares

router = make_router(prefix="/api", tag="catalogue")

_PERSON = "01a1fb9b-0001-7000-8000-000000000001"
_AT = 1795222602284847
_APP = refusals(
    NotFound(what="app", name="segment", remedy="`GET /api/apps` lists what there is"),
    NotPermitted(
        person=_PERSON, verb="let others provide", what="the app 'segment'", remedy="Ask the person it belongs to"
    ),
)
_PROVIDER = _APP | refusals(
    Conflict(problem="A guest provides nothing", remedy="Make them a member of the team first"),
)
_ACTION = refusals(
    NotFound(what="action", name="segment.nuclei", remedy="`GET /api/actions` lists what there is"),
    NotPermitted(person=_PERSON, verb="share", what="'segment.nuclei'", remedy="Ask whoever provides it"),
)
_GUEST = _ACTION | refusals(
    Conflict(problem="This person is member in the team", remedy="They see all that the team shares already"),
)
_ALLOWED: dict[str, Any] = {"person": {"id": _PERSON, "name": "ada"}, "created_at_us": _AT}
_SHARED: dict[str, Any] = {**_ALLOWED, "by": {"id": "01a1fb9b-0001-7000-8000-000000000009", "name": "bob"}}


class RightQuery(Paged):
    """Which people are wanted."""


class Allowed(Strict):
    """A person whom the owner of an app lets provide it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ALLOWED]})
    person: Named
    created_at_us: TimeUs


class AllowedPage(Strict):
    """People who may provide an app besides its owner, the oldest account first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ALLOWED], "next": None}]})
    items: list[Allowed]
    next: str | None


class Shared(Strict):
    """A guest with whom an action is shared."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHARED]})
    person: Named
    by: Named = Field(description="Who shared it.")
    created_at_us: TimeUs


class SharedPage(Strict):
    """Guests with whom an action is shared, the oldest account first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_SHARED], "next": None}]})
    items: list[Shared]
    next: str | None


@router.get(
    "/apps/{identifier}/providers",
    summary="List who may provide an app",
    response_model=AllowedPage,
    responses=_APP,
)
@policy(SHARE)
async def list_allowed(
    request: Request, who: Who, identifier: AppInPath, wanted: Annotated[RightQuery, Query()]
) -> SafeJSON:
    """Give whom the app's owner lets provide it. For that owner."""
    hub = context_of(request)
    app_id = await rights.app_to_consent(hub.database.engine, hub.catalogue, hub.accounts.people, who, identifier)
    page, following = page_after(hub.consents.of_app(app_id), wanted, lambda consent: consent.person)
    names = await hub.accounts.people.names(consent.person for consent in page)
    return reply(AllowedPage(items=[_allowed(consent, names) for consent in page], next=following))


@router.put(
    "/apps/{identifier}/providers/{person}",
    summary="Let somebody provide an app",
    response_model=Allowed,
    responses=_PROVIDER,
)
@policy(SHARE)
async def allow_provider(request: Request, who: Who, identifier: AppInPath, person: IdInPath) -> SafeJSON:
    """Let a member provide your app. They then receive what is passed to its functions."""
    hub = context_of(request)
    app_id = await rights.app_to_consent(hub.database.engine, hub.catalogue, hub.accounts.people, who, identifier)
    rights.check_provider(hub.accounts.people, who, person)
    consent = await hub.consents.give(team=who.team, app_id=app_id, app=identifier, person=person)
    await hub.accounts.audit.note("provider.allowed", who, subject=person, app_of=identifier)
    return reply(_allowed(consent, await hub.accounts.people.names([person])))


@router.delete(
    "/apps/{identifier}/providers/{person}",
    summary="Let somebody provide an app no longer",
    status_code=204,
    responses=_APP,
)
@policy(SHARE)
async def forbid_provider(request: Request, who: Who, identifier: AppInPath, person: IdInPath) -> Response:
    """Withdraw a consent; agents that provide the app by it lose their connection."""
    hub = context_of(request)
    app_id = await rights.app_to_consent(hub.database.engine, hub.catalogue, hub.accounts.people, who, identifier)
    await hub.consents.withdraw(app_id=app_id, person=person)
    await hub.accounts.audit.note("provider.forbidden", who, subject=person, app_of=identifier)
    return Response(status_code=204)


@router.get(
    "/actions/{name}/shares",
    summary="List with whom an action is shared",
    response_model=SharedPage,
    responses=_ACTION,
)
@policy(SHARE)
async def list_shares(
    request: Request, who: Who, name: ActionInPath, wanted: Annotated[RightQuery, Query()]
) -> SafeJSON:
    """Give the guests who see and may call the action. For those who may share it."""
    hub = context_of(request)
    action = rights.action_to_share(hub.catalogue, who, name)
    page, following = page_after(hub.shares.of_action(action.id), wanted, lambda share: share.person)
    names = await hub.accounts.people.names(_people(page))
    return reply(SharedPage(items=[_shared(share, names) for share in page], next=following))


@router.put(
    "/actions/{name}/shares/{person}",
    summary="Share an action with a guest",
    response_model=Shared,
    responses=_GUEST,
)
@policy(SHARE)
async def share_action(request: Request, who: Who, name: ActionInPath, person: IdInPath) -> SafeJSON:
    """Let a guest see and call an action that you provide, or any of the team's when you manage it."""
    hub = context_of(request)
    action = rights.action_to_share(hub.catalogue, who, name)
    rights.check_guest(hub.accounts.people, who, person)
    share = await hub.shares.share(team=who.team, action_id=action.id, person=person, by=who.person)
    await hub.accounts.audit.note("action.shared", who, subject=person, action=name)
    return reply(_shared(share, await hub.accounts.people.names(_people([share]))))


@router.delete(
    "/actions/{name}/shares/{person}",
    summary="Share an action with a guest no longer",
    status_code=204,
    responses=_ACTION,
)
@policy(SHARE)
async def unshare_action(request: Request, who: Who, name: ActionInPath, person: IdInPath) -> Response:
    """End a share. What the guest has called already goes on."""
    hub = context_of(request)
    action = rights.action_to_share(hub.catalogue, who, name)
    await hub.shares.unshare(action_id=action.id, person=person)
    await hub.accounts.audit.note("action.unshared", who, subject=person, action=name)
    return Response(status_code=204)


def _people(page: Sequence[shares.Share]) -> Iterable[str]:
    return {person for share in page for person in (share.person, share.by)}


def _allowed(consent: consents.Consent, names: dict[str, str]) -> Allowed:
    person = Named(id=consent.person, name=names.get(consent.person, ""))
    return Allowed(person=person, created_at_us=consent.created_at_us)


def _shared(share: shares.Share, names: dict[str, str]) -> Shared:
    return Shared(
        person=Named(id=share.person, name=names.get(share.person, "")),
        by=Named(id=share.by, name=names.get(share.by, "")),
        created_at_us=share.created_at_us,
    )
