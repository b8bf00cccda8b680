"""Which classes this process knows: structures, memory structures, models and enums, by class and by identifier.

Most of it fills itself while hints are read; decorators are for a class that wants another identifier. The one
rule: an identifier names one structure class; only the same class executed again (a notebook cell, a reload)
replaces it.
"""

from __future__ import annotations

import inspect
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, overload

from arkitekt_next.errors import DeclarationError, InvalidValue, WrongContext
from arkitekt_next.ports.codec import Shape
from arkitekt_next.ports.holders import HOLDERS, can_store, fetch, holder_of, load_holder, store
from arkitekt_next.ports.misfit import Misfit, describe
from arkitekt_next.ports.references import DATA

C = TypeVar("C", bound=type)

_STRUCTURE = "__arkitekt_structure__"
_MODEL = "__arkitekt_model__"
_MEMORY = "__arkitekt_memory__"


@dataclass(frozen=True, slots=True)
class StructureType:
    """How objects of one class become an id and come back; both functions may be plain or async."""

    identifier: str
    cls: type
    shrink: Callable[[Any], Any]
    expand: Callable[[str], Any]

    @property
    def python_type(self) -> str:
        """Name the class for diagnosis."""
        return qualified(self.cls)

    def shrink_now(self, value: Any) -> str:
        """Shrink in a plain context; an async `shrink` is refused."""
        with self._naming("shrink", value):
            return self._as_id(self._not_awaitable(self.shrink(value), "shrink"))

    def expand_now(self, reference: str) -> Any:
        """Expand in a plain context; an async `expand` is refused."""
        with self._naming("expand", reference):
            return self._not_awaitable(self.expand(reference), "expand")

    async def shrink_async(self, value: Any) -> str:
        """Shrink; a plain `shrink` runs in a thread, since it may do I/O."""
        with self._naming("shrink", value):
            return self._as_id(await _call(self.shrink, value))

    async def expand_async(self, reference: str) -> Any:
        """Expand; a plain `expand` runs in a thread, since it may do I/O."""
        with self._naming("expand", reference):
            return await _call(self.expand, reference)

    @contextmanager
    def _naming(self, verb: str, given: Any) -> Iterator[None]:
        """Add to whatever a user's method raises what was being done: a bare `KeyError: 'x'` says too little."""
        try:
            yield
        except Exception as error:
            error.add_note(f"(raised while arkitekt-next asked {self.cls.__name__} to {verb} {str(given)[:200]!r})")
            raise

    def _not_awaitable(self, result: Any, verb: str) -> Any:
        if not inspect.isawaitable(result):
            return result
        if inspect.iscoroutine(result):
            result.close()
        raise WrongContext(
            problem=f"{self.cls.__name__}.{verb} is async and can't run in a plain call",
            remedy="Use the async form (adump_args, aload_args, adump_return, aload_return)",
        )

    def _as_id(self, result: Any) -> str:
        if isinstance(result, str):
            return str.__str__(result)
        if (isinstance(result, int) and not isinstance(result, bool)) or isinstance(result, uuid.UUID):
            return str(result)
        raise Misfit(f"{self.cls.__name__}.shrink() to return a str (or int or UUID)", describe(result))


async def _call(function: Callable[[Any], Any], argument: Any) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(argument)
    import asyncio

    result = await asyncio.to_thread(function, argument)
    return await result if inspect.isawaitable(result) else result


class Shelf(Protocol):
    """Where memory structures stay; the SDK brings one that forgets what nobody references."""

    def put(self, value: Any, identifier: str) -> str:
        """Keep the object and give its handle."""

    def get(self, handle: str) -> Any:
        """Give the object; raises `InvalidValue` when it is not here."""


