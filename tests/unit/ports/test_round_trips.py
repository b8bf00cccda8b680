"""Whatever fits a hint comes back the same, through JSON text, with the author's classes and without them."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from arkitekt_next.errors import InvalidValue
from arkitekt_next.ports import (
    Blueprint,
    Definition,
    PortCodec,
    TypeRegistry,
    compile_check,
    compile_check_returns,
    define,
)
from arkitekt_next.testing.port_strategies import plain, ports, same

DRAWS = int(os.environ.get("PORT_DRAWS", "2000"))
SEED = int(os.environ.get("PORT_SEED", "20261121"))
LOOSE = settings(
    max_examples=DRAWS,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def blueprint_of(hint: Any, registry: TypeRegistry) -> Blueprint:
    def action(x):
        return x

    action.__annotations__ = {"x": hint, "return": hint}
    return define(action, registry=registry)


def through_text(wire: Any) -> Any:
    return json.loads(json.dumps(wire, ensure_ascii=True, allow_nan=False))


@pytest.mark.requirement("declare.kinds", "declare.models")
@pytest.mark.slow
def test_any_value_of_any_hint_round_trips_with_and_without_its_classes() -> None:
    count = 0
    depths: dict[int, int] = {}

    @seed(SEED)
    @LOOSE
    @given(ports(max_depth=8))
    def check(drawn: tuple[Any, Any]) -> None:
        nonlocal count
        count += 1
        hint, value = drawn
        registry = TypeRegistry()
        blueprint = blueprint_of(hint, registry)
        depth = depth_of(blueprint.definition)
        depths[depth] = depths.get(depth, 0) + 1
        asyncio.run(round_trip(blueprint, value, stranger_of(registry)))

    check()
    print(f"\nround trips: {count} draws, seed {SEED}, depths {dict(sorted(depths.items()))}")
    assert count >= min(DRAWS, 2000)


def depth_of(definition: Definition) -> int:
    def deep(port: Any) -> int:
        return 1 + max((deep(child) for child in port.children), default=0)

    return deep(definition.args[0])


def stranger_of(registry: TypeRegistry) -> TypeRegistry:
    """Give a registry without classes in the same process, so that memory structures are at hand."""
    stranger = TypeRegistry()
    stranger.shelf = registry.shelf
    return stranger


async def round_trip(blueprint: Blueprint, value: Any, others: TypeRegistry) -> None:
    definition = Definition.from_json(through_text(blueprint.definition.to_json()))
    assert definition == blueprint.definition
    assert definition.signature_hash == blueprint.definition.signature_hash
    assert definition.definition_hash == blueprint.definition.definition_hash

    wire = through_text(await blueprint.adump_args((value,), {}))
    compile_check(definition.args, where="action")(wire)
    loaded = await blueprint.aload_args(wire)
    assert same(loaded["x"], value), (loaded["x"], value)

    returned = through_text(await blueprint.adump_return(value))
    compile_check_returns(definition.returns, where="action")(returned)
    assert same(await blueprint.aload_return(returned), value)

    stranger = PortCodec(definition, others)
    assert through_text(await stranger.adump_args((value,), {})) == wire
    known = (await stranger.aload_args(wire))["x"]
    assert same(plain(known), plain(value)), (known, value)
    assert through_text(await stranger.adump_args((), {"x": known})) == wire

    if not blueprint.needs_await:
        assert through_text(blueprint.dump_args((), {"x": value})) == wire
        assert same(blueprint.load_args(wire)["x"], value)
        assert through_text(blueprint.dump_return(value)) == returned


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
def test_a_check_raises_nothing_but_invalid_value_for_any_json() -> None:
    count = refused = 0

    @seed(SEED)
    @settings(LOOSE, max_examples=max(500, DRAWS // 2))
    @given(ports(max_depth=4), st.data())
    def check(drawn: tuple[Any, Any], data: Any) -> None:
        nonlocal count, refused
        count += 1
        definition = blueprint_of(drawn[0], TypeRegistry()).definition
        for wire in (data.draw(ANY_JSON), {"x": data.draw(ANY_JSON)}, {"x": [0, data.draw(ANY_JSON)]}):
            try:
                compile_check(definition.args, where="action")(wire)
            except InvalidValue:
                refused += 1
            try:
                compile_check_returns(definition.returns, where="action")(wire)
            except InvalidValue:
                refused += 1

    check()
    print(f"\nhostile JSON: {count} draws, {refused} refused, seed {SEED}")
    assert refused > count
