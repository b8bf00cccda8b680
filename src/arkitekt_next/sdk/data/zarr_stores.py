"""Zarr's view of an item's objects, one class for each way to the store.

In both, an object is put as a whole: sent in parts, as obstore would do by itself from five MiB on, a shard would be
written and hashed twice by the hub.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any, Self, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ObjectStore

from arkitekt_next.errors import ArkitektError, InvalidValue, NotFound

from .objects import WHOLE, Entry, Objects
from .outages import explained

T = TypeVar("T")

TAILS_BYTES = 16 * 1024 * 1024
METADATA_BYTES = 16 * 1024 * 1024
METADATA = ("zarr.json", ".zarray", ".zattrs", ".zgroup")


class Tails:
    """The last bytes of objects that never change any more, of those read last.

    They say where the chunks of a shard lie: without them here, every chunk that is read takes two requests.
    """

    def __init__(self, limit_bytes: int = TAILS_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0

    def find(self, key: str, part: ByteRequest | None) -> bytes | None:
        """Give what is kept of an object's end, where that is what is asked for."""
        if not isinstance(part, SuffixByteRequest):
            return None
        return self._kept.get((key, part.suffix))

    def keep(self, key: str, part: ByteRequest | None, found: Buffer) -> None:
        """Keep an object's end, should that be it, in the place of the one that came longest ago."""
        if not isinstance(part, SuffixByteRequest) or (key, part.suffix) in self._kept:
            return
        data = self._kept[(key, part.suffix)] = found.to_bytes()
        self._bytes += len(data)
        while self._bytes > self._limit_bytes:
            self._bytes -= len(self._kept.popitem(last=False)[1])


class Sizes:
    """How large objects may be that are fetched whole: metadata, and the chunks or shards of arrays that were opened.

    Whoever stored them may have stored anything, and what is fetched lies in memory.
    """

    def __init__(self) -> None:
        self._of_arrays: dict[str, int] = {}

    def allow(self, path: str, size_bytes: int) -> None:
        """Say how many bytes a chunk or shard of the array at a path may have."""
        self._of_arrays[f"{path.strip('/')}/"] = size_bytes

    def part_of(self, key: str, asked: ByteRequest | None) -> ByteRequest | None:
        """Give what to ask for so that no more comes than there may be, and one byte."""
        limit = self._limit(key)
        if limit is None or asked is None:
            return asked if limit is None else RangeByteRequest(0, limit + 1)
        size = asked.end - asked.start if isinstance(asked, RangeByteRequest) else getattr(asked, "suffix", 0)
        if size > limit:
            raise InvalidValue(
                where=key, expected=f"parts of at most {limit} bytes", got=f"{size}. It was stored wrong"
            )
        return asked

    def check(self, key: str, asked: ByteRequest | None, found: Buffer) -> Buffer:
        """Give an object that is no larger than it may be. Raises `InvalidValue`."""
        limit = self._limit(key) if asked is None else None
        if limit is not None and len(found) > limit:
            raise InvalidValue(where=key, expected=f"at most {limit} bytes", got="more. It was stored wrong")
        return found

    def _limit(self, key: str) -> int | None:
        if key.endswith(METADATA):
            return METADATA_BYTES
        return next((limit for path, limit in self._of_arrays.items() if key.startswith(path)), None)


