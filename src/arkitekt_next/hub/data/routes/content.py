"""What items hold, for a page: addresses that a browser may read without a header, and small pictures."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from arkitekt_next.data.keys import THUMBNAIL, Key
from arkitekt_next.data.pictures import LIMIT_BYTES, is_thumbnail
from arkitekt_next.errors import Conflict, InvalidValue, NotFound
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import IdInPath
from arkitekt_next.hub.core.policy import SEE, STORE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.hub.data import views as v

router = make_router(prefix="/api/items", tag="data")

_ITEM = "01a1fb9b-0100-7000-8000-000000000001"
_MISSING = refusals(NotFound(what="item", name=_ITEM, remedy="`GET /api/items` lists what there is"))
_LINKS = _MISSING | refusals(
    InvalidValue(where="paths.0", expected="segments that are neither empty nor '.' nor '..'", got="'../x'"),
    Conflict(problem="Item 01a1 is in the trash", remedy="Restore it first"),
)
_NONE = refusals(NotFound(what="thumbnail", name=_ITEM, remedy="Only images have one, made when they are stored"))
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A PNG, at most 256 pixels wide and high.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}, "example": "the bytes of a PNG"}},
    },
    304: {"description": "It is the one whose `ETag` was sent as `If-None-Match`."},
}


@router.post("/{item}/links", summary="Ask for addresses", status_code=201, response_model=v.Links, responses=_LINKS)
@policy(STORE)
async def link_item(request: Request, who: Who, item: IdInPath, form: v.LinkForm) -> SafeJSON:
    """Give addresses from which anybody who has them may read objects of an item, for a quarter of an hour at most.

    They are for a page, which can sign nothing: `<img>`, downloads, the chunks of an image. Byte ranges work. They are
    at the name by which the hub was asked: a page may read nothing of another.
    """
    hub = context_of(request)
    row = await hub.data.items.read(who, item)
    origin = f"{request.url.scheme}://{request.url.netloc}"
    return reply(await hub.data.links(who, row, form.paths, within_s=form.within_s, origin=origin), status=201)


@router.get(
    "/{item}/thumbnail",
    summary="Show an image's thumbnail",
    response_class=Response,
    responses=_MISSING | _NONE | _PICTURE,
)
@policy(SEE)
async def get_thumbnail(request: Request, who: Who, item: IdInPath) -> Response:
    """Give the small picture that was stored with an image that you may read."""
    hub = context_of(request)
    row = await hub.data.items.read(who, item)
    stored = await hub.objects.head(str(Key(row.team_id, row.id, THUMBNAIL)))
    missing = NotFound(what="thumbnail", name=item, remedy="Only images have one, made when they are stored")
    if stored is None or stored.size_bytes > LIMIT_BYTES:
        raise missing
    headers = {
        "ETag": f'"{stored.etag}"',
        "Cache-Control": "private, no-cache",
        "Content-Disposition": "inline",
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    }
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    body = b"".join([data async for data in hub.objects.read(stored, 0, stored.size_bytes)])
    if not is_thumbnail(body):  # whoever stored it may have written anything
        raise missing
    return Response(body, media_type="image/png", headers=headers)
