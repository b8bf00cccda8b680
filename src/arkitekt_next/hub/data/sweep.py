"""Removes what nobody needs any more: what was never committed, old values of calls, the trash, files without a row.

An item goes in three steps that may lie apart: it is marked as removed, under the very condition that it was found by;
its objects are cleared away; and when no history needs to know of it any more, its row goes. A hub that dies in between
goes on where it was. The rule: what is marked was unneeded at that moment by a guard in the same statement, never only
by what was read before.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, literal_column, or_, select, update

from arkitekt_next.errors import StorageFull
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement

from . import statements
from .grants import Mode

if TYPE_CHECKING:
    from arkitekt_next.hub.core.context import HubContext

_EVERY_S = 3600.0
_FILES_EVERY = 24
"""Files that no row names come of crashes alone: looking through all of them once a day, and at each start, will do."""
_FILES_S = 3600.0
_HOUR_US = 3600 * 1_000_000
_DAY_US = 24 * _HOUR_US
_PAGE = 200
_AT_ONCE = 4

_i = d.item.c
_child, _link, _grant = d.item.alias("child").c, d.task_item.c, d.data_grant.c
_before = bindparam("b_before", type_=_i.created_at_us.type)
_mode = bindparam("b_mode", type_=_grant.mode.type)

_IS_LINKED_LIVE = exists(
    select(_link.item_id)
    .join(t.task, and_(t.task.c.team_id == _link.team_id, t.task.c.id == _link.task_id))
    .where(_link.team_id == _i.team_id, _link.item_id == _i.id, t.task.c.ended_at_us.is_(None))
)
_IS_MADE_LIVE = exists(
    select(t.task.c.id).where(t.task.c.team_id == _i.team_id, t.task.c.id == _i.task_id, t.task.c.ended_at_us.is_(None))
)
_HAS_PARTS = exists(select(_child.id).where(_child.parent_id == _i.id, _child.removed_at_us.is_(None)))

_IS_IDLE = and_(
    _i.committed_at_us.is_(None),
    _i.removed_at_us.is_(None),
    _i.created_at_us < _before,
    ~exists(
        select(_grant.id).where(
            _grant.item_id == _i.id,
            _grant.mode == _mode,
            _grant.expires_at_us > _before,
            or_(_grant.revoked_at_us.is_(None), _grant.revoked_at_us > _before),
        )
    ),
)
"""Nobody has had a right to write it for so long; whoever writes, be it for days, holds one all the time."""
_IS_UNUSED = and_(
    _i.is_temporary == literal_column("true"),  # as the index says it
    _i.removed_at_us.is_(None),
    _i.committed_at_us.is_not(None),
    _i.used_at_us < _before,
    ~_IS_LINKED_LIVE,
    ~_IS_MADE_LIVE,
    ~_HAS_PARTS,
)
"""What came of it does not need it: that it was, and how it came about, stays known."""
_IS_THROWN_AWAY = and_(_i.trashed_at_us < _before, _i.removed_at_us.is_(None), ~_IS_LINKED_LIVE)
_IS_FORGOTTEN = and_(
    _i.removed_at_us.is_not(None),
    _i.cleared_at_us.is_not(None),
    ~exists(select(_child.id).where(_child.parent_id == _i.id)),
    ~exists(select(_link.item_id).where(_link.team_id == _i.team_id, _link.item_id == _i.id)),
    or_(
        _i.committed_at_us.is_(None),
        and_(
            _i.removed_at_us < _before,
            ~exists(select(t.task.c.id).where(t.task.c.team_id == _i.team_id, t.task.c.id == _i.task_id)),
        ),
    ),
)
"""No task is left that made it, was given it or gave it, and nothing was attached to it."""


def _marks(name: str, condition: ColumnElement[bool]) -> Statement:
    """Mark one item as removed. Its key stands the other way round: it is never one of many in a statement."""
    marking = update(d.item).where(bindparam("b_id") == _i.id, condition)
    return Statement(f"remove {name} item", marking.values(removed_at_us=bindparam("removed_at_us")))


_RULES: dict[str, tuple[ColumnElement[bool], Any, Statement]] = {
    "uncommitted": (_IS_IDLE, _i.created_at_us, _marks("uncommitted", _IS_IDLE)),
    "temporary": (_IS_UNUSED, _i.used_at_us, _marks("temporary", _IS_UNUSED)),
    "trashed": (_IS_THROWN_AWAY, _i.trashed_at_us, _marks("trashed", _IS_THROWN_AWAY)),
}
_FORGET = Statement("forget item", delete(d.item).where(_i.id == bindparam("b_id"), _IS_FORGOTTEN))
_FORGET_TAGS = Statement("forget tags", delete(d.item_tag).where(d.item_tag.c.item_id == bindparam("b_id")))
_FORGET_GRANTS = Statement("forget grants", delete(d.data_grant).where(_grant.item_id == bindparam("b_id")))


@dataclass(slots=True)
class Swept:
    """What one sweep removed: items by why they went, rows of items, files that no row named, grants."""

    uncommitted: int = 0
    temporary: int = 0
    trashed: int = 0
    forgotten: int = 0
    files: int = 0
    grants: int = 0


async def keep_forever(hub: HubContext) -> None:
    """Sweep now and every hour; what fails is logged and tried again an hour later."""
    turn = 0
    while True:
        try:
            swept = await sweep(hub, at_us=now_us(), files_older_than_s=None if turn % _FILES_EVERY else _FILES_S)
            if any(asdict(swept).values()):
                log.info("stored data removed", **asdict(swept))
        except StorageFull as full:
            log.warning("stored data could not be removed", reason=full.message)
        except Exception as error:
            log.error("stored data could not be removed", exc_info=error)
        turn += 1
        await asyncio.sleep(_EVERY_S)


async def sweep(hub: HubContext, *, at_us: int, files_older_than_s: float | None = _FILES_S) -> Swept:
    """Remove what the settings no longer keep at that time, and files without a row that have lain for so long."""
    settings, swept = hub.settings, Swept()
    ages_us = {
        "uncommitted": settings.data_uncommitted_hours * _HOUR_US,
        "temporary": settings.data_temporary_days * _DAY_US,
        "trashed": settings.data_trash_days * _DAY_US,
    }
    for name, age_us in ages_us.items():
        setattr(swept, name, await _mark(hub, name, at_us, at_us - round(age_us)))
    await _clear(hub)
    swept.forgotten = await _forget(hub, at_us - round(ages_us["trashed"]))
    if files_older_than_s is not None:
        swept.files = await hub.objects.sweep(older_than_s=files_older_than_s)
    swept.grants = await hub.grants.prune(at_us=at_us, kept_us=round(ages_us["uncommitted"]))
    for kind, count in asdict(swept).items():
        hub.metrics.swept.labels(kind).inc(count)
    hub.metrics.stored.set(await hub.quota.used_bytes())
    return swept


async def _mark(hub: HubContext, name: str, at_us: int, before_us: int) -> int:
    """Mark the items that a rule names as removed, a page at a time."""
    condition, column, marking = _RULES[name]
    row = {"b_before": before_us, **({"b_mode": Mode.WRITE.value} if name == "uncommitted" else {})}
    count = 0
    after: tuple[int, str] = (-1, "")
    while True:
        beyond = or_(column > after[0], and_(column == after[0], _i.id > after[1]))
        query = select(_i.id, column.label("at")).where(condition, beyond).order_by(column, _i.id).limit(_PAGE)
        async with hub.database.engine.connect() as db:
            page = (await db.execute(query, row)).all()
        if not page:
            return count
        now = {**row, "removed_at_us": at_us}
        works = (hub.database.ledger.commit((marking, {**now, "b_id": found.id})) for found in page)
        count += sum([counts[0] for counts in await asyncio.gather(*works)])
        after = (page[-1].at, page[-1].id)


async def _clear(hub: HubContext) -> None:
    """Delete the objects of what is marked, and note down that nothing of it is left."""
    query = select(_i.id, _i.team_id).where(_i.removed_at_us.is_not(None), _i.cleared_at_us.is_(None))
    after = ""
    while True:
        async with hub.database.engine.connect() as db:
            page = (await db.execute(query.where(_i.id > after).order_by(_i.id).limit(_PAGE))).all()
        if not page:
            return
        for start in range(0, len(page), _AT_ONCE):
            some = page[start : start + _AT_ONCE]
            await asyncio.gather(*(_clear_one(hub, found.team_id, found.id) for found in some))
        after = page[-1].id


async def _clear_one(hub: HubContext, team: str, item: str) -> None:
    await hub.objects.clear(team, item)
    row = {"b_team": team, "b_id": item, "cleared_at_us": now_us()}
    await hub.database.ledger.commit((statements.CLEARED, row))


async def _forget(hub: HubContext, before_us: int) -> int:
    """Delete the rows of removed items that no history needs; a bounded number of rows is looked at in one step."""
    count, after = 0, ""
    ledger = hub.database.ledger
    query = select(_i.id, _IS_FORGOTTEN.label("goes")).where(_i.removed_at_us.is_not(None))
    while True:
        async with hub.database.engine.connect() as db:
            some = query.where(_i.id > after).order_by(_i.id).limit(_PAGE)
            page = (await db.execute(some, {"b_before": before_us})).all()
        if not page:
            return count
        for id in [found.id for found in page if found.goes]:
            await asyncio.gather(*(ledger.commit((step, {"b_id": id})) for step in (_FORGET_TAGS, _FORGET_GRANTS)))
            count += (await ledger.commit((_FORGET, {"b_id": id, "b_before": before_us})))[0]
        after = page[-1].id
