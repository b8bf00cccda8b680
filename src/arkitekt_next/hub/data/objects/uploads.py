"""Objects that come in parts: each part is a blob with a row; completing makes one blob of them.

The rule: what changes which parts an upload has takes turns, so whoever drops or replaces parts has seen all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from sqlalchemy import select

from arkitekt_next.data.keys import Key, parse
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import data_tables as d

from . import statements as s
from .contract import (
    ALWAYS,
    OBJECT_LIMIT_BYTES,
    PARTS_LIMIT,
    Condition,
    Gone,
    Mismatch,
    Part,
    Stored,
    Upload,
    Uploads,
)
from .store import check_condition, guard_of

if TYPE_CHECKING:
    from .store import HubObjects

_ID_LIMIT = 64
_u, _p = d.upload.c, d.upload_part.c


class HubUploads(Uploads):
    """Uploads into the hub's store."""

    def __init__(self, objects: HubObjects) -> None:
        self._objects = objects
        self._database = objects.database
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def _turn_of(self, upload: Upload) -> asyncio.Lock:
        """Give an upload's lock, which is there as long as somebody holds it or waits for it."""
        return self._locks.setdefault(upload.id, asyncio.Lock())

    async def begin(self, key: Key, *, content_type: str) -> Upload:
        """Begin an upload."""
        upload = Upload(new_id(), key, content_type)
        row = {
            "id": upload.id,
            "team_id": key.team,
            "item_id": key.item,
            "key": str(key),
            "content_type": content_type,
            "created_at_us": now_us(),
        }
        await self._objects.write_guarded(key.team, key.item, (s.BEGIN, row))
        return upload

    async def find(self, id: str) -> Upload | None:
        """Give an upload that goes on."""
        if not (id.isascii() and id.isprintable() and len(id) <= _ID_LIMIT):
            return None
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(_u.key, _u.content_type).where(_u.id == id))).first()
        return Upload(id, parse(row.key), row.content_type) if row is not None else None

    async def put_part(
        self, upload: Upload, number: int, body: AsyncIterator[bytes], *, digest: str | None = None
    ) -> Part:
        """Write a part, or write it anew."""
        if not 0 < number <= PARTS_LIMIT:
            problem = f"expected a number from 1 to {PARTS_LIMIT}, got {number}"
            raise Mismatch(where="partNumber", problem=problem, reason="part")
        key = upload.key
        await self._objects.check_open(key.team, key.item)
        blob = await self._objects.blobs.write(self._objects.quota.counted(body), digest=digest)
        part = Part(number, blob.name, blob.size_bytes, blob.digest, now_us())
        row = {
            "upload_id": upload.id,
            "number": number,
            "team_id": key.team,
            "blob": part.blob,
            "size_bytes": part.size_bytes,
            "digest": part.digest,
            "modified_at_us": part.modified_at_us,
        }
        async with self._objects.kept_if_written([blob]) as write, self._turn_of(upload):
            before = await self.parts(upload, after=number - 1, limit=1)
            counts = await write(guard_of(key.team, key.item), (s.GO_ON, {"b_upload": upload.id}), (s.PUT_PART, row))
            if not counts[0]:
                await self._objects.check_open(key.team, key.item)
            if not counts[2]:
                raise _ended(upload)
        await self._objects.remove_blobs(known.blob for known in before if known.number == number)
        return part

    async def parts(self, upload: Upload, *, after: int = 0, limit: int = 1000) -> Sequence[Part]:
        """List the parts that have come."""
        query = (
            select(_p.number, _p.blob, _p.size_bytes, _p.digest, _p.modified_at_us)
            .where(_p.upload_id == upload.id, _p.number > after)
            .order_by(_p.number)
            .limit(limit)
        )
        async with self._database.engine.connect() as db:
            return [Part(*row) for row in await db.execute(query)]

    async def complete(
        self, upload: Upload, wanted: Sequence[tuple[int, str]], *, only_if: Condition = ALWAYS
    ) -> Stored:
        """Make one object of parts, for which there has to be room beside them until they go."""
        key = upload.key
        await self._objects.check_open(key.team, key.item)
        async with self._turn_of(upload):
            if await self.find(upload.id) is None:
                raise _ended(upload)
            check_condition(only_if, await self._objects.head(str(key)))
            there = await self.parts(upload, limit=PARTS_LIMIT)
            chosen = _choose(wanted, {part.number: part for part in there})
            async with self._objects.quota.reserved(sum(part.size_bytes for part in chosen)):
                stored = await self._put_together(upload, chosen, only_if)
                await self._objects.remove_blobs(part.blob for part in there)
        return stored

    async def _put_together(self, upload: Upload, chosen: Sequence[Part], only_if: Condition) -> Stored:
        blob = await self._objects.blobs.join([part.blob for part in chosen])
        row = {"b_upload": upload.id}
        return await self._objects.show(
            upload.key,
            blob,
            content_type=upload.content_type,
            only_if=only_if,
            between=[(s.GO_ON, row)],
            after=[(s.DROP_PARTS, row), (s.DROP_UPLOAD, row)],
        )

    async def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts."""
        key, row = upload.key, {"b_upload": upload.id}
        async with self._turn_of(upload):
            there = await self.parts(upload, limit=PARTS_LIMIT)
            steps = [(s.GO_ON, row), *([(s.DROP_PARTS, row)] if there else []), (s.DROP_UPLOAD, row)]
            counts = await self._objects.write_guarded(key.team, key.item, *steps)
            if not counts[0]:
                raise _ended(upload)
        await self._objects.remove_blobs(part.blob for part in there)


def _choose(wanted: Sequence[tuple[int, str]], there: dict[int, Part]) -> list[Part]:
    numbers = [number for number, _ in wanted]
    if numbers != sorted(set(numbers)):
        problem = "expected parts in the order of their numbers, each once"
        raise Mismatch(where="CompleteMultipartUpload", problem=problem, reason="order")
    chosen = []
    for number, etag in wanted:
        part = there.get(number)
        if part is None or part.etag != etag:
            problem = f"expected a part {number} with the etag {etag[:80]}, which has not come: send it anew"
            raise Mismatch(where="CompleteMultipartUpload", problem=problem, reason="part")
        chosen.append(part)
    if not chosen:
        raise Mismatch(where="CompleteMultipartUpload", problem="expected at least one part", reason="part")
    if sum(part.size_bytes for part in chosen) > OBJECT_LIMIT_BYTES:
        problem = f"expected at most {OBJECT_LIMIT_BYTES} bytes in all. Write it as several objects"
        raise Mismatch(where="CompleteMultipartUpload", problem=problem, reason="size")
    return chosen


def _ended(upload: Upload) -> Gone:
    return Gone(what="upload", name=upload.id, remedy="It was completed or aborted: begin another")
