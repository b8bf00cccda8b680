"""Removes what ended long ago: beyond the days, or oldest first beyond the bytes that the settings allow.

Nothing of a tree of calls is removed while any of it is live, or while the history of an item that is still there needs
it: of one that was made in it or came out of it, or of one that went on into another tree that is kept. Deletions pass
through the ledger a few at a time, so calls go on beside them. The rule: a task's row goes first, and with it a note of
what is left to remove, so that a hub that dies in between finishes later, and no reader ever meets half a task.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, func, literal, or_, select

from arkitekt_next.errors import StorageFull
from arkitekt_next.hub.accounts.pruning import prune
from arkitekt_next.hub.core.ids import first_id_at, now_us
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, Step, insert_or

from .links import INPUT as _INPUT
from .links import OUTPUT as _OUTPUT

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from .board import Board

_EVERY_S = 3600.0
_DAY_US = 86_400 * 1_000_000
_PAGE = 100
_LOOKED_AT = 500
_AT_ONCE = 20
_EVENTS = 500
_ROW_BYTES = 700
_EVENT_BYTES = 120
_NOTE = "remove-events:"

_c = t.task.c
_REMOVE_TASK = Statement(
    "remove task",
    delete(t.task).where(_c.team_id == bindparam("b_team"), _c.id == bindparam("b_id"), _c.ended_at_us.is_not(None)),
)
_REMOVE_EVENTS = Statement(
    "remove events",
    delete(t.event).where(t.event.c.task_id == bindparam("b_id"), t.event.c.number < bindparam("b_number")),
)
_REMOVE_LINKS = Statement(
    "remove links",
    delete(d.task_item).where(d.task_item.c.team_id == bindparam("b_team"), d.task_item.c.task_id == bindparam("b_id")),
)
_NOTE_DOWN = insert_or(t.setting, ["name"], update=["value"])
_STRIKE_OUT = Statement("remove note", delete(t.setting).where(t.setting.c.name == bindparam("b_name")))


@dataclass(slots=True)
class Removed:
    """What one sweep removed."""

    tasks: int = 0
    events: int = 0


async def keep_forever(board: Board) -> None:
    """Sweep now and every hour; what fails is logged and tried again an hour later."""
    while True:
        try:
            removed = await sweep(board, at_us=now_us())
            if removed.tasks:
                log.info("old tasks removed", tasks=removed.tasks, events=removed.events)
            await prune(board.database, at_us=now_us())
        except StorageFull as full:
            log.warning("old tasks could not be removed", reason=full.message)
        except Exception as error:
            log.error("old tasks could not be removed", exc_info=error)
        await asyncio.sleep(_EVERY_S)


async def sweep(board: Board, *, at_us: int) -> Removed:
    """Remove what the settings no longer keep at that time."""
    removed = Removed()
    await _finish_interrupted(board, removed)
    async with board.database.engine.connect() as db:
        teams = list((await db.execute(select(t.team.c.id))).scalars())
    oldest_us = at_us - round(board.settings.retention_days * _DAY_US)
    for team in teams:
        await _remove_older(board, team, oldest_us, removed)
    await _remove_beyond(board, teams, at_us, removed)
    return removed


async def _remove_older(board: Board, team: str, oldest_us: int, removed: Removed) -> None:
    """Remove a team's tasks that ended before a time. Ids grow with the time they were made."""
    old = and_(_c.id < first_id_at(max(0, oldest_us) + 1000), _c.ended_at_us < oldest_us)
    after = ""
    while page := await _removable(board, team, after, old):
        await _remove(board, team, page, removed)
        after = page[-1].id


