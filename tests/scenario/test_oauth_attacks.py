"""What attackers of OAuth try (RFC 9700, RFC 8725), against a running hub. Each test prints how many tries it made."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx2
import pytest

from arkitekt_next.auth.secrets import USER_CODE_ALPHABET
from arkitekt_next.embedded import serve
from arkitekt_next.errors import HubBusy, NotFound, RequestRefused
from arkitekt_next.hub.accounts import throttle as throttle_module
from arkitekt_next.hub.accounts.oauth import authorize
from arkitekt_next.hub.accounts.throttle import Throttle
from tests.support.oauth import REDIRECT, Device, Program, accounts_of, agree, ask, device_sign_in, register
from tests.support.raw import RawClient
from tests.support.rest import on_hub
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("oauth.attacks")

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
HTTPS = "https://reader.example.org/cb"
STRANGE_REDIRECTS = """
https://evil.example/cb
https://evil.example/reader.example.org/cb
https://reader.example.org.evil.example/cb
https://evil-reader.example.org/cb
https://reader.example.org@evil.example/cb
https://reader.example.org:password@evil.example/cb
https://evil.example#@reader.example.org/cb
https://evil.example?@reader.example.org/cb
https://evil.example\\@reader.example.org/cb
https://evil.example\\.reader.example.org/cb
https://evil.example%2f.reader.example.org/cb
https://evil.example%00.reader.example.org/cb
https://reader.example.org%2eevil.example/cb
https://reader.example.org:443/cb
https://reader.example.org:8443/cb
https://reader.example.org./cb
https://READER.example.org/cb
HTTPS://reader.example.org/cb
http://reader.example.org/cb
ftp://reader.example.org/cb
javascript://reader.example.org/cb%0aalert(1)
javascript:alert(1)
data:text/html,hello
//reader.example.org/cb
/cb
cb
https:reader.example.org/cb
https:/reader.example.org/cb
https:///reader.example.org/cb
https://reader.example.org//cb
https://reader.example.org/cb/
https://reader.example.org/cb/evil
https://reader.example.org/CB
https://reader.example.org/c
https://reader.example.org/cbx
https://reader.example.org/%63b
https://reader.example.org/cb%2f
https://reader.example.org/cb/..
https://reader.example.org/cb/../evil
https://reader.example.org/evil/../cb
https://reader.example.org/./cb
https://reader.example.org/cb/%2e%2e/evil
https://reader.example.org/cb;evil
https://reader.example.org/cb?
https://reader.example.org/cb?next=https://evil.example
https://reader.example.org/cb?code=stolen
https://reader.example.org/cb#
https://reader.example.org/cb#evil
https://reader.example.org/cb%23
https://reader.example.org/cb%3Fx
https://reader.example.org/cb\t
https://reader.example.org/cb%20
 https://reader.example.org/cb
