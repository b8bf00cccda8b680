"""`Folder`: where items are filed. A folder is named by its path, `plate 3/well A1`.

The rule: a path is looked up name by name, since two folders may bear one name in two places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import Conflict, InvalidValue, NotFound

from .item import Item, here
from .listing import every

if TYPE_CHECKING:
    from .store import HubItems, Record


class Folder:
    """A folder of the team's."""

    def __init__(self, items: HubItems, record: Record, path: str) -> None:
        self._items = items
        self._record = record
        self.path = path

    def __repr__(self) -> str:
        return f"<Folder {self.path!r} {self.id}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folder) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def id(self) -> str:
        """The hub's id of it."""
        return str(self._record["id"])

    @property
    def name(self) -> str:
        """The last part of its path."""
        return str(self._record["name"])

    def folders(self) -> list[Folder]:
        """Give the folders that lie in it, the oldest first."""
        return _inside(self._items, self)

    def items(self, **filters: Any) -> Iterator[Item]:
        """Give what is filed in it, the newest first; filters as in `Item.search`."""
        return Item.search(folder=self.id, **filters)

    @classmethod
    def find(cls, path: str) -> Folder:
        """Find a folder by its path. Raises `NotFound` with what there is at that place."""
        items = here()
        found: Folder | None = None
        for name in _names(path):
            found = _child(items, found, name)
        assert found is not None
        return found

    @classmethod
    async def afind(cls, path: str) -> Folder:
        """Find a folder by its path without blocking the loop."""
        return await asyncio.to_thread(cls.find, path)

    @classmethod
    def make(cls, path: str, *, visibility: str = "team") -> Folder:
        """Give the folder at a path, and make it and those above it where they are not there yet."""
        items = here()
        found: Folder | None = None
        for name in _names(path):
            try:
                found = _child(items, found, name)
            except NotFound:
                found = _made(items, found, name, visibility)
        assert found is not None
        return found

    @classmethod
    async def amake(cls, path: str, *, visibility: str = "team") -> Folder:
        """Give the folder at a path, made if need be, without blocking the loop."""
        return await asyncio.to_thread(cls.make, path, visibility=visibility)

    @classmethod
    def every(cls) -> list[Folder]:
        """Give all folders that you see, each after the one it lies in."""
        items, found = here(), list[Folder]()
        waiting = _inside(items, None)
        while waiting:
            folder = waiting.pop(0)
            found.append(folder)
            waiting = [*folder.folders(), *waiting]
        return found

    @classmethod
    async def aevery(cls) -> list[Folder]:
        """Give all folders that you see without blocking the loop."""
        return await asyncio.to_thread(cls.every)


def _inside(items: HubItems, parent: Folder | None) -> list[Folder]:
    query = {} if parent is None else {"parent": parent.id}
    above = "" if parent is None else f"{parent.path}/"
    return [Folder(items, record, above + record["name"]) for record in every(items.session, "/api/folders", query)]


def _child(items: HubItems, parent: Folder | None, name: str) -> Folder:
    there = _inside(items, parent)
    for folder in there:
        if folder.name == name:
            return folder
    path = name if parent is None else f"{parent.path}/{name}"
    known = ", ".join(folder.path for folder in there[:5])
    raise NotFound(what="folder", name=path, remedy=f"There are: {known}" if known else "There is none at that place")


def _made(items: HubItems, parent: Folder | None, name: str, visibility: str) -> Folder:
    body = {"name": name, "visibility": visibility, **({} if parent is None else {"parent": parent.id})}
    try:
        record = items.session.ask("POST", "/api/folders", body)
    except Conflict:  # somebody else was faster
        return _child(items, parent, name)
    return Folder(items, record, name if parent is None else f"{parent.path}/{name}")


def _names(path: str) -> list[str]:
    names = [name.strip() for name in path.split("/") if name.strip()]
    if not names or {".", ".."} & set(names):
        raise InvalidValue(where="folder", expected="a path like 'plate 3/well A1'", got=repr(path))
    return names
