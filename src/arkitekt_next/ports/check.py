"""The hub's look at wire values: against published ports only, without Python types and without building anything.

The one rule: for any JSON whatsoever, a compiled check returns or raises an `InvalidValue`, and nothing else; it
also runs no code of a stranger, patterns included (see `limits.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arkitekt_next.errors import DeclarationError, InvalidValue, MissingArgument, UnknownArgument
from arkitekt_next.ports.calls import compile_guard
from arkitekt_next.ports.codec import branch_of
from arkitekt_next.ports.coerce import SCALARS
from arkitekt_next.ports.keys import load_bool_key, load_int_key
from arkitekt_next.ports.limits import Limit, compile_limits, express
from arkitekt_next.ports.members import one_of
from arkitekt_next.ports.misfit import Misfit, describe, misfit
from arkitekt_next.ports.model import Port, PortKind

Check = Callable[[Any], Any]


def compile_check(ports: Sequence[Port], *, where: str) -> Callable[[Mapping[str, Any]], None]:
    """Compile a validator of a wire object of arguments; a contract that makes no sense is refused here."""
    checks = {port.key: _compile(port) for port in ports}
    required = {port.key: express(port) for port in ports if port.required}
    total = len(checks)
    guard = compile_guard(where, ports)

    def check(wire: Mapping[str, Any]) -> None:
        if not isinstance(wire, dict):
            raise InvalidValue(where=where, expected="an object of arguments", got=describe(wire))
        name = ""
        try:
            for name, value in wire.items():
                inner = checks.get(name)
                if inner is None:
                    known = ", ".join(checks) or "no arguments"
                    raise UnknownArgument(action=where, argument=str(name)[:60], known=known)
                inner(value)
        except Misfit as bad:
            raise bad.as_error(f"{where}.{name}") from None
        if len(wire) < total:
            for name, expected in required.items():
                if name not in wire:
                    raise MissingArgument(action=where, argument=name, expected=expected)
        if guard is not None:
            guard(wire)

    return check


def compile_check_returns(ports: Sequence[Port], *, where: str) -> Callable[[Any], None]:
    """Compile a validator of the wire list of one return or yield."""
    checks = [_compile(port) for port in ports]
    names = [port.key for port in ports]

    def check(wire: Any) -> None:
        if not isinstance(wire, list) or len(wire) != len(checks):
            raise InvalidValue(where=f"{where} returns", expected=f"list of {len(checks)}", got=describe(wire))
        position = 0
        try:
            for position, value in enumerate(wire):  # read when a check fails
                checks[position](value)
        except Misfit as bad:
            raise bad.as_error(f"{where} returns {names[position]}") from None

    return check


def _compile(port: Port) -> Check:
    check = _limited(_KINDS.get(port.kind, _scalar)(port), port)
    if not port.nullable:
        return check

    def nullable(wire: Any) -> None:
        if wire is not None:
            check(wire)

    return nullable


def _limited(check: Check, port: Port) -> Check:
    limit = compile_limits(port)
    if limit is None:
        return check
    # Lengths of containers are those of the wire form; scalars are compared as what they decode to.
    chosen: Limit = limit
    is_number = port.kind in (PortKind.INT, PortKind.FLOAT)

    def limited(wire: Any) -> None:
        value = check(wire)
        chosen(wire if value is None or (is_number and type(wire) is int) else value)

    return limited


def _scalar(port: Port) -> Check:
    return SCALARS[port.kind].decode


def _choice(port: Port) -> Check:
    known = {(type(c.value), c.value) for c in port.choices if isinstance(c.value, str | int)}
    expected = one_of(port)

    def check(wire: Any) -> None:
        if not isinstance(wire, str | int) or (type(wire), wire) not in known:
            raise misfit(expected, wire)

    return check


def _reference(port: Port) -> Check:
    expected = f"the id of a {port.identifier}"

    def check(wire: Any) -> None:
        if type(wire) is not str:
            raise misfit(expected, wire)

    return check


def _items(port: Port) -> Check:
    item, expected = _compile(_child(port, 0)), port.kind.value

    def check(wire: Any) -> None:
        if type(wire) is not list:
            raise misfit(expected, wire)
        position = 0
        try:
            for position, value in enumerate(wire):  # noqa: B007  # read when a check fails
                item(value)
        except Misfit as bad:
            raise bad.within(f"[{position}]") from None

    return check


def _tuple(port: Port) -> Check:
    if port.variadic:
        return _items(port)
    items = [_compile(child) for child in port.children]
    count = len(items)

    def check(wire: Any) -> None:
        if type(wire) is not list or len(wire) != count:
            raise misfit(f"tuple of {count} items", wire)
        position = 0
        try:
            for position, value in enumerate(wire):  # read when a check fails
                items[position](value)
        except Misfit as bad:
            raise bad.within(f"[{position}]") from None

    return check


def _dict(port: Port) -> Check:
    key, item = _key(_child(port, 0)), _compile(_child(port, 1))

    def check(wire: Any) -> None:
        if type(wire) is not dict:
            raise misfit("dict", wire)
        for name, value in wire.items():
            step = "key "
            try:
                key(name)
                step = ""
                item(value)
            except Misfit as bad:
                raise bad.within(f"[{step}{name[:60]!r}]") from None

    return check


def _key(port: Port) -> Check:
    if port.kind is PortKind.INT:
        return _limited(load_int_key, port)
    if port.kind is PortKind.BOOL:
        return load_bool_key
    if port.kind not in (PortKind.STRING, PortKind.ENUM, PortKind.LITERAL):
        raise _senseless(port, f"{port.kind.value} can't be the key of a dict")
    return _compile(port)


def _union(port: Port) -> Check:
    branches = [_compile(child) for child in port.children]
    count = len(branches)
    expected = " | ".join(express(child) for child in port.children)

    def check(wire: Any) -> None:
        branches[branch_of(wire, count, expected)](wire[1])

    return check


def _model(port: Port) -> Check:
    checks = {child.key: _compile(child) for child in port.children}
    required = {child.key: express(child) for child in port.children if child.required}
    expected = port.identifier or "model"

    def check(wire: Any) -> None:
        if type(wire) is not dict:
            raise misfit(expected, wire)
        name = ""
        try:
            for name, value in wire.items():
                inner = checks.get(name)
                if inner is None:
                    raise Misfit(f"one of {', '.join(checks) or 'no fields'}", "an unknown field")
                inner(value)
            for name, wanted in required.items():
                if name not in wire:
                    raise Misfit(wanted, "nothing")
        except Misfit as bad:
            raise bad.within(f".{name[:60]}") from None

    return check


def _child(port: Port, position: int) -> Port:
    if position >= len(port.children):
        raise _senseless(port, f"a {port.kind.value} needs more children than {len(port.children)}")
    return port.children[position]


def _senseless(port: Port, problem: str) -> DeclarationError:
    return DeclarationError(where=port.key or "port", problem=problem, remedy="Publish the definition again")


_KINDS: dict[PortKind, Callable[[Port], Check]] = {
    PortKind.ENUM: _choice,
    PortKind.LITERAL: _choice,
    PortKind.STRUCTURE: _reference,
    PortKind.MEMORY: _reference,
    PortKind.LIST: _items,
    PortKind.SET: _items,
    PortKind.TUPLE: _tuple,
    PortKind.DICT: _dict,
    PortKind.UNION: _union,
    PortKind.MODEL: _model,
}