https://reader.example.org/cb https://evil.example/cb
https://reader.example.org/cb,https://evil.example/cb
https://reader.example.org/cb%0d%0aLocation:%20https://evil.example
https://rеader.example.org/cb
https://reader.example.org。evil.example/cb
https://[::1]/cb
https://127.0.0.1/cb
*
https://*/cb
null
""".strip("\n").split("\n")
STRANGE_LOOPBACKS = """
http://127.0.0.1:49152/evil
http://127.0.0.1:49152/callback/
http://127.0.0.1:49152/callback/../evil
http://127.0.0.1:49152/callback?x=1
http://127.0.0.1:49152/callback#x
http://127.0.0.1:0/callback
http://127.0.0.1:65536/callback
http://127.0.0.1:99999/callback
http://127.0.0.1:/callback
http://127.0.0.1:+80/callback
http://127.0.0.1:080/callback
http://127.0.0.1:80@evil.example/callback
http://127.0.0.1@evil.example/callback
http://evil.example:80/callback
http://127.0.0.1.evil.example/callback
http://127.0.0.2:49152/callback
http://127.1:49152/callback
http://2130706433:49152/callback
http://0x7f000001:49152/callback
http://0177.0.0.1:49152/callback
http://0.0.0.0:49152/callback
http://localhost:49152/callback
http://localhost.evil.example/callback
http://[::]:49152/callback
http://[::ffff:127.0.0.1]:49152/callback
http://[0:0:0:0:0:0:0:1]:49152/callback
https://127.0.0.1:49152/callback
HTTP://127.0.0.1:49152/callback
http://127.0.0.1:49152
http://127.0.0.1:٤٩١٥/callback
""".strip("\n").split("\n")


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


def web(server: Any, token: str | None = None) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=30)


# -- where a browser is sent ---------------------------------------------------------------------------------


def request_of(client: str, redirect: str | None, **more: str) -> list[tuple[str, str]]:
    params = [("client_id", client), ("response_type", "code"), ("state", "s"), ("code_challenge_method", "S256")]
    params += [("code_challenge", CHALLENGE)] if "code_challenge" not in more else []
    params = [(name, value) for name, value in params if name not in more]
    return params + ([("redirect_uri", redirect)] if redirect is not None else []) + list(more.items())


def test_a_browser_is_sent_to_no_address_but_the_registered_one(server: Any) -> None:
    accounts = accounts_of(server)
    client, _ = register(server, HTTPS)
    tries = [(client.id, redirect) for redirect in STRANGE_REDIRECTS]
    tries += [("arkitekt-next", redirect) for redirect in STRANGE_LOOPBACKS]
    tries += [("arkitekt-next", HTTPS), (client.id, REDIRECT), ("nobody", HTTPS)]
    for program, redirect in tries:
        for more in ({}, {"response_type": "token"}, {"scope": "everything"}, {"code_challenge_method": "plain"}):
            with pytest.raises(RequestRefused) as refused:
                ask(server, authorize.check(accounts, request_of(program, redirect, **more)))
            assert not isinstance(refused.value, authorize.Answerable), redirect
    for params in (
        request_of(client.id, None),
        request_of(client.id, ""),
        [*request_of(client.id, HTTPS), ("redirect_uri", HTTPS)],
        [*request_of(client.id, HTTPS), ("redirect_uri", "https://evil.example")],
        [*request_of(client.id, HTTPS), ("client_id", "arkitekt-next")],
    ):
        with pytest.raises(RequestRefused) as refused:
            ask(server, authorize.check(accounts, params))
        assert not isinstance(refused.value, authorize.Answerable)
    for good in (HTTPS, "http://127.0.0.1:1/callback", "http://[::1]:65535/callback"):
        owner = client.id if good == HTTPS else "arkitekt-next"
        assert ask(server, authorize.check(accounts, request_of(owner, good))).redirect_uri == good
    print(f"redirects: {len(tries) + 5} variants refused, in {4 * len(tries) + 5} requests")
    assert len(tries) >= 60


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ""}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://evil.example"}, "request_uri_not_supported"),
        ({"prompt": "none"}, "interaction_required"),
        ({"scope": "read everything"}, "invalid_scope"),
        ({"app": "No App"}, "invalid_request"),
    ],
)
def test_a_bad_request_is_told_to_its_program_at_its_own_address(server: Any, more: Any, error: str) -> None:
    with pytest.raises(authorize.Answerable) as refused:
        ask(server, authorize.check(accounts_of(server), request_of("arkitekt-next", REDIRECT, **more)))
    query = parse_qs(urlsplit(refused.value.address).query)
    assert refused.value.address.startswith(REDIRECT + "?error=")
    assert (query["error"], query["state"]) == ([error], ["s"])
    assert query["iss"] == [server.app.state.hub.url]


# -- codes ---------------------------------------------------------------------------------------------------


def code_form(server: Any) -> dict[str, str]:
    """What a program sends for the code of a person who agreed."""
    program = Program(server)
    answered = agree(server, program.address())
    return {
        "grant_type": "authorization_code",
        "client_id": "arkitekt-next",
        "redirect_uri": REDIRECT,
        "code": dict(parse_qsl(urlsplit(answered).query))["code"],
        "code_verifier": program.session._code_verifier,
    }


@scenario
async def test_a_code_that_is_replayed_in_parallel_gives_one_sign_in_at_most_and_then_none(server: Any) -> None:
    replays = 60
    form = await asyncio.to_thread(code_form, server)
    async with web(server) as client:
        answers = await asyncio.gather(*(client.post("/oauth/token", data=form) for _ in range(replays)))
        won = [answer.json() for answer in answers if answer.status_code == 200]
        lost = {answer.json()["error"] for answer in answers if answer.status_code != 200}
        assert len(won) <= 1
        assert lost == {"invalid_grant"}
        for tokens in won:
            refresh = {"grant_type": "refresh_token", "client_id": "arkitekt-next"}
            fresh = await client.post("/oauth/token", data={**refresh, "refresh_token": tokens["refresh_token"]})
            assert fresh.json()["error"] == "invalid_grant"
            headers = {"authorization": f"Bearer {tokens['access_token']}"}
            assert (await client.get("/api/me", headers=headers)).status_code == 401
    events = {entry.event for entry in await on_hub(server, accounts_of(server).audit.read(limit=replays))}
    assert "code.reused" in events
    print(f"code replay: {replays} in parallel, {len(won)} answered with tokens, which are revoked")


@scenario
async def test_a_refresh_token_that_is_replayed_in_parallel_gives_one_pair_at_most_and_then_none(server: Any) -> None:
    replays = 50
    tokens = await asyncio.to_thread(device_sign_in, server)
    form = {"grant_type": "refresh_token", "client_id": "arkitekt-next", "refresh_token": tokens["refresh_token"]}
    async with web(server) as client:
        answers = await asyncio.gather(*(client.post("/oauth/token", data=form) for _ in range(replays)))
        won = [answer.json() for answer in answers if answer.status_code == 200]
        assert len(won) <= 1
        for last in [tokens, *won]:
            headers = {"authorization": f"Bearer {last['access_token']}"}
            assert (await client.get("/api/me", headers=headers)).status_code == 401
            again = await client.post("/oauth/token", data={**form, "refresh_token": last["refresh_token"]})
            assert again.json()["error"] == "invalid_grant"
    print(f"refresh replay: {replays} in parallel, {len(won)} answered with tokens, which are revoked")


@pytest.mark.requirement("oauth.rotation")
@scenario
async def test_a_stolen_refresh_token_ends_the_sign_in_and_closes_its_sockets_within_five_seconds(server: Any) -> None:
    tokens = await asyncio.to_thread(device_sign_in, server, "victim")
    form = {"grant_type": "refresh_token", "client_id": "arkitekt-next", "refresh_token": tokens["refresh_token"]}
    async with web(server) as client:
        mine = (await client.post("/oauth/token", data=form)).json()
        opened = await RawClient(server.url, mine["access_token"], "victim").open()
        began = time.monotonic()
        stolen = await client.post("/oauth/token", data=form)
        assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
        async with asyncio.timeout(5):
            await opened.socket.wait_closed()
        took_s = time.monotonic() - began
        assert opened.socket.close_code == 4401
        await opened.close()
        headers = {"authorization": f"Bearer {mine['access_token']}"}
        assert (await client.get("/api/me", headers=headers)).status_code == 401
        last = await client.post("/oauth/token", data={**form, "refresh_token": mine["refresh_token"]})
        assert last.json()["error"] == "invalid_grant"
    newest = (await on_hub(server, accounts_of(server).audit.read(limit=1)))[0]
    assert newest.event == "refresh_token.reused"
    print(f"refresh reuse: the socket closed after {took_s * 1000:.0f} ms")


# -- PKCE ----------------------------------------------------------------------------------------------------


def test_a_request_without_s256_is_refused_before_anybody_is_asked(server: Any) -> None:
    downgrades: list[dict[str, str]] = [
        {"code_challenge": ""},
        {"code_challenge_method": ""},
        {"code_challenge": "", "code_challenge_method": ""},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "PLAIN"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": "S256 "},
        {"code_challenge_method": "S512"},
        {"code_challenge_method": "none"},
        {"code_challenge": CHALLENGE[:-1]},
        {"code_challenge": CHALLENGE + "="},
        {"code_challenge": CHALLENGE + "A"},
        {"code_challenge": CHALLENGE[:-1] + "+"},
        {"code_challenge": CHALLENGE + "\n"},
        {"code_challenge": " " + CHALLENGE[1:]},
        {"code_challenge": "A" * 128, "code_challenge_method": "plain"},
    ]
    repeated = [("code_challenge", "A" * 43), ("code_challenge_method", "plain"), ("code_challenge", "")]
    for more in downgrades:
        with pytest.raises(authorize.Answerable) as refused:
            ask(server, authorize.check(accounts_of(server), request_of("arkitekt-next", REDIRECT, **more)))
        assert refused.value.error == "invalid_request", more
    for one in repeated:
        with pytest.raises(authorize.Answerable, match="each parameter once"):
            ask(server, authorize.check(accounts_of(server), [*request_of("arkitekt-next", REDIRECT), one]))
    print(f"PKCE: {len(downgrades) + len(repeated)} downgrades of the request refused")


@scenario
async def test_a_code_without_the_right_verifier_gives_nothing(server: Any) -> None:
    form = await asyncio.to_thread(code_form, server)
    right = form["code_verifier"]
    other, _ = await asyncio.to_thread(register, server, "http://127.0.0.1/callback")
    challenge = (await on_hub(server, accounts_of(server).codes.find(form["code"]))).challenge
    wrong: list[dict[str, str]] = [
        {},
        {"code_verifier": ""},
        {"code_verifier": challenge},
        {"code_verifier": challenge, "code_challenge_method": "plain"},
        {"code_verifier": challenge, "code_challenge": challenge, "code_challenge_method": "plain"},
        {"code_verifier": right[:42]},
        {"code_verifier": right[:-1]},
        {"code_verifier": right + "a"},
        {"code_verifier": right + "\n"},
        {"code_verifier": " " + right},
        {"code_verifier": right.swapcase()},
        {"code_verifier": right[::-1]},
        {"code_verifier": "a" * 43},
        {"code_verifier": "a" * 128},
        {"code_verifier": "a" * 129},
        {"code_verifier": "a" * 4000},
        {"code_verifier": "ä" * 43},
        {"code_verifier": right + "\0"},
        {"code_verifier": secrets.token_urlsafe(32)},
        {"verifier": right},
        {"code_verifier": right, "redirect_uri": "http://127.0.0.1:49153/callback"},
        {"code_verifier": right, "redirect_uri": ""},
        {"code_verifier": right, "client_id": "nobody"},
        {"code_verifier": right, "client_id": other.id},
    ]
    without = {name: value for name, value in form.items() if name != "code_verifier"}
    async with web(server) as client:
        for more in wrong:
            refused = await client.post("/oauth/token", data={**without, **more})
            assert refused.status_code in (400, 401), more
            assert refused.json()["error"] in ("invalid_request", "invalid_grant", "invalid_client"), more
        twice = "&".join(f"{name}={value}" for name, value in form.items()) + f"&code_verifier={right}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert (await client.post("/oauth/token", content=twice, headers=headers)).status_code == 400
        assert (await client.post("/oauth/token", data=form)).status_code == 200
    print(f"PKCE: {len(wrong) + 1} wrong verifiers refused")


# -- user codes ----------------------------------------------------------------------------------------------


def test_a_million_guesses_of_user_codes_hit_none(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The throttle of the page that takes codes, by a clock of ours: as long as a code holds, from many addresses."""
    guesses, addresses, holds_s, chance = 1_000_000, 100, 600.0, random.Random(628)
    pending = [Device(server).codes["user_code"] for _ in range(20)]
    find, now = accounts_of(server).devices.find_typed, 0.0
    monkeypatch.setattr(throttle_module, "monotonic", lambda: now)
    held = Throttle(burst=accounts_of(server).user_code_throttle.burst)
    tried: list[str] = []
    for number in range(guesses):
        now = number * holds_s / guesses
        try:
            held.take(f"10.0.0.{number % addresses}")
        except HubBusy:
            continue
        tried.append("".join(chance.choices(USER_CODE_ALPHABET, k=8)))
    hits = 0
    for code in tried:
        try:
            ask(server, find(code))
            hits += 1
        except NotFound:
            pass
    assert hits == 0
    assert len(tried) <= addresses * (10 + holds_s / 60)
    assert ask(server, find(pending[0])).status == "pending"
    odds = len(tried) * len(pending) / len(USER_CODE_ALPHABET) ** 8
    print(
        f"user codes: {guesses} guesses, {len(tried)} let through to {len(pending)} codes, {hits} hits; odds {odds:.1e}"
    )
    assert odds < 1e-5
