"""The life of a task as one literal table: which event leads from which status to which.

Nothing else decides what may follow what; the hub's reducer, the page and the documentation all read this table.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a task stands."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    RUNNING = "running"
    PAUSED = "paused"
    DISCONNECTED = "disconnected"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    EXPIRED = "expired"


TERMINAL = frozenset(
    {Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.INTERRUPTED, Status.LOST, Status.EXPIRED}
)
HELD = frozenset({Status.ASSIGNED, Status.RUNNING, Status.PAUSED, Status.DISCONNECTED})


class EventName(StrEnum):
    """What can happen to a task."""

    QUEUED = "queued"
    ASSIGNED = "assigned"
    STARTED = "started"
    PROGRESS = "progress"
    LOG = "log"
    YIELD = "yield"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLING = "cancelling"
    DISCONNECTED = "disconnected"
    RECONNECTED = "reconnected"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    EXPIRED = "expired"


_S, _E = Status, EventName

TRANSITIONS: dict[tuple[Status, EventName], Status] = {
    (_S.QUEUED, _E.ASSIGNED): _S.ASSIGNED,
    (_S.QUEUED, _E.CANCELLED): _S.CANCELLED,
    (_S.QUEUED, _E.EXPIRED): _S.EXPIRED,
    (_S.QUEUED, _E.FAILED): _S.FAILED,
    (_S.ASSIGNED, _E.STARTED): _S.RUNNING,
    (_S.ASSIGNED, _E.PROGRESS): _S.RUNNING,
    (_S.ASSIGNED, _E.LOG): _S.RUNNING,
    (_S.ASSIGNED, _E.YIELD): _S.RUNNING,
    (_S.ASSIGNED, _E.PAUSED): _S.PAUSED,
    (_S.ASSIGNED, _E.CANCELLING): _S.ASSIGNED,
    (_S.ASSIGNED, _E.DISCONNECTED): _S.DISCONNECTED,
    (_S.ASSIGNED, _E.QUEUED): _S.QUEUED,
    (_S.ASSIGNED, _E.COMPLETED): _S.COMPLETED,
    (_S.ASSIGNED, _E.FAILED): _S.FAILED,
    (_S.ASSIGNED, _E.CANCELLED): _S.CANCELLED,
    (_S.ASSIGNED, _E.INTERRUPTED): _S.INTERRUPTED,
    (_S.ASSIGNED, _E.LOST): _S.LOST,
    (_S.RUNNING, _E.STARTED): _S.RUNNING,
    (_S.RUNNING, _E.PROGRESS): _S.RUNNING,
    (_S.RUNNING, _E.LOG): _S.RUNNING,
    (_S.RUNNING, _E.YIELD): _S.RUNNING,
    (_S.RUNNING, _E.PAUSED): _S.PAUSED,
    (_S.RUNNING, _E.CANCELLING): _S.RUNNING,
    (_S.RUNNING, _E.DISCONNECTED): _S.DISCONNECTED,
    (_S.RUNNING, _E.QUEUED): _S.QUEUED,
    (_S.RUNNING, _E.COMPLETED): _S.COMPLETED,
    (_S.RUNNING, _E.FAILED): _S.FAILED,
    (_S.RUNNING, _E.CANCELLED): _S.CANCELLED,
    (_S.RUNNING, _E.INTERRUPTED): _S.INTERRUPTED,
    (_S.RUNNING, _E.LOST): _S.LOST,
    (_S.PAUSED, _E.RESUMED): _S.RUNNING,
    (_S.PAUSED, _E.PROGRESS): _S.PAUSED,
    (_S.PAUSED, _E.LOG): _S.PAUSED,
    (_S.PAUSED, _E.YIELD): _S.PAUSED,
    (_S.PAUSED, _E.PAUSED): _S.PAUSED,
    (_S.PAUSED, _E.CANCELLING): _S.PAUSED,
    (_S.PAUSED, _E.DISCONNECTED): _S.DISCONNECTED,
    (_S.PAUSED, _E.QUEUED): _S.QUEUED,
    (_S.PAUSED, _E.COMPLETED): _S.COMPLETED,
    (_S.PAUSED, _E.FAILED): _S.FAILED,
    (_S.PAUSED, _E.CANCELLED): _S.CANCELLED,
    (_S.PAUSED, _E.INTERRUPTED): _S.INTERRUPTED,
    (_S.PAUSED, _E.LOST): _S.LOST,
    (_S.DISCONNECTED, _E.RECONNECTED): _S.RUNNING,
    (_S.DISCONNECTED, _E.CANCELLING): _S.DISCONNECTED,
    (_S.DISCONNECTED, _E.LOG): _S.DISCONNECTED,
    (_S.DISCONNECTED, _E.YIELD): _S.DISCONNECTED,
    (_S.DISCONNECTED, _E.QUEUED): _S.QUEUED,
    (_S.DISCONNECTED, _E.COMPLETED): _S.COMPLETED,
    (_S.DISCONNECTED, _E.FAILED): _S.FAILED,
    (_S.DISCONNECTED, _E.CANCELLED): _S.CANCELLED,
    (_S.DISCONNECTED, _E.INTERRUPTED): _S.INTERRUPTED,
    (_S.DISCONNECTED, _E.LOST): _S.LOST,
}


def follow(status: Status, event: EventName) -> Status | None:
    """Give the status after `event`, or None when it may not happen there (a terminal status has no way on)."""
    return TRANSITIONS.get((status, event))
