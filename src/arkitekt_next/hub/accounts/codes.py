"""Authorization codes (RFC 6749 §4.1): given to a browser, redeemed by its program within a minute, once.

A code that comes a second time has been seen by somebody else: the sign-in it gave ends. Source: RFC 9700 §2.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from arkitekt_next.auth.principal import Scope
from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

    from .logins import Login, Logins

CODE_S = 60

_c = t.authorization_code.c
_INSERT = insert_or(t.authorization_code, ["digest"])
_USE = Statement(
    "use authorization code",
    update(t.authorization_code)
    .where(_c.digest == bindparam("b_digest"), _c.used_at_us.is_(None))
    .values(used_at_us=bindparam("used_at_us")),
)


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for. `challenge` is the S256 challenge of PKCE, which every code has."""

    digest: bytes
    login: str
    client: str
    redirect_uri: str
    scopes: frozenset[Scope]
    challenge: str
    nonce: str | None
    expires_at_us: int
    used_at_us: int | None


class AuthorizationCodes:
    """The codes of a hub."""

    def __init__(self, database: Database, logins: Logins) -> None:
        self._database = database
        self._logins = logins

    async def create(
        self,
        login: Login,
        *,
        client: str,
        redirect_uri: str,
        scopes: Iterable[Scope],
        challenge: str,
        nonce: str | None = None,
    ) -> str:
        """Make a code for a sign-in; give its text."""
        text, now = new_secret(), now_us()
        row = {
            "digest": digest_of(text),
            "team_id": login.team,
            "login_id": login.id,
            "client_id": client,
            "redirect_uri": redirect_uri,
            "scopes": dumps(sorted(scopes)),
            "challenge": challenge,
            "nonce": nonce,
            "created_at_us": now,
            "expires_at_us": now + CODE_S * 1_000_000,
            "used_at_us": None,
        }
        await self._database.ledger.commit((_INSERT, row))
        return text

    async def find(self, text: str) -> Code | None:
        """Give what a code stands for, used or not; None when there is none that holds. Does not use it."""
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(t.authorization_code).where(_c.digest == digest_of(text)))).first()
        if row is None or row.expires_at_us <= now_us():
            return None
        return _code(row)

    async def use(self, code: Code) -> Login | None:
        """Use a code up and give its sign-in; None, and the sign-in ends, when it was used before."""
        use = {"b_digest": code.digest, "used_at_us": now_us()}
        if code.used_at_us is not None or not (await self._database.ledger.commit((_USE, use)))[0]:
            await self._logins.revoke([code.login])
            return None
        login = await self._logins.find(code.login)
        return login if login is not None and login.revoked_at_us is None else None


def _code(row: Any) -> Code:
    return Code(
        digest=row.digest,
        login=row.login_id,
        client=row.client_id,
        redirect_uri=row.redirect_uri,
        scopes=frozenset(Scope(scope) for scope in loads(row.scopes)),
        challenge=row.challenge,
        nonce=row.nonce,
        expires_at_us=row.expires_at_us,
        used_at_us=row.used_at_us,
    )
