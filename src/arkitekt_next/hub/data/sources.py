"""Where the sources of an app's releases are kept: once for each source hash, in an item of kind file.

The rule: only who may provide an app says where its sources are, and only of a file that they stored themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from arkitekt_next.auth.rules import may_provide
from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import history_tables as h
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import insert_or

if TYPE_CHECKING:
    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.storage.engine import Database

_s = h.release_source.c
_REPLACE = insert_or(h.release_source, ["app_id", "source_hash"], update=["item_id", "person_id", "created_at_us"])


async def find(database: Database, who: Principal, app: str, source_hash: str) -> str:
    """Give the item that keeps these sources and is still there. Raises `NotFound`."""
    app_id = await _provided(database, who, app)
    item = await _kept(database, app_id, source_hash)
    if item is None:
        raise NotFound(what="source", name=source_hash, remedy="`arkitekt-next run prod` keeps the sources it runs")
    return item


async def keep(database: Database, who: Principal, app: str, source_hash: str, item: str) -> str:
    """Say which item keeps these sources; give the one that does, which is an earlier one where there is one.

    Raises `NotFound` for an app that somebody may not provide or a file that is not theirs, and `Conflict` before the
    release has been online.
    """
    app_id = await _provided(database, who, app)
    i, r = d.item.c, t.release.c
    mine = (
        i.team_id == who.team,
        i.by_id == who.person,
        i.person_id == who.person,
        i.task_id.is_(None),
        i.committed_at_us.is_not(None),
        i.removed_at_us.is_(None),
    )
    async with database.engine.connect() as db:
        stored = (await db.execute(select(i.kind).where(i.id == item, *mine))).first()
        known = (await db.execute(select(r.id).where(r.app_id == app_id, r.source_hash == source_hash))).first()
    if stored is None:
        raise NotFound(what="item", name=item, remedy="It has to be a committed file of your own")
    if stored.kind != "file":
        raise RequestRefused(where="item", problem=f"expected a file, got an item of kind {stored.kind}")
    if known is None:
        raise Conflict(problem=f"{app} has no release with these sources", remedy="Connect it first, then keep them")
    row = {
        "app_id": app_id,
        "source_hash": source_hash,
        "team_id": who.team,
        "item_id": item,
        "person_id": who.person,
        "created_at_us": now_us(),
    }
    kept = await _kept(database, app_id, source_hash)
    if kept is None:
        await database.ledger.commit((_REPLACE, row))
    return await _kept(database, app_id, source_hash) or item


async def _provided(database: Database, who: Principal, app: str) -> str:
    """Give the id of an app that somebody may provide."""
    a, c = t.app.c, t.consent.c
    consent = select(c.app_id).where(c.app_id == a.id, c.person_id == who.person).exists()
    query = select(a.id, a.owner_id, consent.label("has_consent")).where(a.team_id == who.team, a.identifier == app)
    async with database.engine.connect() as db:
        row = (await db.execute(query)).first()
    if row is None or not may_provide(who, app_owner=row.owner_id, has_consent=bool(row.has_consent)):
        raise NotFound(what="app", name=app, remedy="Connect it once: it is yours then")
    return str(row.id)


async def _kept(database: Database, app_id: str, source_hash: str) -> str | None:
    i = d.item.c
    query = (
        select(_s.item_id)
        .join(d.item, i.id == _s.item_id)
        .where(_s.app_id == app_id, _s.source_hash == source_hash)
        .where(i.removed_at_us.is_(None), i.trashed_at_us.is_(None))
    )
    async with database.engine.connect() as db:
        return (await db.execute(query)).scalar()
