"""What a person types becomes wire values, as the ports say; and wire values become the JSON a person reads.

The JSON of the command line is the wire form with three differences, the same in both directions: a union is its value
alone, a time span is a number of seconds, and an enum may also be written by its value. The rule: text for a `str`
port is taken as it stands.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from arkitekt_next.errors import InvalidValue, MissingArgument, NotFound, UnknownArgument
from arkitekt_next.ports import Definition, Port, PortKind
from arkitekt_next.ports.references import is_item, refers

_KEYWORD = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SPAN = re.compile(r"([+-]?[\d.]+(?:e[+-]?\d+)?)\s*(us|µs|ms|s|sec|min|m|h|d)", re.IGNORECASE)
_CLOCK = re.compile(r"([+-]?)(\d+):([0-5]?\d)(?::([0-5]?\d(?:\.\d+)?))?")
_UNITS_US = {
    "us": 1,
    "µs": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "sec": 1_000_000,
    "min": 60_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}
_TRUE = {"true", "yes", "on", "1", "y", "t"}
_FALSE = {"false", "no", "off", "0", "n", "f"}
_NONE = {"", "null", "none"}
_QUOTED = {PortKind.STRING, PortKind.DATETIME, PortKind.DATE, PortKind.TIME, PortKind.UUID, PortKind.DECIMAL}
_QUOTED |= {PortKind.STRUCTURE, PortKind.MEMORY}


def read_arguments(definition: Definition, action: str, typed: Sequence[str], given: Any = None) -> dict[str, Any]:
    """Give the wire form of arguments: `typed` as `key=value` or in order, `given` as an object of JSON values.

    Raises `UnknownArgument` with the known ones, `MissingArgument`, or `InvalidValue` saying what was expected where.
    """
    ports = {port.key: port for port in definition.args}
    wire: dict[str, Any] = {}
    for key, value in _as_object(given).items():
        wire[key] = to_wire(_known(ports, key, action), value, f"{action}.{key}")
    for key, text in _named(definition, action, typed):
        if key in wire:
            raise InvalidValue(where=f"{action}.{key}", expected="one value", got="two")
        wire[key] = parse(_known(ports, key, action), text, f"{action}.{key}")
    for key, port in ports.items():
        if port.required and key not in wire:
            raise MissingArgument(action=action, argument=key, expected=_expected(port))
    return wire


def name_items(ports: Sequence[Port], wire: dict[str, Any], id_of: Callable[[str], str]) -> dict[str, Any]:
    """Give arguments with the ids of stored things in the place of their names; `id_of` raises what it likes."""
    return {key: _named_item(port, wire[key], id_of) for port in ports if (key := port.key) in wire}


def _named_item(port: Port, value: Any, id_of: Callable[[str], str]) -> Any:
    if value is None or not refers(port):
        return value
    if is_item(port):
        return id_of(str(value))
    if port.kind in (PortKind.LIST, PortKind.SET) or (port.kind is PortKind.TUPLE and port.variadic):
        return [_named_item(port.children[0], one, id_of) for one in value]
    if port.kind is PortKind.TUPLE:
        return [_named_item(child, one, id_of) for child, one in zip(port.children, value, strict=True)]
    if port.kind is PortKind.UNION:
        return [value[0], _named_item(port.children[value[0]], value[1], id_of)]
    return value


def _as_object(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise InvalidValue(where="--args", expected="a JSON object of arguments", got=type(given).__name__)
    return given


def _named(definition: Definition, action: str, typed: Sequence[str]) -> list[tuple[str, str]]:
    free = [port.key for port in definition.args]
    named, positional = [], []
    for text in typed:
        found = _KEYWORD.fullmatch(text)
        if found is not None:
            named.append((found[1], found[2]))
        else:
            positional.append(text)
    if len(positional) > len(free):
        takes = f"at most {len(free)} values" if free else "no arguments"
        raise InvalidValue(where=action, expected=takes, got=f"{len(positional)}: {' '.join(positional)[:80]}")
    return [*zip(free, positional, strict=False), *named]


def _known(ports: Mapping[str, Port], key: str, action: str) -> Port:
    if key not in ports:
        raise UnknownArgument(action=action, argument=key, known=", ".join(ports) or "no arguments")
    return ports[key]


def read_json(text: str, where: str) -> Any:
    """Read JSON, or the JSON in the file that `@name` names."""
    if text.startswith("@"):
        where, text = text[1:], _file(text[1:], where).decode("utf-8-sig", "surrogateescape")
    try:
        return json.loads(text)
    except ValueError as broken:
        raise InvalidValue(where=where, expected="JSON", got=f"{text[:60]!r} ({broken})") from None


def _file(name: str, where: str) -> bytes:
    try:
        return Path(name).expanduser().read_bytes()
    except FileNotFoundError:
        raise NotFound(what="file", name=name, remedy=f"Correct the path behind the @ of {where}") from None
    except OSError as unreadable:
        raise InvalidValue(where=where, expected="a file", got=f"{name} ({unreadable.strerror})") from None


# -- text → wire -------------------------------------------------------------------------------------------------


def parse(port: Port, text: str, where: str) -> Any:
    """Read what was typed for one port."""
    if port.kind is PortKind.STRING:
        return text
    if port.nullable and text.lower() in _NONE:
        return None
    if text.startswith("@"):
        raw = _file(text[1:], where)
        if port.kind is PortKind.BYTES:
            return base64.b64encode(raw).decode()
        return to_wire(port, read_json(raw.decode("utf-8-sig", "surrogateescape"), text[1:]), where)
    return _PARSERS.get(port.kind, _parse_json)(port, text, where)


def _wrong(port: Port, where: str, got: object) -> InvalidValue:
    return InvalidValue(where=where, expected=_expected(port), got=repr(got) if isinstance(got, str) else got)


def _expected(port: Port) -> str:
    from arkitekt_next.ports.limits import express

    return express(port) + (" or null" if port.nullable else "")


def _parse_bool(port: Port, text: str, where: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise _wrong(port, where, text)


def _parse_int(port: Port, text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise _wrong(port, where, text) from None


def _parse_float(port: Port, text: str, where: str) -> float | str:
    try:
        return _float(float(text))
    except ValueError:
        raise _wrong(port, where, text) from None


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _parse_bytes(port: Port, text: str, where: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _parse_span(port: Port, text: str, where: str) -> int:
    """Read a time span exactly: seconds, numbers with units, or a clock such as 0:01:30."""
    try:
        clock, parts = _CLOCK.fullmatch(text), _SPAN.findall(text)
        if clock is not None:
            sign, hours, minutes, seconds = clock.groups()
            total = (int(hours) * 3600 + int(minutes) * 60 + Decimal(seconds or 0)) * 1_000_000
            return round(-total if sign == "-" else total)
        if parts and not _SPAN.sub("", text).strip(" ,"):
            return round(sum(Decimal(number) * _UNITS_US[unit.lower()] for number, unit in parts))
        return round(Decimal(text) * 1_000_000)
    except (ArithmeticError, ValueError):
        got = f"{text!r}. Write 90, 90s, 1.5 min or 0:01:30"
        raise InvalidValue(where=where, expected="a time span", got=got) from None


def _parse_choice(port: Port, text: str, where: str) -> Any:
    for choice in port.choices:
        if choice.value == text:
            return choice.value
    folded = text.casefold()
    for choice in port.choices:
        if folded in (str(choice.value).casefold(), str(choice.label).casefold()):
            return choice.value
    known = ", ".join(str(choice.value) for choice in port.choices)
    raise InvalidValue(where=where, expected=f"one of {known}", got=repr(text))


def _parse_items(port: Port, text: str, where: str) -> Any:
    if text.lstrip().startswith("[") or not port.children:
        return _parse_json(port, text, where)
    texts = [item.strip() for item in text.split(",")] if text.strip() else []
    fixed = port.kind is PortKind.TUPLE and not port.variadic
    if fixed and len(texts) != len(port.children):
        raise InvalidValue(where=where, expected=f"{len(port.children)} values, separated by commas", got=repr(text))
    children = port.children if fixed else [port.children[0]] * len(texts)
    return [parse(child, item, f"{where}[{i}]") for i, (child, item) in enumerate(zip(children, texts, strict=True))]


def _parse_union(port: Port, text: str, where: str) -> Any:
    # Whatever takes any text comes last, else nothing else would ever be chosen.
    greedy = {PortKind.STRING: 2, PortKind.BYTES: 2, PortKind.JSON: 3, PortKind.STRUCTURE: 1, PortKind.MEMORY: 1}
    for i, child in sorted(enumerate(port.children), key=lambda pair: greedy.get(pair[1].kind, 0)):
        try:
            return [i, _fitting(child, parse(child, text, where))]
        except InvalidValue:
            continue
    raise _wrong(port, where, text)


def _fitting(port: Port, wire: Any) -> Any:
    """Give a wire value back if all of it fits a branch, limits included; else raise `InvalidValue`."""
    from arkitekt_next.ports import compile_check

    compile_check((port,), where="")({port.key: wire})
    return wire


def _parse_json(port: Port, text: str, where: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        if port.kind in _QUOTED or port.kind is PortKind.JSON:
            return text
        raise InvalidValue(where=where, expected=f"{_expected(port)}, as JSON", got=repr(text[:80])) from None
    return text if port.kind in _QUOTED else to_wire(port, value, where)


_PARSERS: dict[PortKind, Callable[[Port, str, str], Any]] = {
    PortKind.BOOL: _parse_bool,
    PortKind.INT: _parse_int,
    PortKind.FLOAT: _parse_float,
    PortKind.BYTES: _parse_bytes,
    PortKind.TIMEDELTA: _parse_span,
    PortKind.ENUM: _parse_choice,
    PortKind.LITERAL: _parse_choice,
    PortKind.LIST: _parse_items,
    PortKind.SET: _parse_items,
    PortKind.TUPLE: _parse_items,
    PortKind.UNION: _parse_union,
}


# -- JSON → wire -------------------------------------------------------------------------------------------------


def to_wire(port: Port, value: Any, where: str) -> Any:
    """Turn the JSON of the command line into the wire form of a port; what is inside is checked when it is sent."""
    if value is None and (port.nullable or port.kind in (PortKind.NONE, PortKind.JSON)):
        return None
    if port.kind in (PortKind.LIST, PortKind.SET) and isinstance(value, list):
        return [to_wire(port.children[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if port.kind is PortKind.TUPLE and isinstance(value, list):
        return _tuple_to_wire(port, value, where)
    if port.kind is PortKind.DICT and isinstance(value, dict):
        return {key: to_wire(port.children[1], item, f"{where}[{key!r}]") for key, item in value.items()}
    if port.kind is PortKind.MODEL and isinstance(value, dict):
        return _model_to_wire(port, value, where)
    if port.kind is PortKind.UNION:
        return _union_to_wire(port, value, where)
    if port.kind in (PortKind.ENUM, PortKind.LITERAL):
        return (
            value
            if any(_same(choice.value, value) for choice in port.choices)
            else _parse_choice(port, str(value), where)
        )
    if port.kind is PortKind.TIMEDELTA:
        return _parse_span(port, str(value), where)
    if port.kind is PortKind.FLOAT and isinstance(value, float):
        return _float(value)
    return _checked(port, value, where)


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _tuple_to_wire(port: Port, value: list[Any], where: str) -> list[Any]:
    children: Sequence[Port] = [port.children[0]] * len(value) if port.variadic else port.children
    if len(children) != len(value):
        raise InvalidValue(where=where, expected=f"{len(children)} values", got=len(value))
    return [to_wire(c, v, f"{where}[{i}]") for i, (c, v) in enumerate(zip(children, value, strict=True))]


def _model_to_wire(port: Port, value: dict[str, Any], where: str) -> dict[str, Any]:
    fields = {child.key: child for child in port.children}
    unknown = next((key for key in value if key not in fields), None)
    if unknown is not None:
        expected = f"the fields of {port.identifier} ({', '.join(fields)})"
        raise InvalidValue(where=where, expected=expected, got=f"the unknown field {unknown!r}")
    missing = next((key for key, child in fields.items() if child.required and key not in value), None)
    if missing is not None:
        raise InvalidValue(where=f"{where}.{missing}", expected=_expected(fields[missing]), got="nothing")
    return {key: to_wire(fields[key], item, f"{where}.{key}") for key, item in value.items()}


def _union_to_wire(port: Port, value: Any, where: str) -> list[Any]:
    # A whole number fits int and float; the branch that is declared for it goes first.
    ranked = sorted(enumerate(port.children), key=lambda pair: not _is_own(pair[1].kind, value))
    for i, child in ranked:
        try:
            return [i, _fitting(child, to_wire(child, value, where))]
        except InvalidValue:
            continue
    raise _wrong(port, where, json.dumps(value)[:80])


_OWN: dict[PortKind, type] = {
    PortKind.BOOL: bool,
    PortKind.INT: int,
    PortKind.FLOAT: float,
    PortKind.MODEL: dict,
    PortKind.LIST: list,
}


def _is_own(kind: PortKind, value: Any) -> bool:
    return type(value) is _OWN.get(kind)


def _checked(port: Port, value: Any, where: str) -> Any:
    from arkitekt_next.ports.coerce import SCALARS
    from arkitekt_next.ports.misfit import Misfit

    scalar = SCALARS.get(port.kind)
    if scalar is None:
        if isinstance(value, str) and port.kind in _QUOTED:
            return value
        raise _wrong(port, where, json.dumps(value)[:80])
    try:
        scalar.decode(value)
    except Misfit:
        raise _wrong(port, where, json.dumps(value)[:80]) from None
    return value


# -- wire → JSON -------------------------------------------------------------------------------------------------


def to_json(port: Port, wire: Any) -> Any:
    """Turn a wire value into the JSON of the command line; what comes out can be given back in."""
    if wire is None:
        return None
    if port.kind in (PortKind.LIST, PortKind.SET):
        return [to_json(port.children[0], item) for item in wire]
    if port.kind is PortKind.TUPLE:
        children = [port.children[0]] * len(wire) if port.variadic else port.children
        return [to_json(child, item) for child, item in zip(children, wire, strict=True)]
    if port.kind is PortKind.DICT:
        return {key: to_json(port.children[1], item) for key, item in wire.items()}
    if port.kind is PortKind.MODEL:
        fields = {child.key: child for child in port.children}
        return {key: to_json(fields[key], item) if key in fields else item for key, item in wire.items()}
    if port.kind is PortKind.UNION:
        return to_json(port.children[wire[0]], wire[1])
    if port.kind is PortKind.TIMEDELTA:
        return _seconds(wire)
    return wire


def _seconds(micros: int) -> int | float | str:
    if micros % 1_000_000 == 0:
        return micros // 1_000_000
    return micros / 1e6 if abs(micros) < 2**52 else f"{micros}us"


def returns_to_json(definition: Definition, wire: Sequence[Any]) -> Any:
    """Give what an action returned as one JSON value: null, the value, or an object of the named ones."""
    values = [to_json(port, item) for port, item in zip(definition.returns, wire, strict=True)]
    if not definition.returns_tuple and len(values) <= 1:
        return values[0] if values else None
    names = [port.key for port in definition.returns]
    if all(name == f"out{i}" for i, name in enumerate(names)):
        return values
    return dict(zip(names, values, strict=True))
