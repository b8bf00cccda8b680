"""Hears agents: started, progress, logs, yields, pauses and ends. What is stale is answered, never recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import InvalidValue, NotFound, ProtocolError, TooLarge, describe_exception
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.ports import compile_check_returns
from arkitekt_next.wire.codec import dumps, encode
from arkitekt_next.wire.lifecycle import EventName, Status
from arkitekt_next.wire.messages import Ended, Event, Log, Paused, Progress, Progressed, Stale, Started, Values, Yielded

from . import ending, links, retry, statements, watch
from .live import refuse_large
from .reducer import may_retry, new_values, record, why_stale

if TYPE_CHECKING:
    from collections.abc import Callable

    from arkitekt_next.hub.agents.peer import Peer
    from arkitekt_next.ports.references import Walk
    from arkitekt_next.wire.messages import Report

    from .board import Board
    from .live import LiveTask

_ENDS = {
    "completed": (EventName.COMPLETED, Status.COMPLETED),
    "failed": (EventName.FAILED, Status.FAILED),
    "cancelled": (EventName.CANCELLED, Status.CANCELLED),
    "interrupted": (EventName.INTERRUPTED, Status.INTERRUPTED),
}


def hear(board: Board, peer: Peer, report: Report) -> None:
    """Take one report: refuse it when stale, else let it count."""
    task = board.live.get(report.task)
    stale = why_stale(task, report, peer.speaks_for)
    if stale is not None or task is None:
        _refuse(board, peer, report, stale or "")
        return
    walk = task.contract.items_returned
    items = _items_of(walk, report) if walk is not None and isinstance(report, Yielded | Ended) else []
    if items or peer.under_check:
        _hear_later(board, peer, task, report, items)
        return
    _HEAR[report.__class__](board, peer, task, report)


def _hear_later(board: Board, peer: Peer, task: LiveTask, report: Report, items: list[str]) -> None:
    """Take a report once the items it refers to are known to be there.

    Whatever the connection reports meanwhile waits behind it, of other tasks as well: reports count, and are
    acknowledged, in the order in which they came.
    """
    peer.under_check += 1

    def then(missing: NotFound | None) -> None:
        peer.under_check -= 1
        _hear_again(board, peer, report, missing)

    links.give(board, task, items, then)


def _items_of(walk: Walk, report: Yielded | Ended) -> list[str]:
    """Give the ids of what a report refers to; nothing when its values do not fit, which is refused later."""
    if isinstance(report, Yielded):
        values = report.values
    else:
        values = [report.returns] if report.returns and report.status == "completed" else []
    try:
        return list(dict.fromkeys(id for value in values for id in walk(value) if isinstance(id, str)))
    except (LookupError, TypeError, AttributeError):
        return []


def _hear_again(board: Board, peer: Peer, report: Report, missing: NotFound | None) -> None:
    """Take a report whose items were looked at, unless the task ended meanwhile."""
    task = board.live.get(report.task)
    stale = why_stale(task, report, peer.speaks_for)
    if stale is not None or task is None:
        _refuse(board, peer, report, stale or "")
    elif missing is not None:
        _fail(board, task, missing, lambda: peer.acknowledge(report.seq))
        if isinstance(report, Yielded):
            peer.send(Stale(task=task.id, attempt=task.attempt, reason=missing.message))
    else:
        _HEAR[report.__class__](board, peer, task, report)


def _refuse(board: Board, peer: Peer, report: Report, reason: str) -> None:
    if report.seq == 0:
        peer.send(Stale(task=report.task, attempt=report.attempt, reason=reason))
        return

    def answer(_: object) -> None:  # in the ledger's order, so that no `ack` overtakes a commit
        peer.send(Stale(task=report.task, attempt=report.attempt, reason=reason))
        peer.acknowledge(report.seq)

    board.ledger.write([], answer)


def _started(board: Board, peer: Peer, task: LiveTask, report: Started) -> None:
    if task.status is Status.ASSIGNED:
        task.started_at_us = now_us()
        board.move(task, EventName.STARTED)


def _progress(board: Board, peer: Peer, task: LiveTask, report: Progress) -> None:
    _imply_start(board, task)
    task.progress = {"percent": report.percent, "message": report.message}
    task.is_progress_stored = False
    if task.readers:
        event = Progressed(task=task.id, number=0, name="progress", at_us=now_us(), data=task.progress)
        watch.tell_passing(task, encode(event))


def _imply_start(board: Board, task: LiveTask) -> None:
    if task.status is Status.ASSIGNED:
        task.started_at_us = now_us()
        board.move(task, EventName.STARTED)


def _log(board: Board, peer: Peer, task: LiveTask, report: Log) -> None:
    data = {"level": report.level, "message": report.message}
    _record_event(board, peer, task, report, EventName.LOG, data)


def _record_event(
    board: Board, peer: Peer, task: LiveTask, report: Report, name: EventName, data: dict[str, Any]
) -> None:
    at_us = now_us()
    number = record(task, name, at_us)
    if number is None:
        _refuse(board, peer, report, f"a task that is {task.status} can't {name}")
        return
    row = _event_row(task, number, name, at_us, dumps(data))

    def then() -> None:
        if task.readers:
            watch.tell(task, number, encode(Event(task=task.id, number=number, name=name, at_us=at_us, data=data)))
        peer.acknowledge(report.seq)

    board.write(task, [(statements.COUNT, _count(board, task)), (statements.INSERT_EVENT, row)], then)


def _count(board: Board, task: LiveTask) -> dict[str, Any]:
    return {**board.key(task), "yields": task.yields}


def _event_row(
    task: LiveTask,
    number: int,
    name: str,
    at_us: int,
    data: str,
    first: int | None = None,
    count: int | None = None,
) -> dict[str, Any]:
    return {
        "team_id": task.team,
        "task_id": task.id,
        "number": number,
        "name": str(name),
        "attempt": task.attempt,
        "first": first,
        "count": count,
        "at_us": at_us,
        "data": data,
    }


def _yielded(board: Board, peer: Peer, task: LiveTask, report: Yielded) -> None:
    values = new_values(task, report.first, report.values)
    if values is None:
        _refuse(board, peer, report, f"expected value number {task.yields}, got {report.first}")
        return
    if not values:
        board.ledger.write([], lambda _: peer.acknowledge(report.seq))
        return
    data = dumps(values)
    problem = _misfit(task, values) or _too_large(task, data)
    if problem is not None:
        _fail(board, task, problem, lambda: peer.acknowledge(report.seq))
        peer.send(Stale(task=task.id, attempt=task.attempt, reason=str(problem)))
        return
    at_us = now_us()
    number = record(task, EventName.YIELD, at_us)
    if number is None:
        _refuse(board, peer, report, f"a task that is {task.status} can't yield")
        return
    first, count = task.yields, len(values)
    task.yields += count
    row = _event_row(task, number, EventName.YIELD, at_us, data, first, count)

    def then() -> None:
        task.settled_yields = first + count
        board.metrics.yields += count
        if task.readers:
            message = Values(task=task.id, number=number, at_us=at_us, first=first, values=values)
            watch.tell(task, number, encode(message), first=first, values=count)
        board.extend_credit(task)
        peer.acknowledge(report.seq)

    board.write(task, [(statements.COUNT, _count(board, task)), (statements.INSERT_EVENT, row)], then)


def _misfit(task: LiveTask, values: list[list[Any]]) -> InvalidValue | None:
    check = _returns_check(task)
    try:
        for value in values:
            check(value)
    except InvalidValue as error:
        return error
    return None


def _too_large(task: LiveTask, data: str) -> TooLarge | None:
    try:
        refuse_large(data, where=f"what {task.contract.action.name} yielded")
    except TooLarge as error:
        return error
    return None


def _returns_check(task: LiveTask) -> Callable[[Any], None]:
    contract = task.contract
    check = contract.__dict__.get("returns_check")
    if check is None:
        where = f"{contract.action.name} returned"
        check = contract.__dict__["returns_check"] = compile_check_returns(contract.definition.returns, where=where)
    return check


def _fail(board: Board, task: LiveTask, error: Exception, then: Callable[[], None]) -> None:
    ending.end(board, task, EventName.FAILED, raised=describe_exception(error), then=then)


def _paused(board: Board, peer: Peer, task: LiveTask, report: Paused) -> None:
    _imply_start(board, task)
    board.move(task, EventName.PAUSED if report.paused else EventName.RESUMED)
    board.ledger.write([], lambda _: peer.acknowledge(report.seq))


def _ended(board: Board, peer: Peer, task: LiveTask, report: Ended) -> None:
    def acknowledge() -> None:
        peer.acknowledge(report.seq)

    if report.yields > task.yields:
        problem = f"the agent says it yielded {report.yields} values, {task.yields} arrived"
        _fail(board, task, ProtocolError(where="ended.yields", problem=problem), acknowledge)
        return
    event, status = _ENDS[report.status]
    if may_retry(task, status):
        retry.try_again(board, task, failed=True, then=acknowledge)
        return
    returns = report.returns
    if status is Status.COMPLETED and task.contract.definition.kind == "function":
        problem_found = _misfit(task, [returns if returns is not None else []])
        if problem_found is not None:
            _fail(board, task, problem_found, acknowledge)
            return
    if report.ran_us is not None and task.started_at_us is None:
        task.started_at_us = now_us() - report.ran_us
    ending.end(
        board,
        task,
        event,
        returns=returns if status is Status.COMPLETED else None,
        raised=report.error,
        then=lambda: _ended_on_disk(board, task, returns, acknowledge),
    )


def _ended_on_disk(board: Board, task: LiveTask, returns: list[Any] | None, acknowledge: Callable[[], None]) -> None:
    if task.contract.definition.pure and task.status is Status.COMPLETED:
        board.results.keep(task, returns)
    acknowledge()


_HEAR: dict[type[Report], Any] = {
    Started: _started,
    Progress: _progress,
    Log: _log,
    Yielded: _yielded,
    Paused: _paused,
    Ended: _ended,
}
