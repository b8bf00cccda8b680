"""Health and metrics."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest

from .http import Strict, context_of
from .ids import now_us
from .policy import PUBLIC, policy

router = APIRouter(tags=["hub"])


class Health(Strict):
    """What state the hub is in. `status` is `ok` only when it takes new work."""

    status: Literal["ok", "degraded"]
    reasons: list[str]
    hub: str
    uptime_s: float
    agents: int
    live_tasks: int
    queued_tasks: int
    backlog: int
    loop_lag_s: float


@router.get("/health", summary="Is the hub well?", responses={503: {"model": Health}})
@policy(PUBLIC)
async def health(request: Request, response: Response) -> Health:
    """Tell the truth: 200 when new work is taken, 503 with the reasons when not."""
    hub = context_of(request)
    reasons = []
    if hub.database.ledger.full_reason is not None:
        reasons.append(f"disk full: {hub.database.ledger.full_reason}")
    if hub.database.ledger.backlog > hub.settings.max_backlog:
        reasons.append(f"busy: {hub.database.ledger.backlog} writes wait for the disk")
    if hub.is_closing:
        reasons.append("closing")
    if reasons:
        response.status_code = 503
    return Health(
        status="degraded" if reasons else "ok",
        reasons=reasons,
        hub=hub.id,
        uptime_s=round((now_us() - hub.started_at_us) / 1e6, 3),
        agents=hub.agents.online(),
        live_tasks=len(hub.board.live),
        queued_tasks=hub.board.queued,
        backlog=hub.database.ledger.backlog,
        loop_lag_s=round(hub.loop_lag_s, 4),
    )


@router.get("/metrics", summary="Counters for Prometheus", response_class=Response)
@policy(PUBLIC)
async def metrics(request: Request) -> Response:
    """Give the counters in the Prometheus text format."""
    hub = context_of(request)
    m = hub.metrics
    m.live.set(len(hub.board.live))
    m.queued.set(hub.board.queued)
    m.agents.set(hub.agents.online())
    m.connections.set(len(hub.peers))
    m.backlog.set(hub.database.ledger.backlog)
    return Response(generate_latest(m.registry), media_type="text/plain; version=0.0.4; charset=utf-8")