async def _remove_beyond(board: Board, teams: list[str], at_us: int, removed: Removed) -> None:
    """Remove the oldest ended tasks, whoever's they are, until the database is small enough."""
    after = dict.fromkeys(teams, "")
    while (excess := await board.database.size_bytes() - board.settings.retention_bytes) > 0:
        excess = max(excess // 2, 1)  # what rows take is only an estimate: better to measure again than to remove more
        while excess > 0:
            pages = [(team, await _removable(board, team, after[team], _c.ended_at_us < at_us)) for team in teams]
            filled = [(team, page) for team, page in pages if page]
            if not filled:
                return
            team, page = min(filled, key=lambda entry: entry[1][0].id)
            taken = []
            for row in page:
                if excess <= 0:
                    break
                excess -= row.size
                taken.append(row)
            await _remove(board, team, taken, removed)
            after[team] = taken[-1].id


async def _removable(board: Board, team: str, after: str, which: ColumnElement[bool]) -> list[Any]:
    """Give the next ended tasks of a team, oldest first, of whose tree nothing is live.

    Each with the number of its last event, and about how many bytes it and its events take. One question looks at a
    bounded number of tasks, however many are kept.
    """
    texts = (_c.args, _c.options, _c.timeline, _c.progress, _c.returns, _c.error)
    size = sum((func.coalesce(func.length(text), 0) for text in texts), literal(_ROW_BYTES))
    events = select(func.coalesce(func.sum(func.length(t.event.c.data) + _EVENT_BYTES), 0))
    last = select(func.max(t.event.c.number))
    of_it = t.event.c.task_id == _c.id
    wanted = select(
        _c.id,
        last.where(of_it).scalar_subquery().label("last"),
        (size + events.where(of_it).scalar_subquery()).label("size"),
    ).where(_c.team_id == team, *_tree_has_ended(), *_tree_is_unneeded())
    candidates = select(_c.id).where(_c.team_id == team, _c.ended_at_us.is_not(None), which).order_by(_c.id)
    while True:
        looked = candidates.where(_c.id > after).limit(_LOOKED_AT)
        async with board.database.engine.connect() as db:
            ids = list((await db.execute(looked)).scalars())
            if not ids:
                return []
            those = wanted.where(_c.id.in_(ids)).order_by(_c.id).limit(_PAGE)
            page = list((await db.execute(those)).all())
        if page:
            return page
        after = ids[-1]


def _tree_has_ended() -> list[ColumnElement[bool]]:
    """Neither the root of a task's tree nor anything below it is live; two questions, each with an index of its own."""
    other = t.task.alias("other")
    live = select(other.c.id).where(other.c.team_id == _c.team_id, other.c.ended_at_us.is_(None)).correlate(t.task)
    below = live.where(other.c.root_id == _c.root_id, other.c.parent_id.is_not(None))
    below = below.with_hint(other, "INDEXED BY ix_task_root", "sqlite")  # SQLite would walk through the whole team
    return [~live.where(other.c.id == _c.root_id).exists(), ~below.exists()]


def _tree_is_unneeded() -> list[ColumnElement[bool]]:
    """No history needs the root of a task's tree, nor anything below it.

    An item needs the tasks that made it and gave it for as long as it is there. One that was removed needs them while
    another tree was given it: that one's items are explained by it, and when it goes, its links go with it.
    """
    maker = t.task.alias("maker")
    needs = or_(_gave_needed(maker), _made_needed(maker))
    needed = select(maker.c.id).where(maker.c.team_id == _c.team_id, needs).correlate(t.task)
    below = needed.where(maker.c.root_id == _c.root_id, maker.c.parent_id.is_not(None))
    below = below.with_hint(maker, "INDEXED BY ix_task_root", "sqlite")
    return [~needed.where(maker.c.id == _c.root_id).exists(), ~below.exists()]


def _gave_needed(maker: Any) -> ColumnElement[bool]:
    gave = d.task_item.alias("gave")
    thing = d.item.alias("given")
    query = select(gave.c.item_id).join(thing, thing.c.id == gave.c.item_id)
    query = query.where(gave.c.team_id == maker.c.team_id, gave.c.task_id == maker.c.id, gave.c.role == _OUTPUT)
    return query.where(_is_needed(thing, maker)).correlate(maker).exists()


def _made_needed(maker: Any) -> ColumnElement[bool]:
    thing = d.item.alias("made")
    query = select(thing.c.id).where(thing.c.team_id == maker.c.team_id, thing.c.task_id == maker.c.id)
    return query.where(_is_needed(thing, maker)).correlate(maker).exists()


def _is_needed(thing: Any, maker: Any) -> ColumnElement[bool]:
    taken, taker = d.task_item.alias("taken"), t.task.alias("taker")
    elsewhere = select(taken.c.item_id).join(
        taker, and_(taker.c.team_id == taken.c.team_id, taker.c.id == taken.c.task_id)
    )
    elsewhere = elsewhere.where(
        taken.c.team_id == thing.c.team_id,
        taken.c.item_id == thing.c.id,
        taken.c.role == _INPUT,
        taker.c.root_id != maker.c.root_id,
    )
    return or_(thing.c.removed_at_us.is_(None), elsewhere.correlate(thing, maker).exists())


async def _remove(board: Board, team: str, page: list[Any], removed: Removed) -> None:
    """Remove tasks with their events, a few in a transaction."""
    for first in range(0, len(page), _AT_ONCE):
        rows = page[first : first + _AT_ONCE]
        results = await asyncio.gather(*(board.ledger.commit(*_steps(team, row)) for row in rows))
        for counts, row in zip(results, rows, strict=True):
            removed.tasks += counts[0]
            if row.last is not None and row.last <= _EVENTS:
                removed.events += counts[1]
        for row in rows:
            if row.last is not None and row.last > _EVENTS:
                await _remove_events(board, row.id, row.last, removed)


def _steps(team: str, row: Any) -> list[Step]:
    this = {"b_team": team, "b_id": row.id}
    steps: list[Step] = [(_REMOVE_TASK, this)]
    if row.last is not None and row.last > _EVENTS:
        steps.append((_NOTE_DOWN, {"name": _NOTE + row.id, "value": str(row.last)}))
    elif row.last is not None:
        steps.append((_REMOVE_EVENTS, {"b_id": row.id, "b_number": row.last + 1}))
    return [*steps, (_REMOVE_LINKS, this)]  # last: one that removes nothing keeps what comes after it from being done


async def _remove_events(board: Board, task: str, last: int, removed: Removed) -> None:
    """Remove the many events of a task whose row is gone, a few at a time, and then the note of it."""
    for number in range(_EVENTS, last + _EVENTS, _EVENTS):
        counts = await board.ledger.commit((_REMOVE_EVENTS, {"b_id": task, "b_number": min(number, last) + 1}))
        removed.events += counts[0]
    await board.ledger.commit((_STRIKE_OUT, {"b_name": _NOTE + task}))


async def _finish_interrupted(board: Board, removed: Removed) -> None:
    """Go on where a hub was stopped in the middle of a long task's events."""
    query = select(t.setting.c.name, t.setting.c.value).where(t.setting.c.name.startswith(_NOTE, autoescape=True))
    async with board.database.engine.connect() as db:
        notes = (await db.execute(query)).all()
    for name, last in notes:
        await _remove_events(board, name.removeprefix(_NOTE), int(last), removed)
