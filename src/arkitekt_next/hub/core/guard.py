"""What holds for every response and every request, whatever route it meets: security headers and the Host check.

It wraps the whole app, so that even the answer to an unexpected error carries the headers. The rule: a hub answers to
its own names only, so a page that rebinds its name to the hub's address gets nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.websockets import WebSocket

from arkitekt_next.errors import RequestRefused

from .exposure import Exposure, is_loopback
from .http import answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_MISDIRECTED = 421


async def guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, exposure: Exposure) -> None:
    """Call `app` behind the checks that follow from how far the hub can be reached."""
    if scope["type"] not in ("http", "websocket"):
        await app(scope, receive, send)
        return
    refused = _refuse_host(scope, exposure) or _refuse_clear(scope, exposure)
    if scope["type"] == "websocket":
        if refused is None:
            await app(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(answer(refused, status=_MISDIRECTED))
        return
    is_private = scope["path"].startswith("/api")
    is_known_secure = scope["scheme"] == "https" and not exposure.is_made

    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add_headers(message, is_private=is_private, is_known_secure=is_known_secure)
        await send(message)

    if refused is None:
        await app(scope, receive, send_guarded)
    else:
        await answer(refused, status=_MISDIRECTED)(scope, receive, send_guarded)


def _refuse_host(scope: Scope, exposure: Exposure) -> RequestRefused | None:
    names = [value for name, value in scope["headers"] if name == b"host"]
    if len(names) == 1 and exposure.answers_to(_name_of(names[0].decode("latin-1"))):
        return None
    given = names[0].decode("latin-1")[:100] if names else ""
    ours = ", ".join(sorted(exposure.names)) + ("" if exposure.is_local else " and addresses in numbers")
    problem = f"this hub answers to {ours} only, not to '{given}'. Another name is told to it as public_url"
    return RequestRefused(where="header Host", problem=problem)


def _refuse_clear(scope: Scope, exposure: Exposure) -> RequestRefused | None:
    """Refuse whoever comes past the proxy that does TLS for a hub without."""
    if not exposure.is_only_by_proxy or scope["scheme"] in ("https", "wss"):
        return None
    client = scope.get("client")
    if client is not None and is_loopback(client[0]):
        return None
    return RequestRefused(where="connection", problem="this hub is reached through its proxy, by https, only")


def _name_of(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdigit() else host).lower()


def _add_headers(message: Message, *, is_private: bool, is_known_secure: bool) -> None:
    headers = list(message.get("headers", ()))
    given = {name.lower() for name, _ in headers}
    headers += [header for header in _HEADERS if header[0] not in given]
    if is_known_secure:  # not where the certificate is made here: it may be made anew, and browsers could not get in
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    if is_private and b"cache-control" not in given:
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers
