"""Lists of tasks, newest first, that stay fast at a million: each request looks at a bounded number of rows.

The most selective filter drives an index; the others are applied to at most `_SCAN` rows it gives. When that does not
fill a page, the page is short and its cursor says where to go on. The rule: no request reads more, whatever is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import and_, func, or_, select, true

from arkitekt_next.hub.core.ids import first_id_at
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads
from arkitekt_next.wire.lifecycle import TERMINAL, Status

from . import access
from . import views as v

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from arkitekt_next.auth.principal import Principal

_SCAN = 8_000
_SCAN_TEXT = 1_500
_SLACK_US = 2_000_000
_UNHAPPY = TERMINAL - {Status.COMPLETED}
_IS_UNHAPPY = cast("ColumnElement[bool]", t.UNHAPPY)  # as the index says it, else it is not used
_c = t.task.c

SUMMARY = (
    _c.id,
    _c.action,
    _c.status,
    _c.visibility,
    _c.is_discreet,
    _c.app,
    _c.person_id.label("person"),
    _c.parent_id.label("parent"),
    _c.root_id.label("root"),
    _c.agent_id.label("agent"),
    _c.attempt,
    _c.again_of,
    _c.yields,
    _c.progress,
    _c.queued_at_us,
    _c.assigned_at_us,
    _c.started_at_us,
    _c.ended_at_us,
)


@dataclass(frozen=True, slots=True)
class _Source:
    """One walk down an index: `where` drives it, `only` is checked row by row.

    SQLite has no statistics of a fresh database and takes the primary key where it should not, so the index is named.
    """

    index: str | None
    where: ColumnElement[bool]
    only: ColumnElement[bool] | None
    scan: int

    def ordered(self, *columns: Any) -> Any:
        """Begin the walk, newest first."""
        query = select(_c.id, *columns).where(self.where).order_by(_c.id.desc())
        return query.with_hint(t.task, f"INDEXED BY {self.index or t.TASK_KEY_INDEX}", "sqlite")


async def list_tasks(engine: AsyncEngine, who: Principal, wanted: v.TaskQuery) -> v.TaskPage:
    """Give a page of the team's tasks that somebody sees."""
    async with engine.connect() as db:
        found: list[str] = []
        horizon = ""
        for source in _sources(who, wanted):
            ids, end = await _walk(db, source, wanted.limit)
            found += ids
            horizon = max(horizon, end)
        ids = sorted((id for id in found if id >= horizon), reverse=True)
        following = horizon or None
        if len(ids) > wanted.limit:
            ids = ids[: wanted.limit]
            following = ids[-1]
        query = (
            select(*SUMMARY, access.readable(who).label("is_readable"))
            .where(_c.team_id == who.team, _c.id.in_(ids))
            .order_by(_c.id.desc())
        )
        rows = (await db.execute(query)).mappings().all() if ids else []
    return v.TaskPage(
        items=[v.Task(**summarize(row, is_readable=bool(row["is_readable"]))) for row in rows], next=following
    )


def summarize(row: Any, *, is_readable: bool) -> dict[str, Any]:
    """Give the fields of a summary; the progress only to those who may read the task."""
    fields = {column.key: row[column.key] for column in SUMMARY}
    fields["progress"] = loads(row["progress"]) if row["progress"] and is_readable else None
    return fields


async def _walk(db: AsyncConnection, source: _Source, limit: int) -> tuple[list[str], str]:
    """Give up to `limit` + 1 ids, and the last id that was looked at when there may be more ("" when there is not)."""
    if source.only is None:
        ids = list((await db.execute(source.ordered().limit(limit + 1))).scalars())
        return ids, ids[-1] if len(ids) > limit else ""
    looked = source.ordered(source.only.label("fits")).limit(source.scan).subquery()
    query = select(looked.c.id).where(looked.c.fits).order_by(looked.c.id.desc()).limit(limit + 1)
    ids = list((await db.execute(query)).scalars())
    if len(ids) > limit:
        return ids, ids[-1]
    last = (await db.execute(source.ordered().offset(source.scan - 1).limit(1))).scalar()
    return ids, str(last) if last is not None else ""


def _sources(who: Principal, wanted: v.TaskQuery) -> Sequence[_Source]:
    within = [_c.team_id == who.team]
    if wanted.cursor is not None:
        within.append(_c.id < wanted.cursor)
    if wanted.since_us is not None:
        within.append(_c.id >= first_id_at(max(0, wanted.since_us - _SLACK_US)))
    if wanted.until_us is not None:
        within.append(_c.id < first_id_at(wanted.until_us + _SLACK_US))
    only = _residual(who, wanted)
    statuses: list[Status | None] = [*dict.fromkeys(wanted.status)] or [None]
    return [_source(within, only, wanted, status, root) for status in statuses for root in _roots(wanted)]


def _roots(wanted: v.TaskQuery) -> list[tuple[str | None, ColumnElement[bool]] | None]:
    """Give what lies below the root, and the root itself, each with its index."""
    if wanted.root is None:
        return [None]
    below = and_(_c.root_id == wanted.root, _c.parent_id.is_not(None))
    return [("ix_task_root", below), (None, _c.id == wanted.root)]


def _residual(who: Principal, wanted: v.TaskQuery) -> list[ColumnElement[bool]]:
    only: list[ColumnElement[bool]] = [access.visible(who)]
    if wanted.app is not None:
        only.append(_c.app == wanted.app)
    if wanted.person is not None:
        only.append(_c.person_id == wanted.person)
    if wanted.since_us is not None:
        only.append(_c.queued_at_us >= wanted.since_us)
    if wanted.until_us is not None:
        only.append(_c.queued_at_us < wanted.until_us)
    if wanted.text:
        names, said = (_c.action,), (_c.reference, func.coalesce(_c.error, ""))
        in_names, in_said = (
            or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)) for columns in (names, said)
        )
        only.append(or_(in_names, and_(access.readable(who), in_said)))
    return only


def _source(
    within: list[ColumnElement[bool]],
    only: list[ColumnElement[bool]],
    wanted: v.TaskQuery,
    status: Status | None,
    root: tuple[str | None, ColumnElement[bool]] | None,
) -> _Source:
    """Let the most selective filter drive: parent, root, a rare status, the action; else the primary key."""
    by_status = _c.status == status.value if status is not None else None
    by_action = _c.action == wanted.action if wanted.action is not None else None
    rest = [by_status, by_action, root[1] if root is not None else None]
    index: str | None = None
    where: list[ColumnElement[bool]] = []
    if wanted.parent is not None:
        index, where = "ix_task_parent", [_c.parent_id == wanted.parent, _c.parent_id.is_not(None)]
    elif root is not None:
        index, where, rest = root[0], [root[1]], [by_status, by_action]
    elif by_status is not None and status not in TERMINAL:
        index, where, rest = "ix_task_live", [by_status, _c.ended_at_us.is_(None)], [by_action]
    elif by_status is not None and status in _UNHAPPY:
        index, where, rest = "ix_task_unhappy", [by_status, _IS_UNHAPPY], [by_action]
    elif by_action is not None:
        index, where, rest = "ix_task_action", [by_action], [by_status]
    only = only + [condition for condition in rest if condition is not None]
    scan = _SCAN_TEXT if wanted.text else _SCAN
    return _Source(index, and_(true(), *within, *where), and_(true(), *only) if only else None, scan)
