"""The keys that sign access tokens: made here, rotated with overlap, published as a JWKS.

A private key lies in the database only under the hub's master key, a 0600 file in its folder, so that neither a backup
nor a reader of the database can sign. The rule: a token is looked at only as what we make (ES256, our `iss` and `aud`,
a key of ours), never as what its header claims to be. Source: RFC 8725 §3, RFC 9068 §4.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from arkitekt_next.errors import NotAuthenticated
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.platform import write_private
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from pathlib import Path

    from joserfc.jwk import ECKey

    from arkitekt_next.storage.engine import Database

MASTER_NAME = "master.key"
AUDIENCE = "arkitekt-next"
ALGORITHM = "ES256"
_OVERLAPS = 2
_LEEWAY_S = 30

_INSERT = insert_or(t.signing_key, ["id"])
_RETIRE = Statement(
    "retire signing keys",
    update(t.signing_key)
    .where(t.signing_key.c.retired_at_us.is_(None), t.signing_key.c.id != bindparam("b_id"))
    .values(retired_at_us=bindparam("retired_at_us")),
)


def load_or_make_master(folder: Path) -> bytes:
    """Read the master key of a hub's folder, making it on the first start. Hubs that share a database share it."""
    path = folder / MASTER_NAME
    if not path.exists():
        write_private(path, secrets.token_hex(32))
    text = path.read_text().strip()
    if len(text) != 64:
        raise NotAuthenticated(
            reason=f"{path} does not hold 64 hexadecimal digits",
            remedy="Restore it from where you keep it; without it everybody has to sign in anew",
        )
    return bytes.fromhex(text)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair; `retired_at_us` is when it stopped signing."""

    id: str
    pair: ECKey
    created_at_us: int
    retired_at_us: int | None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What may be told of a key. `verifies` while tokens that it has signed may be about."""

    id: str
    created_at_us: int
    retired_at_us: int | None
    verifies: bool


