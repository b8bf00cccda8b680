"""What stands in `Annotated` limits, describes and shows a port; what can't be published is refused."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

import annotated_types as at
import pydantic
import pytest
from typing_extensions import Doc

import arkitekt_next.ports as ports
from arkitekt_next.errors import DeclarationError, InvalidValue, UnsupportedType
from arkitekt_next.ports import (
    Choices,
    Constraints,
    Description,
    Group,
    HideIf,
    In,
    Label,
    Port,
    PortCodec,
    PortKind,
    RefuseIf,
    Slider,
    TypeRegistry,
    Unit,
    WarnIf,
    compile_check,
    define,
    when,
)


def blueprint_of(hint: Any) -> Any:
    def blur(x):
        return None

    blur.__annotations__ = {"x": hint, "return": None}
    return define(blur, registry=TypeRegistry())


LIMITS = [
    (Annotated[int, at.Ge(0)], 0, -1, "blur.x: expected int ≥ 0, got -1"),
    (Annotated[float, at.Gt(0)], 0.1, 0.0, "blur.x: expected float > 0, got 0.0"),
    (Annotated[float, at.Interval(ge=0, lt=1)], 0.5, 1.0, "blur.x: expected float ≥ 0 and < 1, got 1.0"),
    (Annotated[int, at.MultipleOf(3)], 9, 8, "blur.x: expected int a multiple of 3, got 8"),
    (Annotated[float, at.MultipleOf(0.1)], 0.3, 0.35, "blur.x: expected float a multiple of 0.1, got 0.35"),
    (Annotated[int, pydantic.Field(ge=1, le=3)], 3, 4, "blur.x: expected int ≥ 1 and ≤ 3, got 4"),
    (Annotated[str, pydantic.Field(max_length=2)], "ab", "abc", "blur.x: expected str length ≤ 2, got 'abc'"),
    (Annotated[str, pydantic.Field(pattern="^a+$")], "aa", "b", "blur.x: expected str matching '^a+$', got 'b'"),
    (
        Annotated[str, pydantic.StringConstraints(min_length=1, pattern=re.compile("x"))],
        "x",
        "",
        "blur.x: expected str length ≥ 1 and matching 'x', got ",
    ),
    (Annotated[list[int], at.Len(1, 2)], [1], [1, 2, 3], "got list of 3 items"),
    (Annotated[set[int], at.MinLen(1)], {1}, set(), "got set of 0 items"),
    (Annotated[dict[str, int], at.MaxLen(1)], {"a": 1}, {"a": 1, "b": 2}, "got dict of 2 items"),
    (Annotated[bytes, at.MaxLen(1)], b"a", b"ab", "blur.x: expected bytes length ≤ 1, got b'ab'"),
    (Annotated[Decimal, at.Le(Decimal("1.5"))], Decimal("1.5"), Decimal("1.6"), "expected Decimal ≤ 1.5, got 1.6"),
    (Annotated[Decimal, at.Le(Decimal("1.5"))], Decimal(0), Decimal("NaN"), "got NaN"),
    (Annotated[float, at.Ge(0)], 1.0, float("nan"), "blur.x: expected float ≥ 0, got nan"),
    (Annotated[dt.date, at.Ge(dt.date(2026, 1, 1))], dt.date(2026, 1, 1), dt.date(2025, 1, 1), "≥ 2026-01-01"),
    (
        Annotated[dt.datetime, at.Ge(dt.datetime(2026, 1, 1))],
        dt.datetime(2027, 1, 1),
        dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
        "expected datetime ≥ 2026-01-01T00:00:00",
    ),
    (Annotated[dt.timedelta, at.Le(dt.timedelta(seconds=1))], dt.timedelta(0), dt.timedelta(2), "≤ 1000000"),
    (pydantic.PositiveInt, 1, 0, "blur.x: expected int > 0, got 0"),
    (Annotated[int | None, at.Ge(0)], None, -1, "blur.x: expected int ≥ 0, got -1"),
    (Annotated[int, at.Ge(0)] | None, 0, -1, "blur.x: expected int ≥ 0, got -1"),
    (list[Annotated[int, at.Ge(0)]], [0], [0, -1], "blur.x[1]: expected int ≥ 0, got -1"),
    (dict[Annotated[str, at.MinLen(1)], int], {"a": 1}, {"": 1}, "blur.x[key '']: expected str length ≥ 1, got "),
    (Annotated[int | float, at.Ge(0)], 1, -1, "blur.x: expected int ≥ 0, got -1"),
    (Annotated[Annotated[int, at.Ge(0)], at.Le(9)], 9, 10, "blur.x: expected int ≥ 0 and ≤ 9, got 10"),
]


@pytest.mark.requirement("declare.limits")
@pytest.mark.parametrize(
    ("hint", "good", "bad", "message"), LIMITS, ids=[f"{i}-{m}" for i, (*_, m) in enumerate(LIMITS)]
)
def test_a_limit_holds_at_the_caller_the_hub_and_the_agent(hint: Any, good: Any, bad: Any, message: str) -> None:
    blueprint = blueprint_of(hint)
    check = compile_check(blueprint.definition.args, where="blur")
    codec = PortCodec(blueprint.definition, TypeRegistry())
    wire = blueprint.dump_args((good,), {})
    check(wire)
    assert blueprint.load_args(wire)["x"] == good
    with pytest.raises(InvalidValue) as refused:
        blueprint.dump_args((bad,), {})
    assert message in str(refused.value)
    with pytest.raises(InvalidValue):
        codec.dump_args((bad,), {})
    unlimited = without_limits(blueprint.definition.args[0])
    sneaked = PortCodec(blueprint.definition.model_copy(update={"args": (unlimited,)})).dump_args((bad,), {})
    with pytest.raises(InvalidValue):
        check(sneaked)
    with pytest.raises(InvalidValue):
        blueprint.load_args(sneaked)


def without_limits(port: Port) -> Port:
    return port.model_copy(
        update={"constraints": None, "children": tuple(without_limits(child) for child in port.children)}
    )


def test_a_pattern_takes_linear_time() -> None:
    blueprint = blueprint_of(Annotated[str, pydantic.Field(pattern="^(a+)+$")])
    check = compile_check(blueprint.definition.args, where="blur")
    with pytest.raises(InvalidValue):
        check({"x": "a" * 5000 + "!"})


REFUSED = [
    (Annotated[int, at.Predicate(bool)], "Predicate is Python code, which the hub and the form can't run"),
    (Annotated[int, pydantic.AfterValidator(abs)], "AfterValidator is Python code"),
    (Annotated[str, pydantic.StringConstraints(to_upper=True)], "to_upper changes the value"),
    (Annotated[float, pydantic.Field(allow_inf_nan=False)], "allow_inf_nan can't be checked at the hub"),
    (Annotated[int, pydantic.Field(default=3)], "Field(default=...) has no effect on a parameter"),
    (Annotated[str, at.Ge(0)], "'ge' makes no sense for string"),
    (Annotated[int, at.MaxLen(3)], "'max_length' makes no sense for int"),
    (Annotated[int, pydantic.Field(pattern="a")], "'pattern' makes no sense for int"),
    (Annotated[float, at.Ge("a")], "the bound 'a' is no float"),
    (Annotated[str, pydantic.Field(pattern="(")], "the pattern '(' does not compile"),
    (Annotated[str, pydantic.Field(pattern="(?=a)")], "does not compile (no lookaround, no back references)"),
    (Annotated[int, at.MultipleOf(0)], "multiple_of must be above 0"),
]


@pytest.mark.requirement("declare.limits")
@pytest.mark.parametrize(("hint", "reason"), REFUSED, ids=[r for _, r in REFUSED])
def test_a_promise_that_cannot_be_kept_is_refused(hint: Any, reason: str) -> None:
    with pytest.raises(UnsupportedType) as refused:
        blueprint_of(hint)
    assert reason in str(refused.value)


def test_inside_a_pydantic_model_other_checks_are_left_to_pydantic() -> None:
    class Options(pydantic.BaseModel):
        n: Annotated[int, pydantic.AfterValidator(abs)]

    assert blueprint_of(Options).load_args({"x": {"n": -3}})["x"].n == 3


@pytest.mark.parametrize("said", [Doc("Width."), Description("Width."), "Width.", pydantic.Field(description="Width.")])
def test_every_way_of_describing_is_read(said: Any) -> None:
    assert blueprint_of(Annotated[float, said]).definition.args[0].description == "Width."


def test_labels_units_and_unknown_metadata() -> None:
    port = blueprint_of(Annotated[float, Label("σ"), Unit("pixel"), object()]).definition.args[0]
    assert (port.label, port.unit) == ("σ", "pixel")
    assert blueprint_of(Annotated[float, at.Unit("ms")]).definition.args[0].unit == "ms"


def test_an_annotation_wins_over_the_docstring() -> None:
    def f(x: Annotated[int, Doc("From the hint.")]) -> None:
        """Do.

        Args:
            x: From the docstring.
        """

    assert define(f).definition.args[0].description == "From the hint."


WIDGETS = [
    (Slider(0, 10, 0.5), {"kind": "slider", "min": 0.0, "max": 10.0, "step": 0.5}),
    (ports.Number(step=2), {"kind": "number", "step": 2.0}),
    (ports.Text("name"), {"kind": "text", "placeholder": "name"}),
    (ports.Paragraph(), {"kind": "paragraph", "rows": 4}),
    (Choices(1, 2), {"kind": "choice", "choices": [{"value": 1, "label": "1"}, {"value": 2, "label": "2"}]}),
    (ports.DatePicker(with_time=True), {"kind": "date", "with_time": True}),
    (ports.Colour(), {"kind": "colour"}),
    (ports.FileDrop(".tif"), {"kind": "file", "accept": [".tif"]}),
    (ports.DatasetSearch("image"), {"kind": "dataset_search", "item_kinds": ["image"]}),
    (ports.CustomSearch(action="app.find"), {"kind": "custom_search", "action": "app.find"}),
    (ports.StateChoice(state="Scope", path="/slots"), {"kind": "state_choice", "state": "Scope", "path": "/slots"}),
]


@pytest.mark.requirement("declare.forms")
@pytest.mark.parametrize(("widget", "raw"), WIDGETS, ids=[w.kind for w, _ in WIDGETS])
def test_a_widget_is_published(widget: Any, raw: dict[str, Any]) -> None:
    definition = blueprint_of(Annotated[Any, widget]).definition
    assert definition.to_json()["args"][0]["widget"] == raw
    assert ports.Definition.from_json(definition.to_json()) == definition


@pytest.mark.requirement("declare.forms")
def test_widgets_and_rules_can_stand_beside_the_hints() -> None:
    def f(a: int, b: int) -> None: ...

    rule = HideIf(when("a").equals(1))
    definition = define(f, widgets={"a": Slider(0, 1)}, rules={"b": rule}).definition
    assert (definition.args[0].widget, definition.args[1].effects) == (Slider(0, 1), (rule,))
    with pytest.raises(DeclarationError, match=r"there is no parameter 'c' for its widget or rule"):
        define(f, widgets={"c": Slider(0, 1)})


@pytest.mark.requirement("declare.forms")
def test_groups_are_collected_from_the_ports() -> None:
    def f(a: Annotated[int, In("basic")], b: Annotated[int, In("more_options")]) -> None: ...

    definition = define(f, groups=[Group(key="basic", label="Basics")]).definition
    assert [(g.key, g.label) for g in definition.groups] == [("basic", "Basics"), ("more_options", "More options")]


# -- rules -------------------------------------------------------------------------------------------------------


class Mode(Enum):
    AUTO = 1
    MANUAL = 2


@pytest.mark.requirement("declare.rules")
def test_rules_travel_as_data() -> None:
    def f(
        mode: Mode,
        sigma: Annotated[float, HideIf(when("mode").equals(Mode.AUTO)), WarnIf(when("sigma") > 9, "Slow.")],
    ) -> None: ...

    assert define(f).definition.to_json()["args"][1]["effects"] == [
        {"kind": "hide", "when": {"op": "equals", "port": "mode", "value": "AUTO"}},
        {"kind": "warn", "when": {"op": "gt", "port": "sigma", "value": 9}, "message": "Slow."},
    ]


@pytest.mark.requirement("declare.rules")
def test_a_refusing_rule_holds_at_the_caller_the_hub_and_the_agent() -> None:
    def f(low: int, high: Annotated[int, RefuseIf(when("high") < 10, "at least 10")] = 20) -> None: ...

    blueprint = define(f)
    check = compile_check(blueprint.definition.args, where="f")
    for call in (blueprint.load_args, check, lambda wire: blueprint.dump_args((), wire)):
        call({"low": 1})
        call({"low": 1, "high": 10})
        with pytest.raises(InvalidValue, match=r"f.high: expected at least 10, got int 9"):
            call({"low": 1, "high": 9})


def test_a_rule_reads_defaults_and_the_value_inside_a_union() -> None:
    def f(mode: int | str = "auto", x: Annotated[int, RefuseIf(when("mode").equals("auto"), "m")] = 1) -> None: ...

    blueprint = define(f)
    with pytest.raises(InvalidValue):
        blueprint.dump_args((), {})
    assert blueprint.dump_args((), {"mode": "manual"}) == {"mode": [1, "manual"]}


@pytest.mark.requirement("declare.rules")
def test_a_rule_about_an_unknown_port_is_refused() -> None:
    def f(a: Annotated[int, HideIf(when("b").is_truthy())]) -> None: ...

    with pytest.raises(DeclarationError, match=r"a rule of 'a' reads 'b', which is no parameter"):
        define(f)


CONDITIONS = [
    (when("a").equals(1), {"a": 1}, True),
    (when("a").equals(1), {"a": True}, False),
    (when("a").equals(None), {}, True),
    (when("a").not_equals(1), {"a": 2}, True),
    (when("a").is_in(1, 2), {"a": 2}, True),
    (when("a").is_in("x"), {"a": 2}, False),
    (when("a").is_truthy(), {"a": []}, False),
    (when("a") > 1, {"a": 2}, True),
    (when("a") > 1, {"a": "2"}, False),
    (when("a") >= 2, {"a": 2}, True),
    (when("a") < 2, {"a": None}, False),
    (when("a") <= 2, {"a": 2.0}, True),
    ((when("a") > 1) & (when("b") > 1), {"a": 2, "b": 1}, False),
    ((when("a") > 1) | (when("b") > 1), {"a": 2, "b": 1}, True),
    (~(when("a") > 1), {"a": 1}, True),
]


@pytest.mark.parametrize(("condition", "values", "holds"), CONDITIONS)
def test_a_condition_holds_or_not(condition: Any, values: dict[str, Any], holds: bool) -> None:
    assert ports.evaluate(condition, values) is holds
    assert ports.Condition.model_validate(condition.to_json()) == condition


def test_a_contract_without_sense_is_refused_when_the_check_is_compiled() -> None:
    for port in (
        Port(key="x", kind=PortKind.LIST),
        Port(
            key="x", kind=PortKind.DICT, children=(Port(key="k", kind=PortKind.FLOAT), Port(key="v", kind=PortKind.INT))
        ),
        Port(key="x", kind=PortKind.INT, constraints=Constraints(ge=["a"])),
        Port(key="x", kind=PortKind.STRING, constraints=Constraints(ge=1)),
        Port(key="x", kind=PortKind.STRING, constraints=Constraints(pattern="(")),
    ):
        with pytest.raises(DeclarationError):
            compile_check([port], where="f")


@pytest.mark.requirement("declare.limits")
def test_field_constraints_of_dataclasses_hold() -> None:
    @dataclass
    class Options:
        sigma: Annotated[float, at.Ge(0)]

    check = compile_check(blueprint_of(Options).definition.args, where="segment")
    with pytest.raises(InvalidValue, match=r"segment.x.sigma: expected float ≥ 0, got -1"):
        check({"x": {"sigma": -1}})
