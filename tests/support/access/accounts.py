"""How the cells of people, teams, sign-ins and the hub itself are asked over REST."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.storage import tables as t

from .asking import Probe, Probes, asks, checked, fill, shows, word_of
from .stage import Actor, Stage

MANY = "limit=500"
PROGRAM = {"name": "Plates", "redirect_uris": ["https://plates.example.org/cb"]}


def adds(table: Any, path: str, body: dict[str, Any]) -> Probe:
    """Make something; there has to be one row more, or none."""

    async def probe(stage: Stage, actor: Actor) -> str:
        before = await stage.count(table)
        sent = {name: fill(value, stage) if isinstance(value, str) else value for name, value in body.items()}
        if "email" in sent:
            sent["email"] = f"new-{uuid.uuid4().hex[:10]}@lab.org"
        word = word_of(await actor.web.post(path, json=sent))
        return checked(word, has_happened=await stage.count(table) == before + 1)

    return probe


# -- members -------------------------------------------------------------------------------------------------


def gives_role(old: str, new: str) -> Probe:
    """Change the role of somebody who is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        person = await stage.newcomer(old)
        word = word_of(await actor.web.patch(f"/api/members/{person}", json={"role": new}))
        now = stage.hub.accounts.people.role_of(stage.home, person)
        assert now in (Role(old), Role(new))
        return checked(word, has_happened=now is Role(new))

    return probe


