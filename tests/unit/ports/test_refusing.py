"""What cannot be declared is refused at once, with its place and a remedy; what can is published and read back."""

from __future__ import annotations

import collections
import enum
import functools
import importlib.util
import inspect
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

import pytest

from arkitekt_next.errors import DeclarationError, UnsupportedType
from arkitekt_next.ports import Definition, TypeRegistry, compile_check, default_registry, define
from arkitekt_next.ports.holders import can_store

if TYPE_CHECKING:
    from decimal import Decimal as Hidden

T = TypeVar("T")


class Permission(enum.Flag):
    R = 1


class Plain:
    pass


@dataclass
class Node:
    children: list[Node]


REFUSED = [
    (Plain, "it is a plain class"),
    (Permission, "a Flag can be several members at once"),
    (Node, "its field Node.children: Node contains itself"),
    (T, "a type variable stands for any type"),
    (list[T], "a type variable stands for any type"),  # type: ignore[valid-type]
    (Callable[[int], int], "code does not travel"),
    (Callable, "code does not travel"),
    (Self, "Self is known only inside a class"),
    (pathlib.PurePath, "a path means nothing on another machine"),
    (collections.deque, "a deque is changed from both ends"),
    (complex, "JSON has no complex numbers"),
    (type, "a class does not travel"),
    (Iterator[int], "a stream can't be passed in"),
    (dict[float, int], "a dict key of type float has no text form"),
    (dict[tuple[int, int], int], "has no text form"),
    (dict[int | None, int], "has no text form"),
    (Literal[b"x"], "bytes in a Literal have no text form"),
    (list[Plain], "it is a plain class"),
    (int | Plain, "it is a plain class"),
    (Annotated[Plain, "x"], "it is a plain class"),
]


@pytest.mark.requirement("declare.refusals")
@pytest.mark.parametrize(("hint", "reason"), REFUSED, ids=[r + str(i) for i, (_, r) in enumerate(REFUSED)])
def test_a_type_that_cannot_travel_is_refused_with_place_parameter_and_reason(hint: Any, reason: str) -> None:
    def blur(image):
        return None

    blur.__annotations__ = {"image": hint}
    with pytest.raises(UnsupportedType) as refused:
        define(blur, registry=TypeRegistry())
    line = inspect.getsourcelines(blur)[1]
    text = str(refused.value)
    assert f"test_refusing.py:{line} in blur(): parameter 'image' has the type" in text
    assert reason in text
    assert refused.value.remedy


@pytest.mark.requirement("declare.refusals")
@pytest.mark.parametrize("module", ["torch", "jax", "anndata", "pandas.core.frame"])
def test_what_holds_data_in_a_way_we_do_not_store_is_refused_with_the_structure_remedy(module: str) -> None:
    foreign = type("Foreign", (), {"__module__": module})

    def f(x):
        return None

    f.__annotations__ = {"x": foreign}
    with pytest.raises(UnsupportedType, match=r"s never travel inside a message. Wrap it in a structure .*shrink"):
        define(f)


@pytest.mark.requirement("declare.refusals", "data.by-reference")
def test_arrays_are_refused_with_what_to_install_where_nothing_can_store_them(monkeypatch: pytest.MonkeyPatch) -> None:
    numpy = pytest.importorskip("numpy")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "zarr" else object())
    can_store.cache_clear()

    def f(x):
        return None

    f.__annotations__ = {"x": numpy.ndarray}
    try:
        with pytest.raises(UnsupportedType, match=r"arrays travel by reference, .* Install .* the extra 'data'"):
            define(f, registry=TypeRegistry())
    finally:
        can_store.cache_clear()


@pytest.mark.requirement("declare.refusals")
def test_a_return_that_cannot_travel_is_refused_too() -> None:
    def f() -> Plain: ...

    with pytest.raises(UnsupportedType, match=r"parameter 'return' has the type"):
        define(f)


def test_a_parameter_without_a_hint_is_refused() -> None:
    def f(x):
        return None

    with pytest.raises(DeclarationError, match=r"parameter 'x' has no type hint. Write one, such as `x: float`"):
        define(f)


def test_star_arguments_are_refused() -> None:
    def f(*args: int) -> None: ...
    def g(**kwargs: int) -> None: ...

    with pytest.raises(DeclarationError, match=r"\*args has no fixed ports"):
        define(f)
    with pytest.raises(DeclarationError, match=r"\*\*kwargs has no fixed ports"):
        define(g)


def test_a_name_that_exists_only_for_type_checkers_is_refused_with_the_parameter() -> None:
    def f(a: int, x: Hidden) -> None: ...

    with pytest.raises(UnsupportedType, match=r"parameter 'x' has the type Hidden.*'Hidden' is not defined.*TYPE"):
        define(f)


@pytest.mark.parametrize("thing", [print, functools.partial(print), 3, Plain])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(DeclarationError, match=r"has no signature to publish"):
        define(thing)


def test_the_json_form_is_compact_and_comes_back_equal() -> None:
    def add(a: int, b: int = 2) -> int:
        return a + b

    blueprint = define(add)
    raw = blueprint.definition.to_json()
    assert raw["args"] == [
        {"key": "a", "kind": "int", "label": "A"},
        {"key": "b", "kind": "int", "label": "B", "required": False, "default": 2},
    ]
    assert "description" not in raw
    assert Definition.from_json({**raw, "later": 1}) == blueprint.definition
    compile_check(Definition.from_json(raw).args, where="add")({"a": 1})


@pytest.mark.parametrize(
    "raw", [None, [], {}, {"name": 1}, {"name": "f", "args": [{"kind": "int"}]}, {"name": "f", "kind": "x"}]
)
def test_what_is_no_definition_is_refused_when_read(raw: Any) -> None:
    with pytest.raises(DeclarationError, match=r"definition"):
        Definition.from_json(raw)


def test_a_definition_that_nests_without_end_is_refused_when_read() -> None:
    port: dict[str, Any] = {"key": "x", "kind": "int"}
    for _ in range(5000):
        port = {"key": "x", "kind": "list", "children": [port]}
    with pytest.raises(DeclarationError, match=r"deeper than 64"):
        Definition.from_json({"name": "f", "args": [port]})


def test_declaring_uses_the_default_registry_unless_told_otherwise() -> None:
    class Tile:
        def shrink(self) -> str:
            return "1"

        @classmethod
        def expand(cls, value: str) -> Tile:
            return cls()

    def f(x: Tile) -> None: ...

    define(f)
    found = default_registry.structure_named("Tile")
    assert found is not None
    assert found.cls is Tile
