"""Items: made, written, committed; then they never change but in what people say of them.

What is made while a task runs belongs to the person who called it, whoever's agent wrote it, and is as visible as the
task. The rule: an item is committed only when what was written below its prefix is on disk, and has not changed since
it was looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, func, or_, select

from arkitekt_next.auth import rules
from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.auth.rules import Visibility
from arkitekt_next.data.keys import InvalidKey, prefix_of
from arkitekt_next.data.keys import check as check_key
from arkitekt_next.data.model import ItemKind, meta_json, parse_meta
from arkitekt_next.errors import Conflict, InvalidValue, NotFound, NotPermitted, TooLarge
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import dumps, loads

from . import access, statements
from .objects.contract import Gone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Row, Select

    from arkitekt_next.hub.data.objects.contract import Objects, Write
    from arkitekt_next.storage.engine import Database
    from arkitekt_next.storage.ledger import Step

    from .folders import Folders
    from .quota import Quota

Condition = Callable[[Principal], "ColumnElement[bool]"]
META_LIMIT_BYTES = 64 * 1024
TAG_LIMIT = 64
_CONTENT_TYPE = "binary/octet-stream"
_i = d.item.c
_k = t.task.c
_ANYBODY = access.anybody(Role.MEMBER)  # whose role makes no difference to what their agents run
_HELD = select(_k.person_id, _k.visibility, _k.is_discreet).where(access.held(_ANYBODY, bindparam("b_task")))
_ATTEMPTS = 5
_IDS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class NewItem:
    """What somebody wants to store."""

    kind: str
    name: str
    meta: Mapping[str, Any]
    note: str = ""
    visibility: str | None = None
    is_temporary: bool = False
    folder: str | None = None
    parent: str | None = None
    task: str | None = None
    tags: Sequence[str] = ()


class Made(NamedTuple):
    """An item as it was just made: its row, and its tags in their order."""

    row: Mapping[str, Any]
    tags: Sequence[str]


class Items:
    """All items of a hub, whose content lies in `objects`."""

    def __init__(self, database: Database, objects: Objects, folders: Folders, quota: Quota) -> None:
        self._database = database
        self._objects = objects
        self._folders = folders
        self._quota = quota

    async def create(self, who: Principal, wanted: NewItem) -> str:
        """Make an item that is not committed yet; give its id. What is not known of it yet may be said at the commit.

        Raises `NotFound` for a task, folder or parent, `InvalidMetadata`, `TooLarge`, and `StorageFull`.
        """
        meta = _written(_checked(wanted.kind, wanted.meta)) if wanted.meta else "{}"
        row = await self._new(who, wanted, meta)
        await self._quota.check()
        await self._file(who, wanted.folder, *_made(who, row, wanted.tags))
        return str(row["id"])

    async def create_whole(self, who: Principal, wanted: NewItem, contents: Mapping[str, bytes]) -> Made:
        """Make an item with all that it holds, by its paths, in one step: it is committed, or was never there.

        Raises what `create` raises, `InvalidMetadata` where something is missing, `InvalidValue` for a path that is
        none.
        """
        final = _checked(wanted.kind, wanted.meta)
        row = await self._new(who, wanted, _written(final))
        id = str(row["id"])
        check_paths(who.team, id, contents, where="objects")
        async with self._objects.put_whole(who.team, id, contents, content_type=_CONTENT_TYPE) as written:
            extent = written.extent
            row |= {"size_bytes": extent.size_bytes, "objects": extent.objects, "digest": extent.digest}
            row |= {**_searched(final), "committed_at_us": now_us()}
            steps = [*_made(who, row, wanted.tags), *written.steps]
            await self._file(who, wanted.folder, *steps, write=written.write)
        return Made(row, sorted(set(wanted.tags)))

    async def _new(self, who: Principal, wanted: NewItem, meta: str) -> dict[str, Any]:
        """Give the row of an item that is to be made. Raises `NotFound` for a task, folder or parent."""
        person, visibility = await self._belongs(who, wanted)
        if wanted.folder is not None:
            await self._folders.find(who, wanted.folder)
        if wanted.parent is not None and (await self.read(who, wanted.parent)).removed_at_us is not None:
            raise missing(wanted.parent)
        now = now_us()
        return {
            "id": new_id(),
            "team_id": who.team,
            "person_id": person,
            "by_id": who.person,
            "app": who.app,
            "kind": wanted.kind,
            "name": wanted.name,
            "note": wanted.note,
            "visibility": visibility,
            "is_temporary": wanted.is_temporary,
            "folder_id": wanted.folder,
            "parent_id": wanted.parent,
            "task_id": wanted.task,
            "size_bytes": 0,
            "objects": 0,
            "digest": None,
            "shape": "",
            "dtype": "",
            "meta": meta,
            "writes": 0,
            "created_at_us": now,
            "used_at_us": now,
            "committed_at_us": None,
            "trashed_at_us": None,
            "removed_at_us": None,
            "cleared_at_us": None,
        }

    async def commit(self, who: Principal, id: str, meta: Mapping[str, Any] | None, digest: str | None) -> Row[Any]:
        """Let an item count, as it was written, and give it; once it does, doing the same again changes nothing.

        Raises `NotFound`, `InvalidMetadata`, and `Conflict` when nothing was written, something still writes, or
        `digest`, or `meta` of what is committed already, is another.
        """
        row = await self.written(who, id)
        final = _checked(row.kind, loads(row.meta) if meta is None else meta)
        text = _written(final)
        for _ in range(_ATTEMPTS):
            if row.committed_at_us is not None:
                _refuse_other(id, digest, row.digest)
                if text != row.meta:
                    raise Conflict(
                        problem=f"Item {id} is committed with other metadata", remedy="What it says never changes"
                    )
                return row
            try:
                extent = await self._objects.sync(who.team, id)
            except Gone:  # an object was just replaced or deleted: what is there now is looked at anew
                row = await self.written(who, id)
                continue
            if extent.objects == 0:
                raise Conflict(
                    problem=f"Nothing was written below the prefix of item {id}",
                    remedy="Write its objects, then commit",
                )
            _refuse_other(id, digest, extent.digest)
            now = now_us()
            changes = {
                "b_team": who.team,
                "b_id": id,
                "b_writes": row.writes,
                "size_bytes": extent.size_bytes,
                "objects": extent.objects,
                "digest": extent.digest,
                "meta": text,
                **_searched(final),
                "committed_at_us": now,
                "used_at_us": now,
            }
            if (await self._database.ledger.commit((statements.COMMIT, changes)))[0]:
                return await self._one(who, id, _in_team)
            row = await self.written(who, id)
        raise Conflict(
            problem=f"Item {id} was written to while it was committed",
            remedy="Wait for every write to end, then commit once",
        )

    async def written(self, who: Principal, id: str) -> Row[Any]:
        """Give an item that somebody writes, or has written and may still look at. Raises `NotFound`."""
        return await self._one(who, id, access.writable)

    async def read(self, who: Principal, id: str) -> Row[Any]:
        """Give a committed item that somebody may read, in the trash, removed, or not. Raises `NotFound`."""
        return await self._one(who, id, _committed)

    async def show(self, who: Principal, id: str) -> Row[Any]:
        """Give an item that somebody reads or writes. Raises `NotFound`."""
        return await self._one(who, id, _shown_to)

    async def of_these(self, who: Principal, ids: Collection[str]) -> set[str]:
        """Give which of these items somebody reads or writes."""
        found: set[str] = set()
        async with self._database.engine.connect() as db:
            for some in _batches(ids):
                query = select(_i.id).where(_i.id.in_(some), _shown_to(who))
                found |= set((await db.execute(query)).scalars())
        return found

    async def check_usable(self, who: Principal, ids: Sequence[str], parent: str | None = None) -> None:
        """Make sure that somebody may pass these items to a function, on behalf of the task `parent` if any.

        Raises `NotFound` for the first they may not, and `Conflict` for one in the trash.
        """
        query = select(_i.id, _i.trashed_at_us).where(access.usable(), access.passable(who, parent))
        found: dict[str, int | None] = {}
        async with self._database.engine.connect() as db:
            for some in _batches(ids):
                found.update({row.id: row.trashed_at_us for row in await db.execute(query.where(_i.id.in_(some)))})
        for id in ids:
            if id not in found:
                raise missing(id)
            if found[id] is not None:
                raise Conflict(problem=f"Item {id} is in the trash", remedy="Restore it first")

    async def change(self, who: Principal, id: str, changes: Mapping[str, Any]) -> Row[Any]:
        """Name, describe, file, keep or show an item; give it, also to who hid it from themselves just now.

        Raises `NotFound`, `NotPermitted`.
        """
        await self._changeable(who, id)
        folder = changes.get("folder_id")
        if folder is not None:
            await self._folders.find(who, folder)
        this = {"b_team": who.team, "b_id": id}
        steps = [(statements.CHANGE[name], {**this, name: value}) for name, value in changes.items()]
        if steps:
            await self._file(who, folder, *steps)
        return await self._one(who, id, _in_team)

    async def tag(self, who: Principal, id: str, tag: str) -> None:
        """Tag an item; once more changes nothing. Raises `NotFound`, `NotPermitted`, and `Conflict` for too many."""
        await self._changeable(who, id)
        g = d.item_tag.c
        others = select(func.count()).where(g.item_id == id, g.tag != tag)
        async with self._database.engine.connect() as db:
            if (await db.execute(others)).scalar_one() >= TAG_LIMIT:
                problem = f"Item {id} carries {TAG_LIMIT} tags already"
                raise Conflict(problem=problem, remedy="Take one off, or write the rest into its note")
        await self._database.ledger.commit(_tag(who.team, id, tag))

    async def untag(self, who: Principal, id: str, tag: str) -> None:
        """Take a tag off an item. Raises `NotFound`, `NotPermitted`."""
        await self._changeable(who, id)
        row = {"b_team": who.team, "b_id": id, "b_tag": tag}
        if not (await self._database.ledger.commit((statements.REMOVE_TAG, row)))[0]:
            raise NotFound(what="tag", name=tag, remedy="It may have been taken off already")

    async def trash(self, who: Principal, id: str, *, is_trashed: bool) -> None:
        """Put an item into the trash, or back. Raises `NotFound`, `NotPermitted`."""
        await self._changeable(who, id)
        row = {"b_team": who.team, "b_id": id, "trashed_at_us": now_us() if is_trashed else None}
        if not (await self._database.ledger.commit((statements.TRASH, row)))[0]:
            raise _removed(id)

    async def abandon(self, who: Principal, id: str) -> None:
        """Give up an item that was not committed, with what was written of it. Raises `NotFound`, `Conflict`."""
        await self.written(who, id)
        row = {"b_team": who.team, "b_id": id, "removed_at_us": now_us()}
        if not (await self._database.ledger.commit((statements.DROP, row)))[0]:
            raise Conflict(problem=f"Item {id} is committed", remedy="Put it into the trash instead")
        await self._objects.clear(who.team, id)
        await self._database.ledger.commit(
            (statements.CLEARED, {"b_team": who.team, "b_id": id, "cleared_at_us": now_us()})
        )

    async def _file(self, who: Principal, folder: str | None, *steps: Step, write: Write | None = None) -> None:
        """Commit steps about an item, of which one may file it in a folder. Raises `NotFound` where either is gone."""
        there = [statements.touch_folder(who.team, folder)] if folder is not None else []
        counts = await (write or self._database.ledger.commit)(*there, *steps)
        if folder is not None and not counts[0]:
            raise NotFound(what="folder", name=folder, remedy="It was just removed")
        if not counts[len(there)]:
            raise NotFound(what="item", name="", remedy="It was just removed")

    async def _changeable(self, who: Principal, id: str) -> Row[Any]:
        row = await self.read(who, id)
        if row.removed_at_us is not None:
            raise _removed(id)
        if not rules.changes_item(who, visibility=row.visibility, person=row.person_id):
            raise NotPermitted(
                person=who.person,
                verb="change",
                what="this item",
                remedy="Ask whoever it belongs to, or an owner or admin",
            )
        return row

    async def _belongs(self, who: Principal, wanted: NewItem) -> tuple[str, str]:
        """Give whom a new item belongs to, and who sees it."""
        if wanted.task is None:
            usual = Visibility.PRIVATE if wanted.is_temporary else Visibility.TEAM
            return who.person, wanted.visibility or usual.value
        held = {**access.parameters(who), "b_task": wanted.task}
        async with self._database.engine.connect() as db:
            task = (await db.execute(_HELD, held)).first()
        if task is None:
            raise NotFound(what="running task", name=wanted.task, remedy="Only who runs a task stores for it")
        hidden = wanted.is_temporary or task.is_discreet or task.visibility == Visibility.PRIVATE
        usual = Visibility.PRIVATE if hidden else Visibility.TEAM
        chosen = wanted.visibility if not task.is_discreet and task.visibility == Visibility.TEAM else None
        return task.person_id, chosen or usual.value

    async def _one(self, who: Principal, id: str, condition: Condition) -> Row[Any]:
        given = {**access.parameters(who), "b_id": id}
        row: Row[Any] | None
        async with self._database.engine.connect() as db:
            row = (await db.execute(_one_under(condition, who.role), given)).first()
        if row is None:
            raise missing(id)
        return row


def check_paths(team: str, item: str, paths: Iterable[str], *, where: str) -> None:
    """Look at paths of objects below an item. Raises `InvalidValue` for the first that is none."""
    prefix = prefix_of(team, item)
    for index, path in enumerate(paths):
        try:
            check_key(f"{prefix}{path}")
        except InvalidKey as refused:
            expected = str(refused).removeprefix("expected ")
            raise InvalidValue(where=f"{where}.{index}", expected=expected, got=ascii(path)[:80]) from None


def missing(id: str) -> NotFound:
    """Say that there is no such item."""
    return NotFound(what="item", name=id, remedy="`GET /api/items` lists what there is")


def use_of(row: Row[Any]) -> Step:
    """Give the step that notes that an item is about to be read, which keeps a temporary one for a while."""
    return statements.USE, {"b_team": row.team_id, "b_id": row.id, "used_at_us": now_us()}


def _batches(ids: Collection[str]) -> Iterator[list[str]]:
    listed = list(ids)
    return (listed[start : start + _IDS_A_QUERY] for start in range(0, len(listed), _IDS_A_QUERY))


@cache
def _one_under(condition: Condition, role: Role) -> Select[Any]:
    return select(d.item).where(_i.id == bindparam("b_id"), condition(access.anybody(role)))


def _in_team(who: Principal) -> ColumnElement[bool]:
    return _i.team_id == who.team


def _committed(who: Principal) -> ColumnElement[bool]:
    return and_(_i.committed_at_us.is_not(None), access.readable(who))


def _shown_to(who: Principal) -> ColumnElement[bool]:
    return or_(access.writable(who), _committed(who))


def _removed(id: str) -> Conflict:
    return Conflict(problem=f"Item {id} was removed", remedy="Only what is known of it is left")


def _checked(kind: str, meta: Mapping[str, Any]) -> dict[str, Any]:
    return meta_json(parse_meta(ItemKind(kind), meta))


def _made(who: Principal, row: Mapping[str, Any], tags: Sequence[str]) -> list[Step]:
    return [(statements.INSERT_ITEM, row), *(_tag(who.team, row["id"], tag) for tag in dict.fromkeys(tags))]


def _tag(team: str, id: str, tag: str) -> tuple[Any, dict[str, Any]]:
    return statements.INSERT_TAG, {"team_id": team, "item_id": id, "tag": tag}


def _written(meta: Mapping[str, Any]) -> str:
    text = dumps(meta)
    if len(text.encode()) > META_LIMIT_BYTES:
        raise TooLarge(
            where="meta",
            size_bytes=len(text.encode()),
            limit_bytes=META_LIMIT_BYTES,
            remedy="Write what is long as an object of the item",
        )
    return text


def _searched(meta: Mapping[str, Any]) -> dict[str, str]:
    """Give what an item is searched by, out of its metadata."""
    return {"shape": ",".join(str(size) for size in meta.get("shape", ())), "dtype": str(meta.get("dtype", ""))}


def _refuse_other(id: str, wanted: str | None, found: str | None) -> None:
    if wanted is not None and wanted != found:
        raise Conflict(
            problem=f"Item {id} holds something else than was said: its digest is {found}, not {wanted}",
            remedy="Write it anew; something was lost or changed on the way",
        )