async def _makes_oneself_owner(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    word = word_of(await who.web.patch(f"/api/members/{who.person}", json={"role": "owner"}))
    return checked(word, has_happened=stage.hub.accounts.people.role_of(who.team, who.person) is Role.OWNER)


def removes(role: str) -> Probe:
    """Remove somebody who is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        person = await stage.newcomer(role)
        word = word_of(await actor.web.delete(f"/api/members/{person}"))
        return checked(word, has_happened=stage.hub.accounts.people.role_of(stage.home, person) is None)

    return probe


async def _leaves(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    word = word_of(await who.web.delete(f"/api/members/{who.person}"))
    return checked(word, has_happened=stage.hub.accounts.people.role_of(who.team, who.person) is None)


async def _renames(stage: Stage, actor: Actor) -> str:
    name = uuid.uuid4().hex
    word = word_of(await actor.web.patch("/api/account", json={"name": name}))
    person = await stage.on_hub(stage.hub.accounts.people.find(actor.person))
    return checked(word, has_happened=person.name == name)


async def _shows_address(stage: Stage, actor: Actor) -> str:
    author = await stage.on_hub(stage.hub.accounts.people.find(stage.actors["author"].person))
    return await shows(f"/api/members?{MANY}", author.email)(stage, actor)


def _of_author(path: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        return await shows(path, stage.actors["author"].person)(stage, actor)

    return probe


# -- what is made for each cell, and ended ------------------------------------------------------------------


Make = Callable[[Stage], Awaitable[str]]
IsThere = Callable[[Stage, str], Awaitable[bool]]


def ends(path: str, make: Make, is_there: IsThere) -> Probe:
    """End something that is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        id = await make(stage)
        word = word_of(await actor.web.delete(fill(path, stage, id=id)))
        return checked(word, has_happened=not await is_there(stage, id))

    return probe


def lists(path: str, make: Make) -> Probe:
    """List something that is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        return await shows(path, await make(stage))(stage, actor)

    return probe


def made_by(name: str, path: str, body: dict[str, Any]) -> Make:
    """Let an actor make it over REST."""

    async def make(stage: Stage) -> str:
        answer = await stage.actors[name].web.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    return make


def login_of(name: str) -> Make:
    async def make(stage: Stage) -> str:
        actor = stage.actors[name]
        issued = stage.hub.accounts.logins.issue(team=actor.team, person=actor.person, app="cam", kind="device")
        return str((await stage.on_hub(issued))[1].login)

    return make


async def login_is_there(stage: Stage, id: str) -> bool:
    return (await stage.on_hub(stage.hub.accounts.logins.find(id))).revoked_at_us is None


async def _ends_own_login(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    logins = stage.hub.accounts.logins
    mine = logins.issue(team=who.team, person=who.person, app="cam", kind="device")
    id = (await stage.on_hub(mine))[1].login
    word = word_of(await who.web.delete(f"/api/logins/{id}"))
    return checked(word, has_happened=not await login_is_there(stage, id))


def is_live(table: Any) -> IsThere:
    async def is_there(stage: Stage, id: str) -> bool:
        async with stage.hub.database.engine.connect() as db:
            row = (await db.execute(table.select().where(table.c.id == id))).first()
        return row is not None and row.revoked_at_us is None

    return is_there


INVITATION = made_by("owner", "/api/invitations", {"role": "member"})
FOR_AN_OWNER = made_by("owner", "/api/invitations", {"role": "owner"})
TOKEN = made_by("author", "/api/redeem-tokens", {})
OWNERS_TOKEN = made_by("owner", "/api/redeem-tokens", {})
CLIENT = made_by("owner", "/api/clients", PROGRAM)

PEOPLE: Probes = {
    "GET /api/me": {"oneself": asks("/api/me")},
    "GET /api/account": {"oneself": asks("/api/account")},
    "PATCH /api/account": {"one's name": _renames},
    "GET /api/teams": {"the team": shows(f"/api/teams?{MANY}", "{home}")},
    "POST /api/teams": {"a new team": adds(t.team, "/api/teams", {"name": "more"})},
    "GET /api/team": {"the team": shows("/api/team", "{home}")},
    "GET /api/members": {
        "the author": _of_author(f"/api/members?{MANY}"),
        "author's address": _shows_address,
    },
    "PATCH /api/members/{person}": {
        "member to admin": gives_role("member", "admin"),
        "member to owner": gives_role("member", "owner"),
        "owner to member": gives_role("owner", "member"),
        "guest to member": gives_role("guest", "member"),
        "oneself to owner": _makes_oneself_owner,
        "nobody": asks("/api/members/nobody", "PATCH", {"role": "guest"}),
    },
    "DELETE /api/members/{person}": {
        "a member": removes("member"),
        "an owner": removes("owner"),
        "oneself": _leaves,
        "nobody": asks("/api/members/nobody", "DELETE"),
    },
    "GET /api/invitations": {"an invitation": lists(f"/api/invitations?{MANY}", INVITATION)},
    "POST /api/invitations": {
        "a member": adds(t.invitation, "/api/invitations", {"role": "member"}),
        "an admin": adds(t.invitation, "/api/invitations", {"role": "admin"}),
        "an owner": adds(t.invitation, "/api/invitations", {"role": "owner"}),
    },
    "DELETE /api/invitations/{invitation}": {
        "an invitation": ends("/api/invitations/{id}", INVITATION, is_live(t.invitation)),
        "one for an owner": ends("/api/invitations/{id}", FOR_AN_OWNER, is_live(t.invitation)),
    },
}


# -- device codes --------------------------------------------------------------------------------------------


async def _ask_for_code(stage: Stage, client: str) -> tuple[str, str]:
    made = stage.hub.accounts.devices.create(client=client, app="cam", version="1", machine="pc", scopes=list(Scope))
    device, user = await stage.on_hub(made)
    return str(device), str(user)


def decides(verdict: str, *, scope: str = "", of_team: bool = False) -> Probe:
    """Look at a code that is new for each cell, let its app in, or turn it away."""

    async def probe(stage: Stage, actor: Actor) -> str:
        client = "arkitekt-next"
        if of_team:
            body = {**PROGRAM, "is_public": True, "scopes": list(Scope)}
            client = await made_by("owner", "/api/clients", body)(stage)
        device, user = await _ask_for_code(stage, client)
        if not verdict:
            return word_of(await actor.web.get(f"/api/devices/{user}"))
        body = {"scopes": [scope]} if scope else None
        word = word_of(await actor.web.post(f"/api/devices/{user}/{verdict}", json=body))
        code = await stage.on_hub(stage.hub.accounts.devices.find(device))
        return checked(word, has_happened=code.status != "pending")

    return probe


SIGN_INS: Probes = {
    "GET /api/logins": {
        "the author's": lists(f"/api/logins?{MANY}", login_of("author")),
        "all, the author's": lists(f"/api/logins?{MANY}&all=true", login_of("author")),
    },
    "DELETE /api/logins/{login}": {
        "the author's": ends("/api/logins/{id}", login_of("author"), login_is_there),
        "an owner's": ends("/api/logins/{id}", login_of("owner"), login_is_there),
        "one's own": _ends_own_login,
    },
    "GET /api/redeem-tokens": {
        "the author's": lists(f"/api/redeem-tokens?{MANY}", TOKEN),
        "all, the author's": lists(f"/api/redeem-tokens?{MANY}&all=true", TOKEN),
    },
    "POST /api/redeem-tokens": {
        "to read": adds(t.redeem_token, "/api/redeem-tokens", {"scopes": ["read"]}),
        "to manage": adds(t.redeem_token, "/api/redeem-tokens", {"scopes": ["manage"]}),
        "to provide": adds(t.redeem_token, "/api/redeem-tokens", {"scopes": ["provide"]}),
    },
    "DELETE /api/redeem-tokens/{token}": {
        "the author's": ends("/api/redeem-tokens/{id}", TOKEN, is_live(t.redeem_token)),
        "an owner's": ends("/api/redeem-tokens/{id}", OWNERS_TOKEN, is_live(t.redeem_token)),
    },
    "GET /api/devices/{user_code}": {
        "a code": decides(""),
        "the team's program": decides("", of_team=True),
    },
    "POST /api/devices/{user_code}/approve": {
        "to read": decides("approve", scope="read"),
        "to manage": decides("approve", scope="manage"),
        "to provide": decides("approve", scope="provide"),
        "the team's program": decides("approve", scope="manage", of_team=True),
    },
    "POST /api/devices/{user_code}/deny": {
        "a code": decides("deny"),
        "the team's program": decides("deny", of_team=True),
    },
    "GET /api/clients": {"the team's program": lists(f"/api/clients?{MANY}", CLIENT)},
    "POST /api/clients": {"a program": adds(t.client, "/api/clients", PROGRAM)},
    "DELETE /api/clients/{client}": {
        "the team's program": ends("/api/clients/{id}", CLIENT, is_live(t.client)),
    },
}


# -- the hub -------------------------------------------------------------------------------------------------


def changes_person(field: str) -> Probe:
    """Change an account that is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        person = await stage.newcomer("member")
        word = word_of(await actor.web.patch(f"/api/people/{person}", json={field: True}))
        now = await stage.on_hub(stage.hub.accounts.people.find(person))
        await stage.on_hub(stage.hub.accounts.people.set_hub_owner(person, False)) if now.is_hub_owner else None
        return checked(word, has_happened=bool(getattr(now, field)))

    return probe


async def _makes_oneself_hub_owner(stage: Stage, actor: Actor) -> str:
    word = word_of(await actor.web.patch(f"/api/people/{actor.person}", json={"is_hub_owner": True}))
    now = await stage.on_hub(stage.hub.accounts.people.find(actor.person))
    is_one_anyhow = actor.person == stage.hub.accounts.owner  # whose bad tokens are asked with
    return checked(word, has_happened=bool(now.is_hub_owner) and not is_one_anyhow)


async def _makes_link(stage: Stage, actor: Actor) -> str:
    person = await stage.newcomer("member")
    before = await stage.count(t.account_link)
    word = word_of(await actor.web.post(f"/api/people/{person}/link"))
    return checked(word, has_happened=await stage.count(t.account_link) == before + 1)


async def _rotates(stage: Stage, actor: Actor) -> str:
    before = await stage.count(t.signing_key)
    word = word_of(await actor.web.post("/api/keys/rotate"))
    return checked(word, has_happened=await stage.count(t.signing_key) == before + 1)


def audited(path: str, name: str) -> Probe:
    """Look in an audit log for what an actor has just done."""

    async def probe(stage: Stage, actor: Actor) -> str:
        id = await made_by(name, "/api/invitations", {})(stage)
        return await shows(path, id)(stage, actor)

    return probe


HUB: Probes = {
    "GET /api/people": {"the author": _of_author(f"/api/people?{MANY}")},
    "POST /api/people": {
        "a member": adds(t.person, "/api/people", {"email": "", "role": "member"}),
        "in another team": adds(t.person, "/api/people", {"email": "", "team": "{away}"}),
    },
    "PATCH /api/people/{person}": {
        "disable a member": changes_person("is_disabled"),
        "make hub owner": changes_person("is_hub_owner"),
        "oneself hub owner": _makes_oneself_hub_owner,
    },
    "POST /api/people/{person}/link": {"a member": _makes_link},
    "GET /api/keys": {"keys": asks("/api/keys")},
    "POST /api/keys/rotate": {"keys": _rotates},
    "GET /api/audit": {
        "of the team": audited(f"/api/audit?{MANY}", "owner"),
        "of the other team": audited(f"/api/audit?{MANY}", "other"),
    },
    "GET /api/audit/verify": {"the log": asks("/api/audit/verify")},
    "GET /api/team/audit": {
        "of the team": audited(f"/api/team/audit?{MANY}", "owner"),
        "of the other team": audited(f"/api/team/audit?{MANY}", "other"),
    },
}
