"""Puts the statements of a batch into groups that can each travel as one, without changing what they do.

A single statement joins the latest group of its kind unless something that must stay before it lies in between: an
earlier step of its unit, another statement on the same row, or a statement that may touch any row. The rule: the groups
stand for the batch only when every row of every group is changed; else the batch has to be run as it was written.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .statement import Statement

if TYPE_CHECKING:
    from .ledger import Unit

_LIMIT_ROWS = 1000


@dataclass(slots=True)
class Group:
    """Rows for one statement."""

    statement: Statement
    rows: list[Mapping[str, Any]]


def arrange(units: Sequence[Unit]) -> list[Group]:
    """Give the groups of a batch, in the order in which they have to run."""
    groups: list[Group] = []
    latest: dict[Statement, int] = {}
    touched: dict[Hashable, int] = {}
    barrier = -1
    for unit in units:
        before = -1
        for statement, row in unit.steps:
            key = statement.key(row)
            earliest = max(barrier, before, touched.get(key, -1))
            index = latest.get(statement, -1) if key is not None else -1
            if index <= earliest or len(groups[index].rows) >= _LIMIT_ROWS:
                index = latest[statement] = len(groups)
                groups.append(Group(statement, []))
            groups[index].rows.append(row)
            before = index
            if key is None:
                barrier = index
            else:
                touched[key] = index
    return groups
