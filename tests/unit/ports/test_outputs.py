"""What functions give, read into definitions: one output or several, named or not, and streams."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Coroutine, Generator, Iterable, Iterator
from typing import Any, NamedTuple

import pytest
from tests.support.ports import keys

from arkitekt_next.errors import DeclarationError, InvalidValue
from arkitekt_next.ports import TypeRegistry, define


class Stats(NamedTuple):
    """Numbers of an image.

    Attributes:
        mean: The mean grey value.
        count: How many.
    """

    mean: float
    count: int = 0


def test_no_return_hint_means_nothing_is_returned_and_a_value_is_an_error_with_the_remedy() -> None:
    def f(x: int):
        return x

    blueprint = define(f)
    assert blueprint.definition.returns == ()
    assert blueprint.dump_return(None) == []
    with pytest.raises(InvalidValue) as refused:
        blueprint.dump_return(1)
    assert str(refused.value) == (
        "f returns: expected None, since it has no return hint (add one, such as `-> float`), got int 1"
    )


def test_none_is_no_output() -> None:
    def f() -> None: ...

    blueprint = define(f)
    assert (blueprint.dump_return(None), blueprint.load_return([])) == ([], None)
    with pytest.raises(InvalidValue, match=r"f returns: expected None, got int 1"):
        blueprint.dump_return(1)


def test_one_return_is_one_output_called_out() -> None:
    def f() -> int:
        return 1

    blueprint = define(f)
    assert keys(blueprint.definition.returns) == ["out"]
    assert (blueprint.dump_return(5), blueprint.load_return([5])) == ([5], 5)


@pytest.mark.requirement("declare.outputs")
def test_a_tuple_return_is_several_outputs_and_the_caller_gets_a_tuple() -> None:
    def f() -> tuple[int, str]:
        return 1, "a"

    blueprint = define(f)
    assert keys(blueprint.definition.returns) == ["out0", "out1"]
    assert blueprint.dump_return((1, "a")) == [1, "a"]
    assert blueprint.load_return([1, "a"]) == (1, "a")
    with pytest.raises(InvalidValue, match=re.escape("f returns: expected tuple of 2 (out0, out1), got int 1")):
        blueprint.dump_return(1)
    with pytest.raises(InvalidValue, match=r"f returns out1: expected str, got int 2"):
        blueprint.dump_return((1, 2))


def test_a_tuple_of_one_stays_a_tuple() -> None:
    def f() -> tuple[int]:
        return (1,)

    blueprint = define(f)
    assert blueprint.load_return(blueprint.dump_return((1,))) == (1,)


def test_a_tuple_of_any_length_is_one_output() -> None:
    def f() -> tuple[int, ...]:
        return ()

    blueprint = define(f)
    assert keys(blueprint.definition.returns) == ["out"]
    assert blueprint.load_return(blueprint.dump_return((1, 2, 3))) == (1, 2, 3)


@pytest.mark.requirement("declare.outputs")
def test_a_named_tuple_return_names_the_outputs_and_comes_back_as_its_class() -> None:
    def f() -> Stats:
        return Stats(1.5, 2)

    blueprint = define(f, registry=TypeRegistry())
    assert [(p.key, p.description) for p in blueprint.definition.returns] == [
        ("mean", "The mean grey value."),
        ("count", "How many."),
    ]
    assert blueprint.definition.returns_name == "Stats"
    wire = blueprint.dump_return(Stats(1.5, 2))
    assert wire == [1.5, 2]
    back = blueprint.load_return(wire)
    assert (back, type(back)) == ((1.5, 2), Stats)


@pytest.mark.requirement("declare.docstrings")
def test_outputs_take_their_names_from_a_numpy_docstring() -> None:
    def f() -> tuple[int, float]:
        """Count.

        Returns
        -------
        count : int
            How many.
        mean : float
            How bright.
        """
        return 1, 2.0

    returns = define(f).definition.returns
    assert [(p.key, p.description) for p in returns] == [("count", "How many."), ("mean", "How bright.")]


@pytest.mark.requirement("declare.docstrings")
def test_a_single_output_takes_its_description_from_the_docstring() -> None:
    def f() -> int:
        """Count.

        Returns:
            How many nuclei.
        """
        return 1

    assert define(f).definition.returns[0].description == "How many nuclei."


def streams() -> list[Any]:
    def generator() -> Generator[int, None, str]:
        yield 1
        return "end"

    def iterator() -> Iterator[int]:
        yield 1

    def iterable() -> Iterable[int]:
        return [1]

    async def asynchronous() -> AsyncIterator[int]:
        yield 1

    return [generator, iterator, iterable, asynchronous]


@pytest.mark.requirement("declare.streams")
@pytest.mark.parametrize("function", streams(), ids=lambda f: f.__name__)
def test_a_stream_is_a_generator_whose_yields_are_the_ports(function: Any) -> None:
    definition = define(function).definition
    assert definition.kind == "generator"
    assert [(p.key, p.kind) for p in definition.returns] == [("out", "int")]


def test_yields_may_be_tuples() -> None:
    def f() -> Iterator[tuple[int, str]]:
        yield 1, "a"

    blueprint = define(f)
    assert blueprint.load_return(blueprint.dump_return((1, "a"))) == (1, "a")


def test_a_generator_hinted_as_a_value_is_refused() -> None:
    def f() -> int:  # type: ignore[misc]
        yield 1

    with pytest.raises(DeclarationError, match=r"a generator can't return int.*Iterator"):
        define(f)


def test_a_coroutine_hint_means_what_it_gives() -> None:
    def f() -> Coroutine[Any, Any, int]: ...

    assert [p.kind for p in define(f).definition.returns] == ["int"]
