"""Teams, persons and tokens: who is asking, and the first team of a fresh hub."""

from __future__ import annotations

import getpass
import hashlib
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from sqlalchemy import select

from arkitekt_next.errors import NotAuthenticated, StorageFull
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import insert_or
from arkitekt_next.wire.codec import dumps, loads

from .principal import Principal, Scope

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

_INSERT_TOKEN = insert_or(t.token, ["id"])
_TOKEN_S = 12 * 3600
_CACHE_LIMIT = 10_000


class Accounts:
    """Who may come in. Tokens are kept as SHA-256 digests; the known ones are cached."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, Principal] = {}
        self.team = ""
        self.owner = ""

    async def open(self, team_name: str) -> None:
        """Find the first team and the person of this operating-system user, making both on the first start."""
        user = getpass.getuser()
        async with self._database.engine.begin() as db:
            team = (await db.execute(select(t.team.c.id).order_by(t.team.c.created_at_us))).scalar()
            person = (await db.execute(select(t.person.c.id).where(t.person.c.os_user == user))).scalar()
            now = now_us()
            if team is None:
                team = new_id()
                await db.execute(t.team.insert().values(id=team, name=team_name, created_at_us=now))
            if person is None:
                person = new_id()
                await db.execute(t.person.insert().values(id=person, name=user, os_user=user, created_at_us=now))
                await db.execute(
                    t.membership.insert().values(team_id=team, person_id=person, role="owner", created_at_us=now)
                )
        self.team, self.owner = team, person

    async def issue(self, *, team: str, person: str, app: str) -> tuple[str, Principal]:
        """Make a token for a person and an app; give its text, which is kept nowhere."""
        text = secrets.token_urlsafe(32)
        scopes = frozenset(Scope)
        now = now_us()
        principal = Principal(team, person, app, scopes, new_id(), now + _TOKEN_S * 1_000_000)
        digest = hashlib.sha256(text.encode()).digest()
        row = {
            "id": principal.token,
            "team_id": team,
            "person_id": person,
            "app": app,
            "digest": digest,
            "scopes": dumps(sorted(scopes)),
            "created_at_us": now,
            "expires_at_us": principal.expires_at_us,
            "revoked_at_us": None,
        }
        with suppress(StorageFull):  # reading has to work on a full disk: the token then lives as long as this hub
            await self._database.ledger.commit((_INSERT_TOKEN, row))
        self._remember(digest, principal)
        return text, principal

    async def identify(self, authorization: str | None) -> Principal:
        """Give who a bearer header stands for. Raises `NotAuthenticated`."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not text:
            raise NotAuthenticated(reason="The request carries no bearer token", remedy="Sign in first")
        digest = hashlib.sha256(text.strip().encode("utf-8", "replace")).digest()
        principal = self._known.get(digest) or await self._load(digest)
        if principal is None or principal.expires_at_us < now_us():
            raise NotAuthenticated(reason="The token is unknown, expired or revoked", remedy="Sign in again")
        return principal

    async def _load(self, digest: bytes) -> Principal | None:
        query = select(t.token).where(t.token.c.digest == digest, t.token.c.revoked_at_us.is_(None))
        async with self._database.engine.connect() as db:
            row = (await db.execute(query)).mappings().first()
        if row is None:
            return None
        scopes = frozenset(Scope(s) for s in loads(row["scopes"]))
        principal = Principal(row["team_id"], row["person_id"], row["app"], scopes, row["id"], row["expires_at_us"])
        self._remember(digest, principal)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> None:
        if len(self._known) >= _CACHE_LIMIT:
            self._known.clear()
        self._known[digest] = principal
