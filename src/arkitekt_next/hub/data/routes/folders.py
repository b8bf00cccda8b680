"""Folders over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request, Response

from arkitekt_next.errors import Conflict, NotFound, NotPermitted, StorageFull
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import IdInPath
from arkitekt_next.hub.core.policy import SEE, STORE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.hub.data import reads
from arkitekt_next.hub.data import views as v

router = make_router(prefix="/api/folders", tag="data")

_MISSING = NotFound(what="folder", name="01a1", remedy="`GET /api/folders` lists what there is")
_TAKEN = Conflict(problem="There is a folder 'plate 3' here already", remedy="Choose another name")
_FULL = StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt")
_REFUSED = NotPermitted(
    person="ada", verb="change", what="this folder", remedy="Ask whoever it belongs to, or an owner or admin"
)
_NOT_EMPTY = Conflict(problem="The folder is not empty", remedy="Move or trash what it holds")


@router.get("", summary="List folders", response_model=v.FolderPage)
@policy(SEE)
async def list_folders(request: Request, who: Who, wanted: Annotated[v.FolderQuery, Query()]) -> SafeJSON:
    """Give the folders that lie in one, in none, or anywhere, the oldest first, each with its path."""
    return reply(await reads.list_folders(context_of(request).database.engine, who, wanted))


@router.post(
    "",
    summary="Make a folder",
    status_code=201,
    response_model=v.Folder,
    responses=refusals(_MISSING, _TAKEN, _FULL),
)
@policy(STORE)
async def create_folder(request: Request, who: Who, form: v.FolderForm) -> SafeJSON:
    """Make a folder; one inside a private folder is private as well."""
    hub = context_of(request)
    row = await hub.data.folders.create(who, **form.model_dump())
    return reply(await reads.show_folder(hub.database.engine, who, row), status=201)


@router.get("/{folder}", summary="Show a folder", response_model=v.Folder, responses=refusals(_MISSING))
@policy(SEE)
async def get_folder(request: Request, who: Who, folder: IdInPath) -> SafeJSON:
    """Give a folder, and where it lies."""
    hub = context_of(request)
    return reply(await reads.show_folder(hub.database.engine, who, await hub.data.folders.find(who, folder)))


@router.patch(
    "/{folder}",
    summary="Rename or move a folder",
    response_model=v.Folder,
    responses=refusals(_MISSING, _REFUSED, _TAKEN, _FULL),
)
@policy(STORE)
async def change_folder(request: Request, who: Who, folder: IdInPath, form: v.FolderChangeForm) -> SafeJSON:
    """Give a folder another name, or another place; what lies in it comes along."""
    hub = context_of(request)
    row = await hub.data.folders.change(who, folder, form.model_dump(exclude_unset=True))
    return reply(await reads.show_folder(hub.database.engine, who, row))


@router.delete(
    "/{folder}",
    summary="Remove a folder",
    status_code=204,
    responses=refusals(_MISSING, _REFUSED, _NOT_EMPTY, _FULL),
)
@policy(STORE)
async def remove_folder(request: Request, who: Who, folder: IdInPath) -> Response:
    """Remove a folder in which nothing lies; items that are in the trash lose their place in it."""
    await context_of(request).data.folders.remove(who, folder)
    return Response(status_code=204)
