"""How the cells of the pages are asked: by browsers whose sessions are those of the actors, and whose forms are genuine.

So whatever is refused, is refused by the rules, and not by what guards browsers. To be sent to the sign-in is a `401`.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import httpx2

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.storage import tables as t
from tests.support.browsing import forget_tries
from tests.support.rest import rest
from tests.support.teams import PASSWORD, new_team

from .accounts import FOR_AN_OWNER, INVITATION, PROGRAM, is_live, login_is_there, login_of, made_by
from .asking import Probe, Probes, asks, checked, fill, word_of
from .public import NATIVE
from .stage import Actor, Stage

REDIRECT = "https://plates.example.org/cb"
Fields = dict[str, str]
HasHappened = Callable[[], Awaitable[bool]]


class Browser:
    """A browser with a session of an actor, which is as good or bad as the actor's name says."""

    def __init__(self, stage: Stage, actor: Actor, session: str | None) -> None:
        cookies = stage.hub.cookies
        self.visit = cookies.new_visit()
        self.is_in = session is not None and actor.name not in ("revoked", "expired")
        self.csrf = cookies.csrf_of(session if self.is_in else self.visit)
        jar = {cookies.visit_name: self.visit, **({cookies.session_name: session} if session else {})}
        headers = {"origin": stage.server.url}
        self.web = httpx2.AsyncClient(base_url=stage.server.url, cookies=jar, headers=headers, timeout=20)

    async def get(self, path: str) -> httpx2.Response:
        """Open a page, without following where it sends."""
        async with self.web as web:
            return await web.get(path)

    async def post(self, path: str, **fields: Any) -> httpx2.Response:
        """Send a form."""
        async with self.web as web:
            return await web.post(path, data={"csrf": self.csrf, **fields})


async def browser_of(stage: Stage, actor: Actor) -> Browser:
    """Open a browser with a new session."""
    session = await stage.token(actor.name, "page", person=actor.person, team=actor.team, kind="page")
    browser = Browser(stage, actor, session)
    if browser.is_in:
        accounts = stage.hub.accounts
        who = await stage.on_hub(accounts.logins.identify_token(session, kind="page"))
        accounts.proofs.note(who.login)  # as if they had just signed in
    return browser


def word(answer: httpx2.Response) -> str:
    """Say how a page was answered."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next="):
        return "401"
    return "ok" if answer.status_code < 400 else str(answer.status_code)


def opens(path: str) -> Probe:
    """Open a page."""

    async def probe(stage: Stage, actor: Actor) -> str:
        return word(await (await browser_of(stage, actor)).get(fill(path, stage)))

    return probe


async def _on_home(stage: Stage, actor: Actor, text: str, section: str = "") -> str:
    answer = await (await browser_of(stage, actor)).get("/account")
    said = word(answer)
    if said != "ok":
        return said
    part = answer.text.partition(f'aria-labelledby="{section}"')[2].partition("</section>")[0]
    return "shown" if text in (part if section else answer.text) else "hidden"


async def _shows_author(stage: Stage, actor: Actor) -> str:
    author = await stage.on_hub(stage.hub.accounts.people.find(stage.actors["author"].person))
    return await _on_home(stage, actor, author.name)


async def _shows_address(stage: Stage, actor: Actor) -> str:
    author = await stage.on_hub(stage.hub.accounts.people.find(stage.actors["author"].person))
    return await _on_home(stage, actor, author.email)


def shows_made(make: Callable[[Stage], Awaitable[str]]) -> Probe:
    """Look on the home page for something that was just made."""

    async def probe(stage: Stage, actor: Actor) -> str:
        return await _on_home(stage, actor, await make(stage))

    return probe


async def _shows_team_app(stage: Stage, actor: Actor) -> str:
    return await _on_home(stage, actor, stage.team.app, "apps")


async def _shows_private_app(stage: Stage, actor: Actor) -> str:
    return await _on_home(stage, actor, stage.private.app, "apps")


# -- people and teams ----------------------------------------------------------------------------------------


async def _goes_to_other_team(stage: Stage, actor: Actor) -> str:
    return word(await (await browser_of(stage, actor)).post("/team/switch", team=stage.away))


async def _goes_to_team(stage: Stage, actor: Actor) -> str:
    return word(await (await browser_of(stage, actor)).post("/team/switch", team=stage.home))


async def _leaves(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    said = word(await (await browser_of(stage, who)).post("/team/leave"))
    return checked(said, has_happened=stage.hub.accounts.people.role_of(who.team, who.person) is None)


def ends(path: str, field: str, make: Any, is_there: Any) -> Probe:
    """End something that is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        id = await make(stage)
        said = word(await (await browser_of(stage, actor)).post(path, **{field: id}))
        return checked(said, has_happened=not await is_there(stage, id))

    return probe


