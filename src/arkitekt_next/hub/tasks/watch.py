"""Who is told about a task, and how fast.

A reader that keeps up is fed from memory; one that does not (its socket is full, its window is used up, it came
late) is `is_behind` and fed from the database until it has caught up. So a slow reader costs reads, never memory,
and there is one path for attaching, reconnecting and catching up. The rule: only settled events are told, in order
of their number.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import select

from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import encode, loads
from arkitekt_next.wire.lifecycle import EventName, Status
from arkitekt_next.wire.messages import Accepted, Event, Message, Outcome, Values
from arkitekt_next.wire.writing import with_reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from .board import Board
    from .live import Entry

Past = tuple[int, Event | Values | Outcome, int]
"""What happened: event number, message, how many yields it holds."""

_PAGE = 200
_PAGE_BYTES = 1024 * 1024
_FETCH = 40


class Told(Protocol):
    """Something readers are told about: a task that is live here, or one that lives at another hub."""

    @property
    def id(self) -> str:
        """The task."""

    @property
    def readers(self) -> list[Reader]:
        """Who is told."""


class Sink(Protocol):
    """Where a reader's events go: a websocket, a server-sent stream, another hub."""

    readers: dict[str, Reader]

    @property
    def has_room(self) -> bool:
        """Whether it takes more just now; when it has drained, whoever owns it calls `resume`."""

    def send(self, message: Message) -> None:
        """Queue a message."""

    def send_text(self, text: str) -> None:
        """Queue a message that is already written."""


class Unsaid(NamedTuple):
    """An `accepted` that is held back: most calls end so soon that their outcome says it all."""

    reference: str
    status: str
    number: int

    def of(self, task: str) -> Accepted:
        """Give the message."""
        return Accepted(reference=self.reference, task=task, status=self.status, number=self.number)


@dataclass(slots=True, eq=False)
class Reader:
    """One sink's interest in one task.

    `told` is the last event number sent; `sent` and `consumed` are numbers of yields (`sent` is -1 before the
    first). `is_owner` readers hold the source back when they do not consume, others only fall behind. `wants_all`
    is false for those who asked for the outcome alone.
    """

    sink: Sink
    team: str
    task: str
    window: int
    told: int = 0
    sent: int = -1
    consumed: int = 0
    is_owner: bool = False
    wants_all: bool = True
    is_behind: bool = False
    is_reading: bool = False
    pending: Unsaid | None = None

    @property
    def has_room(self) -> bool:
        """Whether its socket takes more just now."""
        return self.sink.has_room

    def may_take(self, first: int, count: int) -> bool:
        """Whether its window lets yields `first` … through; at least one message always passes."""
        if self.sent < 0:
            self.sent = self.consumed = max(self.consumed, first)
        unsaid = self.sent - self.consumed
        return 2 * unsaid < self.window or first + count <= self.consumed + self.window


def tell(task: Told, number: int, text: str, *, first: int = 0, values: int = 0) -> None:
    """Send a settled event, already written, to everybody who keeps up."""
    for reader in task.readers:
        if reader.is_behind or not reader.wants_all or number <= reader.told:
            continue
        if not reader.has_room or (values and not reader.may_take(first, values)):
            reader.is_behind = True
            continue
        reader.told = number
        if values:
            reader.sent = first + values
        accept(reader)
        reader.sink.send_text(text)


def accept(reader: Reader) -> None:
    """Send the `accepted` that was held back, before anything else about the task."""
    if reader.pending is not None:
        pending, reader.pending = reader.pending, None
        reader.sink.send(pending.of(reader.task))


def tell_passing(task: Told, text: str) -> None:
    """Send a passing event (progress) to whoever has room; it is dropped for the others."""
    for reader in task.readers:
        if reader.wants_all and not reader.is_behind and reader.has_room:
            accept(reader)
            reader.sink.send_text(text)


def tell_outcome(task: Told, outcome: str) -> None:
    """Send the terminal event, already written, and let the readers go; one behind gets it from the database."""
    for reader in task.readers:
        if not reader.is_behind:
            _send_outcome(reader, outcome)
    task.readers.clear()


def _send_outcome(reader: Reader, outcome: str) -> None:
    reader.sink.readers.pop(reader.task, None)
    if reader.pending is not None:
        outcome = with_reference(outcome, reader.pending.reference)
        reader.pending = None
    reader.sink.send_text(outcome)


def attach(board: Board, reader: Reader) -> None:
    """Begin to feed a reader from the number it has."""
    old = reader.sink.readers.get(reader.task)
    if old is not None:
        detach(board, old)
    reader.sink.readers[reader.task] = reader
    task = board.live.get(reader.task)
    if task is not None:
        task.readers.append(reader)
    reader.is_behind = True
    resume(board, reader)


def detach(board: Board, reader: Reader) -> None:
    """Forget a reader."""
    if reader.sink.readers.get(reader.task) is reader:
        del reader.sink.readers[reader.task]
    task = board.live.get(reader.task)
    if task is not None and reader in task.readers:
        task.readers.remove(reader)
        board.extend_credit(task)
    board.relay.forget(reader)


def consume(board: Board, reader: Reader, through: int) -> None:
    """Move a reader's window."""
    if through > reader.consumed:
        reader.consumed = min(through, reader.sent)
        task = board.live.get(reader.task)
        if task is not None and reader.is_owner:
            board.extend_credit(task)
        resume(board, reader)


