"""Items over HTTP: make, write, commit, find, describe, tag, trash."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Request, Response

from arkitekt_next.data.names import PART_PATTERN, TAG_CHARS
from arkitekt_next.errors import Conflict, InvalidMetadata, NotFound, NotPermitted, StorageFull, TooLarge
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import IdInPath
from arkitekt_next.hub.core.policy import SEE, STORE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.hub.data import reads
from arkitekt_next.hub.data import views as v
from arkitekt_next.hub.data.items import META_LIMIT_BYTES, NewItem

router = make_router(prefix="/api/items", tag="data")

_ITEM = "01a1fb9b-0100-7000-8000-000000000001"
_FULL = refusals(StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"))
_MISSING = refusals(NotFound(what="item", name=_ITEM, remedy="`GET /api/items` lists what there is"))
_MISFIT = InvalidMetadata(where="meta.axes.2", problem="expected a string, got 3. Correct the value")
_CREATE = _FULL | refusals(
    _MISFIT,
    NotFound(what="folder", name="01a1", remedy="`GET /api/folders` lists what there is"),
    TooLarge(
        where="meta",
        size_bytes=100_000,
        limit_bytes=META_LIMIT_BYTES,
        remedy="Write what is long as an object of the item",
    ),
)
_COMMIT = (
    _MISSING
    | _FULL
    | refusals(
        _MISFIT,
        Conflict(problem="Nothing was written below the prefix of item 01a1", remedy="Write its objects, then commit"),
    )
)
_ABANDON = _MISSING | _FULL | refusals(Conflict(problem="Item 01a1 is committed", remedy="Put it into the trash"))
_CHANGE = (
    _MISSING
    | _FULL
    | refusals(
        NotPermitted(
            person="ada", verb="change", what="this item", remedy="Ask whoever it belongs to, or an owner or admin"
        ),
        Conflict(problem="Item 01a1 was removed", remedy="Only what is known of it is left"),
    )
)
_GRANT = _MISSING | _FULL | refusals(Conflict(problem="Item 01a1 is committed", remedy="What it holds never changes"))
TagInPath = Annotated[str, Path(min_length=1, max_length=TAG_CHARS, pattern=PART_PATTERN, examples=["control"])]


@router.post("", summary="Make an item", status_code=201, response_model=v.Created, responses=_CREATE)
@policy(STORE)
async def create_item(request: Request, who: Who, form: v.ItemForm) -> SafeJSON:
    """Make an item and give the right to write it; it counts, for others, once it is committed.

    What is small may come with all its `objects`: it is committed by the same request then, and no right is given.
    """
    hub = context_of(request)
    wanted = NewItem(**form.model_dump(exclude={"objects"}))
    grant = None
    if form.objects is not None:
        async with hub.transfers.writing(who.person):
            made = await hub.data.items.create_whole(who, wanted, form.objects)
        item = await reads.show_made(hub.database.engine, who, made)
    else:
        row = await hub.data.items.written(who, await hub.data.items.create(who, wanted))
        grant = await hub.data.grant(who, row, "write")
        item = await reads.show_item(hub.database.engine, who, row)
    return reply(v.Created(item=item, grant=grant), status=201, headers={"Location": f"/api/items/{item.id}"})


@router.get("", summary="List items", response_model=v.ItemPage)
@policy(SEE)
async def list_items(request: Request, who: Who, wanted: Annotated[v.ItemQuery, Query()]) -> SafeJSON:
    """Give the items that fit, the newest first."""
    return reply(await reads.list_items(context_of(request).database.engine, who, wanted))


@router.get("/{item}", summary="Show an item", response_model=v.Item, responses=_MISSING)
@policy(SEE)
async def get_item(request: Request, who: Who, item: IdInPath) -> SafeJSON:
    """Give what is known of an item that you see or write, or that a task shows which you may read."""
    hub = context_of(request)
    return reply(await reads.show_item(hub.database.engine, who, await hub.data.items.show(who, item)))


@router.patch("/{item}", summary="Describe an item", response_model=v.Item, responses=_CHANGE)
@policy(STORE)
async def change_item(request: Request, who: Who, item: IdInPath, form: v.ChangeForm) -> SafeJSON:
    """Say anew what an item is called, who sees it and where it is filed; what it holds never changes."""
    hub = context_of(request)
    changes = form.model_dump(exclude_unset=True)
    if "folder" in changes:
        changes["folder_id"] = changes.pop("folder")
    kept = {name: value for name, value in changes.items() if value is not None or name == "folder_id"}
    row = await hub.data.change(who, item, kept)
    return reply(await reads.show_item(hub.database.engine, who, row))


@router.delete("/{item}", summary="Give up an item", status_code=204, responses=_ABANDON)
@policy(STORE)
async def abandon_item(request: Request, who: Who, item: IdInPath) -> Response:
    """Give up an item that is not committed; what was written of it goes."""
    await context_of(request).data.items.abandon(who, item)
    return Response(status_code=204)


@router.post("/{item}/commit", summary="Commit an item", response_model=v.Item, responses=_COMMIT)
@policy(STORE)
async def commit_item(request: Request, who: Who, item: IdInPath, form: v.CommitForm) -> SafeJSON:
    """Let an item count, once all of it is on disk. It never changes after that; committing it again is no error."""
    hub = context_of(request)
    row = await hub.data.items.commit(who, item, form.meta, form.digest)
    return reply(await reads.show_item(hub.database.engine, who, row))


@router.post("/{item}/grants", summary="Ask for a right", status_code=201, response_model=v.Grant, responses=_GRANT)
@policy(STORE)
async def grant_item(request: Request, who: Who, item: IdInPath, form: v.GrantForm) -> SafeJSON:
    """Give the right to read an item, or to go on writing one that is not committed, by the S3 protocol for a while."""
    hub = context_of(request)
    items = hub.data.items
    row = await (items.read(who, item) if form.mode == "read" else items.written(who, item))
    return reply(await hub.data.grant(who, row, form.mode), status=201)


@router.post("/{item}/trash", summary="Put an item into the trash", response_model=v.Item, responses=_CHANGE)
@policy(STORE)
async def trash_item(request: Request, who: Who, item: IdInPath) -> SafeJSON:
    """Take an item out of the lists. Its content stays for the days that the settings say, and can be restored."""
    return await _trash(request, who, item, is_trashed=True)


@router.post("/{item}/restore", summary="Take an item out of the trash", response_model=v.Item, responses=_CHANGE)
@policy(STORE)
async def restore_item(request: Request, who: Who, item: IdInPath) -> SafeJSON:
    """Put an item back into the lists."""
    return await _trash(request, who, item, is_trashed=False)


@router.put("/{item}/tags/{tag}", summary="Tag an item", response_model=v.Item, responses=_CHANGE)
@policy(STORE)
async def tag_item(request: Request, who: Who, item: IdInPath, tag: TagInPath) -> SafeJSON:
    """Put a tag on an item; once more changes nothing."""
    hub = context_of(request)
    await hub.data.items.tag(who, item, tag)
    return reply(await reads.show_item(hub.database.engine, who, await hub.data.items.read(who, item)))


@router.delete("/{item}/tags/{tag}", summary="Take a tag off an item", status_code=204, responses=_CHANGE)
@policy(STORE)
async def untag_item(request: Request, who: Who, item: IdInPath, tag: TagInPath) -> Response:
    """Take a tag off an item."""
    await context_of(request).data.items.untag(who, item, tag)
    return Response(status_code=204)


async def _trash(request: Request, who: Who, item: str, *, is_trashed: bool) -> SafeJSON:
    hub = context_of(request)
    await hub.data.items.trash(who, item, is_trashed=is_trashed)
    return reply(await reads.show_item(hub.database.engine, who, await hub.data.items.read(who, item)))