class WholeObjects(ObjectStore[S3Store]):
    """An object store that never sends an object in parts, and says in our terms what went wrong.

    `tails` is for objects that never change any more.
    """

    def __init__(
        self, store: S3Store, *, read_only: bool = False, tails: Tails | None = None, sizes: Sizes | None = None
    ) -> None:
        super().__init__(store, read_only=read_only)
        self.tails = tails
        self.sizes = sizes or Sizes()

    def with_read_only(self, read_only: bool = False) -> Self:
        """Give another view of the same objects."""
        return type(self)(self.store, read_only=read_only, tails=self.tails, sizes=self.sizes)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Fetch an object or a part of it; None where there is none."""
        known = self.tails.find(key, byte_range) if self.tails is not None else None
        if known is not None:
            return prototype.buffer.from_bytes(known)
        try:
            found = await super().get(key, prototype, self.sizes.part_of(key, byte_range))
        except BaseError as failed:
            raise await asyncio.to_thread(explained, failed, self.store, key) from failed
        if self.tails is not None and found is not None:
            self.tails.keep(key, byte_range, found)
        return None if found is None else self.sizes.check(key, byte_range, found)

    async def set(self, key: str, value: Buffer) -> None:
        """Put one object."""
        self._check_writable()
        try:
            await obstore.put_async(self.store, key, value.as_buffer_like(), use_multipart=False)
        except BaseError as failed:
            raise await asyncio.to_thread(explained, failed, self.store, key) from failed


class ThreadedObjects(Store):
    """A store over objects that block: as many at once as there are threads."""

    supports_writes = True
    supports_deletes = True
    supports_listing = True

    def __init__(
        self,
        objects: Objects,
        threads: Executor,
        *,
        read_only: bool = False,
        tails: Tails | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        super().__init__(read_only=read_only)
        self._objects = objects
        self._threads = threads
        self._tails = tails
        self.sizes = sizes or Sizes()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ThreadedObjects):
            return False
        return other._objects is self._objects and other.read_only == self.read_only

    __hash__ = None  # type: ignore[assignment]  # as the other stores of zarr

    def __getstate__(self) -> object:
        raise TypeError("what a grant opens stays in its process: pass the item's id, and open it there")

    def __str__(self) -> str:
        return str(self._objects)

    def __repr__(self) -> str:
        return f"ThreadedObjects('{self}')"

    def with_read_only(self, read_only: bool = False) -> ThreadedObjects:
        """Give another view of the same objects."""
        return ThreadedObjects(self._objects, self._threads, read_only=read_only, tails=self._tails, sizes=self.sizes)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Fetch an object or a part of it; None where there is none."""
        known = self._tails.find(key, byte_range) if self._tails is not None else None
        if known is not None:
            return prototype.buffer.from_bytes(known)
        try:
            part = _part_of(self.sizes.part_of(key, byte_range))
            found = prototype.buffer.from_bytes(await self._run(self._objects.get, key, part))
        except NotFound:
            return None
        if self._tails is not None:
            self._tails.keep(key, byte_range, found)
        return self.sizes.check(key, byte_range, found)

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Fetch parts of objects, at once."""
        return list(await asyncio.gather(*(self.get(key, prototype, part) for key, part in key_ranges)))

    async def get_ranges(
        self, key: str, byte_ranges: Sequence[ByteRequest | None], **how: Any
    ) -> AsyncIterator[Sequence[tuple[int, Buffer | None]]]:
        """Fetch parts of one object, neighbours together, as zarr does from 3.2 on; our errors come out ungrouped."""
        base: Any = Store
        try:
            async for group in base.get_ranges(self, key, byte_ranges, **how):
                yield group
        except BaseExceptionGroup as failed:
            ours = failed.subgroup(ArkitektError)
            if ours is None:
                raise
            raise _first(ours) from failed

    async def exists(self, key: str) -> bool:
        """Tell whether there is such an object."""
        try:
            await self._run(self._objects.size, key)
        except NotFound:
            return False
        return True

    async def getsize(self, key: str) -> int:
        """Give how many bytes an object has. Raises `FileNotFoundError`, as zarr wants it."""
        try:
            return await self._run(self._objects.size, key)
        except NotFound as missing:
            raise FileNotFoundError(key) from missing

    async def getsize_prefix(self, prefix: str) -> int:
        """Give how many bytes the objects below a folder have."""
        return sum(entry.size_bytes for entry in await self._list(prefix))

    async def set(self, key: str, value: Buffer) -> None:
        """Put one object."""
        self._check_writable()
        await self._run(self._objects.put, key, memoryview(value.as_buffer_like()).cast("B"))

    async def delete(self, key: str) -> None:
        """Remove one object, if it is there."""
        self._check_writable()
        await self._run(self._objects.delete, key)

    async def list(self) -> AsyncIterator[str]:
        """Give all keys."""
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Give the keys that begin with this text."""
        for entry in await self._list(prefix.rpartition("/")[0]):
            if entry.key.startswith(prefix):
                yield entry.key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Give the names in a folder."""
        folder = prefix.rstrip("/")
        start = len(folder) + 1 if folder else 0
        for name in dict.fromkeys(entry.key[start:].partition("/")[0] for entry in await self._list(folder)):
            yield name

    async def _list(self, folder: str) -> Sequence[Entry]:
        return await self._run(lambda: tuple(self._objects.list(folder.rstrip("/"))))

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)


def _part_of(asked: ByteRequest | None) -> slice:
    match asked:
        case None:
            return WHOLE
        case RangeByteRequest(start, end):
            return slice(start, end)
        case OffsetByteRequest(offset):
            return slice(offset, None)
        case SuffixByteRequest(suffix):
            return slice(-suffix, None)
    raise ValueError(f"Unexpected byte_range, got {asked}")


def _first(failed: BaseExceptionGroup[ArkitektError]) -> ArkitektError:
    one = failed.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one
