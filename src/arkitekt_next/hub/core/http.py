"""HTTP as this hub speaks it: strict forms in, one error shape out, any text unharmed."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from arkitekt_next.errors import ArkitektError, InternalError, NotAuthenticated, RequestRefused
from arkitekt_next.wire.codec import dumps

from .telemetry import log

if TYPE_CHECKING:
    from .context import HubContext


class Form(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Strict(BaseModel):
    """A response body."""

    model_config = ConfigDict(extra="forbid")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "not_found",
                    "message": "There is no action 'blur.run'.",
                    "fields": {"what": "action", "name": "blur.run"},
                }
            ]
        }
    )
    code: str
    message: str
    fields: dict[str, Any]


ERROR_SCHEMA = f"#/components/schemas/{ErrorAnswer.__name__}"


def describe_errors(document: dict[str, Any]) -> None:
    """Put the shape of every error into an OpenAPI document, whose routes name it as `ERROR_SCHEMA`."""
    known = document["components"]["schemas"] | {ErrorAnswer.__name__: ErrorAnswer.model_json_schema()}
    document["components"]["schemas"] = dict(sorted(known.items()))


def restore_examples(document: dict[str, Any]) -> None:
    """Put the models' own examples into an OpenAPI document, from which FastAPI strips every null."""
    known = document["components"]["schemas"]
    models = [*Form.__subclasses__(), *Strict.__subclasses__()]
    while models:
        model = models.pop()
        models += model.__subclasses__()
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and "examples" in extra and model.__name__ in known:
            known[model.__name__]["examples"] = extra["examples"]


class SafeJSON(JSONResponse):
    """JSON that can hold any Python text."""

    def render(self, content: Any) -> bytes:
        """Write the body."""
        return dumps(content).encode()


def context_of(request: Request) -> HubContext:
    """Give the hub that serves the request."""
    return cast("HubContext", request.app.state.hub)


def install_errors(app: FastAPI) -> None:
    """Answer every error in the one shape."""
    app.add_exception_handler(ArkitektError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _foreign)
    app.add_exception_handler(Exception, _unexpected)


def reply(body: BaseModel, *, status: int = 200, headers: dict[str, str] | None = None) -> SafeJSON:
    """Write a response body; whatever text it holds arrives unchanged."""
    return SafeJSON(body.model_dump(), status_code=status, headers=headers)


def answer(error: ArkitektError, *, status: int | None = None) -> JSONResponse:
    """Write an error as a response; `status` overrides the one of its class."""
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    retry = error.fields.get("retry_after_s")
    if retry is not None:
        headers["Retry-After"] = str(max(1, round(float(retry))))
    return SafeJSON(error.to_json(), status_code=status or error.status, headers=headers)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ArkitektError)
    context_of(request).metrics.refused.labels(error.code).inc()
    return answer(error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "request"
    refused = RequestRefused(where=where, problem=str(first["msg"]))
    context_of(request).metrics.refused.labels(refused.code).inc()
    return answer(refused, status=422)


async def _foreign(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    codes = {404: "not_found", 405: "method_not_allowed", 401: NotAuthenticated.code}
    body = {"code": codes.get(error.status_code, "bad_request"), "message": str(error.detail), "fields": {}}
    return SafeJSON(body, status_code=error.status_code, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    incident = secrets.token_hex(4)
    context_of(request).metrics.refused.labels(InternalError.code).inc()
    log.error("request failed", incident=incident, path=request.url.path, exc_info=error)
    return answer(InternalError(incident=incident))
