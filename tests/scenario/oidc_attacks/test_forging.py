"""Forged answers and tokens of a provider. Each prints how many tries it made; none may get anybody in."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from arkitekt_next.hub.accounts.oidc.attempts import Attempts
from tests.support.browsing import Browser, is_in
from tests.support.oidc import attempt_in, census, replaced, start
from tests.support.provider import CLIENT, SECRET, Liar, at_home, b64, new_key, public_jwk, unsigned

# -- the attempt -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_only_the_browser_that_asked_gets_an_answer_once_and_in_time(server: Any, liar: Liar, browser: Browser) -> None:
    before, tries = census(server), 0
    hub = server.app.state.hub
    asked = start(browser)
    good, sealed = liar.vouch(browser), attempt_in(browser)
    heard = len(liar.heard)
    with at_home(server) as other:
        states = [
            asked["state"][:-1],
            asked["state"] + "A",
            asked["state"].lower(),
            asked["state"].swapcase(),
            "",
            "é",
            "\0",
        ]
        states += [f"{asked['state']}&state={asked['state']}", f"{asked['state']}&state=x", asked["nonce"]]
        queries = [f"code=good&state={state if '&' in state else quote(state)}" for state in states]
        queries += ["code=good", "", "state", "code=a&code=b", f"error=access_denied&state={quote(states[0])}"]
        for query in queries:
            page = browser.open(f"/oidc/callback?{query}")
            assert (page.status_code, "no longer waiting" in browser.text, is_in(browser)) == (400, True, False), query
            tries += 1
        for cookie in ("", sealed[:-2], sealed[:-1] + ("A" if sealed[-1] != "A" else "B"), "x" * 3999, "a.b.c.d.e"):
            replaced(other, cookie)
            assert other.open(good).status_code == 400
            tries += 1
        for place in range(0, len(sealed), 7):
            flipped = chr(ord(sealed[place]) ^ 1)
            replaced(other, sealed[:place] + (flipped if flipped.isalnum() else "A") + sealed[place + 1 :])
            if attempt_in(other) != sealed:
                assert (other.open(good).status_code, is_in(other)) == (400, False), place
                tries += 1
        start(other)  # an attempt of its own, and somebody else's answer
        assert (other.open(good).status_code, is_in(other)) == (400, False)
    ours = hub.attempts.unseal(sealed)
    forged = [
        Attempts(bytes(32)).seal(ours),
        hub.attempts.seal(replace(ours, expires_at_us=1)),
        f"{b64(json.dumps({'alg': 'none'}).encode())}.{b64(json.dumps({'state': ours.state}).encode())}.",
        unsigned({"alg": "dir", "enc": "none"}, {"state": ours.state}),
    ]
    for cookie in forged:
        with at_home(server) as other:
            replaced(other, cookie)
            assert (other.open(good).status_code, is_in(other)) == (400, False)
            tries += 1
    assert len(liar.heard) == heard  # the provider was asked nothing for any of them
    assert browser.open(good).status_code == 200  # and the one that did ask is let in
    assert is_in(browser)
    for _ in range(3):
        with at_home(server) as other:
            replaced(other, sealed)
            assert (other.open(good).status_code, is_in(other)) == (400, False)
            tries += 1
    assert census(server)[0] == before[0] + 1
    print(f"\nN = {tries} answers that were not asked for, or not any more, refused")


# -- the ID token ----------------------------------------------------------------------------------------------------


def hmac_signed(claims: dict[str, Any], secret: bytes, algorithm: str = "HS256") -> str:
    head = unsigned({"alg": algorithm, "kid": "first"}, claims).rpartition(".")[0]
    return f"{head}.{b64(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def forgeries(liar: Liar) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """Write tokens that the provider did not sign as it should."""
    other = new_key()
    jwk = public_jwk(liar.key, "first")
    pem = liar.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = liar.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def by(key: Any, algorithm: str = "RS256", **header: Any) -> Callable[[dict[str, Any]], str]:
        return lambda claims: jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "first"} | header)

    def claim_of(header: dict[str, Any]) -> Callable[[dict[str, Any]], str]:
        """Put another header on a token that is signed well."""
        return lambda claims: f"{b64(json.dumps(header).encode())}.{liar.sign(claims).partition('.')[2]}"

    def longer(claims: dict[str, Any]) -> str:
        return liar.sign(claims | {"filler": "x" * 70_000})

    made: dict[str, Callable[[dict[str, Any]], Any]] = {
        "another key": by(other),
        "another key, embedded": by(other, jwk=public_jwk(other, "first")),
        "another key, by address": by(other, jku=f"{liar.issuer}/evil-keys", x5u=f"{liar.issuer}/evil-keys"),
        "another key without a name": lambda claims: jwt.encode(claims, other, algorithm="RS256"),
        "PS256 by another key": by(other, "PS256"),
        "RS512, not on the list": by(liar.key, "RS512"),
        "RS384, not on the list": by(liar.key, "RS384"),
        "PS512, not on the list": by(liar.key, "PS512"),
        "unknown name": by(liar.key, kid="second"),
        "name as path": by(liar.key, kid="../../first"),
        "something critical": by(liar.key, crit=["exp"]),
        "HS256 by the public key": lambda claims: hmac_signed(claims, pem),
        "HS256 by the public key's bytes": lambda claims: hmac_signed(claims, der),
        "HS256 by the published key": lambda claims: hmac_signed(claims, json.dumps(jwk).encode()),
        "HS256 by the modulus": lambda claims: hmac_signed(claims, jwk["n"].encode()),
        "HS256 by the client's secret": lambda claims: hmac_signed(claims, SECRET.encode()),
        "HS256 by nothing": lambda claims: hmac_signed(claims, b""),
        "said to be RS256, by HMAC": lambda claims: hmac_signed(claims, pem, "RS256"),
        "well signed, said to be ES256": claim_of({"alg": "ES256", "kid": "first"}),
        "well signed, said to be EdDSA": claim_of({"alg": "EdDSA", "kid": "first"}),
        "no signature": lambda claims: liar.sign(claims).rpartition(".")[0] + ".",
        "cut off": lambda claims: liar.sign(claims)[:-8],
        "without claims": lambda claims: unsigned({"alg": "RS256", "kid": "first"}, None),
        "a list of claims": lambda claims: jwt.PyJWS().encode(
            b"[1,2]", liar.key, algorithm="RS256", headers={"kid": "first"}
        ),
        "claims that are no JSON": lambda claims: jwt.PyJWS().encode(
            b"\xff", liar.key, algorithm="RS256", headers={"kid": "first"}
        ),
        "claims without a bottom": lambda claims: jwt.PyJWS().encode(
            b'{"a":' * 20_000, liar.key, algorithm="RS256", headers={"kid": "first"}
        ),
        "claims a page long": longer,
        "five parts": lambda claims: liar.sign(claims) + ".a.b",
        "one part": lambda claims: "token",
        "empty": lambda claims: "",
        "dots": lambda claims: "..",
        "a number": lambda claims: 7,
        "a list": lambda claims: [liar.sign(claims)],
        "nothing": lambda claims: None,
    }
    for name in ("none", "None", "NONE", "nOnE", "", None, ["RS256"], {"alg": "RS256"}, "RS256 ", "rs256"):
        made[f"alg {name!r}, unsigned"] = lambda claims, name=name: unsigned({"alg": name, "kid": "first"}, claims)
        made[f"alg {name!r}, signed"] = lambda claims, name=name: unsigned(
            {"alg": name, "kid": "first"}, claims, b"sig"
        )
    return made


@pytest.mark.requirement("pages.oidc")
def test_no_token_that_the_providers_own_key_has_not_signed_is_believed(
    server: Any, liar: Liar, browser: Browser
) -> None:
    before = census(server)
    liar.answers["/evil-keys"] = (200, json.dumps({"keys": [public_jwk(new_key(), "first")]}).encode(), {})
    made = forgeries(liar)
    for name, make in made.items():
        start(browser)
        liar.make_token = make
        page = browser.open(liar.vouch(browser, "forged"))
        assert (page.status_code in (400, 502), is_in(browser)) == (True, False), (name, browser.text)
        assert "does not answer" not in browser.text, name  # it was looked at
    assert census(server) == before
    assert "/evil-keys" not in {path for path, _, _ in liar.heard}
    print(f"\nN = {len(made)} forged tokens refused")


def test_no_keys_that_do_not_fit_are_taken(server: Any, liar: Liar, browser: Browser) -> None:
    key = public_jwk(liar.key, "first")
    sets: list[Any] = [
        [],
        [{**key, "use": "enc"}],
        [{**key, "alg": "RS512"}],
        [key, {**public_jwk(new_key(), "first")}],
        [{"kty": "oct", "k": "AAAA", "kid": "first"}],
        [{**key, "n": "AQAB"}],
        [{"kty": "RSA", "kid": "first"}],
        ["first", 7, None],
    ]
    for keys in sets:
        server.app.state.hub.provider._keys = None
        start(browser)
        liar.keys = keys
        assert (browser.open(liar.vouch(browser)).status_code, is_in(browser)) == (400, False), keys
    print(f"\nN = {len(sets)} sets of keys that do not fit")


@pytest.mark.requirement("pages.oidc")
def test_no_token_about_something_else_is_believed(server: Any, liar: Liar, browser: Browser) -> None:
    before, now = census(server), int(time.time())
    values: dict[str, list[Any]] = {
        "iss": [f"{liar.issuer}/", liar.issuer.upper(), "https://evil.example", "", None, [liar.issuer], 7],
        "aud": ["another", "", None, [], ["another"], {CLIENT: 1}, [[CLIENT]], [CLIENT, "another"], CLIENT.upper(), 7],
        "azp": ["another", "", None, [CLIENT]],
        "nonce": ["", "other", None, 7, [], "é", True, "\ud800"],
        "exp": [now - 3600, now - 121, 0, -1, None, "never", True, [], float("nan"), float("inf"), 10**400],
        "iat": [now + 3600, now + 130, now - 86_400, None, "now", False, float("-inf"), 10**400],
        "nbf": [now + 3600, "now", None],
        "sub": ["", None, 7, ["sub"], "x" * 256, "a\0b", "a\nb", "\ud800", {"a": 1}, True],
    }
    changes: list[dict[str, Any]] = [{name: value} for name, several in values.items() for value in several]
    changes += [{"aud": [CLIENT, "another"], "azp": "another"}]
    missing = ("iss", "aud", "nonce", "exp", "iat", "sub")
    for change in [*changes, *missing]:
        start(browser)
        back = liar.vouch(browser, "elsewhere")
        if isinstance(change, str):
            del liar.claims[change]
        else:
            liar.claims |= change
        page = browser.open(back)
        assert (page.status_code in (400, 502), is_in(browser)) == (True, False), (change, browser.text)
        assert "not to be believed" in browser.text or "clocks do not agree" in browser.text, (change, browser.text)
    assert census(server) == before
    for change in ({"exp": now - 60}, {"iat": now + 60}, {"aud": [CLIENT]}, {"aud": [CLIENT, "x"], "azp": CLIENT}):
        start(browser)
        assert browser.open(liar.vouch(browser, **change)).status_code == 200, change
        browser.submit("/sign-out")
    print(f"\nN = {len(changes) + len(missing)} tokens about something else refused")
