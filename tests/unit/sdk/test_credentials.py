"""Sign-ins kept on the disk: where, how private, in a keyring or not, and renewed without losing any."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.errors import ArkitektError, HubUnavailable, NotAuthenticated, ProtocolError, SignInNeeded
from arkitekt_next.sdk.credentials import Credentials, CredentialStore
from arkitekt_next.sdk.login import SignIn, sign_in, sign_out
from tests.support.token_server import Reply, TokenServer, grant, token_server

LAB = "https://lab.example.org"


def entry(address: str = LAB, app: str = "lab", *, lasts_s: float = 1000) -> Credentials:
    now = time.time()
    return Credentials(
        address=address,
        app=app,
        person="ada",
        person_id="p1",
        team="home",
        team_id="t1",
        scopes=("call", "read"),
        access_token="access-0",
        expires_at=now + lasts_s,
        refresh_token="refresh-0",
        signed_in_at=now,
        refreshed_at=now,
    )


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Stand in for the package `keyring`, which is not needed and not here: one backend that keeps secrets in a dict."""
    (tmp_path / "keyring").mkdir()
    (tmp_path / "keyring" / "__init__.py").write_text(KEYRING)
    monkeypatch.syspath_prepend(str(tmp_path))
    import keyring as standing_in  # type: ignore[import-not-found]

    yield standing_in.backend
    for name in [name for name in sys.modules if name.partition(".")[0] == "keyring"]:
        del sys.modules[name]


KEYRING = """
class Backend:
    priority, broken = 5, False
    secrets = {}
    def get_password(self, service, username):
        return self.secrets.get((service, username))
    def set_password(self, service, username, password):
        if self.broken:
            raise RuntimeError("locked")
        self.secrets[service, username] = password
    def delete_password(self, service, username):
        del self.secrets[service, username]

backend = Backend()
def get_keyring():
    return backend
"""


# -- keeping -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.kept")
def test_an_entry_comes_back_as_it_was_and_is_private(tmp_path: Path) -> None:
    store, kept = CredentialStore(), entry()
    store.write(kept)
    assert store.read(LAB, "lab") == kept
    assert "access-0" not in repr(kept)
    assert "refresh-0" not in repr(kept)
    folder = tmp_path / "state" / "credentials"
    if os.name != "nt":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    store.remove(LAB, "lab")
    assert store.read(LAB, "lab") is None


def test_hubs_and_apps_have_entries_of_their_own() -> None:
    store = CredentialStore()
    kept = [entry(address, app) for address in (LAB, "http://lab:1", "http://[::1]:1") for app in ("a", "b")]
    for one in kept:
        store.write(one)
    assert store.list() == sorted(kept, key=lambda one: (one.address, one.app))
    store.remove(LAB, "a")
    assert len(store.list()) == len(kept) - 1


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"app": "lab"}', "\0"])
def test_a_spoilt_entry_counts_as_none(tmp_path: Path, spoilt: str) -> None:
    store = CredentialStore()
    store.write(entry())
    (place,) = (tmp_path / "state" / "credentials").iterdir()
    place.write_text(spoilt)
    assert store.read(LAB, "lab") is None
    assert store.list() == []


@pytest.mark.requirement("signin.kept")
def test_secrets_lie_in_the_keyring_where_there_is_one(tmp_path: Path, keyring: Any) -> None:
    store, kept = CredentialStore(), entry()
    store.write(kept)
    (place,) = (tmp_path / "state" / "credentials").iterdir()
    assert "access-0" not in place.read_text()
    assert "refresh-0" not in place.read_text()
    assert store.read(LAB, "lab") == kept
    assert CredentialStore().list() == [replace(kept, access_token="", refresh_token="")]
    store.remove(LAB, "lab")
    assert keyring.secrets == {}


@pytest.mark.requirement("signin.kept")
def test_a_keyring_that_fails_or_would_ask_leaves_the_secrets_to_the_file(keyring: Any) -> None:
    for broken, priority, module in ((True, 5, "k"), (False, 0.5, "k"), (False, 5, "keyrings.alt.file")):
        type(keyring).broken, type(keyring).priority, type(keyring).__module__ = broken, priority, module
        store = CredentialStore()
        store.write(entry())
        assert keyring.secrets == {}
        assert CredentialStore().read(LAB, "lab") == store.read(LAB, "lab")


@pytest.mark.requirement("signin.kept")
def test_a_keyring_that_is_closed_now_is_said_to_be(keyring: Any) -> None:
    CredentialStore().write(entry())
    type(keyring).priority = 0
    with pytest.raises(NotAuthenticated, match=r"lies in the keyring.*--reauth"):
        sign_in("lab", url=LAB)
    CredentialStore().write(entry())
    assert sign_in("lab", url=LAB).token == "access-0"


# -- renewing ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("signin.renewed")
def test_a_token_that_holds_is_used_without_asking_and_an_old_one_is_renewed(server: TokenServer) -> None:
    store = CredentialStore()
    store.write(entry(server.url))
    assert sign_in("lab", url=server.url).token == "access-0"
    assert server.asked == []
    store.write(entry(server.url, lasts_s=-1))
    access = sign_in("lab", url=server.url)
    assert access.token == "access-1"
    assert not access.has_expired
    form = {"grant_type": "refresh_token", "client_id": "arkitekt-next", "refresh_token": "refresh-0"}
    assert server.asked == [("/oauth/token", form)]
    assert sign_in("lab", url=server.url).token == "access-1"
    kept = store.read(server.url, "lab")
    assert kept is not None
    assert kept.refresh_token == "refresh-1"


