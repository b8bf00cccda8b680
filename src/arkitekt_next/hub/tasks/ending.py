"""The end of a task: the one place that writes a terminal event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import TooLarge
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.lifecycle import EventName
from arkitekt_next.wire.writing import write_outcome

from . import routing, statements, watch
from .live import refuse_large
from .reducer import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from arkitekt_next.errors import ArkitektError

    from .board import Board
    from .live import LiveTask


def end(
    board: Board,
    task: LiveTask,
    event: EventName,
    *,
    returns: list[Any] | None = None,
    error: ArkitektError | None = None,
    raised: dict[str, Any] | None = None,
    then: Callable[[], None] | None = None,
) -> bool:
    """End a task once and for all; readers are told, and `then` is called, after the commit.

    `error` is one of ours, `raised` what the function raised. False when the task had ended before.
    """
    at_us = now_us()
    returned, failed = _maybe(returns), _maybe({"error": error.to_json()} if error is not None else raised)
    large = _too_large(task, returned, failed)
    if large is not None:
        event, returned, failed = EventName.FAILED, None, dumps({"error": large.to_json()})
    number = record(task, event, at_us)
    if number is None:
        return False
    outcome = write_outcome(
        task=task.id,
        number=number,
        status=task.status,
        at_us=at_us,
        returns=returned,
        error=failed,
        yields=task.yields,
        agent=task.agent.id if task.agent is not None else None,
    )
    row = {
        **board.key(task),
        "status": task.status.value,
        "timeline": dumps(task.timeline),
        "progress": dumps(task.progress) if task.progress else None,
        "yields": task.yields,
        "returns": returned,
        "error": failed,
        "started_at_us": task.started_at_us or task.assigned_at_us,
        "ended_at_us": at_us,
    }
    agent = board.release(task)
    task.stop_timers()

    def settled() -> None:
        board.forget(task)
        board.metrics.ended[task.status] += 1
        watch.tell_outcome(task, outcome)
        if then is not None:
            then()

    board.write(task, [(statements.END, row)], settled)
    if agent is not None:
        routing.refill(board, agent)
    return True


def _too_large(task: LiveTask, *texts: str | None) -> TooLarge | None:
    try:
        for text in texts:
            refuse_large(text or "", where=f"what {task.contract.action.name} ended with")
    except TooLarge as large:
        return large
    return None


def _maybe(value: Any) -> str | None:
    return dumps(value) if value is not None else None
