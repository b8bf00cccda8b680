"""Who sees, reads and steers which task. The rules stand in `auth.rules`; here they meet rows and live tasks.

The rule: what somebody may not see does not exist for them, also in lists and searches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, or_, select, true

from arkitekt_next.auth import rules
from arkitekt_next.auth.principal import Role
from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import NotFound, NotPermitted
from arkitekt_next.storage import tables as t

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from arkitekt_next.auth.principal import Principal

    from .board import Board

_c = t.task.c


class Standing(NamedTuple):
    """What the rules ask of a task, and the hub it lives at."""

    person: str
    visibility: str
    is_discreet: bool
    hub: str


def missing(task: str) -> NotFound:
    """Say that there is no such task."""
    return NotFound(what="task", name=task, remedy="It may have been removed by the retention rule")


def visible(who: Principal) -> ColumnElement[bool]:
    """Give the condition on rows of tasks under which somebody sees them, the team aside."""
    mine = _c.person_id == who.person
    return mine if who.role is Role.GUEST else or_(_c.visibility == Visibility.TEAM.value, mine)


def readable(who: Principal) -> ColumnElement[bool]:
    """Give the condition on rows that somebody sees under which they may read what was given and came out."""
    if who.role in (Role.OWNER, Role.ADMIN):
        return true()
    return or_(_c.person_id == who.person, and_(_c.visibility == Visibility.TEAM.value, _c.is_discreet.is_(False)))


def may_read(who: Principal, task: Standing) -> bool:
    """Whether somebody may read arguments, result, stream and log of a task that they see."""
    return rules.reads_task(who, visibility=task.visibility, is_discreet=task.is_discreet, person=task.person)


async def see(board: Board, who: Principal, task: str) -> Standing:
    """Give how a task stands to the rules. Raises `NotFound` for one that somebody may not know of."""
    live = board.live.get(task)
    if live is not None and live.team == who.team:
        found = Standing(live.person, live.visibility, live.is_discreet, board.hub)
    else:
        found = await _stored(board, who, task)
    return _checked(who, task, found)


async def read(board: Board, who: Principal, task: str) -> Standing:
    """As `see`; raises `NotPermitted` for one that they see but may not read."""
    found = await see(board, who, task)
    if not may_read(who, found):
        raise NotPermitted(
            person=who.person,
            verb="read",
            what="what this task was given and gave",
            remedy="Its caller kept it from the team's members: ask them, or an owner or admin",
        )
    return found


async def steer(board: Board, who: Principal, task: str) -> Standing:
    """As `see`; raises `NotPermitted` for one that they see but may not stop or pause."""
    found = await see(board, who, task)
    refuse_steering(who, found)
    return found


def refuse_steering(who: Principal, task: Standing) -> None:
    """Raise `NotPermitted` when somebody may not stop or pause a task that they see."""
    if not rules.steers_task(who, visibility=task.visibility, person=task.person):
        raise NotPermitted(
            person=who.person,
            verb="steer",
            what="this task",
            remedy="Its caller can, and the owners and admins of the team",
        )


def see_live(board: Board, who: Principal, task: str) -> Standing | None:
    """As `see`, for a task that is live here; None for any other."""
    live = board.live.get(task)
    if live is None or live.team != who.team:
        return None
    return _checked(who, task, Standing(live.person, live.visibility, live.is_discreet, board.hub))


async def _stored(board: Board, who: Principal, task: str) -> Standing:
    query = select(_c.person_id, _c.visibility, _c.is_discreet, _c.hub_id)
    async with board.database.engine.connect() as db:
        found: Any = None
        if "\0" not in task:  # PostgreSQL takes no such text
            found = (await db.execute(query.where(_c.team_id == who.team, _c.id == task))).first()
    if found is None:
        raise missing(task)
    return Standing(*found)


def _checked(who: Principal, task: str, found: Standing) -> Standing:
    if not rules.sees_task(who, visibility=found.visibility, person=found.person):
        raise missing(task)
    return found
