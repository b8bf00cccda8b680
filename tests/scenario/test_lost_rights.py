"""What somebody has made, opened or provided ends with the right to it: a removed admin, a demoted member."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from arkitekt_next.errors import NotFound
from tests.support.raw import RawClient, definition
from tests.support.rest import on_hub, rest
from tests.support.teams import Someone, cast, sign_in_as, someone
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


# -- connections and streams ---------------------------------------------------------------------------------------


async def connect(server: Any, person: Someone, app: str = "web") -> RawClient:
    """Open a socket of somebody's."""
    token = await sign_in_as(server, person.id, app, team=person.team)
    return await RawClient(server.url, token, app).open()


async def close_code(socket: RawClient) -> int | None:
    """Wait until the hub has closed a socket; give its reason."""
    async with asyncio.timeout(5):
        await socket.socket.wait_closed()
    return socket.socket.close_code


@pytest.mark.requirement("guard.roles", "guard.revocation")
@scenario
async def test_who_becomes_a_guest_is_given_no_more_work(server: Any) -> None:
    async with rest(server) as owner, cast(server, "member", "member") as (former, caller):
        agent, asking = await connect(server, former, "camera"), await connect(server, caller)
        await agent.provide(definition("shoot"))
        await agent.assigned(await asking.submit("camera.shoot", {"a": 1}))
        await owner.patch(f"/api/members/{former.id}", json={"role": "guest"})
        assert await close_code(agent) == 1012
        late = await asking.submit("camera.shoot", {"a": 42})
        again = await connect(server, former, "camera")
        await again.send({"kind": "provide", "request": "p", "offers": [{"definition": definition("shoot")}]})
        assert (await again.expect("refused", request="p"))["error"]["code"] == "not_permitted"
        assert not agent.of("assign", task=late) + again.of("assign")
        assert asking.socket.close_code is None


@pytest.mark.requirement("guard.roles", "guard.revocation")
@pytest.mark.parametrize(("before", "after", "discreet"), [("member", "guest", False), ("admin", "member", True)])
@scenario
async def test_who_may_not_read_a_task_any_more_reads_it_no_further(
    server: Any, before: str, after: str, discreet: bool
) -> None:
    async with rest(server) as owner, cast(server, "member", before) as (caller, reader):
        app = f"scope-{before}"
        agent, asking = await connect(server, caller, app), await connect(server, caller)
        await agent.provide(definition("watch"))
        task = await asking.submit(f"{app}.watch", {"a": 1}, discreet=discreet)
        await agent.assigned(task)
        reading = await connect(server, reader)
        await reading.send({"kind": "attach", "request": "r", "task": task, "after": 0, "window": 64})
        await reading.expect("event", task=task)
        async with reader.web.stream("GET", f"/api/tasks/{task}/stream") as stream:
            lines = stream.aiter_lines()
            while not (await anext(lines)).startswith("event:"):
                pass
            await owner.patch(f"/api/members/{reader.id}", json={"role": after})
            assert await close_code(reading) == 1012
            await agent.acknowledged(await agent.report("log", task, level="info", message="SECRET"))
            async with asyncio.timeout(5):
                told = [line async for line in lines]
        assert not [line for line in told if "SECRET" in line]
        assert not [message for message in reading.seen if "SECRET" in str(message)]
        assert (await reader.web.get(f"/api/tasks/{task}/stream")).status_code in (403, 404)
        await asking.expect("accepted", task=task)
        assert (asking.socket.close_code, agent.socket.close_code) == (None, None)


@pytest.mark.requirement("guard.revocation")
@scenario
async def test_a_stream_that_opens_while_its_sign_in_ends_is_closed(server: Any) -> None:
    hub = server.app.state.hub
    async with cast(server, "member", "member") as (caller, reader):
        agent, asking = await connect(server, caller, "slow"), await connect(server, caller)
        await agent.provide(definition("watch"))
        task = await asking.submit("slow.watch", {"a": 1})
        login = (await on_hub(server, hub.accounts.logins.identify_token(reader.token))).login

        async def follow_while_it_is_revoked() -> str:
            host, path = server.url.partition("//")[2].encode(), f"/api/tasks/{task}/stream"
            headers = [(b"host", host), (b"authorization", f"Bearer {reader.token}".encode())]
            scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
            scope |= {"query_string": b"", "scheme": "http", "http_version": "1.1", "headers": headers}
            scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "extensions": {}, "state": {}}
            said: list[Any] = []

            async def send(message: Any) -> None:
                said.append(message)

            async with asyncio.timeout(5), AsyncExitStack() as all_there_are:
                engine = hub.database.engine
                for _ in range(engine.pool.size() + engine.pool._max_overflow):
                    await all_there_are.enter_async_context(engine.connect())
                opening = asyncio.create_task(server.app(scope, asyncio.Event().wait, send))
                while "principal" not in scope:  # let in; it now waits for the database
                    await asyncio.sleep(0)
                await hub.accounts.logins.revoke([login])
                await all_there_are.aclose()
                await opening
            return str(said)

        assert "'more_body': False" in await on_hub(server, follow_while_it_is_revoked())
