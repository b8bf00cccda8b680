"""Folders over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from arkitekt_next.errors import Conflict, NotFound, StorageFull
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.policy import SEE, STORE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.hub.data import folders, reads
from arkitekt_next.hub.data import views as v

router = make_router(prefix="/api/folders", tag="data")

_CREATE = refusals(
    NotFound(what="folder", name="01a1", remedy="`GET /api/folders` lists what there is"),
    Conflict(problem="There is a folder 'plate 3' here already", remedy="Choose another name"),
    StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"),
)


@router.get("", summary="List folders", response_model=v.FolderPage)
@policy(SEE)
async def list_folders(request: Request, who: Who, wanted: Annotated[v.FolderQuery, Query()]) -> SafeJSON:
    """Give the folders that lie in one, or in none, the oldest first."""
    return reply(await reads.list_folders(context_of(request).database.engine, who, wanted))


@router.post("", summary="Make a folder", status_code=201, response_model=v.Folder, responses=_CREATE)
@policy(STORE)
async def create_folder(request: Request, who: Who, form: v.FolderForm) -> SafeJSON:
    """Make a folder; one inside a private folder is private as well."""
    hub = context_of(request)
    row = await folders.create(hub.database, who, **form.model_dump())
    names = await hub.accounts.people.names([row.person_id])
    return reply(reads.folder_of(row, names), status=201)
