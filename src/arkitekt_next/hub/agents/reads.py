"""What is asked about agents over HTTP. Records come from the database, how busy an agent is from memory.

The rule: a private agent is seen by its own person only, and guests see agents as far as they provide what was shared
with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from arkitekt_next.auth.principal import Role
from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import NotFound
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads

from . import views as v

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.catalog.providers import Agent

    from .registry import Agents

_i = t.implementation.c


async def list_agents(engine: AsyncEngine, agents: Agents, who: Principal, wanted: v.AgentQuery) -> v.AgentPage:
    """Give the team's agents, the newest first."""
    query = _visible(who).order_by(t.agent.c.id.desc()).limit(wanted.limit + 1)
    if wanted.cursor is not None:
        query = query.where(t.agent.c.id < wanted.cursor)
    if wanted.app is not None:
        query = query.where(t.app.c.identifier == wanted.app)
    is_online = and_(t.agent.c.gone_at_us.is_(None), t.agent.c.disconnected_at_us.is_(None))
    if wanted.online is not None:
        query = query.where(is_online if wanted.online else ~is_online)
    async with engine.connect() as db:
        rows = (await db.execute(query)).mappings().all()
    live = _live(agents, who.team)
    items = [v.Agent(**_fields(row, live)) for row in rows[: wanted.limit]]
    return v.AgentPage(items=items, next=items[-1].id if len(rows) > wanted.limit else None)


async def get_agent(engine: AsyncEngine, agents: Agents, who: Principal, agent: str) -> v.AgentDetail:
    """Give an agent and what it provides. Raises `NotFound`."""
    provided = (
        select(t.action.c.name.label("action"), _i.definition_hash, _i.signature_hash, _i.concurrency)
        .join(t.action, t.action.c.id == _i.action_id)
        .where(_i.agent_id == agent, _i.team_id == who.team, _i.active)
        .order_by(t.action.c.name)
    )
    async with engine.connect() as db:
        row = (await db.execute(_visible(who).where(t.agent.c.id == agent))).mappings().first()
        if row is None:
            raise NotFound(what="agent", name=agent, remedy="`GET /api/agents` lists what there is")
        if _sees_shared_alone(who, row["person_id"]):
            provided = provided.where(_is_shared_with(who))
        found = (await db.execute(provided)).mappings().all()
    shown = [v.Implementation(**implementation) for implementation in found]
    return v.AgentDetail(**_fields(row, _live(agents, who.team)), implementations=shown)


def _sees_shared_alone(who: Principal, person: str) -> bool:
    return who.role is Role.GUEST and person != who.person


def _is_shared_with(who: Principal) -> Any:
    s = t.share.c
    shares = select(s.action_id).where(s.team_id == who.team, s.person_id == who.person)
    return _i.action_id.in_(shares)


def _visible(who: Principal) -> Any:
    is_offered = t.agent.c.visibility == Visibility.TEAM.value
    if who.role is Role.GUEST:
        provides = select(_i.agent_id).where(_i.team_id == who.team, _i.active, _is_shared_with(who))
        is_offered &= t.agent.c.id.in_(provides)
    return (
        select(
            t.agent,
            t.app.c.identifier.label("app"),
            t.release.c.version.label("release"),
            t.person.c.name.label("person"),
        )
        .join(t.app, t.app.c.id == t.agent.c.app_id)
        .join(t.release, t.release.c.id == t.agent.c.release_id)
        .join(t.person, t.person.c.id == t.agent.c.person_id)
        .where(
            t.agent.c.team_id == who.team,
            or_(is_offered, t.agent.c.person_id == who.person),
        )
    )


def _live(agents: Agents, team: str) -> dict[str, Agent]:
    return {agent.id: agent for agent in agents.by_session.values() if agent.team == team}


def _fields(row: Any, live: dict[str, Agent]) -> dict[str, Any]:
    agent = live.get(row["id"])
    same = ("id", "app", "release", "person", "mode", "host", "capacity", "connected_at_us")
    return {
        **{name: row[name] for name in same},
        "labels": loads(row["labels"]),
        "state": _state(row, agent),
        "tasks": agent.load if agent is not None else 0,
        "disconnected_at_us": row["disconnected_at_us"],
        "gone_at_us": row["gone_at_us"],
    }


def _state(row: Any, agent: Agent | None) -> str:
    if row["gone_at_us"] is not None:
        return "gone"
    if row["disconnected_at_us"] is not None:
        return "disconnected"
    return "draining" if agent is not None and agent.is_draining else "online"
