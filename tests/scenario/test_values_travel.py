"""Drawn values of drawn types go caller → hub → agent → hub → caller and come back equal."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from arkitekt_next import App
from arkitekt_next.embedded import serve
from arkitekt_next.errors import ArkitektError
from arkitekt_next.ports import TypeRegistry
from arkitekt_next.testing.port_strategies import plain, ports, same

DRAWS = int(os.environ.get("TRAVEL_DRAWS", "2000"))
SEED = int(os.environ.get("TRAVEL_SEED", "20261121"))
BATCH = 50
EXCLUSIONS = (
    "2**63 and beyond, NaN inside untyped JSON, keys other than str, int, bool and Enum, "
    "values of more than 64 KiB of bytes: refused with a remedy, tested in tests/unit/ports"
)


@pytest.mark.requirement("declare.kinds", "declare.models")
def test_every_drawn_value_comes_back_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: Counter[str] = Counter()
    count = 0

    with serve(log_level="error") as hub:

        @seed(SEED)
        @settings(
            max_examples=DRAWS // BATCH,
            deadline=None,
            database=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(ports(max_depth=8), min_size=BATCH, max_size=BATCH))
        def check(drawn: list[tuple[Any, Any]]) -> None:
            nonlocal count
            asyncio.run(asyncio.wait_for(travel(hub.url, hub.folder, drawn, kinds), 120))
            count += len(drawn)

        monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(hub.folder))
        monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(hub.folder / "state"))
        check()
    print(f"\nN={count} values, seed={SEED}, kinds={dict(sorted(kinds.items()))}\nleft out: {EXCLUSIONS}")
    assert count >= min(DRAWS, 2000)


async def travel(url: str, folder: Any, drawn: list[tuple[Any, Any]], kinds: Counter[str]) -> None:
    registry = TypeRegistry()
    others = TypeRegistry()
    others.shelf = registry.shelf  # memory structures live in this process
    arrived: dict[int, Any] = {}
    author = App("travel", url=url, registry=registry)
    for index, (hint, _) in enumerate(drawn):
        author.register(name=f"f{index}", executor="loop")(echo(index, hint, arrived))
    with author.run_detached():
        async with App("traveller", url=url, registry=others) as caller:
            for index, (hint, value) in enumerate(drawn):
                function = await caller.afind(f"travel.f{index}")
                kinds[str(function.definition.args[0].kind)] += 1
                try:
                    back = await function.acall(value)
                except ArkitektError as error:
                    raise AssertionError(f"{hint!r}: {value!r}: {error}") from error
                assert same(arrived[index], value), (hint, arrived[index], value)
                assert same(plain(back), plain(value)), (hint, back, value)


def echo(index: int, hint: Any, arrived: dict[int, Any]) -> Any:
    def function(x):
        arrived[index] = x
        return x

    function.__annotations__ = {"x": hint, "return": hint}
    function.__qualname__ = f"function{index}"
    return function
