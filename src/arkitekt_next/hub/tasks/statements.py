"""The statements of the ledger. Every change of a task is conditional: home hub, attempt, epoch, and not ended."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, update

from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, insert_or

_task = t.task
_mine = and_(
    _task.c.team_id == bindparam("b_team"),
    _task.c.id == bindparam("b_id"),
    _task.c.attempt == bindparam("b_attempt"),
    _task.c.epoch == bindparam("b_epoch"),
    _task.c.hub_id == bindparam("b_hub"),
    _task.c.ended_at_us.is_(None),
)


def _change(name: str, *columns: str) -> Statement:
    binds = {column: bindparam(column, type_=_task.c[column].type) for column in columns}
    return Statement(name, update(_task).where(_mine).values(binds))


INSERT_TASK = insert_or(
    _task,
    ["team_id", "person_id", "app", "reference"],
    unset=["failures", "progress", "yields", "returns", "error", "started_at_us", "ended_at_us"],
)
INSERT_EVENT = insert_or(t.event, ["task_id", "number"])

END = _change("end", "status", "timeline", "progress", "yields", "returns", "error", "started_at_us", "ended_at_us")
PLACE = _change(
    "place",
    "status",
    "timeline",
    "attempt",
    "failures",
    "epoch",
    "agent_id",
    "version_id",
    "hub_id",
    "assigned_at_us",
    "started_at_us",
)
MOVE = _change("move", "status", "timeline", "started_at_us", "progress")
COUNT = _change("count", "yields")
FENCE = Statement(
    "fence",
    update(_task)
    .where(_task.c.agent_id == bindparam("b_agent"), _task.c.ended_at_us.is_(None))
    .values(epoch=bindparam("epoch"), hub_id=bindparam("hub_id")),
)
