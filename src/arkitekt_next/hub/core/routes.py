"""What describes the hub itself: health, metrics, the OpenAPI document, the schemas of messages and definitions."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import Request, Response
from prometheus_client import generate_latest
from pydantic import ConfigDict

from arkitekt_next import __version__
from arkitekt_next.errors import StorageFull

from .http import SafeJSON, Strict, context_of, reply
from .ids import now_us
from .policy import PUBLIC, policy
from .route import router as make_router
from .schemas import definition_schema, message_schemas

router = make_router(prefix="", tag="hub")

_WELL: dict[str, Any] = {
    "status": "ok",
    "reasons": [],
    "hub": "01a1fb9b-0001-7000-8000-000000000003",
    "version": "1.0.0",
    "database": "sqlite",
    "uptime_s": 86400.5,
    "agents": 3,
    "live_tasks": 12,
    "queued_tasks": 2,
    "backlog": 0,
    "loop_lag_s": 0.0004,
}
_SCHEMA: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A JSON Schema.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {}},
            }
        },
    }
}
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The Prometheus text format.",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": "# TYPE arkitekt_tasks_live gauge\narkitekt_tasks_live 12.0\n",
            }
        },
    }
}


class Health(Strict):
    """What state the hub is in. `status` is `ok` only when it takes new work and can reach what it stores."""

    model_config = ConfigDict(json_schema_extra={"examples": [_WELL]})
    status: Literal["ok", "degraded"]
    reasons: list[str]
    hub: str
    version: str
    database: str
    uptime_s: float
    agents: int
    live_tasks: int
    queued_tasks: int
    backlog: int
    loop_lag_s: float


@router.get(
    "/health",
    summary="Is the hub well?",
    response_model=Health,
    responses={503: {"model": Health, "description": "It takes no new work; `reasons` says why."}},
)
@policy(PUBLIC)
async def get_health(request: Request) -> SafeJSON:
    """Tell the truth: 200 when new work is taken, 503 with the reasons when not.

    A hub that can't reach its data still takes calls: it answers 200, `degraded`.
    """
    hub = context_of(request)
    data = await hub.objects.blobs.trouble()
    full = hub.board.full_reason()
    reasons = []
    if full is not None:
        reasons.append(f"{'the disk is full' if isinstance(full, StorageFull) else 'busy'}: {full.reason}")
    if hub.is_closing:
        reasons.append("closing")
    takes_work = not reasons
    if data is not None:
        reasons.append(f"no data: {data}")
    health = Health(
        status="degraded" if reasons else "ok",
        reasons=reasons,
        hub=hub.id,
        version=__version__,
        database=hub.database.kind,
        uptime_s=round((now_us() - hub.started_at_us) / 1e6, 3),
        agents=hub.agents.online(),
        live_tasks=len(hub.board.live),
        queued_tasks=hub.board.queued,
        backlog=hub.database.ledger.backlog,
        loop_lag_s=round(hub.loop_lag_s, 4),
    )
    return reply(health, status=200 if takes_work else 503)


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response, responses=_METRICS)
@policy(PUBLIC)
async def get_metrics(request: Request) -> Response:
    """Give the counters in the Prometheus text format."""
    hub = context_of(request)
    m = hub.metrics
    m.live.set(len(hub.board.live))
    m.queued.set(hub.board.queued)
    m.agents.set(hub.agents.online())
    m.connections.set(len(hub.peers))
    m.buffered.set(max((peer.session.buffered_bytes for peer in hub.peers), default=0))
    m.streams.set(len(hub.board.streams))
    return Response(generate_latest(m.registry), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/api/openapi.json", summary="This document", responses=_SCHEMA)
@policy(PUBLIC)
async def get_openapi(request: Request) -> SafeJSON:
    """Give the description of everything under /api."""
    return SafeJSON(request.app.openapi())


@router.get("/api/schema/messages.json", summary="The schema of the websocket's messages", responses=_SCHEMA)
@policy(PUBLIC)
async def get_message_schemas(request: Request) -> SafeJSON:
    """Give the JSON Schema of every message of the wire protocol, by direction."""
    return SafeJSON(message_schemas())


@router.get("/api/schema/definition.json", summary="The schema of a definition", responses=_SCHEMA)
@policy(PUBLIC)
async def get_definition_schema(request: Request) -> SafeJSON:
    """Give the JSON Schema of the published form of a function."""
    return SafeJSON(definition_schema())
