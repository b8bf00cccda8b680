"""An action in words: its signature on a line, and its ports, docs and options in full.

It only writes text. The rule: whatever an author wrote is cleaned before it reaches a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator

from arkitekt_next.cli import output
from arkitekt_next.cli.arguments import to_json
from arkitekt_next.ports import Definition, Port, PortKind
from arkitekt_next.ports.limits import express


def signature(definition: Definition, name: str | None = None, *, short: bool = False) -> str:
    """Write an action the way Python would show it; `short` leaves out the types."""
    arguments = ", ".join(_argument(port, short=short) for port in definition.args)
    text = f"{definition.name if name is None else name}({arguments})"
    return output.clean(text if short else f"{text} -> {returns(definition)}")


def _argument(port: Port, *, short: bool) -> str:
    text = port.key if short else f"{port.key}: {kind(port)}"
    if port.required:
        return text
    shown = "None" if port.default is None else literal(port, port.default)
    return f"{text}={shown}" if short else f"{text} = {shown}"


def kind(port: Port) -> str:
    """Write the type of a port, its limits included."""
    text = port.identifier if port.kind is PortKind.MODEL and port.identifier else express(port)
    return f"{text} | None" if port.nullable else text


def returns(definition: Definition) -> str:
    """Write what an action gives."""
    kinds = [kind(port) for port in definition.returns]
    text = f"({', '.join(kinds)})" if definition.returns_tuple or len(kinds) > 1 else kinds[0] if kinds else "None"
    return f"stream of {text}" if definition.kind == "generator" else text


def literal(port: Port, wire: object) -> str:
    """Write a default the way one would type it."""
    value = to_json(port, wire)
    text = str(value) if port.kind is PortKind.ENUM else repr(value)
    return output.shorten(text, 40)


def details(definition: Definition, action: str) -> Iterator[str]:
    """Write everything about an action, line by line."""
    yield output.paint(output.clean(action), bold=True) + f"  {output.clean(definition.label or '')}".rstrip()
    for text in (definition.description, definition.long_description):
        if text:
            yield from (f"  {line}".rstrip() for line in output.clean(text).splitlines())
    yield ""
    yield from _ports("Arguments", definition.args)
    yield from _ports("Yields" if definition.kind == "generator" else "Returns", definition.returns)
    options = list(_options(definition))
    if options:
        yield f"Options: {', '.join(options)}"


def _ports(title: str, ports: tuple[Port, ...]) -> Iterator[str]:
    if not ports:
        yield f"{title}: none"
        return
    yield f"{title}:"
    for port in ports:
        yield from _port(port, "  ")


def _port(port: Port, indent: str) -> Iterator[str]:
    default = ""
    if not port.required:
        default = " = None" if port.default is None else f" = {literal(port, port.default)}"
    unit = f" [{port.unit}]" if port.unit else ""
    said = f"  {port.description}" if port.description else ""
    yield output.clean(f"{indent}{port.key}: {kind(port)}{_members(port)}{default}{unit}{said}")
    for model in models_in(port):
        for field in model.children:
            yield from _port(field, f"{indent}  .")


def _members(port: Port) -> str:
    if port.kind is not PortKind.ENUM:
        return ""
    shown = ", ".join(str(choice.value) for choice in port.choices[:12])
    return f" ({shown}{', …' if len(port.choices) > 12 else ''})"


def models_in(port: Port) -> Iterator[Port]:
    """Give the models directly inside a port: itself, or what its containers hold."""
    if port.kind is PortKind.MODEL:
        yield port
    elif port.kind in (PortKind.LIST, PortKind.SET, PortKind.TUPLE, PortKind.DICT, PortKind.UNION):
        for child in port.children:
            yield from models_in(child)


def _options(definition: Definition) -> Iterator[str]:
    yield f"effects {definition.effects.value}"
    if definition.retries:
        yield f"{definition.retries} retries"
    if definition.timeout_s is not None:
        yield f"time limit {definition.timeout_s:g} s"
    if definition.pure:
        yield "pure"
    if definition.collections:
        yield "collections " + ", ".join(output.clean(name) for name in definition.collections)
