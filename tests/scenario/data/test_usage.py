"""What the team's items take, as those see it who may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from arkitekt_next.auth.principal import Scope
from arkitekt_next.embedded import serve
from tests.support.browsing import add_person, on_hub
from tests.support.items import store
from tests.support.rest import another_team, rest
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.usage")


async def token_of(server: Any, person: str) -> str:
    """Sign an app in for somebody in the first team."""
    accounts = server.app.state.hub.accounts
    login = accounts.logins.begin(
        team=accounts.team, person=person, app="usage", kind="device", scopes=[Scope.READ, Scope.CALL, Scope.MANAGE]
    )
    found = await asyncio.to_thread(on_hub, server, login)
    return str(await asyncio.to_thread(on_hub, server, accounts.logins.issue_access(found)))


@scenario
async def test_managers_see_what_everybody_stores_and_others_what_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arkitekt_next.hub.data.usage.KEPT", 0.0)
    with serve(log_level="error", data_quota_bytes=10**9) as server:
        mia = await token_of(server, add_person(server, "mia", "member"))
        stranger = await another_team(server)
        async with rest(server) as ada, rest(server, token=mia) as member, rest(server, token=stranger) as eve:
            sizes = [(await store(ada))["size_bytes"], (await store(member, visibility="private"))["size_bytes"]]
            thrown = await store(member)
            assert (await member.post(f"/api/items/{thrown['id']}/trash")).status_code == 200
            seen = (await ada.get("/api/usage")).json()
            shares = {(s["person"]["name"], s["is_trashed"]): (s["items"], s["size_bytes"]) for s in seen["shares"]}
            owner = (await ada.get("/api/me")).json()["person"]["name"]
            assert shares == {
                (owner, False): (1, sizes[0]),
                ("Mia", False): (1, sizes[1]),
                ("Mia", True): (1, thrown["size_bytes"]),
            }
            assert (seen["is_of_team"], seen["limit_bytes"], seen["trash_days"]) == (True, 10**9, 30.0)
            own = (await member.get("/api/usage")).json()
            assert [s["person"]["name"] for s in own["shares"]] == ["Mia", "Mia"]
            assert (own["is_of_team"], own["hub_bytes"]) == (False, None)
            assert (await eve.get("/api/usage")).json()["shares"] == []
            assert (await member.post(f"/api/items/{thrown['id']}/restore")).status_code == 200
            assert sum(s["is_trashed"] for s in (await ada.get("/api/usage")).json()["shares"]) == 0


@scenario
async def test_however_many_ask_it_is_counted_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("arkitekt_next.hub.data.usage.monotonic", lambda: now[0])
    with serve(log_level="error") as server:
        usage, counted = server.app.state.hub.usage, []
        count = usage._count

        async def counting(team: str) -> Any:
            counted.append(team)
            now[0] += 2.0  # as long as a million items take
            return await count(team)

        usage._count = counting
        async with rest(server) as ada:
            answers = await asyncio.gather(*(ada.get("/api/usage") for _ in range(20)))
            assert [answer.status_code for answer in answers] == [200] * 20
            assert len(counted) == 1
            for later, count in ((17.9, 1), (0.2, 2)):
                now[0] += later
                await ada.get("/api/usage")
                assert len(counted) == count
        assert set(counted) == {server.app.state.hub.accounts.team}
