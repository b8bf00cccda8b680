"""Takes a call in: checks it, records it, places or queues it, and answers once it is on disk.

The same reference again is the same task, whether it waits, runs or has long ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select

from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import (
    ArkitektError,
    Conflict,
    DefinitionChanged,
    HubBusy,
    NoAgent,
    NotFound,
    RequestRefused,
)
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import dumps, loads
from arkitekt_next.wire.lifecycle import EventName, Status

from . import control, links, results, routing, statements
from .live import LiveTask, Options, refuse_large

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.catalog.service import Contract
    from arkitekt_next.wire.messages import Submit

    from .board import Board

_TEAM = Visibility.TEAM.value
_CHOICES = frozenset({"agent", "labels", "routing", "timeout_s", "queue_timeout_s", "retries"})


@dataclass(frozen=True, slots=True)
class Again:
    """What a call runs again: the task, by which definition, and the code that has to run, None for whichever does."""

    task: str
    contract: Contract
    code_hash: str | None
    is_private: bool


class Receipt(NamedTuple):
    """What a caller is told: the task and where it stands. `live` is None when it has ended already."""

    task: str
    status: str
    number: int
    live: LiveTask | None = None


def submit(
    board: Board,
    who: Principal,
    wanted: Submit,
    answer: Callable[[Receipt | ArkitektError], None],
    *,
    prepare: Callable[[LiveTask], None] | None = None,
    again: Again | None = None,
) -> None:
    """Record a call and place it; `answer` is called once, after the commit.

    `prepare` may register readers on the fresh task, so that not even its first event is missed. Raises for what can be
    refused at once: unknown action, arguments that do not fit, another signature, no agent, busy.
    """
    known = board.by_reference.get((who.team, who.person, who.app, wanted.reference))
    if known is not None:
        _answer_known(known, wanted, answer)
        return
    full = board.full_reason() or board.limit_reason(who.person)
    if full is not None:
        raise full
    contract = again.contract if again is not None else _bind(board, who, wanted)
    contract.check(wanted.args)
    walk = contract.items_given
    items = list(dict.fromkeys(walk(wanted.args))) if walk is not None else []
    if not items:
        _take_in(board, who, wanted, contract, answer, prepare, items, again)
        return

    async def check_first() -> None:
        try:
            await board.check_items(who, items, wanted.parent)
            _take_in(board, who, wanted, contract, answer, prepare, items, again)
        except ArkitektError as refused:
            answer(refused)

    board.spawn(check_first())


def _take_in(
    board: Board,
    who: Principal,
    wanted: Submit,
    contract: Contract,
    answer: Callable[[Receipt | ArkitektError], None],
    prepare: Callable[[LiveTask], None] | None,
    items: Sequence[str],
    again: Again | None,
) -> None:
    """Record and place a call that fits, and what it is given."""
    args = dumps(wanted.args)
    refuse_large(args, where=f"the arguments of {contract.action.name}")
    task = LiveTask(
        id=new_id(),
        team=who.team,
        person=who.person,
        app=who.app,
        reference=wanted.reference,
        contract=contract,
        args=args,
        root="",
        origin=board.hub,
        queued_at_us=now_us(),
        parent=wanted.parent,
        is_awaited=not wanted.watch,
        options=_options(wanted, contract, again),
        visibility=_visibility(contract, who) if again is None or not again.is_private else Visibility.PRIVATE,
        is_discreet=wanted.discreet,
        again_of=again.task if again is not None else None,
    )
    _settle_descent(board, who, task)
    record_queued(task)
    offer = routing.choose(board, task)
    if offer is None and not wanted.wait_for_agent and not _could_run(task):
        raise NoAgent(action=contract.action.name, wishes=_wishes(task.options))
    if offer is None:
        routing.refuse_reentered(board, task)
    board.remember(task)
    if prepare is not None:
        prepare(task)
    if offer is not None:
        routing.place(board, task, offer)
    else:
        routing.enqueue(board, task)
    row = row_of(task, board.hub)
    number = task.number

    def done(result: Sequence[int] | Exception) -> None:
        if isinstance(result, Exception):
            _undo(board, task)
            answer(result if isinstance(result, ArkitektError) else Conflict(problem=str(result), remedy="See the log"))
        elif items and 0 in result[: len(items)]:
            _undo(board, task)
            gone = items[list(result).index(0)]
            answer(NotFound(what="item", name=gone, remedy="It was just removed"))
        elif result[len(items)] == 0:
            _undo(board, task)
            board.spawn(_answer_recorded(board, who, wanted, answer))
        else:
            task.settled = max(task.settled, number)
            _begin(board, task, answer)

    recorded = (statements.INSERT_TASK, row)
    board.ledger.write(links.around(recorded, task, items) if items else [recorded], done, kept=False)


def _wishes(options: Options) -> str:
    """Say what an agent has to fit beside the action."""
    named = f" as the agent {options.agent}" if options.agent is not None else ""
    labels = f" with the label{'s' * (len(options.labels) > 1)} {', '.join(sorted(options.labels))}"
    return named + (labels if options.labels else "")


def _could_run(task: LiveTask) -> bool:
    """Whether anybody who is online could run the task, now or when there is room."""
    return any(routing.fits(task, offer) for offer in task.contract.action.implementations.values())


def record_queued(task: LiveTask) -> None:
    """Give a fresh task its first event."""
    task.number = 1
    task.timeline.append([1, EventName.QUEUED.value, task.queued_at_us, 0, None])


def _bind(board: Board, who: Principal, wanted: Submit) -> Contract:
    contract = board.catalogue.bind(who, wanted.action)
    wish = wanted.signature_hash
    if wish is None or wish == contract.signature_hash:
        return contract
    for other in contract.action.contracts.values():
        if other.signature_hash == wish and any(
            offer.contract.signature_hash == wish for offer in board.catalogue.usable(who, contract.action)
        ):
            return other
    raise DefinitionChanged(action=wanted.action, task="-", was=wish[:12], now=contract.signature_hash[:12])


def _options(wanted: Submit, contract: Contract, again: Again | None) -> Options:
    if again is not None and again.code_hash is not None:
        return replace(_options(wanted, contract, None), code_hash=again.code_hash)
    definition = contract.definition
    if not wanted.model_fields_set & _CHOICES:
        return _plain_options(definition.retries, definition.timeout_s)
    retries = wanted.retries if wanted.retries is not None else definition.retries
    if wanted.retries and definition.effects not in ("none", "repeatable"):
        raise RequestRefused(
            where="retries",
            problem=f"{contract.action.name} has effects '{definition.effects}', so it is never repeated. "
            "Declare it @register(effects='repeatable'), or ask for no retries",
        )
    timeout_s = wanted.timeout_s if wanted.timeout_s is not None else definition.timeout_s
    return Options(
        agent=wanted.agent,
        labels=frozenset(wanted.labels),
        routing=wanted.routing or "least_busy",
        timeout_s=timeout_s,
        queue_timeout_s=wanted.queue_timeout_s,
        retries=retries,
    )


@lru_cache(maxsize=256)
def _plain_options(retries: int, timeout_s: float | None) -> Options:
    return Options(retries=retries, timeout_s=timeout_s)


@lru_cache(maxsize=1024)
def _written(options: Options) -> str:
    return dumps(options.to_json())


def _visibility(contract: Contract, who: Principal) -> str:
    """Give who may know of a call: its caller alone while only development agents of theirs could run it."""
    has_own = False
    for offer in contract.action.implementations.values():
        agent = offer.agent
        if offer.contract.signature_hash != contract.signature_hash or not agent.is_online:
            continue
        if agent.visibility == _TEAM:
            return contract.visibility
        has_own = has_own or agent.person == who.person
    return Visibility.PRIVATE if has_own else contract.visibility


def _settle_descent(board: Board, who: Principal, task: LiveTask) -> None:
    """Settle the root, and who may know: a child is as private, and as discreet, as its parent at least."""
    if task.parent is None:
        task.root = task.id
        return
    parent = board.live.get(task.parent)
    if parent is None or parent.team != who.team or parent.agent is None or parent.agent.person != who.person:
        raise NotFound(what="running task", name=task.parent, remedy="A parent has to be a task that you run")
    task.root = parent.root
    task.is_discreet = task.is_discreet or parent.is_discreet
    if parent.visibility == Visibility.PRIVATE:
        task.visibility = Visibility.PRIVATE


def row_of(task: LiveTask, hub: str) -> dict[str, Any]:
    """Give the row of a fresh task."""
    return {
        "team_id": task.team,
        "id": task.id,
        "person_id": task.person,
        "app": task.app,
        "reference": task.reference,
        "action": task.contract.action.name,
        "signature_hash": task.contract.signature_hash,
        "definition_hash": task.contract.definition_hash,
        "parent_id": task.parent,
        "root_id": task.root,
        "args": task.args,
        "options": _written(task.options),
        "status": task.status.value,
        "visibility": task.visibility,
        "is_discreet": task.is_discreet,
        "attempt": task.attempt,
        "epoch": task.epoch,
        "agent_id": task.agent.id if task.agent else None,
        "version_id": task.version,
        "again_of": task.again_of,
        "hub_id": hub,
        "origin_hub_id": task.origin,
        "timeline": dumps(task.timeline),
        "queued_at_us": task.queued_at_us,
        "assigned_at_us": task.assigned_at_us,
    }


def _undo(board: Board, task: LiveTask) -> None:
    """Forget a task that was not recorded: nothing of it has left the hub."""
    agent = task.agent
    task.status = Status.CANCELLED
    for reader in task.readers:
        reader.sink.readers.pop(task.id, None)
    board.forget(task)
    if agent is not None:
        routing.refill(board, agent)


def _begin(board: Board, task: LiveTask, answer: Callable[[Receipt | ArkitektError], None]) -> None:
    """Go on after the commit: the caller may know, the agent may run it."""
    task.is_stored = True
    board.metrics.submitted += 1
    answer(Receipt(task.id, task.status.value, task.settled, task))
    if task.options.timeout_s is not None:
        control.start_timeout(board, task)
    if task.agent is not None:
        if not results.answer(board, task):
            routing.send_assignment(board, task)
        return
    control.start_queue_timeout(board, task)
    key = (task.contract.action.id, task.contract.signature_hash)
    if key in board.queues and task.contract.action.implementations:
        routing.drain(board, key)
        other = board.relay.elsewhere(task) if task.status is Status.QUEUED else None
        if other is not None:
            board.relay.hand_over(task, other)


# -- the same reference again --------------------------------------------------------------------------------


def _answer_known(task: LiveTask, wanted: Submit, answer: Callable[[Receipt | ArkitektError], None]) -> None:
    if task.contract.action.name != wanted.action or loads(task.args) != wanted.args:
        raise _conflict(wanted)
    if task.is_stored:
        answer(Receipt(task.id, task.status.value, 0, task))
        return
    # The first submit is still on its way to disk, and this one waits behind it.
    raise HubBusy(reason="the first submit with this reference is being recorded", retry_after_s=0.05)


async def _answer_recorded(
    board: Board, who: Principal, wanted: Submit, answer: Callable[[Receipt | ArkitektError], None]
) -> None:
    query = select(t.task.c.id, t.task.c.action, t.task.c.args, t.task.c.status).where(
        t.task.c.team_id == who.team,
        t.task.c.person_id == who.person,
        t.task.c.app == who.app,
        t.task.c.reference == wanted.reference,
    )
    async with board.database.engine.connect() as db:
        row = (await db.execute(query)).first()
    if row is None:
        answer(HubBusy(reason="the task with this reference was just removed", retry_after_s=0.25))
    elif row.action != wanted.action or loads(row.args) != wanted.args:
        answer(_conflict(wanted))
    else:
        answer(Receipt(row.id, row.status, 0, board.live.get(row.id)))


def _conflict(wanted: Submit) -> Conflict:
    return Conflict(
        problem=f"The reference '{wanted.reference}' already stands for another call",
        remedy="Use a new reference for another action or other arguments",
    )
