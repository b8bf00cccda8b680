"""One-time links to an account, for its first password or a new one. They hold for 30 minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

LINK_S = 1800

_c = t.account_link.c
_INSERT = insert_or(t.account_link, ["digest"])
_USE = Statement(
    "use account link",
    update(t.account_link)
    .where(_c.digest == bindparam("b_digest"), _c.used_at_us.is_(None))
    .values(used_at_us=bindparam("used_at_us")),
)
_VOID = Statement(
    "void account links",
    update(t.account_link)
    .where(_c.person_id == bindparam("b_person"), _c.used_at_us.is_(None))
    .values(used_at_us=bindparam("used_at_us")),
)


class AccountLinks:
    """The links of a hub; at most one of a person is open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, person: str) -> str:
        """Make a link for a person, which voids the one before; give its secret."""
        secret, now = new_secret(), now_us()
        row = {
            "digest": digest_of(secret),
            "person_id": person,
            "created_at_us": now,
            "expires_at_us": now + LINK_S * 1_000_000,
            "used_at_us": None,
        }
        await self._database.ledger.commit((_VOID, {"b_person": person, "used_at_us": now}))
        await self._database.ledger.commit((_INSERT, row))
        return secret

    async def find(self, secret: str) -> str:
        """Give whose account an open link leads to. Raises `NotFound`."""
        query = select(_c.person_id).where(
            _c.digest == digest_of(secret), _c.used_at_us.is_(None), _c.expires_at_us > now_us()
        )
        async with self._database.engine.connect() as db:
            person = (await db.execute(query)).scalar()
        if person is None:
            raise _gone()
        return str(person)

    async def use(self, secret: str) -> str:
        """Use a link up and give whose account it leads to. Raises `NotFound`."""
        person = await self.find(secret)
        row = {"b_digest": digest_of(secret), "used_at_us": now_us()}
        if not (await self._database.ledger.commit((_USE, row)))[0]:
            raise _gone()
        return person


def _gone() -> NotFound:
    return NotFound(
        what="link",
        name="…",
        remedy="It was used or is older than 30 minutes. `arkitekt-next hub user link` makes another one",
    )
