"""Functions read into definitions: names, docs, defaults, binding, options, and what is refused at decoration."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import pytest
from tests.support.ports import keys

from arkitekt_next.errors import DeclarationError, InvalidValue, MissingArgument, UnknownArgument, UnsupportedType
from arkitekt_next.ports import PortKind, TypeRegistry, define

T = TypeVar("T")
P = ParamSpec("P")


# -- names and docs ----------------------------------------------------------------------------------------------


def google(image: str, sigma: float = 1.0) -> tuple[str, int]:
    """Blur an image.

    Uses a Gaussian
    of the given width.

    Args:
        image: The image to blur,
            in any format.
        sigma (float): Width in pixels.
    """
    return image, 1


def numpy_style(image: str, sigma: float = 1.0) -> tuple[str, int]:
    """Blur an image.

    Uses a Gaussian
    of the given width.

    Parameters
    ----------
    image : str
        The image to blur,
        in any format.
    sigma : float
        Width in pixels.
    """
    return image, 1


def rest(image: str, sigma: float = 1.0) -> tuple[str, int]:
    """Blur an image.

    Uses a Gaussian
    of the given width.

    :param image: The image to blur,
        in any format.
    :param float sigma: Width in pixels.
    """
    return image, 1


@pytest.mark.requirement("declare.docstrings")
@pytest.mark.parametrize("function", [google, numpy_style, rest])
def test_each_docstring_style_yields_the_same_ports(function: Callable[..., Any]) -> None:
    definition = define(function).definition
    assert definition.description == "Blur an image."
    assert definition.long_description == "Uses a Gaussian\nof the given width."
    assert [port.description for port in definition.args] == ["The image to blur, in any format.", "Width in pixels."]
    assert define(google).definition.args == definition.args


@pytest.mark.requirement("declare.register")
def test_names_and_labels_come_from_the_function() -> None:
    def segment_nuclei(min_size: int) -> None: ...

    definition = define(segment_nuclei).definition
    assert (definition.name, definition.label, definition.args[0].label) == (
        "segment_nuclei",
        "Segment nuclei",
        "Min size",
    )
    assert definition.source == (
        "test_declaring.test_names_and_labels_come_from_the_function.<locals>.segment_nuclei"
        if __name__ == "test_declaring"
        else f"{__name__}.test_names_and_labels_come_from_the_function.<locals>.segment_nuclei"
    )


@pytest.mark.requirement("declare.register")
def test_given_names_win() -> None:
    def f() -> None:
        """Say one thing."""

    definition = define(f, name="segment", label="Segment!", description="Another.").definition
    assert (definition.name, definition.label, definition.description) == ("segment", "Segment!", "Another.")


@pytest.mark.parametrize("name", ["", "a.b", "ä", "1a", "a b"])
def test_a_name_that_cannot_be_an_action_is_refused(name: str) -> None:
    def f() -> None: ...

    with pytest.raises(DeclarationError, match=re.escape(f"{name!r} is no action name")):
        define(f, name=name)


def test_a_lambda_needs_a_name() -> None:
    with pytest.raises(DeclarationError, match=r"'<lambda>' is no action name"):
        define(lambda: None)


def test_a_docstring_with_lone_surrogates_does_not_break_the_declaration() -> None:
    def f() -> None: ...

    f.__doc__ = "Odd \ud800 text."
    assert define(f).definition.description == "Odd ? text."


# -- defaults ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("declare.defaults")
def test_an_int_default_leaves_a_float_a_float() -> None:
    def f(x: float = 1) -> None: ...

    port = define(f).definition.args[0]
    assert (port.kind, port.default, type(port.default), port.required) == (PortKind.FLOAT, 1.0, float, False)


@pytest.mark.requirement("declare.defaults")
def test_a_default_does_not_make_a_port_nullable() -> None:
    def f(x: int = 1) -> None: ...

    assert define(f).definition.args[0].nullable is False


@pytest.mark.requirement("declare.defaults")
def test_optional_does_not_give_a_default() -> None:
    def f(x: int | None) -> None: ...

    port = define(f).definition.args[0]
    assert (port.nullable, port.required) == (True, True)


def test_a_none_default_without_none_in_the_hint_is_refused_and_names_the_hint_to_write() -> None:
    def f(x: int = None) -> None: ...  # noqa: RUF013

    with pytest.raises(UnsupportedType, match=re.escape("Write `x: int | None = None`")):
        define(f)


def test_a_default_that_does_not_fit_is_refused() -> None:
    def f(x: list[int] = ("a",)) -> None: ...  # type: ignore[assignment]

    with pytest.raises(UnsupportedType, match=r"the default at \[0\] is str 'a', not int"):
        define(f)


@pytest.mark.requirement("declare.defaults")
def test_what_was_left_out_stays_out_so_the_function_uses_its_own_default() -> None:
    def f(a: int, b: int = 5) -> None: ...

    blueprint = define(f)
    assert blueprint.dump_args((1,), {}) == {"a": 1}
    assert blueprint.load_args({"a": 1}) == {"a": 1}


def test_a_default_that_cannot_be_written_down_makes_the_port_optional_without_one() -> None:
    class Plate:
        def shrink(self) -> str:
            return "1"

        @classmethod
        def expand(cls, value: str) -> Plate:
            return cls()

    def f(x: Plate = Plate()) -> None: ...  # noqa: B008

    port = define(f, registry=TypeRegistry()).definition.args[0]
    assert (port.required, port.default) == (False, None)


# -- binding -----------------------------------------------------------------------------------------------------


def test_arguments_bind_by_position_and_by_name() -> None:
    def f(a: int, b: int, *, c: int = 0) -> None: ...

    dump = define(f).dump_args
    assert dump((1, 2), {}) == {"a": 1, "b": 2}
    assert dump((1,), {"b": 2, "c": 3}) == {"a": 1, "b": 2, "c": 3}
    assert dump((), {"b": 2, "a": 1}) == {"b": 2, "a": 1}


def test_wrong_calls_are_refused_and_say_what_is_taken() -> None:
    def f(a: int, *, c: int = 0) -> None: ...

    dump = define(f).dump_args
    with pytest.raises(MissingArgument, match=re.escape("f needs the argument 'a' (int)")):
        dump((), {})
    with pytest.raises(UnknownArgument, match=re.escape("f has no argument 'd'. It takes: a, c")):
        dump((1,), {"d": 1})
    with pytest.raises(InvalidValue, match=re.escape("f: expected at most 1 positional arguments (a), got 2")):
        dump((1, 2), {})
    with pytest.raises(InvalidValue, match=re.escape("f.a: expected one value, got one by position and one by name")):
        dump((1,), {"a": 1})


def test_a_positional_only_parameter_is_passed_by_position() -> None:
    def f(a: int, b: int = 2, /, c: int = 3) -> tuple[int, int, int]:
        return a, b, c

    blueprint = define(f)
    args, kwargs = blueprint.arrange(blueprint.load_args({"a": 1, "c": 4}))
    assert f(*args, **kwargs) == (1, 2, 4)


def test_injected_parameters_are_no_ports() -> None:
    class Context: ...

    def f(context: Context, x: int) -> int:
        return x

    blueprint = define(f, inject=lambda hint: hint is Context)
    assert keys(blueprint.definition.args) == ["x"]
    assert blueprint.injected == {"context": Context}
    assert blueprint.dump_args((3,), {}) == {"x": 3}


def test_self_of_a_bound_method_is_skipped() -> None:
    class Stage:
        def move(self, x: int) -> int:
            return x

    assert keys(define(Stage().move).definition.args) == ["x"]


def test_a_wrapped_function_keeps_its_signature() -> None:
    def log(f: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(f)
        def inner(*args: P.args, **kwargs: P.kwargs) -> T:
            return f(*args, **kwargs)

        return inner

    @log
    def f(x: int) -> int:
        return x

    assert keys(define(f).definition.args) == ["x"]


def test_local_classes_resolve_under_postponed_annotations() -> None:
    @dataclass
    class Options:
        sigma: float
        inner: Inner | None = None

    @dataclass
    class Inner:
        x: int

    def f(options: Options) -> Options:
        return options

    port = define(f, registry=TypeRegistry()).definition.args[0]
    assert [(p.key, p.kind) for p in port.children] == [("sigma", "float"), ("inner", "model")]


# -- options -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("declare.retries")
@pytest.mark.parametrize("effects", ["unknown", "irreversible"])
def test_retries_of_what_may_not_run_twice_are_refused(effects: str) -> None:
    def f() -> None: ...

    with pytest.raises(DeclarationError, match=f"retries=2 would run an action with effects='{effects}' again"):
        define(f, retries=2, effects=effects)


@pytest.mark.parametrize("effects", ["none", "repeatable"])
def test_retries_of_what_may_run_twice_are_taken(effects: str) -> None:
    def f() -> None: ...

    definition = define(f, retries=2, effects=effects).definition
    assert (definition.retries, definition.effects) == (2, effects)


@pytest.mark.requirement("declare.effects")
def test_effects_default_to_unknown_and_must_be_known_words() -> None:
    def f() -> None: ...

    assert define(f).definition.effects == "unknown"
    with pytest.raises(DeclarationError, match=r"effects='some' is unknown. Choose one of 'none', 'repeatable'"):
        define(f, effects="some")


@pytest.mark.requirement("declare.forms")
def test_other_options_are_published() -> None:
    def f() -> None: ...

    definition = define(
        f, timeout_s=2.5, pure=True, collections=["seg"], tests_for=["app.g"], groups=["more"], version="1.2"
    ).definition
    assert (definition.timeout_s, definition.pure, definition.collections) == (2.5, True, ("seg",))
    assert (definition.tests_for, definition.groups[0].key, definition.version) == (("app.g",), "more", "1.2")


@pytest.mark.requirement("declare.pure")
def test_a_pure_function_has_no_effects_and_is_no_stream() -> None:
    def f() -> None: ...

    def stream() -> Iterator[int]:
        yield 1

    assert define(f, pure=True).definition.effects == "none"
    with pytest.raises(DeclarationError, match="pure=True and effects='irreversible' contradict each other"):
        define(f, pure=True, effects="irreversible")
    with pytest.raises(DeclarationError, match="pure=True on a stream"):
        define(stream, pure=True)


def test_a_time_out_must_be_positive() -> None:
    def f() -> None: ...

    with pytest.raises(DeclarationError, match=r"timeout_s=0 is not positive"):
        define(f, timeout_s=0)