def resume(board: Board, reader: Reader) -> None:
    """Read on for a reader that is behind, if it can take anything."""
    if reader.is_behind and not reader.is_reading and reader.has_room:
        reader.is_reading = True
        board.spawn(_catch_up(board, reader))


async def _catch_up(board: Board, reader: Reader) -> None:
    try:
        while reader.sink.readers.get(reader.task) is reader and reader.has_room:
            if await _read_page(board, reader):
                break
            await asyncio.sleep(0)
    finally:
        reader.is_reading = False


async def _read_page(board: Board, reader: Reader) -> bool:
    """Send one page; give True when there is nothing more to do for now."""
    live = board.live.get(reader.task)
    upto = live.settled if live is not None else None
    engine = board.database.engine
    events, page_is_full = await read_events(engine, reader.team, reader.task, after=reader.told, upto=upto)
    for number, message, values in events:
        if isinstance(message, Outcome):
            _send_outcome(reader, encode(message))
            return True
        if reader.wants_all:
            if not reader.has_room:
                return True  # the drained socket reads on
            if isinstance(message, Values):
                if not reader.may_take(message.first, values):
                    return True  # `consume` reads on
                reader.sent = message.first + values
            accept(reader)
            reader.sink.send(message)
        reader.told = number
    return not page_is_full and _has_caught_up(board, reader, upto)


def _has_caught_up(board: Board, reader: Reader, upto: int | None) -> bool:
    """Let a reader that has read everything be fed from memory again, here or by way of its task's home hub."""
    live = board.live.get(reader.task)
    if live is None:
        return upto is None and board.relay.follow(reader)
    if upto is not None:
        reader.told = max(reader.told, upto)
    if reader.told < live.settled:
        return False
    reader.is_behind = False
    if reader not in live.readers:
        live.readers.append(reader)
    return True


async def read_events(
    engine: AsyncEngine, team: str, task: str, *, after: int, upto: int | None, limit: int = _PAGE
) -> tuple[list[Past], bool]:
    """Read what happened to a task after an event number, in order, and whether the page was full.

    `upto` bounds it for a task that is live here, whose outcome is then not included. A page holds at most `limit`
    recorded events and about a megabyte.
    """
    query = (
        select(t.event)
        .where(t.event.c.task_id == task, t.event.c.team_id == team, t.event.c.number > after)
        .order_by(t.event.c.number)
        .limit(limit)
    )
    if upto is not None:
        query = query.where(t.event.c.number <= upto)
    async with engine.connect() as db:
        row = (await db.execute(select(t.task).where(t.task.c.team_id == team, t.task.c.id == task))).mappings().first()
        if row is None:
            return [], False
        rows, is_full = await _read_rows(db, query, limit)
    last = rows[-1]["number"] if is_full else None
    found: list[Past] = [_from_row(task, r) for r in rows]
    found += _from_timeline(task, loads(row["timeline"]), after=after, upto=last if last is not None else upto)
    if upto is None and row["ended_at_us"] is not None and last is None:
        outcome = outcome_of(row)
        found = [entry for entry in found if entry[0] < outcome.number]
        found.append((outcome.number, outcome, 0))
    found.sort(key=lambda entry: entry[0])
    return found, is_full


async def _read_rows(db: AsyncConnection, query: Any, limit: int) -> tuple[list[Any], bool]:
    rows: list[Any] = []
    size = 0
    result = await db.stream(query.execution_options(yield_per=_FETCH))
    async for row in result.mappings():
        rows.append(row)
        size += len(row["data"])
        if size >= _PAGE_BYTES:
            break
    await result.close()
    return rows, len(rows) == limit or size >= _PAGE_BYTES


def _from_row(task: str, row: Any) -> Past:
    number, at_us = row["number"], row["at_us"]
    data = loads(row["data"])
    if row["name"] == EventName.YIELD:
        return (
            number,
            Values(task=task, number=number, at_us=at_us, first=row["first"], values=data),
            row["count"],
        )
    return number, Event(task=task, number=number, name=row["name"], at_us=at_us, data=data), 0


def _from_timeline(task: str, timeline: Sequence[Entry], *, after: int, upto: int | None) -> list[Past]:
    found: list[Past] = []
    for number, name, at_us, attempt, agent in timeline:
        if number > after and (upto is None or number <= upto):
            found.append((number, life_event(task, number, name, at_us, attempt, agent), 0))
    return found


def life_event(task: str, number: int, name: str, at_us: int, attempt: int, agent: str | None) -> Event:
    """Give the message of a life-cycle event."""
    data: dict[str, Any] = {"attempt": attempt}
    if agent is not None:
        data["agent"] = agent
    return Event(task=task, number=number, name=name, at_us=at_us, data=data)


def outcome_of(row: Any) -> Outcome:
    """Give the terminal event of a row that has one."""
    timeline = loads(row["timeline"])
    return Outcome(
        task=row["id"],
        number=timeline[-1][0],
        status=Status(row["status"]),
        at_us=row["ended_at_us"],
        returns=loads(row["returns"]) if row["returns"] is not None else None,
        error=loads(row["error"]) if row["error"] is not None else None,
        yields=row["yields"],
        agent=row["agent_id"],
    )
