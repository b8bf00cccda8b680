"""A published definition made callable: codecs and a Python signature for a caller who lacks the author's classes.

Classes that are known here and fit are used; else values become `Reference`, `Record` and `EnumValue`. The one
rule: a local class is used only if its own ports equal the published ones, so nothing is read by the wrong class.
"""

from __future__ import annotations

import collections
import inspect
import types
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from arkitekt_next.errors import DeclarationError, InvalidValue
from arkitekt_next.ports import codec as codecs
from arkitekt_next.ports.calls import ArgumentCode, ReturnCode
from arkitekt_next.ports.codec import Codec, Shape
from arkitekt_next.ports.coerce import CLOSE, EXACT, FOREIGN, SCALARS
from arkitekt_next.ports.hints import HintReader, codec_of_structure
from arkitekt_next.ports.keys import is_key, key_codec
from arkitekt_next.ports.limits import express
from arkitekt_next.ports.members import enum_of, literal_of, one_of, published_enum
from arkitekt_next.ports.misfit import misfit
from arkitekt_next.ports.model import Definition, Port, PortKind
from arkitekt_next.ports.records import model_of, published_form
from arkitekt_next.ports.registry import TypeRegistry, default_registry
from arkitekt_next.ports.values import EnumValue, Record, Reference


class PortCodec:
    """The caller's side of a definition; the same forms as `Blueprint`, from published ports only.

    `dump_args` binds by position and by name as `signature` shows. `load_return` gives None, a value, or a tuple
    with the published names.
    """

    dump_args: Callable[[Sequence[Any], Mapping[str, Any]], dict[str, Any]]
    load_args: Callable[[Mapping[str, Any]], dict[str, Any]]
    adump_args: Callable[[Sequence[Any], Mapping[str, Any]], Awaitable[dict[str, Any]]]
    aload_args: Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]
    dump_return: Callable[[Any], list[Any]]
    load_return: Callable[[Any], Any]
    adump_return: Callable[[Any], Awaitable[list[Any]]]
    aload_return: Callable[[Any], Awaitable[Any]]

    def __init__(self, definition: Definition, registry: TypeRegistry | None = None) -> None:
        self.definition = definition
        reader = PortReader(registry or default_registry)
        self._args = [reader.read(port) for port in definition.args]
        self._returns = [reader.read(port) for port in definition.returns]
        self._reader = reader
        names = tuple(port.key for port in definition.args)
        arguments = ArgumentCode(definition.name, definition.args, tuple(self._args), names)
        returns = ReturnCode(
            definition.name,
            definition.returns,
            tuple(self._returns),
            definition.returns_tuple or len(definition.returns) > 1,
            _tuple_builder(definition),
        )
        self.needs_await = any(codec.needs_await for codec in (*self._args, *self._returns))
        self.dump_args, self.load_args = arguments.compile_dump(), arguments.compile_load()
        self.adump_args, self.aload_args = arguments.compile_adump(), arguments.compile_aload()
        self.dump_return, self.load_return = returns.dump, returns.load
        self.adump_return, self.aload_return = returns.adump, returns.aload

    @property
    def signature(self) -> inspect.Signature:
        """Give the signature a typed callable shows: names, annotations, defaults."""
        parameters: list[inspect.Parameter] = []
        has_default = False
        for port, codec in zip(self.definition.args, self._args, strict=True):
            default = inspect.Parameter.empty if port.required else _shown_default(port, codec)
            kind: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
            if port.required and has_default:
                kind = inspect.Parameter.KEYWORD_ONLY
            if parameters and parameters[-1].kind is inspect.Parameter.KEYWORD_ONLY:
                kind = inspect.Parameter.KEYWORD_ONLY
            has_default = has_default or not port.required
            annotation = self._reader.annotation(port)
            parameters.append(inspect.Parameter(port.key, kind, default=default, annotation=annotation))
        return inspect.Signature(parameters, return_annotation=self._return_annotation())

    @property
    def doc(self) -> str:
        """Give a docstring: description, arguments, returns."""
        definition = self.definition
        parts = [definition.description or definition.label or definition.name]
        if definition.long_description:
            parts.append(definition.long_description)
        if definition.args:
            parts.append("Args:\n" + "\n".join(_doc_line(port) for port in definition.args))
        if definition.returns:
            title = "Yields" if definition.kind.value == "generator" else "Returns"
            parts.append(f"{title}:\n" + "\n".join(_doc_line(port) for port in definition.returns))
        return "\n\n".join(parts)

    def _return_annotation(self) -> Any:
        found = [self._reader.annotation(port) for port in self.definition.returns]
        if self.definition.returns_tuple or len(found) > 1:
            return types.GenericAlias(tuple, tuple(found))
        return found[0] if found else None


