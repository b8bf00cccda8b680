"""Constraints compiled to one function on the Python value, the same at the caller, the hub and the agent.

Patterns run in pydantic's regular expressions (linear time), since the hub runs patterns that strangers wrote. The
one rule: whatever a bound is compared with, the outcome is a `Misfit` or nothing, never a foreign exception.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from arkitekt_next.errors import DeclarationError
from arkitekt_next.ports.coerce import SCALARS
from arkitekt_next.ports.misfit import Misfit, describe, shorten
from arkitekt_next.ports.model import Constraints, Port, PortKind

Limit = Callable[[Any], None]

_ORDERED = {
    PortKind.INT,
    PortKind.FLOAT,
    PortKind.DECIMAL,
    PortKind.DATETIME,
    PortKind.DATE,
    PortKind.TIME,
    PortKind.TIMEDELTA,
}
_NUMERIC = {PortKind.INT, PortKind.FLOAT, PortKind.DECIMAL}
_SIZED = {
    PortKind.STRING,
    PortKind.BYTES,
    PortKind.LIST,
    PortKind.SET,
    PortKind.DICT,
    PortKind.TUPLE,
    PortKind.JSON,
}
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_JSON_TYPES: dict[str, type] = {"object": dict, "array": list}


def accepts(kind: PortKind, constraint: str) -> bool:
    """Say whether a port of this kind can carry the named constraint."""
    if constraint in _SIGNS:
        return kind in _ORDERED
    if constraint == "multiple_of":
        return kind in _NUMERIC
    if constraint == "pattern":
        return kind is PortKind.STRING
    return kind in _SIZED


def express(port: Port) -> str:
    """Say in words what the port takes: `float ≥ 0`, `list[int] length ≤ 8`, `int | str`."""
    text = _type_text(port)
    limits = port.constraints
    if limits is None:
        return text
    parts = [f"{sign} {_show(getattr(limits, n))}" for n, sign in _SIGNS.items() if getattr(limits, n) is not None]
    if limits.multiple_of is not None:
        parts.append(f"a multiple of {_show(limits.multiple_of)}")
    if limits.min_length is not None:
        parts.append(f"length ≥ {limits.min_length}")
    if limits.max_length is not None:
        parts.append(f"length ≤ {limits.max_length}")
    if limits.pattern is not None:
        parts.append(f"matching {limits.pattern!r}")
    return f"{text} {' and '.join(parts)}" if parts else text


def _type_text(port: Port) -> str:
    inner = [express(child) + (" | None" if child.nullable else "") for child in port.children]
    if port.kind is PortKind.UNION:
        return " | ".join(inner)
    if port.kind in (PortKind.LIST, PortKind.SET, PortKind.DICT):
        return f"{port.kind.value}[{', '.join(inner)}]"
    if port.kind is PortKind.TUPLE:
        return f"tuple[{', '.join([*inner, '...'] if port.variadic else inner)}]"
    if port.kind is PortKind.LITERAL:
        return "one of " + ", ".join(repr(c.value) if type(c.value) is str else shorten(c.value) for c in port.choices)
    if port.kind is PortKind.JSON and port.constraints is not None:
        return {"object": "dict", "array": "list"}.get(port.constraints.json_type or "", "JSON")
    scalar = SCALARS.get(port.kind)
    return port.identifier or (scalar.expected if scalar else port.kind.value)


def _show(bound: Any) -> str:
    if isinstance(bound, float) and bound.is_integer() and abs(bound) < 1e15:
        return str(int(bound))
    return bound if isinstance(bound, str) else shorten(bound)


def compile_limits(port: Port) -> Limit | None:
    """Compile the port's constraints; None when there are none. A constraint that can't hold is refused."""
    limits = port.constraints
    if limits is None:
        return None
    expected = express(port)
    tests = [*_bounds(port, limits), *_lengths(limits)]
    if limits.multiple_of is not None:
        step = _bound(port, limits.multiple_of)
        if not step > 0:
            raise _refuse(port, "multiple_of must be above 0")
        tests.append(_multiple(step))
    if limits.pattern is not None:
        tests.append(_pattern(port, limits.pattern))
    if limits.json_type in _JSON_TYPES:
        wanted = _JSON_TYPES[limits.json_type]
        tests.insert(0, lambda value: isinstance(value, wanted))
    if not tests:
        return None
    return _all_of(tests, expected)


def _all_of(tests: list[Callable[[Any], bool]], expected: str) -> Limit:
    def limit(value: Any) -> None:
        try:
            for test in tests:
                if not test(value):
                    raise Misfit(expected, _got(value))
        except (TypeError, ArithmeticError, ValueError) as error:  # naive against aware, NaN decimals
            raise Misfit(expected, _got(value)) from error

    return limit


def _got(value: Any) -> str:
    if isinstance(value, dict | list | tuple | set | frozenset):
        return describe(value)
    return shorten(value)


def _bound(port: Port, bound: Any) -> Any:
    if port.kind in (PortKind.INT, PortKind.FLOAT) and isinstance(bound, int | float):
        return bound
    scalar = SCALARS.get(PortKind.FLOAT if port.kind is PortKind.INT else port.kind)
    if scalar is None or port.kind not in _ORDERED:
        raise _refuse(port, f"a bound makes no sense for {port.kind.value}")
    try:
        return scalar.decode(bound)
    except Misfit as bad:
        raise _refuse(port, f"the bound {shorten(bound)} is no {bad.expected}") from bad


def _bounds(port: Port, limits: Constraints) -> list[Callable[[Any], bool]]:
    tests: list[Callable[[Any], bool]] = []
    if limits.ge is not None:
        ge = _bound(port, limits.ge)
        tests.append(lambda value: bool(value >= ge))
    if limits.gt is not None:
        gt = _bound(port, limits.gt)
        tests.append(lambda value: bool(value > gt))
    if limits.le is not None:
        le = _bound(port, limits.le)
        tests.append(lambda value: bool(value <= le))
    if limits.lt is not None:
        lt = _bound(port, limits.lt)
        tests.append(lambda value: bool(value < lt))
    return tests


def _lengths(limits: Constraints) -> list[Callable[[Any], bool]]:
    tests: list[Callable[[Any], bool]] = []
    if limits.min_length is not None:
        least = limits.min_length
        tests.append(lambda value: len(value) >= least)
    if limits.max_length is not None:
        most = limits.max_length
        tests.append(lambda value: len(value) <= most)
    return tests


def _multiple(step: Any) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        if isinstance(step, float) or isinstance(value, float):
            ratio = value / step
            return bool(abs(ratio - round(ratio)) <= 1e-9 * max(1.0, abs(ratio)))
        return bool(value % step == 0)

    return test


def _pattern(port: Port, pattern: str) -> Callable[[Any], bool]:
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError as error:
        raise _refuse(port, f"the pattern {pattern!r} does not compile (no lookaround, no back references)") from error
    return lambda value: bool(validator.isinstance_python(value))


def _refuse(port: Port, problem: str) -> DeclarationError:
    return DeclarationError(where=port.key, problem=problem, remedy="Change the constraint, or drop it")
