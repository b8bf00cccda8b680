"""What is kept of pure functions: so many bytes, the most recently used, and never what may not be told again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from arkitekt_next.hub.tasks.results import Results
from arkitekt_next.ports.model import ActionKind, Effects
from arkitekt_next.wire.codec import dumps


def called(
    args: dict[str, Any],
    *,
    id: str = "t",
    program: str = "p",
    mode: str = "prod",
    person: str = "ada",
    discreet: bool = False,
    **definition: Any,
) -> Any:
    said = {"pure": True, "kind": ActionKind.FUNCTION, "effects": Effects.NONE, **definition}
    action = SimpleNamespace(id="a")
    contract = SimpleNamespace(definition=SimpleNamespace(**said), action=action, definition_hash="d")
    agent = SimpleNamespace(program=program, mode=mode)
    task = SimpleNamespace(id=id, team="team", contract=contract, agent=agent, args=dumps(args), person=person)
    task.is_discreet, task.visibility = discreet, "team"
    return task


def test_the_least_recently_used_goes_when_there_is_no_room() -> None:
    results = Results(limit_bytes=2000)
    first, second, third = (called({"x": number}, id=f"t{number}") for number in range(3))
    results.keep(first, ["a" * 180])
    results.keep(second, ["b" * 180])
    assert results.find(first) == ("task t0", ["a" * 180])
    results.keep(third, ["c" * 180])
    assert results.find(second) is None
    assert results.find(first) is not None
    assert results.find(third) is not None
    assert results.bytes <= 2000


def test_letters_count_as_the_bytes_they_take() -> None:
    results = Results(limit_bytes=10_000)
    results.keep(called({}), ["漢" * 2000])
    assert results.bytes > 6000


def test_a_result_larger_than_all_room_is_not_kept() -> None:
    results = Results(limit_bytes=100)
    results.keep(called({}), ["x" * 1000])
    assert results.find(called({})) is None
    assert results.bytes == 0


@pytest.mark.parametrize(
    "other",
    [
        called({"x": 1}, program="another"),
        called({"x": 1}, mode="dev"),
        called({"x": 2}),
        called({"x": 1}, pure=False),
        called({"x": 1}, kind=ActionKind.GENERATOR),
        called({"x": 1}, effects=Effects.IRREVERSIBLE),
        called({"x": 1.0}),
        called({"x": 1, "y": 2}),
        called({"x": 1}, discreet=True),
    ],
)
def test_another_program_or_call_knows_nothing_of_it(other: Any) -> None:
    results = Results()
    results.keep(called({"x": 1}), [7])
    assert results.find(called({"x": 1})) == ("task t", [7])
    assert results.find(other) is None
