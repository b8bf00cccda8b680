"""A history as the metadata of an RO-Crate: an action for every call, with what ran it, what it used and gave.

Sources: RO-Crate 1.1 (https://w3id.org/ro/crate/1.1), Process Run Crate 0.5 (https://w3id.org/ro/wfrun/process/0.5).
The rule: what is called a file or a data set of the crate lies in it; everything else is named by its address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .keys import check
from .provenance import EdgeKind, EnvironmentNode, Graph, HiddenNode, ItemNode, PersonNode, ReleaseNode, TaskNode

FILE_NAME = "ro-crate-metadata.json"
_CRATE = "https://w3id.org/ro/crate/1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_CONTEXT = f"{_CRATE}/context"
_STATUS = {
    "completed": "http://schema.org/CompletedActionStatus",
    "failed": "http://schema.org/FailedActionStatus",
    "cancelled": "http://schema.org/FailedActionStatus",
    "interrupted": "http://schema.org/FailedActionStatus",
    "lost": "http://schema.org/FailedActionStatus",
    "expired": "http://schema.org/FailedActionStatus",
}
_LICENCE = "#licence"
_WITHHELD = "Not readable for whoever exported this"

Entity = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """One object of an item as it lies in the crate, by its path there."""

    path: str
    size_bytes: int
    content_type: str = "application/octet-stream"


def folder_of(item: str) -> str:
    """Give where an item's objects lie in a crate. Raises `InvalidKey` for an id that is none."""
    check(item)
    return f"data/{item}/"


def write(
    graph: Graph,
    hub: str,
    contents: Mapping[str, Sequence[Part]] | None = None,
    *,
    licence: str | None = None,
    at_us: int | None = None,
) -> dict[str, Any]:
    """Give the metadata; `contents` says which items lie in the crate, by their ids, `licence` is an address or words.

    `at_us` is when the crate was made; by default when its newest part was stored or done.
    """
    return _Crate(graph, hub.rstrip("/"), contents or {}).written(licence, at_us)


