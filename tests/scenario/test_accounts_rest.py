"""Accounts over REST: teams, members, invitations, sign-ins, tokens, programs, device codes, the hub's own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from tests.support.raw import RawClient
from tests.support.rest import on_hub, rest
from tests.support.teams import PASSWORD, cast, new_team, sign_in_as, someone
from tests.support.waiting import scenario

REVOKED_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


NOT_FOUND, NOT_PERMITTED, CONFLICT = (404, "not_found"), (403, "not_permitted"), (409, "conflict")
UNKNOWN = (401, "not_authenticated")


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


# -- teams and members ---------------------------------------------------------------------------------------


@scenario
async def test_the_owner_of_the_hub_makes_a_team_for_somebody_else(server: Any) -> None:
    async with rest(server) as mine, someone(server, "member") as ada:
        made = await mine.post("/api/teams", json={"name": "imaging", "owner": ada.email})
        assert made.status_code == 201, made.text
        team = made.json()
        assert (team["name"], team["role"], team["members"]) == ("imaging", None, 1)
        listed = (await ada.web.get("/api/teams")).json()["items"]
        assert [(t["name"], t["role"]) for t in listed] == [("home", "member"), ("imaging", "owner")]
        assert team["id"] not in [t["id"] for t in (await mine.get("/api/teams")).json()["items"]]
        assert (await ada.web.get("/api/team")).json()["name"] == "home"
        assert code_of(await ada.web.post("/api/teams", json={"name": "mine"})) == NOT_PERMITTED
        assert code_of(await mine.post("/api/teams", json={"name": "x", "owner": "nobody@lab.org"})) == NOT_FOUND
        assert ("team.created", team["id"]) in await hub_events(mine)


@scenario
async def test_the_user_of_the_machine_acts_in_any_team_of_theirs_and_an_approved_app_in_one(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as mine, someone(server, "member") as ada:
        made = (await mine.post("/api/teams", json={"name": "second"})).json()["id"]
        token = (await mine.post("/api/team/switch", json={"team": made})).json()["token"]
        async with rest(server, token=token) as there:
            assert (await there.get("/api/team")).json()["name"] == "second"
            assert (await there.post("/api/people", json={"email": f"x-{ada.email}"})).status_code == 201
            assert len((await there.get("/api/members")).json()["items"]) == 2
        await on_hub(server, hub.accounts.people.join(made, ada.id, Role.MEMBER))
        assert code_of(await ada.web.post("/api/team/switch", json={"team": made})) == NOT_PERMITTED
        elsewhere = await new_team(server)
        assert code_of(await mine.post("/api/team/switch", json={"team": elsewhere})) == NOT_FOUND


@scenario
async def test_members_are_listed_page_by_page_with_addresses_for_those_who_manage(server: Any) -> None:
    team = await new_team(server)
    async with cast(server, "admin", "member", "guest", team=team) as (admin, member, guest):
        whole = (await admin.web.get("/api/members")).json()["items"]
        assert [m["role"] for m in whole] == ["owner", "admin", "member", "guest"]
        assert all(m["email"] for m in whole)
        first = (await admin.web.get("/api/members?limit=3")).json()
        rest_of = (await admin.web.get("/api/members", params={"cursor": first["next"]})).json()
        assert first["items"] + rest_of["items"] == whole
        assert rest_of["next"] is None
        seen = (await member.web.get("/api/members")).json()["items"]
        assert [m["email"] for m in seen] == [None, None, member.email, None]
        assert [m["id"] for m in (await guest.web.get("/api/members")).json()["items"]] == [guest.id]


ROLES = ("owner", "admin", "member", "guest")


@pytest.mark.requirement("guard.roles")
@scenario
async def test_admins_change_roles_of_everybody_but_owners_and_make_none(server: Any) -> None:
    team = await new_team(server)
    asked = 0
    for manager, old, new, allowed in [
        *((m, o, n, True) for m in ("owner",) for o in ROLES for n in ROLES),
        *(("admin", o, n, "owner" not in (o, n)) for o in ROLES for n in ROLES),
        *((m, o, n, False) for m in ("member", "guest") for o in ROLES for n in ROLES),
    ]:
        async with cast(server, manager, old, team=team) as (one, other):
            answer = await one.web.patch(f"/api/members/{other.id}", json={"role": new})
            assert answer.status_code == (200 if allowed else 403), (manager, old, new, answer.text)
            shown = {m.person: m.role for m in await on_hub(server, server.app.state.hub.accounts.people.members(team))}
            assert shown[other.id] == (new if allowed else old)
            asked += 1
    print(f"{asked} changes of role")


@pytest.mark.requirement("guard.roles")
@scenario
async def test_a_team_never_loses_its_last_owner_and_is_handed_over_in_two_steps(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as mine, someone(server, "member") as ada:
        made = (await mine.post("/api/teams", json={"name": "handed", "owner": ada.email})).json()["id"]
        token = await sign_in_as(server, ada.id, team=made)
        async with rest(server, token=token) as founder, someone(server, "admin", team=made) as heir:
            assert code_of(await founder.patch(f"/api/members/{ada.id}", json={"role": "admin"})) == CONFLICT
            assert code_of(await founder.delete(f"/api/members/{ada.id}")) == CONFLICT
            assert code_of(await heir.web.delete(f"/api/members/{ada.id}")) == NOT_PERMITTED
            assert (await founder.patch(f"/api/members/{heir.id}", json={"role": "owner"})).status_code == 200
            assert (await founder.patch(f"/api/members/{ada.id}", json={"role": "member"})).status_code == 200
            assert hub.accounts.people.role_of(made, heir.id) is Role.OWNER
            assert (await heir.web.delete(f"/api/members/{ada.id}")).status_code == 204
            assert code_of(await heir.web.delete(f"/api/members/{heir.id}")) == CONFLICT
            assert code_of(await founder.get("/api/me")) == UNKNOWN
            wanted = [("member.removed", ada.id), ("member.role_changed", ada.id), ("member.role_changed", heir.id)]
            assert (await events(heir.web))[:3] == wanted


@pytest.mark.requirement("guard.roles")
@scenario
async def test_everybody_may_leave_and_only_heads_remove_others(server: Any) -> None:
    team = await new_team(server)
    async with cast(server, "admin", "admin", "member", "member", "guest", team=team) as (a, b, m, n, g):
        assert code_of(await m.web.delete(f"/api/members/{n.id}")) == NOT_PERMITTED
        assert code_of(await g.web.delete(f"/api/members/{n.id}")) == NOT_FOUND  # a guest sees nobody
        assert (await g.web.delete(f"/api/members/{g.id}")).status_code == 204
        assert (await m.web.delete(f"/api/members/{m.id}")).status_code == 204
        assert (await a.web.delete(f"/api/members/{b.id}")).status_code == 204
        assert (await a.web.delete(f"/api/members/{n.id}")).status_code == 204
        for gone in (b, m, n, g):
            assert code_of(await gone.web.get("/api/me")) == UNKNOWN
        left = [("member.removed", n.id), ("member.removed", b.id), ("member.left", m.id), ("member.left", g.id)]
        assert (await events(a.web))[:4] == left


@pytest.mark.requirement("guard.roles")
@scenario
async def test_owners_who_leave_at_the_same_moment_leave_one_behind(server: Any) -> None:
    hub = server.app.state.hub
    rounds = 10
    for number in range(rounds):
        team = await new_team(server)
        founder = (await on_hub(server, hub.accounts.people.members(team)))[0].person
        async with cast(server, "owner", "owner", "owner", team=team) as owners:
            assert (await owners[0].web.delete(f"/api/members/{founder}")).status_code == 204
            work = [
                one.web.delete(f"/api/members/{one.id}")
                if number % 2
                else one.web.patch(f"/api/members/{one.id}", json={"role": "member"})
                for one in owners
            ]
            statuses = sorted(answer.status_code for answer in await asyncio.gather(*work))
            assert statuses == [204 if number % 2 else 200] * 2 + [409]
            roles = [member.role for member in await on_hub(server, hub.accounts.people.members(team))]
            assert roles.count(Role.OWNER) == 1
    print(f"{rounds} rounds of three owners")


# -- invitations ---------------------------------------------------------------------------------------------


@scenario
async def test_an_invitation_is_told_once_used_so_often_and_then_gone(server: Any) -> None:
    hub = server.app.state.hub
    team = await new_team(server)
    async with someone(server, "admin", team=team) as admin, cast(server, "member", "member", "member") as people:
        made = await admin.web.post("/api/invitations", json={"role": "guest", "uses": 2, "expires_s": 3600})
        assert made.status_code == 201
        link = made.json()["link"]
        address, _, secret = link.partition("#")
        assert address == f"{hub.url}/invite"
        listed = (await admin.web.get("/api/invitations")).json()["items"]
        assert [(i["id"], i["uses_left"], i["role"]) for i in listed] == [(made.json()["id"], 2, "guest")]
        assert secret not in str(listed)
        for person in people[:2]:
            await on_hub(server, hub.accounts.invitations.accept(secret, person.id))
            assert hub.accounts.people.role_of(team, person.id) is Role.GUEST
        assert (await admin.web.get("/api/invitations")).json()["items"] == []
        with pytest.raises(LookupError, match="used up"):
            await on_hub(server, hub.accounts.invitations.accept(secret, people[2].id))
        assert secret not in str((await admin.web.get("/api/team/audit")).json())


@scenario
async def test_an_invitation_ends_by_its_time_and_by_being_taken_back(server: Any) -> None:
    hub = server.app.state.hub
    async with someone(server, "admin") as admin, someone(server, "member") as other:
        made = (await admin.web.post("/api/invitations", json={})).json()
        assert (made["role"], made["uses_left"]) == ("member", 1)
        assert (await admin.web.delete(f"/api/invitations/{made['id']}")).status_code == 204
        assert code_of(await admin.web.delete(f"/api/invitations/{made['id']}")) == NOT_FOUND
        old = (await admin.web.post("/api/invitations", json={})).json()
        await on_hub(server, age(server, t.invitation, old["id"]))
        assert (await admin.web.get("/api/invitations")).json()["items"] == []
        for gone in (made["link"].partition("#")[2], old["link"].partition("#")[2]):
            with pytest.raises(LookupError):
                await on_hub(server, hub.accounts.invitations.accept(gone, other.id))
        for body in ({"expires_s": 1}, {"expires_s": 1e9}, {"uses": 0}, {"uses": 1000}, {"role": "king"}):
            assert (await admin.web.post("/api/invitations", json=body)).status_code == 422, body


@pytest.mark.requirement("guard.roles")
@scenario
async def test_nobody_invites_above_what_they_may_give(server: Any) -> None:
    async with cast(server, "owner", "admin", "member", "guest") as (owner, admin, member, guest):
        for role in ROLES:
            assert (await owner.web.post("/api/invitations", json={"role": role})).status_code == 201
            status = 403 if role == "owner" else 201
            assert (await admin.web.post("/api/invitations", json={"role": role})).status_code == status
            for nobody in (member, guest):
                assert code_of(await nobody.web.post("/api/invitations", json={"role": role})) == NOT_PERMITTED


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


# -- the hub's own -------------------------------------------------------------------------------------------


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


# -- other teams ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("guard.teams")
@scenario
async def test_ids_of_another_team_are_not_there(server: Any) -> None:
    async with (
        cast(server, "admin", "member") as (admin, ada),
        someone(server, "owner", team=await new_team(server)) as stranger,
    ):
        invitation = (await admin.web.post("/api/invitations", json={})).json()["id"]
        token = (await ada.web.post("/api/redeem-tokens", json={})).json()["id"]
        body = {"name": "P", "redirect_uris": ["https://p.example.org/cb"]}
        client = (await admin.web.post("/api/clients", json=body)).json()["id"]
        login = (await ada.web.get("/api/logins")).json()["items"][0]["id"]
        asked = 0
        for method, path in [
            ("PATCH", f"/api/members/{ada.id}"),
            ("DELETE", f"/api/members/{ada.id}"),
            ("DELETE", f"/api/invitations/{invitation}"),
            ("DELETE", f"/api/redeem-tokens/{token}"),
            ("DELETE", f"/api/clients/{client}"),
            ("DELETE", f"/api/logins/{login}"),
        ]:
            body_of = {"role": "guest"} if method == "PATCH" else None
            assert code_of(await stranger.web.request(method, path, json=body_of)) == NOT_FOUND, path
            asked += 1
        for path in ("/api/invitations", "/api/redeem-tokens?all=true", "/api/clients"):
            assert (await stranger.web.get(path)).json()["items"] == [], path
        seen = (await stranger.web.get("/api/logins?all=true")).text + (await stranger.web.get("/api/members")).text
        assert ada.id not in seen + (await stranger.web.get("/api/team/audit")).text
        assert (await ada.web.get("/api/me")).status_code == 200
        print(f"{asked} foreign ids")
