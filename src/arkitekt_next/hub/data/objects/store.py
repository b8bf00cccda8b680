"""The hub's store: a row in its database for each object, a blob in a folder or a bucket for the bytes.

The row comes after the blob and goes before it, so a row always has its blob; a blob without a row is swept. The rule:
a key is looked up, never made into a path.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, select

from arkitekt_next.data.keys import THUMBNAIL, Key, past, prefix_of
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.data.quota import Quota
from arkitekt_next.storage import data_tables as d

from . import statements as s
from .blobs import Blob, Blobs
from .contract import ALWAYS, Condition, Extent, Frozen, Gone, Objects, Stored, Unmet, Written, etag_of

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database
    from arkitekt_next.storage.ledger import Step

_PAGE = 1000
_SWEPT_AT_ONCE = 100_000
_CLEARED_AT_ONCE = 200
_o, _i, _p, _u = d.object.c, d.item.c, d.upload_part.c, d.upload.c


class HubObjects(Objects):
    """Objects whose bytes are in `blobs`, their rows in `database`."""

    def __init__(self, blobs: Blobs, database: Database, quota: Quota) -> None:
        self.blobs = blobs
        self.database = database
        self.quota = quota

    async def close(self) -> None:
        """Let go of what the blobs hold."""
        await self.blobs.close()

    async def put(
        self,
        key: Key,
        body: AsyncIterator[bytes],
        *,
        content_type: str,
        digest: str | None = None,
        only_if: Condition = ALWAYS,
    ) -> Stored:
        """Write an object; see `Objects.put`."""
        await self.check_open(key.team, key.item)
        check_condition(only_if, await self.head(str(key)))
        blob = await self.blobs.write(self.quota.counted(body), digest=digest)
        return await self.show(key, blob, content_type=content_type, only_if=only_if)

    async def show(
        self,
        key: Key,
        blob: Blob,
        *,
        content_type: str,
        only_if: Condition,
        between: Sequence[Step] = (),
        after: Sequence[Step] = (),
    ) -> Stored:
        """Make a blob that was written the object of a key, in one transaction with other steps.

        It takes the place of the very blob that was found there, which then goes; when another one came in between, it
        looks again.
        """
        stored = _stored_as(key, blob, content_type)
        async with self.kept_if_written([blob]) as write:
            is_shown = False
            while not is_shown:
                old = await self.head(stored.key)
                check_condition(only_if, old)
                counts = await write(_guard(key.team, key.item), *between, _step(stored, old), *after)
                await self._refuse_closed(key.team, key.item, counts)
                if not all(counts[1 : 1 + len(between)]):
                    raise Gone(what="upload", name=stored.key, remedy="It was completed or aborted: begin another")
                is_shown = bool(counts[1 + len(between)])
        if old is not None:
            await self.blobs.remove([old.blob])
        return stored

    @asynccontextmanager
    async def put_whole(
        self, team: str, item: str, contents: Mapping[str, bytes], *, content_type: str
    ) -> AsyncIterator[Written]:
        """Write all objects of an item that is yet to be made; see `Objects.put_whole`."""
        async with self.quota.taking(sum(map(len, contents.values()))):
            blobs = await self.blobs.write_all(list(contents.values()))
            keys = [Key(team, item, path) for path in contents]
            objects = [_stored_as(key, blob, content_type) for key, blob in zip(keys, blobs, strict=True)]
            extent = _Extents(prefix_of(team, item))
            for stored in sorted(objects, key=lambda stored: stored.key):
                extent.add(stored)
            async with self.kept_if_written(blobs) as write:
                yield Written(extent.whole(), [_step(stored, None) for stored in objects], write)

    @asynccontextmanager
    async def kept_if_written(self, blobs: Sequence[Blob]) -> AsyncIterator[Any]:
        """Give what commits steps; the blobs stay when the block ends well, and go when it fails.

        When the block is cancelled, what was handed to the ledger is committed all the same: the blobs stay then, and
        are swept if nothing names them.
        """
        names = [blob.name for blob in blobs]
        writing: asyncio.Task[Sequence[int]] | None = None

        async def write(*steps: Step) -> Sequence[int]:
            nonlocal writing
            writing = asyncio.ensure_future(self.database.ledger.commit(*steps))
            return await asyncio.shield(writing)

        try:
            yield write
        except asyncio.CancelledError:
            if writing is None or writing.done():
                self.blobs.settle(names)
            else:
                writing.add_done_callback(lambda _: self.blobs.settle(names))
            raise
        except Exception:
            await self.blobs.remove(names)
            raise
        self.blobs.settle(names)

    async def head(self, key: str) -> Stored | None:
        """Give what is known of an object."""
        async with self.database.engine.connect() as db:
            row = (await db.execute(_head(), {"b_key": key})).first()
        return Stored(*row) if row is not None else None

    async def read(self, stored: Stored, start: int, stop: int) -> AsyncIterator[bytes]:
        """Give a range of bytes."""
        async for data in self.blobs.read(stored.blob, start, stop):
            yield data

    async def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[Stored]:
        """List objects in order."""
        query = _stored().where(_o.key >= prefix, _o.key > after).order_by(_o.key).limit(limit)
        end = past(prefix)
        if end is not None:
            query = query.where(_o.key < end)
        async with self.database.engine.connect() as db:
            return [Stored(*row) for row in await db.execute(query)]

    async def delete(self, team: str, item: str, keys: Sequence[str]) -> int:
        """Delete objects of one item."""
        await self.check_open(team, item)
        count = 0
        for start in range(0, len(keys), _PAGE):
            count += await self._delete(team, item, keys[start : start + _PAGE])
        return count

    async def _delete(self, team: str, item: str, keys: Sequence[str]) -> int:
        query = select(_o.key, _o.blob).where(_o.item_id == item, _o.key.in_(keys))
        async with self.database.engine.connect() as db:
            blobs = {row.key: row.blob for row in await db.execute(query)}
        ledger, guard = self.database.ledger, _guard(team, item)
        rows = [{"b_key": key, "b_item": item, "b_blob": blob} for key, blob in blobs.items()]
        works = [ledger.commit(guard, (s.DELETE, row)) for row in rows]
        results = await asyncio.gather(*works)
        await self.blobs.remove([blob for blob, counts in zip(blobs.values(), results, strict=True) if counts[-1]])
        for counts in results:
            await self._refuse_closed(team, item, counts)
        return sum(counts[-1] for counts in results)

    async def clear(self, team: str, item: str) -> int:
        """Delete all that lies below an item, a page at a time."""
        count = 0
        while page := await self._some_of(select(_o.key, _o.blob).where(_o.item_id == item).limit(_CLEARED_AT_ONCE)):
            rows = [{"b_key": key, "b_item": item, "b_blob": blob} for key, blob in page]
            results = await asyncio.gather(*(self.database.ledger.commit((s.DELETE, row)) for row in rows))
            await self.blobs.remove([blob for (_, blob), counts in zip(page, results, strict=True) if counts[0]])
            count += sum(counts[0] for counts in results)
        while page := await self._some_of(select(_u.id, _u.key).where(_u.item_id == item).limit(1)):
            await self._drop_upload(page[0][0])
        return count

    async def _drop_upload(self, upload: str) -> None:
        parts = [blob for (blob,) in await self._some_of(select(_p.blob).where(_p.upload_id == upload))]
        await self.database.ledger.commit((s.DROP_PARTS, {"b_upload": upload}))
        await self.database.ledger.commit((s.DROP_UPLOAD, {"b_upload": upload}))
        await self.blobs.remove(parts)

    async def _some_of(self, query: Select[Any]) -> Sequence[Any]:
        async with self.database.engine.connect() as db:
            return list((await db.execute(query)).all())

    async def sync(self, team: str, item: str) -> Extent:
        """Bring an item's objects to the disk for good."""
        prefix = prefix_of(team, item)
        extent = _Extents(prefix)
        after = ""
        while page := await self.list(prefix, after=after, limit=_PAGE):
            await self.blobs.sync([stored.blob for stored in page])
            for stored in page:
                extent.add(stored)
            after = page[-1].key
        return extent.whole()

    async def sweep(self, *, older_than_s: float) -> int:
        """Remove blobs that no row names, after the uploads that can not be completed any more."""
        await self._drop_dead_uploads()
        count = 0
        async for names in self.blobs.list_old(older_than_s=older_than_s, at_most=_SWEPT_AT_ONCE):
            async for blob in self._named():
                names.discard(blob)
            count += await self.blobs.remove(names)
        return count

    async def _named(self) -> AsyncIterator[str]:
        for table, keys in ((d.object, [_o.key]), (d.upload_part, [_p.upload_id, _p.number])):
            after: Sequence[Any] | None = None
            while True:
                query = select(table.c.blob, *keys).order_by(*keys).limit(_PAGE)
                if after is not None:
                    query = query.where(_above(keys, after))
                async with self.database.engine.connect() as db:
                    rows = (await db.execute(query)).all()
                for row in rows:
                    yield row[0]
                if len(rows) < _PAGE:
                    break
                after = rows[-1][1:]

    async def _drop_dead_uploads(self) -> None:
        query = select(_u.id).join(d.item, _i.id == _u.item_id)
        query = query.where(_i.committed_at_us.is_not(None) | _i.removed_at_us.is_not(None))
        while page := await self._some_of(query.limit(_CLEARED_AT_ONCE)):
            for (upload,) in page:
                await self._drop_upload(upload)

    async def check_open(self, team: str, item: str) -> None:
        """Refuse to write below an item that takes nothing any more. Raises `Frozen` and `Gone`."""
        query = select(_i.committed_at_us, _i.removed_at_us).where(_i.id == item, _i.team_id == team)
        async with self.database.engine.connect() as db:
            row = (await db.execute(query)).first()
        if row is None or row.removed_at_us is not None:
            raise Gone(what="item", name=item, remedy="It was never made, or removed")
        if row.committed_at_us is not None:
            problem = f"The item '{item}' is committed: nothing below it changes any more"
            raise Frozen(problem=problem, remedy="Make a new item for what is to be written")

    async def _refuse_closed(self, team: str, item: str, counts: Sequence[int]) -> None:
        if not counts[0]:
            await self.check_open(team, item)
            raise Gone(what="item", name=item, remedy="It was changed meanwhile: try again")

    async def write_guarded(self, team: str, item: str, *steps: Step) -> Sequence[int]:
        """Commit steps below an item that is open; give their row counts. Raises `Frozen` and `Gone`."""
        counts = await self.database.ledger.commit(_guard(team, item), *steps)
        await self._refuse_closed(team, item, counts)
        return counts[1:]

    async def remove_blobs(self, names: Iterable[str]) -> None:
        """Remove blobs that no row names any more."""
        await self.blobs.remove(names)


