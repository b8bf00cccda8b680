"""Dataclass, pydantic model, TypedDict and NamedTuple travel as objects and come back as their class."""

from __future__ import annotations

import dataclasses
import typing
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple, NotRequired, Optional, Required

import annotated_types as at
import pydantic
import pytest
from typing_extensions import TypedDict

from arkitekt_next.errors import InvalidValue, UnsupportedType
from arkitekt_next.ports import Label, TypeRegistry, Unit, compile_check, define, model


@dataclass
class Roi:
    x: int
    y: int = 0


@dataclass
class Options:
    """How to segment.

    Attributes:
        sigma: Width of the blur.
        rois: Where to look.
    """

    sigma: Annotated[float, at.Ge(0), Unit("pixel")] = 1
    rois: list[Roi] = field(default_factory=list)
    mask: Roi | None = None
    seen: bool = field(default=False, init=False)


class Acquisition(pydantic.BaseModel):
    exposure: float = pydantic.Field(gt=0, description="Exposure time.", title="Exposure")
    channels: list[str] = []
    roi: Optional[Roi] = None  # noqa: UP045
    gain: int = pydantic.Field(default=1, alias="cameraGain")


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Meta(TypedDict):
    name: str
    note: NotRequired[str]


class Loose(TypedDict, total=False):
    a: int
    b: Required[int]


def blueprint_of(hint: Any, registry: TypeRegistry | None = None) -> Any:
    def segment(options):
        return options

    segment.__annotations__ = {"options": hint, "return": None}
    return define(segment, registry=registry or TypeRegistry())


ROUND_TRIPS = [
    (Roi, Roi(1, 2), {"x": 1, "y": 2}),
    (Options, Options(2, [Roi(1)]), {"sigma": 2.0, "rois": [{"x": 1, "y": 0}], "mask": None}),
    (
        Acquisition,
        Acquisition(exposure=0.5, roi=Roi(3), cameraGain=7),
        {"exposure": 0.5, "channels": [], "roi": {"x": 3, "y": 0}, "gain": 7},
    ),
    (Point, Point(1, 2.5), {"x": 1.0, "y": 2.5}),
    (Meta, {"name": "a"}, {"name": "a"}),
    (Meta, {"name": "a", "note": "b"}, {"name": "a", "note": "b"}),
    (Loose, {"b": 1}, {"b": 1}),
    (dict[str, Roi], {"a": Roi(1)}, {"a": {"x": 1, "y": 0}}),
    (Roi | Point, Point(1.0), [1, {"x": 1.0, "y": 0.0}]),
]


@pytest.mark.requirement("declare.models")
@pytest.mark.parametrize(("hint", "value", "wire"), ROUND_TRIPS, ids=[str(w)[:40] for _, _, w in ROUND_TRIPS])
def test_a_model_travels_as_its_fields_and_comes_back_as_its_class(hint: Any, value: Any, wire: Any) -> None:
    blueprint = blueprint_of(hint)
    assert blueprint.dump_args((value,), {}) == {"options": wire}
    back = blueprint.load_args({"options": wire})["options"]
    assert (back, type(back)) == (value, type(value))
    compile_check(blueprint.definition.args, where="segment")({"options": wire})


@pytest.mark.requirement("declare.models")
def test_fields_carry_defaults_docs_units_and_constraints() -> None:
    sigma, rois, mask = blueprint_of(Options).definition.args[0].children
    assert (sigma.default, sigma.required, sigma.unit, sigma.constraints.ge) == (1.0, False, "pixel", 0)
    assert (sigma.description, rois.description) == ("Width of the blur.", "Where to look.")
    assert (rois.default, mask.nullable, mask.default) == ([], True, None)


def test_pydantic_fields_carry_their_description_title_and_limits() -> None:
    exposure = blueprint_of(Acquisition).definition.args[0].children[0]
    assert (exposure.description, exposure.label, exposure.constraints.gt) == ("Exposure time.", "Exposure", 0)


@pytest.mark.requirement("declare.models")
def test_a_field_that_was_left_out_takes_the_default_of_the_class() -> None:
    blueprint = blueprint_of(Options)
    assert blueprint.load_args({"options": {}})["options"] == Options()


def test_a_mapping_is_taken_for_a_model() -> None:
    assert blueprint_of(Options).dump_args(({"sigma": 3},), {}) == {"options": {"sigma": 3.0}}


def test_a_subclass_is_taken_for_its_parent() -> None:
    @dataclass
    class Fine(Roi): ...

    assert blueprint_of(Roi).dump_args((Fine(1),), {}) == {"options": {"x": 1, "y": 0}}


REFUSED = [
    (Roi, {"y": 1}, "segment.options.x: expected int, got nothing"),
    (Roi, {"x": 1, "z": 1}, "segment.options: expected the fields of Roi (x, y), got the unknown field 'z'"),
    (Roi, 3, "segment.options: expected Roi, got int 3"),
    (Options, {"rois": [{"x": "a"}]}, "segment.options.rois[0].x: expected int, got str 'a'"),
    (Options, {"sigma": -1.0}, "segment.options.sigma: expected float ≥ 0, got -1.0"),
    (Meta, {"note": "a"}, "segment.options.name: expected str, got nothing"),
    (Loose, {"a": 1}, "segment.options.b: expected int, got nothing"),
    (Acquisition, {"exposure": 0.0}, "segment.options.exposure: expected float > 0, got 0.0"),
]


