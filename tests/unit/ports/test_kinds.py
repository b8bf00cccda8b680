"""Each kind: what a hint becomes, and the exact wire form of its values. Every expectation is written by hand."""

from __future__ import annotations

import collections.abc as abc
import datetime as dt
import json
import typing
import uuid
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any, Literal, NewType, Optional, Union

import pytest
import typing_extensions

from arkitekt_next.errors import InvalidValue, TooLarge
from arkitekt_next.ports import TypeRegistry, compile_check, define
from arkitekt_next.testing.port_strategies import same


class Stain(Enum):
    DAPI = "blue"
    GFP = "green"
    NUCLEI = "blue"  # noqa: PIE796  # the alias is the point


class Mode(StrEnum):
    AUTO = "auto"


class Level(IntEnum):
    LOW = 0
    HIGH = 1


Microns = NewType("Microns", float)
Alias = typing_extensions.TypeAliasType("Alias", int | None)
T = typing.TypeVar("T")
Pair = typing_extensions.TypeAliasType("Pair", tuple[T, T], type_params=(T,))
TZ = dt.timezone(dt.timedelta(hours=5, minutes=30))


def blueprint_of(hint: Any):
    def action(x):
        return x

    action.__annotations__ = {"x": hint, "return": None}
    return define(action, registry=TypeRegistry())


KINDS = [
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "string"),
    (bytes, "bytes"),
    (dt.datetime, "datetime"),
    (dt.date, "date"),
    (dt.time, "time"),
    (dt.timedelta, "timedelta"),
    (uuid.UUID, "uuid"),
    (Decimal, "decimal"),
    (dict, "json"),
    (list, "json"),
    (Any, "json"),
    (object, "json"),
    (typing.Dict, "json"),  # noqa: UP006  # the older spelling is the point
    (typing.List, "json"),  # noqa: UP006
    (None, "none"),
    (Stain, "enum"),
    (Literal["a", 1], "literal"),
    (list[int], "list"),
    (typing.List[int], "list"),  # noqa: UP006
    (abc.Sequence[int], "list"),
    (abc.Iterable[int], "list"),
    (abc.Collection[int], "list"),
    (set, "set"),
    (set[int], "set"),
    (frozenset[int], "set"),
    (abc.Set[int], "set"),
    (tuple, "tuple"),
    (tuple[int, str], "tuple"),
    (tuple[int, ...], "tuple"),
    (dict[str, int], "dict"),
    (abc.Mapping[str, int], "dict"),
    (abc.MutableMapping[str, int], "dict"),
    (int | str, "union"),
    (Union[int, str], "union"),  # noqa: UP007
    (Microns, "float"),
    (Alias, "int"),
    (Pair[int], "tuple"),
]


@pytest.mark.requirement("declare.kinds")
@pytest.mark.parametrize(("hint", "kind"), KINDS, ids=[str(h) for h, _ in KINDS])
def test_a_hint_becomes_the_kind(hint: Any, kind: str) -> None:
    assert blueprint_of(hint).definition.args[0].kind == kind


