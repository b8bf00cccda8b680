"""Type hints read into ports and their codecs, once, when a function is declared.

What a hint means is decided here; how values travel is in `coerce.py`, `codec.py`, `records.py`, `members.py`. The
one rule: a hint that can't travel faithfully is refused here, with the reason and the remedy, never approximated.
"""

from __future__ import annotations

import collections.abc as abc
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum, Flag
from typing import Any

import typing_extensions

from arkitekt_next.errors import DeclarationError, UnsupportedType
from arkitekt_next.ports import codec as codecs
from arkitekt_next.ports.annotations import Notes, Unpublishable, read_notes, wire_of
from arkitekt_next.ports.codec import Codec, Shape
from arkitekt_next.ports.coerce import CLOSE, EXACT, FOREIGN, LOOSE, SCALARS
from arkitekt_next.ports.fields import ABSENT, Field, ModelClass, is_model_class, open_model
from arkitekt_next.ports.items import item_codec
from arkitekt_next.ports.keys import is_key, key_codec
from arkitekt_next.ports.limits import accepts, compile_limits, express
from arkitekt_next.ports.members import enum_of, is_same_class, literal_of, one_of
from arkitekt_next.ports.misfit import Misfit, misfit
from arkitekt_next.ports.model import MAX_DEPTH, Choice, Constraints, Port, PortKind
from arkitekt_next.ports.records import ModelForm, model_of
from arkitekt_next.ports.references import DATA
from arkitekt_next.ports.refusals import refusal_of
from arkitekt_next.ports.registry import StructureType, TypeRegistry, is_structure_class, qualified
from arkitekt_next.ports.rules import RuleKind
from arkitekt_next.ports.values import Reference

_SCALAR_CLASSES = {s.python: kind for kind, s in SCALARS.items() if isinstance(s.python, type)}
_JSON_CLASSES: dict[Any, Constraints | None] = {
    Any: None,
    object: None,
    dict: Constraints(json_type="object"),
    abc.Mapping: Constraints(json_type="object"),
    abc.MutableMapping: Constraints(json_type="object"),
    list: Constraints(json_type="array"),
    abc.Sequence: Constraints(json_type="array"),
    abc.MutableSequence: Constraints(json_type="array"),
    abc.Iterable: Constraints(json_type="array"),
    abc.Collection: Constraints(json_type="array"),
}
_LISTS = {list, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Collection}
_SETS = {set, frozenset, abc.Set, abc.MutableSet}
_DICTS = {dict, abc.Mapping, abc.MutableMapping}
_ALIASES = {getattr(typing, "TypeAliasType", None), typing_extensions.TypeAliasType} - {None}


