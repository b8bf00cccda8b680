"""Says in words why a queued task waits."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from .views import Waiting

if TYPE_CHECKING:
    from .board import Board
    from .live import LiveTask

_COUNT_LIMIT = 10_000


def explain(board: Board, task: LiveTask) -> Waiting:
    """Give the first reason, from the action over the caller's wishes to how busy the agents are."""
    ahead = _ahead(board, task)
    action, options = task.contract.action, task.options
    offers = [offer for offer in action.online() if offer.agent.serves(task.person)]
    if not offers:
        return _because("no_agent", f"No agent that provides {action.name} is online", ahead)
    offers = [offer for offer in offers if offer.contract.signature_hash == task.contract.signature_hash]
    if not offers:
        text = f"{action.name} is provided with another signature than the one this task was called with"
        return _because("signature", text, ahead)
    if options.agent is not None:
        offers = [offer for offer in offers if offer.agent.id == options.agent]
        if not offers:
            return _because("agent", f"The agent {options.agent}, which was asked for, is not online", ahead)
    if options.code_hash is not None:
        offers = [offer for offer in offers if offer.code_hash == options.code_hash]
        if not offers:
            return _because("version", "No agent online runs the very release that this one has to run again", ahead)
    offers = [offer for offer in offers if options.labels <= offer.agent.labels]
    if not offers:
        text = f"No agent online carries all the labels {', '.join(sorted(options.labels))}"
        return _because("labels", text, ahead)
    if not any(offer.has_room() for offer in offers):
        number = "The one agent that could run it is" if len(offers) == 1 else f"All {len(offers)} agents are"
        return _because("busy", f"{number} busy", ahead)
    return _because("placing", "It is about to be given to an agent", ahead)


def _because(reason: str, message: str, ahead: int) -> Waiting:
    return Waiting.model_validate({"reason": reason, "message": message, "ahead": ahead})


def _ahead(board: Board, task: LiveTask) -> int:
    queue = board.queues.get((task.contract.action.id, task.contract.signature_hash), ())
    for index, other in enumerate(islice(queue, _COUNT_LIMIT)):
        if other is task:
            return index
    return min(len(queue), _COUNT_LIMIT)
