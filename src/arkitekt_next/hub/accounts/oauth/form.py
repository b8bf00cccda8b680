"""Requests and answers as OAuth writes them: a form in, JSON out, errors as `error` and `error_description`.

The rule: a form is read after the route's policy was met, bounded in size, fields and time, and refused when anything
stands in it twice. Source: RFC 6749 §3.2, §5.2.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response

from arkitekt_next.errors import ArkitektError, HubBusy, NotAuthenticated, RequestRefused, TooLarge
from arkitekt_next.hub.core.http import SafeJSON, answer
from arkitekt_next.hub.core.route import Handler, Route, read_body

FORM_TYPE = "application/x-www-form-urlencoded"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM_LIMIT_BYTES = 16 * 1024
_FIELDS_LIMIT = 32


async def read_form(request: Request) -> dict[str, str]:
    """Read the fields of a form. Raises `RequestRefused` for what is none, or holds a field twice."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise RequestRefused(where="header Content-Type", problem=f"expected {FORM_TYPE}, got {kind[:64] or 'none'}")
    body = await read_body(request, _FORM_LIMIT_BYTES)
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=_FIELDS_LIMIT,
        )
    except ValueError as error:
        raise RequestRefused(where="body", problem=f"expected a form: {error}") from None
    if len({name for name, _ in pairs}) != len(pairs):
        raise RequestRefused(where="body", problem="expected each parameter once")
    return {name: value for name, value in pairs if value}  # one without a value counts as left out, RFC 6749 §3.1


def write(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> SafeJSON:
    """Write an answer that nobody keeps."""
    return SafeJSON(body, status_code=status, headers={**(headers or {}), **NO_STORE})


class OAuthRoute(Route):
    """A route whose errors can be read as OAuth's too: `error` and `error_description` stand next to our fields."""

    def get_route_handler(self) -> Handler:
        """Give the function that serves a request."""
        work = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await work(request)
            except ArkitektError as error:
                plain = answer(error)
                body = {"error": _code_of(error), "error_description": error.message, **error.to_json()}
                headers = {name: plain.headers[name] for name in _KEPT if name in plain.headers}
                return write(body, status=error.status, headers=headers)

        return handle


_KEPT = ("retry-after", "www-authenticate")


def _code_of(error: ArkitektError) -> str:
    if isinstance(error, HubBusy):
        return "temporarily_unavailable"
    if isinstance(error, NotAuthenticated):
        return "invalid_token"
    return "invalid_request" if isinstance(error, RequestRefused | TooLarge) else "server_error"
