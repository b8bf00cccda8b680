"""People of every role in one team of a served hub, each with a token, and a client of their own."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from arkitekt_next.auth.principal import Role, Scope
from tests.support.rest import on_hub, rest

PASSWORD = "three green apples"


@dataclass(frozen=True)
class Someone:
    """A person of a team: their id, a token, and the REST face as they see it."""

    id: str
    team: str
    email: str
    token: str
    web: httpx2.AsyncClient


async def join(
    server: Any,
    role: Role | str,
    *,
    team: str | None = None,
    app: str = "web",
    kind: str = "device",
    scopes: Iterable[Scope] = Scope,
    password: str | None = None,
) -> tuple[str, str, str]:
    """Make a person and bring them into a team; give id, e-mail address and a token."""
    accounts = server.app.state.hub.accounts

    async def make() -> tuple[str, str, str]:
        email = f"{role}-{uuid.uuid4().hex[:10]}@lab.org"
        person = await accounts.people.add(name=f"{role} {email[-18:-8]}", email=email)
        if password is not None:
            await accounts.people.set_password(person.id, password)
        await accounts.people.join(team or accounts.team, person.id, Role(role))
        token, _ = await accounts.logins.issue(
            team=team or accounts.team, person=person.id, app=app, kind=kind, scopes=scopes
        )
        return person.id, email, token

    return await on_hub(server, make())


async def sign_in_as(server: Any, person: str, app: str = "web", *, team: str | None = None, **fields: Any) -> str:
    """Give another token for a person."""
    accounts = server.app.state.hub.accounts
    work = accounts.logins.issue(team=team or accounts.team, person=person, app=app, **{"kind": "device", **fields})
    token, _ = await on_hub(server, work)
    return token


@asynccontextmanager
async def someone(server: Any, role: Role | str, **options: Any) -> AsyncIterator[Someone]:
    """Bring a new person into a team, the first one by default."""
    person, email, token = await join(server, role, **options)
    async with rest(server, token=token) as web:
        yield Someone(person, options.get("team") or server.app.state.hub.accounts.team, email, token, web)


@asynccontextmanager
async def cast(server: Any, *roles: Role | str, **options: Any) -> AsyncIterator[list[Someone]]:
    """Bring several new people into a team."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(someone(server, role, **options)) for role in roles]


async def new_team(server: Any) -> str:
    """Make another team, with an owner nobody uses; give its id."""
    accounts = server.app.state.hub.accounts

    async def make() -> str:
        email = f"founder-{uuid.uuid4().hex[:10]}@lab.org"
        founder = await accounts.people.add(name="founder", email=email)
        return await accounts.people.create_team(f"team {email[8:14]}", founder.id)

    return await on_hub(server, make())