def _shown_default(port: Port, codec: Codec) -> Any:
    if port.default is None or codec.needs_await:
        return None if port.nullable or port.kind is PortKind.NONE else ...
    return codec.load(port.default)


def _doc_line(port: Port) -> str:
    unit = f" [{port.unit}]" if port.unit else ""
    said = port.description or port.label or ""
    return f"    {port.key} ({express(port)}{' | None' if port.nullable else ''}){unit}: {said}".rstrip(": ")


def _tuple_builder(definition: Definition) -> Callable[[list[Any]], Any]:
    names = [port.key for port in definition.returns]
    if all(name == f"out{i}" for i, name in enumerate(names)):
        return tuple
    try:
        made = collections.namedtuple(definition.returns_name or "Returns", names, rename=True)  # type: ignore[misc]
    except ValueError:
        return tuple
    return made._make


class PortReader:
    """Compiles published ports to codecs, with the classes of one registry."""

    def __init__(self, registry: TypeRegistry, *, is_hashed: bool = False) -> None:
        self._registry = registry
        self._is_hashed = is_hashed

    def read(self, port: Port) -> Codec:
        """Compile one port, its constraints and nullability included."""
        codec = _READERS.get(port.kind, PortReader._scalar)(self, port)
        if port.kind not in SCALARS:
            codec = codecs.limited(port, codec)
        return codecs.optional(codec) if port.nullable else codec

    def annotation(self, port: Port) -> Any:
        """Give the Python type a caller should think of."""
        found = self._plain_annotation(port)
        return typing.Optional[found] if port.nullable else found  # noqa: UP045  # `found` may be any object

    def _plain_annotation(self, port: Port) -> Any:
        inner = [self.annotation(child) for child in port.children]
        if port.kind is PortKind.LIST:
            return types.GenericAlias(list, (inner[0],))
        if port.kind is PortKind.SET:
            return types.GenericAlias(frozenset if port.is_frozen else set, (inner[0],))
        if port.kind is PortKind.DICT:
            return types.GenericAlias(dict, tuple(inner))
        if port.kind is PortKind.TUPLE:
            return types.GenericAlias(tuple, (*inner, ...) if port.variadic else tuple(inner))
        if port.kind is PortKind.UNION:
            return typing.Union[tuple(inner)]  # noqa: UP007  # built from values
        if port.kind is PortKind.LITERAL:
            return typing.Literal[tuple(choice.value for choice in port.choices)]
        if port.kind is PortKind.MODEL:
            local = self._local_model(port)
            return local[0] if local else Record
        if port.kind is PortKind.ENUM:
            return self._local_enum(port) or EnumValue
        if port.kind is PortKind.STRUCTURE:
            known = self._registry.structure_named(port.identifier or "", port.python_type)
            return known.cls if known else Reference
        return SCALARS[port.kind].python if port.kind in SCALARS else Reference

    def _scalar(self, port: Port) -> Codec:
        return codecs.scalar(port)

    def _local_enum(self, port: Port) -> type[Enum] | None:
        return self._registry.find_enum(port.identifier, tuple(str(c.value) for c in port.choices))

    def _enum(self, port: Port) -> Codec:
        local = self._local_enum(port)
        return enum_of(local, port) if local else published_enum(port)

    def _literal(self, port: Port) -> Codec:
        pairs = []
        for choice in port.choices:
            member = self._registry.find_member(choice.enum, choice.value) if choice.enum else None
            value = EnumValue(choice.value, None, choice.enum) if choice.enum else choice.value
            pairs.append((value if member is None else member, choice.value))
        return literal_of(pairs, one_of(port))

    def _list(self, port: Port) -> Codec:
        return codecs.list_of(self.read(_child(port, 0)))

    def _set(self, port: Port) -> Codec:
        # What lies inside a set must be hashable, so sets further in are frozen.
        inside = PortReader(self._registry, is_hashed=True)
        return codecs.set_of(inside.read(_child(port, 0)), frozen=self._is_hashed or port.is_frozen)

    def _tuple(self, port: Port) -> Codec:
        if port.variadic:
            return codecs.tuple_of(self.read(_child(port, 0)))
        return codecs.tuple_with([self.read(child) for child in port.children])

    def _dict(self, port: Port) -> Codec:
        key = _child(port, 0)
        if not is_key(key):
            raise _senseless(port, f"{key.kind.value} can't be the key of a dict")
        return codecs.dict_of(key_codec(key, self.read(key)), self.read(_child(port, 1)))

    def _union(self, port: Port) -> Codec:
        expected = " | ".join(express(child) for child in port.children)
        return codecs.union_of([self.read(child) for child in port.children], expected)

    def _model(self, port: Port) -> Codec:
        local = self._local_model(port)
        if local is not None:
            return local[1].codec
        return model_of(port.children, [self.read(child) for child in port.children], published_form(port))

    def _local_model(self, port: Port) -> tuple[type, Shape] | None:
        wanted = [child.contract() for child in port.children]
        for cls in self._registry.models_named(port.identifier or ""):
            shape = self._registry.shape_of(cls)
            if shape is None:
                try:
                    shape = HintReader(self._registry, cls.__qualname__).read(cls, cls.__name__)
                except DeclarationError:
                    continue
            if [child.contract() for child in shape.port.children] == wanted:
                return cls, shape
        return None

    def _structure(self, port: Port) -> Codec:
        identifier = port.identifier or ""
        known = self._registry.structure_named(identifier, port.python_type)
        if known is not None:
            return codec_of_structure(self._registry, known)
        return self._by_reference(identifier)

    def _memory(self, port: Port) -> Codec:
        identifier, registry = port.identifier or "", self._registry
        by_reference = self._by_reference(identifier)

        def is_known(value: Any) -> bool:
            return registry.memory_identifier(type(value)) == identifier

        def dump(value: Any) -> str:
            return registry.shelf.put(value, identifier) if is_known(value) else str(by_reference.dump(value))

        def load(wire: Any) -> Any:
            reference = by_reference.load(wire)
            try:
                return registry.shelf.get(wire)
            except InvalidValue:  # the object lives in another agent; its handle can still be passed on
                return reference

        return Codec(dump, load, lambda value: EXACT if is_known(value) else by_reference.fits(value))

    def _by_reference(self, identifier: str) -> Codec:
        registry = self._registry

        def known(value: Any) -> Any:
            found = registry.structure_of(type(value))
            return found if found is not None and found.identifier == identifier else None

        def dump(value: Any) -> str:
            if isinstance(value, Reference) and value.identifier == identifier:
                return value.id
            found = known(value)
            if found is None:
                raise misfit(f"{identifier} or Reference({identifier!r}, id)", value)
            return str(found.shrink_now(value))

        async def adump(value: Any) -> str:
            found = known(value)
            return dump(value) if found is None else str(await found.shrink_async(value))

        def load(wire: Any) -> Reference:
            if type(wire) is not str:
                raise misfit(f"the id of a {identifier}", wire)
            return Reference(identifier, wire)

        async def aload(wire: Any) -> Reference:
            return load(wire)

        def fits(value: Any) -> int:
            if isinstance(value, Reference):
                return EXACT if value.identifier == identifier else FOREIGN
            return CLOSE if known(value) is not None else FOREIGN

        return Codec(dump, load, fits, adump, aload)


def _child(port: Port, position: int) -> Port:
    if position >= len(port.children):
        raise _senseless(port, f"a {port.kind.value} needs more children than {len(port.children)}")
    return port.children[position]


def _senseless(port: Port, problem: str) -> DeclarationError:
    return DeclarationError(where=port.key or "port", problem=problem, remedy="Publish the definition again")


_READERS: dict[PortKind, Callable[[PortReader, Port], Codec]] = {
    PortKind.ENUM: PortReader._enum,
    PortKind.LITERAL: PortReader._literal,
    PortKind.LIST: PortReader._list,
    PortKind.SET: PortReader._set,
    PortKind.TUPLE: PortReader._tuple,
    PortKind.DICT: PortReader._dict,
    PortKind.UNION: PortReader._union,
    PortKind.MODEL: PortReader._model,
    PortKind.STRUCTURE: PortReader._structure,
    PortKind.MEMORY: PortReader._memory,
}
