"""What can open nothing any more goes by itself; what still means something, and the audit log, stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.embedded import serve
from arkitekt_next.hub.accounts.pruning import prune
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from tests.support.rest import on_hub, rest
from tests.support.teams import someone
from tests.support.waiting import scenario

DAY_US = 86_400 * 1_000_000
TABLES = (
    t.token,
    t.device_code,
    t.authorization_code,
    t.account_link,
    t.invitation,
    t.redeem_token,
    t.login,
    t.audit,
)


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: Any) -> Iterator[Any]:
    options = {"database_url": request.getfixturevalue("postgres_url")} if request.param == "postgresql" else {}
    with serve(log_level="error", **options) as running:
        yield running


async def counted(server: Any) -> dict[str, int]:
    counts = {}
    async with server.app.state.hub.database.engine.connect() as db:
        for table in TABLES:
            counts[table.name] = (await db.execute(select(func.count()).select_from(table))).scalar()
    return counts


async def one_of_each(server: Any, web: Any, person: str) -> str:
    """Make whatever may expire, a sign-in that is revoked and one that is not; give the refresh token of the latter."""
    accounts = server.app.state.hub.accounts
    device, _ = await accounts.devices.create(
        client="arkitekt-next", app="a", version="1", machine="m", scopes=[Scope.READ]
    )
    kept, gone, _ = [
        await accounts.logins.begin(team=accounts.team, person=person, app="a", kind=kind, scopes=[Scope.READ])
        for kind in ("device", "device", "page")
    ]
    for login in (kept, gone):
        code = {"client": "c", "redirect_uri": "http://127.0.0.1/cb", "scopes": [Scope.READ], "challenge": "x"}
        await accounts.codes.create(login, **code)
    refresh = await accounts.logins.issue_refresh(kept)
    await accounts.logins.issue_refresh(gone)
    await accounts.devices.approve(await accounts.devices.find(device), gone)
    await accounts.logins.revoke([gone.id])
    await accounts.links.create(person)
    who = await accounts.identify(web.headers["authorization"])
    await accounts.invitations.create(who, Role.MEMBER, expires_s=7 * 86_400, uses=1)
    await accounts.redeem_tokens.create(who, app="a", scopes=[Scope.READ], is_single_use=False, expires_s=30 * 86_400)
    return refresh


@pytest.mark.requirement("keep.retention")
@scenario
async def test_what_expired_or_ended_long_ago_is_removed_and_nothing_that_means_something(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as mine, someone(server, "member") as ada:
        refresh = await on_hub(server, one_of_each(server, mine, ada.id))
        assert (await mine.post("/api/invitations", json={})).status_code == 201
        before, now = await on_hub(server, counted(server)), now_us()
        assert await on_hub(server, prune(hub.database, at_us=now)) == 0
        assert await on_hub(server, counted(server)) == before

        await on_hub(server, prune(hub.database, at_us=now + 3 * DAY_US))
        soon = await on_hub(server, counted(server))
        assert (soon["device_code"], soon["authorization_code"], soon["account_link"]) == (0, 0, 0)
        same = {name: before[name] for name in ("invitation", "redeem_token", "login", "audit")}
        assert {name: soon[name] for name in same} == same
        assert await on_hub(server, hub.accounts.logins.find_refresh(refresh)) is not None

        await on_hub(server, prune(hub.database, at_us=now + 35 * DAY_US))
        later = await on_hub(server, counted(server))
        assert later["login"] == before["login"] - 1  # the revoked one
        assert later["redeem_token"] == before["redeem_token"]
        assert await on_hub(server, hub.accounts.logins.find_refresh(refresh)) is not None

        await on_hub(server, prune(hub.database, at_us=now + 100 * DAY_US))
        last = await on_hub(server, counted(server))
        assert last == {
            "token": 0,
            "device_code": 0,
            "authorization_code": 0,
            "account_link": 0,
            "invitation": 0,
            "redeem_token": 0,
            "login": before["login"] - 2,  # and the page's, whose session has ended
            "audit": before["audit"],
        }
        assert await on_hub(server, hub.accounts.audit.verify()) == (before["audit"], None)
