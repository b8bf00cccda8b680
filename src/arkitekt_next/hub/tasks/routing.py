"""Which agent runs a task: among those that implement its exact signature, fit the caller's wishes and have room.

Waiting tasks stand in one queue an action and signature, first come first served.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from arkitekt_next.errors import LockReentered
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.lifecycle import EventName
from arkitekt_next.wire.writing import write_assign

from . import statements
from .live import LiveTask
from .reducer import record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arkitekt_next.hub.catalog.providers import Agent, Implementation

    from .board import Board

_LOOK_AHEAD = 64
_LINEAGE_LIMIT = 64


def fits(task: LiveTask, offer: Implementation) -> bool:
    """Whether an online implementation is what the task waits for, room aside."""
    agent, options = offer.agent, task.options
    return (
        offer.contract.signature_hash == task.contract.signature_hash
        and agent.is_online
        and agent.serves(task.person)
        and (options.agent is None or options.agent == agent.id)
        and (options.code_hash is None or options.code_hash == offer.code_hash)
        and options.labels <= agent.labels
    )


def choose(board: Board, task: LiveTask) -> Implementation | None:
    """Give the implementation here that should run the task now, or None when it has to wait."""
    options = task.options
    offers = task.contract.action.implementations.values()
    able = [offer for offer in offers if offer.has_room() and fits(task, offer)]
    if task.parent is not None:
        able = _choose_below(board, task, able)
    if len(able) <= 1:
        return able[0] if able else None
    action = task.contract.action
    if options.routing == "sticky":
        last = board.sticky.get((task.person, task.app, action.id))
        for offer in able:
            if offer.agent.id == last:
                return offer
    if options.routing == "round_robin":
        able.sort(key=lambda offer: offer.agent.id)
        action.turn += 1
        return able[action.turn % len(able)]
    return min(able, key=lambda offer: (offer.agent.load / offer.agent.capacity, offer.running, offer.agent.id))


def _choose_below(board: Board, task: LiveTask, able: list[Implementation]) -> list[Implementation]:
    """Give what may run a task that another called, so that it never waits for the tasks above it."""
    fitting = [offer for offer in task.contract.action.implementations.values() if fits(task, offer)]
    free = [offer for offer in fitting if not _is_locked_above(board, task, offer)]
    if fitting and not free:
        # Every agent would refuse it once it has a place; it may be waiting there for ever, so it goes at once.
        return [offer for offer in fitting if offer.agent.peer is not None]
    return [offer for offer in able if offer in free] or [offer for offer in free if _may_exceed(board, task, offer)]


def _is_locked_above(board: Board, task: LiveTask, offer: Implementation) -> bool:
    """Whether a task above this one holds, at the same agent, a lock that it needs."""
    return bool(offer.locks) and any(
        above.agent is offer.agent and above.offer is not None and above.offer.locks & offer.locks
        for above in _lineage(board, task)
    )


def _may_exceed(board: Board, task: LiveTask, offer: Implementation) -> bool:
    """Whether a task may go to a full agent, since it would hang else: past its capacity, never past a function's."""
    agent = offer.agent
    is_there = agent.peer is not None and not agent.is_draining and fits(task, offer)
    return is_there and not _is_full(offer) and _is_waited_for(board, task, offer)


def refuse_reentered(board: Board, task: LiveTask) -> None:
    """Raise `LockReentered` when a function waits for a place that only those who wait for it could give back."""
    fitting = [offer for offer in task.contract.action.implementations.values() if fits(task, offer)]
    if fitting and all(_is_waited_for(board, task, offer) and _is_full(offer) for offer in fitting):
        above = next(above for above in _lineage(board, task) if above.agent is fitting[0].agent)
        limit = fitting[0].concurrency
        raise LockReentered(
            action=task.contract.action.short_name,
            what=f"one of its {limit} places (concurrency={limit})",
            holder=f"{above.contract.action.short_name} (task {above.id})",
            remedy="Call the plain Python function instead, or raise its concurrency",
        )


def _is_full(offer: Implementation) -> bool:
    return offer.concurrency is not None and offer.running >= offer.concurrency


def _is_waited_for(board: Board, task: LiveTask, offer: Implementation) -> bool:
    """Whether all that takes this one's room at an agent waits, and some of it for this one: it would hang for ever."""
    agent = offer.agent
    if not task.is_awaited or not any(above.agent is agent for above in _lineage(board, task)):
        return False
    takers = [held for held in agent.tasks.values() if held.offer is offer or not _is_full(offer)]
    return all(_waits(held, task) for held in takers)


