"""How a REST request is let in: policy first, then a bounded body, then the work within a bounded time.

`Route` is the class of every route; it refuses to be made for a function that declares no policy, and documents the
errors any route may answer with. The rule: nothing of a body is read before the policy is met.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_origin

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from arkitekt_next.auth.principal import Principal
from arkitekt_next.errors import (
    ArkitektError,
    HubBusy,
    NotAuthenticated,
    NotPermitted,
    RequestRefused,
    TooLarge,
)
from arkitekt_next.wire.codec import loads

from .http import ERROR_SCHEMA, answer, context_of
from .policy import Policy

BODY_LIMIT_BYTES = 1024 * 1024
_BODY_S = 20.0
WORK_S = 75.0
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})

Refusals = dict[int | str, dict[str, Any]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_bearer = HTTPBearer(
    scheme_name="token",
    description="A token of this hub. On the hub's own machine the local sign-in gives one.",
    auto_error=False,
)


def refusals(*errors: ArkitektError, statuses: dict[str, int] | None = None) -> Refusals:
    """Document errors a route may answer with, each by an example; `statuses` overrides the status of a code."""
    documented: Refusals = {}
    for error in errors:
        status = (statuses or {}).get(error.code, error.status)
        entry = documented.setdefault(status, {"description": _said(error), "content": _errors({})})
        examples = entry["content"]["application/json"]["examples"]
        examples[error.code] = {"summary": _said(error), "value": error.to_json()}
    return documented


def _errors(examples: dict[str, Any]) -> dict[str, Any]:
    # By name, not as a model: FastAPI would build that anew for each status of each route, whenever a hub starts.
    return {"application/json": {"schema": {"$ref": ERROR_SCHEMA}, "examples": examples}}


def _said(error: ArkitektError) -> str:
    return (type(error).__doc__ or error.code).strip().splitlines()[0]


_ALWAYS = refusals(
    RequestRefused(where="query.limit", problem="Input should be less than or equal to 500"),
    statuses={"bad_request": 422},
)
_SIGNED_IN = refusals(
    NotAuthenticated(reason="The request carries no bearer token", remedy="Sign in first"),
    NotPermitted(person="ada", verb="call", what="this", remedy="The token lacks 'call'"),
)
_PUBLIC = refusals(HubBusy(reason="too many requests from this address", retry_after_s=12.5))
_WITH_BODY = refusals(
    RequestRefused(where="body", problem="expected JSON, got text that is none"),
    TooLarge(where="body", size_bytes=2_000_000, limit_bytes=BODY_LIMIT_BYTES, remedy="Pass large things by reference"),
)
_WITH_BODY |= refusals(
    RequestRefused(where="body", problem=f"it did not arrive within {_BODY_S:g} s"), statuses={"bad_request": 408}
)


class Route(APIRoute):
    """A route with a policy."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        rule = getattr(endpoint, "policy", None)
        if not isinstance(rule, Policy):
            raise TypeError(f"the route {path} ({endpoint.__module__}.{endpoint.__name__}) declares no policy")
        self.rule = rule
        methods = set(options.get("methods") or ())
        common = _ALWAYS | (_PUBLIC if rule.verb is None else _SIGNED_IN)
        common |= _WITH_BODY if methods & _BODY_METHODS else {}
        options["responses"] = _merge(common, options.get("responses") or {})
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Give the function that serves a request."""
        work = super().get_route_handler()
        reads_body = self.body_field is not None
        takes_query = bool(self.dependant.query_params)
        lists = _lists(self)

        async def handle(request: Request) -> Response:
            await _admit(request, self.rule, self.path)
            if request.query_params:
                _check_query(request, lists if takes_query else None)
            ready = await _take_body(request) if reads_body else request
            try:
                async with asyncio.timeout(WORK_S):
                    return await work(ready)
            except TimeoutError:
                late = HubBusy(reason=f"the request took longer than {WORK_S:g} s", retry_after_s=5)
                return answer(late, status=503)

        return handle


def _lists(route: APIRoute) -> frozenset[str]:
    """Name the query parameters that may be repeated."""
    models = [field.field_info.annotation for field in route.dependant.query_params]
    return frozenset(
        info.alias or name
        for model in models
        if isinstance(model, type) and issubclass(model, BaseModel)
        for name, info in model.model_fields.items()
        if get_origin(info.annotation) is list
    )


def _check_query(request: Request, lists: frozenset[str] | None) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if lists is None:
            raise Unprocessable(where=f"query.{name[:64]}", problem="this route takes no query parameters")
        if name in seen and name not in lists:
            raise Unprocessable(where=f"query.{name[:64]}", problem="expected it once, got it several times")
        seen.add(name)


def _merge(common: Refusals, own: Refusals) -> Refusals:
    merged = {**common, **own}
    for status in common.keys() & own.keys():
        examples = merged[status].get("content", {}).get("application/json", {}).get("examples", {})
        shared = common[status]["content"]["application/json"]["examples"]
        merged[status] = {**common[status], **own[status], "content": _errors({**shared, **examples})}
    return merged


def router(*, prefix: str, tag: str, kind: type[Route] = Route) -> APIRouter:
    """Make a router of such routes."""
    return APIRouter(
        prefix=prefix, tags=[tag], route_class=kind, redirect_slashes=False, generate_unique_id_function=_operation_id
    )


def _operation_id(route: APIRoute) -> str:
    return route.name


async def _admit(request: Request, rule: Policy, path: str) -> None:
    hub = context_of(request)
    if rule.verb is None:
        hub.guard_public(request, path, rule.burst)
        return
    principal = await _identify(request)
    rule.check(principal)
    request.scope["principal"] = principal


async def _identify(request: Request) -> Principal:
    """Give who asks: by the header, or where there is none by the session of a browser that shows our page."""
    hub = context_of(request)
    authorization = request.headers.get("authorization")
    session = hub.cookies.session_of(request) if authorization is None else None
    if session is None:
        return await hub.accounts.identify(authorization)
    hub.cookies.check_api(request, session, request.method)
    return await hub.accounts.logins.identify_token(session, kind="page")


async def _principal_of(request: Request, _documented: Annotated[Any, Depends(_bearer)]) -> Principal:
    # Not a plain function: FastAPI would run that in a thread, whose change costs each request more than what it does.
    principal: Principal = request.scope["principal"]
    return principal


Who = Annotated[Principal, Depends(_principal_of)]
"""Who is asking, in a route whose policy needs a sign-in."""


class _Read(Request):
    """A request whose body has been read and parsed."""

    def __init__(self, request: Request, body: bytes, parsed: Any) -> None:
        super().__init__(request.scope)
        self._body = body
        self._parsed = parsed

    async def json(self) -> Any:
        """Give the body as the hub's own codec reads it: no NaN, no nesting without end."""
        return self._parsed


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read a body of a bounded size within a bounded time; for a route whose body is no JSON.

    Raises `TooLarge`, `BodyLate`, and `RequestRefused` for a client that leaves.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and len(declared) < 20 and int(declared) > limit_bytes:
        raise _too_large(int(declared), limit_bytes)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_S):
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit_bytes:
                    raise _too_large(size, limit_bytes)
    except ClientDisconnect:
        raise RequestRefused(where="body", problem="the client left before it had sent it") from None
    except TimeoutError:
        raise BodyLate(where="body", problem=f"it did not arrive within {_BODY_S:g} s") from None
    return b"".join(chunks)


async def _take_body(request: Request) -> Request:
    body = await read_body(request, BODY_LIMIT_BYTES)
    try:
        parsed = loads(body) if body else None
    except ValueError as error:
        raise RequestRefused(where="body", problem=f"expected JSON, got text that is none: {error}") from None
    return _Read(request, body, parsed)


class Unprocessable(RequestRefused):
    """A query that is not as documented; answered 422, as everything of the kind."""

    status = 422


class BodyLate(RequestRefused):
    """A body that does not arrive in time; answered 408."""

    status = 408


def _too_large(size: int, limit_bytes: int) -> TooLarge:
    return TooLarge(where="body", size_bytes=size, limit_bytes=limit_bytes, remedy="Pass large things by reference")
