"""What a task was given of the data service, and what it gave: the edges of every item's history.

The rule: what a task yields or returns is used, by a guard on disk, before it counts, so that no result ever refers to
something that is not committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, update

from arkitekt_next.errors import NotFound
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import data_tables as d
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
_USE = Statement(
    "use item",
    update(d.item)
    .where(
        _i.team_id == bindparam("b_team"),
        _i.id == bindparam("b_id"),
        _i.committed_at_us.is_not(None),
        _i.removed_at_us.is_(None),
    )
    .values(used_at_us=bindparam("used_at_us")),
)


def link(task: LiveTask, item: str, role: str) -> Step:
    """Give the step that notes down what a task was given, or gave."""
    row: dict[str, Any] = {"team_id": task.team, "task_id": task.id, "item_id": item, "role": role}
    return _LINK, row


def use(board: Board, task: LiveTask, items: Sequence[str], then: Callable[[NotFound | None], None]) -> None:
    """Note down what a task gives; `then` hears, in the order of the calls, of the first item that can't be used.

    An item can't be used while it is not committed, once it was removed, and in another team.
    """
    now = now_us()
    used: list[Step] = [(_USE, {"b_team": task.team, "b_id": item, "used_at_us": now}) for item in items]

    def done(result: Sequence[int] | Exception) -> None:
        if isinstance(result, Exception):
            raise result
        missing = next((item for item, count in zip(items, result, strict=False) if not count), None)
        then(None if missing is None else _not_committed(missing))

    board.ledger.write([*used, *(link(task, item, OUTPUT) for item in items)], done)


def _not_committed(item: str) -> NotFound:
    return NotFound(
        what="committed item", name=item, remedy="Commit it before it is returned, or return another one of this team"
    )
