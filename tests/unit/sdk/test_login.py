"""Finding a hub and signing in, against a server that does what docs/reference/protocol.md §1 says."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from arkitekt_next.errors import (
    HubUnavailable,
    NotAuthenticated,
    NotPermitted,
    ProtocolError,
    RequestRefused,
    SignInNeeded,
)
from arkitekt_next.platform import hub_folder
from arkitekt_next.sdk.login import SignIn, discover, normalize, sign_in
from tests.support.token_server import grant, token_server

KEY = bytes(range(32))


class _Handler(BaseHTTPRequestHandler):
    heard: ClassVar[list[tuple[str, dict[str, Any]]]] = []
    key: ClassVar[bytes] = KEY
    refuses: ClassVar[bool] = False

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.heard.append((self.path, body))
        if self.refuses:
            self._answer(403, {"error": {"code": "not_permitted", "message": "not you", "fields": {}}})
        elif self.path == "/api/auth/local/challenge":
            text = f"arkitekt-hub|{self.headers['Host']}|{body['client_nonce']}|feed"
            proof = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
            self._answer(200, {"challenge": "c1", "server_nonce": "feed", "proof": proof})
        else:
            self._answer(200, {"token": f"token-for-{body['app']}", "expires_at_us": 0})

    def _answer(self, status: int, body: object) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def handler() -> type[_Handler]:
    class Fresh(_Handler):
        heard: ClassVar[list[tuple[str, dict[str, Any]]]] = []

    return Fresh


@pytest.fixture
def url(tmp_path: Path, handler: type[_Handler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "hub.json").write_text(json.dumps({"url": address, "hub": "h", "pid": 1}))
    (folder / "local.key").write_text(KEY.hex())
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.requirement("signin.local")
def test_the_local_user_signs_in_by_proof_and_the_key_is_never_sent(url: str, handler: type[_Handler]) -> None:
    access = sign_in("demo")
    assert (access.url, access.token) == (url, "token-for-demo")
    (_, first), (_, second) = handler.heard
    text = f"arkitekt-client|{url.removeprefix('http://')}|{first['client_nonce']}|feed"
    assert second["proof"] == hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
    assert KEY.hex() not in json.dumps(handler.heard)
    assert "token" not in repr(access)


@pytest.mark.requirement("signin.local")
def test_whoever_squats_the_port_learns_nothing(url: str, handler: type[_Handler]) -> None:
    handler.key = b"\0" * 32
    with pytest.raises(NotAuthenticated, match="could not prove that it is the hub"):
        sign_in("demo")
    assert [path for path, _ in handler.heard] == ["/api/auth/local/challenge"]


def test_a_refusal_keeps_its_code(url: str, handler: type[_Handler]) -> None:
    handler.refuses = True
    with pytest.raises(NotPermitted, match="not you"):
        sign_in("demo")


def test_a_token_of_the_environment_needs_no_sign_in(
    url: str, handler: type[_Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARKITEKT_TOKEN", "given")
    assert sign_in("demo").token == "given"
    assert handler.heard == []


def test_the_address_comes_from_the_argument_then_the_environment_then_the_file(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert discover() == url
    monkeypatch.setenv("ARKITEKT_URL", "http://lab:9000/")
    assert discover() == "http://lab:9000"
    assert discover("other:1") == "http://other:1"


def test_no_hub_at_all_says_how_to_start_one() -> None:
    with pytest.raises(HubUnavailable, match="arkitekt-next hub start"):
        sign_in("demo")


def test_a_hub_that_is_gone_says_how_to_start_one(tmp_path: Path) -> None:
    folder = tmp_path / "hub"
    folder.mkdir()
    (folder / "hub.json").write_text('{"url": "http://127.0.0.1:9"}')
    (folder / "local.key").write_text(KEY.hex())
    with pytest.raises(HubUnavailable, match=r"127\.0\.0\.1:9.*arkitekt-next hub start"):
        sign_in("demo")


def test_another_machine_needs_a_token() -> None:
    with pytest.raises(NotAuthenticated, match="ARKITEKT_TOKEN"):
        sign_in("demo", url="https://lab.example:8000")


def test_a_server_that_is_no_hub_is_said_to_be_none(tmp_path: Path, url: str, handler: type[_Handler]) -> None:
    handler._answer = lambda self, status, body: BaseHTTPRequestHandler.send_error(self, 404)  # type: ignore[method-assign, assignment]
    with pytest.raises(ProtocolError, match="HTTP status 404"):
        sign_in("demo")


@pytest.mark.requirement("signin.unattended")
def test_each_way_to_sign_in_goes_before_the_next(
    url: str, handler: type[_Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    with token_server() as server:
        monkeypatch.setenv("ARKITEKT_URL", server.url)
        port = server.url.rpartition(":")[2]
        (hub_folder() / "hub.json").write_text(json.dumps({"url": f"http://127.0.0.1:{port}"}))
        server.answer = lambda path, form: (404, {})
        with pytest.raises(ProtocolError, match="404"):  # the key is tried, at a server that does not know that way
            sign_in("lab")
        assert server.asked[-1][0] == "/api/auth/local/challenge"
        server.answer = lambda path, form: (200, grant(1))
        monkeypatch.setenv("ARKITEKT_REDEEM_TOKEN", "redeem")
        assert sign_in("lab").token == "access-1"
        assert server.asked[-1][1]["redeem_token"] == "redeem"
        asked = len(server.asked)
        assert sign_in("lab").token == "access-1"
        monkeypatch.setenv("ARKITEKT_TOKEN", "variable")
        assert sign_in("lab").token == "variable"
        assert sign_in("lab", token="argument").token == "argument"
        assert len(server.asked) == asked


def test_the_key_of_this_machines_hub_is_not_tried_at_another_one(url: str, handler: type[_Handler]) -> None:
    (hub_folder() / "hub.json").write_text('{"url": "http://127.0.0.1:1"}')
    with pytest.raises(SignInNeeded, match=f"demo is not signed in at {url}.*login --url {url} --app demo"):
        sign_in("demo", url=url)
    assert handler.heard == []


def test_a_given_token_that_was_refused_is_not_given_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKITEKT_TOKEN", "old")
    own = SignIn("demo")
    own.refuse(own().token, "It has expired.")
    with pytest.raises(SignInNeeded, match=r"given in ARKITEKT_TOKEN: It has expired\. Give a new one"):
        own()
    monkeypatch.setenv("ARKITEKT_TOKEN", "new")
    assert own().token == "new"


@pytest.mark.requirement("signin.unattended")
@pytest.mark.parametrize(
    "nonsense",
    [
        "htp:/x",
        "http://",
        "http://a:99999",
        "http://a:b",
        "http://u:secret@lab",
        "ftp://lab",
        "http://a b",
        "http://[::1",
    ],
)
def test_a_nonsense_address_names_the_variable(nonsense: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKITEKT_URL", nonsense)
    with pytest.raises(RequestRefused, match="ARKITEKT_URL: expected a hub's address such as"):
        sign_in("demo")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://LAB:80/some/page", "http://lab"),
        ("https://lab.example.org:443", "https://lab.example.org"),
        ("http://[::1]:8787", "http://[::1]:8787"),
        ("localhost:1", "http://localhost:1"),
        ("ws://a:1/", "http://a:1"),
        ("wss://a", "https://a"),
        (" https://a:2 ", "https://a:2"),
    ],
)
def test_an_address_is_understood_as_people_write_it(given: str, expected: str) -> None:
    assert normalize(given) == expected


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(RequestRefused, match="expected a hub's address"):
        normalize("ftp://a")
