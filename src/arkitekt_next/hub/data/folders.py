"""Folders: where items are filed. Names are unique among what lies in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import Conflict, NotFound
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import data_tables as d

from . import statements

if TYPE_CHECKING:
    from sqlalchemy import Row

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.storage.engine import Database

_f = d.folder.c


async def find(database: Database, who: Principal, id: str) -> Row[Any]:
    """Give a folder that somebody sees. Raises `NotFound`."""
    seen = or_(_f.visibility == Visibility.TEAM.value, _f.person_id == who.person)
    async with database.engine.connect() as db:
        row = (await db.execute(select(d.folder).where(_f.id == id, _f.team_id == who.team, seen))).first()
    if row is None:
        raise NotFound(what="folder", name=id, remedy="`GET /api/folders` lists what there is")
    return row


async def create(database: Database, who: Principal, *, name: str, parent: str | None, visibility: str) -> Row[Any]:
    """Make a folder in another one, or in none. Raises `NotFound`, and `Conflict` for a name that is taken."""
    if parent is not None and (await find(database, who, parent)).visibility == Visibility.PRIVATE:
        visibility = Visibility.PRIVATE.value
    id = new_id()
    row = {
        "id": id,
        "team_id": who.team,
        "parent_id": parent or "",
        "person_id": who.person,
        "name": name,
        "visibility": visibility,
        "created_at_us": now_us(),
    }
    if not (await database.ledger.commit((statements.INSERT_FOLDER, row)))[0]:
        raise Conflict(problem=f"There is a folder '{name}' here already", remedy="Choose another name")
    return await find(database, who, id)
