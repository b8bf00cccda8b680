"""How the cells of the sign-in with a provider are asked: by browsers whose sessions are the actors', with genuine forms.

To be sent to the sign-in is a `401`. The provider is one that nobody has to ask: its metadata is known already.
"""

from __future__ import annotations

import uuid
from typing import Any

import httpx2

from arkitekt_next.auth.principal import Scope
from arkitekt_next.hub.accounts.oidc.provider import Metadata, Provider
from arkitekt_next.hub.core.ids import monotonic

from .asking import Probe, Probes, checked
from .stage import NARROW, Actor, Stage

ISSUER = "https://login.example.org"


def _believe(stage: Stage) -> None:
    """Let the hub know a provider."""
    provider = Provider(issuer=ISSUER, client="hub", secret="hush", name="Lab", hub_url=stage.hub.url)
    places = (f"{ISSUER}/{name}" for name in ("authorize", "token", "jwks"))
    provider._metadata = monotonic(), Metadata(*places, None, True, False)
    stage.hub.provider = provider


async def _session(stage: Stage, actor: Actor) -> str | None:
    """Give a session of an actor's, which is as good or bad as the actor's name says."""
    if actor.name == "anon":
        return None
    logins, scopes = stage.hub.accounts.logins, NARROW.get(actor.name, list(Scope))
    issued = logins.issue(team=actor.team, person=actor.person, app="page", kind="page", scopes=scopes)
    session, who = await stage.on_hub(issued)
    stage.hub.accounts.proofs.note(who.login)  # as if they had just signed in
    if actor.name == "revoked":
        await stage.on_hub(logins.revoke([who.login]))
    if actor.name == "expired":
        await stage.on_hub(stage._age(session))
        logins.forget_person(actor.person)
    return str(session)


async def _ask(stage: Stage, actor: Actor, method: str, path: str, **fields: Any) -> tuple[str, httpx2.Response]:
    """Ask as a page of the hub would; give how it was answered, and the answer."""
    _believe(stage)
    cookies, session = stage.hub.cookies, await _session(stage, actor)
    visit = cookies.new_visit()
    is_in = session is not None and actor.name not in ("revoked", "expired")
    form = {"csrf": cookies.csrf_of(session if is_in else visit), **fields}
    jar = {cookies.visit_name: visit, **({cookies.session_name: session} if session else {})}
    async with httpx2.AsyncClient(base_url=stage.hub.url, cookies=jar, timeout=20) as web:
        headers = {"origin": stage.hub.url} if method == "POST" else {}
        answer = await web.request(method, path, data=form if method == "POST" else None, headers=headers)
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next="):
        return "401", answer
    return "ok" if answer.status_code < 400 else str(answer.status_code), answer


def _is_leaving(answer: httpx2.Response) -> bool:
    return f"{ISSUER}/authorize?" in (answer.headers.get("location") or answer.text)


async def _starts(stage: Stage, actor: Actor) -> str:
    word, answer = await _ask(stage, actor, "GET", "/oidc/start")
    return checked(word, has_happened=_is_leaving(answer) or answer.headers.get("location") == "/")


async def _comes_back(stage: Stage, actor: Actor) -> str:
    return (await _ask(stage, actor, "GET", "/oidc/callback?code=x&state=y"))[0]


async def _joins(stage: Stage, actor: Actor) -> str:
    made = await stage.actors["admin"].web.post("/api/invitations", json={"role": "member"})
    secret = made.json()["link"].rpartition("#")[2]
    word, answer = await _ask(stage, actor, "POST", "/oidc/join", secret=secret)
    return checked(word, has_happened=_is_leaving(answer))


async def _joins_by_nothing(stage: Stage, actor: Actor) -> str:
    word, answer = await _ask(stage, actor, "POST", "/oidc/join", secret="made up")
    return checked(word, has_happened=_is_leaving(answer))


async def _links(stage: Stage, actor: Actor) -> str:
    word, answer = await _ask(stage, actor, "POST", "/oidc/link")
    return checked(word, has_happened=_is_leaving(answer))


def _unlinks(whose: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        owner, subject = stage.actors[whose] if whose else actor, uuid.uuid4().hex
        identities = stage.hub.accounts.identities
        for name in (subject, f"{subject} too"):  # so that it is not the only way in
            await stage.on_hub(identities.link(ISSUER, name, owner.person))
        word, _ = await _ask(stage, actor, "POST", "/oidc/unlink", issuer=ISSUER, subject=subject)
        has_happened = await stage.on_hub(identities.find(ISSUER, subject)) is None
        return checked(word, has_happened=has_happened)

    return probe


IDENTITIES: Probes = {
    "GET /oidc/start": {"oneself": _starts},
    "GET /oidc/callback": {"an answer unasked for": _comes_back},
    "POST /oidc/join": {"an invitation": _joins, "no invitation": _joins_by_nothing},
    "POST /oidc/link": {"oneself": _links},
    "POST /oidc/unlink": {"one's own": _unlinks(""), "the author's": _unlinks("author")},
}
