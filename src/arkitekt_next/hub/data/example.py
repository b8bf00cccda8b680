"""The history that the API's documentation shows: a mask, made from an image by one call."""

from __future__ import annotations

from arkitekt_next.data import prov
from arkitekt_next.data import provenance as p
from arkitekt_next.data.provenance import Edge, EdgeKind

_AT = 1795222602284847
_IMAGE = "item:01a1fb9b-0100-7000-8000-000000000001"
_MASK = "item:01a1fb9b-0100-7000-8000-000000000002"
_TASK = "task:01a1fb9b-022b-7774-861b-fc7c8f838aa7"
_PERSON = "person:01a1fb9b-0001-7000-8000-000000000001"
_RELEASE = "release:01a1fb9b-0005-7000-8000-000000000001"


def _item(ref: str, name: str) -> p.ItemNode:
    return p.ItemNode(
        ref=ref,
        id=ref.partition(":")[2],
        kind="image",
        name=name,
        meta={"shape": [512, 672], "dtype": "uint16", "axes": ["y", "x"]},
        digest="9f" * 32,
        size_bytes=688128,
        app="segment",
        is_temporary=False,
        created_at_us=_AT,
        committed_at_us=_AT + 1_000_000,
        trashed_at_us=None,
        removed_at_us=None,
    )


_CALL = p.TaskNode(
    ref=_TASK,
    id=_TASK.partition(":")[2],
    action="segment.nuclei",
    status="completed",
    is_readable=True,
    app="acquire",
    attempt=1,
    queued_at_us=_AT,
    started_at_us=_AT + 400,
    ended_at_us=_AT + 250_000,
    signature_hash="a0" * 32,
    definition_hash="3f" * 32,
    function_hash="5b" * 32,
    effects="none",
    host="gpu-box",
    agent="01a1fb9b-021e-7672-bd84-6116f37c3513",
    arguments=(
        p.Argument(key="image", value=_IMAGE.partition(":")[2], items=(_IMAGE,)),
        p.Argument(key="sigma", value=2.0),
    ),
)
_GRAPH = p.Graph(
    root=_MASK,
    direction=p.Direction.BACK,
    depth=p.DEPTH,
    nodes=(
        _item(_MASK, "nuclei"),
        _item(_IMAGE, "HeLa, plate 3"),
        _CALL,
        p.PersonNode(ref=_PERSON, id=_PERSON.partition(":")[2], name="ada"),
        p.ReleaseNode(
            ref=_RELEASE,
            id=_RELEASE.partition(":")[2],
            app="segment",
            version="1.2.0",
            source_hash="9c41" * 16,
            lock_hash="77ab" * 16,
            python="3.12.3",
        ),
    ),
    edges=(
        Edge(kind=EdgeKind.GENERATED, source=_TASK, target=_MASK),
        Edge(kind=EdgeKind.RETURNED, source=_TASK, target=_MASK),
        Edge(kind=EdgeKind.USED, source=_TASK, target=_IMAGE),
        Edge(kind=EdgeKind.ACTED_FOR, source=_TASK, target=_PERSON),
        Edge(kind=EdgeKind.RAN, source=_TASK, target=_RELEASE),
        Edge(kind=EdgeKind.ATTRIBUTED, source=_IMAGE, target=_PERSON),
    ),
)
GRAPH = _GRAPH.model_dump(mode="json")
DOCUMENT = prov.write(_GRAPH, "https://hub.example.org")
