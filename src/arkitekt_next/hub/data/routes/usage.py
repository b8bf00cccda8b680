"""What is stored, over HTTP: how much of the store the team takes."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from pydantic import ConfigDict, Field

from arkitekt_next.auth.principal import Principal
from arkitekt_next.auth.rules import SCOPES, Verb, may
from arkitekt_next.hub.accounts.routes.profile import Named
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import TimeUs
from arkitekt_next.hub.core.policy import SEE, policy
from arkitekt_next.hub.core.route import Who
from arkitekt_next.hub.core.route import router as make_router
from arkitekt_next.hub.data.views import Kind

router = make_router(prefix="/api/usage", tag="data")

_SHARE: dict[str, Any] = {
    "person": {"id": "01a1fb9b-0001-7000-8000-000000000001", "name": "ada"},
    "kind": "image",
    "is_trashed": False,
    "items": 412,
    "size_bytes": 734003200,
}
_USAGE: dict[str, Any] = {
    "shares": [_SHARE],
    "is_of_team": True,
    "counted_at_us": 1795222602284847,
    "limit_bytes": 1099511627776,
    "hub_bytes": 751619276800,
    "trash_days": 30.0,
}


class Share(Strict):
    """What one person's items of one kind take."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SHARE]})
    person: Named
    kind: Kind
    is_trashed: bool = Field(description="Whether it lies in the trash.")
    items: int
    size_bytes: int


class Usage(Strict):
    """What is stored, and how much may be."""

    model_config = ConfigDict(json_schema_extra={"examples": [_USAGE]})
    shares: list[Share] = Field(description="The largest first.")
    is_of_team: bool = Field(description="Whether it is the whole team's; otherwise it is your own alone.")
    counted_at_us: TimeUs
    limit_bytes: int | None = Field(description="How much all teams of the hub together may store; null: no limit.")
    hub_bytes: int | None = Field(
        description="How much they do, when it was last counted. Null but for the owner of the hub."
    )
    trash_days: float = Field(description="How long what is in the trash can be restored.")


@router.get("", summary="Show what is stored", response_model=Usage)
@policy(SEE)
async def get_usage(request: Request, who: Who) -> SafeJSON:
    """Give what is stored by person and kind: the team's to those who manage it, to others what is their own."""
    hub = context_of(request)
    count, manages = await hub.usage.of(who.team), _reaches(who, Verb.MANAGE)
    seen = [share for share in count.shares if manages or share.person == who.person]
    names = await hub.accounts.people.names(share.person for share in seen)
    shares = [
        Share(
            person=Named(id=share.person, name=names.get(share.person, "")),
            kind=share.kind,
            is_trashed=share.is_trashed,
            items=share.items,
            size_bytes=share.size_bytes,
        )
        for share in seen
    ]
    return reply(
        Usage(
            shares=shares,
            is_of_team=manages,
            counted_at_us=count.at_us,
            limit_bytes=hub.settings.data_quota_bytes,
            hub_bytes=hub.quota.counted_bytes if _reaches(who, Verb.KEEP) else None,
            trash_days=hub.settings.data_trash_days,
        )
    )


def _reaches(who: Principal, verb: Verb) -> bool:
    """Whether the person may, and the app that asks for them as well."""
    return may(who, verb) and SCOPES[verb] in who.scopes
