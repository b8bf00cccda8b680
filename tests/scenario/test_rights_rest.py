"""Consents and shares over REST: who may provide whose app, and what a guest sees."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from tests.support.raw import RawClient, definition
from tests.support.rest import OFFERS, on_hub, rest
from tests.support.teams import Someone, cast, new_team, sign_in_as, someone
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


NOT_FOUND, NOT_PERMITTED, CONFLICT = (404, "not_found"), (403, "not_permitted"), (409, "conflict")


async def provider(server: Any, person: Someone, app: str) -> RawClient:
    """Connect an app of somebody's; what it offers is up to the test."""
    return await RawClient(server.url, await sign_in_as(server, person.id, app, team=person.team), app).open()


def an_app() -> str:
    return f"a{uuid.uuid4().hex[:10]}"


@pytest.mark.requirement("guard.consent")
@scenario
async def test_an_apps_owner_alone_lets_another_member_provide_it(server: Any) -> None:
    app = an_app()
    async with cast(server, "owner", "member", "member", "guest") as (head, ada, bob, guest):
        own = await provider(server, ada, app)
        await own.provide(*OFFERS)
        other = await provider(server, bob, app)
        offers = [{"definition": definition("add", effects="none")}]
        await other.send({"kind": "provide", "request": "p1", "offers": offers})
        assert (await other.expect("refused", request="p1"))["error"]["code"] == "not_permitted"
        path = f"/api/apps/{app}/providers"
        for nobody in (head, bob):
            assert code_of(await nobody.web.put(f"{path}/{bob.id}")) == NOT_PERMITTED
            assert code_of(await nobody.web.get(path)) == NOT_PERMITTED
        assert code_of(await guest.web.put(f"{path}/{bob.id}")) == NOT_PERMITTED
        assert code_of(await ada.web.put(f"{path}/{guest.id}")) == CONFLICT
        assert code_of(await ada.web.put(f"{path}/nobody")) == NOT_FOUND
        assert code_of(await ada.web.put(f"/api/apps/none/providers/{bob.id}")) == NOT_FOUND
        for _ in range(2):
            assert (await ada.web.put(f"{path}/{bob.id}")).json()["person"]["id"] == bob.id
        assert [i["person"]["id"] for i in (await ada.web.get(path)).json()["items"]] == [bob.id]
        await other.provide(*OFFERS)
        await own.close()
        await other.close()


@pytest.mark.requirement("guard.consent")
@scenario
async def test_who_provides_by_a_consent_loses_the_connection_with_it(server: Any) -> None:
    app = an_app()
    async with cast(server, "member", "member") as (ada, bob):
        own = await provider(server, ada, app)
        await own.provide(*OFFERS)
        path = f"/api/apps/{app}/providers/{bob.id}"
        assert (await ada.web.put(path)).status_code == 200
        other, unrelated = await provider(server, bob, app), await provider(server, bob, an_app())
        await other.provide(*OFFERS)
        await unrelated.provide(*OFFERS)
        assert (await ada.web.delete(path)).status_code == 204
        await asyncio.wait_for(other.socket.wait_closed(), 5)
        again = await provider(server, bob, app)
        await again.send({"kind": "provide", "request": "p1", "offers": [{"definition": definition("add")}]})
        assert (await again.expect("refused", request="p1"))["error"]["code"] == "not_permitted"
        assert code_of(await ada.web.delete(path)) == NOT_FOUND
        await unrelated.provide(*OFFERS)  # it was never asked to leave
        for socket in (own, unrelated, again):
            await socket.close()


@pytest.mark.requirement("guard.consent")
@scenario
async def test_consents_end_with_a_membership_and_heads_decide_for_who_has_left(server: Any) -> None:
    hub = server.app.state.hub
    app = an_app()
    async with cast(server, "admin", "member", "member") as (head, ada, bob):
        own = await provider(server, ada, app)
        await own.provide(*OFFERS)
        path = f"/api/apps/{app}/providers"
        await ada.web.put(f"{path}/{bob.id}")
        assert (await head.web.delete(f"/api/members/{bob.id}")).status_code == 204
        await on_hub(server, hub.accounts.people.join(bob.team, bob.id, Role.MEMBER))
        assert (await ada.web.get(path)).json()["items"] == []
        await on_hub(server, hub.consents.load())
        assert (await ada.web.get(path)).json()["items"] == []
        assert (await ada.web.delete(f"/api/members/{ada.id}")).status_code == 204
        assert (await head.web.put(f"{path}/{bob.id}")).status_code == 200
        assert [i["person"]["id"] for i in (await head.web.get(path)).json()["items"]] == [bob.id]


