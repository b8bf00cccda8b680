"""What a task was given of the data service, and what it gave: the edges of every item's history.

The rule: what a task yields or returns is used, by a guard on disk, before it counts, so that no result ever refers to
something that is not committed, nor shows its caller what the agent's own person may not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, or_, select, update

from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, Step, insert_or

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .board import Board
    from .live import LiveTask

INPUT = "input"
OUTPUT = "output"

_i = d.item.c
_LINK = insert_or(d.task_item, ["team_id", "task_id", "item_id", "role"], update=["role"])
"""It counts a row that is there already as well: one that changed none would keep those after it from being written."""
_here = and_(
    _i.team_id == bindparam("b_team"),
    bindparam("b_id") == _i.id,  # the other way round: never one of many in a statement
    _i.committed_at_us.is_not(None),
    _i.removed_at_us.is_(None),
)
_USE = Statement("use item", update(d.item).where(_here).values(used_at_us=bindparam("used_at_us")))
_l, _k = d.task_item.c, t.task.c
_shown = bindparam("b_shown", type_=_i.visibility.type)
_agent = bindparam("b_agent", type_=_k.person_id.type)
_root = t.task.alias("root")
_is_own = or_(
    _k.root_id == _k.id,
    exists(
        select(_root.c.id).where(_root.c.team_id == _k.team_id, _root.c.id == _k.root_id, _root.c.person_id == _agent)
    ),
)
"""Not called on behalf of another person's task: what such a one was given is not the agent's to give."""
_through = (
    select(_l.item_id)
    .join(t.task, and_(_k.team_id == _l.team_id, _k.id == _l.task_id))
    .where(
        _l.team_id == _i.team_id,
        _l.item_id == _i.id,
        or_(
            _k.id == bindparam("b_task"),
            and_(_k.person_id == _agent, _is_own),
            and_(_k.visibility == _shown, _k.is_discreet.is_(False)),
        ),
    )
)
_GIVE = Statement(
    "give item",
    update(d.item)
    .where(
        _here,
        or_(
            _i.person_id == _agent,
            _i.by_id == _agent,
            _i.visibility == _shown,
            exists(_through),
        ),
    )
    .values(used_at_us=bindparam("used_at_us")),
)
"""As `_USE`, for what the agent's person reads: their own, the team's, what went through a task that they may read."""


def link(task: LiveTask, item: str, role: str) -> Step:
    """Give the step that notes down what a task was given, or gave."""
    row: dict[str, Any] = {"team_id": task.team, "task_id": task.id, "item_id": item, "role": role}
    return _LINK, row


def around(recorded: Step, task: LiveTask, items: Sequence[str]) -> list[Step]:
    """Put the step that records a call between what guards it and what notes down its items.

    The guards come first, one an item: where one was just removed, nothing after it is written.
    """
    now = now_us()
    guards: list[Step] = [(_USE, {"b_team": task.team, "b_id": item, "used_at_us": now}) for item in items]
    return [*guards, recorded, *(link(task, item, INPUT) for item in items)]


def give(board: Board, task: LiveTask, items: Sequence[str], then: Callable[[NotFound | None], None]) -> None:
    """Note down what a task gives; `then` hears, in the order of the calls, of the first item that can't be given.

    An item can't be given while it is not committed, once it was removed, where the person whose agent runs the task
    may not read it, and in another team. Nothing is known of the disk but what it says: `then` waits for it.
    """
    agent = task.agent.person if task.agent is not None else ""
    about = {
        "b_team": task.team,
        "b_task": task.id,
        "b_agent": agent,
        "b_shown": Visibility.TEAM.value,
        "used_at_us": now_us(),
    }
    given: list[Step] = [(_GIVE, {**about, "b_id": item}) for item in items]

    def done(result: Sequence[int] | Exception) -> None:
        if isinstance(result, Exception):
            log.error("what a task gives could not be noted down", task=task.id, exc_info=result)
            return
        missing = next((item for item, count in zip(items, result, strict=False) if not count), None)
        then(None if missing is None else _not_given(missing))

    board.ledger.write([*given, *(link(task, item, OUTPUT) for item in items)], done)


def _not_given(item: str) -> NotFound:
    return NotFound(
        what="committed item",
        name=item,
        remedy="A function gives what it has committed, was given, or could read; in this team, and while it is there",
    )
