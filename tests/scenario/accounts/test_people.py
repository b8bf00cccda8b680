"""The hub's own over REST: its accounts, one's own account, and the keys it signs with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role, Scope
from tests.support.accounts import CONFLICT, NOT_FOUND, NOT_PERMITTED, code_of, hub_events
from tests.support.rest import on_hub, rest
from tests.support.teams import PASSWORD, cast, new_team, sign_in_as, someone
from tests.support.waiting import scenario


@scenario
async def test_the_owner_of_the_hub_makes_accounts_and_links_to_them(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as mine, someone(server, "owner") as other:
        made = await mine.post("/api/people", json={"email": "Grace@Lab.org", "role": "admin"})
        assert made.status_code == 201, made.text
        grace = made.json()
        assert (grace["name"], grace["email"], grace["has_password"]) == ("Grace", "grace@lab.org", False)
        assert hub.accounts.people.role_of(hub.accounts.team, grace["id"]) is Role.ADMIN
        first = grace["link"].partition(f"{hub.url}/setup#")[2]
        assert await on_hub(server, hub.accounts.links.find(first)) == grace["id"]
        second = (await mine.post(f"/api/people/{grace['id']}/link")).json()["link"].partition("#")[2]
        assert await on_hub(server, hub.accounts.links.find(second)) == grace["id"]
        with pytest.raises(LookupError):
            await on_hub(server, hub.accounts.links.find(first))
        assert code_of(await mine.post("/api/people", json={"email": "grace@lab.org"})) == CONFLICT
        assert code_of(await mine.post("/api/people", json={"email": "nonsense"})) == (400, "bad_request")
        elsewhere = await new_team(server)
        assert code_of(await mine.post("/api/people", json={"email": "x@lab.org", "team": elsewhere})) == NOT_FOUND
        for method, path in [("GET", "/api/people"), ("POST", "/api/people"), ("PATCH", f"/api/people/{grace['id']}")]:
            body = {"email": "y@lab.org"} if method == "POST" else {} if method == "PATCH" else None
            assert code_of(await other.web.request(method, path, json=body)) == NOT_PERMITTED
        manager = await sign_in_as(server, hub.accounts.owner, "manager", scopes=[Scope.MANAGE])
        async with rest(server, token=manager) as elsewhere:  # else a program of the owner's could become the owner
            refused = await elsewhere.post(f"/api/people/{hub.accounts.owner}/link")
            assert code_of(refused) == NOT_PERMITTED
            assert (await elsewhere.post(f"/api/people/{grace['id']}/link")).status_code == 201
        assert (await mine.post(f"/api/people/{hub.accounts.owner}/link")).status_code == 201
        assert code_of(await mine.post("/api/people/nobody/link")) == NOT_FOUND
        assert first not in (await mine.get("/api/audit")).text


@scenario
async def test_a_hub_never_loses_its_last_owner(server: Any) -> None:
    hub = server.app.state.hub
    owner = hub.accounts.owner
    async with rest(server) as mine, someone(server, "admin") as heir:
        for change in ({"is_hub_owner": False}, {"is_disabled": True}):
            assert code_of(await mine.patch(f"/api/people/{owner}", json=change)) == CONFLICT
        assert (await mine.patch(f"/api/people/{heir.id}", json={"is_hub_owner": True})).json()["is_hub_owner"]
        assert (await heir.web.get("/api/people")).status_code == 200  # at once, with the token they had
        assert (await heir.web.patch(f"/api/people/{owner}", json={"is_hub_owner": False})).status_code == 200
        assert code_of(await mine.get("/api/people")) == NOT_PERMITTED
        assert code_of(await heir.web.patch(f"/api/people/{heir.id}", json={"is_hub_owner": False})) == CONFLICT
        assert (await heir.web.patch(f"/api/people/{owner}", json={"is_hub_owner": True})).status_code == 200
        assert (await heir.web.patch(f"/api/people/{heir.id}", json={"is_hub_owner": False})).status_code == 200


@scenario
async def test_a_new_password_asks_for_the_old_one_and_ends_other_browser_sessions(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as mine, someone(server, "member", password=PASSWORD) as ada:
        page = await sign_in_as(server, ada.id, kind="page")
        changed = await ada.web.patch("/api/account", json={"name": "Ada  L.", "email": f"new-{ada.email}"})
        assert (changed.json()["name"], changed.json()["email"]) == ("Ada L.", f"new-{ada.email}")
        for old in (None, "", "wrong password"):
            body = {"password": "four blue plums", "old_password": old}
            assert code_of(await ada.web.patch("/api/account", json=body)) == NOT_PERMITTED
        body = {"password": "four blue plums", "old_password": PASSWORD}
        assert code_of(await ada.web.patch("/api/account", json={**body, "password": "short"})) == (400, "bad_request")
        assert (await on_hub(server, hub.accounts.logins.identify_token(page, kind="page"))).person == ada.id
        assert (await ada.web.patch("/api/account", json=body)).status_code == 200
        with pytest.raises(PermissionError):
            await on_hub(server, hub.accounts.logins.identify_token(page, kind="page"))
        assert (await ada.web.get("/api/account")).status_code == 200
        assert await on_hub(server, hub.accounts.people.sign_in(f"new-{ada.email}", "four blue plums")) is not None
        taken = await ada.web.patch("/api/account", json={"email": f"NEW-{ada.email}"})
        assert taken.status_code == 200  # it is one's own
        assert code_of(await mine.patch("/api/account", json={"email": f"new-{ada.email}"})) == CONFLICT
        assert code_of(await mine.patch("/api/account", json={"password": "four blue plums"})) == CONFLICT
        tries = [(await ada.web.patch("/api/account", json=body)).status_code for _ in range(14)]
        assert tries == [403] * 7 + [429] * 7  # the three wrong ones before are not forgiven


@scenario
async def test_of_two_who_take_an_address_at_the_same_moment_one_gets_it(server: Any) -> None:
    async with cast(server, "member", "member", "member", "member") as four:
        for attempt in range(5):
            body = {"email": f"same-{attempt}@lab.org"}
            answers = await asyncio.gather(*(one.web.patch("/api/account", json=body) for one in four))
            assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


@scenario
async def test_an_address_that_would_be_shown_as_another_one_is_refused(server: Any) -> None:
    async with cast(server, "member") as (ada,):
        for letter in "\u202e\u200b\x9b\x7f\u2066\ufeff":
            answer = await ada.web.patch("/api/account", json={"email": f"bob{letter}@lab.org"})
            assert answer.status_code == 400, repr(letter)


@scenario
async def test_keys_are_rotated_by_the_owner_of_the_hub_and_old_tokens_hold(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as mine, someone(server, "owner") as other:
        login = await on_hub(
            server,
            hub.accounts.logins.begin(team=other.team, person=other.id, app="x", kind="device", scopes=list(Scope)),
        )
        access = await on_hub(server, hub.accounts.logins.issue_access(login))
        before = (await mine.get("/api/keys")).json()["items"]
        made = await mine.post("/api/keys/rotate")
        assert made.status_code == 201
        after = (await mine.get("/api/keys")).json()["items"]
        assert [k["id"] for k in after] == [made.json()["id"], *(k["id"] for k in before)]
        assert [k["signs"] for k in after] == [True] + [False] * len(before)
        assert after[1]["verifies"]
        async with rest(server, token=access) as held:
            assert (await held.get("/api/me")).status_code == 200
        for method, path in [("GET", "/api/keys"), ("POST", "/api/keys/rotate"), ("GET", "/api/audit")]:
            assert code_of(await other.web.request(method, path)) == NOT_PERMITTED
        assert ("key.rotated", made.json()["id"]) in await hub_events(mine)
