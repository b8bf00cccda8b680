"""Items and grants of a served hub, made in its database, and S3 clients that use them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from arkitekt_next.data.keys import prefix_of
from arkitekt_next.data.sigv4 import REGION, Credentials
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.hub.data.gateway.request import BUCKET
from arkitekt_next.hub.data.grants import GRANT_S, Grant, Mode
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t

T = TypeVar("T")


@dataclass(frozen=True)
class Access:
    """A grant as a client has it."""

    url: str
    grant: Grant
    keys: Credentials

    @property
    def prefix(self) -> str:
        return self.grant.prefix

    def boto3(self, **options: Any) -> Any:
        """Give a boto3 client."""
        import boto3
        from botocore.config import Config

        settings = {
            "signature_version": "s3v4",
            "s3": {"addressing_style": "path"},
            "retries": {"max_attempts": 1},
            **options,
        }
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.keys.access_key,
            aws_secret_access_key=self.keys.secret_key,
            aws_session_token=self.keys.session_token,
            config=Config(**settings),
        )

    def obstore(self, prefix: str | None = None) -> Any:
        """Give an obstore store that sees the grant's prefix as its root."""
        from obstore.store import S3Store

        return S3Store(
            BUCKET,
            prefix=self.prefix if prefix is None else prefix,
            config={
                "endpoint": self.url,
                "region": REGION,
                "access_key_id": self.keys.access_key,
                "secret_access_key": self.keys.secret_key,
                "session_token": self.keys.session_token,
                "virtual_hosted_style_request": False,
            },
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )


def on_loop(server: Any, work: Coroutine[Any, Any, T]) -> T:
    """Run something on the hub's own loop, from a thread of a test."""
    return asyncio.run_coroutine_threadsafe(work, server.app.state.hub.board.loop).result(30)


def new_item(server: Any, *, team: str | None = None, person: str | None = None) -> str:
    """Put an open item into the database; give its id."""
    hub = server.app.state.hub

    async def make() -> str:
        id, now = new_id(), now_us()
        async with hub.database.engine.begin() as db:
            who = person or (await db.execute(t.person.select())).first().id
            row = {
                "id": id,
                "team_id": team or hub.accounts.team,
                "person_id": who,
                "by_id": who,
                "app": "cam",
                "kind": "file",
                "name": "x",
                "visibility": "team",
                "is_temporary": False,
                "meta": "{}",
                "created_at_us": now,
                "used_at_us": now,
            }
            await db.execute(d.item.insert().values({k: v for k, v in row.items() if k in d.item.c}))
        return id

    return on_loop(server, make())


def give(
    server: Any, item: str, mode: Mode | str = Mode.WRITE, *, team: str | None = None, login: str = "", **options: Any
) -> Access:
    """Issue a grant for an item."""
    hub = server.app.state.hub

    async def make() -> Grant:
        async with hub.database.engine.connect() as db:
            who = (await db.execute(t.person.select())).first().id
        return await hub.grants.issue(
            team=team or hub.accounts.team, person=who, login=login, item=item, mode=Mode(mode), **options
        )

    grant = on_loop(server, make())
    return Access(server.url, grant, hub.grants.credentials_of(grant.id))


def set_item(server: Any, item: str, **values: Any) -> None:
    """Change an item's row, as committing and removing do."""
    hub = server.app.state.hub

    async def change() -> None:
        async with hub.database.engine.begin() as db:
            await db.execute(d.item.update().where(d.item.c.id == item).values(**values))

    on_loop(server, change())


def commit_item(server: Any, item: str) -> None:
    set_item(server, item, committed_at_us=now_us())


def expire(server: Any, access: Access) -> None:
    """Let a grant have run out a second ago."""
    hub = server.app.state.hub

    async def change() -> None:
        async with hub.database.engine.begin() as db:
            await db.execute(
                d.data_grant.update()
                .where(d.data_grant.c.id == access.grant.id)
                .values(expires_at_us=now_us() - 1_000_000)
            )
        hub.grants.end_logins([access.grant.login])

    on_loop(server, change())


__all__ = [
    "BUCKET",
    "GRANT_S",
    "Access",
    "commit_item",
    "expire",
    "give",
    "new_item",
    "on_loop",
    "prefix_of",
    "set_item",
]
