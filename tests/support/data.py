"""Items and grants of a served hub, made in its database, and S3 clients that use them."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from arkitekt_next.data import sigv4
from arkitekt_next.data.keys import prefix_of
from arkitekt_next.data.sigv4 import REGION, Credentials
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.hub.data.gateway.request import BUCKET
from arkitekt_next.hub.data.grants import GRANT_S, Grant, Mode
from arkitekt_next.storage import data_tables as d
from arkitekt_next.testing.objects_contract import Place

T = TypeVar("T")


@dataclass
class Sent:
    """A request that is about to be sent."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """S3's code of an error."""
        found = re.search(rb"<Code>(.*?)</Code>", self.body)
        return found[1].decode() if found else ""


def send(url: str, sent: Sent) -> Got:
    """Send a request as it is, whatever its path."""
    connection = http.client.HTTPConnection(url.split("//")[1], timeout=30)
    try:
        target = sent.path + ("?" + sigv4.canonical_query(sent.query) if sent.query else "")
        connection.putrequest(sent.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.headers.items():
            connection.putheader(name, value)
        if not {"content-length", "transfer-encoding"} & sent.headers.keys() and (
            sent.body or sent.method in ("PUT", "POST")
        ):
            connection.putheader("content-length", str(len(sent.body)))
        connection.endheaders(sent.body or None)
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Access:
    """A grant as a client has it."""

    url: str
    grant: Grant
    keys: Credentials

    @property
    def prefix(self) -> str:
        return self.grant.prefix

    @property
    def place(self) -> Place:
        """Give it as the store contract takes it."""
        keys = self.keys
        return Place(
            self.url, BUCKET, self.prefix, REGION, keys.access_key, keys.secret_key, session_token=keys.session_token
        )

    def boto3(self, **options: Any) -> Any:
        """Give a client of boto3."""
        return self.place.boto3(**options)

    def ask(
        self,
        method: str,
        key: str = "",
        *,
        path: str | None = None,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        payload: str | None = None,
        at: datetime | None = None,
        keys: Credentials | None = None,
        change: Callable[[Sent], None] = lambda sent: None,
    ) -> Got:
        """Send one request, signed by our own code, and changed after that; `path` is percent-encoded already."""
        path = path or f"/{BUCKET}/{quote(key, safe='/-_.~')}"
        host = self.url.split("//")[1]
        given = [("host", host), *(headers or {}).items()]
        payload = payload or hashlib.sha256(body).hexdigest()
        at = at or datetime.now(UTC)
        added = sigv4.sign_headers(method, path, list(query), given, keys or self.keys, at=at, payload=payload)
        sent = Sent(method, path, list(query), {**dict(given), **added}, body)
        change(sent)
        return send(self.url, sent)

    def presigned(self, key: str, *, method: str = "GET", at: datetime | None = None, expires_s: int = 60) -> str:
        """Give a presigned path and query."""
        host = self.url.split("//")[1]
        path = f"/{BUCKET}/{key}"
        return sigv4.presign(path, host, self.keys, at=at or datetime.now(UTC), expires_s=expires_s, method=method)

    def obstore(self) -> Any:
        """Give a store of obstore that sees the grant's prefix as its root."""
        return self.place.obstore()


def on_loop(server: Any, work: Coroutine[Any, Any, T]) -> T:
    """Run something on the hub's own loop, from a thread of a test."""
    return asyncio.run_coroutine_threadsafe(work, server.app.state.hub.board.loop).result(30)


def new_item(server: Any, *, team: str | None = None, person: str | None = None) -> str:
    """Put an open item into the database; give its id."""
    hub = server.app.state.hub

    async def make() -> str:
        id, now = new_id(), now_us()
        async with hub.database.engine.begin() as db:
            who = person or hub.accounts.owner
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
    server: Any,
    item: str,
    mode: Mode | str = Mode.WRITE,
    *,
    team: str | None = None,
    person: str | None = None,
    login: str = "",
) -> Access:
    """Issue a grant for an item."""
    hub = server.app.state.hub
    made = hub.grants.issue(
        team=team or hub.accounts.team, person=person or hub.accounts.owner, login=login, item=item, mode=Mode(mode)
    )
    grant = on_loop(server, made)
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

    on_loop(server, change())
    hub.grants._known.clear()  # as if it had been read only now


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


def blobs_named(server: Any) -> set[str]:
    """Give the blobs that rows name."""

    async def load() -> set[str]:
        async with server.app.state.hub.database.engine.connect() as db:
            names = [*(await db.execute(d.object.select())), *(await db.execute(d.upload_part.select()))]
            return {row.blob for row in names}

    return on_loop(server, load())


class Sending:
    """A PUT whose body comes piece by piece."""

    def __init__(self, access: Access, key: str, size: int, *, query: tuple[tuple[str, str], ...] = ()) -> None:
        host = access.url.split("//")[1]
        path = f"/{BUCKET}/{key}"
        headers = sigv4.sign_headers("PUT", path, query, [("host", host)], access.keys, at=datetime.now(UTC))
        self.connection = http.client.HTTPConnection(host, timeout=30)
        target = path + (f"?{sigv4.canonical_query(query)}" if query else "")
        self.connection.putrequest("PUT", target)
        for name, value in {**headers, "content-length": str(size)}.items():
            self.connection.putheader(name, value)
        self.connection.endheaders()

    def send(self, data: bytes) -> None:
        self.connection.send(data)

    def end(self) -> tuple[int, bytes]:
        answer = self.connection.getresponse()
        found = answer.status, answer.read()
        self.connection.close()
        return found
