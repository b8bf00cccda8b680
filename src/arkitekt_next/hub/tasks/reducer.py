"""What an event does to a task: pure rules over a `LiveTask`, without I/O, clock or ledger.

`record` moves a task along the life-cycle table and gives the event its number; the other functions decide: whether a
report counts, what becomes of a task whose agent is gone, whether a failure is tried again. `dispatch` carries out what
is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import AgentLost, ArkitektError, Poisoned, TaskInterrupted
from arkitekt_next.wire.lifecycle import EventName, Status, follow

if TYPE_CHECKING:
    from arkitekt_next.hub.catalog.providers import Agent
    from arkitekt_next.wire.messages import Report

    from .live import LiveTask

_IN_TIMELINE = frozenset(EventName) - {EventName.PROGRESS, EventName.LOG, EventName.YIELD}


def record(task: LiveTask, name: EventName, at_us: int) -> int | None:
    """Let `name` happen to the task; give the event's number, or None when it may not happen now."""
    status = follow(task.status, name)
    if status is None:
        return None
    task.status = status
    task.number += 1
    if name in _IN_TIMELINE:
        agent = task.agent.id if task.agent is not None else None
        task.timeline.append([task.number, name.value, at_us, task.attempt, agent])
    return task.number


def why_stale(task: LiveTask | None, report: Report, speakers: dict[Agent, bool]) -> str | None:
    """Say why a report does not count, or give None when it does.

    It counts when the task has not ended, is assigned to an agent that this connection speaks for, and attempt and
    epoch are the newest. `speakers` says of each agent whether it is spoken for by its heir; an heir's epochs are
    those of a process that is dead, so they can't compete with anything.
    """
    if task is None or task.agent is None or task.agent not in speakers:
        return "the task has ended, or was never assigned to you"  # one answer: whether it exists is not told
    if task.has_ended:
        return "the task has ended"
    if report.attempt != task.attempt:
        return f"attempt {report.attempt} is over, attempt {task.attempt} counts"
    if report.epoch != task.epoch and not speakers[task.agent]:
        return f"epoch {report.epoch} is over, epoch {task.epoch} counts"
    return None


def new_values(task: LiveTask, first: int, values: list[list[Any]]) -> list[list[Any]] | None:
    """Cut off what is known already (sent twice, or by an earlier attempt); None when a value is missing."""
    if first > task.yields:
        return None
    return values[task.yields - first :]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a task: run it `again`, or end it by `event` with `error`."""

    again: bool
    event: EventName
    error: ArkitektError | None = None


def judge_loss(task: LiveTask, *, agent: str, max_attempts: int) -> Verdict:
    """Decide on a task whose agent is gone for good.

    Never delivered: run it, nothing has happened. Being cancelled: interrupted. Repeatable: again, until it took
    down its agent `max_attempts` times. Anything else is lost, for a person to decide.
    """
    if task.cancel_reason is not None:
        error: ArkitektError = TaskInterrupted(task=task.id, reason=task.cancel_reason)
        return Verdict(False, EventName.INTERRUPTED, error)
    if not task.is_delivered:
        return Verdict(True, EventName.QUEUED)
    if not task.is_repeatable:
        remedy = "It is not declared repeatable, so a person decides whether to run it again"
        error = AgentLost(agent=agent, task=task.id, progress=describe_progress(task), remedy=remedy)
        return Verdict(False, EventName.LOST, error)
    if task.attempt >= max_attempts:
        return Verdict(False, EventName.FAILED, Poisoned(task=task.id, attempts=task.attempt))
    return Verdict(True, EventName.QUEUED)


def describe_progress(task: LiveTask) -> str:
    """Put the last progress into words."""
    progress = task.progress
    if progress is None:
        return f"{task.yields} values streamed" if task.yields else "none reported"
    percent = progress.get("percent")
    parts = [f"{percent:g} %" if percent is not None else "", progress.get("message") or ""]
    return " ".join(part for part in parts if part) or "none reported"


def may_retry(task: LiveTask, status: Status) -> bool:
    """Whether a failure is tried again: asked for, declared repeatable, not being cancelled."""
    return (
        status is Status.FAILED
        and task.failures < task.options.retries
        and task.is_repeatable
        and task.cancel_reason is None
    )