class HintReader:
    """Reads the hints of one declaration; `where` and the parameter's name go into every refusal."""

    def __init__(self, registry: TypeRegistry, where: str, localns: Mapping[str, Any] | None = None) -> None:
        self._registry = registry
        self._where = where
        self.localns = localns or {}
        self._open: list[Any] = []

    def read(self, hint: Any, parameter: str) -> Shape:
        """Read one hint; raises `UnsupportedType` for what can't travel."""
        try:
            return self._read(hint)
        except Unpublishable as refused:
            raise UnsupportedType(
                where=self._where,
                parameter=parameter,
                type=show_hint(hint),
                reason=refused.reason,
                remedy=refused.remedy,
            ) from refused.__cause__

    def _read(self, hint: Any, notes: Notes | None = None, lenient: bool = False) -> Shape:
        if len(self._open) > MAX_DEPTH:
            raise Unpublishable(f"it nests deeper than {MAX_DEPTH}", "Pass a flatter type, or dict")
        hint, alias = _expand_alias(hint)
        if alias is not None and alias in self._open:
            raise Unpublishable(f"{alias} contains itself", "Use dict, list or Any (untyped JSON) at the recursion")
        self._open.append(alias)
        try:
            return self._read_expanded(hint, notes, lenient)
        finally:
            self._open.pop()

    def _read_expanded(self, hint: Any, notes: Notes | None, lenient: bool) -> Shape:
        origin = typing_extensions.get_origin(hint)
        if origin is typing.Annotated:
            return self._annotated(hint, notes, lenient)
        if isinstance(hint, typing.NewType):
            return self._read(hint.__supertype__, notes, lenient)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(typing.get_args(hint), notes, lenient)
        shape = self._plain(hint, origin, lenient)
        return self._noted(shape, notes) if notes else shape

    def _annotated(self, hint: Any, outer: Notes | None, lenient: bool) -> Shape:
        inner, *metadata = typing_extensions.get_args(hint)
        notes = read_notes(metadata, lenient=lenient)
        if notes.has_default and not lenient:
            raise Unpublishable("Field(default=...) has no effect on a parameter", "Write the default as `= value`")
        return self._read(inner, _merged(notes, outer), lenient)

    def _plain(self, hint: Any, origin: Any, lenient: bool) -> Shape:
        if hint is None:
            hint = types.NoneType
        if origin is not None and not hasattr(hint, "__args__"):  # typing.Dict, typing.List without brackets
            hint, origin = origin, None
        if origin is typing.Literal or origin is typing_extensions.Literal:
            return self._literal(typing_extensions.get_args(hint))
        if origin in _LISTS | _SETS | _DICTS or origin is tuple:
            return self._collection(origin, typing.get_args(hint), lenient)
        if hint in _JSON_CLASSES:
            return self._scalar(PortKind.JSON, _JSON_CLASSES[hint])
        if hint is tuple or hint in _SETS:
            return self._collection(hint, (Any, ...) if hint is tuple else (Any,), lenient)
        if isinstance(origin, type) and self._registry.structure_of(origin) is not None:
            return self._structure(origin)
        if isinstance(hint, type) and origin is None:
            return self._class(hint)
        raise refusal_of(hint)

    def _class(self, cls: type) -> Shape:
        if cls in _SCALAR_CLASSES:
            return self._scalar(_SCALAR_CLASSES[cls], None)
        memory = self._registry.memory_identifier(cls)
        if memory is not None:
            return self._memory(cls, memory)
        if is_structure_class(cls) or self._registry.structure_of(cls) is not None:
            return self._structure(cls)
        if issubclass(cls, Enum):
            return self._enum(cls)
        if is_model_class(cls):
            return self._model(cls)
        raise refusal_of(cls)

    # leaves

    def _scalar(self, kind: PortKind, constraints: Constraints | None) -> Shape:
        port = Port(key="", kind=kind, constraints=constraints)
        return Shape(port, codecs.scalar(port))

    def _enum(self, cls: type[Enum]) -> Shape:
        if issubclass(cls, Flag):
            raise Unpublishable(
                "a Flag can be several members at once",
                f"Use set[...] of a plain Enum instead of {cls.__name__}",
            )
        if not list(cls):
            raise Unpublishable("the enum has no members", "Add one")
        port = Port(
            key="",
            kind=PortKind.ENUM,
            identifier=self._registry.add_enum(cls),
            python_type=qualified(cls),
            choices=tuple(Choice(value=m.name, label=_shown(m.value)) for m in cls),
        )
        return Shape(port, enum_of(cls, port))

    def _literal(self, values: tuple[Any, ...]) -> Shape:
        pairs = [(value, _literal_wire(value)) for value in values if value is not None]
        if len({(type(wire), wire) for _, wire in pairs}) < len({(type(v), v) for v, _ in pairs}):
            raise Unpublishable("two of its values travel alike", "Rename one of them")
        choices = tuple(
            Choice(value=wire, enum=self._registry.add_enum(type(value)) if isinstance(value, Enum) else None)
            for value, wire in pairs
        )
        port = Port(key="", kind=PortKind.LITERAL, choices=choices)
        shape = Shape(port, literal_of(pairs, one_of(port)))
        return nullable(shape) if None in values else shape

    def _structure(self, cls: type) -> Shape:
        found = self._registry.structure_of(cls)
        if found is None:
            raise refusal_of(cls)
        port = Port(key="", kind=PortKind.STRUCTURE, identifier=found.identifier, python_type=found.python_type)
        return Shape(port, codec_of_structure(self._registry, found))

    def _memory(self, cls: type, identifier: str) -> Shape:
        port = Port(key="", kind=PortKind.MEMORY, identifier=identifier, python_type=qualified(cls))
        return Shape(port, _memory_codec(cls, identifier, self._registry))

    # containers

    def _collection(self, origin: Any, args: tuple[Any, ...], lenient: bool) -> Shape:
        if origin is tuple:
            return self._tuple(args, lenient)
        if origin in _DICTS:
            return self._dict(args, lenient)
        item = self._read(args[0], lenient=lenient)
        children = (keyed(item.port, "item"),)
        if origin in _SETS:
            frozen = origin is frozenset
            port = Port(key="", kind=PortKind.SET, children=children, is_frozen=frozen)
            return Shape(port, codecs.set_of(item.codec, frozen=frozen))
        return Shape(Port(key="", kind=PortKind.LIST, children=children), codecs.list_of(item.codec))

    def _tuple(self, args: tuple[Any, ...], lenient: bool) -> Shape:
        if len(args) == 2 and args[1] is Ellipsis:
            item = self._read(args[0], lenient=lenient)
            port = Port(key="", kind=PortKind.TUPLE, variadic=True, children=(keyed(item.port, "item"),))
            return Shape(port, codecs.tuple_of(item.codec))
        items = [self._read(arg, lenient=lenient) for arg in args if arg != ()]
        children = tuple(keyed(item.port, str(i)) for i, item in enumerate(items))
        return Shape(Port(key="", kind=PortKind.TUPLE, children=children), codecs.tuple_with([i.codec for i in items]))

    def _dict(self, args: tuple[Any, ...], lenient: bool) -> Shape:
        key, item = self._read(args[0], lenient=lenient), self._read(args[1], lenient=lenient)
        if not is_key(key.port):
            raise Unpublishable(
                f"a dict key of type {show_hint(args[0])} has no text form",
                "Use str, int, bool or an Enum as the key",
            )
        port = Port(key="", kind=PortKind.DICT, children=(keyed(key.port, "key"), keyed(item.port, "value")))
        return Shape(port, codecs.dict_of(key_codec(key.port, key.codec), item.codec))

    def _union(self, args: tuple[Any, ...], notes: Notes | None, lenient: bool) -> Shape:
        branches = [branch for arg in args for branch in _flattened(arg)]
        others = [branch for branch in branches if branch is not types.NoneType and branch is not None]
        if len(others) == 1:
            return nullable(self._read(others[0], notes, lenient))
        limits = Notes(limits=notes.limits) if notes and notes.limits else None
        shapes = [self._read(branch, limits, lenient) for branch in others]
        children = tuple(keyed(shape.port, str(i)) for i, shape in enumerate(shapes))
        port = Port(key="", kind=PortKind.UNION, children=children)
        expected = " | ".join(express(shape.port) for shape in shapes)
        shape = Shape(port, codecs.union_of([shape.codec for shape in shapes], expected))
        if notes:
            shape = self._noted(
                shape,
                Notes(notes.description, notes.label, notes.unit, notes.group, notes.widget, {}, notes.rules),
            )
        return nullable(shape) if len(others) < len(branches) else shape

    # models

    def _model(self, cls: type) -> Shape:
        if cls in self._open:
            raise Unpublishable(
                f"{cls.__name__} contains itself",
                "Use dict (untyped JSON) for the inner one, or a list of ids",
            )
        self._open.append(cls)
        try:
            opened = self._opened(cls)
            shapes = [self._field(cls, field, opened.lenient) for field in opened.fields]
        finally:
            self._open.pop()
        identifier = self._registry.add_model(cls)
        port = Port(
            key="",
            kind=PortKind.MODEL,
            identifier=identifier,
            python_type=qualified(cls),
            children=tuple(shape.port for shape in shapes),
        )
        form = ModelForm(identifier, opened.build, _rank(cls, opened.is_mapping), EXACT if opened.is_mapping else LOOSE)
        shape = Shape(port, model_of(port.children, [s.codec for s in shapes], form))
        self._registry.add_model(cls, shape)
        return shape

    def _opened(self, cls: type) -> ModelClass:
        try:
            return open_model(cls, self.localns)
        except NameError as error:
            raise Unpublishable(
                f"a hint inside {cls.__name__} names {error.name or error}, which is not defined there",
                "Import it at the top of the module (not under TYPE_CHECKING), or define it before",
            ) from error

    def _field(self, cls: type, field: Field, lenient: bool) -> Shape:
        try:
            notes = read_notes(field.metadata, lenient=lenient)
            shape = self._read(field.hint, notes, lenient)
            described = {"description": shape.port.description or field.description}
            return with_default(
                Shape(keyed(shape.port, field.name, **described), shape.codec),
                required=field.required,
                default=field.default,
            )
        except Unpublishable as refused:
            raise Unpublishable(f"its field {cls.__name__}.{field.name}: {refused.reason}", refused.remedy) from refused

    def _noted(self, shape: Shape, notes: Notes) -> Shape:
        port = shape.port
        for name in notes.limits:
            if not accepts(port.kind, name):
                raise Unpublishable(f"'{name}' makes no sense for {port.kind.value}", "Move it to the type it limits")
        limits = {**(port.constraints.to_json() if port.constraints else {}), **_wire_limits(notes)}
        noted = port.model_copy(
            update={
                "description": notes.description or port.description,
                "label": notes.label or port.label,
                "unit": notes.unit or port.unit,
                "group": notes.group or port.group,
                "widget": notes.widget or port.widget,
                "constraints": Constraints(**limits) if limits else None,
                "validators": (*port.validators, *(r for r in notes.rules if r.kind is RuleKind.REFUSE)),
                "effects": (*port.effects, *(r for r in notes.rules if r.kind is not RuleKind.REFUSE)),
            }
        )
        if not notes.limits:
            return Shape(noted, shape.codec)
        try:
            compile_limits(noted)
        except DeclarationError as error:
            raise Unpublishable(str(error.problem), str(error.remedy)) from error
        return Shape(noted, codecs.limited(noted, shape.codec))


