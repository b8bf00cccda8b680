"""What is typed becomes wire values as the ports say, and wire values become JSON that can be given back."""

from __future__ import annotations

import asyncio
import datetime as dt
import enum
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from hypothesis import given, settings
from pydantic import Field

from arkitekt_next.cli.arguments import parse, read_arguments, read_json, returns_to_json, to_json, to_wire
from arkitekt_next.errors import ArkitektError, InvalidValue, MissingArgument, NotFound, UnknownArgument
from arkitekt_next.ports import Blueprint, Port, PortKind, compile_check, define
from arkitekt_next.testing.port_strategies import ports


class Stain(enum.Enum):
    DAPI = "blue"
    GFP = "green"


@dataclass
class Roi:
    x: int
    sides: list[float] = field(default_factory=list)


class Stats(NamedTuple):
    mean: float
    number: int


def blueprint_of(hint: Any) -> Blueprint:
    def function(value): ...

    function.__annotations__ = {"value": hint, "return": hint}
    return define(function)


def port_of(hint: Any) -> Port:
    return blueprint_of(hint).definition.args[0]


@pytest.mark.requirement("cli.call")
@pytest.mark.parametrize(
    ("hint", "text", "wire"),
    [
        (str, "as it stands", "as it stands"),
        (str, "null", "null"),
        (str | None, "null", "null"),
        (str, '"quoted"', '"quoted"'),
        (str, "@nothing", "@nothing"),
        (int, "-12", -12),
        (int | None, "null", None),
        (float, "1e3", 1000.0),
        (float, "nan", "NaN"),
        (float, "-inf", "-Infinity"),
        (bool, "yes", True),
        (bool, "OFF", False),
        (bytes, "ab", "YWI="),
        (Stain, "DAPI", "DAPI"),
        (Stain, "green", "GFP"),
        (Literal["a", 2], "2", 2),
        (Literal["a", 2], "a", "a"),
        (list[int], "1,2, 3", [1, 2, 3]),
        (list[int], "[1, 2]", [1, 2]),
        (list[str], "", []),
        (set[str], "a,b", ["a", "b"]),
        (tuple[int, str], "1,x", [1, "x"]),
        (tuple[int, ...], "1,2", [1, 2]),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Roi, '{"x": 1, "sides": [2]}', {"x": 1, "sides": [2]}),
        (int | str, "5", [0, 5]),
        (str | int, "5", [1, 5]),
        (int | str, "five", [1, "five"]),
        (Roi | int, '{"x": 3}', [0, {"x": 3}]),
        (dt.timedelta, "90", 90_000_000),
        (dt.timedelta, "1.5 min", 90_000_000),
        (dt.timedelta, "1h 30min", 5_400_000_000),
        (dt.timedelta, "0:01:30", 90_000_000),
        (dt.timedelta, "50ms", 50_000),
        (dt.datetime, "2026-11-21T14:00", "2026-11-21T14:00"),
        (dt.date, "2026-11-21", "2026-11-21"),
        (Annotated[int, Field(ge=0)] | str, "-1", [1, "-1"]),
        (dict | str, "[1]", [1, "[1]"]),
        (dict | float, "nan", [1, "NaN"]),
        (Any, "[1, null]", [1, None]),
        (Any, "plain text", "plain text"),
    ],
)
def test_text_is_read_as_its_port_says(hint: Any, text: str, wire: Any) -> None:
    assert parse(port_of(hint), text, "f.value") == wire


@pytest.mark.parametrize(
    ("hint", "text", "says"),
    [
        (int, "1.5", "expected int, got '1.5'"),
        (bool, "maybe", "expected bool, got 'maybe'"),
        (Stain, "red", "expected one of DAPI, GFP, got 'red'"),
        (tuple[int, str], "1", "expected 2 values"),
        (list[int], "1,x", "f.value[1]: expected int"),
        (dt.timedelta, "soon", "Write 90, 90s"),
        (Roi, "{", "as JSON"),
        (Roi, "{}", "f.value.x: expected int, got nothing"),
        (Roi, '{"x": 1, "y": 2}', "unknown field 'y'"),
        (int | bool, "x", "expected int | bool, got 'x'"),
        (dict[str, int], '{"a": "b"}', "f.value['a']: expected int"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_expected(hint: Any, text: str, says: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        parse(port_of(hint), text, "f.value")
    assert says in str(caught.value)


def definition() -> Any:
    def measure(image: str, sigma: float = 1.0, roi: Roi | None = None) -> float: ...

    return define(measure).definition


def test_arguments_are_taken_by_name_in_order_and_from_json() -> None:
    assert read_arguments(definition(), "lab.measure", ["cells", "2"]) == {"image": "cells", "sigma": 2.0}
    assert read_arguments(definition(), "lab.measure", ["cells", "roi=null"]) == {"image": "cells", "roi": None}
    given = {"image": "@a", "roi": {"x": 1}}
    assert read_arguments(definition(), "lab.measure", ["sigma=3"], given) == {**given, "sigma": 3.0}


def test_a_text_with_an_equals_sign_is_a_value_when_no_name_stands_before_it() -> None:
    assert read_arguments(definition(), "lab.measure", ["2=3"]) == {"image": "2=3"}


@pytest.mark.parametrize(
    ("typed", "given", "error", "says"),
    [
        (["imgae=a"], None, UnknownArgument, "It takes: image, sigma, roi"),
        ([], None, MissingArgument, "needs the argument 'image' (str)"),
        (["a", "1", "null", "4"], None, InvalidValue, "at most 3 values, got 4"),
        (["a", "image=b"], None, InvalidValue, "one value, got two"),
        (["a"], [1], InvalidValue, "a JSON object of arguments"),
    ],
)
def test_wrong_arguments_are_named(typed: list[str], given: Any, error: type[ArkitektError], says: str) -> None:
    with pytest.raises(error) as caught:
        read_arguments(definition(), "lab.measure", typed, given)
    assert says in str(caught.value)


def test_json_comes_from_a_file_with_or_without_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(f"@{tmp_path / 'a.json'}", "--args") == {"a": 1}
    with pytest.raises(NotFound, match=r"There is no file .*Correct the path behind the @ of --args"):
        read_json(f"@{tmp_path / 'b.json'}", "--args")


def test_results_are_a_value_a_list_or_named() -> None:
    def one() -> int: ...
    def nothing() -> None: ...
    def two() -> tuple[int, str]: ...
    def named() -> Stats: ...

    assert returns_to_json(define(one).definition, [1]) == 1
    assert returns_to_json(define(nothing).definition, []) is None
    assert returns_to_json(define(two).definition, [1, "a"]) == [1, "a"]
    assert returns_to_json(define(named).definition, [1.5, 2]) == {"mean": 1.5, "number": 2}


def _has_union(port: Port) -> bool:
    return port.kind is PortKind.UNION or any(map(_has_union, port.children))


@pytest.mark.requirement("cli.call")
@settings(max_examples=200, deadline=None)
@given(ports(max_depth=3))
def test_what_comes_out_can_be_given_back_in(drawn: tuple[Any, Any]) -> None:
    hint, value = drawn
    blueprint = blueprint_of(hint)
    port = blueprint.definition.args[0]
    wire = asyncio.run(blueprint.adump_args((value,), {}))["value"]
    shown = json.loads(json.dumps(to_json(port, wire)))
    back = to_wire(port, shown, "f.value")
    compile_check((port,), where="f")({"value": back})
    if not _has_union(port):  # two branches may be written alike
        assert back == wire
