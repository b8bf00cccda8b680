"""Ports as Python annotations, and the classes they need: dataclasses, enums, named tuples.

Two models of one identifier and different fields become two classes. The rule: an annotation never promises more than
what arrives.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from arkitekt_next.cli.codegen.names import Names, sound
from arkitekt_next.ports import Port, PortKind

_SCALARS = {
    PortKind.BOOL: "bool",
    PortKind.INT: "int",
    PortKind.FLOAT: "float",
    PortKind.STRING: "str",
    PortKind.BYTES: "bytes",
    PortKind.DATETIME: "_dt.datetime",
    PortKind.DATE: "_dt.date",
    PortKind.TIME: "_dt.time",
    PortKind.TIMEDELTA: "_dt.timedelta",
    PortKind.UUID: "_uuid.UUID",
    PortKind.DECIMAL: "_decimal.Decimal",
    PortKind.MEMORY: "_Reference",
    PortKind.NONE: "None",
}
_SHOWN = (bool, int, str)
LEFT_OUT = "LEFT_OUT"
_ENUM_OWN = {"name", "value", "mro"}
_TYPE_NAMES = {"bool", "int", "float", "str", "bytes", "list", "set", "frozenset", "dict", "tuple"}

Shape = tuple[Any, ...]


@dataclass(slots=True)
class Types:
    """The classes of one module, and how they are named."""

    names: Names
    classes: list[str] = field(default_factory=list)
    identifiers: dict[str, str] = field(default_factory=dict)
    _known: dict[Shape, str] = field(default_factory=dict)

    def annotation(self, port: Port, *, frozen: bool = False) -> str:
        """Write the type of a port; `frozen` asks for one that can lie in a set."""
        plain = self._plain(port, frozen=frozen)
        return f"{plain} | None" if port.nullable and plain not in ("_Any", "None") else plain

    def _plain(self, port: Port, *, frozen: bool) -> str:
        if port.kind in _SCALARS:
            return _SCALARS[port.kind]
        if port.kind is PortKind.JSON:
            narrowed = port.constraints.json_type if port.constraints else None
            return {"object": "dict[str, _Any]", "array": "list[_Any]"}.get(narrowed or "", "_Any")
        if port.kind is PortKind.LITERAL:
            return _literal(port)
        if port.kind is PortKind.ENUM:
            return self._enum(port)
        if port.kind is PortKind.MODEL:
            return self._model(port)
        return self._container(port, frozen=frozen)

    def _container(self, port: Port, *, frozen: bool) -> str:
        if port.kind is PortKind.LIST:
            return f"list[{self.annotation(port.children[0])}]"
        if port.kind is PortKind.SET:
            outer = "frozenset" if frozen or port.is_frozen else "set"
            return f"{outer}[{self.annotation(port.children[0], frozen=True)}]"
        if port.kind is PortKind.DICT:
            return f"dict[{', '.join(self.annotation(child) for child in port.children)}]"
        if port.kind is PortKind.TUPLE:
            inner = [self.annotation(child, frozen=frozen) for child in port.children]
            return f"tuple[{', '.join([*inner, '...'] if port.variadic else inner) or '()'}]"
        if port.kind is PortKind.UNION:
            return " | ".join(dict.fromkeys(self.annotation(child, frozen=frozen) for child in port.children))
        return "_Any"  # a structure: a Reference, or whatever class the program has for it

    def _enum(self, port: Port) -> str:
        members = [str(choice.value) for choice in port.choices]
        if not port.identifier or not all(_is_name(member) and member not in _ENUM_OWN for member in members):
            return "str"
        shape: Shape = (PortKind.ENUM, port.identifier, tuple((c.value, c.label) for c in port.choices))
        if shape not in self._known:
            labels = [choice.label for choice in port.choices]
            values = labels if len(set(labels)) == len(labels) and None not in labels else members
            lines = [f"    {member} = {value!r}" for member, value in zip(members, values, strict=True)]
            self._add(shape, port.identifier, ["class {name}(_Enum):", *lines])
        return self._known[shape]

    def _model(self, port: Port) -> str:
        if not port.identifier or not _can_be_class(port):
            return "_Any"
        shape: Shape = (PortKind.MODEL, port.identifier, _shape(port.children))
        if shape not in self._known:
            lines = [f"    {line}" for child in port.children for line in self._field(child)]
            self._add(shape, port.identifier, ["@_dataclass(frozen=True, kw_only=True)", "class {name}:", *lines])
        return self._known[shape]

    def _field(self, port: Port) -> Iterable[str]:
        default = "" if port.required else f" = {self.default(port)}"
        yield f"{port.key}: {self.annotation(port)}{default}"
        if port.description:
            yield docstring(port.description)

    def _add(self, shape: Shape, identifier: str, lines: list[str]) -> None:
        name = self._known[shape] = self.names.give(sound(identifier))
        self.identifiers[name] = identifier
        body = lines if len(lines) > (2 if lines[0].startswith("@") else 1) else [*lines, "    pass"]
        self.classes.append(
            "\n".join(line.replace("{name}", name, 1) if i < 2 else line for i, line in enumerate(body))
        )

    def default(self, port: Port) -> str:
        """Write a default; one that has no short literal is left to the app."""
        wire = port.default
        if wire is None:
            return "None" if port.nullable or port.kind in (PortKind.NONE, PortKind.JSON) else LEFT_OUT
        if port.kind is PortKind.ENUM:
            name = self._plain(port, frozen=False)
            return repr(wire) if name == "str" else f"{name}.{wire}"
        if port.kind is PortKind.FLOAT:
            return repr(float(wire)) if isinstance(wire, float | int) and math.isfinite(wire) else f'float("{wire}")'
        if port.kind is PortKind.LITERAL and any(choice.enum for choice in port.choices):
            return LEFT_OUT
        is_shown = port.kind in (PortKind.BOOL, PortKind.INT, PortKind.STRING, PortKind.LITERAL)
        return repr(wire) if is_shown and isinstance(wire, _SHOWN) else LEFT_OUT

    def classes_in(self, ports: Iterable[Port]) -> dict[str, str]:
        """Give the classes that may arrive through these ports, by identifier."""
        found: dict[str, str] = {}
        for port in ports:
            if port.kind in (PortKind.MODEL, PortKind.ENUM):
                name = self._plain(port, frozen=False)
                if name in self.identifiers:
                    found[str(port.identifier)] = name
            found.update(self.classes_in(port.children))
        return found


def _literal(port: Port) -> str:
    if any(choice.enum for choice in port.choices):
        return "_Any"
    return f"_Literal[{', '.join(repr(choice.value) for choice in port.choices)}]"


def _is_name(text: str) -> bool:
    return text.isidentifier() and text.isascii() and not keyword.iskeyword(text) and not text.startswith("_")


def _can_be_class(port: Port) -> bool:
    """Say whether the fields can be attributes, none of them hiding a type that another one is annotated with."""
    keys = {child.key for child in port.children}
    return all(map(_is_name, keys)) and keys.isdisjoint(_TYPE_NAMES | _identifiers_in(port.children))


def _identifiers_in(ports: Iterable[Port]) -> set[str]:
    return {found for port in ports for found in (sound(port.identifier or ""), *_identifiers_in(port.children))}


def _shape(ports: tuple[Port, ...]) -> Shape:
    return tuple(repr(sorted(port.contract().items(), key=str)) for port in ports)


def docstring(text: str) -> str:
    """Write a text as a docstring that can hold anything."""
    from arkitekt_next.cli.output import clean

    plain = clean(text).encode("utf-8", "replace").decode().replace("\\", "\\\\").replace('"""', '\\"\\"\\"').strip()
    end = "\n" if "\n" in plain else " " if plain.endswith('"') else ""
    return f'"""{plain}{end}"""'
