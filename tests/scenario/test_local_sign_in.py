"""The hub's side of the local sign-in: only a proof over its key file gives a token, once, and no token is kept."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from arkitekt_next.embedded import serve
from tests.support.raw import sign_in

NONCE = "ab" * 16


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


@pytest.fixture
def web(server: Any) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=20) as opened:
        yield opened


def form(server: Any, web: httpx2.Client, key: bytes) -> dict[str, str]:
    """Open a challenge and answer it with a key."""
    challenge = web.post("/api/auth/local/challenge", json={"client_nonce": NONCE}).json()
    text = f"arkitekt-client|{server.url.removeprefix('http://')}|{NONCE}|{challenge['server_nonce']}"
    proof = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return {"challenge": challenge["challenge"], "proof": proof, "app": "app"}


def key_of(server: Any) -> bytes:
    return bytes.fromhex((server.folder / "local.key").read_text())


@pytest.mark.requirement("signin.local")
def test_who_can_not_read_the_key_gets_no_token(server: Any, web: httpx2.Client) -> None:
    refused = web.post("/api/auth/local/token", json=form(server, web, bytes(32)))
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    given = web.post("/api/auth/local/token", json=form(server, web, key_of(server)))
    assert web.get("/api/me", headers={"authorization": f"Bearer {given.json()['token']}"}).status_code == 200


@pytest.mark.requirement("signin.local")
def test_a_challenge_works_once(server: Any, web: httpx2.Client) -> None:
    answered = form(server, web, key_of(server))
    assert web.post("/api/auth/local/token", json=answered).status_code == 200
    refused = web.post("/api/auth/local/token", json=answered)
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")


@pytest.mark.requirement("signin.secrets")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_key_file_is_readable_by_its_owner_alone(server: Any) -> None:
    assert stat.S_IMODE((server.folder / "local.key").stat().st_mode) == 0o600


@pytest.mark.requirement("signin.secrets")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_nobody_else_reads_the_database_in_a_folder_that_others_may_enter(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with serve(tmp_path, log_level="error") as server:
        readable = [file.name for file in server.folder.iterdir() if file.stat().st_mode & 0o077]
    assert readable == []
    (tmp_path / "hub.db").chmod(0o644)  # as earlier versions left it
    with serve(tmp_path, log_level="error") as server:
        assert [file.name for file in server.folder.iterdir() if file.stat().st_mode & 0o077] == []


@pytest.mark.requirement("signin.secrets")
def test_no_token_is_in_the_folder_of_the_hub(server: Any) -> None:
    token = sign_in(server.url, server.folder, "needle")
    files = [path for path in server.folder.rglob("*") if path.is_file()]
    assert any(path.name.startswith("hub.db") and b"needle" in path.read_bytes() for path in files)
    assert [path.name for path in files if token.encode() in path.read_bytes()] == []


@pytest.mark.requirement("signin.local")
def test_nobody_on_another_machine_gets_as_far_as_a_challenge(tmp_path: Path) -> None:
    behind = {"trusted_proxy": ["127.0.0.1"], "public_url": "https://lab.example.org"}
    with serve(tmp_path, log_level="error", **behind) as server, httpx2.Client(base_url=server.url) as web:
        nonce = {"client_nonce": "ab" * 16}
        assert web.post("/api/auth/local/challenge", json=nonce).status_code == 200
        from_elsewhere = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
        refused = web.post("/api/auth/local/challenge", json=nonce, headers=from_elsewhere)
        assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
        proof = {"challenge": "x", "proof": "y", "app": "a"}
        assert "hub's own machine" in web.post("/api/auth/local/token", json=proof, headers=from_elsewhere).text