@pytest.mark.requirement("call.checked")
@pytest.mark.parametrize(("hint", "value", "message"), REFUSED, ids=[m for _, _, m in REFUSED])
def test_a_model_that_does_not_fit_is_refused_in_both_directions_and_names_the_field(
    hint: Any, value: Any, message: str
) -> None:
    blueprint = blueprint_of(hint)
    with pytest.raises(InvalidValue) as at_caller:
        blueprint.dump_args((value,), {})
    with pytest.raises(InvalidValue) as at_agent:
        blueprint.load_args({"options": value})
    assert (str(at_caller.value), str(at_agent.value)) == (message, message)
    with pytest.raises(InvalidValue) as at_hub:
        compile_check(blueprint.definition.args, where="segment")({"options": value})
    assert str(at_hub.value).startswith("segment.options")


def test_the_validators_of_a_pydantic_model_run_at_the_agent() -> None:
    class Even(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def check(cls, n: int) -> int:
            if n % 2:
                raise ValueError("odd")
            return n

    with pytest.raises(InvalidValue, match=r"segment.options: expected Even, got n: Value error, odd"):
        blueprint_of(Even).load_args({"options": {"n": 3}})


def test_post_init_of_a_dataclass_runs_and_its_error_is_named() -> None:
    @dataclass
    class Positive:
        n: int

        def __post_init__(self) -> None:
            if self.n < 0:
                raise ValueError("n is negative")

    with pytest.raises(InvalidValue, match=r"segment.options: expected Positive, got n is negative"):
        blueprint_of(Positive).load_args({"options": {"n": -1}})


def test_extra_fields_of_a_pydantic_instance_are_not_lost_silently() -> None:
    class Open(pydantic.BaseModel, extra="allow"):
        a: int

    with pytest.raises(InvalidValue, match=r"the unknown field 'b'"):
        blueprint_of(Open).dump_args((Open(a=1, b=2),), {})  # type: ignore[call-arg]


def test_a_pydantic_dataclass_is_a_model() -> None:
    @pydantic.dataclasses.dataclass
    class Pixel:
        size: float = pydantic.Field(default=1.0, gt=0)

    blueprint = blueprint_of(Pixel)
    assert blueprint.dump_args((Pixel(2.0),), {}) == {"options": {"size": 2.0}}
    assert blueprint.load_args({"options": {}})["options"] == Pixel(1.0)


@pytest.mark.requirement("declare.models")
def test_the_model_decorator_gives_another_identifier() -> None:
    @model(identifier="roi/2", registry=TypeRegistry())
    @dataclass
    class Region:
        x: int

    @model
    @dataclass
    class Plain:
        x: int

    assert blueprint_of(Region).definition.args[0].identifier == "roi/2"
    assert blueprint_of(Plain).definition.args[0].identifier == "Plain"


def test_frozen_slotted_and_keyword_only_dataclasses_work() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Cell:
        area: float

    assert blueprint_of(set[Cell]).load_args({"options": [{"area": 1}]})["options"] == {Cell(area=1.0)}


def test_metadata_of_dataclass_fields_describes_them() -> None:
    @dataclass
    class Cell:
        area: Annotated[float, Label("Area")] = field(default=1.0, metadata={"description": "In pixels."})

    port = blueprint_of(Cell).definition.args[0].children[0]
    assert (port.description, port.label) == ("In pixels.", "Area")


@pytest.mark.requirement("declare.refusals")
def test_a_recursive_model_is_refused_with_a_remedy() -> None:
    class Tree(pydantic.BaseModel):
        inner: list[Tree] = []

    with pytest.raises(UnsupportedType, match=r"Tree contains itself. Use dict"):
        blueprint_of(Tree)


def test_models_that_cannot_be_built_from_fields_are_refused() -> None:
    @dataclass
    class Hidden:
        seed: dataclasses.InitVar[int]

    with pytest.raises(UnsupportedType, match=r"its constructor needs 'seed', which is no field"):
        blueprint_of(Hidden)
    with pytest.raises(UnsupportedType, match=r"a RootModel has no fields. Use the type inside it"):
        blueprint_of(pydantic.RootModel[int])
    import collections

    with pytest.raises(UnsupportedType, match=r"its fields have no hints"):
        blueprint_of(collections.namedtuple("Bare", "a b"))


@pytest.mark.requirement("declare.refusals")
def test_a_field_that_cannot_travel_is_named() -> None:
    @dataclass
    class Bad:
        code: typing.Callable[[], None]

    with pytest.raises(UnsupportedType, match=r"its field Bad.code: code does not travel"):
        blueprint_of(Bad)


def test_factories_without_a_fixed_outcome_give_no_published_default() -> None:
    @dataclass
    class Run:
        id: uuid.UUID = field(default_factory=uuid.uuid4)

    first, second = blueprint_of(Run).definition, blueprint_of(Run).definition
    assert first.args[0].children[0].default is None
    assert first.signature_hash == second.signature_hash
