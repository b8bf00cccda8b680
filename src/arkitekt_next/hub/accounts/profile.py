"""Who a token stands for, over HTTP."""

from __future__ import annotations

from fastapi import Request
from pydantic import ConfigDict
from sqlalchemy import select

from arkitekt_next.errors import NotAuthenticated
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, TimeUs
from arkitekt_next.hub.core.policy import SEE, policy
from arkitekt_next.hub.core.route import Who
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.messages import OLDEST_PROTOCOL, PROTOCOL

router = make_router(prefix="/api", tag="accounts")


class Named(Strict):
    """An id and the name people know it by."""

    id: Id
    name: str


class Me(Strict):
    """The person, team and app behind the token, and the hub that answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person": {"id": "01a1fb9b-0001-7000-8000-000000000001", "name": "ada"},
                    "team": {"id": "01a1fb9b-0001-7000-8000-000000000002", "name": "home"},
                    "role": "owner",
                    "app": "my-app",
                    "scopes": ["call", "manage", "provide", "read"],
                    "expires_at_us": 1795265802284847,
                    "hub": "01a1fb9b-0001-7000-8000-000000000003",
                    "protocol": [1, 1],
                }
            ]
        }
    )
    person: Named
    team: Named
    role: str
    app: str
    scopes: list[str]
    expires_at_us: TimeUs
    hub: Id
    protocol: list[int]


@router.get("/me", summary="Show who the token stands for", response_model=Me)
@policy(SEE)
async def get_me(request: Request, who: Who) -> SafeJSON:
    """Give the person, team and app behind the token."""
    hub = context_of(request)
    query = (
        select(t.person.c.name.label("person"), t.team.c.name.label("team"), t.membership.c.role)
        .join(t.membership, t.membership.c.person_id == t.person.c.id)
        .join(t.team, t.team.c.id == t.membership.c.team_id)
        .where(t.person.c.id == who.person, t.team.c.id == who.team)
    )
    async with hub.database.engine.connect() as db:
        row = (await db.execute(query)).first()
    if row is None:
        raise NotAuthenticated(reason="The person is no member of this team any more", remedy="Ask for an invitation")
    return reply(
        Me(
            person=Named(id=who.person, name=row.person),
            team=Named(id=who.team, name=row.team),
            role=row.role,
            app=who.app,
            scopes=sorted(who.scopes),
            expires_at_us=who.expires_at_us,
            hub=hub.id,
            protocol=[OLDEST_PROTOCOL, PROTOCOL],
        )
    )
