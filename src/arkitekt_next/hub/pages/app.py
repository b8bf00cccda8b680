"""The page of the hub: what the sources in `web/` were built into, handed out under a strict policy for content.

The document carries the token of the session, so it is kept in no cache; all else is named by what it holds, and kept
for good. The rule: no script runs but ours, from files, and nothing is asked of any other site. Libraries that
make code at run time, to unpack pixels, run in workers that have neither a document nor a network.
"""

from __future__ import annotations

import gzip
import html
import mimetypes
from functools import cache
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import HTMLResponse

from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.policy import PUBLIC, SEE, policy

from .answer import ACCOUNT, go
from .route import router as make_router
from .visit import visit_of

router = make_router()

BUILT = Path(__file__).parent / "built"
_START = "/app"
_DOCUMENT = "index.html"
_TOKEN = '<meta name="arkitekt-csrf" content="">'
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_WORKER = ".worker-"
_WORKER_CSP = "default-src 'none'; script-src 'self' 'unsafe-eval'"
_PICTURES = {".svg", ".png", ".woff2"}
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".wasm": "application/wasm"}


@router.get("/")
@policy(SEE)
async def show_start(request: Request) -> Response:
    """Lead to the page, or to the account where no page was built."""
    return go(_START if is_built() else ACCOUNT)


@router.get(_START)
@policy(SEE)
async def show_app(request: Request) -> Response:
    """Show the page at its beginning."""
    return _document(request)


@router.get("/app/{place:path}")
@policy(SEE)
async def show_place(request: Request, place: str) -> Response:
    """Show the page at a place; which one, it sees from its address."""
    return _document(request)


@router.get("/page/{name}")
@policy(PUBLIC)
async def get_part(request: Request, name: str) -> Response:
    """Give a part of the page. Its name says what it holds, so a browser asks once."""
    found = _parts().get(name)
    if found is None:
        raise NotFound(
            what="file", name=name[:64], remedy="It belongs to another version of the hub. Load the page again"
        )
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if _WORKER in name:
        headers["Content-Security-Policy"] = _WORKER_CSP
    body, packed = found
    if len(packed) < len(body) and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, media_type=kind, headers={**headers, "Content-Encoding": "gzip"})
    return Response(body, media_type=kind, headers=headers)


def _document(request: Request) -> Response:
    if not is_built():
        raise NotFound(what="page", name="app", remedy="It was not built into this installation: run `make page`")
    token = html.escape(visit_of(request).csrf, quote=True)
    text = (BUILT / _DOCUMENT).read_text("utf-8").replace(_TOKEN, f'<meta name="arkitekt-csrf" content="{token}">')
    headers = {
        "Content-Security-Policy": _CSP,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",  # with none, the origin of what changes something would be hidden from us
    }
    return HTMLResponse(text, headers=headers)


def is_built() -> bool:
    """Tell whether there is a page to show."""
    return (BUILT / _DOCUMENT).is_file()


@cache
def _parts() -> dict[str, tuple[bytes, bytes]]:
    """Read the parts of the page, once, and pack them: they are few, and never change under a hub that runs."""
    if not BUILT.is_dir():
        return {}
    files = [path for path in BUILT.iterdir() if path.is_file() and path.suffix in _TYPES.keys() | _PICTURES]
    return {path.name: (body := path.read_bytes(), gzip.compress(body, 9, mtime=0)) for path in files}
