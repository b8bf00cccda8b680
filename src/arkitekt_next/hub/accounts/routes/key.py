"""The keys that sign access tokens, over HTTP. Private halves are told to nobody; the public ones are the JWKS."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field

from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, Paged, TimeUs, page_of
from arkitekt_next.hub.core.policy import KEEP, policy
from arkitekt_next.hub.core.route import Who
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api/keys", tag="hub")

_KEY: dict[str, Any] = {
    "id": "01a1fb9b-0008-7000-8000-000000000008",
    "signs": True,
    "verifies": True,
    "created_at_us": 1795222602284847,
    "retired_at_us": None,
}


class KeyQuery(Paged):
    """Which keys are wanted."""


class Key(Strict):
    """A signing key of the hub."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})
    id: Id = Field(description="The `kid` of tokens and JWKS.")
    signs: bool
    verifies: bool = Field(description="Whether tokens that it has signed are still believed.")
    created_at_us: TimeUs
    retired_at_us: TimeUs | None


class KeyPage(Strict):
    """Keys, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_KEY], "next": None}]})
    items: list[Key]
    next: str | None


@router.get("", summary="List signing keys", response_model=KeyPage)
@policy(KEEP)
async def list_keys(request: Request, who: Who, wanted: Annotated[KeyQuery, Query()]) -> SafeJSON:
    """Give the keys there are and were, without their private halves."""
    known = context_of(request).accounts.keys
    found = await known.list_all(before=wanted.cursor, limit=wanted.limit + 1)
    page, following = page_of(found, wanted.limit, lambda key: key.id)
    items = [
        Key(
            id=key.id,
            signs=key.retired_at_us is None,
            verifies=key.verifies,
            created_at_us=key.created_at_us,
            retired_at_us=key.retired_at_us,
        )
        for key in page
    ]
    return reply(KeyPage(items=items, next=following))


@router.post("/rotate", summary="Change the signing key", response_model=Key, status_code=201)
@policy(KEEP)
async def rotate_keys(request: Request, who: Who) -> SafeJSON:
    """Make a new key that signs from now on; tokens of the old one hold until they expire."""
    accounts = context_of(request).accounts
    id = await accounts.keys.rotate()
    await accounts.audit.note_of_hub("key.rotated", who, subject=id)
    made = next(key for key in await accounts.keys.list_all(limit=10) if key.id == id)
    return reply(
        Key(id=made.id, signs=True, verifies=True, created_at_us=made.created_at_us, retired_at_us=None), status=201
    )
