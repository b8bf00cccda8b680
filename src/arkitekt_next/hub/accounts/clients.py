"""OAuth clients: the built-in one of the SDK and the command line, and programs that a team has registered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from arkitekt_next.auth.addresses import is_redirect, is_registrable
from arkitekt_next.auth.principal import Principal, Scope
from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.errors import NotFound, RequestRefused
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

NATIVE = "arkitekt-next"
_NATIVE_REDIRECTS = ("http://127.0.0.1/callback", "http://[::1]/callback")

_c = t.client.c
_INSERT = insert_or(t.client, ["id"])
_REVOKE = Statement(
    "revoke client",
    update(t.client)
    .where(_c.team_id == bindparam("b_team"), _c.id == bindparam("b_id"), _c.revoked_at_us.is_(None))
    .values(revoked_at_us=bindparam("revoked_at_us")),
)


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask for sign-ins. `team` None: the built-in one, which serves every team.

    Without a secret it is public, and proves itself by PKCE alone.
    """

    id: str
    team: str | None
    name: str
    redirect_uris: tuple[str, ...]
    scopes: frozenset[Scope]
    secret_digest: bytes | None
    created_at_us: int

    def takes_redirect(self, uri: str) -> bool:
        """Whether it may be answered there."""
        return any(is_redirect(registered, uri) for registered in self.redirect_uris)


_BUILT_IN = Client(NATIVE, None, "arkitekt-next", _NATIVE_REDIRECTS, frozenset(Scope), None, 0)


class Clients:
    """The clients of a hub."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, id: str) -> Client | None:
        """Give the client of that id, unless it was revoked."""
        if id == NATIVE:
            return _BUILT_IN
        if "\0" in id:
            return None
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(t.client).where(_c.id == id, _c.revoked_at_us.is_(None)))).first()
        return _client(row) if row is not None else None

    async def create(
        self, who: Principal, *, name: str, redirect_uris: Sequence[str], scopes: Iterable[Scope], is_public: bool
    ) -> tuple[Client, str | None]:
        """Register a program for `who`'s team; give it and its secret. Raises `RequestRefused` for a bad address."""
        for uri in redirect_uris:
            if not is_registrable(uri):
                problem = f"expected https://host/path, or http://127.0.0.1/path for a desktop program, got {uri!r}"
                raise RequestRefused(where="redirect_uris", problem=problem)
        secret = None if is_public else new_secret()
        row = {
            "id": new_id(),
            "team_id": who.team,
            "name": name,
            "redirect_uris": dumps(list(redirect_uris)),
            "scopes": dumps(sorted(scopes)),
            "secret_digest": digest_of(secret) if secret is not None else None,
            "by_id": who.person,
            "created_at_us": now_us(),
            "revoked_at_us": None,
        }
        await self._database.ledger.commit((_INSERT, row))
        client = await self.find(str(row["id"]))
        assert client is not None
        return client, secret

    async def list_live(self, team: str, *, before: str | None = None, limit: int = 1000) -> list[Client]:
        """List a team's programs, the newest first."""
        query = select(t.client).where(_c.team_id == team, _c.revoked_at_us.is_(None))
        query = query.order_by(_c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(_c.id < before)
        async with self._database.engine.connect() as db:
            return [_client(row) for row in (await db.execute(query)).all()]

    async def revoke(self, team: str, id: str) -> None:
        """Take a program out; its sign-ins are for the caller to end. Raises `NotFound`."""
        row = {"b_team": team, "b_id": id, "revoked_at_us": now_us()}
        if "\0" in id or not (await self._database.ledger.commit((_REVOKE, row)))[0]:
            raise NotFound(what="client", name=id, remedy="It may be removed already")


def _client(row: Any) -> Client:
    return Client(
        id=row.id,
        team=row.team_id,
        name=row.name,
        redirect_uris=tuple(loads(row.redirect_uris)),
        scopes=frozenset(Scope(scope) for scope in loads(row.scopes)),
        secret_digest=row.secret_digest,
        created_at_us=row.created_at_us,
    )
