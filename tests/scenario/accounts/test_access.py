"""What acts for a person, over REST: sign-ins, redeem tokens, programs, and apps let in by a device code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from arkitekt_next.auth.principal import Scope
from tests.support.accounts import NOT_FOUND, NOT_PERMITTED, REVOKED_WITHIN_S, UNKNOWN, code_of
from tests.support.raw import RawClient
from tests.support.rest import on_hub, rest
from tests.support.teams import PASSWORD, cast, new_team, sign_in_as, someone
from tests.support.waiting import scenario

# -- sign-ins ------------------------------------------------------------------------------------------------


@scenario
async def test_sign_ins_are_listed_for_oneself_and_all_of_them_for_heads(server: Any) -> None:
    team = await new_team(server)
    async with cast(server, "admin", "member", "member", team=team) as (admin, ada, bob):
        own = (await ada.web.get("/api/logins")).json()["items"]
        assert [(i["person"]["id"], i["is_current"], i["kind"]) for i in own] == [(ada.id, True, "device")]
        everybody = (await admin.web.get("/api/logins?all=true")).json()["items"]
        assert {i["person"]["id"] for i in everybody} == {admin.id, ada.id, bob.id}
        assert code_of(await ada.web.get("/api/logins?all=true")) == NOT_PERMITTED
        pages, cursor = [], None
        while True:
            params = {"all": "true", "limit": "1", **({"cursor": cursor} if cursor else {})}
            page = (await admin.web.get("/api/logins", params=params)).json()
            pages += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert [i["id"] for i in pages] == [i["id"] for i in everybody]


@pytest.mark.requirement("guard.revocation")
@scenario
async def test_ending_a_sign_in_closes_its_sockets_within_seconds(server: Any) -> None:
    async with cast(server, "admin", "member", "member") as (admin, ada, bob):
        token = await sign_in_as(server, ada.id, "camera")
        socket = await RawClient(server.url, token, "camera").open()
        logins = (await ada.web.get("/api/logins")).json()["items"]
        login = next(i for i in logins if i["app"] == "camera")
        assert login["is_connected"]
        assert code_of(await bob.web.delete(f"/api/logins/{login['id']}")) == NOT_FOUND
        began = asyncio.get_running_loop().time()
        assert (await admin.web.delete(f"/api/logins/{login['id']}")).status_code == 204
        await asyncio.wait_for(socket.socket.wait_closed(), REVOKED_WITHIN_S)
        took_s = asyncio.get_running_loop().time() - began
        print(f"closed after {took_s * 1000:.0f} ms")
        assert socket.socket.close_code == 4401
        async with rest(server, token=token) as gone:
            assert code_of(await gone.get("/api/me")) == UNKNOWN
        assert code_of(await admin.web.delete(f"/api/logins/{login['id']}")) == NOT_FOUND
        assert (await ada.web.get("/api/me")).status_code == 200  # her other sign-in goes on


@pytest.mark.requirement("guard.roles")
@scenario
async def test_an_admin_does_not_end_an_owners_sign_in(server: Any) -> None:
    async with cast(server, "owner", "admin") as (owner, admin):
        login = (await owner.web.get("/api/logins")).json()["items"][0]["id"]
        assert code_of(await admin.web.delete(f"/api/logins/{login}")) == NOT_PERMITTED
        assert (await owner.web.delete(f"/api/logins/{login}")).status_code == 204


@pytest.mark.requirement("guard.revocation")
@pytest.mark.parametrize("ending", ["removed", "left", "disabled"])
@scenario
async def test_a_membership_that_ends_takes_sockets_tokens_and_refresh_tokens_along(server: Any, ending: str) -> None:
    hub = server.app.state.hub
    logins = hub.accounts.logins
    async with rest(server) as mine, someone(server, "member", password=PASSWORD) as ada:
        login = await on_hub(
            server, logins.begin(team=ada.team, person=ada.id, app="cam", kind="device", scopes=list(Scope), client="c")
        )
        access = await on_hub(server, logins.issue_access(login))
        refresh = await on_hub(server, logins.issue_refresh(login))
        made = (await ada.web.post("/api/redeem-tokens", json={"app": "cam"})).json()
        socket = await RawClient(server.url, access, "cam").open()
        if ending == "removed":
            assert (await mine.delete(f"/api/members/{ada.id}")).status_code == 204
        elif ending == "left":
            assert (await ada.web.delete(f"/api/members/{ada.id}")).status_code == 204
        else:
            assert (await mine.patch(f"/api/people/{ada.id}", json={"is_disabled": True})).json()["is_disabled"]
        await asyncio.wait_for(socket.socket.wait_closed(), REVOKED_WITHIN_S)
        assert socket.socket.close_code == 4401
        for token in (access, ada.token):
            async with rest(server, token=token) as gone:
                assert code_of(await gone.get("/api/me")) == UNKNOWN
        assert await on_hub(server, logins.rotate(refresh)) is None
        tokens = (await mine.get("/api/redeem-tokens?all=true")).json()["items"]
        assert (made["id"] in [i["id"] for i in tokens]) is (ending == "disabled")
        if ending == "disabled":
            assert await on_hub(server, hub.accounts.people.sign_in(ada.email, PASSWORD)) is None
            await mine.patch(f"/api/people/{ada.id}", json={"is_disabled": False})
            assert await on_hub(server, hub.accounts.people.sign_in(ada.email, PASSWORD)) is not None
            assert await on_hub(server, logins.rotate(refresh)) is None  # what has ended does not come back


# -- redeem tokens and programs ------------------------------------------------------------------------------


@scenario
async def test_a_redeem_token_is_told_once_with_no_more_than_the_own_sign_in_has(server: Any) -> None:
    hub = server.app.state.hub
    async with cast(server, "admin", "member", "member") as (admin, ada, bob):
        made = (await ada.web.post("/api/redeem-tokens", json={"app": "camera", "scopes": ["read", "provide"]})).json()
        assert (made["is_single_use"], made["scopes"], made["uses"]) == (False, ["provide", "read"], 0)
        listed = (await ada.web.get("/api/redeem-tokens")).json()["items"]
        assert [i["id"] for i in listed] == [made["id"]]
        assert made["secret"] not in str(listed)
        assert (await bob.web.get("/api/redeem-tokens")).json()["items"] == []
        assert made["id"] in [i["id"] for i in (await admin.web.get("/api/redeem-tokens?all=true")).json()["items"]]
        assert code_of(await bob.web.get("/api/redeem-tokens?all=true")) == NOT_PERMITTED
        assert await on_hub(server, hub.accounts.redeem_tokens.redeem(made["secret"], "other")) is None
        assert (await on_hub(server, hub.accounts.redeem_tokens.redeem(made["secret"], "camera"))).person == ada.id
        assert code_of(await bob.web.delete(f"/api/redeem-tokens/{made['id']}")) == NOT_FOUND
        assert (await admin.web.delete(f"/api/redeem-tokens/{made['id']}")).status_code == 204
        assert await on_hub(server, hub.accounts.redeem_tokens.redeem(made["secret"], "camera")) is None
        narrow = await sign_in_as(server, ada.id, scopes=[Scope.READ, Scope.MANAGE])
        async with rest(server, token=narrow) as less:
            refused = await less.post("/api/redeem-tokens", json={"scopes": ["read", "provide"]})
            assert code_of(refused) == (400, "bad_request")
            assert (await less.post("/api/redeem-tokens", json={"scopes": ["read"]})).status_code == 201
        unbound = await ada.web.post("/api/redeem-tokens", json={"is_single_use": False})
        assert code_of(unbound) == (400, "bad_request")


@scenario
async def test_removing_a_program_ends_the_sign_ins_that_came_by_it(server: Any) -> None:
    hub = server.app.state.hub
    async with cast(server, "admin", "member") as (admin, ada):
        body = {"name": "Plates", "redirect_uris": ["https://plates.example.org/cb"], "scopes": ["read"]}
        made = (await admin.web.post("/api/clients", json=body)).json()
        assert made["secret"]
        public = (await admin.web.post("/api/clients", json={**body, "is_public": True})).json()
        assert (public["secret"], public["is_public"]) == (None, True)
        listed = (await admin.web.get("/api/clients?limit=1")).json()
        assert [i["id"] for i in listed["items"]] == [public["id"]]
        assert listed["next"] == public["id"]
        assert made["secret"] not in (await admin.web.get("/api/clients")).text
        for uri in ("http://plates.example.org/cb", "https://*.example.org/cb", "https://x.org/cb#f", "javascript:x"):
            bad = await admin.web.post("/api/clients", json={**body, "redirect_uris": [uri]})
            assert code_of(bad) == (400, "bad_request"), uri
        assert code_of(await ada.web.get("/api/clients")) == NOT_PERMITTED
        assert code_of(await ada.web.post("/api/clients", json=body)) == NOT_PERMITTED
        login = await on_hub(
            server,
            hub.accounts.logins.begin(
                team=ada.team, person=ada.id, app="plates", kind="code", scopes=[Scope.READ], client=made["id"]
            ),
        )
        access = await on_hub(server, hub.accounts.logins.issue_access(login))
        socket = await RawClient(server.url, access, "plates").open()
        assert (await admin.web.delete(f"/api/clients/{made['id']}")).status_code == 204
        await asyncio.wait_for(socket.socket.wait_closed(), REVOKED_WITHIN_S)
        assert await on_hub(server, hub.accounts.clients.find(made["id"])) is None
        assert code_of(await admin.web.delete(f"/api/clients/{made['id']}")) == NOT_FOUND
        assert code_of(await admin.web.delete("/api/clients/arkitekt-next")) == NOT_FOUND


# -- device codes --------------------------------------------------------------------------------------------


async def ask(server: Any, *scopes: Scope, client: str = "arkitekt-next") -> tuple[str, str]:
    devices = server.app.state.hub.accounts.devices
    return await on_hub(
        server, devices.create(client=client, app="camera", version="1.2", machine="scope-pc", scopes=scopes)
    )


@scenario
async def test_an_app_is_looked_at_narrowed_and_let_in_for_the_person_and_their_team(server: Any) -> None:
    hub = server.app.state.hub
    async with someone(server, "member", team=await new_team(server)) as ada:
        device, user = await ask(server, Scope.READ, Scope.CALL, Scope.PROVIDE)
        shown = (await ada.web.get(f"/api/devices/{user.lower().replace('-', ' ')}")).json()
        assert (shown["app"], shown["version"], shown["machine"]) == ("camera", "1.2", "scope-pc")
        assert shown["scopes"] == shown["grantable"] == ["call", "provide", "read"]
        beyond = await ada.web.post(f"/api/devices/{user}/approve", json={"scopes": ["read", "manage"]})
        assert code_of(beyond) == NOT_PERMITTED
        assert (await ada.web.post(f"/api/devices/{user}/approve", json={"scopes": ["read"]})).status_code == 204
        code = await on_hub(server, hub.accounts.devices.find(device))
        login = await on_hub(server, hub.accounts.logins.find(code.login))
        assert (login.person, login.team, login.scopes) == (ada.id, ada.team, {Scope.READ})
        again = await ada.web.post(f"/api/devices/{user}/approve", json={"scopes": ["read"]})
        assert code_of(again) == NOT_FOUND
        device, user = await ask(server, Scope.READ)
        assert (await ada.web.post(f"/api/devices/{user}/deny")).status_code == 204
        assert (await on_hub(server, hub.accounts.devices.find(device))).status == "denied"


@pytest.mark.requirement("guard.roles")
@scenario
async def test_what_is_given_to_an_app_never_exceeds_role_sign_in_or_program(server: Any) -> None:
    async with cast(server, "admin", "guest", "member") as (admin, guest, member):
        _, user = await ask(server, *Scope)
        assert (await guest.web.get(f"/api/devices/{user}")).json()["grantable"] == ["call", "read"]
        assert code_of(await guest.web.post(f"/api/devices/{user}/approve", json={"scopes": ["provide"]})) == (
            NOT_PERMITTED
        )
        narrow = await sign_in_as(server, member.id, scopes=[Scope.READ, Scope.MANAGE])
        async with rest(server, token=narrow) as less:
            assert (await less.get(f"/api/devices/{user}")).json()["grantable"] == ["manage", "read"]
            assert code_of(await less.post(f"/api/devices/{user}/approve", json={"scopes": ["call"]})) == NOT_PERMITTED
        reading = await sign_in_as(server, member.id, scopes=[Scope.READ, Scope.CALL, Scope.PROVIDE])
        async with rest(server, token=reading) as unable:
            assert code_of(await unable.get(f"/api/devices/{user}")) == NOT_PERMITTED
            refused = await unable.post(f"/api/devices/{user}/approve", json={"scopes": ["read"]})
            assert code_of(refused) == NOT_PERMITTED
        body = {"name": "Viewer", "redirect_uris": ["https://v.example.org/cb"], "scopes": ["read"]}
        client = (await admin.web.post("/api/clients", json=body)).json()["id"]
        _, user = await ask(server, Scope.READ, Scope.CALL, client=client)
        assert (await admin.web.get(f"/api/devices/{user}")).json()["grantable"] == ["read"]
        async with someone(server, "owner", team=await new_team(server)) as neighbour:
            refused = await neighbour.web.post(f"/api/devices/{user}/approve", json={"scopes": ["read"]})
            assert code_of(refused) == NOT_FOUND


@scenario
async def test_guessing_codes_is_held_to_ten_tries_which_a_right_one_does_not_give_back(server: Any) -> None:
    async with cast(server, "member", "member") as (ada, bob):
        _, user = await ask(server, Scope.READ)
        answers: list[int] = []
        for letter in "BCDFGHJKLMNPQRST":
            answers.append((await ada.web.get(f"/api/devices/{letter * 4}-{letter * 4}")).status_code)
            answers.append((await ada.web.get(f"/api/devices/{user}")).status_code)
        assert answers.count(404) == 10
        assert answers[20:] == [429] * 12
        late = await ada.web.post(f"/api/devices/{user}/approve", json={"scopes": ["read"]})
        assert late.status_code == 429
        assert 0 < int(late.headers["retry-after"]) <= 60
        assert (await bob.web.get(f"/api/devices/{user}")).status_code == 200
        print(f"{len(answers)} tries, {answers.count(404)} of them looked up")
