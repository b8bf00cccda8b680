"""What an author writes inside `Annotated[...]`, and how it becomes a port's description, limits, widget and rules.

pydantic's `Field`, annotated-types and `Doc` mean what they mean elsewhere; unknown metadata is ignored, as PEP 593
asks. The one rule: metadata that promises a check which can't be published (a predicate, a validator function) is
refused, never silently dropped; only inside pydantic models it is left to pydantic.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import annotated_types as at
from pydantic import StringConstraints
from pydantic.fields import FieldInfo

from arkitekt_next.ports.coerce import SCALARS
from arkitekt_next.ports.misfit import Misfit
from arkitekt_next.ports.model import Choice, Constraints, PortKind, Widget, WidgetKind
from arkitekt_next.ports.rules import Condition, ConditionOp, Rule, RuleKind


@dataclass(frozen=True, slots=True)
class Description:
    """Describe a port; the same as `Doc`, and as the docstring, which it wins over."""

    documentation: str


Doc = Description


@dataclass(frozen=True, slots=True)
class Label:
    """Name a port for people."""

    text: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Say in which unit a number is."""

    symbol: str


@dataclass(frozen=True, slots=True)
class In:
    """Put a port into a group of the form."""

    group: str


# -- widgets -----------------------------------------------------------------------------------------------------


def Slider(min: float | None = None, max: float | None = None, step: float | None = None) -> Widget:
    """Show a number as a slider."""
    return Widget(kind=WidgetKind.SLIDER, min=min, max=max, step=step)


def Number(min: float | None = None, max: float | None = None, step: float | None = None) -> Widget:
    """Show a number as a field with steps."""
    return Widget(kind=WidgetKind.NUMBER, min=min, max=max, step=step)


def Text(placeholder: str | None = None) -> Widget:
    """Show one line of text."""
    return Widget(kind=WidgetKind.TEXT, placeholder=placeholder)


def Paragraph(rows: int = 4, placeholder: str | None = None) -> Widget:
    """Show several lines of text."""
    return Widget(kind=WidgetKind.PARAGRAPH, rows=rows, placeholder=placeholder)


def Choices(*values: Any) -> Widget:
    """Offer values to choose from; a suggestion, not a limit (for a limit use `Literal` or an `Enum`)."""
    return Widget(kind=WidgetKind.CHOICE, choices=tuple(Choice(value=wire_of(v), label=str(v)) for v in values))


ChoiceWidget = Choices


def DatePicker(with_time: bool = False) -> Widget:
    """Show a calendar."""
    return Widget(kind=WidgetKind.DATE, with_time=with_time)


def Colour() -> Widget:
    """Show a colour picker for `#rrggbb` text."""
    return Widget(kind=WidgetKind.COLOUR)


def FileDrop(*accept: str) -> Widget:
    """Show a place to drop a file; `accept` are endings such as ".tif"."""
    return Widget(kind=WidgetKind.FILE, accept=accept)


def DatasetSearch(*item_kinds: str) -> Widget:
    """Search the team's stored items, of these kinds only if any are named."""
    return Widget(kind=WidgetKind.DATASET_SEARCH, item_kinds=item_kinds)


def CustomSearch(action: str) -> Widget:
    """Offer what another action answers to the text typed so far, which is its first argument.

    Its first return is a list: of values, or of objects with `value` and `label`.
    """
    return Widget(kind=WidgetKind.CUSTOM_SEARCH, action=action)


def StateChoice(state: str, path: str | None = None) -> Widget:
    """Offer what an agent's state holds at a JSON pointer."""
    return Widget(kind=WidgetKind.STATE_CHOICE, state=state, path=path)


# -- rules -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class when:
    """Start a condition on another port: `HideIf(when("mode").equals("auto"))`; join with `&`, `|`, `~`."""

    port: str

    def equals(self, value: Any) -> Condition:
        """Hold while the port has this value."""
        return self._make(ConditionOp.EQUALS, value)

    def not_equals(self, value: Any) -> Condition:
        """Hold while the port has another value."""
        return self._make(ConditionOp.NOT_EQUALS, value)

    def is_in(self, *values: Any) -> Condition:
        """Hold while the port has one of these values."""
        return self._make(ConditionOp.IN, [wire_of(v) for v in values])

    def is_truthy(self) -> Condition:
        """Hold while the port is neither empty, zero, false nor null."""
        return self._make(ConditionOp.TRUTHY, None)

    def __gt__(self, value: Any) -> Condition:
        return self._make(ConditionOp.GT, value)

    def __ge__(self, value: Any) -> Condition:
        return self._make(ConditionOp.GE, value)

    def __lt__(self, value: Any) -> Condition:
        return self._make(ConditionOp.LT, value)

    def __le__(self, value: Any) -> Condition:
        return self._make(ConditionOp.LE, value)

    def _make(self, op: ConditionOp, value: Any) -> Condition:
        return Condition(op=op, port=self.port, value=value if op is ConditionOp.IN else wire_of(value))


