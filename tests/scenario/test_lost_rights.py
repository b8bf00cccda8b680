"""What somebody has made, opened or provided ends with the right to it: a removed admin, a demoted member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from arkitekt_next.errors import NotFound
from tests.support.rest import on_hub, rest
from tests.support.teams import Someone, someone
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


async def invitation(maker: Someone, role: str) -> str:
    """Make an invitation; give the secret of its link."""
    made = await maker.web.post("/api/invitations", json={"role": role, "uses": 5})
    assert made.status_code == 201
    return str(made.json()["link"].partition("#")[2])


async def accept(server: Any, secret: str, person: str) -> Role | None:
    """Follow a link; give what the person is in the team then."""
    accounts = server.app.state.hub.accounts
    try:
        await on_hub(server, accounts.invitations.accept(secret, person))
    except NotFound:
        assert accounts.people.membership(accounts.team, person) is None
        return None
    return accounts.people.role_of(accounts.team, person)  # type: ignore[no-any-return]


async def stranger(server: Any) -> str:
    """Make an account that is in no team; give its id."""
    people = server.app.state.hub.accounts.people
    async with someone(server, "guest") as passing:
        await on_hub(server, people.leave(passing.team, passing.id))
    return passing.id


@pytest.mark.requirement("guard.roles", "guard.revocation")
@scenario
async def test_nobody_who_was_removed_comes_back_by_an_invitation_of_their_own(server: Any) -> None:
    async with rest(server) as owner, someone(server, "admin") as admin:
        secret = await invitation(admin, "admin")
        assert (await owner.delete(f"/api/members/{admin.id}")).status_code == 204
        assert await accept(server, secret, admin.id) is None
        assert await accept(server, secret, await stranger(server)) is None
        assert secret[:6] not in str((await owner.get("/api/invitations")).json())


@pytest.mark.requirement("guard.roles", "guard.revocation")
@scenario
async def test_an_invitation_gives_no_more_than_its_maker_could_give_now(server: Any) -> None:
    async with rest(server) as owner, someone(server, "owner") as maker:
        above, below = await invitation(maker, "owner"), await invitation(maker, "member")
        listed = len((await owner.get("/api/invitations")).json()["items"])
        await owner.patch(f"/api/members/{maker.id}", json={"role": "admin"})
        assert await accept(server, above, await stranger(server)) is None
        assert await accept(server, below, await stranger(server)) is Role.MEMBER
        assert len((await owner.get("/api/invitations")).json()["items"]) == listed - 1
        await owner.patch(f"/api/members/{maker.id}", json={"role": "member"})
        assert await accept(server, below, await stranger(server)) is None
        await owner.patch(f"/api/members/{maker.id}", json={"role": "owner"})
        assert await accept(server, above, await stranger(server)) is Role.OWNER


@pytest.mark.requirement("guard.revocation")
@scenario
async def test_invitations_of_a_disabled_account_do_not_hold(server: Any) -> None:
    accounts = server.app.state.hub.accounts
    async with someone(server, "admin") as admin:
        secret = await invitation(admin, "guest")
        await on_hub(server, accounts.disable(admin.id))
        assert await accept(server, secret, await stranger(server)) is None
