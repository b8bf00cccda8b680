"""Passkeys of persons: kept as public keys, used to sign in on the hub's pages, never the last way in to be taken away.

What makes an answer good is `auth.passkeys`; this is who has which, and how often it was used. The rule: a count that
does not grow is refused, since two authenticators may then hold one key; passkeys that count nothing stay at zero.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, exists, or_, select, update

from arkitekt_next.auth.passkeys import (
    PasskeyRefused,
    Site,
    ask_for_known,
    ask_for_new,
    check_new,
    check_use,
    encode,
    read_use,
    site_of,
)
from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or

from .challenges import Challenges
from .people import check_name

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

    from .people import Person

LIMIT = 20

_p = t.passkey.c
_other = t.passkey.alias("other")
_INSERT = insert_or(t.passkey, ["id"])
_USE = Statement(
    "use passkey",
    update(t.passkey)
    .where(_p.id == bindparam("b_id"), _p.sign_count <= bindparam("b_most"))
    .values(sign_count=bindparam("sign_count"), used_at_us=bindparam("used_at_us")),
)
_REMOVE = Statement(
    "remove passkey",
    delete(t.passkey).where(
        _p.id == bindparam("b_id"),
        _p.person_id == bindparam("b_person"),
        or_(
            exists().where(
                t.person.c.id == _p.person_id, t.person.c.password_hash.is_not(None), t.person.c.email.is_not(None)
            ),
            exists().where(t.identity.c.person_id == _p.person_id, t.identity.c.issuer == bindparam("b_provider")),
            exists().where(_other.c.person_id == _p.person_id, _other.c.id != _p.id),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey. `handle` names it in forms and in the audit log."""

    handle: str
    name: str
    created_at_us: int
    used_at_us: int | None


class PasskeyCloned(PasskeyRefused):
    """A passkey was rightly used, but has counted backwards: somebody else may have a copy."""

    def __init__(self, handle: str, person: str, *, known: int, given: int) -> None:
        super().__init__(f"expected a count above {known}, got {given}")
        self.handle = handle
        self.person = person
        self.known = known
        self.given = given


class Passkeys:
    """All passkeys of a hub. `site` is None where browsers have none; then nothing is added or used."""

    def __init__(self, database: Database, *, master: bytes, url: str) -> None:
        self._database = database
        self.site = site_of(url)
        self.challenges = Challenges(master)
        self._adding = asyncio.Lock()

    async def list_of(self, person: str) -> list[Passkey]:
        """List a person's passkeys, the oldest first."""
        return [
            Passkey(handle_of(row.id), row.name, row.created_at_us, row.used_at_us) for row in await self._rows(person)
        ]

    async def _rows(self, person: str) -> list[Any]:
        query = select(t.passkey).where(_p.person_id == person).order_by(_p.created_at_us, _p.id)
        async with self._database.engine.connect() as db:
            return list((await db.execute(query)).all())

    # -- adding and taking away ------------------------------------------------------------------------------------

    async def ask_for_new(self, person: Person, challenge: bytes, name: str) -> dict[str, Any]:
        """Write what a browser needs to make one. Raises `RequestRefused` for its name, `Conflict`, `NotPermitted`."""
        check_name(name)
        rows = await self._rows(person.id)
        _refuse_more(len(rows))
        known = [row.id for row in rows]
        account = person.email or person.name
        return ask_for_new(
            self._require_site(), challenge, person=person.id, account=account, name=person.name, known=known
        )

    async def add(self, person: str, answer: str, challenge: bytes, *, name: str) -> Passkey:
        """Keep the passkey that a browser has made. Raises `PasskeyRefused`, and as `ask_for_new` does."""
        clean = check_name(name)
        made = await asyncio.to_thread(check_new, answer, self._require_site(), challenge)
        row = {
            "id": made.id,
            "person_id": person,
            "public_key": made.public_key,
            "sign_count": made.sign_count,
            "name": clean,
            "created_at_us": now_us(),
            "used_at_us": None,
        }
        async with self._adding:
            _refuse_more(len(await self._rows(person)))
            if not (await self._database.ledger.commit((_INSERT, row)))[0]:
                raise PasskeyRefused("expected a new one, got an id that is known")
        return Passkey(handle_of(made.id), clean, int(str(row["created_at_us"])), None)

    async def remove(self, person: str, handle: str, *, provider: str) -> Passkey:
        """Take a passkey away. `provider` is the issuer that can be signed in with.

        Raises `NotFound`; `Conflict` for a person's only way in.
        """
        for row in await self._rows(person):
            if handle_of(row.id) == handle:
                break
        else:
            raise NotFound(what="passkey", name=handle[:64], remedy="It may have been removed already")
        step = {"b_id": row.id, "b_person": person, "b_provider": provider}
        if not (await self._database.ledger.commit((_REMOVE, step)))[0]:
            raise Conflict(
                problem=f"“{row.name}” is your only way in", remedy="Set a password or add another passkey first"
            )
        return Passkey(handle, row.name, row.created_at_us, row.used_at_us)

    # -- signing in ------------------------------------------------------------------------------------------------

    def ask_for_known(self, challenge: bytes) -> dict[str, Any]:
        """Write what a browser needs to let a person choose theirs. Raises `NotPermitted`."""
        return ask_for_known(self._require_site(), challenge)

    async def use(self, answer: str, challenge: bytes) -> tuple[str, str]:
        """Give the person who has used a passkey, and its handle. Raises `PasskeyRefused`.

        Whether the person may come in is for the caller to see.
        """
        site = self._require_site()
        id, person = read_use(answer)
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(t.passkey).where(_p.id == id))).first()
        if row is None or row.person_id != person:
            raise PasskeyRefused("expected a passkey of this hub and the person it belongs to")
        count = await asyncio.to_thread(check_use, answer, site, challenge, public_key=row.public_key)
        step = {"b_id": id, "b_most": max(0, count - 1), "sign_count": count, "used_at_us": now_us()}
        if not (await self._database.ledger.commit((_USE, step)))[0]:
            raise PasskeyCloned(handle_of(id), person, known=row.sign_count, given=count)
        return person, handle_of(id)

    def _require_site(self) -> Site:
        if self.site is None:
            raise NotPermitted(
                person="a browser", verb="use", what="passkeys here", remedy="Open the hub by its name, with https"
            )
        return self.site


def handle_of(id: bytes) -> str:
    """Name a passkey by its id, which may be long."""
    return encode(hashlib.sha256(id).digest()[:16])


def _refuse_more(count: int) -> None:
    if count >= LIMIT:
        raise Conflict(problem=f"You have {LIMIT} passkeys, and can have no more", remedy="Remove one first")
