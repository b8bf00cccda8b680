"""How the cells of passkeys are asked: by browsers with sessions of the actors, whose forms are genuine.

To be sent to the sign-in is a `401`.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx2

from arkitekt_next.auth.principal import Scope
from arkitekt_next.storage import tables as t
from tests.support.authenticator import Authenticator
from tests.support.browsing import forget_tries

from .asking import Probe, Probes, checked
from .stage import NARROW, Actor, Stage


class Browser:
    """A browser with a session of an actor, which is as good or bad as the actor's name says, and has just begun."""

    def __init__(self, stage: Stage, actor: Actor, session: str | None) -> None:
        cookies = stage.hub.cookies
        visit = cookies.new_visit()
        is_in = session is not None and actor.name not in ("revoked", "expired")
        self.csrf = cookies.csrf_of(session if is_in else visit)
        jar = {cookies.visit_name: visit, **({cookies.session_name: session} if session else {})}
        headers = {"origin": stage.server.url}
        self.web = httpx2.AsyncClient(base_url=stage.server.url, cookies=jar, headers=headers, timeout=20)

    async def post(self, path: str, **fields: str) -> httpx2.Response:
        """Send a form."""
        return await self.web.post(path, data={"csrf": self.csrf, **fields})


async def _browser(stage: Stage, actor: Actor) -> Browser:
    if actor.name == "anon":
        return Browser(stage, actor, None)
    accounts = stage.hub.accounts
    scopes = NARROW.get(actor.name, list(Scope))
    issued = accounts.logins.issue(team=actor.team, person=actor.person, app="page", kind="page", scopes=scopes)
    session, who = await stage.on_hub(issued)
    accounts.proofs.note(who.login)
    if actor.name == "revoked":
        await stage.on_hub(accounts.logins.revoke([who.login]))
    if actor.name == "expired":
        await stage.on_hub(stage._age(session))
        accounts.logins.forget_person(actor.person)
    return Browser(stage, actor, session)


def _word(answer: httpx2.Response) -> str:
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next="):
        return "401"
    return "ok" if answer.status_code < 400 else str(answer.status_code)


def _options(answer: httpx2.Response) -> Any:
    found = re.search(r'data-options="([^"]*)"', answer.text)
    return json.loads(html.unescape(found[1])) if found else None


async def _asks(stage: Stage, actor: Actor) -> str:
    browser = await _browser(stage, actor)
    async with browser.web:
        answer = await browser.post("/sign-in/passkey")
        return checked(_word(answer), has_happened=_options(answer) is not None)


async def _has_passkey(stage: Stage, person: str) -> tuple[Authenticator, str]:
    """Give a person a passkey; give the authenticator that holds it, and its handle."""
    passkeys = stage.hub.accounts.passkeys
    device = Authenticator(stage.hub.url)

    async def add() -> str:
        challenge, _ = passkeys.challenges.make("add", "")
        known = await stage.hub.accounts.people.find(person)
        options = await passkeys.ask_for_new(known, challenge, "Key")
        return str((await passkeys.add(person, device.make(options), challenge, name="Key")).handle)

    return device, await stage.on_hub(add())


def _signs_in(*, rightly: bool) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        author = await stage.fresh("author")
        device, _ = await _has_passkey(stage, author.person)
        forget_tries(stage.server)
        browser = await _browser(stage, actor)
        async with browser.web:
            options = _options(await browser.post("/sign-in/passkey"))
            wrong = {} if rightly else {"origin": "https://evil.example"}
            answer = await browser.post("/sign-in/passkey/answer", credential=device.use(options, **wrong))
            if not rightly:
                return _word(answer)
            me = (await browser.web.get("/api/me")).json()
        return checked(_word(answer), has_happened=me.get("person", {}).get("id") == author.person)

    return probe


async def _asks_for_new(stage: Stage, actor: Actor) -> str:
    browser = await _browser(stage, actor)
    async with browser.web:
        answer = await browser.post("/passkeys/new", name="Key")
        return checked(_word(answer), has_happened=_options(answer) is not None)


async def _adds(stage: Stage, actor: Actor) -> str:
    who = await stage.fresh(actor.name)
    browser, device = await _browser(stage, who), Authenticator(stage.hub.url)
    async with browser.web:
        options = _options(await browser.post("/passkeys/new", name="Key"))
        credential = device.make(options) if options else "{}"
        before = await stage.count(t.passkey)
        answer = await browser.post("/passkeys/add", name="Key", credential=credential)
    return checked(_word(answer), has_happened=await stage.count(t.passkey) == before + 1)


def _removes(owner: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        who = await stage.fresh(actor.name)
        person = who.person if owner == "self" else (await stage.fresh(owner)).person
        for _ in range(2):  # so that one of them is not the only way in
            _, handle = await _has_passkey(stage, person)
        browser = await _browser(stage, who)
        before = await stage.count(t.passkey)
        async with browser.web:
            answer = await browser.post("/passkeys/remove", passkey=handle)
        return checked(_word(answer), has_happened=await stage.count(t.passkey) == before - 1)

    return probe


PASSKEYS: Probes = {
    "POST /sign-in/passkey": {"anybody": _asks},
    "POST /sign-in/passkey/answer": {
        "the author's, in hand": _signs_in(rightly=True),
        "a wrong answer": _signs_in(rightly=False),
    },
    "POST /passkeys/new": {"oneself": _asks_for_new},
    "POST /passkeys/add": {"oneself": _adds},
    "POST /passkeys/remove": {"one's own": _removes("self"), "the author's": _removes("author")},
}
