"""Items and folders as somebody sees them: one, and pages of many, the newest first.

The rule: a page looks at a bounded number of rows, whatever is asked; what fits may come on the next one.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, exists, func, literal_column, or_, select, true

from arkitekt_next.hub.accounts.routes.profile import Named
from arkitekt_next.hub.core.ids import first_id_at
from arkitekt_next.hub.tasks.links import INPUT, OUTPUT
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads

from . import access, folders
from . import views as v

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from arkitekt_next.auth.principal import Principal

    from .items import Made

_WINDOWS = (600, 7_400)
"""How many rows are looked at: few at first, since what was asked for mostly lies among the newest."""
_SLACK_US = 2_000_000
"""How much later than its id an item may say that it was made."""
_LINKED = 8_000
"""How many items of one task are shown."""
_i = d.item.c
_f, _g, _person = d.folder.c, d.item_tag.c, t.person.c
_NAMES = select(_person.id, _person.name).where(_person.id.in_(bindparam("b_people", expanding=True)))
_TAGS = select(_g.item_id, _g.tag).where(_g.item_id.in_(bindparam("b_items", expanding=True))).order_by(_g.tag)


async def list_items(engine: AsyncEngine, who: Principal, wanted: v.ItemQuery) -> v.ItemPage:
    """Give a page of the items that show by themselves to somebody."""
    only = and_(true(), *_filters(who, wanted))
    trashed = _i.trashed_at_us.is_not(None) if wanted.trashed else _i.trashed_at_us.is_(None)
    where = [access.shown(who), _i.committed_at_us.is_not(None), trashed]
    if not wanted.temporary:
        where.append(_i.is_temporary == literal_column("false"))  # as the index says it
    found: list[str] = []
    after, is_over = wanted.cursor, False
    async with engine.connect() as db:
        for window in _WINDOWS:
            query = select(_i.id, only.label("fits")).where(*where).order_by(_i.id.desc()).limit(window)
            if after is not None:
                query = query.where(_i.id < after)
            looked = (await db.execute(query)).all()
            found += [id for id, fits in looked if fits]
            is_over = len(looked) < window
            if is_over or len(found) > wanted.limit:
                break
            after = looked[-1].id
        page = found[: wanted.limit]
        following = page[-1] if len(found) > wanted.limit else None if is_over else after
        rows = (await db.execute(select(d.item).where(_i.id.in_(page)).order_by(_i.id.desc()))).all() if page else []
        return v.ItemPage(items=await _shown(db, who, rows), next=following)


async def show_item(engine: AsyncEngine, who: Principal, row: Row[Any]) -> v.Item:
    """Give an item as REST shows it to somebody."""
    async with engine.connect() as db:
        return (await _shown(db, who, [row]))[0]


async def show_made(engine: AsyncEngine, who: Principal, made: Made) -> v.Item:
    """Give an item as REST shows it to whoever has just made it, in a folder that they see."""
    row = SimpleNamespace(**made.row)
    async with engine.connect() as db:
        names = await _names(db, {row.person_id})
    return _item_of(row, list(made.tags), names, row.folder_id)


async def list_of_task(engine: AsyncEngine, who: Principal, task: str) -> v.TaskItems:
    """Give what a task was given and gave, and what it stored besides; the caller has asked who may read it."""
    link = d.task_item.c
    linked = select(link.item_id, link.role).where(link.team_id == who.team, link.task_id == task).limit(_LINKED)
    made = select(_i.id).where(_i.team_id == who.team, _i.task_id == task, _i.committed_at_us.is_not(None))
    async with engine.connect() as db:
        roles = (await db.execute(linked)).all()
        stored = list((await db.execute(made.limit(_LINKED))).scalars())
        ids = {row.item_id for row in roles} | set(stored)
        query = select(d.item).where(_i.team_id == who.team, _i.id.in_(ids), _i.committed_at_us.is_not(None))
        query = query.where(access.readable(who))
        rows = (await db.execute(query.order_by(_i.id))).all()
        shown = {item.id: item for item in await _shown(db, who, rows)}
    given = {row.item_id for row in roles if row.role == INPUT}
    gave = {row.item_id for row in roles if row.role == OUTPUT}
    return v.TaskItems(
        inputs=[item for id, item in shown.items() if id in given],
        outputs=[item for id, item in shown.items() if id in gave],
        others=[item for id, item in shown.items() if id not in given | gave],
    )


async def list_folders(engine: AsyncEngine, who: Principal, wanted: v.FolderQuery) -> v.FolderPage:
    """Give a page of the folders in one folder, or in none, that somebody sees."""
    query = select(d.folder).where(folders.seen(who))
    if not wanted.everywhere:
        query = query.where(_f.parent_id == (wanted.parent or ""))
    if wanted.cursor is not None:
        query = query.where(_f.id > wanted.cursor)
    async with engine.connect() as db:
        rows = (await db.execute(query.order_by(_f.id).limit(wanted.limit + 1))).all()
        page = rows[: wanted.limit]
        return v.FolderPage(
            items=await _folders_of(db, who, page), next=page[-1].id if len(rows) > wanted.limit else None
        )


async def show_folder(engine: AsyncEngine, who: Principal, row: Row[Any]) -> v.Folder:
    """Give a folder as REST shows it to somebody."""
    async with engine.connect() as db:
        return (await _folders_of(db, who, [row]))[0]


async def _folders_of(db: AsyncConnection, who: Principal, rows: Sequence[Row[Any]]) -> list[v.Folder]:
    names = await _names(db, {row.person_id for row in rows})
    paths = await folders.paths_of(db, who, rows)
    return [
        v.Folder(
            id=row.id,
            name=row.name,
            path=paths[row.id],
            parent=row.parent_id or None,
            person=Named(id=row.person_id, name=names.get(row.person_id, "")),
            visibility=row.visibility,
            created_at_us=row.created_at_us,
        )
        for row in rows
    ]


def _filters(who: Principal, wanted: v.ItemQuery) -> list[ColumnElement[bool]]:
    same = {
        "kind": wanted.kind,
        "folder_id": wanted.folder,
        "parent_id": wanted.parent,
        "task_id": wanted.task,
        "person_id": wanted.person,
        "app": wanted.app,
        "dtype": wanted.dtype,
    }
    found = [_i[name] == value for name, value in same.items() if value is not None]
    if wanted.mine:
        found += [_i.person_id == who.person, _i.by_id == who.person]
    if wanted.text:
        found.append(or_(*(_i[name].icontains(wanted.text, autoescape=True) for name in ("name", "note"))))
    if wanted.shape is not None:
        found.append(_i.shape != "")
        found.append(_i.shape.like(wanted.shape.replace("*", "%")))
        found.append(func.length(func.replace(_i.shape, ",", "")) == func.length(_i.shape) - wanted.shape.count(","))
    for tag in wanted.tag:
        found.append(exists(select(_g.item_id).where(_g.team_id == who.team, _g.item_id == _i.id, _g.tag == tag)))
    if wanted.sha256 is not None:
        found.append(_i.meta.contains(f'"sha256":"{wanted.sha256}"', autoescape=True))
    if wanted.since_us is not None:
        found.append(
            and_(_i.id >= first_id_at(max(0, wanted.since_us - _SLACK_US)), _i.created_at_us >= wanted.since_us)
        )
    if wanted.until_us is not None:
        found.append(_i.created_at_us <= wanted.until_us)
    return found


async def _shown(db: AsyncConnection, who: Principal, rows: Sequence[Row[Any]]) -> list[v.Item]:
    ids = [row.id for row in rows]
    tags: dict[str, list[str]] = {id: [] for id in ids}
    for found in await db.execute(_TAGS, {"b_items": ids}):
        tags[found.item_id].append(found.tag)
    names = await _names(db, {row.person_id for row in rows})
    filed = {row.folder_id for row in rows if row.folder_id is not None}
    places: set[str] = set()
    if filed:
        places |= set((await db.execute(select(_f.id).where(_f.id.in_(filed), folders.seen(who)))).scalars())
    return [_item_of(row, tags[row.id], names, row.folder_id if row.folder_id in places else None) for row in rows]


async def _names(db: AsyncConnection, people: set[str]) -> dict[str, str]:
    return {row.id: row.name for row in await db.execute(_NAMES, {"b_people": list(people)})}


def _item_of(row: Any, tags: list[str], names: dict[str, str], folder: str | None) -> v.Item:
    return v.Item(
        id=row.id,
        kind=row.kind,
        name=row.name,
        note=row.note,
        visibility=row.visibility,
        is_temporary=row.is_temporary,
        person=Named(id=row.person_id, name=names.get(row.person_id, "")),
        app=row.app,
        task=row.task_id,
        folder=folder,
        parent=row.parent_id,
        tags=tags,
        meta=loads(row.meta),
        size_bytes=row.size_bytes,
        objects=row.objects,
        digest=row.digest,
        created_at_us=row.created_at_us,
        committed_at_us=row.committed_at_us,
        trashed_at_us=row.trashed_at_us,
        removed_at_us=row.removed_at_us,
    )
