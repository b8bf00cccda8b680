"""Another attempt: after a failure that may be repeated, or after the agent was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.lifecycle import EventName

from . import control, routing, statements
from .reducer import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from .board import Board
    from .live import LiveTask


def try_again(board: Board, task: LiveTask, *, failed: bool, then: Callable[[], None] | None = None) -> None:
    """Put a task back at the head of its queue for another attempt; its children of the last one are cancelled."""
    for child in list(task.children):
        control.cancel(board, child, deadline_s=board.settings.cancel_deadline_s, reason="its parent is tried again")
    agent = board.release(task)
    key = board.key(task)
    task.failures += failed
    record(task, EventName.QUEUED, now_us())
    task.agent = task.version = None
    task.is_delivered = False
    row = {
        **key,
        "status": task.status.value,
        "timeline": dumps(task.timeline),
        "attempt": task.attempt,
        "failures": task.failures,
        "epoch": task.epoch,
        "agent_id": None,
        "version_id": None,
        "hub_id": board.hub,
        "assigned_at_us": None,
        "started_at_us": None,
    }
    entry = task.timeline[-1]

    def settled() -> None:
        board.tell_life(task, entry)
        if then is not None:
            then()
        if not task.has_ended and task.agent is None:
            routing.enqueue(board, task, first=True)
            control.start_queue_timeout(board, task)
            routing.drain(board, (task.contract.action.id, task.contract.signature_hash))

    board.write(task, [(statements.PLACE, row)], settled)
    if agent is not None:
        routing.refill(board, agent)
