"""How what lies in the data service travels: as the id of an item, whatever class of Python holds it.

An array is an array to every function that takes one, be it numpy's or dask's at the caller, and xarray's at the agent.
The rule: the kind of item decides what fits, never the class that happens to hold it.
"""

from __future__ import annotations

from typing import Any

from arkitekt_next.ports.codec import Codec
from arkitekt_next.ports.coerce import CLOSE, EXACT, FOREIGN
from arkitekt_next.ports.holders import FAMILIES
from arkitekt_next.ports.misfit import Misfit, describe, misfit
from arkitekt_next.ports.registry import StructureType, TypeRegistry
from arkitekt_next.ports.values import Reference


def item_codec(registry: TypeRegistry, found: StructureType) -> Codec:
    """Give the codec of a port that takes or gives an item, held here by the class of `found`."""
    family = FAMILIES.get(found.identifier, found.identifier)
    expected = f"{found.python_type} (or another {family})"

    def holder(value: Any) -> StructureType | None:
        held = registry.structure_of(type(value))
        return held if held is not None and FAMILIES.get(held.identifier, held.identifier) == family else None

    def passed_on(value: Any) -> str | None:
        if not isinstance(value, Reference):
            return None
        if FAMILIES.get(value.identifier, value.identifier) != family:
            raise misfit(expected, value)
        return value.id

    def known(value: Any) -> StructureType:
        held = holder(value)
        if held is None:
            raise misfit(expected, value)
        return held

    def dump(value: Any) -> str:
        id = passed_on(value)
        return known(value).shrink_now(value) if id is None else id

    async def adump(value: Any) -> str:
        id = passed_on(value)
        return await known(value).shrink_async(value) if id is None else id

    def load(wire: Any) -> Any:
        return found.expand_now(_id(wire, expected))

    async def aload(wire: Any) -> Any:
        return await found.expand_async(_id(wire, expected))

    def fits(value: Any) -> int:
        if isinstance(value, Reference):
            return EXACT if FAMILIES.get(value.identifier, value.identifier) == family else FOREIGN
        if isinstance(value, found.cls):
            return EXACT
        return FOREIGN if holder(value) is None else CLOSE

    return Codec(dump, load, fits, adump, aload)


def _id(wire: Any, expected: str) -> str:
    if not isinstance(wire, str):
        raise Misfit(f"the id of {expected}", describe(wire))
    return wire
