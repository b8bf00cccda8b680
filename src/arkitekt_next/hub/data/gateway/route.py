"""Where requests to the gateway come in and answers go out.

Plain ASGI: bodies of gigabytes pass through here in steps. The rule: nothing is done, and nothing of a body is read,
before the request is admitted; only a browser's preflight needs no signature.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.routing import Route

from arkitekt_next.hub.core.policy import Policy
from arkitekt_next.hub.core.telemetry import log

from . import listing, parts, reading, writing
from .admission import REFUSED_BURST, admit, count_refused
from .answers import SAFETY, Answer, S3Error, answer_error, as_s3
from .request import BUCKET, Call, read_call

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

SIGNED = Policy("use a data grant", None, burst=REFUSED_BURST)
"""Whoever comes needs no sign-in, but a request signed with a grant's keys."""
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")
_SEND_S = 60.0
_WATCHED_BYTES = 8 * 1024 * 1024
_ASKED_HEADERS = b"range, if-match, if-none-match, if-modified-since"
_SHOWN_HEADERS = b"etag, content-length, content-range, accept-ranges, last-modified"

Operation = Callable[[Call], Awaitable[Answer]]


class GatewayRoute(Route):
    """A route of the gateway, with a policy as every other; paths with line breaks are its own too, to be refused."""

    rule = SIGNED

    def __init__(self, path: str) -> None:
        super().__init__(path, Gateway(), methods=list(METHODS), include_in_schema=False)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


def routes() -> list[GatewayRoute]:
    """Give the gateway's routes."""
    return [GatewayRoute(f"/{BUCKET}"), GatewayRoute(f"/{BUCKET}/{{key:path}}")]


class Gateway:
    """The gateway as an ASGI app."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        id = secrets.token_hex(8)
        waits = _Waiting(scope, receive)
        answer = await _answered(scope, waits, id)
        headers = [(b"x-amz-request-id", id.encode()), *answer.headers, *SAFETY, *_shared(scope)]
        if waits.is_waiting:
            headers.append((b"connection", b"close"))
        if answer.steps is None:
            await _send_whole(answer, headers, scope["method"] == "HEAD", send)
        else:
            await _send_steps(answer, headers, receive, send)


class _Waiting:
    """Knows whether the client still waits to be asked for the body it announced.

    After an answer it does not send that body any more, so what it sends next would be taken for it: such a connection
    is closed. Source: RFC 9110 §10.1.1.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self.is_waiting = any(name == b"expect" for name, _ in scope["headers"])

    async def __call__(self) -> Message:
        self.is_waiting = False
        return await self._receive()


async def _answered(scope: Scope, receive: Receive, id: str) -> Answer:
    call: Call | None = None
    try:
        call = read_call(scope, receive, id)
        if call.asked.method == "OPTIONS":
            return _preflight(call, scope)
        await admit(call, scope)
        return await _operation_of(call)(call)
    except Exception as error:
        told = as_s3(error)
        if told is None:
            log.error("request failed", incident=id, path=scope["path"], exc_info=error)
            told = S3Error(
                "InternalError", f"Something went wrong inside the hub (incident {id}). Its log has the details"
            )
        scope["app"].state.hub.metrics.refused.labels(f"s3_{told.code}").inc()
        return answer_error(told, resource=call.resource if call is not None else "", request=id)


def _operation_of(call: Call) -> Operation:
    found = _of_bucket(call) if not call.key else _of_object(call)
    if found is None:
        raise S3Error("MethodNotAllowed", f"expected another method than {call.asked.method[:16]} for this resource")
    return found


def _of_bucket(call: Call) -> Operation | None:
    match call.asked.method:
        case "GET":
            if "versioning" in call.query:
                return listing.versioning
            return listing.location if "location" in call.query else listing.list_objects
        case "HEAD":
            return listing.head_bucket
        case "POST" if "delete" in call.query:
            return writing.delete_many
        case "PUT":
            raise S3Error("BucketAlreadyOwnedByYou", f"the bucket {BUCKET} is there, and the only one")
    return None


def _of_object(call: Call) -> Operation | None:
    is_part = "uploadId" in call.query
    match call.asked.method:
        case "GET" if is_part:
            return parts.list_parts
        case "GET" | "HEAD":
            return reading.get
        case "PUT" if is_part:
            return parts.put_part
        case "PUT":
            return writing.copy if "x-amz-copy-source" in call.headers else writing.put
        case "POST" if is_part:
            return parts.complete
        case "POST" if "uploads" in call.query:
            return parts.begin
        case "DELETE":
            return parts.abort if is_part else writing.delete
    return None


# -- browsers ------------------------------------------------------------------------------------------------


def _is_own_page(scope: Scope) -> bool:
    origin = [value for name, value in scope["headers"] if name == b"origin"]
    return origin == [scope["app"].state.hub.url.encode()]


def _preflight(call: Call, scope: Scope) -> Answer:
    """Let the hub's own page ask whether it may read by a presigned address; nobody else's."""
    call.hub.guard_public(Request(scope), "/arkitekt-data preflight", 600)
    if not _is_own_page(scope) or call.header("access-control-request-method") not in ("GET", "HEAD"):
        count_refused(call, scope)
        raise S3Error("AccessDenied", "expected the hub's own page, asking to read by a presigned address")
    headers = [
        (b"access-control-allow-methods", b"GET, HEAD"),
        (b"access-control-allow-headers", _ASKED_HEADERS),
        (b"access-control-max-age", b"600"),
    ]
    return Answer(200, headers)


def _shared(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Give the headers by which the hub's own page may read what a presigned address gives."""
    headers = [(b"vary", b"origin")]
    is_presigned = b"X-Amz-Signature=" in scope["query_string"]
    if scope["method"] in ("GET", "HEAD", "OPTIONS") and is_presigned and _is_own_page(scope):
        headers.append((b"access-control-allow-origin", scope["app"].state.hub.url.encode()))
        headers.append((b"access-control-expose-headers", _SHOWN_HEADERS))
    return headers


# -- sending -------------------------------------------------------------------------------------------------


async def _send_whole(answer: Answer, headers: list[tuple[bytes, bytes]], is_head: bool, send: Send) -> None:
    if answer.status not in (204, 304) and not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else answer.body})


async def _send_steps(answer: Answer, headers: list[tuple[bytes, bytes]], receive: Receive, send: Send) -> None:
    """Send a body in steps; who takes nothing for long, or has gone, is left."""
    steps: Any = answer.steps
    size = next((int(value) for name, value in headers if name == b"content-length"), _WATCHED_BYTES)
    gone = asyncio.ensure_future(_leaves(receive)) if size >= _WATCHED_BYTES else None
    try:
        async with aclosing(steps):
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await _send(send, {"type": "http.response.body", "body": answer.body, "more_body": True})
            async for data in steps:
                if gone is not None and gone.done():
                    return
                await _send(send, {"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()


async def _send(send: Send, message: Message) -> None:
    async with asyncio.timeout(_SEND_S):
        await send(message)


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
