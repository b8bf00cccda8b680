"""The generated module: header, classes, a function and its async twin for each action.

The rule: the same definitions give the same text, byte for byte, so that a difference means a difference.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from arkitekt_next.cli.codegen.names import Names, camel, sound
from arkitekt_next.cli.codegen.types import Types, docstring
from arkitekt_next.ports import Definition, Port

_LINE_CHARS = 110
_HELPERS = '''
class _LeftOut(_Enum):
    LEFT_OUT = "left out"


LEFT_OUT: _Any = _LeftOut.LEFT_OUT
"""Stands for an argument that is not sent, so that the app's own default counts."""


def _given(arguments: dict[str, _Any]) -> dict[str, _Any]:
    return {key: _opened(value) for key, value in arguments.items() if value is not LEFT_OUT}


def _opened(value: _Any) -> _Any:
    identifier = _IDENTIFIERS.get(type(value))
    if identifier is not None and isinstance(value, _Enum):
        return _EnumValue(value.name, None, identifier)
    if identifier is not None:
        return _Record(identifier, {key: _opened(v) for key, v in vars(value).items() if v is not LEFT_OUT})
    if isinstance(value, dict):
        return {_opened(key): _opened(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value)(map(_opened, value)) if not hasattr(value, "_fields") else value
    return value


def _built(value: _Any, classes: dict[str, _Any]) -> _Any:
    if isinstance(value, _EnumValue):
        return classes[value.identifier][value.name] if value.identifier in classes else value
    if isinstance(value, _Record):
        fields = {key: _built(value[key], classes) for key in value}
        known = classes.get(_identifier_of(value) or "")
        return known(**fields) if known is not None else value
    if isinstance(value, dict):
        return {_built(key, classes): _built(item, classes) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_built(item, classes) for item in value)
    if isinstance(value, (list, set, frozenset)):
        return type(value)(_built(item, classes) for item in value)
    return value
'''

_IMPORTS = """\
# ruff: noqa

from __future__ import annotations

import datetime as _dt
import decimal as _decimal
import uuid as _uuid
from collections.abc import AsyncIterator as _AsyncIterator
from collections.abc import Iterator as _Iterator
from dataclasses import dataclass as _dataclass
from enum import Enum as _Enum
from typing import Any as _Any
from typing import Literal as _Literal
from typing import NamedTuple as _NamedTuple

import arkitekt_next as _arkitekt
from arkitekt_next.ports import EnumValue as _EnumValue
from arkitekt_next.ports import Record as _Record
from arkitekt_next.ports import Reference as _Reference
from arkitekt_next.ports.values import identifier_of as _identifier_of
"""


@dataclass(frozen=True, slots=True)
class Source:
    """One action to write a function for."""

    name: str
    definition: Definition

    @property
    def app(self) -> str:
        """The app it belongs to."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Returned:
    """What a function of the module gives: its annotation, the class of its tuple, the classes inside."""

    annotation: str
    tuple_class: str | None
    classes: Mapping[str, str]

    @property
    def names(self) -> set[str]:
        """The classes its body mentions, which no parameter may hide."""
        return {*self.classes.values(), *([self.tuple_class] if self.tuple_class else [])}

    def written(self, value: str) -> str:
        """Write the expression that turns what arrives into what is annotated."""
        if self.classes:
            inside = ", ".join(f"{identifier!r}: {name}" for identifier, name in sorted(self.classes.items()))
            value = f"_built({value}, {{{inside}}})"
        return f"{self.tuple_class}(*{value})" if self.tuple_class else value


def write_module(sources: Sequence[Source], *, command: str) -> str:
    """Write the module for these actions; functions carry the app in their name when there are several apps."""
    ordered = sorted(sources, key=lambda source: source.name)
    has_many = len({source.app for source in ordered}) > 1
    names = Names()
    types = Types(names)
    called = {source.name: _function_names(source, names, has_many=has_many) for source in ordered}
    functions = [text for source in ordered for text in _functions(source, called[source.name], types)]
    hashes = "\n".join(f"    {source.name!r}: {source.definition.definition_hash!r}," for source in ordered)
    identifiers = "\n".join(f"    {name}: {identifier!r}," for name, identifier in types.identifiers.items())
    parts = [
        _header(ordered, command),
        _IMPORTS,
        f"DEFINITIONS = {{\n{hashes}\n}}" if hashes else "DEFINITIONS: dict[str, str] = {}",
        _HELPERS.strip(),
        *types.classes,
        f"_IDENTIFIERS: dict[type, str] = {{\n{identifiers}\n}}"
        if identifiers
        else "_IDENTIFIERS: dict[type, str] = {}",
        *functions,
    ]
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _header(sources: Sequence[Source], command: str) -> str:
    text = f"""Functions of {", ".join(sorted({source.app for source in sources})) or "no app"}, typed.

Made by `{command}`. Don't edit it: run that again when the apps change, and it says what did.
Options of a call (timeout, reference …) go through `arkitekt_next.find(name).with_options(...)`."""
    return docstring(text)


def _function_names(source: Source, names: Names, *, has_many: bool) -> tuple[str, str]:
    app, _, short = source.name.partition(".")
    plain = names.give(f"{sound(app)}_{sound(short)}" if has_many else sound(short))
    return plain, names.give(f"a{plain}")


def _functions(source: Source, called: tuple[str, str], types: Types) -> list[str]:
    definition = source.definition
    returned = _returned(definition, types)
    parameters, arguments = _parameters(definition.args, types, taken=returned.names)
    doc = textwrap.indent(_docs(definition), "    ")
    is_stream = definition.kind == "generator"
    write = _stream if is_stream else _plain
    return [write(source.name, called[i], parameters, arguments, returned, doc, is_async=bool(i)) for i in range(2)]


def _docs(definition: Definition) -> str:
    title = "Yields" if definition.kind == "generator" else "Returns"
    parts = [definition.description or definition.label or definition.name, definition.long_description or ""]
    for heading, ports in (("Args", definition.args), (title, definition.returns)):
        lines = [f"    {port.key}: {_described(port)}" for port in ports if port.description or port.unit]
        parts.append("\n".join([f"{heading}:", *lines]) if lines else "")
    return docstring("\n\n".join(filter(None, parts)))


def _described(port: Port) -> str:
    unit = f" [{port.unit}]" if port.unit else ""
    return f"{port.description or port.label or port.key}{unit}"


def _parameters(ports: Sequence[Port], types: Types, *, taken: Iterable[str]) -> tuple[list[str], str]:
    inner = Names(*taken)
    parameters, arguments, has_default, is_keyword = [], [], False, False
    for port in ports:
        name = inner.give(port.key)
        if port.required and has_default and not is_keyword:
            parameters.append("*")
            is_keyword = True
        has_default = has_default or not port.required
        default = "" if port.required else f" = {types.default(port)}"
        parameters.append(f"{name}: {types.annotation(port)}{default}")
        arguments.append(f"{port.key!r}: {name}")
    return parameters, f"**_given({_dict(arguments)})" if arguments else ""


def _dict(entries: Sequence[str]) -> str:
    line = f"{{{', '.join(entries)}}}"
    if len(line) <= _LINE_CHARS - 40:
        return line
    return "{\n" + "".join(f"        {entry},\n" for entry in entries) + "    }"


def _head(keyword: str, name: str, parameters: Sequence[str], result: str) -> str:
    line = f"{keyword} {name}({', '.join(parameters)}) -> {result}:"
    if len(line) <= _LINE_CHARS:
        return line
    return f"{keyword} {name}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f") -> {result}:"


def _returned(definition: Definition, types: Types) -> Returned:
    ports = definition.returns
    classes = types.classes_in(ports)
    if not definition.returns_tuple and len(ports) <= 1:
        return Returned(types.annotation(ports[0]) if ports else "None", None, classes)
    inner = [types.annotation(port) for port in ports]
    keys = [port.key for port in ports]
    if all(key == f"out{i}" for i, key in enumerate(keys)):
        return Returned(f"tuple[{', '.join(inner) or '()'}]", None, classes)
    name = types.names.give(sound(definition.returns_name or f"{camel(definition.name)}Returns"))
    unique = Names()
    fields = [_tuple_field(unique.give(key), annotation) for key, annotation in zip(keys, inner, strict=True)]
    types.classes.append("\n".join([f"class {name}(_NamedTuple):", *fields]))
    return Returned(name, name, classes)


def _tuple_field(name: str, annotation: str) -> str:
    # A tuple has methods of these names, which a field may hide at run time but not for a type checker.
    excuse = "  # type: ignore[assignment]" if name in ("count", "index") else ""
    return f"    {name}: {annotation}{excuse}"


def _plain(
    action: str, name: str, parameters: Sequence[str], arguments: str, returned: Returned, doc: str, *, is_async: bool
) -> str:
    verb = "await _arkitekt.acall" if is_async else "_arkitekt.call"
    call = f"{verb}({', '.join(filter(None, (repr(action), arguments)))})"
    head = _head("async def" if is_async else "def", name, parameters, returned.annotation)
    if returned.annotation == "None":
        return f"{head}\n{doc}\n    {call}"
    return f"{head}\n{doc}\n    result: {returned.annotation} = {returned.written(call)}\n    return result"


def _stream(
    action: str, name: str, parameters: Sequence[str], arguments: str, returned: Returned, doc: str, *, is_async: bool
) -> str:
    kind = "_AsyncIterator" if is_async else "_Iterator"
    start, verb = ("async ", "aiterate") if is_async else ("", "iterate")
    call = f"_arkitekt.{verb}({', '.join(filter(None, (repr(action), arguments)))})"
    head = _head(f"{start}def", name, parameters, f"{kind}[{returned.annotation}]")
    return f"{head}\n{doc}\n    {start}for value in {call}:\n        yield {returned.written('value')}"


def definitions_of(text: str) -> dict[str, str] | None:
    """Give the definition hashes that a module made by `write_module` carries; None for any other text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    for statement in tree.body:
        value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if isinstance(value, ast.Dict) and isinstance(targets[0], ast.Name) and targets[0].id == "DEFINITIONS":
            found = ast.literal_eval(value)
            return {str(key): str(item) for key, item in found.items()}
    return None
