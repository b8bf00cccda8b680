"""Wire forms of everything that is not a container: one small function per kind and direction, one table.

Wire forms: bool, int (int64), string as themselves; float as a number, the non-finite ones as "NaN", "Infinity",
"-Infinity"; bytes as base64, at most 64 KiB; datetime, date, time in ISO 8601 (aware keeps its offset, naive stays
naive); timedelta as integer microseconds (int64); UUID and Decimal as text; untyped JSON as it is, with int64
integers, finite floats, string keys, at most 64 levels deep.

`encode` takes what a Python caller passes, `decode` takes what came over the wire and trusts nothing. The one rule:
no silent change of kind. Text never becomes a number, a bool is no int; only an int may stand for a float.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import math
import numbers
import operator
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, TypeVar

from arkitekt_next.ports.misfit import Misfit, misfit
from arkitekt_next.ports.model import MAX_DEPTH, PortKind

_T = TypeVar("_T")

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1
INLINE_BYTES = 64 * 1024
_BASE64_CHARS = 4 * ((INLINE_BYTES + 2) // 3)
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}", re.ASCII)
_TINY_OFFSET = re.compile(r"([+-])00:00:00\.([0-9]{6})\Z", re.ASCII)
_MICROSECOND = dt.timedelta(microseconds=1)

EXACT, CLOSE, LOOSE, FOREIGN = 3, 2, 1, 0
"""How well a Python value fits a union branch: its own type, a subclass, convertible without loss, not at all."""


def encode_bool(value: Any) -> bool:
    if value is True or value is False:
        return value
    if _is_numpy(value) and type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise misfit("bool", value)


def decode_bool(wire: Any) -> bool:
    if wire is True or wire is False:
        return wire
    raise misfit("bool", wire)


def encode_int(value: Any) -> int:
    if type(value) is not int:
        value = _as_int(value)
    if INT_MIN <= value <= INT_MAX:
        return value  # type: ignore[no-any-return]
    raise misfit("int between -2^63 and 2^63-1", value)


def _as_int(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise misfit("int", value)
    try:
        return int(operator.index(value))
    except TypeError as error:
        raise misfit("int", value) from error


def decode_int(wire: Any) -> int:
    if type(wire) is not int:
        raise misfit("int", wire)
    if INT_MIN <= wire <= INT_MAX:
        return wire
    raise misfit("int between -2^63 and 2^63-1", wire)


_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def encode_float(value: Any) -> float | str:
    number = value if type(value) is float else _as_float(value)
    if math.isfinite(number):
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"


def _as_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise misfit("float", value)
    try:
        return float(value)
    except (OverflowError, ValueError) as error:
        raise misfit("float (at most 1.8e308)", value) from error


def decode_float(wire: Any) -> float:
    if type(wire) is float and math.isfinite(wire):
        return wire
    if type(wire) is int:
        return _as_float(wire)
    if type(wire) is str and wire in _NON_FINITE:
        return _NON_FINITE[wire]
    if type(wire) is float:
        raise Misfit('float, non-finite written as "NaN", "Infinity" or "-Infinity"', str(wire))
    raise misfit("float", wire)


def encode_string(value: Any) -> str:
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    raise misfit("str", value)


def decode_string(wire: Any) -> str:
    if type(wire) is str:
        return wire
    raise misfit("str", wire)


def encode_bytes(value: Any) -> str:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise misfit("bytes", value)
    raw = bytes(value)
    if len(raw) > INLINE_BYTES:
        raise Misfit("bytes", "too many", size_bytes=len(raw), limit_bytes=INLINE_BYTES)
    return base64.b64encode(raw).decode("ascii")


def decode_bytes(wire: Any) -> bytes:
    if type(wire) is not str:
        raise misfit("bytes as base64 text", wire)
    if len(wire) > _BASE64_CHARS:
        raise Misfit("bytes", "too many", size_bytes=len(wire) * 3 // 4, limit_bytes=INLINE_BYTES)
    try:
        raw = base64.b64decode(wire, validate=True)
    except (binascii.Error, ValueError) as error:
        raise misfit("bytes as base64 text", wire) from error
    if len(raw) > INLINE_BYTES:
        raise Misfit("bytes", "too many", size_bytes=len(raw), limit_bytes=INLINE_BYTES)
    return raw


def encode_datetime(value: Any) -> str:
    if not isinstance(value, dt.datetime):
        raise misfit("datetime", value)
    if type(value) is not dt.datetime:
        return dt.datetime.combine(dt.date(value.year, value.month, value.day), value.timetz()).isoformat()
    return value.isoformat()


def decode_datetime(wire: Any) -> dt.datetime:
    value = _from_iso(dt.datetime.fromisoformat, "datetime in ISO 8601", wire)
    return value if value.tzinfo is not dt.UTC else value.replace(tzinfo=_exact_offset(wire))


def encode_date(value: Any) -> str:
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise misfit("date", value)
    return value.isoformat()


def decode_date(wire: Any) -> dt.date:
    return _from_iso(dt.date.fromisoformat, "date in ISO 8601", wire)


def encode_time(value: Any) -> str:
    if not isinstance(value, dt.time):
        raise misfit("time", value)
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Misfit("time, naive or with a fixed offset", "a named zone, which has no offset without a date")
    return value.isoformat()


def decode_time(wire: Any) -> dt.time:
    value = _from_iso(dt.time.fromisoformat, "time in ISO 8601", wire)
    return value if value.tzinfo is not dt.UTC else value.replace(tzinfo=_exact_offset(wire))


def _from_iso(parse: Callable[[str], _T], expected: str, wire: Any) -> _T:
    if type(wire) is not str:
        raise misfit(expected, wire)
    try:
        return parse(wire)
    except (ValueError, OverflowError) as error:
        raise misfit(expected, wire) from error


def _exact_offset(wire: str) -> dt.tzinfo:
    # fromisoformat takes an offset below one second for UTC (CPython up to 3.13).
    tiny = _TINY_OFFSET.search(wire)
    if tiny is None:
        return dt.UTC
    return dt.timezone(int(tiny[1] + tiny[2]) * _MICROSECOND)


def encode_timedelta(value: Any) -> int:
    if not isinstance(value, dt.timedelta):
        raise misfit("timedelta", value)
    micros = value // _MICROSECOND
    if INT_MIN <= micros <= INT_MAX:
        return micros
    raise misfit("timedelta of at most 2^63-1 microseconds (292,000 years)", value)


def decode_timedelta(wire: Any) -> dt.timedelta:
    if type(wire) is not int:
        raise misfit("timedelta as integer microseconds", wire)
    if INT_MIN <= wire <= INT_MAX:
        return dt.timedelta(microseconds=wire)
    raise misfit("timedelta of at most 2^63-1 microseconds", wire)


def encode_uuid(value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    raise misfit("UUID", value)


def decode_uuid(wire: Any) -> uuid.UUID:
    if type(wire) is str and _UUID.fullmatch(wire):
        return uuid.UUID(wire)
    raise misfit("UUID as text", wire)


def encode_decimal(value: Any) -> str:
    if isinstance(value, decimal.Decimal):
        return str(value)
    if type(value) is int:
        return str(decimal.Decimal(value))
    raise misfit("Decimal", value)


def decode_decimal(wire: Any) -> decimal.Decimal:
    if type(wire) is not str:
        raise misfit("Decimal as text", wire)
    try:
        return decimal.Decimal(wire)
    except decimal.InvalidOperation as error:
        raise misfit("Decimal as text", wire) from error


def encode_none(value: Any) -> None:
    if value is not None:
        raise misfit("None", value)


def copy_json(value: Any) -> Any:
    """Copy untyped JSON (tuples become lists) and refuse what JSON can't hold; used in both directions."""
    return _copy_json(value, MAX_DEPTH)


