"""The fields of a model class: dataclass, pydantic model, TypedDict or NamedTuple, described the same way.

It reads classes only; ports and codecs are made in `hints.py`. The one rule: a class is built through its own
constructor, so its validators and `__post_init__` run.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import typing_extensions
from pydantic import AliasChoices, BaseModel, RootModel
from pydantic.fields import FieldInfo

from arkitekt_next.ports.annotations import Unpublishable
from arkitekt_next.ports.docs import read_docs


class Absent(Enum):
    """What stands where there is no default (None is one)."""

    ABSENT = "absent"


ABSENT: Any = Absent.ABSENT
_PURE_FACTORIES = (list, dict, set, tuple, frozenset, str, int, float, bool, bytes)
_QUALIFIERS = {
    typing.Required,
    typing.NotRequired,
    typing_extensions.Required,
    typing_extensions.NotRequired,
    typing_extensions.ReadOnly,
}
_NOT_REQUIRED = {typing.NotRequired, typing_extensions.NotRequired}
_REQUIRED = {typing.Required, typing_extensions.Required}


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `default` is ABSENT when there is none, or none that could be written down."""

    name: str
    hint: Any
    required: bool
    default: Any = ABSENT
    metadata: tuple[Any, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A model class, opened. `lenient` says that the class checks its values itself (pydantic)."""

    fields: tuple[Field, ...]
    build: Callable[[dict[str, Any]], Any]
    is_mapping: bool = False
    lenient: bool = False


def is_typed_dict(cls: Any) -> bool:
    """Say whether a class is a TypedDict, of either module."""
    return typing_extensions.is_typeddict(cls)


def is_named_tuple(cls: Any) -> bool:
    """Say whether a class is a named tuple."""
    return isinstance(cls, type) and issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_model_class(cls: Any) -> bool:
    """Say whether a class can be a model."""
    if not isinstance(cls, type):
        return False
    return issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls) or is_typed_dict(cls) or is_named_tuple(cls)


def open_model(cls: type, localns: Mapping[str, Any]) -> ModelClass:
    """Read the fields of a model class; raises `NameError` for a hint that can't be resolved."""
    docs = read_docs(cls).params if not (cls.__doc__ or "").startswith(f"{cls.__name__}(") else {}
    if issubclass(cls, BaseModel):
        return _open_pydantic(cls, docs, localns)
    if dataclasses.is_dataclass(cls):
        return _open_dataclass(cls, docs, localns)
    if is_typed_dict(cls):
        return _open_typed_dict(cls, docs, localns)
    return _open_named_tuple(cls, docs, localns)


def _hints(cls: type, localns: Mapping[str, Any]) -> dict[str, Any]:
    # The class's own module comes first; names of the place of declaration serve only what it lacks.
    try:
        return typing_extensions.get_type_hints(cls, include_extras=True)
    except NameError:
        return typing_extensions.get_type_hints(cls, localns=dict(localns), include_extras=True)


def _open_pydantic(cls: type[BaseModel], docs: dict[str, str], localns: Mapping[str, Any]) -> ModelClass:
    if issubclass(cls, RootModel):
        raise Unpublishable("a RootModel has no fields", "Use the type inside it")
    if not cls.__pydantic_complete__:
        cls.model_rebuild(raise_errors=False, _types_namespace=dict(localns))
    fields = tuple(_pydantic_field(name, info, docs) for name, info in cls.model_fields.items())
    by_name = bool(cls.model_config.get("populate_by_name") or cls.model_config.get("validate_by_name"))
    inputs = {name: name if by_name else _input_name(name, info) for name, info in cls.model_fields.items()}

    def build(values: dict[str, Any]) -> Any:
        return cls.model_validate({inputs[name]: value for name, value in values.items()})

    return ModelClass(fields, build, lenient=True)


def _pydantic_field(name: str, info: FieldInfo, docs: dict[str, str]) -> Field:
    default = _shown_default(ABSENT if info.is_required() else info.default, info.default_factory)
    return Field(name, info.annotation, info.is_required(), default, (*info.metadata, _docs_of(info)), docs.get(name))


def _docs_of(info: FieldInfo) -> Any:
    return FieldInfo(description=info.description, title=info.title)


def _input_name(name: str, info: FieldInfo) -> str:
    alias = info.validation_alias or info.alias
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    if alias is None:
        return name
    if not isinstance(alias, str):
        raise Unpublishable(f"the field '{name}' is read from a path", "Set populate_by_name=True on the model")
    return alias


def _open_dataclass(cls: type, docs: dict[str, str], localns: Mapping[str, Any]) -> ModelClass:
    hints = _hints(cls, localns)
    validated: dict[str, FieldInfo] = getattr(cls, "__pydantic_fields__", {})
    found = []
    for f in dataclasses.fields(cls):
        if not f.init:
            continue
        info = validated.get(f.name)
        if info is not None:
            found.append(_pydantic_field(f.name, info, docs))
            continue
        factory = None if f.default_factory is dataclasses.MISSING else f.default_factory
        required = f.default is dataclasses.MISSING and factory is None
        doc = getattr(f, "doc", None) or f.metadata.get("description") or docs.get(f.name)
        found.append(Field(f.name, hints[f.name], required, _shown_default(f.default, factory), (), doc))
    _refuse_hidden_parameters(cls, {f.name for f in found})
    return ModelClass(tuple(found), lambda values: cls(**values), lenient=bool(validated))


def _refuse_hidden_parameters(cls: type, names: set[str]) -> None:
    for name, parameter in inspect.signature(cls).parameters.items():
        if name not in names and parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD:
            raise Unpublishable(
                f"its constructor needs '{name}', which is no field", "Give it a default, or make it a field"
            )


def _shown_default(default: Any, factory: Any) -> Any:
    if factory is None:
        return ABSENT if default is dataclasses.MISSING else default
    return factory() if factory in _PURE_FACTORIES else ABSENT


def _open_typed_dict(cls: type, docs: dict[str, str], localns: Mapping[str, Any]) -> ModelClass:
    optional: frozenset[str] = getattr(cls, "__optional_keys__", frozenset())
    found = []
    for name, hint in _hints(cls, localns).items():
        inner, mark = _unqualified(hint)
        required = mark if mark is not None else name not in optional
        found.append(Field(name, inner, required, description=docs.get(name)))
    return ModelClass(tuple(found), lambda values: values, is_mapping=True)


def _unqualified(hint: Any) -> tuple[Any, bool | None]:
    mark: bool | None = None
    while (origin := typing_extensions.get_origin(hint)) in _QUALIFIERS:
        mark = True if origin in _REQUIRED else False if origin in _NOT_REQUIRED else mark
        hint = typing_extensions.get_args(hint)[0]
    return hint, mark


def _open_named_tuple(cls: type, docs: dict[str, str], localns: Mapping[str, Any]) -> ModelClass:
    hints = _hints(cls, localns)
    names: tuple[str, ...] = cls._fields  # type: ignore[attr-defined]
    defaults: dict[str, Any] = cls._field_defaults  # type: ignore[attr-defined]
    if any(name not in hints for name in names):
        raise Unpublishable("its fields have no hints", f"Write class {cls.__name__}(NamedTuple) with a hint per field")
    fields = tuple(
        Field(name, hints[name], name not in defaults, defaults.get(name, ABSENT), (), docs.get(name)) for name in names
    )
    return ModelClass(fields, lambda values: cls(**values))
