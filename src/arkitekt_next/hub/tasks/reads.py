"""What is asked about one task over HTTP: what it is, what happened to it, what it yielded.

What is settled is read from the database; only the last progress and the reason to wait come from memory. The rule:
who may see and read it is asked of `access` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads
from arkitekt_next.wire.lifecycle import Status
from arkitekt_next.wire.messages import Outcome

from . import access, watch
from . import views as v
from .listing import summarize
from .waiting import explain

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from arkitekt_next.auth.principal import Principal

    from .board import Board
    from .live import LiveTask

_CHILDREN = 10_000
_PAGE_BYTES = 1024 * 1024
_FETCH = 40


async def _row(db: AsyncConnection, team: str, task: str, *columns: Any) -> Any:
    query = select(*columns or (t.task,)).where(t.task.c.team_id == team, t.task.c.id == task)
    row = (await db.execute(query)).mappings().first()
    if row is None:
        raise access.missing(task)
    return row


async def require(board: Board, who: Principal, task: str) -> int | None:
    """Give the number of the task's terminal event, or None while it has none.

    Raises `NotFound`, or `NotPermitted` for one that may not be read.
    """
    await access.read(board, who, task)
    async with board.database.engine.connect() as db:
        row = await _row(db, who.team, task, t.task.c.ended_at_us, t.task.c.timeline)
    return loads(row["timeline"])[-1][0] if row["ended_at_us"] is not None else None


async def get_task(board: Board, who: Principal, task: str) -> v.TaskDetail:
    """Give everything about a task that somebody may know, but its events. Raises `NotFound`."""
    team = who.team
    is_readable = access.may_read(who, await access.see(board, who, task))
    children = select(t.task.c.id).where(
        t.task.c.team_id == team, t.task.c.parent_id == task, t.task.c.parent_id.is_not(None), access.visible(who)
    )
    async with board.database.engine.connect() as db:
        summary = (*t.task.c, t.task.c.person_id.label("person"), t.task.c.parent_id.label("parent"))
        row = await _row(db, team, task, *summary, t.task.c.root_id.label("root"), t.task.c.agent_id.label("agent"))
        counted = select(func.count()).select_from(children.limit(_CHILDREN).subquery())
        count = (await db.execute(counted)).scalar_one()
    live = live_task(board, team, task)
    fields = summarize(row, is_readable=is_readable)
    if live is not None and live.progress is not None and is_readable:
        fields["progress"] = live.progress
    is_waiting = live is not None and live.status is Status.QUEUED and row["status"] == Status.QUEUED
    return v.TaskDetail(
        **fields,
        **{name: row[name] for name in ("signature_hash", "definition_hash", "failures")},
        is_readable=is_readable,
        reference=row["reference"] if is_readable else None,
        args=loads(row["args"]) if is_readable else None,
        options=loads(row["options"]),
        timeline=[_moment(entry) for entry in loads(row["timeline"])],
        returns=_maybe(row["returns"]) if is_readable else None,
        error=_maybe(row["error"]) if is_readable else None,
        children=count,
        waiting=explain(board, live) if live is not None and is_waiting else None,
    )


def live_task(board: Board, team: str, task: str) -> LiveTask | None:
    """Give a task that is live at this hub, if the team has it."""
    live = board.live.get(task)
    return live if live is not None and live.team == team else None


def _moment(entry: list[Any]) -> v.Moment:
    number, name, at_us, attempt, agent = entry
    return v.Moment(number=number, name=name, at_us=at_us, attempt=attempt, agent=agent)


def _maybe(text: str | None) -> Any:
    return loads(text) if text is not None else None


async def get_outcome(engine: AsyncEngine, team: str, task: str) -> Outcome | None:
    """Give the terminal event of a task, or None while it has none. Raises `NotFound`."""
    async with engine.connect() as db:
        row = await _row(db, team, task)
    return watch.outcome_of(row) if row["ended_at_us"] is not None else None


async def list_events(board: Board, who: Principal, task: str, wanted: v.EventQuery) -> v.EventPage:
    """Give what happened to a task after an event number, in order. Raises `NotFound`, `NotPermitted`."""
    engine, team = board.database.engine, who.team
    await require(board, who, task)
    live = live_task(board, team, task)
    upto = live.settled if live is not None else None
    found, _ = await watch.read_events(engine, team, task, after=wanted.after, upto=upto, limit=wanted.limit)
    found = found[: wanted.limit]
    items = [message for number, message, _ in found if number > wanted.after]
    return v.EventPage(
        items=items,
        after=items[-1].number if items else wanted.after,
        has_ended=bool(found) and isinstance(found[-1][1], Outcome),
    )


async def list_yields(board: Board, who: Principal, task: str, wanted: v.YieldQuery) -> v.YieldPage:
    """Give the values a task yielded from a number on; at most about a megabyte. Raises `NotFound`, `NotPermitted`."""
    await access.read(board, who, task)
    first, limit = wanted.first, wanted.limit
    items: list[list[Any]] = []
    size = 0
    async with board.database.engine.connect() as db:
        row = await _row(db, who.team, task, t.task.c.yields, t.task.c.ended_at_us)
        total, has_ended = row["yields"], row["ended_at_us"] is not None
        if first < total:
            result = await db.stream(_batches(task, await _batch_number(db, task, first)))
            async for batch in result.mappings():
                items += loads(batch["data"])[max(0, first - batch["first"]) :]
                size += len(batch["data"])
                if len(items) >= limit or size >= _PAGE_BYTES:
                    break
            await result.close()
    items = items[:limit]
    through = first + len(items)
    return v.YieldPage(first=first, items=items, next=None if has_ended and through >= total else through, total=total)


def _batches(task: str, number: int) -> Any:
    e = t.event.c
    query = select(e.first, e.data).where(e.task_id == task, e.number >= number, e.first.is_not(None))
    return query.order_by(e.number).execution_options(yield_per=_FETCH)


async def _batch_number(db: AsyncConnection, task: str, first: int) -> int:
    """Find the event that holds a yield, by bisection: numbers and yields grow together, so no index is needed."""
    e = t.event.c
    if first == 0:
        return 0
    low = 0
    high = (await db.execute(select(func.max(e.number)).where(e.task_id == task))).scalar() or 0
    while low < high:
        middle = (low + high + 1) // 2
        query = select(e.number, e.first).where(e.task_id == task, e.number >= middle, e.first.is_not(None))
        row = (await db.execute(query.order_by(e.number).limit(1))).first()
        if row is None or row.first > first:
            high = middle - 1
        else:
            low = row.number
    return low