def keyed(port: Port, key: str, **changes: Any) -> Port:
    """Give the port another key."""
    return port.model_copy(update={"key": key, **changes})


def nullable(shape: Shape) -> Shape:
    """Let None through."""
    if shape.port.nullable:
        return shape
    return Shape(shape.port.model_copy(update={"nullable": True}), codecs.optional(shape.codec))


def with_default(shape: Shape, *, required: bool, default: Any) -> Shape:
    """Add the default in wire form; a default that does not fit the hint is refused."""
    if required:
        return shape
    wire = None
    if default is None and not shape.port.nullable and shape.port.kind not in (PortKind.JSON, PortKind.NONE):
        hint = express(shape.port)
        raise Unpublishable("the default None does not fit", f"Write `{hint} | None = None`")
    if not shape.codec.needs_await and not _holds_memory(shape.port) and default is not ABSENT:
        try:
            wire = shape.codec.dump(default)
        except Misfit as bad:
            place = "".join(reversed(bad.path))
            raise Unpublishable(
                f"the default{' at ' + place if place else ''} is {bad.got}, not {bad.expected}",
                "Change the default",
            ) from bad
    return Shape(shape.port.model_copy(update={"required": False, "default": wire}), shape.codec)


def _holds_memory(port: Port) -> bool:
    return port.kind is PortKind.MEMORY or any(_holds_memory(child) for child in port.children)


