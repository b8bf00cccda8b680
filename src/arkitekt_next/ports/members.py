"""Codecs of closed sets: an enum by the name of its member, a literal by its value.

A Python class may be known (`enum_of`) or only the published choices (`published_enum`). The one rule: a literal
tells `True` from `1` and `"1"`, so tables are keyed by type and value.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from arkitekt_next.ports.codec import Codec
from arkitekt_next.ports.coerce import EXACT, FOREIGN, LOOSE
from arkitekt_next.ports.misfit import misfit, shorten
from arkitekt_next.ports.model import Port
from arkitekt_next.ports.values import EnumValue


def one_of(port: Port) -> str:
    """Say in words which values a closed set has."""
    shown = [shorten(c.value) if type(c.value) is not str else repr(c.value) for c in port.choices[:12]]
    more = ", …" if len(port.choices) > 12 else ""
    return f"{port.identifier + ' ' if port.identifier else ''}one of {', '.join(shown)}{more}"


def is_same_class(found: type, known: type) -> bool:
    """Say whether two classes are one: the same object, or the same class executed again (notebook, reload)."""
    return found is known or (found.__qualname__ == known.__qualname__ and found.__module__ == known.__module__)


def enum_of(cls: type[Enum], port: Port) -> Codec:
    """Give the codec of an enum whose class is at hand; a name or a value is taken for its member."""
    members = {member.name: member for member in cls}
    expected = one_of(port)

    def dump(value: Any) -> str:
        if isinstance(value, cls):
            return str(value.name)
        name = name_of(value, port)
        if name is None:
            raise misfit(expected, value)
        return name

    def load(wire: Any) -> Enum:
        member = members.get(wire) if type(wire) is str else None
        if member is None:
            raise misfit(expected, wire)
        return member

    def fits(value: Any) -> int:
        if isinstance(value, cls):
            return EXACT
        return _fits_name(value, port)

    return Codec(dump, load, fits)


def published_enum(port: Port) -> Codec:
    """Give the codec of an enum of which only the published choices are known."""
    known = {c.value: EnumValue(c.value, c.label, port.identifier) for c in port.choices if type(c.value) is str}
    expected = one_of(port)

    def dump(value: Any) -> str:
        name = name_of(value, port)
        if name is None:
            raise misfit(expected, value)
        return name

    def load(wire: Any) -> EnumValue:
        member = known.get(wire) if type(wire) is str else None
        if member is None:
            raise misfit(expected, wire)
        return member

    return Codec(dump, load, lambda value: _fits_name(value, port))


def name_of(value: Any, port: Port) -> str | None:
    """Find the member that a foreign enum member, a name, or a shown value stands for."""
    if isinstance(value, Enum):
        if type(value).__name__ != port.identifier:
            return None
        value = value.name
    if type(value) not in (str, int, float, EnumValue):
        return None
    text = str(value)
    for choice in port.choices:
        if choice.value == text:
            return text
    for choice in port.choices:
        if choice.label == text:
            return str(choice.value)
    return None


def _fits_name(value: Any, port: Port) -> int:
    if name_of(value, port) is None:
        return FOREIGN
    if isinstance(value, Enum):
        return EXACT
    return EXACT if isinstance(value, EnumValue) and value.identifier == port.identifier else LOOSE


def literal_of(values: list[tuple[Any, Any]], expected: str) -> Codec:
    """Give the codec of a literal from its (Python value, wire value) pairs."""
    to_wire = {_literal_key(value): wire for value, wire in values}
    from_wire = {(type(wire), wire): value for value, wire in values}

    def dump(value: Any) -> Any:
        key = _literal_key(value) if isinstance(value, str | int | Enum) else None
        if key not in to_wire:
            raise misfit(expected, value)
        return to_wire[key]

    def load(wire: Any) -> Any:
        if not isinstance(wire, str | int) or (type(wire), wire) not in from_wire:
            raise misfit(expected, wire)
        return from_wire[type(wire), wire]

    def fits(value: Any) -> int:
        return EXACT if isinstance(value, str | int | Enum) and _literal_key(value) in to_wire else FOREIGN

    return Codec(dump, load, fits)


def _literal_key(value: Any) -> Any:
    if isinstance(value, Enum):
        return (Enum, type(value).__name__, value.name)
    if isinstance(value, EnumValue):
        return (Enum, value.identifier, value.name)
    return (type(value), value)
