"""Teams over REST: who belongs to one and as what, how they come in, and what another team sees of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.storage import tables as t
from tests.support.accounts import CONFLICT, NOT_FOUND, NOT_PERMITTED, UNKNOWN, age, code_of, events, hub_events
from tests.support.rest import on_hub, rest
from tests.support.teams import cast, new_team, sign_in_as, someone
from tests.support.waiting import scenario

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