def _merged(notes: Notes, outer: Notes | None) -> Notes:
    if outer is None:
        return notes
    return Notes(
        outer.description or notes.description,
        outer.label or notes.label,
        outer.unit or notes.unit,
        outer.group or notes.group,
        outer.widget or notes.widget,
        {**notes.limits, **outer.limits},
        [*notes.rules, *outer.rules],
    )


def _wire_limits(notes: Notes) -> dict[str, Any]:
    return {name: wire_of(value) for name, value in notes.limits.items()}


def _expand_alias(hint: Any) -> tuple[Any, Any]:
    alias = None
    while True:
        origin = typing_extensions.get_origin(hint)
        if type(hint) in _ALIASES:
            alias, hint = hint, hint.__value__
        elif type(origin) in _ALIASES:
            alias, hint = hint, origin.__value__[typing.get_args(hint)]
        else:
            return hint, alias


def _flattened(hint: Any) -> list[Any]:
    hint, _ = _expand_alias(hint) if not _is_recursive(hint) else (hint, None)
    if typing_extensions.get_origin(hint) in (typing.Union, types.UnionType):
        return [branch for arg in typing.get_args(hint) for branch in _flattened(arg)]
    return [hint]


def _is_recursive(hint: Any) -> bool:
    return type(hint) in _ALIASES and typing_extensions.get_origin(hint.__value__) is None