class Keys:
    """The hub's signing keys. They are loaded, or the first is made, when first asked for.

    What they sign holds for `access_s`; a retired key verifies for twice as long.
    """

    def __init__(self, database: Database, master: bytes, issuer: str, access_s: int) -> None:
        self._database = database
        self._master = master
        self.issuer = issuer
        self.access_s = access_s
        self._overlap_us = _OVERLAPS * access_s * 1_000_000
        self._known: dict[str, SigningKey] = {}
        self._lock = asyncio.Lock()

    async def sign(self, claims: dict[str, Any]) -> str:
        """Make an access token (RFC 9068) of these claims; issuer, audience and times are filled in."""
        from joserfc import jwt

        key = await self._current()
        now = now_us() // 1_000_000
        header = {"alg": ALGORITHM, "kid": key.id, "typ": "at+jwt"}
        full = {"iss": self.issuer, "aud": AUDIENCE, "iat": now, "exp": now + self.access_s, "jti": new_id(), **claims}
        return jwt.encode(header, full, key.pair, algorithms=[ALGORITHM])

    async def sign_identity(self, claims: dict[str, Any]) -> str:
        """Make an ID token (OpenID Connect Core §2) for a client, which is its audience."""
        from joserfc import jwt

        key = await self._current()
        now = now_us() // 1_000_000
        header = {"alg": ALGORITHM, "kid": key.id, "typ": "JWT"}
        full = {"iss": self.issuer, "iat": now, "exp": now + self.access_s, **claims}
        return jwt.encode(header, full, key.pair, algorithms=[ALGORITHM])

    async def verify(self, text: str) -> dict[str, Any]:
        """Give the claims of an access token of ours that holds now. Raises `NotAuthenticated`."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        try:
            header = loads(_decode(text.partition(".")[0]))
            key = await self._find(str(header["kid"]))
            if key is None or header.get("alg") != ALGORITHM or header.get("typ") != "at+jwt" or "crit" in header:
                raise _refused()
            token = jwt.decode(text, key.pair, algorithms=[ALGORITHM])
            must = {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": AUDIENCE},
                "exp": {"essential": True},
                "iat": {"essential": True},
                "sub": {"essential": True},
                "sid": {"essential": True},
            }
            jwt.JWTClaimsRegistry(leeway=_LEEWAY_S, **must).validate(token.claims)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused() from error
        return dict(token.claims)

    async def published(self) -> dict[str, Any]:
        """Give the JWKS: the key that signs, and those whose tokens may still be about."""
        await self._current()
        horizon = now_us() - self._overlap_us
        keys = [key for key in self._known.values() if key.retired_at_us is None or key.retired_at_us > horizon]
        return {
            "keys": [
                {**key.pair.as_dict(private=False), "kid": key.id, "use": "sig", "alg": ALGORITHM}
                for key in sorted(keys, key=lambda key: key.created_at_us, reverse=True)
            ]
        }

    async def list_all(self, *, before: str | None = None, limit: int = 1000) -> list[KeyRecord]:
        """List the keys there are and were, the newest first; the first is made if there is none."""
        await self._current()
        k = t.signing_key.c
        query = select(k.id, k.created_at_us, k.retired_at_us).order_by(k.id.desc()).limit(limit)
        if before is not None:
            query = query.where(k.id < before)
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        horizon = now_us() - self._overlap_us
        return [
            KeyRecord(r.id, r.created_at_us, r.retired_at_us, r.retired_at_us is None or r.retired_at_us > horizon)
            for r in rows
        ]

    async def rotate(self) -> str:
        """Make a new key that signs from now on; the old ones verify until their last token has expired. Give its id.

        Also makes the first one. A key that this hub's master key does not open is retired at once.
        """
        from joserfc import jwe
        from joserfc.jwk import ECKey, OctKey

        pair = await asyncio.to_thread(ECKey.generate_key, "P-256")
        id, now = new_id(), now_us()
        sealed = jwe.encrypt_compact(
            {"alg": "dir", "enc": "A256GCM"}, dumps(pair.as_dict(private=True)), OctKey.import_key(self._master)
        )
        row = {
            "id": id,
            "public": dumps(pair.as_dict(private=False)),
            "private": sealed,
            "created_at_us": now,
            "retired_at_us": None,
        }
        await self._database.ledger.commit((_INSERT, row), (_RETIRE, {"b_id": id, "retired_at_us": now}))
        await self._load()
        return id

    async def _current(self) -> SigningKey:
        async with self._lock:
            key = self._newest()
            if key is None:
                await self._load()
                key = self._newest()
            if key is None:
                await self.rotate()
                key = self._newest()
        assert key is not None
        return key

    def _newest(self) -> SigningKey | None:
        signing = [key for key in self._known.values() if key.retired_at_us is None]
        return max(signing, key=lambda key: key.created_at_us, default=None)

    async def _find(self, id: str) -> SigningKey | None:
        if id not in self._known:
            await self._load()  # another hub may have rotated
        key = self._known.get(id)
        if key is not None and key.retired_at_us is not None and key.retired_at_us < now_us() - self._overlap_us:
            return None
        return key

    async def _load(self) -> None:
        from joserfc import jwe
        from joserfc.errors import JoseError
        from joserfc.jwk import ECKey, OctKey

        horizon = now_us() - self._overlap_us
        query = select(t.signing_key).where(
            t.signing_key.c.retired_at_us.is_(None) | (t.signing_key.c.retired_at_us > horizon)
        )
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
        known: dict[str, SigningKey] = {}
        for row in rows:
            try:
                opened = jwe.decrypt_compact(row.private, OctKey.import_key(self._master))
            except (JoseError, ValueError):
                continue  # of a folder whose master key is gone; what it signed is not believed any more
            pair = ECKey.import_key(loads(opened.plaintext or b""))
            known[row.id] = SigningKey(row.id, pair, row.created_at_us, row.retired_at_us)
        self._known = known


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _refused() -> NotAuthenticated:
    return NotAuthenticated(reason="The token is no token of this hub, or has expired", remedy="Sign in again")