WIRES = [
    (bool, True, "true"),
    (int, -(2**63), "-9223372036854775808"),
    (int, 2**63 - 1, "9223372036854775807"),
    (float, 0.1, "0.1"),
    (float, -0.0, "-0.0"),
    (float, float("inf"), '"Infinity"'),
    (float, float("-inf"), '"-Infinity"'),
    (str, "a\0\ud800", '"a\\u0000\\ud800"'),
    (bytes, b"\x00\xff", '"AP8="'),
    (dt.datetime, dt.datetime(2026, 11, 21, 0, 5, 0, 7), '"2026-11-21T00:05:00.000007"'),
    (dt.datetime, dt.datetime(2026, 1, 2, tzinfo=TZ), '"2026-01-02T00:00:00+05:30"'),
    (dt.date, dt.date(2026, 1, 2), '"2026-01-02"'),
    (dt.time, dt.time(1, 2, 3, 4), '"01:02:03.000004"'),
    (dt.time, dt.time(1, 2, tzinfo=dt.UTC), '"01:02:00+00:00"'),
    (dt.timedelta, dt.timedelta(seconds=1, microseconds=5), "1000005"),
    (dt.timedelta, dt.timedelta(days=-1), "-86400000000"),
    (uuid.UUID, uuid.UUID("12345678123456781234567812345678"), '"12345678-1234-5678-1234-567812345678"'),
    (Decimal, Decimal("-0"), '"-0"'),
    (Decimal, Decimal("1E+500"), '"1E+500"'),
    (Decimal, Decimal("Infinity"), '"Infinity"'),
    (Any, {"a": [1, None, 1.5]}, '{"a": [1, null, 1.5]}'),
    (Any, None, "null"),
    (None, None, "null"),
    (Stain, Stain.GFP, '"GFP"'),
    (Stain, Stain.NUCLEI, '"DAPI"'),
    (Mode, Mode.AUTO, '"AUTO"'),
    (Level, Level.HIGH, '"HIGH"'),
    (Literal["a", 1, True], True, "true"),
    (Literal["a", 1, True], 1, "1"),
    (Literal[Stain.DAPI, "x"], Stain.DAPI, '"DAPI"'),
    (Literal["a", None], None, "null"),
    (list[int], [1, 2], "[1, 2]"),
    (set[int], {3, 1, 2}, "[1, 2, 3]"),
    (frozenset[str], frozenset({"b", "a"}), '["a", "b"]'),
    (tuple[int, str], (1, "a"), '[1, "a"]'),
    (tuple[int, ...], (), "[]"),
    (tuple[()], (), "[]"),
    (dict[str, float], {"a": 1.0}, '{"a": 1.0}'),
    (dict[int, str], {-1: "a", 10: "b"}, '{"-1": "a", "10": "b"}'),
    (dict[bool, int], {True: 1, False: 0}, '{"true": 1, "false": 0}'),
    (dict[Stain, int], {Stain.GFP: 1}, '{"GFP": 1}'),
    (dict[Literal["a", "b"], int], {"a": 1}, '{"a": 1}'),
    (Optional[int], None, "null"),  # noqa: UP045
    (int | None, 3, "3"),
    (list[int | None], [1, None], "[1, null]"),
    (dict[str, list[tuple[int, str]]], {"k": [(1, "a")]}, '{"k": [[1, "a"]]}'),
    (int | str, "1", '[1, "1"]'),
    (int | str, 1, "[0, 1]"),
    (int | str | None, None, "null"),
    (float | int, 1, "[1, 1]"),
    (bool | int, True, "[0, true]"),
    (int | bool, True, "[1, true]"),
    (list[float] | list[int], [1, 2], "[1, [1, 2]]"),
    (str | Mode, Mode.AUTO, '[1, "AUTO"]'),
    (str | Mode, "AUTO", '[0, "AUTO"]'),
    (dt.date | dt.datetime, dt.datetime(2026, 1, 2), '[1, "2026-01-02T00:00:00"]'),
    (set[int] | frozenset[int], frozenset({1}), "[1, [1]]"),
]


@pytest.mark.requirement("declare.kinds")
@pytest.mark.parametrize(("hint", "value", "text"), WIRES, ids=[f"{h}-{t[:20]}" for h, _, t in WIRES])
def test_a_value_has_this_wire_form_and_comes_back(hint: Any, value: Any, text: str) -> None:
    blueprint = blueprint_of(hint)
    wire = blueprint.dump_args((value,), {})["x"]
    assert json.dumps(wire) == text
    back = blueprint.load_args({"x": json.loads(text)})["x"]
    assert same(back, value)
    compile_check(blueprint.definition.args, where="action")({"x": json.loads(text)})


def test_nan_travels_as_text() -> None:
    blueprint = blueprint_of(float)
    assert blueprint.dump_args((float("nan"),), {}) == {"x": "NaN"}
    back = blueprint.load_args({"x": "NaN"})["x"]
    assert back != back


