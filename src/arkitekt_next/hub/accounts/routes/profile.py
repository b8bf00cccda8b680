"""Who a token stands for, over HTTP."""

from __future__ import annotations

from fastapi import Request
from pydantic import ConfigDict

from arkitekt_next.errors import NotAuthenticated
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, TimeUs
from arkitekt_next.hub.core.policy import SEE, policy
from arkitekt_next.hub.core.route import Who
from arkitekt_next.hub.core.route import router as make_router
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
    found = await hub.accounts.people.membership_names(who.team, who.person)
    if found is None:
        raise NotAuthenticated(reason="The person is no member of this team any more", remedy="Ask for an invitation")
    person, team, role = found
    return reply(
        Me(
            person=Named(id=who.person, name=person),
            team=Named(id=who.team, name=team),
            role=role,
            app=who.app,
            scopes=sorted(who.scopes),
            expires_at_us=who.expires_at_us,
            hub=hub.id,
            protocol=[OLDEST_PROTOCOL, PROTOCOL],
        )
    )
