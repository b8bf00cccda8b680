"""Folders: where items are filed. Names are unique among what lies in one folder, as far as one person sees.

What is inside a private folder is private as well. The rule: a folder somebody does not see is not there for them,
be it as a place to file in, as a part of a path, or as a name that is taken.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select

from arkitekt_next.auth import rules
from arkitekt_next.auth.principal import Role
from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import data_tables as d

from . import statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.storage.engine import Database

DEPTH_LIMIT = 32
_f = d.folder.c


def seen(who: Principal) -> ColumnElement[bool]:
    """Give the condition under which somebody sees a folder: the team's, but for guests, and their own."""
    mine = _f.person_id == who.person
    return and_(
        _f.team_id == who.team, mine if who.role is Role.GUEST else or_(_f.visibility == Visibility.TEAM.value, mine)
    )


async def paths_of(db: AsyncConnection, who: Principal, folders: Iterable[Row[Any]]) -> dict[str, str]:
    """Give the path of each folder, as far up as somebody sees: names with slashes between them."""
    paths = {row.id: row.name for row in folders}
    above = {row.id: row.parent_id for row in folders}
    for _ in range(DEPTH_LIMIT):
        wanted = {parent for parent in above.values() if parent}
        if not wanted:
            break
        query = select(_f.id, _f.name, _f.parent_id).where(_f.id.in_(wanted), seen(who))
        known = {row.id: row for row in await db.execute(query)}
        for id, parent in above.items():
            found = known.get(parent)
            if found is not None:
                paths[id] = f"{found.name}/{paths[id]}"
            above[id] = found.parent_id if found is not None else ""
    return paths


class Folders:
    """All folders of a hub. Moves take turns, so that no two of them put a folder into itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._moving = asyncio.Lock()

    async def find(self, who: Principal, id: str) -> Row[Any]:
        """Give a folder that somebody sees. Raises `NotFound`."""
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(d.folder).where(_f.id == id, seen(who)))).first()
        if row is None:
            raise NotFound(what="folder", name=id, remedy="`GET /api/folders` lists what there is")
        return row

    async def create(self, who: Principal, *, name: str, parent: str | None, visibility: str) -> Row[Any]:
        """Make a folder in another one, or in none. Raises `NotFound`, and `Conflict` for a name that is taken."""
        if parent is not None and (await self.find(who, parent)).visibility == Visibility.PRIVATE:
            visibility = Visibility.PRIVATE.value
        if parent is not None and len(await self._above(parent)) >= DEPTH_LIMIT:
            raise _too_deep()
        row: dict[str, Any] = {
            "id": new_id(),
            "team_id": who.team,
            "parent_id": parent or "",
            "person_id": who.person,
            "name": name,
            "visibility": visibility,
            "private_to": who.person if visibility == Visibility.PRIVATE else "",
            "created_at_us": now_us(),
        }
        await self._refuse_taken(who, row["parent_id"], name, "")
        there = [statements.touch_folder(who.team, parent)] if parent is not None else []
        counts = await self._database.ledger.commit(*there, (statements.INSERT_FOLDER, row))
        if not counts[0] and parent is not None:
            raise NotFound(what="folder", name=parent, remedy="It was just removed")
        if not counts[-1]:
            raise _taken(name)
        return await self.find(who, row["id"])

    async def change(self, who: Principal, id: str, changes: Mapping[str, Any]) -> Row[Any]:
        """Rename or move a folder. Raises `NotFound`, `NotPermitted`, and `Conflict` for a place it can't have."""
        async with self._moving:
            row = await self._changeable(who, id)
            name = changes.get("name") or row.name
            parent = changes["parent"] or "" if "parent" in changes else row.parent_id
            if parent != row.parent_id:
                await self._check_place(who, row, parent)
            await self._refuse_taken(who, parent, name, id)
            there = [statements.touch_folder(who.team, parent)] if parent else []
            move = {"b_team": who.team, "b_id": id, "name": name, "parent_id": parent}
            if not (await self._database.ledger.commit(*there, (statements.MOVE_FOLDER, move)))[-1]:
                await self.find(who, id)
                raise _taken(name)
        return await self.find(who, id)

    async def remove(self, who: Principal, id: str) -> None:
        """Remove an empty folder; what lies in the trash does not count. Raises `NotFound`, `NotPermitted`, `Conflict`.

        What somebody does not see counts as well, but nothing of it is told.
        """
        await self._changeable(who, id)
        row = {"b_team": who.team, "b_folder": id}
        await self._database.ledger.commit((statements.TAKE_OUT, row))
        if not (await self._database.ledger.commit((statements.REMOVE_FOLDER, row)))[0]:
            await self.find(who, id)
            raise Conflict(
                problem="The folder is not empty",
                remedy="Move or trash what it holds; others may have put in what only they see",
            )

    async def _changeable(self, who: Principal, id: str) -> Row[Any]:
        row = await self.find(who, id)
        if not rules.changes_item(who, visibility=row.visibility, person=row.person_id):
            raise NotPermitted(
                person=who.person,
                verb="change",
                what="this folder",
                remedy="Ask whoever it belongs to, or an owner or admin",
            )
        return row

    async def _check_place(self, who: Principal, row: Row[Any], parent: str) -> None:
        """Refuse to move a folder into itself, too deep, or where those who see it now would not."""
        if not parent:
            return
        into = await self.find(who, parent)
        if into.visibility == Visibility.PRIVATE and row.visibility != Visibility.PRIVATE:
            raise Conflict(
                problem="The team's folder can't go into a private one",
                remedy="Make a private folder, and file the items there",
            )
        above = await self._above(parent)
        if row.id in above:
            raise Conflict(problem="A folder can't lie in itself", remedy="Choose a folder outside it")
        if len(above) + await self._height(row.id) > DEPTH_LIMIT:
            raise _too_deep()

    async def _above(self, id: str) -> list[str]:
        """Name a folder and those it lies in, from the inside out."""
        found: list[str] = []
        async with self._database.engine.connect() as db:
            while id and len(found) <= DEPTH_LIMIT:
                found.append(id)
                id = (await db.execute(select(_f.parent_id).where(_f.id == id))).scalar() or ""
        return found

    async def _height(self, id: str) -> int:
        """Count how deep the folders inside one lie, itself included."""
        level, height = [id], 0
        async with self._database.engine.connect() as db:
            while level and height <= DEPTH_LIMIT:
                height += 1
                query = select(_f.id).join(_parent, _parent.c.id == _f.parent_id).where(_parent.c.id.in_(level))
                level = list((await db.execute(query)).scalars())
        return height

    async def _refuse_taken(self, who: Principal, parent: str, name: str, but: str) -> None:
        query = select(_f.id).where(seen(who), _f.parent_id == parent, _f.name == name, _f.id != but)
        async with self._database.engine.connect() as db:
            if (await db.execute(query.limit(1))).first() is not None:
                raise _taken(name)


_parent = d.folder.alias("parent")


def _taken(name: str) -> Conflict:
    return Conflict(problem=f"There is a folder '{name}' here already", remedy="Choose another name")


def _too_deep() -> Conflict:
    return Conflict(
        problem=f"Folders lie at most {DEPTH_LIMIT} deep", remedy="Choose a folder further up, or use tags instead"
    )
