"""The two messages of every call that the hub writes from parts which are JSON text already.

Arguments and results are written once, for the ledger; building a model around them to write them again costs more
than all else about the message. The rule: what is written here is what `encode` writes of the same message.
"""

from __future__ import annotations

from functools import lru_cache

from .codec import dumps

_name = lru_cache(maxsize=1024)(dumps)
"""Writes the name of an app or action, of which there are few."""


def write_assign(
    *,
    task: str,
    attempt: int,
    epoch: int,
    action: str,
    args: str,
    root: str,
    parent: str | None,
    above: list[str] | None,
    person: str,
    app: str,
    credit: int,
    timeout_s: float | None,
) -> str:
    """Write an `assign`; `args` is JSON text, and the ids are the hub's own, which need no escapes."""
    head = f'"task":"{task}","attempt":{attempt},"epoch":{epoch},"action":{_name(action)},"args":{args},"root":"{root}"'
    tree = "" if parent is None else f',"parent":"{parent}"'
    if above:
        tree = f'{tree},"above":{dumps(above)}'
    limit = "" if timeout_s is None else f',"timeout_s":{dumps(timeout_s)}'
    return f'{{"kind":"assign",{head}{tree},"person":"{person}","app":{_name(app)},"credit":{credit}{limit}}}'


def write_outcome(
    *,
    task: str,
    number: int,
    status: str,
    at_us: int,
    returns: str | None,
    error: str | None,
    yields: int,
    agent: str | None,
) -> str:
    """Write an `outcome`; `returns` and `error` are JSON text, and the ids are the hub's own."""
    head = f'"task":"{task}","number":{number},"status":"{status}","at_us":{at_us}'
    given = "" if returns is None else f',"returns":{returns}'
    raised = "" if error is None else f',"error":{error}'
    by = "" if agent is None else f',"agent":"{agent}"'
    return f'{{"kind":"outcome",{head}{given}{raised},"yields":{yields}{by}}}'


def with_reference(outcome: str, reference: str) -> str:
    """Add to a written `outcome` the reference that stands in for a skipped `accepted`."""
    return f'{outcome[:-1]},"reference":{dumps(reference)}}}'