class _Crate:
    """One crate while it is described."""

    def __init__(self, graph: Graph, hub: str, contents: Mapping[str, Sequence[Part]]) -> None:
        self._graph = graph
        self._hub = hub
        self._contents = contents
        self._nodes = {node.ref: node for node in graph.nodes}
        self._names = {node.ref: self._name(node) for node in graph.nodes}
        self._more: dict[str, Entity] = {}

    def written(self, licence: str | None, at_us: int | None) -> dict[str, Any]:
        """Give the whole document."""
        items = [node for node in self._graph.nodes if isinstance(node, ItemNode)]
        tasks = [node for node in self._graph.nodes if isinstance(node, TaskNode)]
        described = [self._item(node) for node in items] + [self._action(node) for node in tasks]
        described += [self._person(node) for node in self._graph.nodes if isinstance(node, PersonNode)]
        described += [self._hidden(node) for node in self._graph.nodes if isinstance(node, HiddenNode)]
        root = self._root(items, tasks, licence, at_us)
        descriptor = {
            "@id": FILE_NAME,
            "@type": "CreativeWork",
            "conformsTo": {"@id": _CRATE},
            "about": {"@id": "./"},
        }
        profile = {"@id": _PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        entities = [descriptor, root, profile, _licence(licence), *described, *self._more.values()]
        return {"@context": _CONTEXT, "@graph": [_compact(entity) for entity in entities]}

    def _root(
        self, items: Sequence[ItemNode], tasks: Sequence[TaskNode], licence: str | None, at_us: int | None
    ) -> Entity:
        times = [node.committed_at_us or 0 for node in items] + [node.ended_at_us or 0 for node in tasks]
        subject = self._nodes.get(self._graph.root)
        name = getattr(subject, "name", None) or getattr(subject, "action", None) or "A result"
        held = [_at(self._names[node.ref]) for node in items if node.id in self._contents]
        return {
            "@id": "./",
            "@type": "Dataset",
            "name": str(name),
            "description": f"{name}, with how it was made: {len(tasks)} calls and {len(items)} items.",
            "datePublished": _time(at_us or max(times, default=0)),
            "license": _at(_licence(licence)["@id"]),
            "conformsTo": _at(_PROFILE),
            "author": [_at(self._names[node.ref]) for node in self._graph.nodes if isinstance(node, PersonNode)],
            "hasPart": held,
            "mainEntity": _at(self._names[self._graph.root]),
            "mentions": [_at(self._names[node.ref]) for node in tasks],
        }

    def _name(self, node: Any) -> str:
        if isinstance(node, ItemNode):
            parts = self._contents.get(node.id)
            if parts is None:
                return f"{self._hub}/api/items/{node.id}"
            return parts[0].path if len(parts) == 1 else folder_of(node.id)
        if isinstance(node, TaskNode):
            return f"{self._hub}/api/tasks/{node.id}"
        return f"#{node.ref.replace(':', '-')}"

    def _item(self, node: ItemNode) -> Entity:
        parts = self._contents.get(node.id)
        entity: Entity = {
            "@id": self._names[node.ref],
            "@type": "CreativeWork" if parts is None else "File" if len(parts) == 1 else "Dataset",
            "name": node.name,
            "identifier": f"{self._hub}/api/items/{node.id}",
            "dateCreated": _time(node.created_at_us),
            "description": f"{node.kind} with the digest {node.digest}",
            "additionalType": f"#{node.kind}",
            "variableMeasured": [],
        }
        if parts is not None and len(parts) == 1:
            entity |= {"contentSize": str(parts[0].size_bytes), "encodingFormat": parts[0].content_type}
        if node.removed_at_us is not None:
            entity["description"] += f", removed {_time(node.removed_at_us)}"
        authors = self._graph.targets(EdgeKind.ATTRIBUTED, node.ref)
        if authors:
            entity["author"] = [_at(self._names[ref]) for ref in authors]
        entity["variableMeasured"] = [
            self._value(f"{node.ref}-{key}", key, value) for key, value in sorted(node.meta.items())
        ]
        return entity

    def _action(self, node: TaskNode) -> Entity:
        graph, names = self._graph, self._names
        used = [_at(names[ref]) for ref in graph.targets(EdgeKind.USED, node.ref)]
        values = [
            self._value(f"{node.ref}-{argument.key}", argument.key, argument.value)
            for argument in node.arguments
            if not argument.items
        ]
        gave = graph.targets(EdgeKind.GENERATED, node.ref) + graph.targets(EdgeKind.RETURNED, node.ref)
        entity: Entity = {
            "@id": names[node.ref],
            "@type": "CreateAction",
            "name": f"{node.action} ({node.status})",
            "description": f"Attempt {node.attempt}, called by the app {node.app}"
            + (f", run on {node.host}" if node.host else ""),
            "instrument": _at(self._instrument(node)),
            "agent": [_at(names[ref]) for ref in graph.targets(EdgeKind.ACTED_FOR, node.ref)],
            "object": used + values,
            "result": [_at(names[ref]) for ref in dict.fromkeys(gave)],
            "actionStatus": _STATUS.get(node.status),
            "startTime": _time(node.started_at_us) if node.started_at_us is not None else None,
            "endTime": _time(node.ended_at_us) if node.ended_at_us is not None else None,
            "isPartOf": [_at(names[ref]) for ref in graph.sources(EdgeKind.CALLED, node.ref)],
        }
        return entity

    def _instrument(self, node: TaskNode) -> str:
        """Describe the very function that ran, once for all calls of it; give its name."""
        releases = self._graph.targets(EdgeKind.RAN, node.ref)
        environments = self._graph.targets(EdgeKind.RAN_IN, node.ref)
        parts = [node.action, *releases, *environments, node.function_hash or node.definition_hash or ""]
        told = "-".join(part.partition(":")[2] or part for part in parts[1:] if part)
        name = f"{self._hub}/api/actions/{node.action}#{told}"
        if name in self._more:
            return name
        release = self._nodes[releases[0]] if releases else None
        environment = self._nodes[environments[0]] if environments else None
        entity: Entity = {
            "@id": name,
            "@type": "SoftwareApplication",
            "name": node.action,
            "url": f"{self._hub}/api/actions/{node.action}",
            "softwareVersion": release.version if isinstance(release, ReleaseNode) else "unknown",
            "identifier": _hashes(node, release),
        }
        if isinstance(environment, EnvironmentNode):
            entity["softwareRequirements"] = list(environment.packages)
            entity["operatingSystem"] = environment.platform
            entity["runtimePlatform"] = f"{environment.implementation} {environment.python}"
        if isinstance(release, ReleaseNode) and release.source is not None:
            entity["downloadUrl"] = f"{self._hub}/api/items/{release.source}"
        self._more[name] = entity
        return name

    def _value(self, id: str, key: str, value: Any) -> Entity:
        """Describe one value by its name; give the reference to it."""
        name = f"#value-{id.replace(':', '-')}"
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        self._more[name] = {"@id": name, "@type": "PropertyValue", "name": key, "value": text}
        return _at(name)

    def _person(self, node: PersonNode) -> Entity:
        return {"@id": self._names[node.ref], "@type": "Person", "name": node.name, "identifier": node.id}

    def _hidden(self, node: HiddenNode) -> Entity:
        return {"@id": self._names[node.ref], "@type": "CreativeWork", "name": _WITHHELD}


def _hashes(node: TaskNode, release: Any) -> list[str]:
    told = {
        "definition": node.definition_hash,
        "function": node.function_hash,
        "source": getattr(release, "source_hash", None),
        "lock": getattr(release, "lock_hash", None),
    }
    return [f"{name}:{hash}" for name, hash in told.items() if hash]


def _licence(licence: str | None) -> Entity:
    if licence is not None and licence.startswith(("https://", "http://")):
        return {"@id": licence, "@type": "CreativeWork", "name": licence, "description": "The licence of the data"}
    words = licence or "None stated: ask whoever made it"
    return {"@id": _LICENCE, "@type": "CreativeWork", "name": words, "description": "The licence of the data"}


def _compact(entity: Entity) -> Entity:
    """Leave out what is not there, and write a list of one as the one, as the specification wants it."""
    kept = {key: value for key, value in entity.items() if value not in (None, [])}
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in kept.items()}


def _at(id: str) -> dict[str, str]:
    return {"@id": id}


def _time(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")
