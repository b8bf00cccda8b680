"""Generated modules: sound for whatever is published, and faithful in both directions."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import arkitekt_next
from arkitekt_next.cli.codegen.module import Source, definitions_of, write_module
from arkitekt_next.cli.codegen.names import Names
from arkitekt_next.ports import Definition, Port, PortCodec, PortKind, TypeRegistry, define
from arkitekt_next.testing.port_strategies import ports


def definition_of(hint: Any, name: str = "echo") -> Definition:
    def function(value): ...

    function.__annotations__ = {"value": hint, "return": hint}
    return define(function, name=name).definition


def load(text: str, call: Callable[..., Any] = lambda *_, **__: None) -> Any:
    """Execute a generated module whose calls go to `call`."""
    module = types.ModuleType("generated")
    sys.modules["generated"] = module
    fake = types.SimpleNamespace(call=call, acall=call, iterate=call, aiterate=call)
    exec(compile(text.replace("import arkitekt_next as _arkitekt\n", ""), "generated", "exec"), vars(module))
    vars(module)["_arkitekt"] = fake
    return module


@pytest.mark.requirement("cli.gen")
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ports(max_depth=3))
def test_a_value_that_came_in_goes_out_as_it_came(drawn: tuple[Any, Any]) -> None:
    hint, value = drawn
    definition = definition_of(hint)
    codec = PortCodec(definition, TypeRegistry())  # a caller who has none of the author's classes

    def blueprint(value): ...

    blueprint.__annotations__ = {"value": hint, "return": hint}
    wire = asyncio.run(define(blueprint).adump_args((value,), {}))["value"]
    sent: list[Any] = []

    def call(action: str, **arguments: Any) -> Any:
        sent.append(codec.dump_args((), arguments)["value"])
        return codec.load_return(returned)

    returned = _as_returns(definition, wire)
    module = load(write_module([Source("lab.echo", definition)], command="gen"), call)
    result = module.echo(codec.load_args({"value": wire})["value"])
    if len(definition.returns) == 1 and not definition.returns_tuple:
        module.echo(result)
        assert sent == [wire, wire]
    else:
        assert sent == [wire]


def _as_returns(definition: Definition, wire: Any) -> list[Any]:
    """Give the wire form of a return from that of the argument of the same hint."""
    if not definition.returns:
        return []
    if definition.returns_tuple or len(definition.returns) > 1:
        return list(wire.values()) if isinstance(wire, dict) else list(wire)
    return [wire]


@pytest.mark.requirement("cli.gen")
def test_whatever_is_published_passes_mypy_strict(tmp_path: Path) -> None:
    folder, hints = tmp_path, []

    @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(ports(max_depth=3))
    def draw(drawn: tuple[Any, Any]) -> None:
        hints.append(drawn[0])

    draw()
    sources = [Source(f"lab.f{i}", definition_of(hint, f"f{i}")) for i, hint in enumerate(hints)]
    sources.append(Source("lab.stream", define(_stream).definition))
    (folder / "client.py").write_text(write_module(sources, command="gen"))
    package = str(Path(arkitekt_next.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "client.py"],
        cwd=folder,
        env={"MYPYPATH": package, "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def _stream(count: int = 1, *, list: int = 2) -> Iterator[tuple[int, str]]: ...


HOSTILE = '"""\n\\""" + __import__("os").abort() + """\\ \ud800 \x1b[31m'


@pytest.mark.requirement("cli.gen")
def test_what_strangers_wrote_never_becomes_code() -> None:
    roi = Port(
        key="roi",
        kind=PortKind.MODEL,
        identifier='Roi"); abort(',
        description=HOSTILE,
        children=(Port(key="x", kind=PortKind.STRING, required=False, default=HOSTILE, description=HOSTILE),),
    )
    odd = Port(key="not a name", kind=PortKind.LITERAL, choices=({"value": HOSTILE},), description=HOSTILE)  # type: ignore[arg-type]
    definition = Definition(name="f", description=HOSTILE, long_description=HOSTILE, args=(roi, odd), returns=(roi,))
    text = write_module([Source('lab.f"); abort(', definition)], command=HOSTILE)
    text.encode()
    module = load(text)
    assert "abort" in module.__doc__
    assert definitions_of(text) == {'lab.f"); abort(': definition.definition_hash}


@pytest.mark.parametrize("name", ["list", "class", "call", "str", "LEFT_OUT", "print", "_arkitekt", "match"])
def test_a_name_that_means_something_else_is_changed(name: str) -> None:
    def function(str: int = 1, int: str = "a") -> float: ...

    module = load(write_module([Source(f"lab.{name}", define(function, name=name).definition)], command="gen"))
    functions = [
        key for key, value in vars(module).items() if getattr(value, "__doc__", "") and key.startswith(name[:3])
    ]
    assert any(key != "LEFT_OUT" for key in functions) or name == "_arkitekt"
    assert module.LEFT_OUT is not None


def test_two_models_of_one_name_become_two_classes() -> None:
    def made(kind: PortKind) -> Port:
        return Port(key="m", kind=PortKind.MODEL, identifier="Spot", children=(Port(key="x", kind=kind),))

    sources = [
        Source("lab.a", Definition(name="a", returns=(made(PortKind.INT),))),
        Source("lab.b", Definition(name="b", returns=(made(PortKind.STRING),))),
    ]
    text = write_module(sources, command="gen")
    assert "def a() -> Spot:" in text
    assert "def b() -> Spot_2:" in text


def test_functions_of_several_apps_carry_their_app() -> None:
    definition = definition_of(int, "run")
    module = load(write_module([Source("micro-scope.run", definition), Source("lab.run", definition)], command="gen"))
    assert callable(module.micro_scope_run)
    assert callable(module.lab_run)


def test_the_same_definitions_give_the_same_text() -> None:
    sources = [Source("lab.a", definition_of(int, "a")), Source("lab.b", definition_of(str, "b"))]
    assert write_module(sources, command="gen") == write_module(sources[::-1], command="gen")
    assert definitions_of("x = 1") is None
    assert definitions_of("def (") is None


def test_names_are_unique_and_sound() -> None:
    names = Names()
    assert [names.give(n) for n in ("a b", "a-b", "1st", "__x__", "str", "ß")] == [
        "a_b",
        "a_b_2",
        "n_1st",
        "x",
        "str_",
        "unnamed",
    ]