def invites(role: str) -> Probe:
    """Make an invitation; there has to be one more, or none."""

    async def probe(stage: Stage, actor: Actor) -> str:
        before = await stage.count(t.invitation)
        said = word(await (await browser_of(stage, actor)).post("/invitations", role=role, days="7", uses="1"))
        return checked(said, has_happened=await stage.count(t.invitation) == before + 1)

    return probe


def gives_role(old: str, new: str) -> Probe:
    """Change the role of somebody who is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        person = await stage.newcomer(old)
        said = word(await (await browser_of(stage, actor)).post("/members/role", person=person, role=new))
        now = stage.hub.accounts.people.role_of(stage.home, person)
        assert now in (Role(old), Role(new))
        return checked(said, has_happened=now is Role(new))

    return probe


def removes(role: str) -> Probe:
    """Remove somebody who is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        person = await stage.newcomer(role)
        said = word(await (await browser_of(stage, actor)).post("/members/remove", person=person))
        return checked(said, has_happened=stage.hub.accounts.people.role_of(stage.home, person) is None)

    return probe


# -- coming in and going out ---------------------------------------------------------------------------------


def signs_in(*, rightly: bool) -> Probe:
    """Sign in as the author, by a password that is right or wrong."""

    async def probe(stage: Stage, actor: Actor) -> str:
        people = stage.hub.accounts.people
        author = await stage.on_hub(people.find(stage.actors["author"].person))
        await stage.on_hub(people.set_password(author.id, PASSWORD))
        forget_tries(stage.server)
        password = PASSWORD if rightly else "another password"
        answer = await (await browser_of(stage, actor)).post("/sign-in", email=author.email, password=password)
        return checked(word(answer), has_happened=stage.hub.cookies.session_name in answer.cookies)

    return probe


async def _signs_out(stage: Stage, actor: Actor) -> str:
    browser = await browser_of(stage, actor)
    return word(await browser.post("/sign-out"))


def by_secret(path: str, make: Callable[[Stage], Awaitable[str]], **fields: str) -> Probe:
    """Send the secret of a link, which works for whoever holds it."""

    async def probe(stage: Stage, actor: Actor) -> str:
        sent = {name: value.replace("NEW", uuid.uuid4().hex[:10]) for name, value in fields.items()}
        return word(await (await browser_of(stage, actor)).post(path, secret=await make(stage), **sent))

    return probe


async def _made_up(stage: Stage) -> str:
    return "made-up"


async def _door(stage: Stage) -> str:
    author = stage.actors["author"]
    return str(stage.hub.accounts.doors.open(team=author.team, person=author.person))


async def _account_link(stage: Stage) -> str:
    return str(await stage.on_hub(stage.hub.accounts.links.create(await stage.newcomer())))


async def _invitation(stage: Stage) -> str:
    """Invite into a team that none of the actors is in."""
    team = await new_team(stage.server)
    owner = await stage.newcomer("owner", team)
    logins = stage.hub.accounts.logins
    who = (await stage.on_hub(logins.issue(team=team, person=owner, app="web", kind="device")))[1]
    made = stage.hub.accounts.invitations.create(who, Role.MEMBER, expires_s=3600, uses=1)
    return str((await stage.on_hub(made))[1])


