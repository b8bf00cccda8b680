"""The catalogue over HTTP: apps, actions, definitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from arkitekt_next.errors import InvalidValue, MissingArgument, NotFound, UnknownArgument
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import ActionInPath, AppInPath, HashInPath
from arkitekt_next.hub.core.policy import SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from . import reads
from . import views as v

router = make_router(prefix="/api", tag="catalogue")

_NO_APP = refusals(NotFound(what="app", name="segment", remedy="`GET /api/apps` lists what there is"))
_NO_ACTION = refusals(NotFound(what="action", name="segment.nucle", remedy="Did you mean segment.nuclei?"))
_NO_DEFINITION = refusals(NotFound(what="definition", name="3f3f", remedy="`GET /api/actions` lists what there is"))
_UNFIT = refusals(
    InvalidValue(where="segment.nuclei: sigma", expected="float ≥ 0", got="str 'two'"),
    UnknownArgument(action="segment.nuclei", argument="sgima", known="image, sigma"),
    MissingArgument(action="segment.nuclei", argument="image", expected="structure image"),
)


@router.get("/apps", summary="List the team's apps", response_model=v.AppPage)
@policy(SEE)
async def list_apps(request: Request, who: Who, wanted: Annotated[v.AppQuery, Query()]) -> SafeJSON:
    """Give the apps in the order of their identifiers."""
    hub = context_of(request)
    return reply(await reads.list_apps(hub.database.engine, hub.catalogue, who, wanted))


@router.get("/apps/{identifier}", summary="Show an app", response_model=v.AppDetail, responses=_NO_APP)
@policy(SEE)
async def get_app(request: Request, who: Who, identifier: AppInPath) -> SafeJSON:
    """Give an app, its newest releases and its actions."""
    hub = context_of(request)
    return reply(await reads.get_app(hub.database.engine, hub.catalogue, who, identifier))


@router.get("/actions", summary="Find actions", response_model=v.ActionPage)
@policy(SEE)
async def list_actions(request: Request, who: Who, wanted: Annotated[v.ActionQuery, Query()]) -> SafeJSON:
    """Give the actions that fit, in the order of their names."""
    return reply(await reads.list_actions(context_of(request).catalogue, who, wanted))


@router.get("/actions/{name}", summary="Show an action", response_model=v.ActionDetail, responses=_NO_ACTION)
@policy(SEE)
async def get_action(request: Request, who: Who, name: ActionInPath) -> SafeJSON:
    """Give the definition a call would get now, who provides it, and the definitions it had."""
    hub = context_of(request)
    return reply(await reads.get_action(hub.database.engine, hub.catalogue, who, name))


@router.get(
    "/actions/{name}/definitions",
    summary="List the definitions an action had",
    response_model=v.RecordedPage,
    responses=_NO_ACTION,
)
@policy(SEE)
async def list_definitions(
    request: Request, who: Who, name: ActionInPath, wanted: Annotated[v.DefinitionQuery, Query()]
) -> SafeJSON:
    """Give the definitions, the newest first."""
    hub = context_of(request)
    return reply(await reads.list_definitions(hub.database.engine, hub.catalogue, who, name, wanted))


@router.get(
    "/definitions/{definition_hash}",
    summary="Show a definition",
    response_model=v.DefinitionDetail,
    responses=_NO_DEFINITION,
)
@policy(SEE)
async def get_definition(request: Request, who: Who, definition_hash: HashInPath) -> SafeJSON:
    """Give a definition by its hash, and which actions offered it."""
    return reply(reads.get_definition(context_of(request).catalogue, who, definition_hash))


@router.post(
    "/actions/{name}/check",
    summary="Check arguments",
    response_model=v.Checked,
    responses=_NO_ACTION | _UNFIT,
)
@policy(SEE)
async def check_arguments(request: Request, who: Who, name: ActionInPath, form: v.CheckForm) -> SafeJSON:
    """Check arguments as a call would, without calling. Nothing is recorded."""
    return reply(reads.check(context_of(request).catalogue, who, name, form))
