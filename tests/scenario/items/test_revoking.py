"""What is taken away is taken away at the gateway too, at once: sign-ins, memberships, roles, and what is private now."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import new_id
from arkitekt_next.storage import data_tables as d
from tests.support.items import fetch, granted, make, put, refusal, store, works_on_files
from tests.support.raw import RawClient
from tests.support.rest import on_hub, rest
from tests.support.teams import cast, sign_in_as, someone
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.revoked")


@scenario
async def test_grants_end_with_the_sign_in_they_were_given_to_and_no_others(server: Any) -> None:
    accounts = server.app.state.hub.accounts
    async with cast(server, "member", "owner") as (author, owner):
        item = await store(author.web, body=b"pixels")

        async def by_hand(who: str, login: str) -> None:
            answer = await owner.web.delete(f"/api/logins/{login}")
            assert answer.status_code == 204, answer.text

        async def by_app(who: str, login: str) -> None:
            await on_hub(server, accounts.logins.revoke_all(person=who, team=author.team, app="reader"))

        async def by_leaving(who: str, login: str) -> None:
            assert (await owner.web.delete(f"/api/members/{who}")).status_code == 204

        async def by_disabling(who: str, login: str) -> None:
            await on_hub(server, accounts.disable(who))

        count = 0
        for end in (by_hand, by_app, by_leaving, by_disabling):
            async with someone(server, "member") as reader:
                token = await sign_in_as(server, reader.id, "reader")
                who = await on_hub(server, accounts.identify(f"Bearer {token}"))
                async with rest(server, token=token) as web:
                    grant = await granted(web, item["id"])
                    _, write = await make(web)
                kept = await granted(author.web, item["id"])
                assert await asyncio.to_thread(fetch, grant, "a.bin") == b"pixels"
                await asyncio.to_thread(put, write, "a", b"1")
                await end(reader.id, who.login)
                assert await asyncio.to_thread(refusal, fetch, grant, "a.bin") == "403 AccessDenied", end
                assert await asyncio.to_thread(refusal, put, write, "b", b"1") == "403 AccessDenied", end
                assert await asyncio.to_thread(fetch, kept, "a.bin") == b"pixels"
                count += 2
        print(f"N = {count} grants ended in 4 ways")


@scenario
async def test_what_becomes_private_is_read_no_longer_but_by_whom_a_running_task_shows_it(server: Any) -> None:
    async with cast(server, "member", "member", "member") as (author, fellow, worker):
        item = await store(author.web, body=b"pixels")
        token = await sign_in_as(server, worker.id, "bench")
        agent = await RawClient(server.url, token, "bench").open()
        await agent.provide(works_on_files("work"))
        task = (await author.web.post("/api/tasks", json={"action": "bench.work", "args": {"x": item["id"]}})).json()
        await agent.assigned(task["task"])
        grants = {name: await granted(who.web, item["id"]) for name, who in (("own", author), ("agent", worker))}
        other = await store(author.web, body=b"other")
        theirs, mine = await granted(fellow.web, other["id"]), await granted(author.web, other["id"])
        assert await asyncio.to_thread(fetch, theirs, "a.bin") == b"other"
        assert (await author.web.patch(f"/api/items/{other['id']}", json={"visibility": "private"})).status_code == 200
        assert await asyncio.to_thread(refusal, fetch, theirs, "a.bin") == "403 AccessDenied"
        assert await asyncio.to_thread(fetch, mine, "a.bin") == b"other"
        assert (await author.web.patch(f"/api/items/{item['id']}", json={"visibility": "private"})).status_code == 200
        for grant in grants.values():
            assert await asyncio.to_thread(fetch, grant, "a.bin") == b"pixels"
        await agent.close()


@scenario
async def test_who_becomes_a_guest_reads_what_is_theirs_and_no_longer_what_is_the_teams(server: Any) -> None:
    async with cast(server, "member", "member", "owner") as (author, fellow, owner):
        item, own = await store(author.web, body=b"team's"), await store(fellow.web, body=b"own")
        team_grant, own_grant = await granted(fellow.web, item["id"]), await granted(fellow.web, own["id"])
        _, write = await make(fellow.web)
        assert await asyncio.to_thread(fetch, team_grant, "a.bin") == b"team's"
        changed = await owner.web.patch(f"/api/members/{fellow.id}", json={"role": "guest"})
        assert changed.status_code == 200, changed.text

        async def is_revoked() -> bool:
            async with server.app.state.hub.database.engine.connect() as db:
                query = d.data_grant.select().where(d.data_grant.c.id == team_grant["id"])
                return (await db.execute(query)).one().revoked_at_us is not None

        async with asyncio.timeout(5):
            while not await on_hub(server, is_revoked()):
                await asyncio.sleep(0.01)
        assert await asyncio.to_thread(refusal, fetch, team_grant, "a.bin") == "403 AccessDenied"
        assert await asyncio.to_thread(fetch, own_grant, "a.bin") == b"own"
        assert await asyncio.to_thread(refusal, put, write, "a", b"1") == "done"


@scenario
async def test_what_is_removed_is_not_found_by_any_grant(server: Any) -> None:
    async with cast(server, "member") as (author,):
        item = await store(author.web)
        grant = await granted(author.web, item["id"])
        await author.web.post(f"/api/items/{item['id']}/trash")

        async def remove() -> None:
            async with server.app.state.hub.database.engine.begin() as db:
                await db.execute(d.item.update().where(d.item.c.id == item["id"]).values(removed_at_us=1))

        await on_hub(server, remove())
        assert await asyncio.to_thread(refusal, fetch, grant, "a.bin") == "404 NoSuchKey"


async def owner_of(web: Any) -> Principal:
    me = (await web.get("/api/me")).json()
    return Principal(me["team"]["id"], me["person"]["id"], "", frozenset(), "cam", 0, Role.OWNER)


@scenario
async def test_a_right_that_is_taken_away_as_it_is_given_is_not_known_as_one_that_holds(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = server.app.state.hub
    commit = hub.database.ledger.commit
    async with rest(server, "cam") as web:
        who, stored = await owner_of(web), await store(web)
        row = await on_hub(server, hub.data.items.read(who, stored["id"]))

        async def and_then_it_is_taken_away(*steps: Any) -> Any:
            counts = await commit(*steps)
            monkeypatch.undo()
            assert await hub.grants.revoke(item=stored["id"]) > 0
            return counts

        monkeypatch.setattr(hub.database.ledger, "commit", and_then_it_is_taken_away)
        grant = await on_hub(server, hub.data.grant(who, row, "read"))
        assert (await on_hub(server, hub.grants.find(grant.id))).is_revoked


@scenario
async def test_a_right_to_what_has_gone_meanwhile_is_not_given(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server, "cam") as web:
        who, stored = await owner_of(web), await store(web)
        row = await on_hub(server, hub.data.items.read(who, stored["id"]))
        gone = SimpleNamespace(**{**row._mapping, "id": new_id()})
        with pytest.raises(NotFound, match=gone.id):
            await on_hub(server, hub.data.grant(who, gone, "read"))
        assert gone.id not in str(await on_hub(server, hub.grants.held(who.team)))
