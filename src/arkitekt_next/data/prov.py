"""A history as W3C PROV-JSON: items are entities, calls are activities, people and releases are agents.

Source: https://www.w3.org/submissions/prov-json/. The rule: what the graph does not tell, the document does not claim;
a hidden node is an entity or an activity without attributes, whichever its edges make of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from .provenance import EdgeKind, EnvironmentNode, Graph, HiddenNode, ItemNode, PersonNode, ReleaseNode, TaskNode

_TERMS = "urn:arkitekt-next:terms#"
_ACTIVITIES = frozenset(
    {EdgeKind.USED, EdgeKind.GENERATED, EdgeKind.RETURNED, EdgeKind.CALLED, EdgeKind.ACTED_FOR, EdgeKind.RAN}
)
_RELATIONS = {
    EdgeKind.USED: ("used", "prov:activity", "prov:entity"),
    EdgeKind.GENERATED: ("wasGeneratedBy", "prov:activity", "prov:entity"),
    EdgeKind.RETURNED: ("wasInfluencedBy", "prov:influencer", "prov:influencee"),
    EdgeKind.CALLED: ("wasInformedBy", "prov:informant", "prov:informed"),
    EdgeKind.ACTED_FOR: ("wasAssociatedWith", "prov:activity", "prov:agent"),
    EdgeKind.RAN: ("wasAssociatedWith", "prov:activity", "prov:agent"),
    EdgeKind.RAN_IN: ("used", "prov:activity", "prov:entity"),
    EdgeKind.AGAIN_OF: ("wasInfluencedBy", "prov:influencee", "prov:influencer"),
    EdgeKind.ATTRIBUTED: ("wasAttributedTo", "prov:entity", "prov:agent"),
}


def write(graph: Graph, hub: str) -> dict[str, Any]:
    """Give the document; `hub` is the address that ids are made absolute by."""
    address = hub.rstrip("/")
    document: dict[str, Any] = {
        "prefix": {
            "item": f"{address}/api/items/",
            "task": f"{address}/api/tasks/",
            "person": f"{address}/#person-",
            "release": f"{address}/#release-",
            "environment": f"{address}/#environment-",
            "hidden": f"{address}/#hidden-",
            "arkitekt": _TERMS,
        }
    }
    active = {edge.source for edge in graph.edges if edge.kind in _ACTIVITIES}
    active |= {edge.target for edge in graph.edges if edge.kind is EdgeKind.CALLED}
    for node in graph.nodes:
        kind, attributes = _described(node, node.ref in active)
        document.setdefault(kind, {})[node.ref] = {name: value for name, value in attributes if value not in (None, "")}
    generated = {(edge.source, edge.target) for edge in graph.edges if edge.kind is EdgeKind.GENERATED}
    for number, edge in enumerate(graph.edges, 1):
        if edge.kind is EdgeKind.RETURNED and (edge.source, edge.target) in generated:
            continue
        relation, source, target = _RELATIONS[edge.kind]
        told = {source: edge.source, target: edge.target}
        roles = _roles(graph, edge.source, edge.target) if edge.kind is EdgeKind.USED else []
        if roles:
            told["prov:role"] = roles[0] if len(roles) == 1 else roles  # type: ignore[assignment]
        if edge.kind in (EdgeKind.RETURNED, EdgeKind.AGAIN_OF, EdgeKind.RAN_IN):
            told["prov:type"] = f"arkitekt:{edge.kind.value}"
        document.setdefault(relation, {})[f"_:r{number}"] = told
    for number, (release, person, task) in enumerate(_delegations(graph), 1):
        delegation = {"prov:delegate": release, "prov:responsible": person, "prov:activity": task}
        document.setdefault("actedOnBehalfOf", {})[f"_:d{number}"] = delegation
    return document


def _described(node: Any, is_active: bool) -> tuple[str, Iterable[tuple[str, Any]]]:
    match node:
        case ItemNode():
            return "entity", _item(node)
        case TaskNode():
            return "activity", _task(node)
        case PersonNode():
            return "agent", [("prov:type", _name("prov:Person")), ("prov:label", node.name)]
        case ReleaseNode():
            return "agent", _release(node)
        case EnvironmentNode():
            return "entity", _environment(node)
        case HiddenNode():
            return "activity" if is_active else "entity", []
    raise TypeError(f"expected a node, got {type(node).__name__}")


def _item(node: ItemNode) -> list[tuple[str, Any]]:
    return [
        ("prov:type", _name(f"arkitekt:{node.kind}")),
        ("prov:label", node.name),
        ("arkitekt:digest", node.digest),
        ("arkitekt:sizeBytes", _whole(node.size_bytes)),
        ("arkitekt:meta", _json(node.meta)),
        ("arkitekt:app", node.app),
        ("arkitekt:committedAt", _time(node.committed_at_us)),
        ("arkitekt:removedAt", _time(node.removed_at_us)),
    ]


def _task(node: TaskNode) -> list[tuple[str, Any]]:
    return [
        ("prov:type", _name("arkitekt:task")),
        ("prov:label", node.action),
        ("prov:startTime", _moment(node.started_at_us)),
        ("prov:endTime", _moment(node.ended_at_us)),
        ("arkitekt:status", node.status),
        ("arkitekt:attempt", _whole(node.attempt)),
        ("arkitekt:callingApp", node.app),
        ("arkitekt:definitionHash", node.definition_hash),
        ("arkitekt:signatureHash", node.signature_hash),
        ("arkitekt:functionHash", node.function_hash),
        ("arkitekt:host", node.host),
        ("arkitekt:arguments", _json({argument.key: argument.value for argument in node.arguments})),
    ]


def _release(node: ReleaseNode) -> list[tuple[str, Any]]:
    return [
        ("prov:type", _name("prov:SoftwareAgent")),
        ("prov:label", f"{node.app} {node.version}"),
        ("arkitekt:sourceHash", node.source_hash),
        ("arkitekt:lockHash", node.lock_hash),
        ("arkitekt:python", node.python),
        ("arkitekt:source", node.source),
    ]


def _environment(node: EnvironmentNode) -> list[tuple[str, Any]]:
    return [
        ("prov:type", _name("arkitekt:environment")),
        ("prov:label", f"{node.implementation} {node.python}".strip()),
        ("arkitekt:platform", node.platform),
        ("arkitekt:packages", "\n".join(node.packages)),
        ("arkitekt:packagesHash", node.packages_hash),
    ]


def _roles(graph: Graph, task: str, item: str) -> list[str]:
    """Under which names a task was given an item."""
    node = graph.node_of(task)
    return [argument.key for argument in getattr(node, "arguments", ()) if item in argument.items]


def _delegations(graph: Graph) -> Iterable[tuple[str, str, str]]:
    """Which release acted for whom in which task."""
    for edge in graph.edges:
        if edge.kind is EdgeKind.RAN:
            for person in graph.targets(EdgeKind.ACTED_FOR, edge.source):
                yield edge.target, person, edge.source


def _name(text: str) -> dict[str, str]:
    return {"$": text, "type": "prov:QUALIFIED_NAME"}


def _whole(number: int) -> dict[str, Any]:
    return {"$": str(number), "type": "xsd:long"}


def _json(value: Any) -> str | None:
    return json.dumps(value, sort_keys=True) if value else None


def _moment(at_us: int | None) -> str | None:
    return None if at_us is None else datetime.fromtimestamp(at_us / 1e6, UTC).isoformat()


def _time(at_us: int | None) -> dict[str, str] | None:
    text = _moment(at_us)
    return None if text is None else {"$": text, "type": "xsd:dateTime"}
