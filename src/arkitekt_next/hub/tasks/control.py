"""Steers tasks: cancel with a deadline and escalation, interrupt, pause, resume, step, and time-outs.

A cancel reaches the children too. The agent has until the deadline; a little later the hub ends the task itself, so no
cancel hangs on an agent that does not answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from arkitekt_next.errors import ArkitektError, Conflict, TaskCancelled, TaskExpired, TaskInterrupted
from arkitekt_next.wire.lifecycle import EventName, Status
from arkitekt_next.wire.messages import Steer

from . import ending

if TYPE_CHECKING:
    from .board import Board
    from .live import LiveTask

Verb = Literal["cancel", "interrupt", "pause", "resume", "step"]
_MARGIN_S = 0.5
_SOON_S = 0.01


def steer(board: Board, task: LiveTask, verb: Verb, *, deadline_s: float | None, reason: str) -> None:
    """Carry out what a person or a parent asked for. Raises `Conflict` when it makes no sense now."""
    if task.has_ended:
        if verb in ("cancel", "interrupt"):
            return
        raise Conflict(
            problem=f"The task has ended ({task.status})",
            remedy=f"Only a running task can be asked to {verb}",
        )
    if verb in ("cancel", "interrupt"):
        deadline = (
            0.0 if verb == "interrupt" else board.settings.cancel_deadline_s if deadline_s is None else deadline_s
        )
        cancel(board, task, deadline_s=deadline, reason=reason or "cancelled by its caller")
    elif task.agent is not None and task.agent.peer is None:
        raise Conflict(problem="The task's agent is not connected just now", remedy="Try again when it is back")
    elif task.status is Status.QUEUED:
        raise Conflict(
            problem="The task still waits for an agent", remedy=f"Only a running task can be asked to {verb}"
        )
    else:
        _send_soon(board, task, verb, reason)


def _send_soon(board: Board, task: LiveTask, verb: Verb, reason: str) -> None:
    """Send a wish; one for a task that is just on its way to its agent waits until it has left."""
    if task.agent is not None and not task.is_delivered and not task.has_ended:
        board.loop.call_later(_SOON_S, _send_soon, board, task, verb, reason)
    else:
        send(task, verb, None, reason)


def send(task: LiveTask, verb: Verb, deadline_s: float | None, reason: str) -> None:
    """Pass a wish on to the agent, if it is there; it is repeated when the agent comes back."""
    if task.agent is not None and task.agent.peer is not None and task.is_delivered:
        steering = Steer(task=task.id, attempt=task.attempt, verb=verb, deadline_s=deadline_s, reason=reason)
        task.agent.peer.send(steering)


def cancel(board: Board, task: LiveTask, *, deadline_s: float, reason: str) -> None:
    """Cancel a task and its children."""
    for child in list(task.children):
        if not child.has_ended:
            cancel(board, child, deadline_s=deadline_s, reason=f"its parent was cancelled: {reason}")
    if task.status is Status.QUEUED:
        ending.end(board, task, EventName.CANCELLED, error=TaskCancelled(task=task.id, reason=reason))
        return
    if not task.is_stored or not task.is_delivered:
        if task.is_stored:
            ending.end(board, task, EventName.CANCELLED, error=TaskCancelled(task=task.id, reason=reason))
        else:
            board.loop.call_later(_SOON_S, _cancel_later, board, task, deadline_s, reason)
        return
    if task.cancel_reason is None:
        task.cancel_reason = reason
        board.move(task, EventName.CANCELLING)
    send(task, "cancel" if deadline_s > 0 else "interrupt", deadline_s, reason)
    task.stop_timer("cancel")
    task.timers["cancel"] = board.loop.call_later(deadline_s + _MARGIN_S, _cut_off, board, task, reason)


def _cancel_later(board: Board, task: LiveTask, deadline_s: float, reason: str) -> None:
    if not task.has_ended:
        cancel(board, task, deadline_s=deadline_s, reason=reason)


def _cut_off(board: Board, task: LiveTask, reason: str) -> None:
    """The agent did not report by the deadline: the task ends here; what it reports later is stale."""
    if not task.has_ended:
        ending.end(board, task, EventName.INTERRUPTED, error=TaskInterrupted(task=task.id, reason=reason))


def start_timeout(board: Board, task: LiveTask) -> None:
    """Cancel the task when the caller's time is up."""
    assert task.options.timeout_s is not None
    left_s = _left(task, task.options.timeout_s, board)
    task.timers["timeout"] = board.loop.call_later(left_s, _time_out, board, task)


def _left(task: LiveTask, limit_s: float, board: Board) -> float:
    from arkitekt_next.hub.core.ids import now_us

    return max(0.0, limit_s - (now_us() - task.queued_at_us) / 1e6)


def _time_out(board: Board, task: LiveTask) -> None:
    if task.has_ended:
        return
    limit_s = task.options.timeout_s or 0.0
    if task.status is Status.QUEUED:
        _expire(board, task, limit_s)
    else:
        deadline_s = board.settings.cancel_deadline_s
        cancel(board, task, deadline_s=deadline_s, reason=f"it did not end within its timeout of {limit_s:g} s")


def start_queue_timeout(board: Board, task: LiveTask) -> None:
    """Let the task expire when no agent takes it in time."""
    limit_s = task.options.queue_timeout_s
    if limit_s is None:
        limit_s = board.settings.queue_timeout_s
    task.timers["queue"] = board.loop.call_later(_left(task, limit_s, board), _expire, board, task, limit_s)


def _expire(board: Board, task: LiveTask, limit_s: float) -> None:
    if task.status is Status.QUEUED:
        error: ArkitektError = TaskExpired(task=task.id, waited_s=f"{limit_s:g}")
        ending.end(board, task, EventName.EXPIRED, error=error)
