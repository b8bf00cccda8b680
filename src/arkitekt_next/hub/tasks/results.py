"""Results of functions that were declared pure: the same arguments are answered without running anything again.

They are kept in memory only, the most recently used ones. The rule: a result counts for the very process that gave it,
for as long as that offers the same functions, and only once it is on disk. Agents in development always run theirs.
What was called discreetly, or in private, answers its own caller alone: else whoever guessed the arguments would see
that they were right.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from arkitekt_next.auth.rules import Visibility
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.ports.model import ActionKind, Effects
from arkitekt_next.wire.codec import dumps, encode, loads
from arkitekt_next.wire.lifecycle import EventName
from arkitekt_next.wire.messages import Event

from . import ending, links, routing, statements, watch
from .reducer import record

if TYPE_CHECKING:
    from arkitekt_next.errors import NotFound

    from .board import Board
    from .live import LiveTask

Key = tuple[str, str, str, str, bytes]

LIMIT_BYTES = 32 * 1024 * 1024
_ENTRY_BYTES = 700
"""What an entry takes beside its texts, measured."""


class Results:
    """What pure functions gave, as far as it fits into `limit_bytes`; the least recently used goes first."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[Key, tuple[str, str, bytes]] = OrderedDict()
        self.bytes = 0

    def keep(self, task: LiveTask, returned: list[Any] | None) -> None:
        """Keep what a completed task returned, when its function is pure."""
        key = _key(task)
        if key is None or key in self._kept:
            return
        text = dumps(returned or []).encode()
        self._kept[key] = (task.id, task.person, text)
        self.bytes += _size(key, text)
        while self.bytes > self._limit_bytes:
            oldest, (_, _, dropped) = self._kept.popitem(last=False)
            self.bytes -= _size(oldest, dropped)

    def find(self, task: LiveTask) -> tuple[str, list[Any]] | None:
        """Give what tells of the task that was called like this one, and what it returned."""
        key = _key(task)
        found = self._kept.get(key) if key is not None else None
        if key is None or found is None:
            return None
        self._kept.move_to_end(key)
        first, person, text = found
        return f"task {first}" if person == task.person else "a task", loads(text)

    def forget(self, task: LiveTask) -> None:
        """Let the next call like this one run."""
        key = _key(task)
        found = self._kept.pop(key, None) if key is not None else None
        if key is not None and found is not None:
            self.bytes -= _size(key, found[2])


def answer(board: Board, task: LiveTask) -> bool:
    """Complete a placed and recorded task with what is known; False when it has to run. Its log says where from.

    What somebody wanted to have run again always runs.
    """
    if not task.contract.definition.pure or task.again_of is not None:
        return False
    found = board.results.find(task)
    if found is None:
        return False
    first, returned = found
    walk = task.contract.items_returned
    items = list(dict.fromkeys(walk(returned))) if walk is not None else []
    if items:
        _answer_if_there(board, task, items, first, returned)
    else:
        _answer(board, task, first, returned)
    return True


def _answer(board: Board, task: LiveTask, first: str, returned: list[Any]) -> None:
    _log(board, task, f"not run: {first} was called with the same arguments, and the function is pure")
    ending.end(board, task, EventName.COMPLETED, returns=returned)


def _answer_if_there(board: Board, task: LiveTask, items: list[str], first: str, returned: list[Any]) -> None:
    """Answer with items that are still there; when one is not, the result is forgotten, and the function runs."""
    agent = task.agent

    def then(missing: NotFound | None) -> None:
        if task.has_ended or task.is_delivered or task.agent is not agent:
            return
        if missing is None:
            _answer(board, task, first, returned)
        else:
            board.results.forget(task)
            routing.send_assignment(board, task)

    links.give(board, task, items, then)


def _log(board: Board, task: LiveTask, message: str) -> None:
    at_us, data = now_us(), {"level": "info", "message": message}
    number = record(task, EventName.LOG, at_us)
    if number is None:
        return
    event = Event(task=task.id, number=number, name=EventName.LOG, at_us=at_us, data=data)
    row = {
        "team_id": task.team,
        "task_id": task.id,
        "number": number,
        "name": EventName.LOG.value,
        "attempt": task.attempt,
        "first": None,
        "count": None,
        "at_us": at_us,
        "data": dumps(data),
    }
    board.write(task, [(statements.INSERT_EVENT, row)], lambda: watch.tell(task, number, encode(event)))


def _key(task: LiveTask) -> Key | None:
    definition, agent = task.contract.definition, task.agent
    if not (definition.pure and definition.kind is ActionKind.FUNCTION and definition.effects is Effects.NONE):
        return None
    if agent is None or agent.mode != "prod":
        return None
    # In the order of their names; within them -0.0 and 0.0, and dicts of another order, are different calls.
    args = dumps(dict(sorted(loads(task.args).items())))
    whose = task.person if task.is_discreet or task.visibility == Visibility.PRIVATE else ""
    return agent.program, task.contract.action.id, task.contract.definition_hash, whose, args.encode()


def _size(key: Key, text: bytes) -> int:
    return len(key[-1]) + len(text) + _ENTRY_BYTES
