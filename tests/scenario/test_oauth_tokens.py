"""Access tokens: forged ones get nobody in, and one that expires does not disturb what it has begun."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwe
from joserfc import jwt as jose
from joserfc.jwk import ECKey, OctKey

from arkitekt_next.embedded import serve
from tests.support.oauth import accounts_of, ask, device_sign_in, newcomer
from tests.support.raw import RawClient, definition
from tests.support.rest import on_hub
from tests.support.waiting import scenario


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


def b64(data: bytes | dict[str, Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forger:
    """Makes tokens from a good one. It even holds the hub's key, to show that each claim is looked at by itself."""

    def __init__(self, server: Any, good: str, other: str) -> None:
        self.good, self.other = good, other
        self.head: dict[str, Any] = jwt.get_unverified_header(good)
        self.named = {"kid": self.head["kid"], "typ": self.head["typ"]}
        self.claims: dict[str, Any] = jwt.decode(good, options={"verify_signature": False})
        self.theirs: dict[str, Any] = jwt.decode(other, options={"verify_signature": False})
        self.key: ECKey = ask(server, accounts_of(server).keys._current()).pair
        self.identity: str = ask(server, accounts_of(server).keys.sign_identity({**self.claims}))
        self.public = self.key.as_pem(private=False)
        self.mine = ECKey.generate_key("P-256")
        self.now = int(time.time())

    def signed(self, head: dict[str, Any] | None = None, /, **claims: Any) -> str:
        """Sign by the hub's own key what differs in a header or claim; None leaves a claim out."""
        changed = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        header = {name: value for name, value in {**self.head, **(head or {})}.items() if value is not None}
        text = f"{b64(header)}.{b64(changed)}"
        return f"{text}.{b64(_raw(self.key, text.encode()))}"

    def headers(self) -> Iterator[str]:
        """Tokens that say of themselves what they are not."""
        _, body, signature = self.good.split(".")
        pem = self.public.decode()
        for name in ("none", "None", "NONE", "nOnE", "", "null"):
            head = b64({**self.head, "alg": name})
            yield f"{head}.{body}."
            yield f"{head}.{body}.{signature}"
        for secret in (self.public, json.dumps(self.key.as_dict(private=False)).encode(), b"", b"secret", b"\0" * 32):
            for alg in ("HS256", "HS384", "HS512"):
                yield hmac_signed({**self.head, "alg": alg}, self.claims, secret)
        stolen = rsa.generate_private_key(65537, 2048)
        yield jwt.encode(self.claims, stolen, "RS256", headers=self.named)
        yield jwt.encode(self.claims, stolen, "PS256", headers=self.named)
        yield jwt.encode(self.claims, ec.generate_private_key(ec.SECP384R1()), "ES384", headers=self.named)
        own = self.mine.as_dict(private=False)
        for extra in ({}, {"jwk": own}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example"}):
            for kid in (self.head["kid"], own.get("kid", "mine"), "../../dev/null", "' OR 1=1 --", "", "\0"):
                yield jose.encode({**self.head, "kid": kid, **extra}, self.claims, self.mine, registry=_Lax())
        for kid in ("../../dev/null", "' OR 1=1 --", "", "\0", None, 1, [], {}, True, self.head["kid"] + " "):
            yield self.signed({"kid": kid})
        for typ in ("JWT", "jwt", "AT+JWT ", "id+jwt", "logout+jwt", "", None, 1, ["at+jwt"]):
            yield self.signed({"typ": typ})
        for crit in (["exp"], [], ["b64"], ["x"], "x", {}):
            yield self.signed({"crit": crit, "exp": 1, "x": 1})
        yield self.signed({"b64": False, "crit": ["b64"]})
        for alg in ("ES384", "ES512", "RS256", "HS256", "EdDSA", "es256", "ES256 ", None, 1, ["ES256"]):
            yield self.signed({"alg": alg})
        yield jwe.encrypt_compact(
            {"alg": "dir", "enc": "A256GCM"}, json.dumps(self.claims), OctKey.import_key(b"k" * 32)
        )
        yield pem

    def payloads(self) -> Iterator[str]:
        """Tokens signed by the hub's own key, whose claims are not those of an access token that holds."""
        for aud in ("other", "", None, [], ["other"], 1, {}, "ARKITEKT-NEXT", "arkitekt-next "):
            yield self.signed(aud=aud)
        issuer = self.claims["iss"]
        for iss in (
            "https://evil.example",
            "",
            None,
            issuer + "/",
            issuer.upper(),
            issuer + ".evil.example",
            1,
            [issuer],
        ):
            yield self.signed(iss=iss)
        for exp in (self.now - 3600, self.now - 31, 0, -1, None, "soon", [], {}):
            yield self.signed(exp=exp)
        for iat in (None, "now", [], self.now + 3600):
            yield self.signed(iat=iat)
        yield self.signed(nbf=self.now + 3600)
        for sub in (self.theirs["sub"], "", None, 1, [], "nobody", "\0"):
            yield self.signed(sub=sub)
        for sid in ("", None, 1, [], "nobody", "\0", "' OR 1=1 --", "%"):
            yield self.signed(sid=sid)
        for team in (self.theirs["team"] + "x", "", None, 1, [], "*"):
            yield self.signed(team=team)
        yield self.signed(sid=self.theirs["sid"])
        yield self.identity

    def texts(self) -> Iterator[str]:
        """Texts that are nearly the good token."""
        head, body, signature = self.good.split(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        yield from (
            f"{head}.{body}.",
            f"{head}.{body}",
            f"{head}..{signature}",
            f".{body}.{signature}",
            "..",
            ".",
            "a.b.c",
        )
        yield f"{head}.{body}.{b64(bytes(64))}"
        yield f"{head}.{body}.{b64(raw[:32] + bytes(32))}"
        yield f"{head}.{body}.{b64(bytes(32) + raw[32:])}"
        yield f"{head}.{body}.{b64(raw[32:] + raw[:32])}"
        yield f"{head}.{body}.{b64(raw + bytes(1))}"
        yield f"{head}.{body}.{b64(raw[:63])}"
        yield f"{head}.{b64({**self.claims, 'scope': 'read call provide manage', 'x': 1})}.{signature}"
        yield f"{head}.{b64(self.theirs)}.{signature}"
        yield f"{self.good}.{signature}"
        yield f"{self.good}.x.y"
        yield f"x.{self.good}"
        yield self.good[::-1]
        yield self.good.swapcase()
        yield f"{head}.{body}.{self.other.split('.')[2]}"
        chance = random.Random(7519)
        for _ in range(100):
            at = chance.randrange(len(self.good) - 2)  # the last letter holds bits that nobody reads
            letter = chance.choice([one for one in "ABCDwxyz0189-_" if one != self.good[at]])
            yield self.good[:at] + letter + self.good[at + 1 :]


class _Lax:
    """A registry of joserfc's that lets every header through, as an attacker's would."""

    def __new__(cls) -> Any:
        from joserfc.jws import JWSRegistry

        return JWSRegistry(strict_check_header=False)


def _raw(key: ECKey, text: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    private = serialization.load_pem_private_key(key.as_pem(private=True), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(private.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def hmac_signed(head: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    import hashlib
    import hmac

    text = f"{b64(head)}.{b64(claims)}"
    kind = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[head["alg"]]
    return f"{text}.{b64(hmac.new(secret, text.encode(), getattr(hashlib, kind)).digest())}"


@pytest.mark.requirement("oauth.attacks")
@scenario
async def test_no_token_but_our_own_gets_anybody_in(server: Any) -> None:
    good = await asyncio.to_thread(device_sign_in, server, "mine")
    somebody = await asyncio.to_thread(newcomer, server)
    other = await asyncio.to_thread(device_sign_in, server, "other", ("read",), person=somebody)
    forger = await asyncio.to_thread(Forger, server, good["access_token"], other["access_token"])
    counts = {}
    async with httpx2.AsyncClient(base_url=server.url, timeout=20) as web:

        async def status(token: str) -> int:
            line = "Bearer " + token.encode("unicode_escape").decode()
            return (await web.get("/api/me", headers={"authorization": line})).status_code

        assert await status(forger.signed()) == 200  # the forger's hand is good: it is the change that is refused
        for made in (forger.headers, forger.payloads, forger.texts):
            tokens = [*made()]
            counts[made.__name__] = len(tokens)
            for token in tokens:
                assert await status(token) == 401, token
        for token in (good["refresh_token"], other["refresh_token"]):
            assert await status(token) == 401
        assert await status(good["access_token"]) == 200
    print(f"JWT: {sum(counts.values()) + 2} forged tokens refused: {counts}")


@pytest.mark.requirement("oauth.attacks")
@scenario
async def test_whatever_stands_in_a_form_it_is_answered_as_a_mistake_of_the_client(server: Any) -> None:
    chance = random.Random(6749)
    names = ["grant_type", "client_id", "client_secret", "code", "code_verifier", "redirect_uri", "scope", "token"]
    names += ["refresh_token", "device_code", "redeem_token", "app", "version", "machine", "token_type_hint", 'x"\\']
    grants = ["authorization_code", "refresh_token", "password", "client_credentials", "implicit", '"\\\n', "ünï\0"]
    grants += [f"urn:{whose}" for whose in ("ietf:params:oauth:grant-type:device_code", "x")]
    grants += ["urn:arkitekt:params:oauth:grant-type:redeem_token"]
    texts = ["", "x", "\0", "arkitekt-next", "read", "openid", "a" * 3000, "ä€\U0001f600", '"\\', "%00", "'--", "{}"]
    logins = [
        "",
        "Basic",
        "Basic x",
        "Basic /w==",
        "Basic Og==",
        "Basic YTpi",
        "Basic YXJraXRla3QtbmV4dDp4",
        "Bearer x",
    ]
    logins += ["Basic " + base64.b64encode(b"\xff:\xff").decode(), "Digest x", "Basic YXJraXRla3QtbmV4dDo="]
    kinds = ["application/x-www-form-urlencoded"] * 6 + ["application/json", "multipart/form-data; boundary=x", "", "x"]
    paths = [f"/oauth/{name}" for name in ("token", "device_authorization", "revoke", "introspect")]
    tries, seen = 800, set()
    async with httpx2.AsyncClient(base_url=server.url, timeout=20) as web:
        for _ in range(tries):
            form = {name: chance.choice(texts) for name in chance.sample(names, chance.randrange(len(names)))}
            if chance.random() < 0.7:
                form |= {"grant_type": chance.choice(grants), "client_id": "arkitekt-next"}
            body = bytes(str(httpx2.QueryParams(form)), "ascii")
            if chance.random() < 0.1:
                body = chance.choice(
                    [chance.randbytes(200), body + b"&" + body, b"&" * 50, b"=", b"a=%ff", b"a" * 20_000]
                )
            headers = {"content-type": chance.choice(kinds)}
            if chance.random() < 0.4:
                headers["authorization"] = chance.choice(logins)
            path = chance.choice(paths)
            answer = await web.post(path, content=body, headers=headers)
            made = path in ("/oauth/device_authorization", "/oauth/revoke")
            assert answer.status_code in (400, 401, 413, *((200,) if made else ())), (path, body, answer.text)
            if answer.status_code != 200:
                assert {"error", "error_description"} <= answer.json().keys() or answer.json()["error"], answer.text
                seen.add(answer.json()["error"])
            assert answer.headers["cache-control"] == "no-store"
    assert {"invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type", "invalid_scope"} <= seen
    print(f"forms: {tries} strange ones (seed 6749) answered by {sorted(seen)}")


@pytest.mark.requirement("oauth.expiry")
@scenario
async def test_a_token_that_expires_in_the_middle_of_a_call_or_stream_does_not_disturb_it() -> None:
    with serve(log_level="error", access_token_s=3) as brief:
        agent_token = (await asyncio.to_thread(device_sign_in, brief, "agent"))["access_token"]
        tokens = await asyncio.to_thread(device_sign_in, brief, "caller")
        token = tokens["access_token"]
        assert tokens["expires_in"] == 3
        agent = await RawClient(brief.url, agent_token, "agent").open()
        caller = await RawClient(brief.url, token, "caller").open()
        headers = {"authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=brief.url, headers=headers, timeout=30) as web:
            await agent.provide(definition("count", generator=True), definition("hold"))
            held = await caller.submit("agent.hold", {"a": 1})
            counted = await caller.submit("agent.count", {"a": 2})
            for task in (held, counted):
                await agent.assigned(task)
            await agent.report("yielded", counted, first=0, values=[[0]])
            await caller.expect("values", task=counted)
            async with web.stream("GET", f"/api/tasks/{held}/stream") as followed:
                assert followed.status_code == 200
                async with asyncio.timeout(20):
                    while (await web.get("/api/me")).status_code == 200:
                        await asyncio.sleep(0.05)
                for opened in (agent_token, token):
                    answer = await web.get("/api/me", headers={"authorization": f"Bearer {opened}"})
                    assert answer.status_code == 401
                await agent.report("yielded", counted, first=1, values=[[1]])
                await caller.expect("values", task=counted, first=1)
                await agent.report("ended", counted, status="completed", yields=2)
                await agent.report("ended", held, status="completed", returns=[7])
                assert (await caller.expect("outcome", task=counted))["status"] == "completed"
                assert (await caller.expect("outcome", task=held))["returns"] == [7]
                lines = [line async for line in followed.aiter_lines()]
                assert any('"completed"' in line for line in lines), lines
            another = await caller.submit("agent.hold", {"a": 2})
            assert (await agent.assigned(another))["args"] == {"a": 2}
        refreshed = await on_hub(brief, accounts_of(brief).logins.rotate(tokens["refresh_token"]))
        assert refreshed is not None
        await caller.close()
        await agent.close()
