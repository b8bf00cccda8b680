"""The audit log over HTTP: all of it for the owner of the hub, a team's part for those who manage the team."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import ConfigDict, Field

from arkitekt_next.hub.accounts import audit
from arkitekt_next.hub.core.http import SafeJSON, Strict, context_of, reply
from arkitekt_next.hub.core.paging import Id, Paged, TimeUs, page_of
from arkitekt_next.hub.core.policy import KEEP, MANAGE, policy
from arkitekt_next.hub.core.route import Unprocessable, Who
from arkitekt_next.hub.core.route import router as make_router

router = make_router(prefix="/api", tag="hub")

_ENTRY: dict[str, Any] = {
    "number": 42,
    "at_us": 1795222602284847,
    "team": "01a1fb9b-0001-7000-8000-000000000002",
    "person": "01a1fb9b-0001-7000-8000-000000000001",
    "app": "arkitekt-cli",
    "event": "member.removed",
    "subject": "01a1fb9b-0001-7000-8000-000000000009",
    "data": {},
}


class AuditQuery(Paged):
    """Which entries are wanted."""

    event: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z_]{1,32}(\.[a-z_]{1,32})?$",
            description="What was done, as `member.removed`, or all of a kind, as `member`.",
        ),
    ] = None
    person: Annotated[Id | None, Field(description="Who did it.")] = None


class AuditEntry(Strict):
    """One thing that was done to accounts, sign-ins or rights."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})
    number: int
    at_us: TimeUs
    team: str | None
    person: str | None = Field(description="Who did it.")
    app: str | None = Field(description="By which app.")
    event: str
    subject: str | None = Field(description="The id of what it was done to.")
    data: dict[str, Any]


class AuditPage(Strict):
    """Entries, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ENTRY], "next": "42"}]})
    items: list[AuditEntry]
    next: str | None


class AuditVerdict(Strict):
    """Whether the log is as it was written."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"is_whole": False, "entries": 41, "broken_at": 42}]},
    )
    is_whole: bool
    entries: int = Field(description="How many entries hold, from the first on.")
    broken_at: int | None = Field(description="The number of the first that was changed, or is not there any more.")


@router.get("/audit", summary="Read the audit log", response_model=AuditPage)
@policy(KEEP)
async def list_audit(request: Request, who: Who, wanted: Annotated[AuditQuery, Query()]) -> SafeJSON:
    """Give what was done on the whole hub."""
    log = context_of(request).accounts.audit
    return reply(await _read(log, wanted))


@router.get("/audit/verify", summary="Check the audit log", response_model=AuditVerdict)
@policy(KEEP)
async def verify_audit(request: Request, who: Who) -> SafeJSON:
    """Go along the chain of seals. A log that was cut off at its end is not noticed here: keep the last number."""
    entries, broken_at = await context_of(request).accounts.audit.verify()
    return reply(AuditVerdict(is_whole=broken_at is None, entries=entries, broken_at=broken_at))


@router.get("/team/audit", summary="Read the team's audit log", response_model=AuditPage)
@policy(MANAGE)
async def list_team_audit(request: Request, who: Who, wanted: Annotated[AuditQuery, Query()]) -> SafeJSON:
    """Give what was done in the team."""
    log = context_of(request).accounts.audit
    return reply(await _read(log, wanted, team=who.team))


async def _read(log: audit.Audit, wanted: AuditQuery, *, team: str | None = None) -> AuditPage:
    found = await log.read(
        team=team, before=_before(wanted), limit=wanted.limit + 1, event=wanted.event, person=wanted.person
    )
    return _page(found, wanted)


def _before(wanted: AuditQuery) -> int | None:
    cursor = wanted.cursor
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise Unprocessable(where="query.cursor", problem="expected `next` of the page before")
    return int(cursor)


def _page(found: Sequence[audit.Entry], wanted: AuditQuery) -> AuditPage:
    page, following = page_of(found, wanted.limit, lambda entry: str(entry.number))
    items = [
        AuditEntry(
            number=entry.number,
            at_us=entry.at_us,
            team=entry.team,
            person=entry.person,
            app=entry.app,
            event=entry.event,
            subject=entry.subject,
            data=entry.data,
        )
        for entry in page
    ]
    return AuditPage(items=items, next=following)
