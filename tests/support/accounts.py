"""Accounts over REST as tests ask for them: what an answer says, what the audit log has, and what has expired."""

from __future__ import annotations

from typing import Any

from arkitekt_next.hub.core.ids import now_us

REVOKED_WITHIN_S = 5.0
NOT_FOUND, NOT_PERMITTED, CONFLICT = (404, "not_found"), (403, "not_permitted"), (409, "conflict")
UNKNOWN = (401, "not_authenticated")


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def events(web: Any) -> list[tuple[str, str | None]]:
    """Give event and subject of the newest entries of a team's audit log."""
    return await _events(web, "/api/team/audit")


async def hub_events(web: Any) -> list[tuple[str, str | None]]:
    """Give event and subject of the newest entries of the hub's audit log."""
    return await _events(web, "/api/audit")


async def _events(web: Any, path: str) -> list[tuple[str, str | None]]:
    return [(e["event"], e["subject"]) for e in (await web.get(f"{path}?limit=500")).json()["items"]]


async def age(server: Any, table: Any, id: str) -> None:
    """Let something expire."""
    async with server.app.state.hub.database.engine.begin() as db:
        await db.execute(table.update().where(table.c.id == id).values(expires_at_us=now_us() - 1))
