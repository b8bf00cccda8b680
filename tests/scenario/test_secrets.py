"""Secrets of every kind are given out, used, logged around and backed up: none of them lies anywhere in clear."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.embedded import serve
from arkitekt_next.storage.backup import backup
from tests.support.rest import on_hub, rest
from tests.support.secrecy import Secrecy
from tests.support.waiting import scenario

PASSWORD = "three green apples"


async def give_out(hub: Any) -> dict[str, str]:
    """Make one secret of every kind there is."""
    accounts = hub.accounts
    who_token, who = await accounts.issue(team=accounts.team, person=accounts.owner, app="all")
    login = await accounts.logins.begin(
        team=accounts.team, person=accounts.owner, app="all", kind="device", scopes=[Scope.READ]
    )
    page, _ = await accounts.logins.issue(team=accounts.team, person=accounts.owner, app="page", kind="page")
    _, invited = await accounts.invitations.create(who, Role.MEMBER, expires_s=60, uses=1)
    device, user_code = await accounts.devices.create(
        client="arkitekt-next", app="all", version="1", machine="m", scopes=[Scope.READ]
    )
    _, redeem = await accounts.redeem_tokens.create(
        who, app=None, scopes=[Scope.READ], is_single_use=True, expires_s=60
    )
    program, program_secret = await accounts.clients.create(
        who, name="P", redirect_uris=["https://p.example.org/cb"], scopes=[Scope.READ], is_public=False
    )
    await accounts.people.set_account(accounts.owner, name="Ada", email="ada@lab.org", password=PASSWORD)
    code = await accounts.codes.create(
        login, client=program.id, redirect_uri="https://p.example.org/cb", scopes=[Scope.READ], challenge="x" * 43
    )
    return {
        "local token": who_token,
        "access token": await accounts.logins.issue_access(login),
        "refresh token": await accounts.logins.issue_refresh(login),
        "page session": page,
        "invitation": invited,
        "account link": await accounts.links.create(accounts.owner),
        "device code": device,
        "user code": user_code,
        "authorization code": code,
        "redeem token": redeem,
        "client secret": str(program_secret),
        "password": PASSWORD,
    }


@pytest.mark.requirement("signin.secrets")
def test_no_secret_lies_in_a_folder_a_log_or_a_backup(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], secrecy: Secrecy
) -> None:
    kinds: dict[str, str] = {}

    @scenario
    async def use(server: Any) -> None:
        kinds.update(await on_hub(server, give_out(server.app.state.hub)))
        for kind in ("local token", "access token"):
            async with rest(server, token=kinds[kind]) as web:
                assert (await web.get("/api/me")).status_code == 200
                assert (await web.get("/api/nowhere")).status_code == 404
        async with rest(server, token="wrong-" + kinds["refresh token"]) as web:
            assert (await web.get("/api/me")).status_code == 401
        form = {"grant_type": "refresh_token", "refresh_token": kinds["refresh token"], "client_id": "nobody"}
        async with rest(server) as web:
            assert (await web.post("/oauth/token", data=form)).status_code in (400, 401)
        await asyncio.to_thread(backup, server.folder, tmp_path / "copy.db")

    with serve(tmp_path / "hub", log_level="debug") as server:
        use(server)
    said = "".join(capfd.readouterr())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"hub.db", "copy.db", "master.key"} <= {path.name for path in files}
    for kind, secret in kinds.items():
        assert secret not in said, kind
        for path in files:
            assert secret.encode() not in path.read_bytes(), (kind, path.name)
    watched = set(kinds.values()) - {kinds["user code"], PASSWORD}
    assert watched <= set(secrecy.secrets)  # so the watch over the whole run sees these kinds as well
    print(f"N = {len(kinds)} kinds of secrets in {len(files)} files")


def test_the_watch_notices_a_secret_in_clear(tmp_path: Path) -> None:
    kept = Secrecy()
    kept.secrets.append("a-secret-nobody-may-find")
    (tmp_path / "hub.log").write_text("signed in with a-secret-nobody-may-find")
    kept.search(tmp_path)
    assert kept.found == ["hub.log holds a-secr…"]
