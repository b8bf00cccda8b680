"""How the cells of routes that need no sign-in are asked: each with the token of the actor, which is to change nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from arkitekt_next.auth.principal import Scope

from .accounts import made_by
from .asking import Probe, Probes, asks, checked, word_of
from .stage import Actor, Stage

NATIVE = "arkitekt-next"
REDEEM = "urn:arkitekt:params:oauth:grant-type:redeem_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def _word(answer: Any) -> str:
    """Say how OAuth answered; its errors have codes of their own."""
    return "ok" if answer.status_code < 400 else str(answer.status_code)


def _posts(path: str, **form: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        return _word(await actor.web.post(path, data=form))

    return probe


# -- the local sign-in ---------------------------------------------------------------------------------------


async def _challenge(stage: Stage, actor: Actor) -> Any:
    answer = await actor.web.post("/api/auth/local/challenge", json={"client_nonce": "ab" * 16})
    return answer


async def _opens_challenge(stage: Stage, actor: Actor) -> str:
    return word_of(await _challenge(stage, actor))


def _proves(*, rightly: bool) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        opened = (await _challenge(stage, actor)).json()
        key = bytes.fromhex((stage.server.folder / "local.key").read_text()) if rightly else secrets.token_bytes(32)
        authority = stage.server.url.split("//")[1]
        text = f"arkitekt-client|{authority}|{'ab' * 16}|{opened['server_nonce']}"
        proof = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        body = {"challenge": opened["challenge"], "proof": proof, "app": "web"}
        answer = await actor.web.post("/api/auth/local/token", json=body)
        return checked(word_of(answer), has_happened="token" in answer.json())

    return probe


async def _is_told_who(stage: Stage, actor: Actor) -> str:
    answer = await actor.web.get("/oauth/userinfo")
    assert answer.status_code != 200 or answer.json()["sub"] == actor.person
    return _word(answer)


# -- OAuth ---------------------------------------------------------------------------------------------------


async def _waits(stage: Stage, actor: Actor) -> str:
    made = stage.hub.accounts.devices.create(client=NATIVE, app="cam", version="", machine="", scopes=list(Scope))
    device, _ = await stage.on_hub(made)
    form = {"grant_type": DEVICE, "client_id": NATIVE, "device_code": device}
    return _word(await actor.web.post("/oauth/token", data=form))


async def _redeems(stage: Stage, actor: Actor) -> str:
    made = await stage.actors["author"].web.post("/api/redeem-tokens", json={})
    form = {"grant_type": REDEEM, "client_id": NATIVE, "redeem_token": made.json()["secret"], "app": "cam"}
    answer = await actor.web.post("/oauth/token", data=form)
    body = answer.json()
    if answer.status_code == 200:  # it stands for who made it, whoever brings it
        who = await stage.on_hub(stage.hub.accounts.logins.identify_token(body["access_token"]))
        assert (who.person, who.team) == (stage.actors["author"].person, stage.home)
    return _word(answer)


async def _signed(stage: Stage, name: str, client: str = NATIVE) -> tuple[str, str]:
    """Sign an actor's app in by OAuth; give its sign-in and an access token."""
    logins, actor = stage.hub.accounts.logins, stage.actors[name]
    begun = logins.begin(
        team=actor.team, person=actor.person, app="cam", kind="device", scopes=list(Scope), client=client
    )
    login = await stage.on_hub(begun)
    return login.id, await stage.on_hub(logins.issue_access(login))


def _revokes(client: str, *, in_hand: bool = True) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        login, token = await _signed(stage, "author")
        name = client
        if not client:
            body = {"name": "P", "redirect_uris": ["https://p.example.org/cb"], "is_public": True}
            name = await made_by("other", "/api/clients", body)(stage)
        form = {"token": token if in_hand else "made up", "client_id": name}
        word = _word(await actor.web.post("/oauth/revoke", data=form))
        has_ended = (await stage.on_hub(stage.hub.accounts.logins.find(login))).revoked_at_us is not None
        assert word == "ok"
        return "ok" if has_ended else "none"

    return probe


async def _introspects(stage: Stage, actor: Actor) -> str:
    _, token = await _signed(stage, "author")
    answer = await actor.web.post("/oauth/introspect", data={"token": token})
    if answer.status_code >= 400:
        return str(answer.status_code)
    is_shown = stage.actors["author"].person in answer.text
    assert answer.json()["active"] is is_shown
    return "shown" if is_shown else "hidden"


PUBLIC: Probes = {
    "GET /health": {"anybody": asks("/health")},
    "GET /metrics": {"anybody": asks("/metrics")},
    "GET /api/openapi.json": {"anybody": asks("/api/openapi.json")},
    "GET /api/schema/messages.json": {"anybody": asks("/api/schema/messages.json")},
    "GET /api/schema/definition.json": {"anybody": asks("/api/schema/definition.json")},
    "POST /api/auth/local/challenge": {"anybody": _opens_challenge},
    "POST /api/auth/local/token": {"a proof": _proves(rightly=True), "a wrong proof": _proves(rightly=False)},
    "GET /.well-known/oauth-authorization-server": {"anybody": asks("/.well-known/oauth-authorization-server")},
    "GET /.well-known/openid-configuration": {"anybody": asks("/.well-known/openid-configuration")},
    "GET /oauth/jwks": {"anybody": asks("/oauth/jwks")},
    "GET /oauth/userinfo": {"oneself": _is_told_who},
    "POST /oauth/device_authorization": {
        "the command line": _posts("/oauth/device_authorization", client_id=NATIVE, scope="read"),
        "an unknown program": _posts("/oauth/device_authorization", client_id="nobody", scope="read"),
    },
    "POST /oauth/token": {
        "a waiting device": _waits,
        "a redeem token": _redeems,
        "a made-up token": _posts("/oauth/token", grant_type=REDEEM, client_id=NATIVE, redeem_token="x", app="cam"),
    },
    "POST /oauth/revoke": {
        "a token in hand": _revokes(NATIVE),
        "by another program": _revokes(""),
        "a made-up token": _revokes(NATIVE, in_hand=False),
    },
    "POST /oauth/introspect": {"a token in hand": _introspects},
}
