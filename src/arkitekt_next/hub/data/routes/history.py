"""How items were made and what was made of them, over HTTP; and where the sources of what ran are kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Request

from arkitekt_next.data import prov, rocrate
from arkitekt_next.data.provenance import Graph
from arkitekt_next.errors import Conflict, NotFound, NotPermitted, RequestRefused, StorageFull
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import IdInPath
from arkitekt_next.hub.core.policy import PROVIDE, SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.hub.data import history, reads, sources
from arkitekt_next.hub.data import views as v
from arkitekt_next.hub.data.example import DOCUMENT, GRAPH
from arkitekt_next.hub.tasks import access

router = make_router(prefix="/api", tag="data")

_ITEM = "01a1fb9b-0100-7000-8000-000000000001"
_TASK = "01a1fb9b-022b-7774-861b-fc7c8f838aa7"
_MISSING = refusals(NotFound(what="item", name=_ITEM, remedy="`GET /api/items` lists what there is"))
_UNREADABLE = refusals(
    NotFound(what="task", name=_TASK, remedy="It may have been removed by the retention rule"),
    NotPermitted(
        person="ada",
        verb="read",
        what="what this task was given and gave",
        remedy="Its caller kept it from the team's members: ask them, or an owner or admin",
    ),
)
_UNKNOWN = NotFound(what="app", name="segment", remedy="Connect it once: it is yours then")
_KEEP = refusals(
    _UNKNOWN,
    RequestRefused(where="item", problem="expected a file, got an item of kind table"),
    Conflict(problem="segment has no release with these sources", remedy="Connect it first, then keep them"),
    StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"),
)
_GRAPH: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": GRAPH}}}}
_DOCUMENT: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": DOCUMENT}}}}
AppInPath = Annotated[str, Path(min_length=1, max_length=256, examples=["segment"])]
HashInPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z:._-]{1,128}$", examples=["9c41" * 16])]


@router.get("/items/{item}/provenance", summary="Trace an item", response_model=Graph, responses=_MISSING | _GRAPH)
@policy(SEE)
async def trace_item(
    request: Request, who: Who, item: IdInPath, wanted: Annotated[v.HistoryQuery, Query()]
) -> SafeJSON:
    """Give how an item was made, what was made of it, or both, as a graph; what you may not read is a bare node."""
    return reply(await _graph(request, who, item, wanted))


@router.get(
    "/items/{item}/provenance.json",
    summary="Give an item's history as a document",
    response_model=dict[str, Any],
    responses=_MISSING | _DOCUMENT,
)
@policy(SEE)
async def describe_item(
    request: Request, who: Who, item: IdInPath, wanted: Annotated[v.DocumentQuery, Query()]
) -> SafeJSON:
    """Give the history of an item as W3C PROV-JSON, or as the metadata of an RO-Crate that holds no data itself."""
    graph = await _graph(request, who, item, wanted)
    address = context_of(request).url
    return SafeJSON(prov.write(graph, address) if wanted.format == "prov" else rocrate.write(graph, address))


@router.get("/tasks/{task}/provenance", summary="Trace a task", response_model=Graph, responses=_UNREADABLE | _GRAPH)
@policy(SEE)
async def trace_task(
    request: Request, who: Who, task: IdInPath, wanted: Annotated[v.HistoryQuery, Query()]
) -> SafeJSON:
    """Give how a task came about, what came of it, or both, as a graph."""
    hub = context_of(request)
    await access.read(hub.board, who, task)
    return reply(
        await history.trace(
            hub.database.engine,
            hub.catalogue,
            who,
            kind="task",
            id=task,
            direction=wanted.direction,
            depth=wanted.depth,
        )
    )


@router.get("/tasks/{task}/items", summary="List a task's items", response_model=v.TaskItems, responses=_UNREADABLE)
@policy(SEE)
async def list_items_of_task(request: Request, who: Who, task: IdInPath) -> SafeJSON:
    """Give what a task was given and gave, and what it stored besides; tombstones of what was removed included."""
    hub = context_of(request)
    await access.read(hub.board, who, task)
    return reply(await reads.list_of_task(hub.database.engine, who, task))


@router.get(
    "/apps/{identifier}/sources/{source_hash}",
    summary="Find kept sources",
    response_model=v.Source,
    responses=refusals(_UNKNOWN),
)
@policy(PROVIDE)
async def find_source(request: Request, who: Who, identifier: AppInPath, source_hash: HashInPath) -> SafeJSON:
    """Give the item that keeps the sources of the releases of an app with this hash; for who may provide it."""
    item = await sources.find(context_of(request).database, who, identifier, source_hash)
    return reply(v.Source(app=identifier, source_hash=source_hash, item=item))


@router.put(
    "/apps/{identifier}/sources/{source_hash}",
    summary="Keep sources",
    response_model=v.Source,
    responses=_KEEP,
)
@policy(PROVIDE)
async def keep_source(
    request: Request, who: Who, identifier: AppInPath, source_hash: HashInPath, form: v.SourceForm
) -> SafeJSON:
    """Say which file of yours keeps the sources of a release; the app's owner, owners and admins may read it then.

    Where there is one already, that one stays, and is what is answered.
    """
    item = await sources.keep(context_of(request).database, who, identifier, source_hash, form.item)
    return reply(v.Source(app=identifier, source_hash=source_hash, item=item))


async def _graph(request: Request, who: Who, item: str, wanted: v.HistoryQuery) -> Graph:
    hub = context_of(request)
    await hub.data.items.read(who, item)
    return await history.trace(
        hub.database.engine,
        hub.catalogue,
        who,
        kind="item",
        id=item,
        direction=wanted.direction,
        depth=wanted.depth,
    )
