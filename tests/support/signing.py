"""Signing apps in at a hub of a test: what a person does in a browser, done through the hub's own services."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import update

from arkitekt_next.auth.principal import Scope
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.platform import STATE_FOLDER
from arkitekt_next.sdk import oauth
from arkitekt_next.sdk.credentials import Credentials, CredentialStore
from arkitekt_next.storage import tables as t
from tests.support.rest import on_hub


async def approve(server: Any, user_code: str, scopes: Iterable[Scope] | None = None) -> str:
    """Let the app in that shows this code, for the hub's owner; give the id of the sign-in."""
    accounts = server.app.state.hub.accounts

    async def work() -> str:
        code = await accounts.devices.find_typed(user_code)
        login = await accounts.logins.begin(
            team=accounts.team,
            person=accounts.owner,
            app=code.app,
            kind="device",
            scopes=code.scopes if scopes is None else scopes,
            client=code.client,
            version=code.version,
            machine=code.machine,
        )
        await accounts.devices.approve(code, login)
        return str(login.id)

    return await on_hub(server, work())


async def deny(server: Any, user_code: str) -> None:
    """Turn the app away that shows this code."""
    devices = server.app.state.hub.accounts.devices

    async def work() -> None:
        await devices.deny(await devices.find_typed(user_code))

    await on_hub(server, work())


async def expire_codes(server: Any) -> None:
    """Let every code be as old as if nobody had cared for ten minutes."""
    hub = server.app.state.hub

    async def work() -> None:
        async with hub.database.engine.begin() as db:
            await db.execute(update(t.device_code).values(expires_at_us=now_us() - 1))

    await on_hub(server, work())


async def revoke(server: Any, app: str) -> None:
    """End every sign-in of an app of the hub's owner."""
    accounts = server.app.state.hub.accounts
    await on_hub(server, accounts.logins.revoke_all(person=accounts.owner, app=app))


async def logins_of(server: Any, app: str) -> list[Any]:
    """List the live sign-ins of an app."""
    accounts = server.app.state.hub.accounts
    return [login for login in await on_hub(server, accounts.logins.list_live(team=accounts.team)) if login.app == app]


@contextmanager
def state_of(folder: Path) -> Iterator[CredentialStore]:
    """Be the user whose state folder this is; give their credentials."""
    with patch.dict(os.environ, {STATE_FOLDER: str(folder)}):
        yield CredentialStore()


async def signed_in(server: Any, folder: Path, app: str, scopes: Iterable[Scope] | None = None) -> Credentials:
    """Sign an app in for the user of a state folder, without the seconds that its first poll takes."""
    import asyncio

    asked = ["read", "call", "provide"]
    code = await asyncio.to_thread(oauth.begin_device, server.url, app=app, version="1", scopes=asked)
    await approve(server, code.user_code, scopes)
    found = await asyncio.to_thread(oauth.ask_device, server.url, code, app)
    with state_of(folder) as store:
        store.write(found)
    return found