async def _accepts(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    before = len(stage.hub.accounts.people.teams_of(who.person))
    said = word(await (await browser_of(stage, who)).post("/invite/accept", secret=await _invitation(stage)))
    return checked(said, has_happened=len(stage.hub.accounts.people.teams_of(who.person)) == before + 1)


def accepts_by_password(*, rightly: bool) -> Probe:
    """Accept an invitation as somebody with a password."""

    async def probe(stage: Stage, actor: Actor) -> str:
        people = stage.hub.accounts.people
        person = await stage.on_hub(people.find(await stage.newcomer()))
        await stage.on_hub(people.set_password(person.id, PASSWORD))
        forget_tries(stage.server)
        fields = {"email": person.email, "password": PASSWORD if rightly else "another password"}
        sent = {**fields, "secret": await _invitation(stage)}
        said = word(await (await browser_of(stage, actor)).post("/invite/sign-in", **sent))
        return checked(said, has_happened=len(people.teams_of(person.id)) == 2)

    return probe


async def _begins_set_up(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    before = await stage.count(t.account_link)
    said = word(await (await browser_of(stage, who)).post("/setup/begin"))
    return checked(said, has_happened=await stage.count(t.account_link) == before + 1)


# -- apps and programs ---------------------------------------------------------------------------------------


async def _code(stage: Stage, *, of_team: bool) -> tuple[str, str]:
    client = NATIVE
    if of_team:
        client = await made_by("owner", "/api/clients", {**PROGRAM, "is_public": True, "scopes": list(Scope)})(stage)
    made = stage.hub.accounts.devices.create(client=client, app="cam", version="1", machine="pc", scopes=list(Scope))
    device, user = await stage.on_hub(made)
    return str(device), str(user)


def looks_at_code(*, of_team: bool = False) -> Probe:
    """Look at what stands behind a code."""

    async def probe(stage: Stage, actor: Actor) -> str:
        _, user = await _code(stage, of_team=of_team)
        return word(await (await browser_of(stage, actor)).post("/device", secret=user))

    return probe


def decides(decision: str, *, scope: str = "read", of_team: bool = False, team: str = "") -> Probe:
    """Let an app in, or turn it away."""

    async def probe(stage: Stage, actor: Actor) -> str:
        device, user = await _code(stage, of_team=of_team)
        fields = {"code": user, "decision": decision, "scope": scope, "team": fill(team, stage) or actor.team}
        said = word(await (await browser_of(stage, actor)).post("/device/decide", **fields))
        code = await stage.on_hub(stage.hub.accounts.devices.find(device))
        return checked(said, has_happened=code.status != "pending")

    return probe


async def _address(stage: Stage, *, of_team: bool) -> str:
    client, redirect = NATIVE, "http://127.0.0.1:5000/callback"
    if of_team:
        body = {**PROGRAM, "is_public": True, "scopes": list(Scope)}
        client, redirect = await made_by("owner", "/api/clients", body)(stage), REDIRECT
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": redirect,
        "scope": "read manage provide",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"/oauth/authorize?{urlencode(asked)}"


def is_asked(*, of_team: bool = False) -> Probe:
    """Open the page on which a program asks."""

    async def probe(stage: Stage, actor: Actor) -> str:
        address = await _address(stage, of_team=of_team)
        return word(await (await browser_of(stage, actor)).get(address))

    return probe


def agrees(decision: str, *, scope: str = "read", of_team: bool = False, team: str = "") -> Probe:
    """Decide about a program; it gets a code, or none."""

    async def probe(stage: Stage, actor: Actor) -> str:
        fields = {"decision": decision, "scope": scope, "team": fill(team, stage) or actor.team}
        address = await _address(stage, of_team=of_team)
        before = await stage.count(t.authorization_code)
        said = word(await (await browser_of(stage, actor)).post(address, **fields))
        has_code = await stage.count(t.authorization_code) == before + 1
        return checked(said, has_happened=has_code) if decision == "approve" else said

    return probe


# -- what REST keeps for the machine's own user --------------------------------------------------------------


def locally(path: str, body: dict[str, str] | None = None) -> Probe:
    """Ask with the token of a local sign-in, as if the actor had one."""

    async def probe(stage: Stage, actor: Actor) -> str:
        app = f"local-{uuid.uuid4().hex[:8]}"
        token = await stage.token(actor.name, app, person=actor.person, team=actor.team, kind="local")
        sent = {name: fill(value, stage) for name, value in body.items()} if body else None
        async with rest(stage.server, token=token or "nothing") as web:
            return word_of(await web.post(path, json=sent))

    return probe


def _switches(team: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        return word_of(await actor.web.post("/api/team/switch", json={"team": fill(team, stage)}))

    return probe


MACHINE: Probes = {
    "POST /api/team/switch": {
        "by an app's sign-in": _switches("{home}"),
        "by a local one": locally("/api/team/switch", {"team": "{home}"}),
        "to the other team": locally("/api/team/switch", {"team": "{away}"}),
    },
    "GET /api/account/setup": {"the hub": asks("/api/account/setup")},
    "POST /api/account/link": {
        "by an app's sign-in": asks("/api/account/link", "POST"),
        "by a local one": locally("/api/account/link"),
    },
    "POST /api/account/page-link": {
        "by an app's sign-in": asks("/api/account/page-link", "POST"),
        "by a local one": locally("/api/account/page-link"),
    },
}

NAMED = {"name": "New", "email": "new-NEW@lab.org", "password": PASSWORD}
PAGES: Probes = {
    "GET /": {"oneself": opens("/")},
    "GET /account": {
        "oneself": opens("/account"),
        "the author": _shows_author,
        "author's address": _shows_address,
        "author's sign-in": shows_made(login_of("author")),
        "an invitation": shows_made(INVITATION),
        "team app": _shows_team_app,
        "private app": _shows_private_app,
    },
    "POST /team/switch": {"to the team": _goes_to_team, "to the other team": _goes_to_other_team},
    "POST /team/leave": {"oneself": _leaves},
    "POST /logins/revoke": {
        "the author's": ends("/logins/revoke", "login", login_of("author"), login_is_there),
        "an owner's": ends("/logins/revoke", "login", login_of("owner"), login_is_there),
    },
    "POST /invitations": {"a member": invites("member"), "an admin": invites("admin"), "an owner": invites("owner")},
    "POST /invitations/revoke": {
        "an invitation": ends("/invitations/revoke", "invitation", INVITATION, is_live(t.invitation)),
        "one for an owner": ends("/invitations/revoke", "invitation", FOR_AN_OWNER, is_live(t.invitation)),
    },
    "POST /members/role": {
        "member to admin": gives_role("member", "admin"),
        "member to owner": gives_role("member", "owner"),
        "owner to member": gives_role("owner", "member"),
    },
    "POST /members/remove": {"a member": removes("member"), "an owner": removes("owner")},
    "GET /sign-in": {"anybody": opens("/sign-in")},
    "POST /sign-in": {"a password": signs_in(rightly=True), "a wrong password": signs_in(rightly=False)},
    "POST /sign-out": {"oneself": _signs_out},
    "GET /enter": {"anybody": opens("/enter")},
    "POST /enter": {"a link in hand": by_secret("/enter", _door), "a made-up link": by_secret("/enter", _made_up)},
    "GET /setup": {"anybody": opens("/setup")},
    "POST /setup": {
        "a link in hand": by_secret("/setup", _account_link),
        "a made-up link": by_secret("/setup", _made_up),
    },
    "POST /setup/account": {
        "a link in hand": by_secret("/setup/account", _account_link, **NAMED),
        "a made-up link": by_secret("/setup/account", _made_up, **NAMED),
    },
    "POST /setup/begin": {"oneself": _begins_set_up},
    "GET /invite": {"anybody": opens("/invite")},
    "POST /invite": {
        "a link in hand": by_secret("/invite", _invitation),
        "a made-up link": by_secret("/invite", _made_up),
    },
    "POST /invite/accept": {"a link in hand": _accepts},
    "POST /invite/sign-in": {
        "a link in hand": accepts_by_password(rightly=True),
        "a wrong password": accepts_by_password(rightly=False),
    },
    "POST /invite/account": {
        "a link in hand": by_secret("/invite/account", _invitation, **NAMED),
        "a made-up link": by_secret("/invite/account", _made_up, **NAMED),
    },
    "GET /device": {"oneself": opens("/device")},
    "POST /device": {"a code": looks_at_code(), "the team's program": looks_at_code(of_team=True)},
    "POST /device/decide": {
        "to read": decides("approve"),
        "to manage": decides("approve", scope="manage"),
        "in the other team": decides("approve", team="{away}"),
        "the team's program": decides("approve", of_team=True),
        "turn it away": decides("deny"),
        "turn team's away": decides("deny", of_team=True),
    },
    "GET /oauth/authorize": {
        "our own program": is_asked(),
        "the team's program": is_asked(of_team=True),
        "nothing": opens("/oauth/authorize"),
    },
    "POST /oauth/authorize": {
        "to read": agrees("approve"),
        "to manage": agrees("approve", scope="manage"),
        "in the other team": agrees("approve", team="{away}"),
        "the team's program": agrees("approve", of_team=True),
        "turn it away": agrees("deny"),
    },
    "GET /static/{name}": {"page.css": opens("/static/page.css"), "no such file": opens("/static/passwords")},
    "GET /app": {"its beginning": opens("/app")},
    "GET /app/{place:path}": {"a place in it": opens("/app/tasks/x"), "no such place": opens("/app/nowhere")},
    "GET /page/{name}": {"no such file": opens("/page/index.html")},
}