def _literal_wire(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bytes):
        raise Unpublishable("bytes in a Literal have no text form", "Use str")
    return value


def _shown(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) else None


def _rank(cls: type, is_mapping: bool) -> Callable[[Any], int]:
    if is_mapping:
        return lambda value: FOREIGN

    def rank(value: Any) -> int:
        kind = type(value)
        if is_same_class(kind, cls):
            return EXACT
        return CLOSE if isinstance(value, cls) else FOREIGN

    return rank


def codec_of_structure(registry: TypeRegistry, found: StructureType) -> Codec:
    """Give the codec of a structure, or of what holds an item of the data service."""
    return item_codec(registry, found) if found.identifier.startswith(DATA) else structure_codec(found)


def structure_codec(found: StructureType) -> Codec:
    """Give the codec of a structure; a `Reference` to one is passed on as it is."""
    cls, identifier = found.cls, found.identifier

    def known(value: Any) -> bool:
        return isinstance(value, cls) or any(is_same_class(k, cls) for k in type(value).__mro__)

    def reference(value: Any) -> str | None:
        if isinstance(value, Reference) and value.identifier == identifier:
            return value.id
        if not known(value):
            raise misfit(identifier, value)
        return None

    def dump(value: Any) -> str:
        found_id = reference(value)
        return found.shrink_now(value) if found_id is None else found_id

    async def adump(value: Any) -> str:
        found_id = reference(value)
        return await found.shrink_async(value) if found_id is None else found_id

    def load(wire: Any) -> Any:
        return found.expand_now(_id(wire, identifier))

    async def aload(wire: Any) -> Any:
        return await found.expand_async(_id(wire, identifier))

    def fits(value: Any) -> int:
        if isinstance(value, Reference):
            return EXACT if value.identifier == identifier else FOREIGN
        return EXACT if is_same_class(type(value), cls) else CLOSE if known(value) else FOREIGN

    return Codec(dump, load, fits, adump, aload)


def _id(wire: Any, identifier: str) -> str:
    if type(wire) is not str:
        raise misfit(f"the id of a {identifier}", wire)
    return wire


def _memory_codec(cls: type, identifier: str, registry: TypeRegistry) -> Codec:
    def dump(value: Any) -> str:
        if isinstance(value, Reference) and value.identifier == identifier:
            return value.id
        if not isinstance(value, cls):
            raise misfit(identifier, value)
        return registry.shelf.put(value, identifier)

    def load(wire: Any) -> Any:
        return registry.shelf.get(_id(wire, f"handle of a {identifier}"))

    def fits(value: Any) -> int:
        if isinstance(value, Reference):
            return EXACT if value.identifier == identifier else FOREIGN
        return EXACT if type(value) is cls else CLOSE if isinstance(value, cls) else FOREIGN

    return Codec(dump, load, fits)


def show_hint(hint: Any) -> str:
    """Write a hint as an author would."""
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__qualname__ if hint.__module__ == "builtins" else qualified(hint)
    return str(hint).replace("typing.", "")[:200]