def _waits(held: LiveTask, newest: LiveTask) -> bool:
    """Whether a task does nothing until one that it called has ended; `newest` is not among its children yet."""
    is_caller = newest.parent == held.id and newest.is_awaited
    return is_caller or any(child.is_awaited and not child.has_ended for child in held.children)


def _lineage(board: Board, task: LiveTask) -> Iterator[LiveTask]:
    """Give the tasks above one, the nearest first, as far as they are live here."""
    for _ in range(_LINEAGE_LIMIT):
        above = board.live.get(task.parent or "")
        if above is None:
            return
        yield above
        task = above


def place(board: Board, task: LiveTask, offer: Implementation) -> None:
    """Give a task to an agent, in memory."""
    agent = offer.agent
    task.agent, task.offer, task.version = agent, offer, offer.version
    task.attempt += 1
    task.epoch = agent.epoch
    task.is_delivered = False
    agent.tasks[task.id] = task
    offer.running += 1
    now = now_us()
    task.assigned_at_us = now
    record(task, EventName.ASSIGNED, now)
    task.stop_timer("queue")
    if task.options.routing == "sticky":
        board.sticky[(task.person, task.app, task.contract.action.id)] = agent.id


def send_assignment(board: Board, task: LiveTask) -> None:
    """Send a placed and settled task to its agent, if it is there and takes work."""
    agent = task.agent
    if agent is None or agent.peer is None or agent.is_draining or task.has_ended:
        return
    task.is_delivered = True
    agent.peer.send_text(
        write_assign(
            task=task.id,
            attempt=task.attempt,
            epoch=task.epoch,
            action=task.contract.action.short_name,
            args=task.args,
            root=task.root,
            parent=task.parent,
            above=_above(board, task),
            person=task.person,
            app=task.app,
            credit=task.credit,
            timeout_s=task.options.timeout_s,
        )
    )


def _above(board: Board, task: LiveTask) -> list[str] | None:
    """Name the tasks above a task's parent, as far as they are live here."""
    if task.parent is None or task.parent == task.root:
        return None
    return [above.parent for above in _lineage(board, task) if above.parent is not None]


def enqueue(board: Board, task: LiveTask, *, first: bool = False) -> None:
    """Let a task wait."""
    key = (task.contract.action.id, task.contract.signature_hash)
    queue = board.queues.setdefault(key, deque())
    if first:
        queue.appendleft(task)
    else:
        queue.append(task)
    board.queued += 1


def refill(board: Board, agent: Agent) -> None:
    """Give an agent with room what waits for it."""
    if not board.queued or not agent.is_online:
        return
    for offer in list(agent.offers.values()):
        key = (offer.contract.action.id, offer.contract.signature_hash)
        if key in board.queues and (offer.has_room() or board.queues[key][0].parent is not None):
            drain(board, key)


def drain(board: Board, key: tuple[str, str]) -> None:
    """Place what can be placed from the front of a queue."""
    queue = board.queues[key]
    passed: list[LiveTask] = []
    while queue and len(passed) < _LOOK_AHEAD:
        task = queue.popleft()
        board.queued -= 1
        if task.has_ended or task.agent is not None or task.is_leaving:
            continue
        offer = choose(board, task) if task.is_stored else None
        if offer is None:
            passed.append(task)
            continue
        attempt, epoch = task.attempt, task.epoch
        place(board, task, offer)
        write_placement(board, task, attempt, epoch)
    for task in reversed(passed):
        queue.appendleft(task)
        board.queued += 1
    if not queue:
        del board.queues[key]


def write_placement(board: Board, task: LiveTask, old_attempt: int, old_epoch: int) -> None:
    """Write that a waiting task was placed, then send it."""
    row = {
        **board.key(task),
        "b_attempt": old_attempt,
        "b_epoch": old_epoch,
        "status": task.status.value,
        "timeline": dumps(task.timeline),
        "attempt": task.attempt,
        "failures": task.failures,
        "epoch": task.epoch,
        "agent_id": task.agent.id if task.agent else None,
        "version_id": task.version,
        "hub_id": board.hub,
        "assigned_at_us": task.assigned_at_us,
        "started_at_us": None,
    }
    entry = task.timeline[-1]

    def then() -> None:
        board.tell_life(task, entry)
        send_assignment(board, task)

    board.write(task, [(statements.PLACE, row)], then)
