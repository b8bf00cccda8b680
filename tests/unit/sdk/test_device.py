"""The device grant from the app's side, against a server that answers as the test says."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.cli.browser import open_secret_link
from arkitekt_next.errors import HubUnavailable, NotAuthenticated, ProtocolError
from arkitekt_next.sdk.credentials import CredentialStore
from arkitekt_next.sdk.device import sign_in_by_device
from arkitekt_next.sdk.oauth import DeviceCode
from tests.support.token_server import Reply, TokenServer, grant, token_server

PENDING: Reply = (400, {"error": "authorization_pending"})


class Shown:
    def __init__(self) -> None:
        self.seen: list[str] = []
        self.codes: list[DeviceCode] = []

    def code(self, code: DeviceCode) -> None:
        self.seen.append("code")
        self.codes.append(code)

    def hub_is_gone(self, reason: str) -> None:
        self.seen.append("gone")

    def hub_is_back(self) -> None:
        self.seen.append("back")


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


def script(server: TokenServer, *replies: Reply, interval: float = 0.02, expires_in: float = 30) -> None:
    """Let the server give a code, then these answers to each question, the last one for ever."""
    following = itertools.chain(replies, itertools.repeat(replies[-1]))
    code = {
        "device_code": "device",
        "user_code": "BCDF-GHJK",
        "verification_uri": "https://lab/device",
        "verification_uri_complete": "https://lab/device#BCDF-GHJK",
        "expires_in": expires_in,
        "interval": interval,
    }
    server.answer = lambda path, form: (200, code) if path.endswith("device_authorization") else next(following)


def ask(server: TokenServer, shown: Shown | None = None, **options: Any) -> Any:
    given = shown or Shown()
    return sign_in_by_device(server.url, "lab", version="1.2", scopes=["read", "call"], screen=given, **options)


@pytest.mark.requirement("signin.device")
def test_an_approved_app_is_kept_signed_in(server: TokenServer) -> None:
    script(server, PENDING, PENDING, (200, grant(7)))
    shown = Shown()
    found = ask(server, shown)
    assert (found.person, found.team, found.scopes, found.access_token) == ("ada", "home", ("call", "read"), "access-7")
    assert CredentialStore().read(server.url, "lab") == found
    assert [path for path, _ in server.asked] == ["/oauth/device_authorization"] + ["/oauth/token"] * 3
    begun = server.asked[0][1]
    assert (begun["client_id"], begun["app"], begun["version"]) == ("arkitekt-next", "lab", "1.2")
    assert (begun["scope"], bool(begun["machine"])) == ("read call", True)
    assert server.asked[1][1]["device_code"] == "device"
    assert shown.seen == ["code"]
    assert "device" not in repr(shown.codes[0]).replace("/device", "").replace("device_", "")


@pytest.mark.requirement("signin.device")
def test_the_sign_in_that_is_replaced_is_ended_at_the_hub(server: TokenServer) -> None:
    script(server, (200, grant(1)))
    ask(server)
    script(server, (200, grant(2)))
    ask(server)
    assert server.asked[-1] == (
        "/oauth/revoke",
        {"client_id": "arkitekt-next", "token": "refresh-1", "token_type_hint": "refresh_token"},
    )


@pytest.mark.requirement("signin.device")
@pytest.mark.parametrize(
    ("reply", "words", "outcome"),
    [
        ((400, {"error": "access_denied"}), "the request was denied", "denied"),
        ((400, {"error": "expired_token"}), "the code has expired", "expired"),
        ((400, {"error": "invalid_grant"}), "the code has expired", "expired"),
    ],
)
def test_each_end_without_a_sign_in_has_its_own_words(
    server: TokenServer, reply: Reply, words: str, outcome: str
) -> None:
    script(server, PENDING, reply)
    with pytest.raises(NotAuthenticated, match=words) as refused:
        ask(server)
    assert refused.value.outcome == outcome
    assert f"arkitekt-next login --url {server.url} --app lab" in str(refused.value)
    assert CredentialStore().list() == []


@pytest.mark.requirement("signin.device")
def test_a_code_expires_here_too_when_the_hub_never_says_so(server: TokenServer) -> None:
    script(server, PENDING, expires_in=0.2)
    with pytest.raises(NotAuthenticated, match="the code has expired"):
        ask(server)


@pytest.mark.requirement("signin.device")
@pytest.mark.parametrize(
    ("slower", "wait_s"),
    [((400, {"error": "slow_down"}), 5.0), ((429, {"error": "temporarily_unavailable"}, {"Retry-After": "6"}), 6.0)],
)
def test_a_hub_that_wants_it_slower_is_obeyed(server: TokenServer, slower: Reply, wait_s: float) -> None:
    script(server, slower, (200, grant()))
    began = time.monotonic()
    ask(server)
    assert time.monotonic() - began >= wait_s


@pytest.mark.requirement("signin.device")
def test_a_hub_that_is_away_for_a_while_is_said_once_and_asked_again(server: TokenServer) -> None:
    script(server, (503, {}), (502, {}), (503, {}), PENDING, (200, grant()))
    shown = Shown()
    ask(server, shown)
    assert shown.seen == ["code", "gone", "back"]


@pytest.mark.requirement("signin.device")
def test_a_hub_that_stays_away_is_waited_for_until_the_code_expires(server: TokenServer) -> None:
    script(server, PENDING, (503, {}), expires_in=0.5)
    with pytest.raises(HubUnavailable, match=r"went away before anybody had decided\. Once it runs"):
        ask(server)


def test_a_wait_can_be_given_up(server: TokenServer) -> None:
    script(server, PENDING, interval=30, expires_in=600)
    stopping = threading.Event()
    threading.Timer(0.1, stopping.set).start()
    with pytest.raises(NotAuthenticated) as stopped:
        ask(server, stopping=stopping)
    assert stopped.value.outcome == "stopped"


@pytest.mark.parametrize("answer", [{}, {"device_code": "d"}, {"error": "x"}, []])
def test_an_answer_that_makes_no_sense_is_said_to(server: TokenServer, answer: Any) -> None:
    server.answer = lambda path, form: (200, answer)
    with pytest.raises(ProtocolError):
        ask(server)


def test_a_hub_without_this_grant_is_said_to_be_one(server: TokenServer) -> None:
    server.answer = lambda path, form: (400, {"error": "unauthorized_client", "error_description": "not here"})
    with pytest.raises(ProtocolError, match=r"not here \(unauthorized_client\)"):
        ask(server)


@pytest.mark.parametrize("link", ["file:///etc/passwd", "javascript:alert(1)", "x-evil://lab", "lab", ""])
def test_only_pages_are_opened_in_a_browser(link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: pytest.fail(f"opened {url}"))
    assert open_secret_link(link, tmp_path) is False


def test_a_code_is_not_told_to_whoever_lists_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert open_secret_link("https://lab/device#BCDF-GHJK", tmp_path) is True
    assert opened == [(tmp_path / "open.html").as_uri()]
