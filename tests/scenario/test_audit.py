"""The audit log: what is noted, who reads it, and that a change of it shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.storage import tables as t
from tests.support.rest import on_hub, rest
from tests.support.teams import new_team, someone
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


async def fill(web: Any, count: int) -> list[dict[str, Any]]:
    """Bring about so many entries; give the whole log, the oldest first."""
    for _ in range(count):
        assert (await web.post("/api/invitations", json={"role": "guest"})).status_code == 201
    return list(reversed((await web.get("/api/audit?limit=500")).json()["items"]))


async def verdict(web: Any) -> tuple[bool, int, int | None]:
    answer = (await web.get("/api/audit/verify")).json()
    return answer["is_whole"], answer["entries"], answer["broken_at"]


@pytest.mark.requirement("guard.audit")
@scenario
async def test_a_changed_or_removed_row_is_named_by_verify(server: Any) -> None:
    engine = server.app.state.hub.database.engine
    columns = t.audit.c

    async def run(statement: Any) -> None:
        async with engine.begin() as db:
            await db.execute(statement)

    async with rest(server) as mine:
        log = await fill(mine, 8)
        assert await verdict(mine) == (True, len(log), None)
        middle = log[len(log) // 2]["number"]
        where = columns.number == middle
        async with engine.connect() as db:
            row = dict((await db.execute(t.audit.select().where(where))).mappings().one())
        changes = [
            {"event": "member.left"},
            {"person_id": "somebody-else"},
            {"team_id": None},
            {"subject": "another"},
            {"data": "{}"},
            {"at_us": row["at_us"] + 1},
            {"app": None},
            {"hash": bytes(32)},
            {"previous": bytes(32)},
        ]
        for change in changes:
            await on_hub(server, run(t.audit.update().where(where).values(change)))
            assert await verdict(mine) == (False, middle - 1, middle), change
            await on_hub(server, run(t.audit.update().where(where).values(row)))
            assert await verdict(mine) == (True, len(log), None)
        await on_hub(server, run(t.audit.delete().where(where)))
        assert await verdict(mine) == (False, middle - 1, middle)
        await on_hub(server, run(t.audit.insert().values(row)))
        assert await verdict(mine) == (True, len(log), None)
        print(f"{len(changes) + 1} ways to tamper, all named")


@pytest.mark.requirement("guard.audit")
@scenario
async def test_the_log_is_read_page_by_page_and_a_team_sees_its_own_part(server: Any) -> None:
    team = await new_team(server)
    async with rest(server) as mine, someone(server, "admin", team=team) as other:
        whole = list(reversed(await fill(mine, 5)))
        await other.web.post("/api/invitations", json={})
        first = (await mine.get("/api/audit?limit=4")).json()
        second = (await mine.get("/api/audit", params={"limit": 4, "cursor": first["next"]})).json()
        seen = [e["number"] for e in first["items"] + second["items"]]
        assert seen == list(range(seen[0], seen[0] - 8, -1))
        assert seen[0] == whole[0]["number"] + 1
        ours = (await other.web.get("/api/team/audit")).json()["items"]
        assert [(e["event"], e["person"], e["team"]) for e in ours] == [("invitation.created", other.id, team)]
        assert ours[0]["data"] == {"role": "member", "uses": 1}
        assert (await mine.get("/api/audit?cursor=x")).status_code == 422
        async with someone(server, "member") as ada:
            assert (await ada.web.get("/api/team/audit")).status_code == 403


@pytest.mark.requirement("guard.audit")
@scenario
async def test_the_log_is_narrowed_to_an_event_a_kind_and_a_person(server: Any) -> None:
    team = await new_team(server)
    async with someone(server, "owner", team=team) as ada, someone(server, "admin", team=team) as bob:
        made = (await ada.web.post("/api/invitations", json={})).json()["id"]
        await bob.web.post("/api/invitations", json={})
        await ada.web.delete(f"/api/invitations/{made}")
        await ada.web.post("/api/redeem-tokens", json={})
        await bob.web.patch(f"/api/members/{bob.id}", json={"role": "member"})

        async def read(**narrowed: str | int) -> list[str]:
            answer = await ada.web.get("/api/team/audit", params=narrowed)
            return [entry["event"] for entry in answer.json()["items"]]

        assert await read(event="invitation") == ["invitation.revoked", "invitation.created", "invitation.created"]
        assert await read(event="invitation.created", person=bob.id) == ["invitation.created"]
        assert await read(event="member") == ["member.role_changed"]
        assert await read(event="redeem") == await read(event="invit") == []  # kinds are whole words
        assert await read(person=ada.id, limit=2) == ["redeem_token.created", "invitation.revoked"]
        for wrong in ("Member", "a.b.c", "%", ""):
            assert (await ada.web.get("/api/team/audit", params={"event": wrong})).status_code == 422, wrong


@pytest.mark.requirement("guard.audit", "guard.teams")
@scenario
async def test_what_is_done_to_the_hub_or_to_another_team_is_not_told_to_the_keepers_own_team(server: Any) -> None:
    async with rest(server) as mine, someone(server, "admin") as admin:
        before = (await admin.web.get("/api/team/audit?limit=1")).json()["items"][0]["number"]
        team = (await mine.post("/api/teams", json={"name": "merger"})).json()["id"]
        made = (await mine.post("/api/people", json={"email": "new@lab.org", "team": team})).json()["id"]
        await mine.post(f"/api/people/{made}/link")
        await mine.patch(f"/api/people/{made}", json={"is_disabled": True})
        await mine.post("/api/keys/rotate")
        told = (await admin.web.get("/api/team/audit?limit=100")).json()["items"]
        assert [entry["event"] for entry in told if entry["number"] > before] == []
        events = [entry["event"] for entry in (await mine.get("/api/audit?limit=5")).json()["items"]]
        assert events == ["key.rotated", "person.disabled", "account.link_created", "person.created", "team.created"]
        async with someone(server, "admin", team=team) as theirs:
            told = (await theirs.web.get("/api/team/audit")).json()["items"]
            assert [entry["event"] for entry in told] == ["person.created", "team.created"]
