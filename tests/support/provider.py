"""OpenID Connect providers for tests: an independent one, and one that says whatever a test wants it to say."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.browsing import Browser

CLIENT = "lab hub"
SECRET = "kept+between/both of them: 5e55a"


@contextmanager
def independent_provider() -> Iterator[str]:
    """Run `oidc_provider_mock` in a thread; give its issuer."""
    from oidc_provider_mock import run_server_in_thread

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with run_server_in_thread() as server:
        yield f"http://localhost:{server.server_port}"


def told_of(issuer: str, **more: Any) -> dict[str, Any]:
    """Give the settings of a hub that believes a provider."""
    return {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET, "log_level": "error"} | more


def known_there(issuer: str, subject: str, **claims: Any) -> None:
    """Let the independent provider know somebody."""
    httpx2.put(f"{issuer}/users/{quote(subject, safe='')}", json=claims).raise_for_status()


def at_home(server: Any) -> Browser:
    """Open a browser at the address by which the provider knows the hub."""
    return Browser(server.app.state.hub.url)


def sent_to(browser: Browser) -> str:
    """Give the address of the provider that the browser is being sent to."""
    if browser.page.status_code == 303:
        return str(browser.page.headers["location"])
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', browser.page.text)
    assert found is not None, browser.text
    return html.unescape(found[1])


def asked_of(browser: Browser) -> dict[str, str]:
    """Give what the provider is asked."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent_to(browser)).query).items()}


def agree(browser: Browser, subject: str) -> str:
    """Sign in at the independent provider; give where on the hub it sends the browser back to."""
    answer = httpx2.post(sent_to(browser), data={"sub": subject})
    back = answer.headers["location"]
    assert back.startswith(browser.url), back
    return str(back.removeprefix(browser.url))


def sign_in_there(browser: Browser, subject: str, *, next: str = "/account") -> httpx2.Response:
    """Sign in with the independent provider."""
    browser.open(f"/oidc/start?next={quote(next, safe='')}")
    return browser.open(agree(browser, subject))


# -- one that lies ---------------------------------------------------------------------------------------------------


def b64(data: bytes) -> str:
    """Write bytes as tokens do."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    """Write a token with any header and any signature."""
    return ".".join((b64(json.dumps(header).encode()), b64(json.dumps(claims).encode()), b64(signature)))


def new_key() -> rsa.RSAPrivateKey:
    """Make a key pair."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_jwk(key: Any, kid: str, algorithm: Any = jwt.algorithms.RSAAlgorithm) -> dict[str, Any]:
    """Publish a key."""
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"}


Answer = tuple[int, bytes, dict[str, str]]


@dataclass
class Liar:
    """A provider that tells the truth until a test changes it. `heard` is every request it got: path, form, headers."""

    issuer: str = ""
    key: Any = field(default_factory=new_key)
    kid: str = "first"
    metadata: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] | None = None
    userinfo: dict[str, Any] = field(default_factory=dict)
    make_token: Callable[[dict[str, Any]], Any] | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    def tell_truth(self) -> None:
        """Forget every lie."""
        self.metadata, self.keys, self.make_token, self.answers = {}, None, None, {}
        self.claims, self.userinfo = {}, {}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Sign claims as it should, whatever they are."""
        text = json.dumps(claims).encode()
        return jwt.PyJWS().encode(text, self.key, algorithm="RS256", headers={"kid": self.kid} | header)

    def answer(self, path: str) -> Answer:
        """Give what it says at a path."""
        if path in self.answers:
            return self.answers[path]
        said: Any = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
            }
            | self.metadata,
            "/jwks": {"keys": [public_jwk(self.key, self.kid)] if self.keys is None else self.keys},
            "/userinfo": self.userinfo,
        }.get(path)
        if path == "/token":
            make = self.make_token or self.sign
            said = {"access_token": "at", "token_type": "Bearer", "id_token": make(dict(self.claims))}
        return (200, json.dumps(said).encode(), {}) if said is not None else (404, b"{}", {})

    def vouch(self, browser: Browser, subject: str = "sub-1", **claims: Any) -> str:
        """Vouch for somebody in the attempt a browser is on; give where it is sent back to."""
        asked, now = asked_of(browser), int(time.time())
        self.claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": subject,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "name": "Lia Liar",
        } | claims
        return f"/oidc/callback?code=good&state={asked['state']}"


@contextmanager
def lying_provider() -> Iterator[Liar]:
    """Run such a provider on a free port of this machine."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            self._say({name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()})

        def _say(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            liar.heard.append((path, form, {name.lower(): value for name, value in self.headers.items()}))
            status, body, headers = liar.answer(path)
            self.send_response(status)
            for name, value in {
                "content-type": "application/json",
                "content-length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                pass  # the hub has heard enough

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    liar.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
