"""The items of a call that reaches no hub: kept as the objects they are, for as long as the call lasts."""

from __future__ import annotations

import uuid
from typing import Any

from arkitekt_next.errors import InvalidValue
from arkitekt_next.ports.acting import ItemStore


class Shelf(ItemStore):
    """Keeps objects in memory; what is fetched is the very object that was stored."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}

    async def put(self, value: Any, identifier: str) -> str:
        """Keep an object."""
        id = uuid.uuid4().hex
        self._objects[id] = value
        return id

    async def get(self, id: str, holder: str) -> Any:
        """Give an object. Raises `InvalidValue` for an id that is not of here."""
        if id not in self._objects:
            raise InvalidValue(
                where=id,
                expected="something that was passed in this call",
                got="the id of an item; a call without a hub reads none",
            )
        return self._objects[id]
