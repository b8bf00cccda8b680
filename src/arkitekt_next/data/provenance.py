"""How things were made, and what was made of them: a graph of items, tasks, people, releases and environments.

`Walk` decides where to go on, and leaves it to others to look things up. The rule: what somebody may not read is a bare
node without a name, and nothing beyond it is looked at; where the graph was cut short, it says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

DEPTH = 10
DEPTH_LIMIT = 50
NODE_LIMIT = 1000


class Direction(StrEnum):
    """Whether to look at how a thing was made, at what was made of it, or at both."""

    BACK = "back"
    FORWARD = "forward"
    BOTH = "both"


class EdgeKind(StrEnum):
    """What joins two nodes; each is read from its source to its target.

    A task `used` and `generated` items, `returned` them or ones that it had not made, `called` another task,
    `acted_for` a person, `ran` a release, `ran_in` an environment, and was run as `again_of` another one. An item
    without a task is `attributed` to a person.
    """

    USED = "used"
    GENERATED = "generated"
    RETURNED = "returned"
    CALLED = "called"
    ACTED_FOR = "acted_for"
    RAN = "ran"
    RAN_IN = "ran_in"
    AGAIN_OF = "again_of"
    ATTRIBUTED = "attributed"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ItemNode(_Frozen):
    """Something stored. `removed_at_us`: its content is gone, and this is what is left of it."""

    node: Literal["item"] = "item"
    ref: str
    id: str
    kind: str
    name: str
    meta: dict[str, Any]
    digest: str | None = None
    size_bytes: int
    app: str
    is_temporary: bool
    parent: str | None = None
    created_at_us: int
    committed_at_us: int | None = None
    trashed_at_us: int | None = None
    removed_at_us: int | None = None


class Argument(_Frozen):
    """What a task was given under one name; `items` are the refs of the items that the value stands for."""

    key: str
    value: Any
    items: tuple[str, ...] = ()


class TaskNode(_Frozen):
    """One call. The hashes say what exactly ran; without `is_readable` only that it ran, for whom and when, is told."""

    node: Literal["task"] = "task"
    ref: str
    id: str
    action: str
    status: str
    is_readable: bool
    app: str
    attempt: int
    queued_at_us: int
    started_at_us: int | None = None
    ended_at_us: int | None = None
    signature_hash: str | None = None
    definition_hash: str | None = None
    function_hash: str | None = None
    effects: str | None = None
    host: str | None = None
    agent: str | None = None
    arguments: tuple[Argument, ...] = ()


class PersonNode(_Frozen):
    """Who wanted it."""

    node: Literal["person"] = "person"
    ref: str
    id: str
    name: str


class ReleaseNode(_Frozen):
    """One version of an app. `source` is the id of the item that keeps its sources, when one does."""

    node: Literal["release"] = "release"
    ref: str
    id: str
    app: str
    version: str
    source_hash: str
    lock_hash: str
    python: str
    source: str | None = None


class EnvironmentNode(_Frozen):
    """What an app ran in, by its hash; `omitted` packages are covered by `packages_hash` alone."""

    node: Literal["environment"] = "environment"
    ref: str
    id: str
    python: str = ""
    implementation: str = ""
    platform: str = ""
    packages: tuple[str, ...] = ()
    packages_hash: str | None = None
    omitted: int = 0


class HiddenNode(_Frozen):
    """Something that the reader may not see; all that is told is that there is something."""

    node: Literal["hidden"] = "hidden"
    ref: str


Node = Annotated[
    ItemNode | TaskNode | PersonNode | ReleaseNode | EnvironmentNode | HiddenNode, Field(discriminator="node")
]


class Edge(_Frozen):
    """What joins two nodes, by their refs."""

    kind: EdgeKind
    source: str
    target: str


class Cut(_Frozen):
    """A node behind which there may be more: as deep as was asked for, or as many nodes as a graph has."""

    ref: str
    reason: Literal["depth", "nodes"]


class Graph(_Frozen):
    """The history of one thing, `root`, as far as it was asked for and the reader may know it."""

    root: str
    direction: Direction
    depth: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: tuple[Cut, ...] = ()

    def node_of(self, ref: str) -> Any:
        """Give a node by its ref. Raises `KeyError`."""
        for node in self.nodes:
            if node.ref == ref:
                return node
        raise KeyError(ref)

    def targets(self, kind: EdgeKind, source: str) -> list[str]:
        """Give what a node is joined to by edges of a kind, in their order."""
        return [edge.target for edge in self.edges if edge.kind is kind and edge.source == source]

    def sources(self, kind: EdgeKind, target: str) -> list[str]:
        """Give what is joined to a node by edges of a kind, in their order."""
        return [edge.source for edge in self.edges if edge.kind is kind and edge.target == target]


def ref_of(kind: str, id: str) -> str:
    """Give the name of a node within its graph."""
    return f"{kind}:{id}"


class _Way(StrEnum):
    """Why a node is looked at, and so where to go on from it.

    `MADE`: how it was made, with all that it called. `BELOW`: it was called on the way, so what it gave counts as well.
    `ABOVE`: it called what made it, so what it was given counts, its other calls don't. `USED`: what came of it.
    `BEYOND`: it called what used it, so what it gave counts.
    """

    MADE = "made"
    BELOW = "below"
    ABOVE = "above"
    USED = "used"
    BEYOND = "beyond"


@dataclass(frozen=True, slots=True)
class Step:
    """One node to look at: an `item` or a `task`, so many calls away from the start."""

    kind: Literal["item", "task"]
    id: str
    way: _Way
    depth: int

    @property
    def ref(self) -> str:
        """The node's name in the graph."""
        return ref_of(self.kind, self.id)