class _Extents:
    """Adds up the objects below a prefix, in the order of their keys."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._digest = hashlib.sha256()
        self._objects = self._size_bytes = 0

    def add(self, stored: Stored) -> None:
        path = stored.key.removeprefix(self._prefix)
        if path != THUMBNAIL:
            self._digest.update(f"{path}\0{stored.digest}\n".encode())
        self._size_bytes += stored.size_bytes
        self._objects += 1

    def whole(self) -> Extent:
        return Extent(self._objects, self._size_bytes, self._digest.hexdigest())


def check_condition(only_if: Condition, stored: Stored | None) -> None:
    """Compare an object with what a writer expects to find. Raises `Unmet`, and `Gone` where there is none."""
    if only_if.is_new and stored is not None:
        raise _unmet(only_if)
    if only_if.etag is not None and stored is None:
        raise Gone(what="object", name="", remedy="There is nothing yet that If-Match could match")
    if only_if.etag is not None and stored is not None and stored.etag != only_if.etag:
        raise _unmet(only_if)


def guard_of(team: str, item: str) -> Step:
    """Give the step that keeps those after it from changing what is frozen."""
    return _guard(team, item)


def _guard(team: str, item: str) -> Step:
    return (s.WRITE, {"b_item": item, "b_team": team})


def _stored_as(key: Key, blob: Blob, content_type: str) -> Stored:
    return Stored(
        key=str(key),
        team=key.team,
        item=key.item,
        blob=blob.name,
        size_bytes=blob.size_bytes,
        digest=blob.digest,
        etag=etag_of(blob.digest),
        content_type=content_type,
        modified_at_us=now_us(),
    )


def _stored() -> Select[Any]:
    columns = (_o.key, _o.team_id, _o.item_id, _o.blob, _o.size_bytes, _o.digest, _o.etag, _o.content_type)
    query = select(*columns, _o.modified_at_us).join(d.item, _i.id == _o.item_id)
    return query.where(_i.removed_at_us.is_(None))


def _step(stored: Stored, old: Stored | None) -> Step:
    row = {
        "blob": stored.blob,
        "size_bytes": stored.size_bytes,
        "digest": stored.digest,
        "etag": stored.etag,
        "content_type": stored.content_type,
        "modified_at_us": stored.modified_at_us,
    }
    if old is not None:
        return (s.REPLACE, {**row, "b_key": stored.key, "b_blob": old.blob})
    return (s.PUT_NEW, {**row, "key": stored.key, "team_id": stored.team, "item_id": stored.item})


def _unmet(only_if: Condition) -> Unmet:
    if only_if.is_new:
        return Unmet(problem="There is an object of that key already", remedy="Leave If-None-Match out to replace it")
    return Unmet(problem=f"The object has another etag than {only_if.etag}", remedy="Read it anew")


@cache
def _head() -> Select[Any]:
    return _stored().where(_o.key == bindparam("b_key"))


def _above(keys: Sequence[Any], after: Sequence[Any]) -> Any:
    if len(keys) == 1:
        return keys[0] > after[0]
    first, second = keys
    return (first > after[0]) | ((first == after[0]) & (second > after[1]))