CONVERTED = [
    (float, 1, 1.0),
    (Decimal, 2, "2"),
    (bytes, bytearray(b"a"), "YQ=="),
    (list[int], (1, 2), [1, 2]),
    (Any, (1, (2,)), [1, [2]]),
    (str, Mode.AUTO, "auto"),
    (int, Level.HIGH, 1),
    (Stain, "GFP", "GFP"),
    (Stain, "green", "GFP"),
    (abc.Mapping[str, int], {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("hint", "value", "wire"), CONVERTED)
def test_a_harmless_conversion_is_made(hint: Any, value: Any, wire: Any) -> None:
    found = blueprint_of(hint).dump_args((value,), {})["x"]
    assert (type(found), found) == (type(wire), wire)


REFUSED = [
    (int, True, "action.x: expected int, got bool True"),
    (bool, 1, "action.x: expected bool, got int 1"),
    (int, "1", "action.x: expected int, got str '1'"),
    (int, 1.0, "action.x: expected int, got float 1.0"),
    (int, 2**63, "action.x: expected int between -2^63 and 2^63-1, got int 9223372036854775808"),
    (int, -(2**63) - 1, "action.x: expected int between -2^63 and 2^63-1, got int -9223372036854775809"),
    (float, "abc", "action.x: expected float, got str 'abc'"),
    (float, True, "action.x: expected float, got bool True"),
    (float, 10**400, "action.x: expected float (at most 1.8e308), got int of 1329 bits"),
    (str, 1, "action.x: expected str, got int 1"),
    (str, None, "action.x: expected str, got None"),
    (bytes, "a", "action.x: expected bytes, got str 'a'"),
    (dt.date, dt.datetime(2026, 1, 1), "action.x: expected date, got datetime object"),
    (dt.datetime, dt.date(2026, 1, 1), "action.x: expected datetime, got date object"),
    (uuid.UUID, "1234", "action.x: expected UUID, got str '1234'"),
    (Decimal, 1.5, "action.x: expected Decimal, got float 1.5"),
    (Stain, "PINK", "action.x: expected Stain one of 'DAPI', 'GFP', got str 'PINK'"),
    (Stain, Level.HIGH, "action.x: expected Stain one of 'DAPI', 'GFP', got Level object"),
    (Literal[1], True, "action.x: expected one of 1, got bool True"),
    (Literal["1"], 1, "action.x: expected one of '1', got int 1"),
    (list[int], [1, "a"], "action.x[1]: expected int, got str 'a'"),
    (list[int], "12", "action.x: expected list, got str '12'"),
    (list[str], "ab", "action.x: expected list, got str 'ab'"),
    (set[int], [1], "action.x: expected set, got list of 1 item"),
    (tuple[int, str], (1,), "action.x: expected tuple of 2 items, got tuple of 1 item"),
    (tuple[int, str], (1, 2), "action.x[1]: expected str, got int 2"),
    (dict[str, int], {"a": "b"}, "action.x['a']: expected int, got str 'b'"),
    (dict[str, int], {1: 1}, "action.x[key 1]: expected str, got int 1"),
    (dict[str, list[int]], {"a": [1, None]}, "action.x['a'][1]: expected int, got None"),
    (dict, [], "action.x: expected dict, got list of 0 items"),
    (list, {}, "action.x: expected list, got dict of 0 items"),
    (Any, {1: 2}, "action.x: expected str keys (hint dict[int, ...] for others), got int 1"),
    (Any, object(), "action.x: expected JSON (None, bool, int, float, str, list, dict), got object object"),
    (Any, [2**63], "action.x[0]: expected int between -2^63 and 2^63-1, got int 9223372036854775808"),
    (
        Any,
        {"a": float("nan")},
        "action.x['a']: expected a finite number (untyped JSON has no NaN or infinity; use a float hint), got nan",
    ),
    (int | str, 1.5, "action.x: expected int | str, got float 1.5"),
    (None, 1, "action.x: expected None, got int 1"),
]


@pytest.mark.requirement("call.checked")
@pytest.mark.parametrize(("hint", "value", "message"), REFUSED, ids=[m for _, _, m in REFUSED])
def test_a_value_that_does_not_fit_is_refused_with_place_expectation_and_value(
    hint: Any, value: Any, message: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        blueprint_of(hint).dump_args((value,), {})
    assert str(refused.value) == message


@pytest.mark.requirement("declare.kinds")
def test_bytes_travel_up_to_64_kib() -> None:
    blueprint = blueprint_of(bytes)
    wire = blueprint.dump_args((bytes(65536),), {})
    assert blueprint.load_args(wire) == {"x": bytes(65536)}
    with pytest.raises(TooLarge) as refused:
        blueprint.dump_args((bytes(65537),), {})
    assert str(refused.value) == (
        "action.x: 65537 bytes, at most 65536 may travel in a message. "
        "Store it and pass a structure (a class with shrink and expand) instead"
    )
    with pytest.raises(TooLarge):
        blueprint.load_args({"x": "A" * 87388})


def test_a_time_in_a_named_zone_is_refused_since_it_has_no_offset() -> None:
    class Nowhere(dt.tzinfo):
        def utcoffset(self, when: Any) -> None:
            return None

        def dst(self, when: Any) -> None:
            return None

    with pytest.raises(InvalidValue, match=r"a named zone, which has no offset without a date"):
        blueprint_of(dt.time).dump_args((dt.time(1, tzinfo=Nowhere()),), {})


def test_untyped_json_may_be_64_levels_deep_and_no_deeper() -> None:
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    blueprint = blueprint_of(Any)
    assert blueprint.dump_args((deep,), {}) == {"x": deep}
    with pytest.raises(InvalidValue, match=r"at most 64 levels deep"):
        blueprint.dump_args(([deep],), {})


def test_json_is_copied_so_that_the_caller_may_change_its_own() -> None:
    given = {"a": [1]}
    wire = blueprint_of(Any).dump_args((given,), {})
    given["a"].append(2)
    assert wire == {"x": {"a": [1]}}


def test_numpy_scalars_count_as_the_numbers_they_are() -> None:
    numpy = pytest.importorskip("numpy")
    assert blueprint_of(int).dump_args((numpy.int32(4),), {}) == {"x": 4}
    assert blueprint_of(float).dump_args((numpy.float32(0.5),), {}) == {"x": 0.5}
    assert blueprint_of(bool).dump_args((numpy.bool_(True),), {}) == {"x": True}


WIRE_REFUSED = [
    (int, 1.0, "action.x: expected int, got float 1.0"),
    (int, None, "action.x: expected int, got None"),
    (int, 2**63, "action.x: expected int between -2^63 and 2^63-1, got int 9223372036854775808"),
    (float, "nan", "action.x: expected float, got str 'nan'"),
    (float, float("nan"), 'action.x: expected float, non-finite written as "NaN", "Infinity" or "-Infinity", got nan'),
    (bytes, "*", "action.x: expected bytes as base64 text, got str '*'"),
    (dt.datetime, "yesterday", "action.x: expected datetime in ISO 8601, got str 'yesterday'"),
    (dt.timedelta, "1", "action.x: expected timedelta as integer microseconds, got str '1'"),
    (dt.timedelta, 2**63, "action.x: expected timedelta of at most 2^63-1 microseconds, got int 9223372036854775808"),
    (uuid.UUID, "x", "action.x: expected UUID as text, got str 'x'"),
    (Decimal, "1,5", "action.x: expected Decimal as text, got str '1,5'"),
    (Stain, "blue", "action.x: expected Stain one of 'DAPI', 'GFP', got str 'blue'"),
    (dict[int, int], {"01": 1}, "action.x[key '01']: expected int as text, got str '01'"),
    (dict[bool, int], {"True": 1}, "action.x[key 'True']: expected \"true\" or \"false\", got str 'True'"),
    (int | str, "a", "action.x: expected [branch, value] for int | str, got str 'a'"),
    (int | str, [2, "a"], "action.x: expected a branch from 0 to 1 for int | str, got int 2"),
    (int | str, [True, "a"], "action.x: expected [branch, value] for int | str, got list of 2 items"),
    (int | str, [0, "a"], "action.x: expected int, got str 'a'"),
    (list[int], {}, "action.x: expected list, got dict of 0 items"),
    (dict[str, int], [], "action.x: expected dict, got list of 0 items"),
]


@pytest.mark.requirement("call.checked")
@pytest.mark.parametrize(("hint", "wire", "message"), WIRE_REFUSED, ids=[m for _, _, m in WIRE_REFUSED])
def test_a_wire_value_that_does_not_fit_is_refused_at_the_agent_and_the_hub(hint: Any, wire: Any, message: str) -> None:
    blueprint = blueprint_of(hint)
    for refuse in (blueprint.load_args, compile_check(blueprint.definition.args, where="action")):
        with pytest.raises(InvalidValue) as refused:
            refuse({"x": wire})
        assert str(refused.value) == message


def test_an_unhashable_member_of_a_set_is_refused_at_the_agent() -> None:
    with pytest.raises(InvalidValue, match=r"action.x: expected set of hashable items, got unhashable type: 'list'"):
        blueprint_of(set[Any]).load_args({"x": [[1]]})
