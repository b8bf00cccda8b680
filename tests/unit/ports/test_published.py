"""A caller with nothing but the published definition: signature, docs, values in and out, the hub's check, hashes."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import annotated_types as at
import pydantic
import pytest
from typing_extensions import TypedDict

from arkitekt_next.errors import InvalidValue, MissingArgument, UnknownArgument
from arkitekt_next.ports import (
    Definition,
    EnumValue,
    PortCodec,
    Record,
    Reference,
    RefuseIf,
    TypeRegistry,
    asdict,
    compatibility,
    compile_check,
    compile_check_returns,
    define,
    when,
)


class Stain(Enum):
    DAPI = "blue"
    GFP = "green"


@dataclass
class Options:
    sigma: float = 1.0
    stain: Stain = Stain.DAPI


class Stats(NamedTuple):
    mean: float
    count: int


def segment(name: str, options: Options, stain: Stain = Stain.GFP, limit: int | None = None) -> Stats:
    """Segment nuclei.

    Slowly.

    Args:
        name: Which image.
    """
    return Stats(1.0, 2)


def published(function: Any, registry: TypeRegistry | None = None) -> PortCodec:
    definition = define(function, registry=TypeRegistry()).definition
    return PortCodec(Definition.from_json(json.loads(json.dumps(definition.to_json()))), registry or TypeRegistry())


@pytest.mark.requirement("call.find")
def test_the_signature_has_the_real_names_annotations_and_defaults() -> None:
    signature = published(segment).signature
    assert list(signature.parameters) == ["name", "options", "stain", "limit"]
    assert signature.parameters["name"].annotation is str
    assert signature.parameters["name"].default is inspect.Parameter.empty
    assert signature.parameters["options"].annotation is Record
    assert signature.parameters["stain"].annotation is EnumValue
    assert signature.parameters["stain"].default == "GFP"
    assert signature.parameters["limit"].annotation == int | None
    assert signature.parameters["limit"].default is None
    assert signature.return_annotation == tuple[float, int]


def test_a_required_port_after_an_optional_one_is_keyword_only() -> None:
    def f(a: int = 1, *, b: int) -> None: ...

    assert str(published(f).signature) == "(a: int = 1, *, b: int) -> None"


@pytest.mark.requirement("declare.docstrings", "call.find")
def test_the_doc_tells_what_each_argument_takes() -> None:
    assert published(segment).doc == (
        "Segment nuclei.\n\nSlowly.\n\n"
        "Args:\n    name (str): Which image.\n    options (Options): Options\n    stain (Stain): Stain\n"
        "    limit (int | None): Limit\n\n"
        "Returns:\n    mean (float): Mean\n    count (int): Count"
    )


class OptionsModel(pydantic.BaseModel):
    sigma: float
    stain: str = "GFP"


class OptionsDict(TypedDict):
    sigma: float


class OptionsTuple(NamedTuple):
    sigma: float
    stain: str


OPTIONS = [
    ({"sigma": 2}, {"sigma": 2.0}),
    (Options(2.0), {"sigma": 2.0, "stain": "DAPI"}),
    (OptionsModel(sigma=2), {"sigma": 2.0, "stain": "GFP"}),
    (OptionsDict(sigma=2.0), {"sigma": 2.0}),
    (OptionsTuple(2.0, "GFP"), {"sigma": 2.0, "stain": "GFP"}),
    (Record("Options", {"sigma": 2.0}), {"sigma": 2.0}),
]


@pytest.mark.requirement("declare.models")
@pytest.mark.parametrize(("given", "wire"), OPTIONS, ids=lambda v: type(v).__name__)
def test_a_model_is_taken_in_every_shape(given: Any, wire: Any) -> None:
    found = published(segment).dump_args(("a", given), {})
    assert found == {"name": "a", "options": wire}


@pytest.mark.parametrize("given", [Stain.GFP, "GFP", "green", EnumValue("GFP", "green", "Stain")])
def test_an_enum_is_taken_as_member_name_or_value(given: Any) -> None:
    assert published(segment).dump_args(("a", {}), {"stain": given})["stain"] == "GFP"


@pytest.mark.requirement("call.checked")
def test_wrong_arguments_are_refused_by_name() -> None:
    codec = published(segment)
    with pytest.raises(InvalidValue, match=r"segment.options.sigma: expected float, got str 'x'"):
        codec.dump_args(("a", {"sigma": "x"}), {})
    with pytest.raises(InvalidValue, match=r"segment.stain: expected Stain one of 'DAPI', 'GFP', got str 'RED'"):
        codec.dump_args(("a", {}), {"stain": "RED"})
    with pytest.raises(MissingArgument, match=r"segment needs the argument 'options'"):
        codec.dump_args(("a",), {})
    with pytest.raises(UnknownArgument, match=r"no argument 'sigma'. It takes: name, options, stain, limit"):
        codec.dump_args(("a",), {"sigma": 1})


@pytest.mark.requirement("declare.outputs")
def test_several_returns_come_as_a_tuple_with_the_published_names() -> None:
    back = published(segment).load_return([1.5, 2])
    assert back == (1.5, 2)
    assert (back.mean, back.count) == (1.5, 2)
    assert type(back).__name__ == "Stats"


def test_an_unknown_model_comes_as_a_record_and_an_unknown_enum_as_its_name() -> None:
    def f() -> dict[str, Options]: ...

    back = published(f).load_return([{"a": {"sigma": 2, "stain": "GFP"}}])["a"]
    assert (back.sigma, back["stain"], back.stain.value) == (2.0, "GFP", "green")
    assert back == {"sigma": 2.0, "stain": "GFP"}
    assert repr(back) == "Options(sigma=2.0, stain=<Stain.GFP: 'green'>)"


@pytest.mark.requirement("declare.models")
def test_a_known_model_and_enum_come_as_their_class() -> None:
    registry = TypeRegistry()

    def f() -> Options: ...

    definition = define(f, registry=registry).definition
    assert PortCodec(definition, registry).load_return([{"stain": "GFP"}]) == Options(stain=Stain.GFP)
    assert PortCodec(definition, registry).signature.return_annotation is Options


def test_a_local_class_with_other_fields_is_not_used() -> None:
    registry = TypeRegistry()

    def ours() -> Options: ...

    define(ours, registry=registry)

    def make() -> Any:
        @dataclass
        class Options:
            sigma: float = 1.0
            extra: int = 0

        def f() -> Options: ...  # type: ignore[empty-body]

        return define(f, registry=TypeRegistry()).definition

    assert type(PortCodec(make(), registry).load_return([{}])) is Record


def test_a_model_of_the_registry_that_was_never_in_a_hint_is_found() -> None:
    registry = TypeRegistry()
    registry.add_model(Options)

    def f() -> Options: ...

    definition = define(f, registry=TypeRegistry()).definition
    assert type(PortCodec(definition, registry).load_return([{}])) is Options


def test_a_stream_and_a_single_value_load_as_they_are() -> None:
    def f() -> Iterator[int]: ...
    def g() -> None: ...
    def h() -> tuple[int]: ...

    assert published(f).load_return([3]) == 3
    assert published(g).load_return([]) is None
    assert published(h).load_return([3]) == (3,)
    with pytest.raises(InvalidValue, match=r"g returns: expected list of 0, got list of 1 item"):
        published(g).load_return([1])


@pytest.mark.requirement("declare.kinds")
def test_a_literal_and_a_union_choose_the_same_branch_as_the_author() -> None:
    def f(x: Literal["a", 1] | Options | list[int] | None) -> None: ...

    codec = published(f)
    assert codec.dump_args((1,), {}) == {"x": [0, 1]}
    assert codec.dump_args((Options(),), {}) == {"x": [1, {"sigma": 1.0, "stain": "DAPI"}]}
    assert codec.dump_args(({"sigma": 1.0},), {}) == {"x": [1, {"sigma": 1.0}]}
    assert codec.dump_args(([2],), {}) == {"x": [2, [2]]}
    assert codec.dump_args((None,), {}) == {"x": None}


def test_a_frozenset_stays_one_for_a_stranger() -> None:
    def f(x: set[int] | frozenset[int]) -> frozenset[int]: ...

    codec = published(f)
    assert codec.dump_args((frozenset({1}),), {}) == {"x": [1, [1]]}
    assert type(codec.load_return([[1]])) is frozenset


# -- records and friends -----------------------------------------------------------------------------------------


def test_a_record_reads_like_an_object_and_compares_like_a_dict() -> None:
    record = Record("Roi", {"x": 1, "items": [Record("P", {"y": 2})]})
    assert (record.x, record["x"], "x" in record, list(record), len(record)) == (1, 1, True, ["x", "items"], 2)
    assert record.items[0].y == 2
    assert record == {"x": 1, "items": [{"y": 2}]}
    assert record == Record("Other", {"x": 1, "items": [Record("P", {"y": 2})]})
    assert record != {"x": 2}
    assert asdict(record) == {"x": 1, "items": [{"y": 2}]}
    with pytest.raises(AttributeError, match=r"Roi has no field 'z'. It has: x, items"):
        _ = record.z
    with pytest.raises(AttributeError, match=r"a record is read-only"):
        record.x = 2


@pytest.mark.parametrize("value", [Record("A", {"x": 1}), EnumValue("GFP", "green", "Stain"), Reference("Ref", "7")])
def test_stand_ins_copy_pickle_and_hash(value: Any) -> None:
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value
    assert hash(copy.copy(value)) == hash(value)


# -- the hub's check ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("call.checked")
def test_the_check_names_action_argument_and_place() -> None:
    def segment(
        options: dict[str, list[Annotated[float, at.Ge(0)]]], pair: tuple[int, str] = (1, "a"), on: bool = True
    ) -> None: ...

    check = compile_check(define(segment).definition.args, where="app.segment")
    check({"options": {}})
    cases: list[tuple[Any, str]] = [
        ({"options": {"s": [1, -1]}}, "app.segment.options['s'][1]: expected float ≥ 0, got -1"),
        ({"options": {"s": 1}}, "app.segment.options['s']: expected list, got int 1"),
        ({"options": {}, "pair": [1]}, "app.segment.pair: expected tuple of 2 items, got list of 1 item"),
        ({"options": {}, "pair": [1, 1]}, "app.segment.pair[1]: expected str, got int 1"),
        ({"options": {}, "on": 1}, "app.segment.on: expected bool, got int 1"),
        ({"options": {}, "off": 1}, "app.segment has no argument 'off'. It takes: options, pair, on"),
        ({}, "app.segment needs the argument 'options' (dict[str, list[float ≥ 0]])"),
        ([], "app.segment: expected an object of arguments, got list of 0 items"),
        (None, "app.segment: expected an object of arguments, got None"),
    ]
    for wire, message in cases:
        with pytest.raises(InvalidValue) as refused:
            check(wire)
        assert str(refused.value) == message


@pytest.mark.requirement("call.checked")
def test_the_check_of_returns_names_the_output() -> None:
    check = compile_check_returns(define(segment, registry=TypeRegistry()).definition.returns, where="segment")
    check([1.0, 2])
    with pytest.raises(InvalidValue, match=r"segment returns count: expected int, got str 'a'"):
        check([1.0, "a"])
    with pytest.raises(InvalidValue, match=r"segment returns: expected list of 2, got list of 1 item"):
        check([1.0])


def test_hostile_depth_size_and_digits_are_refused_and_nothing_else_happens() -> None:
    def f(x: Any, y: float = 1, z: str = "") -> None: ...

    check = compile_check(define(f).definition.args, where="f")
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for wire in ({"x": deep}, {"x": 1, "y": 10**5000}, {"x": 10**5000}, {"x": 1, "z": deep}, {"x": 1, "y": deep}):
        with pytest.raises(InvalidValue):
            check(wire)
    with pytest.raises(UnknownArgument):
        check({"q" * 100_000: 1})


# -- hashes and compatibility ------------------------------------------------------------------------------------


def base(x: int, y: float = 1.0) -> int: ...


def signature_of(function: Any, **options: Any) -> str:
    return define(function, name="base", registry=TypeRegistry(), **options).definition.signature_hash


def test_docs_labels_widgets_and_effects_do_not_touch_the_signature_hash() -> None:
    def documented(x: Annotated[int, "The x."], y: float = 1) -> int:
        """Say more."""

    assert signature_of(documented, label="Other", effects="none", retries=1) == signature_of(base)
    one = define(documented, name="base").definition
    assert one.definition_hash != define(base).definition.definition_hash


def changed() -> list[Any]:
    def renamed(z: int, y: float = 1.0) -> int: ...
    def rekinded(x: float, y: float = 1.0) -> int: ...
    def nullable(x: int | None, y: float = 1.0) -> int: ...
    def redefaulted(x: int, y: float = 2.0) -> int: ...
    def required(x: int, y: float) -> int: ...
    def limited(x: Annotated[int, at.Ge(0)], y: float = 1.0) -> int: ...
    def streaming(x: int, y: float = 1.0) -> Iterator[int]: ...
    def returning(x: int, y: float = 1.0) -> str: ...
    def tupled(x: int, y: float = 1.0) -> tuple[int]: ...
    def extended(x: int, y: float = 1.0, z: int = 0) -> int: ...
    def refusing(x: Annotated[int, RefuseIf(when("x") > 5, "too much")], y: float = 1.0) -> int: ...

    return [
        renamed,
        rekinded,
        nullable,
        redefaulted,
        required,
        limited,
        streaming,
        returning,
        tupled,
        extended,
        refusing,
    ]


@pytest.mark.requirement("declare.compatibility")
@pytest.mark.parametrize("function", changed(), ids=lambda f: f.__name__)
def test_what_decides_whether_a_call_fits_changes_the_signature_hash(function: Any) -> None:
    assert signature_of(function) != signature_of(base)


def test_the_signature_hash_is_the_same_on_every_machine() -> None:
    assert signature_of(base) == "b4be227600955a11046c42b4eb8f3c32f8949fff98848cc68101d901f23dee7d"


def test_hashing_never_fails() -> None:
    def f(
        a: int = 2**63 - 1,
        b: str = "\ud800\0",
        c: float = float("nan"),
        d: float = -0.0,
        e: Literal[9007199254740993, "\udfff"] = 9007199254740993,
    ) -> None: ...

    definition = define(f).definition
    again = Definition.from_json(json.loads(json.dumps(definition.to_json())))
    assert (again.signature_hash, again.definition_hash) == (definition.signature_hash, definition.definition_hash)
    assert len(definition.signature_hash) == 64


def test_where_the_function_stands_and_its_version_do_not_touch_the_definition_hash() -> None:
    def base(x: int, y: float = 1.0) -> int: ...

    first = define(base, version="1", registry=TypeRegistry()).definition
    second = define(globals()["base"], version="2", registry=TypeRegistry()).definition
    assert first.source != second.source
    assert first.definition_hash == second.definition_hash


BREAKS = [
    ("renamed", ["the argument 'x' was removed", "the new argument 'z' (int) is required"]),
    ("rekinded", []),
    ("nullable", []),
    ("redefaulted", []),
    ("required", ["the argument 'y' had a default, now it is required"]),
    ("limited", ["the argument 'x' was int, now it is int ≥ 0"]),
    ("streaming", ["the action was a function, now it is a generator"]),
    ("returning", ["the return 'out' was int, now it is str"]),
    ("tupled", ["it returned a single value, now a tuple", "the return 'out' is now called 'out0'"]),
    ("extended", []),
    ("refusing", ["the argument 'x' has a new rule: too much"]),
]


@pytest.mark.requirement("declare.compatibility")
@pytest.mark.parametrize(("name", "sentences"), BREAKS, ids=[n for n, _ in BREAKS])
def test_a_breaking_change_is_a_sentence(name: str, sentences: list[str]) -> None:
    function = next(f for f in changed() if f.__name__ == name)
    old = define(base).definition
    new = define(function, name="base").definition
    found = compatibility(old, new)
    assert list(found.breaking) == sentences
    assert found.is_compatible is (not sentences)


@pytest.mark.requirement("declare.compatibility")
def test_what_breaks_one_way_is_harmless_the_other_way() -> None:
    def wide(x: float | None = None) -> int: ...
    def narrow(x: float) -> int | None: ...

    old, new = (define(f, name="f").definition for f in (wide, narrow))
    assert list(compatibility(old, new).breaking) == [
        "the argument 'x' had a default, now it is required",
        "the argument 'x' could be None, now it can't",
        "the return 'out' was never None, now it can be",
    ]
    assert compatibility(new, old).breaking == ()
    assert compatibility(new, old).harmless == (
        "the argument 'x' now has a default",
        "the argument 'x' may now be None",
    )


@pytest.mark.requirement("declare.compatibility")
def test_changes_inside_models_enums_and_unions_are_found() -> None:
    def of(hint: Any, returned: Any = None) -> Definition:
        def f(x):
            return None

        f.__annotations__ = {"x": hint, "return": returned}
        return define(f, registry=TypeRegistry()).definition

    first, second = Enum("Stain", ["A", "B"]), Enum("Stain", ["A"])
    assert compatibility(of(first), of(second)).breaking == ("the argument 'x' no longer takes 'B'",)
    assert compatibility(of(int, second), of(int, first)).breaking == ("the return 'out' can now be 'B'",)
    assert compatibility(of(second), of(first)).breaking == ()
    assert compatibility(of(int | str), of(int | str | float)).breaking == ()
    assert compatibility(of(int | str), of(str | int)).breaking == (
        "the argument 'x', branch 0, was int, now it is str",
        "the argument 'x', branch 1, was str, now it is int",
    )
    one = pydantic.create_model("Roi", a=(int, ...))
    two = pydantic.create_model("Roi", a=(int, ...), b=(int, ...))
    three = pydantic.create_model("Roi", a=(int, ...), b=(int, 1))
    assert compatibility(of(one), of(two)).breaking == ("the argument 'x': the field 'b' is new and required",)
    assert compatibility(of(one), of(three)).breaking == ()
    assert compatibility(of(two), of(one)).breaking == ("the argument 'x': the field 'b' was removed",)
    assert compatibility(of(list[int]), of(list[str])).breaking == ("the argument 'x', item, was int, now it is str",)
