"""Agents over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import IdInPath
from arkitekt_next.hub.core.policy import SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from . import reads
from . import views as v

router = make_router(prefix="/api/agents", tag="agents")

_NO_AGENT = refusals(
    NotFound(
        what="agent",
        name="01a1fb9b-021e-7672-bd84-6116f37c3513",
        remedy="`GET /api/agents` lists what there is",
    )
)


@router.get("", summary="List agents", response_model=v.AgentPage)
@policy(SEE)
async def list_agents(request: Request, who: Who, wanted: Annotated[v.AgentQuery, Query()]) -> SafeJSON:
    """Give the team's agents, the newest first."""
    hub = context_of(request)
    return reply(await reads.list_agents(hub.database.engine, hub.agents, who, wanted))


@router.get("/{agent}", summary="Show an agent", response_model=v.AgentDetail, responses=_NO_AGENT)
@policy(SEE)
async def get_agent(request: Request, who: Who, agent: IdInPath) -> SafeJSON:
    """Give an agent and what it provides."""
    hub = context_of(request)
    return reply(await reads.get_agent(hub.database.engine, hub.agents, who, agent))
