"""The pages' style, script and icon. The rule: they hold nothing of anybody, so a browser may keep them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from fastapi import Request, Response

from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.policy import PUBLIC, policy

from .route import router as make_router

router = make_router()

_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "passkey.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@router.get("/static/{name}")
@policy(PUBLIC)
async def get_asset(request: Request, name: str) -> Response:
    """Give a file of the pages, or say that the browser has it already."""
    if name not in _TYPES:
        raise NotFound(what="file", name=name[:64], remedy="It may belong to another version of the hub")
    body, tag = _read(name)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=_TYPES[name], headers=headers)


@cache
def _read(name: str) -> tuple[bytes, str]:
    body = (Path(__file__).parent / "static" / name).read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
