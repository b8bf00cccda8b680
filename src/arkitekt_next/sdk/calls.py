"""One submitted task as its caller sees it, and how it is written.

A `Call` is filled by the transport loop and read by whoever waits; every field is assigned in one step, so no lock
is needed. The rule: text is written in the caller's thread (where a value that can't travel is an error at the
right place), never on the transport loop.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from pydantic import ValidationError

from arkitekt_next.errors import (
    AgentLost,
    ArkitektError,
    InvalidValue,
    TaskCancelled,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskInterrupted,
    TooLarge,
    rebuild_exception,
)
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES, Outcome, Submit

WINDOW = 4096
"""How many yields may be under way to a reader."""

KEPT_LINES = 10_000
"""How many log lines and events a handle remembers; the oldest go first."""


@dataclass(frozen=True, slots=True)
class CallOptions:
    """How to call, as opposed to with what; see `RemoteFunction.with_options`."""

    timeout: float | None = None
    queue_timeout: float | None = None
    retries: int | None = None
    reference: str | None = None
    wait_for_agent: bool = True
    discreet: bool = False
    labels: tuple[str, ...] = ()
    routing: str | None = None
    agent: str | None = None
    window: int = WINDOW

    def __post_init__(self) -> None:
        asked = {_SUBMIT_FIELDS.get(name, name): getattr(self, name) for name in _CHECKED}
        given = {name: value for name, value in asked.items() if value is not None}
        try:
            Submit(**{"action": "-", "reference": "-", **given})
        except ValidationError as unfit:
            raise _unfit(unfit) from None

    def updated(self, **changes: Any) -> CallOptions:
        """Give a copy with some options changed.

        Raises `TypeError` for one that does not exist, `InvalidValue` for a value that does not fit. A single label may
        be given as text.
        """
        if "labels" in changes:
            changes["labels"] = as_labels(changes["labels"])
        return replace(self, **changes)

    def written(self, action: str, signature_hash: str | None) -> str:
        """Write the part of a `submit` that is the same for every call with these options."""
        parts: dict[str, Any] = {"action": action}
        if signature_hash is not None:
            parts["signature_hash"] = signature_hash
        named = {
            "timeout_s": self.timeout,
            "queue_timeout_s": self.queue_timeout,
            "retries": self.retries,
            "routing": self.routing,
            "agent": self.agent,
            "labels": list(self.labels) or None,
            "wait_for_agent": None if self.wait_for_agent else False,
            "discreet": self.discreet or None,
            "window": None if self.window == WINDOW else self.window,
        }
        parts.update((key, value) for key, value in named.items() if value is not None)
        return dumps(parts)[1:-1]


_CHECKED = ("timeout", "queue_timeout", "retries", "reference", "labels", "routing", "agent", "window")
_SUBMIT_FIELDS = {"timeout": "timeout_s", "queue_timeout": "queue_timeout_s"}


def as_labels(given: str | Iterable[str] | None) -> tuple[str, ...]:
    """Give labels as a tuple; text is one label, not many of one letter."""
    return (given,) if isinstance(given, str) else tuple(given or ())


def _unfit(refused: ValidationError) -> InvalidValue:
    first = refused.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    option = {field: option for option, field in _SUBMIT_FIELDS.items()}.get(name, name)
    return InvalidValue(where=f"the call's option {option}", expected=_wanted(first["msg"]), got=repr(first["input"]))


def _wanted(message: str) -> str:
    return message.removeprefix("Input should be ").removeprefix("Value error, ").removeprefix("expected ")


OPTION_NAMES = frozenset(field.name for field in fields(CallOptions))


class Call:
    """What is known about one call; `outcome` or `error` ends it."""

    __slots__ = (
        "action",
        "begun_at",
        "busy_until",
        "changed",
        "declared",
        "error",
        "event_count",
        "events",
        "first",
        "is_watched",
        "logs",
        "number",
        "outcome",
        "parent",
        "progress",
        "received",
        "reference",
        "settled",
        "status",
        "taken",
        "task",
        "text",
        "twin",
        "values",
        "window",
    )

    def __init__(
        self, action: str, reference: str, text: str, parent: str | None, *, is_watched: bool, window: int
    ) -> None:
        self.action = action
        self.reference = reference
        self.text = text
        self.parent = parent
        self.is_watched = is_watched
        self.window = window
        self.twin: Call | None = None
        self.task: str | None = None
        self.status = "submitted"
        self.number = 0
        self.first = 0
        self.outcome: Outcome | None = None
        self.error: ArkitektError | None = None
        self.begun_at = time.monotonic()
        self.busy_until = 0.0
        self.settled: Callable[[], None] | None = None
        self.changed: list[Callable[[], None]] = []
        self.received = 0
        self.taken = 0
        self.declared = 0
        self.values: deque[list[Any]] = deque()
        self.progress: tuple[float | None, str] | None = None
        self.logs: deque[tuple[str, str]] = deque(maxlen=KEPT_LINES)
        self.events: deque[dict[str, Any]] = deque(maxlen=KEPT_LINES)
        self.event_count = 0

    @property
    def is_settled(self) -> bool:
        """Whether it has ended, one way or the other."""
        return self.outcome is not None or self.error is not None

    @property
    def age_s(self) -> float:
        """How long ago it was begun."""
        return time.monotonic() - self.begun_at

    def tell(self) -> None:
        """Let everyone look who waits for a change."""
        for listener in tuple(self.changed):
            listener()

    def note(self, event: dict[str, Any]) -> None:
        """Remember an event."""
        self.events.append(event)
        self.event_count += 1

    def events_after(self, count: int) -> tuple[list[dict[str, Any]], int]:
        """Give the events after the first `count`, as far as they are remembered, and the new count."""
        total, kept = self.event_count, list(self.events)
        return (kept[-(total - count) :] if total > count else []), total

    def failure(self) -> ArkitektError | None:
        """Give what to raise, or None when the task completed (or has not ended)."""
        if self.error is not None:
            return self.error
        outcome = self.outcome
        if outcome is None or outcome.status == "completed":
            return None
        return outcome_error(outcome, self.action, self.progress)


def write_submit(reference: str, constant: str, args: str, parent: str | None, *, is_watched: bool) -> str:
    """Write a `submit` from its parts; raise `TooLarge` when the arguments fit no frame."""
    tail = "" if is_watched else ',"watch":false'
    if parent is not None:
        tail = f'{tail},"parent":"{parent}"'
    text = f'{{"kind":"submit","reference":{dumps(reference)},{constant},"args":{args}{tail}}}'
    check_size(text, "arguments")
    return text


def check_size(text: str, where: str) -> None:
    """Raise `TooLarge` when a written message fits no frame."""
    if len(text) * 4 < FRAME_LIMIT_BYTES:
        return
    size = len(text) if text.isascii() else len(text.encode())
    if size > FRAME_LIMIT_BYTES - 128:
        raise TooLarge(
            where=where,
            size_bytes=size,
            limit_bytes=FRAME_LIMIT_BYTES,
            remedy="Large things travel by reference: use a structure",
        )


_ENDS: dict[str, type[TaskError]] = {
    "cancelled": TaskCancelled,
    "interrupted": TaskInterrupted,
    "expired": TaskExpired,
    "lost": AgentLost,
    "failed": TaskFailed,
}


def outcome_error(outcome: Outcome, action: str, progress: tuple[float | None, str] | None = None) -> ArkitektError:
    """Make the exception that an outcome other than `completed` stands for."""
    raw = outcome.error or {}
    known: dict[str, Any] = {"task": outcome.task, "agent": outcome.agent, "action": action}
    if "type" in raw:
        return rebuild_exception(raw, **known)
    inner = raw.get("error", raw)
    if isinstance(inner, dict) and "code" in inner:
        error = ArkitektError.from_json(inner)
        for key, value in known.items():
            error.fields.setdefault(key, value)
        return error
    if progress is not None:
        known["progress"] = f"{progress[0]} % {progress[1]}".strip()
    kind = _ENDS.get(outcome.status, TaskError)
    return kind(**known, reason=str(raw.get("reason", "no reason was given")), remote_type=outcome.status)