class PlainShelf:
    """A shelf that keeps what it was given until `drop`."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}
        self._handles: dict[int, str] = {}

    def put(self, value: Any, identifier: str) -> str:
        """Keep the object; the same object keeps its handle."""
        handle = self._handles.get(id(value))
        if handle is None:
            handle = f"{identifier}:{uuid.uuid4().hex}"
            self._handles[id(value)] = handle
            self._objects[handle] = value
        return handle

    def get(self, handle: str) -> Any:
        """Give the object behind the handle."""
        if handle not in self._objects:
            raise InvalidValue(
                where=handle,
                expected="the handle of an object that lives in this agent",
                got="one of another agent, or one that was dropped",
            )
        return self._objects[handle]

    def drop(self, handle: str) -> None:
        """Forget the object."""
        dropped = self._objects.pop(handle, None)
        self._handles.pop(id(dropped), None)


class TypeRegistry:
    """The classes one process knows. `shelf` is where memory structures stay.

    One that `looks_around` also finds the structure classes that this process has loaded but no hint has named yet. One
    that `opens_items` not passes what is stored on as a reference, without ever fetching it.
    """

    def __init__(self, *, looks_around: bool = False, opens_items: bool = True) -> None:
        self.shelf: Shelf = PlainShelf()
        self._opens_items = opens_items
        self._looks_around = looks_around
        self._structures: dict[type, StructureType] = {}
        self._structures_by_identifier: dict[str, StructureType] = {}
        self._memory: dict[type, str] = {}
        self._offers: dict[str, Callable[[type], StructureType]] = {}
        self._models: dict[str, list[type]] = {}
        self._shapes: dict[type, Shape] = {}
        self._enums: dict[str, list[type[Enum]]] = {}

    # structures

    def add_structure(
        self,
        cls: type,
        *,
        identifier: str | None = None,
        shrink: Callable[[Any], Any] | None = None,
        expand: Callable[[str], Any] | None = None,
    ) -> StructureType:
        """Make a class a structure, by its own methods or by functions for a class that isn't ours."""
        chosen = identifier or vars(cls).get(_STRUCTURE) or cls.__name__
        made = StructureType(chosen, cls, shrink or _method(cls, "shrink"), expand or _constructor(cls))
        if chosen.startswith(DATA):
            raise DeclarationError(
                where=qualified(cls),
                problem=f"structure identifiers that begin with '{DATA}' are those of the data service",
                remedy="Give it another name with @structure(identifier='...')",
            )
        clash = self._structures_by_identifier.get(chosen)
        if clash is not None and not _is_again(clash.cls, cls):
            raise DeclarationError(
                where=qualified(cls),
                problem=f"the structure identifier '{chosen}' already belongs to {clash.python_type}",
                remedy="Give one of them another name with @structure(identifier='...')",
            )
        self._structures[cls] = made
        self._structures_by_identifier[chosen] = made
        return made

    def offer_structure(self, qualified_name: str, make: Callable[[type], StructureType]) -> None:
        """Make a class a structure once it is met in a hint, without importing it (`numpy.ndarray`)."""
        self._offers[qualified_name] = make

    def structure_of(self, cls: type) -> StructureType | None:
        """Find, or by its methods make, the structure of a class; None when it is none."""
        found = self._structures.get(cls)
        if found is not None:
            return found
        for parent in cls.__mro__:
            offer = self._offers.get(qualified(parent))
            if offer is not None:
                made = offer(cls)
                return self.add_structure(cls, identifier=made.identifier, shrink=made.shrink, expand=made.expand)
        holder = holder_of(cls)
        if holder is not None and can_store():
            made = self._structures[cls] = _held(cls, holder)
            return made
        return self.add_structure(cls) if is_structure_class(cls) else None

    def structure_named(self, identifier: str, python_type: str | None = None) -> StructureType | None:
        """Find the structure with this identifier, or make it of the loaded class that `python_type` names.

        Nothing is imported but what holds an item of the data service: any other class has to be in a module that is
        loaded here, or in `__main__`.
        """
        if identifier.startswith(DATA):
            holder = load_holder(identifier, python_type) if self._opens_items else None
            return None if holder is None else self.structure_of(holder)
        found = self._structures_by_identifier.get(identifier)
        if not self._looks_around or (found is not None and found.cls.__module__ != "__main__"):
            return found
        loaded = _loaded_structure(identifier, python_type)
        if loaded is None or (found is not None and not _is_again(found.cls, loaded)):
            return found
        return self.structure_of(loaded)

    # memory structures

    def add_memory(self, cls: type, *, identifier: str | None = None) -> None:
        """Make a class one whose objects stay in the agent and travel as handles."""
        self._memory[cls] = identifier or cls.__name__

    def memory_identifier(self, cls: type) -> str | None:
        """Give the identifier of a memory structure; None when the class did not opt in."""
        return self._memory.get(cls) or vars(cls).get(_MEMORY)

    # models and enums

    def add_model(self, cls: type, shape: Shape | None = None) -> str:
        """Remember a model class, with what was read from it, and give its identifier."""
        identifier = model_identifier(cls)
        _replace(self._models.setdefault(identifier, []), cls)
        if shape is not None:
            self._shapes[cls] = shape
        return identifier

    def models_named(self, identifier: str) -> tuple[type, ...]:
        """Give the model classes with this identifier, the latest first."""
        return tuple(reversed(self._models.get(identifier, ())))

    def shape_of(self, cls: type) -> Shape | None:
        """Give what was read from a model class, if it was met in a hint."""
        return self._shapes.get(cls)

    def add_enum(self, cls: type[Enum]) -> str:
        """Remember an enum class and give its identifier."""
        _replace(self._enums.setdefault(cls.__name__, []), cls)
        return cls.__name__

    def find_enum(self, identifier: str | None, names: tuple[str, ...]) -> type[Enum] | None:
        """Find an enum with this identifier and exactly these members."""
        for cls in reversed(self._enums.get(identifier or "", ())):
            if tuple(member.name for member in cls) == names:
                return cls
        return None

    def find_member(self, identifier: str, name: str) -> Enum | None:
        """Find the member of an enum with this identifier that has the name."""
        for cls in reversed(self._enums.get(identifier, ())):
            if name in cls.__members__:
                return cls[name]
        return None


default_registry = TypeRegistry(looks_around=True)
"""What `define` and the decorators use unless told otherwise."""


