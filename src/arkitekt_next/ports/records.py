"""The codec of models: an object of fields, whatever Python class stands behind it.

The caller of `model_of` says how to take the fields out of a value and how to build one. The one rule: nothing is
lost silently; an unknown field is refused in both directions, and a field that is left out must have a default.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from arkitekt_next.ports.codec import Codec, together
from arkitekt_next.ports.coerce import EXACT, FOREIGN, LOOSE
from arkitekt_next.ports.limits import express
from arkitekt_next.ports.misfit import Misfit, misfit
from arkitekt_next.ports.model import Port
from arkitekt_next.ports.values import Record, identifier_of


@dataclass(frozen=True, slots=True)
class ModelForm:
    """How a model's values are opened and built; `rank` says how well a value's class fits (FOREIGN: not at all)."""

    expected: str
    build: Callable[[dict[str, Any]], Any]
    rank: Callable[[Any], int]
    mapping_rank: int = LOOSE


def fields_of(value: Any) -> dict[str, Any] | None:
    """Open anything that has named fields; None when it has none."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Record):
        return {name: value[name] for name in value}
    if isinstance(value, BaseModel):
        if value.model_extra:
            return {**vars(value), **value.model_extra}
        return dict(vars(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {str(name): getattr(value, name) for name in value._fields}
    return None


def model_of(ports: tuple[Port, ...], codecs: list[Codec], form: ModelForm) -> Codec:
    """Give the codec of a model with these fields."""
    items = {port.key: codec for port, codec in zip(ports, codecs, strict=True)}
    required = {port.key for port in ports if port.required}
    expects = {port.key: express(port) for port in ports}
    expected = form.expected

    def check_names(names: Mapping[str, Any]) -> None:
        for name in names:
            if name not in items:
                known = ", ".join(items) or "none"
                raise Misfit(f"the fields of {expected} ({known})", f"the unknown field {str(name)[:60]!r}")
        for name in required:
            if name not in names:
                raise Misfit(expects[name], "nothing").within(f".{name}")

    def opened(value: Any) -> dict[str, Any]:
        if form.rank(value) == FOREIGN and not isinstance(value, Mapping | Record):
            raise misfit(expected, value)
        fields = fields_of(value)
        if fields is None:
            raise misfit(expected, value)
        check_names(fields)
        return fields

    def received(wire: Any) -> dict[str, Any]:
        if type(wire) is not dict:
            raise misfit(expected, wire)
        check_names(wire)
        return wire

    def build(values: dict[str, Any]) -> Any:
        try:
            return form.build(values)
        except (ValueError, TypeError) as error:
            raise Misfit(expected, _reason(error)) from error

    dumps = {name: c.dump for name, c in items.items()}
    loads = {name: c.load for name, c in items.items()}

    def dump(value: Any) -> dict[str, Any]:
        return _walk(dumps, opened(value))

    def load(wire: Any) -> Any:
        return build(_walk(loads, received(wire)))

    async def adump(value: Any) -> dict[str, Any]:
        return await _awalk({name: c.dump_async for name, c in items.items()}, opened(value))

    async def aload(wire: Any) -> Any:
        return build(await _awalk({name: c.load_async for name, c in items.items()}, received(wire)))

    def fits(value: Any) -> int:
        rank = form.rank(value)
        if rank != FOREIGN or not isinstance(value, Mapping | Record):
            return rank
        fields = fields_of(value) or {}
        if not required <= fields.keys() or not fields.keys() <= items.keys():
            return FOREIGN
        return min([form.mapping_rank, *(items[name].fits(v) for name, v in fields.items())])

    codec = Codec(dump, load, fits)
    return replace(codec, adump=adump, aload=aload) if any(c.needs_await for c in codecs) else codec


def _walk(codes: Mapping[str, Callable[[Any], Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {}
    name = ""
    try:
        for name, value in fields.items():
            done[name] = codes[name](value)
    except Misfit as bad:
        raise bad.within(f".{name}") from None
    return done


async def _awalk(codes: Mapping[str, Callable[[Any], Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
    async def step(name: str, value: Any) -> Any:
        try:
            return await codes[name](value)
        except Misfit as bad:
            raise bad.within(f".{name}") from None

    values = await together(step(name, value) for name, value in fields.items())
    return dict(zip(fields, values, strict=True))


def _reason(error: Exception) -> str:
    listed = getattr(error, "errors", None)
    if callable(listed):
        try:
            found = listed(include_url=False, include_input=False, include_context=False)
            return "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}".lstrip(": ") for e in found[:5])
        except TypeError:
            pass
    return str(error)[:300] or type(error).__name__


def published_form(port: Port) -> ModelForm:
    """Give the form of a model of which only the published fields are known; anything with the fields is taken."""
    names = {child.key for child in port.children}

    def rank(value: Any) -> int:
        if isinstance(value, Record):
            return EXACT if identifier_of(value) == port.identifier else FOREIGN
        if isinstance(value, Mapping | type):
            return FOREIGN
        fields = fields_of(value)
        if fields is None or not fields.keys() <= names:
            return FOREIGN
        return EXACT if type(value).__name__ == port.identifier else LOOSE

    expected = port.identifier or "model"
    return ModelForm(expected, lambda fields: Record(port.identifier, fields), rank, mapping_rank=LOOSE + 1)
