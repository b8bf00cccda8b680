"""A task while it waits or runs, as its home hub holds it in memory. The ledger's row is the truth; this follows it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import TooLarge
from arkitekt_next.ports.model import Effects
from arkitekt_next.wire.lifecycle import TERMINAL, Status
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES

if TYPE_CHECKING:
    from arkitekt_next.hub.catalog.providers import Agent, Implementation
    from arkitekt_next.hub.catalog.service import Contract

    from .watch import Reader

CREDIT = 4096
VALUE_LIMIT_BYTES = 2 * FRAME_LIMIT_BYTES - 8192
"""What a hub can pass on in one frame, beside ids and names; a number may be longer there than as it came in."""
Entry = list[Any]
"""One life-cycle event of the timeline: [number, name, at_us, attempt, agent or None]."""


def refuse_large(text: str, *, where: str) -> None:
    """Refuse a written value that could not be passed on in one frame. Raises `TooLarge`."""
    if len(text) * 4 <= VALUE_LIMIT_BYTES:
        return
    size = len(text.encode())
    if size > VALUE_LIMIT_BYTES:
        remedy = "Large things travel by reference: pass a structure"
        raise TooLarge(where=where, size_bytes=size, limit_bytes=VALUE_LIMIT_BYTES, remedy=remedy)


@dataclass(slots=True, frozen=True)
class Options:
    """What the caller asked for beside the arguments. `code_hash`: nothing but this very code may run it."""

    agent: str | None = None
    labels: frozenset[str] = frozenset()
    routing: str = "least_busy"
    timeout_s: float | None = None
    queue_timeout_s: float | None = None
    retries: int = 0
    code_hash: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the stored form, without what is at its default."""
        raw: dict[str, Any] = {
            "agent": self.agent,
            "labels": sorted(self.labels),
            "routing": self.routing if self.routing != "least_busy" else None,
            "timeout_s": self.timeout_s,
            "queue_timeout_s": self.queue_timeout_s,
            "retries": self.retries,
            "code_hash": self.code_hash,
        }
        return {name: value for name, value in raw.items() if value}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> Options:
        """Read the stored form."""
        return cls(**{**raw, "labels": frozenset(raw.get("labels", ()))})


NO_OPTIONS = Options()


@dataclass(slots=True, eq=False)
class LiveTask:
    """One call that has not ended.

    `args` is JSON text: nobody reads it here. `number` is the last event number given, `settled` the last one on disk:
    only up to that may anybody be told. `is_delivered` says that the assignment of this attempt went into the agent's
    socket, `is_leaving` that the task is on its way to another hub, `is_awaited` that whoever called it
    does nothing until it ends. `visibility` is `private` while only its caller may know of it; what a `is_discreet` one
    was given and gave is not for the team's members. `version` names what exactly runs it; `again_of` is the task that
    somebody wanted to have run once more.
    """

    id: str
    team: str
    person: str
    app: str
    reference: str
    contract: Contract
    args: str
    root: str
    origin: str
    queued_at_us: int
    parent: str | None = None
    options: Options = NO_OPTIONS
    visibility: str = "team"
    is_discreet: bool = False
    version: str | None = None
    again_of: str | None = None
    status: Status = Status.QUEUED
    attempt: int = 0
    failures: int = 0
    epoch: int = 0
    agent: Agent | None = None
    offer: Implementation | None = None
    number: int = 0
    settled: int = 0
    timeline: list[Entry] = field(default_factory=list)
    yields: int = 0
    settled_yields: int = 0
    credit: int = CREDIT
    progress: dict[str, Any] | None = None
    is_progress_stored: bool = True
    assigned_at_us: int | None = None
    started_at_us: int | None = None
    is_stored: bool = False
    is_delivered: bool = False
    is_leaving: bool = False
    cancel_reason: str | None = None
    readers: list[Reader] = field(default_factory=list)
    is_awaited: bool = False
    children: set[LiveTask] = field(default_factory=set)
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether its terminal event was decided (it may still be on its way to disk)."""
        return self.status in TERMINAL

    @property
    def effects(self) -> Effects:
        """What running it again would do."""
        return self.contract.definition.effects

    @property
    def is_repeatable(self) -> bool:
        """Whether the hub may run it again by itself."""
        return self.effects in (Effects.NONE, Effects.REPEATABLE)

    def stop_timer(self, name: str) -> None:
        """Forget a deadline."""
        timer = self.timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def stop_timers(self) -> None:
        """Forget all deadlines."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