def model_identifier(cls: type) -> str:
    """Give a model's identifier: what `@model` said, else the class name."""
    return str(vars(cls).get(_MODEL) or cls.__name__)


def qualified(cls: type) -> str:
    """Name a class as `module.Class`."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _held(cls: type, holder: str) -> StructureType:
    identifier = HOLDERS[holder]

    async def shrink(value: Any) -> str:
        return await store(value, identifier)

    async def expand(id: str) -> Any:
        return await fetch(id, holder)

    return StructureType(identifier, cls, shrink, expand)


def is_structure_class(cls: type) -> bool:
    """Say whether a class has what makes a structure: (a)shrink and (a)expand; half of it is refused."""
    shrinks = any(callable(getattr(cls, name, None)) for name in ("shrink", "ashrink"))
    expands = any(callable(getattr(cls, name, None)) for name in ("expand", "aexpand"))
    return shrinks and expands


def _method(cls: type, verb: str) -> Callable[[Any], Any]:
    name = f"a{verb}" if hasattr(cls, f"a{verb}") else verb
    method = getattr(cls, name, None)
    if method is None:
        raise DeclarationError(
            where=qualified(cls),
            problem=f"a structure needs {verb} or a{verb}",
            remedy=f"Add def {verb}(self) -> str",
        )
    if inspect.iscoroutinefunction(method):

        async def call_async(value: Any) -> Any:
            return await getattr(value, name)()

        return call_async
    return lambda value: getattr(value, name)()


def _constructor(cls: type) -> Callable[[str], Any]:
    name = "aexpand" if hasattr(cls, "aexpand") else "expand"
    found = inspect.getattr_static(cls, name, None)
    on_metaclass = getattr(type(cls), name, None) is not None and name not in dir(cls)
    if not isinstance(found, classmethod | staticmethod) and not on_metaclass:
        raise DeclarationError(
            where=qualified(cls),
            problem=f"{name} of a structure must be a classmethod, since there is no object yet",
            remedy=f"Write @classmethod above def {name}(cls, value)",
        )
    bound: Callable[[str], Any] = getattr(cls, name)
    return bound


def _loaded_structure(identifier: str, python_type: str | None) -> type | None:
    """Find a structure class by its identifier: where the definition says it lies, else in `__main__`."""
    module, _, name = (python_type or "").rpartition(".")
    for place, wanted in ((module, name), ("__main__", identifier)):
        found = getattr(sys.modules.get(place), wanted, None) if wanted else None
        if not isinstance(found, type) or not is_structure_class(found):
            continue
        if (vars(found).get(_STRUCTURE) or found.__name__) == identifier:
            return found
    return None


def _is_again(known: type, cls: type) -> bool:
    if known is cls:
        return True
    if known.__qualname__ != cls.__qualname__:
        return False
    return known.__module__ == cls.__module__ or _file(known) == _file(cls) is not None


def _file(cls: type) -> str | None:
    return getattr(sys.modules.get(cls.__module__), "__file__", None)


def _replace(classes: list[Any], cls: type) -> None:
    classes[:] = [known for known in classes if not _is_again(known, cls)]
    classes.append(cls)


@overload
def structure(cls: C, /) -> C: ...
@overload
def structure(*, identifier: str | None = None, registry: TypeRegistry | None = None) -> Callable[[C], C]: ...
def structure(cls: Any = None, /, *, identifier: str | None = None, registry: TypeRegistry | None = None) -> Any:
    """Mark a class with `shrink` and `expand` as a structure, to give it another identifier than its name."""

    def mark(marked: C) -> C:
        if identifier is not None:
            setattr(marked, _STRUCTURE, identifier)
        (registry or default_registry).add_structure(marked, identifier=identifier)
        return marked

    return mark if cls is None else mark(cls)


@overload
def model(cls: C, /) -> C: ...
@overload
def model(*, identifier: str | None = None, registry: TypeRegistry | None = None) -> Callable[[C], C]: ...
def model(cls: Any = None, /, *, identifier: str | None = None, registry: TypeRegistry | None = None) -> Any:
    """Mark a dataclass, pydantic model, TypedDict or NamedTuple as a model; needed only for another identifier."""

    def mark(marked: C) -> C:
        if identifier is not None:
            setattr(marked, _MODEL, identifier)
        (registry or default_registry).add_model(marked)
        return marked

    return mark if cls is None else mark(cls)


@overload
def memory_structure(cls: C, /) -> C: ...
@overload
def memory_structure(*, identifier: str | None = None, registry: TypeRegistry | None = None) -> Callable[[C], C]: ...
def memory_structure(cls: Any = None, /, *, identifier: str | None = None, registry: TypeRegistry | None = None) -> Any:
    """Let objects of a class stay in their agent and travel as handles; never done without this mark."""

    def mark(marked: C) -> C:
        setattr(marked, _MEMORY, identifier or marked.__name__)
        (registry or default_registry).add_memory(marked, identifier=identifier)
        return marked

    return mark if cls is None else mark(cls)
