"""What holds for every response and every request, whatever route it meets: security headers and the Host check.

It wraps the whole app, so that even the answer to an unexpected error carries the headers. The rule: a hub that listens
on this machine only answers to this machine's own names, so a page that rebinds its name to 127.0.0.1 gets nothing.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket

from arkitekt_next.errors import RequestRefused

from .http import answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_HEADERS = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_MISDIRECTED = 421


def is_loopback(host: str) -> bool:
    """Whether a hub that listens on `host` is reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


async def guarded(app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, is_local: bool) -> None:
    """Call `app` behind the checks; `is_local` says that only this machine's own names are answered."""
    if scope["type"] not in ("http", "websocket"):
        await app(scope, receive, send)
        return
    refused = _refuse_host(scope) if is_local else None
    if scope["type"] == "websocket":
        if refused is None:
            await app(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).send_denial_response(answer(refused, status=_MISDIRECTED))
        return
    is_private = scope["path"].startswith("/api")

    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add_headers(message, is_private=is_private)
        await send(message)

    if refused is None:
        await app(scope, receive, send_guarded)
    else:
        await answer(refused, status=_MISDIRECTED)(scope, receive, send_guarded)


def _refuse_host(scope: Scope) -> RequestRefused | None:
    names = [value for name, value in scope["headers"] if name == b"host"]
    if len(names) == 1 and _name_of(names[0].decode("latin-1")) in _LOCAL_NAMES:
        return None
    given = names[0].decode("latin-1")[:100] if names else ""
    problem = f"this hub answers to localhost, 127.0.0.1 and [::1] only, not to '{given}'"
    return RequestRefused(where="header Host", problem=problem)


def _name_of(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdigit() else host).lower()


def _add_headers(message: Message, *, is_private: bool) -> None:
    headers = list(message.get("headers", ()))
    given = {name.lower() for name, _ in headers}
    headers += [header for header in _HEADERS if header[0] not in given]
    if is_private and b"cache-control" not in given:
        headers.append((b"cache-control", b"no-store"))
    message["headers"] = headers
