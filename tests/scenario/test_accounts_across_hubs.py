"""What happens to accounts at one hub counts at every hub that shares its database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from tests.support.browsing import Browser, add_person, is_in
from tests.support.raw import RawClient
from tests.support.rest import on_hub, rest
from tests.support.teams import join, sign_in_as
from tests.support.waiting import scenario, soon

CLOSED_WITHIN_S = 5.0


def sockets(server: Any, app: str) -> int:
    """Count the connections of an app at a hub."""
    return sum(peer.principal.app == app for peer in list(server.app.state.hub.peers))


@contextmanager
def two_hubs(database_url: str, folder: Path) -> Iterator[tuple[Any, Any]]:
    """Serve two hubs that share a database and the master key."""
    settings = {"database_url": database_url, "log_level": "error"}
    with serve(folder / "here", **settings) as here:
        (folder / "there").mkdir()
        shutil.copy(here.folder / "master.key", folder / "there" / "master.key")
        with serve(folder / "there", **settings) as there:
            yield here, there


@pytest.mark.requirement("guard.revocation", "keep.several-hubs")
def test_what_is_revoked_or_removed_at_one_hub_is_out_at_the_other_within_seconds(
    postgres_url: str, tmp_path: Path
) -> None:
    @scenario
    async def play(here: Any, there: Any) -> None:
        accounts = here.app.state.hub.accounts
        person, _, token = await join(here, Role.MEMBER, app="revoked")
        other = await sign_in_as(here, person, "removed")
        await on_hub(there, there.app.state.hub.accounts.people.reload())
        for app, secret in (("revoked", token), ("removed", other)):
            await RawClient(there.url, secret, app).open()
            assert sockets(there, app) == 1
        began = time.monotonic()
        await on_hub(here, accounts.logins.revoke_all(person=person, app="revoked"))
        await soon(lambda: sockets(there, "revoked") == 0, within=CLOSED_WITHIN_S)
        assert sockets(there, "removed") == 1
        await on_hub(here, accounts.remove_member(accounts.team, person))
        await soon(lambda: sockets(there, "removed") == 0, within=CLOSED_WITHIN_S)
        for secret in (token, other):
            async with rest(there, token=secret) as web:
                assert (await web.get("/api/me")).status_code == 401
        print(f"both out of the other hub after {time.monotonic() - began:.1f} s")

    with two_hubs(postgres_url, tmp_path) as (here, there):
        play(here, there)


@pytest.mark.requirement("pages.session", "keep.several-hubs")
def test_an_account_made_at_one_hub_opens_the_other_at_once(postgres_url: str, tmp_path: Path) -> None:
    with two_hubs(postgres_url, tmp_path) as (here, there):
        for number in range(5):  # the other hub reads everybody's memberships anew every two seconds only
            add_person(here, f"rita{number}", "member")
            with Browser(there.url) as browser:
                assert browser.sign_in(f"rita{number}@lab.org").status_code == 200, number
                assert is_in(browser)
