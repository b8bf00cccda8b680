"""Finds what a wire value refers to in the data service, by the published ports alone.

Identifiers that begin with `data.` are ours: what travels there is the id of an item. A contract without such a port
compiles to nothing, so a call that carries no data pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .model import Port, PortKind

DATA = "data."
"""What the identifier of every structure begins with that stands for an item."""

Walk = Callable[[Any], Iterator[str]]
_ITEMS = frozenset({PortKind.LIST, PortKind.SET})


def refers(port: Port) -> bool:
    """Whether an item may lie anywhere inside a port."""
    return is_item(port) or any(refers(child) for child in port.children)


def is_item(port: Port) -> bool:
    """Whether what travels through a port is the id of an item."""
    return port.kind is PortKind.STRUCTURE and (port.identifier or "").startswith(DATA)


def compile_references(ports: Sequence[Port]) -> Walk | None:
    """Compile what gives the ids in a wire value: an object by key, or a list with one entry a port.

    None when there can be none. The value has passed the check of these ports.
    """
    walks = {i: _compile(port) for i, port in enumerate(ports) if refers(port)}
    keys = {i: ports[i].key for i in walks}
    if not walks:
        return None

    def walk(wire: Any) -> Iterator[str]:
        for i, inner in walks.items():
            if isinstance(wire, dict):
                if keys[i] in wire:
                    yield from inner(wire[keys[i]])
            else:
                yield from inner(wire[i])

    return walk


def _compile(port: Port) -> Walk:
    walk = _present(port)

    def nullable(wire: Any) -> Iterator[str]:
        if wire is not None:
            yield from walk(wire)

    return nullable


def _present(port: Port) -> Walk:
    if is_item(port):
        return lambda wire: iter((wire,))
    children = {i: _compile(child) for i, child in enumerate(port.children) if refers(child)}
    if port.kind in _ITEMS or (port.kind is PortKind.TUPLE and port.variadic):
        item = children[0]
        return lambda wire: (id for value in wire for id in item(value))
    if port.kind is PortKind.DICT:
        value = children[1]
        return lambda wire: (id for inner in wire.values() for id in value(inner))
    if port.kind is PortKind.UNION:
        return lambda wire: children[wire[0]](wire[1]) if wire[0] in children else iter(())
    if port.kind is PortKind.MODEL:
        fields = {port.children[i].key: walk for i, walk in children.items()}
        return lambda wire: (id for name, walk in fields.items() if name in wire for id in walk(wire[name]))
    return lambda wire: (id for i, walk in children.items() for id in walk(wire[i]))