def HideIf(condition: Condition) -> Rule:
    """Hide the port in the form while the condition holds."""
    return Rule(kind=RuleKind.HIDE, when=condition)


def WarnIf(condition: Condition, message: str) -> Rule:
    """Show a warning at the port while the condition holds; the call is still accepted."""
    return Rule(kind=RuleKind.WARN, when=condition, message=message)


def RefuseIf(condition: Condition, message: str) -> Rule:
    """Refuse a call, in the form, at the caller and at the hub, while the condition holds."""
    return Rule(kind=RuleKind.REFUSE, when=condition, message=message)


# -- reading metadata --------------------------------------------------------------------------------------------


class Unpublishable(Exception):
    """Metadata that can't be published: why, and what to do instead."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy


@dataclass(slots=True)
class Notes:
    """Everything one `Annotated` said."""

    description: str | None = None
    label: str | None = None
    unit: str | None = None
    group: str | None = None
    widget: Widget | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    has_default: bool = False

    def constraints(self) -> Constraints | None:
        """Give the limits in wire form, if there are any."""
        return Constraints(**{name: wire_of(value) for name, value in self.limits.items()}) if self.limits else None


_LIMITS = ("ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length", "pattern")


def read_notes(metadata: Iterable[Any], *, lenient: bool = False) -> Notes:
    """Read the metadata of one hint; `lenient` leaves unknown checks to whoever owns the model (pydantic)."""
    notes = Notes()
    for item in metadata:
        _read(item, notes, lenient)
    return notes


def _read(item: Any, notes: Notes, lenient: bool) -> None:
    if isinstance(item, str):
        notes.description = notes.description or item
    elif isinstance(item, Label):
        notes.label = item.text
    elif isinstance(item, Unit):
        notes.unit = item.symbol
    elif isinstance(item, at.Unit):
        notes.unit = item.unit
    elif isinstance(item, In):
        notes.group = item.group
    elif isinstance(item, Widget):
        notes.widget = item
    elif isinstance(item, Rule):
        notes.rules.append(item)
    elif isinstance(item, FieldInfo):
        _read_field(item, notes, lenient)
    elif isinstance(getattr(item, "documentation", None), str):
        notes.description = item.documentation
    else:
        _read_check(item, notes, lenient)


def _read_field(item: FieldInfo, notes: Notes, lenient: bool) -> None:
    notes.description = item.description or notes.description
    notes.label = item.title or notes.label
    notes.has_default = notes.has_default or not item.is_required()
    for inner in item.metadata:
        _read(inner, notes, lenient)


def _read_check(item: Any, notes: Notes, lenient: bool) -> None:
    if isinstance(item, StringConstraints):
        changes = [n for n in ("strip_whitespace", "to_upper", "to_lower") if getattr(item, n, None)]
        if changes and not lenient:
            raise Unpublishable(f"{changes[0]} changes the value", "Change it inside the function")
        _take_limits(item, notes)
    elif isinstance(item, at.GroupedMetadata):
        for inner in item:
            _read(inner, notes, lenient)
    elif isinstance(item, at.Ge | at.Gt | at.Le | at.Lt | at.MultipleOf | at.MinLen | at.MaxLen):
        _take_limits(item, notes)
    elif type(item).__name__ in ("_PydanticGeneralMetadata", "AllowInfNan"):
        _take_limits(item, notes)
        unknown = [n for n, v in vars(item).items() if n not in _LIMITS and v is not None]
        if unknown and not lenient:
            raise Unpublishable(f"{unknown[0]} can't be checked at the hub", "Put the value into a pydantic model")
    elif _is_code(item) and not lenient:
        raise Unpublishable(
            f"{type(item).__name__} is Python code, which the hub and the form can't run",
            "Use Ge, Le, Len, a pattern or RefuseIf(...), or check it inside the function",
        )


def _take_limits(item: Any, notes: Notes) -> None:
    for name in _LIMITS:
        value = getattr(item, name, None)
        if isinstance(value, re.Pattern):
            value = value.pattern
        if value is not None:
            notes.limits[name] = value


def _is_code(item: Any) -> bool:
    if isinstance(item, at.Predicate | at.Timezone):
        return True
    kind = type(item)
    return kind.__module__ == "pydantic.functional_validators" and kind.__name__.endswith("Validator")


def wire_of(value: Any) -> Any:
    """Give the wire form of a bound or a compared value: enums by name, dates as text, and so on."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, float):
        return SCALARS[PortKind.FLOAT].encode(value)
    for kind in (
        PortKind.DATETIME,
        PortKind.DATE,
        PortKind.TIME,
        PortKind.TIMEDELTA,
        PortKind.DECIMAL,
        PortKind.UUID,
    ):
        known = SCALARS[kind]
        if isinstance(value, known.python) and (kind is not PortKind.DATE or not isinstance(value, dt.datetime)):
            try:
                return known.encode(value)
            except Misfit as bad:
                raise Unpublishable(f"{bad.got} is no {bad.expected}", "Use a smaller bound") from bad
    return value
