"""Where a walk through a history goes: by hand, over small histories written out as edges."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from arkitekt_next.data.provenance import Direction, Edge, EdgeKind, Found, Graph, Walk, hide

pytestmark = pytest.mark.requirement("data.provenance")

MADE = {"out": "A", "passed": "A", "half": "B", "x1": "X"}
USED = [("A", "in"), ("B", "passed"), ("X", "in"), ("Z", "out")]
GAVE = [("A", "out"), ("B", "half"), ("X", "x1"), ("Z", "out")]
CALLED = [("A", "B"), ("P", "A"), ("P", "Q")]
"""P calls A and Q; A is given `in`, calls B with `passed` for `half`, and gives `out`. X and Z use what is there."""


def walked(
    kind: Literal["item", "task"], id: str, direction: str, closed: tuple[str, ...] = (), **limits: Any
) -> tuple[set[str], set[tuple[str, str, str]], dict[str, str]]:
    walk = Walk(kind, id, Direction(direction), **limits)
    seen: set[str] = set()
    while level := walk.take():
        seen |= {step.ref for step in level}
        steps = walk.enter(level, set(closed))
        ids = {step.id for step in steps}
        walk.follow(
            steps,
            Found(
                made_by=MADE,
                used=[pair for pair in USED if ids & set(pair)],
                gave=[pair for pair in GAVE if ids & set(pair)],
                called=[pair for pair in CALLED if ids & set(pair)],
            ),
        )
    edges = {(edge.kind.value, edge.source, edge.target) for edge in walk.edges}
    return seen, edges, {cut.ref: cut.reason for cut in walk.cut.values()}


def test_back_goes_to_the_maker_what_it_was_given_what_it_called_and_who_called_it() -> None:
    seen, edges, cut = walked("item", "out", "back")
    assert seen == {"item:out", "task:A", "item:in", "task:B", "item:passed", "item:half", "task:P"}
    assert edges == {
        ("generated", "task:A", "item:out"),
        ("returned", "task:A", "item:out"),
        ("used", "task:A", "item:in"),
        ("called", "task:A", "task:B"),
        ("used", "task:B", "item:passed"),
        ("generated", "task:A", "item:passed"),
        ("generated", "task:B", "item:half"),
        ("returned", "task:B", "item:half"),
        ("called", "task:P", "task:A"),
    }, "neither the other call of P nor what others made of the same input"
    assert cut == {}


def test_forward_goes_to_what_used_it_and_what_that_gave() -> None:
    seen, edges, _ = walked("item", "in", "forward")
    assert {"task:A", "task:X", "item:out", "item:x1", "task:Z", "task:P"} <= seen
    assert "task:Q" not in seen
    assert ("returned", "task:Z", "item:out") in edges, "it gave back what it had not made"
    assert ("generated", "task:X", "item:x1") in edges


def test_depth_counts_calls_and_says_where_it_ended() -> None:
    seen, _, cut = walked("item", "out", "back", depth=1)
    assert seen == {"item:out", "task:A", "item:in"}
    assert cut == {"task:A": "depth"}
    assert walked("item", "out", "back", depth=2)[2] == {}


def test_so_many_nodes_and_no_more() -> None:
    seen, edges, cut = walked("item", "out", "back", most=3)
    assert len(seen) == 3
    assert set(cut.values()) == {"nodes"}
    assert all({source, target} <= seen for _, source, target in edges)


def test_nothing_is_looked_up_beyond_what_is_closed() -> None:
    seen, edges, _ = walked("item", "out", "back", closed=("task:A",))
    assert seen == {"item:out", "task:A"}
    assert edges == {("generated", "task:A", "item:out"), ("returned", "task:A", "item:out")}


def test_a_circle_is_walked_once() -> None:
    walk = Walk("item", "a", Direction.BOTH)
    rounds = 0
    while level := walk.take():
        rounds += 1
        found = Found(made_by={"a": "T"}, used=[("T", "a")], gave=[("T", "a")])
        walk.follow(walk.enter(level, set()), found)
    assert rounds < 5
    assert {edge.kind for edge in walk.edges} == {EdgeKind.USED, EdgeKind.GENERATED, EdgeKind.RETURNED}


def test_what_is_hidden_has_a_bare_name_everywhere() -> None:
    edges = [Edge(kind=EdgeKind.USED, source="task:secret", target="item:a")]
    nodes, joined = hide([], edges, ["task:secret", "task:secret"])
    graph = Graph(root="item:a", direction=Direction.BACK, depth=1, nodes=tuple(nodes), edges=tuple(joined))
    assert "secret" not in graph.model_dump_json()
    assert [(edge.source, edge.target) for edge in joined] == [("hidden:1", "item:a")]