@dataclass(slots=True)
class Found:
    """What was looked up of a few nodes: who made the items, what tasks were given, gave and stored, who called whom.

    Pairs begin with the task, of a call with the caller. `was_cut`: there was more than was looked up.
    """

    made_by: Mapping[str, str] = field(default_factory=dict)
    used: Sequence[tuple[str, str]] = ()
    gave: Sequence[tuple[str, str]] = ()
    stored: Sequence[tuple[str, str]] = ()
    called: Sequence[tuple[str, str]] = ()
    was_cut: bool = False


class Walk:
    """Goes from one item or task to what is joined to it, level by level.

    `take` gives the nodes to look at next; `enter` says of each whether it may be gone through, and gives those from
    which to go on; `follow` takes what was found there. It is over when `take` gives nothing.
    """

    def __init__(
        self,
        kind: Literal["item", "task"],
        id: str,
        direction: Direction,
        *,
        depth: int = DEPTH,
        most: int = NODE_LIMIT,
    ) -> None:
        self._depth = min(depth, DEPTH_LIMIT)
        self._most = most
        self._seen: set[tuple[str, _Way]] = set()
        self._counted: set[str] = set()
        self._waiting: deque[Step] = deque()
        self.edges: dict[Edge, None] = {}
        self.cut: dict[str, Cut] = {}
        if direction is not Direction.FORWARD:
            self._reach(Step(kind, id, _Way.MADE, 0), "")
        if direction is not Direction.BACK:
            self._reach(Step(kind, id, _Way.USED, 0), "")

    @property
    def most(self) -> int:
        """How many items and tasks there may be."""
        return self._most

    def take(self) -> list[Step]:
        """Give the nodes of the next level."""
        level = list(self._waiting)
        self._waiting.clear()
        return level

    def enter(self, level: Iterable[Step], closed: set[str]) -> list[Step]:
        """Give those of a level from which to go on: all but the `closed` ones, by their refs."""
        return [step for step in level if step.ref not in closed]

    def follow(self, steps: Sequence[Step], found: Found) -> None:
        """Go on from these nodes with what was found there."""
        if found.was_cut:
            for step in steps:
                self._cut(step.ref, "nodes")
        used, gave, called = _Pairs(found.used), _Pairs(found.gave), _Pairs(found.called)
        made = _Pairs([*((task, item) for item, task in found.made_by.items()), *found.stored])
        for step in steps:
            if step.kind == "item":
                self._from_item(step, made, used, gave)
            else:
                self._from_task(step, made, used, gave, called)

    def _from_item(self, step: Step, made: _Pairs, used: _Pairs, gave: _Pairs) -> None:
        if step.way is _Way.MADE:
            for maker in made.firsts(step.id):
                source = Step("task", maker, _Way.MADE, step.depth + 1)
                self._join(EdgeKind.GENERATED, source, step, from_=step)
                if step.id in gave.seconds(maker):
                    self._join(EdgeKind.RETURNED, source, step, from_=step)
        if step.way is _Way.USED:
            for task in used.firsts(step.id):
                self._join(EdgeKind.USED, Step("task", task, _Way.USED, step.depth + 1), step, from_=step)

    def _from_task(self, step: Step, made: _Pairs, used: _Pairs, gave: _Pairs, called: _Pairs) -> None:
        goes_back = step.way in (_Way.MADE, _Way.BELOW, _Way.ABOVE)
        if goes_back:
            for item in used.seconds(step.id):
                self._join(EdgeKind.USED, step, Step("item", item, _Way.MADE, step.depth), from_=step)
        else:
            for kind, pairs in ((EdgeKind.GENERATED, made), (EdgeKind.RETURNED, gave)):
                for item in pairs.seconds(step.id):
                    self._join(kind, step, Step("item", item, _Way.USED, step.depth), from_=step)
        above = _Way.ABOVE if goes_back else _Way.BEYOND
        for parent in called.firsts(step.id):
            self._join(EdgeKind.CALLED, Step("task", parent, above, step.depth + 1), step, from_=step)
        if step.way in (_Way.MADE, _Way.BELOW, _Way.USED):
            below = _Way.BELOW if goes_back else _Way.USED
            for child in called.seconds(step.id):
                self._join(EdgeKind.CALLED, step, Step("task", child, below, step.depth + 1), from_=step)
        if step.way is _Way.BELOW:
            self._outputs_of_call(step, made, gave)

    def _outputs_of_call(self, step: Step, made: _Pairs, gave: _Pairs) -> None:
        """What a call gave went to its caller, whose result may rest on it."""
        for item in gave.seconds(step.id):
            if item in made.seconds(step.id):
                for kind in (EdgeKind.GENERATED, EdgeKind.RETURNED):
                    self._join(kind, step, Step("item", item, _Way.MADE, step.depth), from_=step)

    def _join(self, kind: EdgeKind, source: Step, target: Step, *, from_: Step) -> None:
        """Join two nodes, one of which is new; where there is no room for it, its neighbour is where it was cut."""
        new = target if source is from_ else source
        if self._reach(new, from_.ref):
            self.edges[Edge(kind=kind, source=source.ref, target=target.ref)] = None

    def _reach(self, step: Step, from_: str) -> bool:
        if step.ref not in self._counted:
            if step.depth > self._depth:
                self._cut(from_, "depth")
                return False
            if len(self._counted) >= self._most:
                self._cut(from_, "nodes")
                return False
            self._counted.add(step.ref)
        if (step.ref, step.way) not in self._seen and step.depth <= self._depth:
            self._seen.add((step.ref, step.way))
            self._waiting.append(step)
        return True

    def _cut(self, ref: str, reason: Literal["depth", "nodes"]) -> None:
        if self.cut.get(ref, Cut(ref=ref, reason="depth")).reason == "depth":
            self.cut[ref] = Cut(ref=ref, reason=reason)


class _Pairs:
    """Pairs, looked up by either half; each half once, in the order in which they came."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._by_first: dict[str, dict[str, None]] = {}
        self._by_second: dict[str, dict[str, None]] = {}
        for first, second in pairs:
            self._by_first.setdefault(first, {})[second] = None
            self._by_second.setdefault(second, {})[first] = None

    def seconds(self, first: str) -> Collection[str]:
        return self._by_first.get(first, {}).keys()

    def firsts(self, second: str) -> Collection[str]:
        return self._by_second.get(second, {}).keys()


def hide(graph_nodes: Iterable[Any], edges: Iterable[Edge], hidden: Sequence[str]) -> tuple[list[Any], list[Edge]]:
    """Put bare nodes in the place of those that may not be known, and say so in the edges."""
    names = {ref: f"hidden:{number}" for number, ref in enumerate(dict.fromkeys(hidden), 1)}
    nodes = [node for node in graph_nodes if node.ref not in names]
    bare = [HiddenNode(ref=name) for name in names.values()]
    renamed = [
        Edge(kind=edge.kind, source=names.get(edge.source, edge.source), target=names.get(edge.target, edge.target))
        for edge in edges
    ]
    return [*nodes, *bare], list(dict.fromkeys(renamed))