@pytest.mark.requirement("signin.renewed")
def test_each_refresh_token_is_used_once_however_many_ask(server: TokenServer) -> None:
    CredentialStore().write(entry(server.url))
    lanes, each = 8, 12
    tokens: list[set[str]] = []

    def lane() -> None:
        own, mine = SignIn("lab", url=server.url), set()
        for _ in range(each):
            token = own().token
            mine.add(token)
            own.refuse(token, "the test wants a new one")
        tokens.append(mine)

    threads = [threading.Thread(target=lane) for _ in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [len(mine) for mine in tokens] == [each] * lanes
    used = [form["refresh_token"] for _, form in server.asked]
    assert len(used) == len(set(used))
    print(f"{lanes} lanes asked {each} times each: {len(used)} refresh tokens, each used once")


def away(path: str, form: dict[str, str]) -> Reply:
    return 503, {}


def busy(path: str, form: dict[str, str]) -> Reply:
    return 429, {"error": "temporarily_unavailable"}, {"Retry-After": "7"}


def another_site(path: str, form: dict[str, str]) -> Reply:
    return 404, {"error": {"what": "page"}}


@pytest.mark.requirement("signin.renewed")
@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [(away, HubUnavailable, "503"), (busy, HubUnavailable, "in 7 s"), (another_site, ProtocolError, "404")],
)
def test_a_hub_that_can_not_answer_costs_no_sign_in(
    server: TokenServer, answer: Any, kind: type[ArkitektError], words: str
) -> None:
    store = CredentialStore()
    store.write(entry(server.url, lasts_s=-1))
    server.answer = answer
    with pytest.raises(kind, match=words):
        sign_in("lab", url=server.url)
    server.answer = lambda path, form: (200, grant(9))
    assert sign_in("lab", url=server.url).token == "access-9"
    assert server.asked[-1][1]["refresh_token"] == "refresh-0"


@pytest.mark.requirement("signin.renewed")
def test_a_hub_that_is_gone_costs_no_sign_in() -> None:
    store = CredentialStore()
    with token_server() as server:
        store.write(entry(server.url, lasts_s=-1))
    with pytest.raises(HubUnavailable):
        sign_in("lab", url=server.url)
    assert store.read(server.url, "lab") is not None


@pytest.mark.requirement("signin.renewed")
def test_a_sign_in_that_has_ended_is_forgotten_and_the_command_named(server: TokenServer) -> None:
    CredentialStore().write(entry(server.url, lasts_s=-1))
    server.answer = lambda path, form: (400, {"error": "invalid_grant", "error_description": "it was revoked"})
    with pytest.raises(SignInNeeded, match=rf"has ended \(it was revoked\).*login --url {server.url} --app lab"):
        sign_in("lab", url=server.url)
    assert CredentialStore().list() == []


@pytest.mark.requirement("signin.unattended")
def test_a_redeem_token_takes_over_when_a_sign_in_has_ended(
    server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARKITEKT_REDEEM_TOKEN", "bound")
    CredentialStore().write(entry(server.url, lasts_s=-1))

    def answer(path: str, form: dict[str, str]) -> Reply:
        return (200, grant(5)) if form.get("redeem_token") == "bound" else (400, {"error": "invalid_grant"})

    server.answer = answer
    assert sign_in("lab", url=server.url, version="1.2").token == "access-5"
    assert (server.asked[-1][1]["app"], server.asked[-1][1]["version"]) == ("lab", "1.2")
    assert bool(server.asked[-1][1]["machine"])
    assert sign_in("lab", url=server.url).token == "access-5"


FULL_DISK = """
import resource, sys
from arkitekt_next.errors import Conflict
from arkitekt_next.sdk.login import sign_in
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
try:
    sign_in("lab", url=sys.argv[1])
except Conflict as refused:
    print(refused)
"""


@pytest.mark.requirement("signin.renewed")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_no_token_is_used_up_where_the_next_can_not_be_kept(server: TokenServer) -> None:
    store = CredentialStore()
    store.write(entry(server.url, lasts_s=-1))
    done = subprocess.run([sys.executable, "-c", FULL_DISK, server.url], capture_output=True, text=True)
    assert "Sign-ins can't be kept in" in done.stdout, done.stderr
    assert server.asked == []
    assert sign_in("lab", url=server.url).token == "access-1"


@pytest.mark.requirement("signin.kept")
def test_signing_out_tells_the_hub_and_forgets_whether_it_hears_or_not(server: TokenServer) -> None:
    store = CredentialStore()
    for answer, told in ((lambda path, form: (200, {}), True), (away, False), (busy, False)):
        store.write(entry(server.url))
        server.answer = answer  # type: ignore[assignment]
        assert (sign_out(server.url, "lab") is None) is told
        assert server.asked[-1][0] == "/oauth/revoke"
        assert server.asked[-1][1]["token"] == "refresh-0"
        assert store.list() == []
    assert sign_out(server.url, "lab") is None