@pytest.mark.requirement("guard.shares")
@scenario
async def test_a_guest_sees_and_calls_what_was_shared_with_them_by_name(server: Any) -> None:
    app = an_app()
    async with cast(server, "admin", "member", "member", "guest", "guest") as (head, ada, bob, guest, other):
        agent = await provider(server, ada, app)
        await agent.provide(*OFFERS)
        action, path = f"/api/actions/{app}.add", f"/api/actions/{app}.add/shares"
        assert code_of(await guest.web.get(action)) == NOT_FOUND
        assert code_of(await bob.web.put(f"{path}/{guest.id}")) == NOT_PERMITTED  # does not provide it
        assert code_of(await guest.web.put(f"{path}/{guest.id}")) == NOT_PERMITTED
        assert code_of(await ada.web.put(f"{path}/{bob.id}")) == CONFLICT
        assert code_of(await ada.web.put(f"{path}/nobody")) == NOT_FOUND
        assert code_of(await ada.web.put(f"/api/actions/{app}.none/shares/{guest.id}")) == NOT_FOUND
        assert (await ada.web.put(f"{path}/{guest.id}")).json()["by"]["id"] == ada.id
        assert (await head.web.put(f"{path}/{guest.id}")).json()["by"]["id"] == ada.id  # it was shared already
        assert (await guest.web.get(action)).status_code == 200
        assert code_of(await guest.web.get(f"/api/actions/{app}.count")) == NOT_FOUND
        assert code_of(await other.web.get(action)) == NOT_FOUND
        task = (await guest.web.post("/api/tasks", json={"action": f"{app}.add", "args": {"a": 1}})).json()["task"]
        await agent.assigned(task)
        assert [i["person"]["id"] for i in (await head.web.get(path)).json()["items"]] == [guest.id]
        assert (await head.web.delete(f"{path}/{guest.id}")).status_code == 204
        assert code_of(await guest.web.get(action)) == NOT_FOUND
        assert code_of(await head.web.delete(f"{path}/{guest.id}")) == NOT_FOUND
        await agent.close()


@pytest.mark.requirement("guard.shares")
@scenario
async def test_what_is_private_is_not_there_to_share_and_shares_end_with_who_made_them(server: Any) -> None:
    app, private = an_app(), an_app()
    async with cast(server, "owner", "member", "guest") as (head, ada, guest):
        agent, secret = await provider(server, ada, app), await provider(server, ada, private)
        await agent.provide(*OFFERS)
        await secret.provide(*OFFERS, mode="dev")
        assert code_of(await head.web.put(f"/api/actions/{private}.add/shares/{guest.id}")) == NOT_FOUND
        early = await ada.web.put(f"/api/actions/{private}.add/shares/{guest.id}")
        assert (early.status_code, "not even the team sees it yet" in early.text) == (409, True)
        assert code_of(await guest.web.get(f"/api/actions/{private}.add")) == NOT_FOUND  # private it stays
        assert (await ada.web.put(f"/api/actions/{app}.add/shares/{guest.id}")).status_code == 200
        assert (await guest.web.get(f"/api/actions/{app}.add")).status_code == 200
        assert (await head.web.delete(f"/api/members/{ada.id}")).status_code == 204
        assert code_of(await guest.web.get(f"/api/actions/{app}.add")) == NOT_FOUND
        async with someone(server, "owner", team=await new_team(server)) as stranger:
            answer = await stranger.web.put(f"/api/actions/{app}.add/shares/{guest.id}")
            assert code_of(answer) == NOT_FOUND
        async with rest(server) as mine:
            log = (await mine.get("/api/audit")).json()["items"]
            assert {"action.shared", "member.removed"} <= {e["event"] for e in log}


@pytest.mark.requirement("guard.roles")
@scenario
async def test_the_version_of_a_private_release_is_not_told(server: Any) -> None:
    async with cast(server, "member", "member") as (ada, bob):
        app = an_app()
        public = await provider(server, ada, app)
        await public.provide(definition("add"))
        token = await sign_in_as(server, ada.id, app, team=ada.team)
        private = RawClient(server.url, token, app, release={"version": "9.9-secret"})
        await (await private.open()).provide(definition("add"), mode="dev")
        for person, seen in ((bob, "0"), (ada, "9.9-secret")):
            listed = {one["identifier"]: one for one in (await person.web.get("/api/apps?limit=500")).json()["items"]}
            detail = (await person.web.get(f"/api/apps/{app}")).json()
            assert (listed[app]["version"], detail["version"]) == (seen, seen)
