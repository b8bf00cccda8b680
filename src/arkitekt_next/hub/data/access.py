"""Who sees, reads and changes which item. The rules stand in `auth.rules`; here they meet rows.

An item shows by itself, or through a task: whoever may read a task may read what went into it and came out, and an
agent may read what went into the task that it runs. The rule: what somebody may not see does not exist for them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from sqlalchemy import and_, bindparam, exists, false, or_, select

from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.auth.rules import Visibility
from arkitekt_next.hub.tasks import access as tasks
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.data_tables import item, task_item
from arkitekt_next.storage.history_tables import release_source

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    Value = str | ColumnElement[str]

_ROOT, _UPPER = t.task.alias("root"), t.task.alias("upper")
_i = item.c
_link = task_item.c
_source = release_source.c


@cache
def anybody(role: Role) -> Principal:
    """Give somebody of a role whose team and person are parameters, for a statement that is written once."""
    team, person = (cast("str", bindparam(name)) for name in ("b_team", "b_person"))
    return Principal(team, person, "", frozenset(), "", 0, role)


def parameters(who: Principal) -> dict[str, str]:
    """Give what `anybody` leaves open."""
    return {"b_team": who.team, "b_person": who.person}


def usable() -> ColumnElement[bool]:
    """Give the condition under which an item can be read at all: committed, and still there."""
    return and_(_i.committed_at_us.is_not(None), _i.removed_at_us.is_(None))


def shown(who: Principal) -> ColumnElement[bool]:
    """Give the condition under which an item shows by itself: in lists and searches."""
    return and_(_i.removed_at_us.is_(None), _itself(who))


def _itself(who: Principal) -> ColumnElement[bool]:
    mine = _i.person_id == who.person
    return and_(
        _i.team_id == who.team, mine if who.role is Role.GUEST else or_(_i.visibility == Visibility.TEAM.value, mine)
    )


def writable(who: Principal) -> ColumnElement[bool]:
    """Give the condition under which somebody writes an item, or has written it.

    What an agent wrote for a task is its own until it is committed, and shows to it until the task has ended.
    """
    task = select(t.task.c.id).where(t.task.c.team_id == _i.team_id, t.task.c.id == _i.task_id)
    by_me = and_(
        _i.by_id == who.person,
        or_(_i.committed_at_us.is_(None), _i.task_id.is_(None), exists(task.where(_runs(who)))),
    )
    return and_(_i.team_id == who.team, _i.removed_at_us.is_(None), or_(_i.person_id == who.person, by_me))


def readable(who: Principal) -> ColumnElement[bool]:
    """Give the condition under which somebody may read an item: by itself, through a task, or as an app's sources.

    What is known of an item that was removed stays for them.
    """
    return and_(_i.team_id == who.team, or_(_itself(who), _through(who), _keeps_sources(who)))


def _through(who: Principal) -> ColumnElement[bool]:
    """The condition under which an item shows through a task."""
    linked = (
        select(_link.item_id)
        .join(t.task, and_(t.task.c.team_id == _link.team_id, t.task.c.id == _link.task_id))
        .where(_link.team_id == who.team, _link.item_id == _i.id)
    )
    read = and_(tasks.visible(who), tasks.readable(who), _stays(who))
    return or_(exists(linked.where(read)), exists(linked.where(_runs(who))))


def passable(who: Principal, parent: str | None) -> ColumnElement[bool]:
    """Give the condition under which somebody may pass an item to a function: what they read not just for a while.

    An agent passes what went into the task that it runs on to that task's own children alone, which are as private.
    """
    linked = (
        select(_link.item_id)
        .join(t.task, and_(t.task.c.team_id == _link.team_id, t.task.c.id == _link.task_id))
        .where(_link.team_id == who.team, _link.item_id == _i.id)
    )
    ways = [_itself(who), exists(linked.where(tasks.visible(who), or_(_shows_to_team(who), _is_own(who))))]
    if parent is not None:  # what went into that very task, what its children gave, and what was stored for it
        of_it = exists(linked.where(or_(t.task.c.id == parent, t.task.c.parent_id == parent)))
        runs_it = exists(select(t.task.c.id).where(held(who, parent)))
        ways.append(and_(or_(of_it, _i.task_id == parent), runs_it))
    return and_(_i.team_id == who.team, or_(*ways))


def _shows_to_team(who: Principal) -> ColumnElement[bool]:
    """The condition under which what a task was given and gave shows to any member, who must not be a guest."""
    if who.role is Role.GUEST:
        return false()
    return and_(t.task.c.visibility == Visibility.TEAM.value, t.task.c.is_discreet.is_(False))


def _is_own(who: Principal) -> ColumnElement[bool]:
    """The condition under which a task is somebody's own, and was not called on behalf of another person's."""
    k, root = t.task.c, _ROOT
    owned = select(root.c.id).where(root.c.team_id == k.team_id, root.c.id == k.root_id)
    return and_(k.person_id == who.person, or_(k.root_id == k.id, exists(owned.where(root.c.person_id == who.person))))


def _stays(who: Principal) -> ColumnElement[bool]:
    """The condition under which a task that somebody reads goes on showing them its items.

    What an agent called on behalf of another person's task was given shows to it only until that task has ended.
    """
    k, root = t.task.c, _UPPER
    under_way = select(root.c.id).where(
        root.c.team_id == k.team_id, root.c.id == k.root_id, root.c.ended_at_us.is_(None)
    )
    is_others = k.person_id != who.person
    return or_(is_others, _shows_to_team(who), _is_own(who), exists(under_way))


def _keeps_sources(who: Principal) -> ColumnElement[bool]:
    """The condition under which an item keeps the sources of an app, for its owner and those who manage the team."""
    kept = select(_source.item_id).join(t.app, t.app.c.id == _source.app_id)
    kept = kept.where(_source.team_id == who.team, _source.item_id == _i.id)
    return exists(kept if who.role in (Role.OWNER, Role.ADMIN) else kept.where(t.app.c.owner_id == who.person))


def _runs(who: Principal) -> ColumnElement[bool]:
    """The condition under which somebody's agent runs a task."""
    agent = select(t.agent.c.id).where(t.agent.c.id == t.task.c.agent_id, t.agent.c.person_id == who.person)
    return and_(t.task.c.ended_at_us.is_(None), exists(agent))


def held(who: Principal, task: Value) -> ColumnElement[bool]:
    """Give the condition on tasks under which somebody's agent runs this one, and so may store for it."""
    return and_(t.task.c.team_id == who.team, t.task.c.id == task, _runs(who))
