"""Rules across ports: hide, warn or refuse depending on what other ports hold, without JavaScript.

A rule is data: the page evaluates it in the browser, the hub and the caller in Python. How an author writes one is
in `annotations.py`. The one rule: `evaluate` never raises, whatever JSON it is given; what can't be compared is false.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from arkitekt_next.ports.compact import Compact


class ConditionOp(StrEnum):
    """How a condition compares; `all`, `any` and `not` combine the conditions in `of`."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    IN = "in"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"
    TRUTHY = "truthy"
    ALL = "all"
    ANY = "any"
    NOT = "not"


class Condition(Compact):
    """One comparison of another port's wire value, or a combination of conditions."""

    op: ConditionOp
    port: str | None = None
    value: Any = None
    of: tuple[Condition, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return Condition(op=ConditionOp.ALL, of=(self, other))

    def __or__(self, other: Condition) -> Condition:
        return Condition(op=ConditionOp.ANY, of=(self, other))

    def __invert__(self) -> Condition:
        return Condition(op=ConditionOp.NOT, of=(self,))


class RuleKind(StrEnum):
    """What happens while a rule's condition holds."""

    HIDE = "hide"
    WARN = "warn"
    REFUSE = "refuse"


class Rule(Compact):
    """Something that happens to a port while `when` holds."""

    kind: RuleKind
    when: Condition
    message: str | None = None


def evaluate(condition: Condition, values: Mapping[str, Any]) -> bool:
    """Say whether `condition` holds for the wire values; a port that is absent counts as null."""
    op = condition.op
    if op is ConditionOp.ALL:
        return all(evaluate(c, values) for c in condition.of)
    if op is ConditionOp.ANY:
        return any(evaluate(c, values) for c in condition.of)
    if op is ConditionOp.NOT:
        return not any(evaluate(c, values) for c in condition.of)
    found = values.get(condition.port or "")
    if op is ConditionOp.TRUTHY:
        return bool(found)
    return _compare(op, found, condition.value)


def ports_of(condition: Condition) -> set[str]:
    """Name every port the condition reads."""
    named = {condition.port} if condition.port else set()
    return named.union(*(ports_of(c) for c in condition.of))


def _compare(op: ConditionOp, found: Any, wanted: Any) -> bool:
    if op is ConditionOp.EQUALS:
        return _same(found, wanted)
    if op is ConditionOp.NOT_EQUALS:
        return not _same(found, wanted)
    if op is ConditionOp.IN:
        return isinstance(wanted, list | tuple) and any(_same(found, w) for w in wanted)
    if not _are_ordered(found, wanted):
        return False
    if op is ConditionOp.GT:
        return bool(found > wanted)
    if op is ConditionOp.GE:
        return bool(found >= wanted)
    if op is ConditionOp.LT:
        return bool(found < wanted)
    return bool(found <= wanted)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    try:
        return bool(one == other)
    except RecursionError:
        return False


def _are_ordered(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return numbers or (isinstance(one, str) and isinstance(other, str))