def _copy_json(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return encode_int(value)
    if kind is float:
        if math.isfinite(value):
            return value
        raise Misfit("a finite number (untyped JSON has no NaN or infinity; use a float hint)", str(value))
    if isinstance(value, list | tuple):
        return _copy_array(value, depth)
    if isinstance(value, Mapping):
        return _copy_object(value, depth)
    if isinstance(value, str):
        return str.__str__(value)
    raise misfit("JSON (None, bool, int, float, str, list, dict)", value)


def _copy_array(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    if depth <= 0:
        raise Misfit(f"JSON at most {MAX_DEPTH} levels deep", "a deeper one")
    copied = []
    try:
        for item in value:
            copied.append(_copy_json(item, depth - 1))
    except Misfit as bad:
        raise bad.within(f"[{len(copied)}]") from None
    return copied


def _copy_object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    if depth <= 0:
        raise Misfit(f"JSON at most {MAX_DEPTH} levels deep", "a deeper one")
    copied = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise misfit("str keys (hint dict[int, ...] for others)", key)
        try:
            copied[key] = _copy_json(item, depth - 1)
        except Misfit as bad:
            raise bad.within(f"[{key[:60]!r}]") from None
    return copied


def _is_numpy(value: Any) -> bool:
    return type(value).__module__ == "numpy"


# -- how well a value fits, for choosing a branch of a union -----------------------------------------------------


def _fits_class(*classes: type) -> Callable[[Any], int]:
    first = classes[0]

    def fits(value: Any) -> int:
        if type(value) is first:
            return EXACT
        return CLOSE if isinstance(value, classes) else FOREIGN

    return fits


def _fits_bool(value: Any) -> int:
    return EXACT if type(value) is bool else LOOSE if _is_numpy(value) else FOREIGN


def _fits_int(value: Any) -> int:
    if type(value) is int:
        return EXACT
    if isinstance(value, bool):
        return FOREIGN
    return CLOSE if isinstance(value, int) else LOOSE if hasattr(value, "__index__") else FOREIGN


def _fits_float(value: Any) -> int:
    if type(value) is float:
        return EXACT
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return FOREIGN
    if isinstance(value, float):
        return CLOSE
    try:
        return LOOSE if float(value) == value else FOREIGN
    except (OverflowError, ValueError):
        return FOREIGN


def _fits_date(value: Any) -> int:
    if type(value) is dt.date:
        return EXACT
    return CLOSE if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else FOREIGN


def _fits_decimal(value: Any) -> int:
    if type(value) is decimal.Decimal:
        return EXACT
    return CLOSE if isinstance(value, decimal.Decimal) else LOOSE if type(value) is int else FOREIGN


def _fits_json(value: Any) -> int:
    try:
        copy_json(value)
    except Misfit:
        return FOREIGN
    return CLOSE if type(value) in (dict, list, str, int, float, bool, NoneType) else LOOSE


@dataclass(frozen=True, slots=True)
class Scalar:
    """Everything about one scalar kind."""

    python: Any
    expected: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    fits: Callable[[Any], int]


SCALARS: dict[PortKind, Scalar] = {
    PortKind.BOOL: Scalar(bool, "bool", encode_bool, decode_bool, _fits_bool),
    PortKind.INT: Scalar(int, "int", encode_int, decode_int, _fits_int),
    PortKind.FLOAT: Scalar(float, "float", encode_float, decode_float, _fits_float),
    PortKind.STRING: Scalar(str, "str", encode_string, decode_string, _fits_class(str)),
    PortKind.BYTES: Scalar(bytes, "bytes", encode_bytes, decode_bytes, _fits_class(bytes, bytearray, memoryview)),
    PortKind.DATETIME: Scalar(dt.datetime, "datetime", encode_datetime, decode_datetime, _fits_class(dt.datetime)),
    PortKind.DATE: Scalar(dt.date, "date", encode_date, decode_date, _fits_date),
    PortKind.TIME: Scalar(dt.time, "time", encode_time, decode_time, _fits_class(dt.time)),
    PortKind.TIMEDELTA: Scalar(
        dt.timedelta, "timedelta", encode_timedelta, decode_timedelta, _fits_class(dt.timedelta)
    ),
    PortKind.UUID: Scalar(uuid.UUID, "UUID", encode_uuid, decode_uuid, _fits_class(uuid.UUID)),
    PortKind.DECIMAL: Scalar(decimal.Decimal, "Decimal", encode_decimal, decode_decimal, _fits_decimal),
    PortKind.JSON: Scalar(Any, "JSON", copy_json, copy_json, _fits_json),
    PortKind.NONE: Scalar(NoneType, "None", encode_none, encode_none, _fits_class(NoneType)),
}
