"""Device codes (RFC 8628): an app shows a short code, a person looks it up in a browser and decides.

The device code has 256 bits and is the app's; the user code has 34 and is typed, so guessing is held back where it is
typed. Both are kept as digests. The rule: a code is decided once, and redeemed once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, literal_column, select, update

from arkitekt_next.auth.principal import Scope
from arkitekt_next.auth.secrets import digest_of, new_secret, new_user_code, normal_user_code
from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

    from .logins import Login

DEVICE_CODE_S = 600
INTERVAL_S = 5
_SLOWER_S = 5

_d = t.device_code.c
_PENDING: ColumnElement[str] = literal_column("'pending'")
_APPROVED: ColumnElement[str] = literal_column("'approved'")
_INSERT = insert_or(t.device_code, ["digest"])
_DECIDE = Statement(
    "decide device code",
    update(t.device_code)
    .where(
        _d.digest == bindparam("b_digest"),
        _d.status == _PENDING,
        _d.expires_at_us > bindparam("b_now"),
    )
    .values(status=bindparam("status"), login_id=bindparam("login_id")),
)
_POLL = Statement(
    "poll device code",
    update(t.device_code)
    .where(_d.digest == bindparam("b_digest"))
    .values(polled_at_us=bindparam("polled_at_us"), interval_s=bindparam("interval_s")),
)
_REDEEM = Statement(
    "redeem device code",
    update(t.device_code)
    .where(_d.digest == bindparam("b_digest"), _d.status == _APPROVED)
    .values(status=bindparam("status")),
)


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What an app asks for, and what became of it: pending, approved, denied or redeemed."""

    digest: bytes
    client: str
    app: str
    version: str
    machine: str
    scopes: frozenset[Scope]
    status: str
    login: str | None
    created_at_us: int
    expires_at_us: int
    polled_at_us: int | None
    interval_s: int

    @property
    def has_expired(self) -> bool:
        """Whether nobody may decide it any more."""
        return self.expires_at_us <= now_us()


class DeviceCodes:
    """The device codes of a hub."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(
        self, *, client: str, app: str, version: str, machine: str, scopes: Iterable[Scope]
    ) -> tuple[str, str]:
        """Make a pair of codes; give the device code and the user code."""
        device, user, now = new_secret(), new_user_code(), now_us()
        row = {
            "digest": digest_of(device),
            "user_code_digest": digest_of(user),
            "client_id": client,
            "app": app,
            "version": version[:64],
            "machine": machine[:128],
            "scopes": dumps(sorted(scopes)),
            "status": "pending",
            "login_id": None,
            "created_at_us": now,
            "expires_at_us": now + DEVICE_CODE_S * 1_000_000,
            "polled_at_us": None,
            "interval_s": INTERVAL_S,
        }
        await self._database.ledger.commit((_INSERT, row))
        return device, user

    async def find_typed(self, user_code: str) -> DeviceCode:
        """Give what a typed user code stands for while it is pending. Raises `NotFound`."""
        found = await self._find(_d.user_code_digest == digest_of(normal_user_code(user_code)))
        if found is None or found.status != "pending" or found.has_expired:
            raise NotFound(
                what="code", name=user_code[:16], remedy="Codes hold for 10 minutes: check it, or start the app again"
            )
        return found

    async def find(self, device_code: str) -> DeviceCode | None:
        """Give what a device code stands for, whatever became of it."""
        return await self._find(_d.digest == digest_of(device_code))

    async def _find(self, condition: Any) -> DeviceCode | None:
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(t.device_code).where(condition))).first()
        return _device_code(row) if row is not None else None

    async def approve(self, code: DeviceCode, login: Login) -> None:
        """Let the app in by this sign-in. Raises `NotFound` when the code was decided already."""
        await self._decide(code, "approved", login.id)

    async def deny(self, code: DeviceCode) -> None:
        """Turn the app away. Raises `NotFound` when it was decided already."""
        await self._decide(code, "denied", None)

    async def _decide(self, code: DeviceCode, status: str, login: str | None) -> None:
        row = {"b_digest": code.digest, "b_now": now_us(), "status": status, "login_id": login}
        if not (await self._database.ledger.commit((_DECIDE, row)))[0]:
            raise NotFound(what="code", name="…", remedy="It was decided already, or has expired")

    async def poll(self, code: DeviceCode) -> bool:
        """Note that the app has asked; True when it asked too soon and has to be slower. Source: RFC 8628 §3.5."""
        now = now_us()
        is_too_soon = code.polled_at_us is not None and now - code.polled_at_us < (code.interval_s - 0.5) * 1_000_000
        interval_s = code.interval_s + (_SLOWER_S if is_too_soon else 0)
        row = {"b_digest": code.digest, "polled_at_us": now, "interval_s": interval_s}
        await self._database.ledger.commit((_POLL, row))
        return is_too_soon

    async def redeem(self, code: DeviceCode) -> bool:
        """Use an approved code up; False when somebody was faster."""
        row = {"b_digest": code.digest, "status": "redeemed"}
        return bool((await self._database.ledger.commit((_REDEEM, row)))[0])


def _device_code(row: Any) -> DeviceCode:
    return DeviceCode(
        digest=row.digest,
        client=row.client_id,
        app=row.app,
        version=row.version,
        machine=row.machine,
        scopes=frozenset(Scope(scope) for scope in loads(row.scopes)),
        status=row.status,
        login=row.login_id,
        created_at_us=row.created_at_us,
        expires_at_us=row.expires_at_us,
        polled_at_us=row.polled_at_us,
        interval_s=row.interval_s,
    )
