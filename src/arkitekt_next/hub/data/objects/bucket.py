"""Blobs as objects in a bucket of an S3 server of others' making, reached through the hub alone.

Its keys never leave the hub: clients talk to the gateway, here as over a folder, and everything that keeps one from the
data of others holds as it does there. Bodies are passed on in parts of 8 MiB, without ever lying here as a whole. Where
the bucket is, and what its server says, is for the log and for whoever starts the hub: clients are not told.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import ArkitektError, Conflict, HubBusy, StorageFull
from arkitekt_next.hub.core.telemetry import log

from .blobs import Blob, Blobs, name_of, path_of, place_of, refuse_changed, turn
from .contract import OBJECT_LIMIT_BYTES, Gone, Mismatch

if TYPE_CHECKING:
    from obstore.store import S3Config
    from pydantic import SecretStr

WRITERS = 8
READERS = 24
CLOSE_WITHIN_S = 10.0
LOOK_EVERY_S = 10.0
LOOK_WITHIN_S = 3.0
PART_BYTES = 8 * 1024 * 1024
STEP_BYTES = 2 * 1024 * 1024
CLAIM = "arkitekt-hub.txt"
"""The object that says whose the place is."""
_OWNER_CHARS = 36
_LISTED_AT_ONCE = 1000
_CALLED = "the place where the data lies"
_FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "EntityTooLarge")
"""What servers call it when they have no room left; Amazon has no word for it."""
_REFUSED = ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "NoSuchBucket")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Which bucket, of which server, and the keys to it. `prefix` is what all names in it begin with, or empty."""

    name: str
    prefix: str
    endpoint: str | None
    region: str
    key_id: str
    secret_key: SecretStr

    @property
    def place(self) -> str:
        """What the bucket is called: the same bucket has the same place, whoever's keys open it."""
        below = f"/{self.prefix}" if self.prefix else ""
        return f"s3://{self.name}{below}" + (f" at {self.endpoint}" if self.endpoint else f" in {self.region}")


class Unreachable(HubBusy):
    """The bucket can't be used just now; `why` is not for clients, and travels nowhere."""

    def __init__(self, why: str) -> None:
        super().__init__(reason=f"{_CALLED} can't be reached", retry_after_s=5)
        self.why = why


class BucketBlobs(Blobs):
    """The blobs of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__(bucket.place, called=_CALLED, writers=WRITERS, readers=READERS)
        self._bucket = bucket
        self._store = _connect(bucket)
        self._owner = ""
        self._removals: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[str | None] | None = None
        self._looked_at = -LOOK_EVERY_S

    async def open(self, owner: str) -> None:
        """Write something, read and remove it, as long as nobody waits for it; and claim the place, or find it claimed.

        What others have in the place would be taken for rubbish.
        """
        import obstore

        name, text = self.new_name(), b"the hub can write here"
        try:
            with self._told(name):
                await obstore.put_async(self._store, path_of(name), text)
                same = bytes(await obstore.get_range_async(self._store, path_of(name), start=0, end=len(text))) == text
                await obstore.delete_async(self._store, [path_of(name)])
        except ArkitektError as failed:
            raise self._unusable(_reason_of(failed)) from failed
        finally:
            self.in_flight.discard(name)
        if not same:
            raise self._unusable("what was written reads back differently")
        self._owner = owner
        found = await self._claimed(owner)
        if found != owner:
            raise Conflict(
                problem=f"Another hub, {found[:40]}, keeps its data in {self.place}",
                remedy="Give each its own bucket, or its own folder in one: data_bucket=name/folder. If that hub is "
                f"gone for good with its database, remove {CLAIM} there",
            )

    async def _claimed(self, owner: str) -> str:
        """Give whose the place is, having claimed it where it was nobody's."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with suppress(Gone), self._told(CLAIM):
            return bytes(await obstore.get_range_async(self._store, CLAIM, start=0, end=_OWNER_CHARS)).decode("latin-1")
        try:
            with self._told(CLAIM):
                await obstore.put_async(self._store, CLAIM, owner.encode(), mode="create", use_multipart=False)
        except AlreadyExistsError:
            return await self._claimed(owner)
        except ArkitektError:  # a server that knows no conditions
            with self._told(CLAIM):
                await obstore.put_async(self._store, CLAIM, owner.encode(), use_multipart=False)
        return owner

    async def trouble(self) -> str | None:
        """Look at the claim, every ten seconds at most: whoever asks meanwhile gets the same answer."""
        is_old = time.monotonic() - self._looked_at > LOOK_EVERY_S
        if self._looking is None or (is_old and self._looking.done()):
            self._looked_at = time.monotonic()
            self._looking = asyncio.create_task(self._look())
        try:
            return await asyncio.wait_for(asyncio.shield(self._looking), LOOK_WITHIN_S)
        except TimeoutError:
            return f"{_CALLED} does not answer"
        except asyncio.CancelledError:
            if self._looking.cancelled():
                return f"{_CALLED} is not looked at any more: the hub closes"
            raise

    async def _look(self) -> str | None:
        import obstore

        try:
            with self._told(CLAIM):
                await obstore.head_async(self._store, CLAIM)
        except Gone:
            return f"{_CALLED} is not the hub's any more"
        except Unreachable:
            return f"{_CALLED} can't be reached"
        except ArkitektError as failed:
            return failed.message
        return None

    async def close(self) -> None:
        """Wait a while for what is being removed: parts that were begun would lie at the server for ever else."""
        if self._looking is not None:
            self._looking.cancel()
        if self._removals:
            await asyncio.wait(self._removals, timeout=CLOSE_WITHIN_S)

    def _unusable(self, reason: str) -> Conflict:
        return Conflict(
            problem=f"The hub can't keep data in {self.place}: {reason}",
            remedy="Check data_bucket, data_endpoint, data_region, data_key_id and data_secret_key; the key has to be "
            "allowed to put, get, delete and list there",
        )

    async def write(self, body: AsyncIterator[bytes], *, digest: str | None = None) -> Blob:
        """Write an object."""
        place = await place_of(self._writers)
        sending = _Sending(self._store, self.new_name())
        try:
            blob = await self._send(sending, body)
            refuse_changed(blob, digest)
        except BaseException:
            self._discard(sending)  # which gives the place back: what is not sent yet lies in memory until then
            raise
        place.release()
        return blob

    async def join(self, names: Sequence[str]) -> Blob:
        """Write an object of the bytes of others, which pass through the hub."""

        async def all_of_them() -> AsyncGenerator[bytes, None]:
            for name in names:
                with self._told(name):
                    size = await self._size_of(name)
                async with aclosing(self._steps(name, 0, size)) as steps:
                    async for data in steps:
                        yield data

        async with aclosing(all_of_them()) as body:
            return await self.write(body)

    async def _send(self, sending: _Sending, body: AsyncIterator[bytes]) -> Blob:
        digest, size = hashlib.sha256(), 0
        waiting = bytearray()
        async for data in body:
            size += len(data)
            if size > OBJECT_LIMIT_BYTES:
                problem = f"expected at most {OBJECT_LIMIT_BYTES} bytes, got more. Write it as several objects"
                raise Mismatch(where="body", problem=problem, reason="size")
            waiting += data
            if len(waiting) >= PART_BYTES:
                part, waiting = bytes(waiting), bytearray()
                await asyncio.to_thread(digest.update, part)
                with self._told(sending.name):
                    await sending.put(part)
        part = bytes(waiting)
        await asyncio.to_thread(digest.update, part)
        with self._told(sending.name):
            await sending.end(part)
        return Blob(sending.name, size, digest.hexdigest())

    def _discard(self, sending: _Sending) -> None:
        """Remove what was not finished, behind the back of who waits."""

        async def drop() -> None:
            try:
                await sending.give_up()
                await self.remove([sending.name])
            finally:
                self._writers.release()

        task = asyncio.ensure_future(drop())
        self._removals.add(task)
        task.add_done_callback(self._removals.discard)

    async def remove(self, names: Iterable[str]) -> int:
        """Remove objects; what can't be removed now is left to the sweep."""
        import obstore

        names = list(names)
        count = 0
        for start in range(0, len(names), _LISTED_AT_ONCE):
            page = names[start : start + _LISTED_AT_ONCE]
            try:
                with self._told(page[0]):
                    await obstore.delete_async(self._store, [path_of(name) for name in page])
                count += len(page)
            except Gone:
                count += len(page)
            except ArkitektError as failed:
                log.warning("blobs were not removed", place=self.place, count=len(page), reason=_reason_of(failed))
        self.in_flight.difference_update(names)
        return count

    async def read(self, name: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """Give a range of an object in steps, fetching the next one while the last is being sent."""
        async with turn(self._readers), aclosing(self._steps(name, start, stop)) as steps:
            async for data in steps:
                yield data

    async def _steps(self, name: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        starts = range(start, stop, STEP_BYTES)
        following: asyncio.Task[bytes] | None = None
        try:
            for index, at in enumerate(starts):
                step = following or asyncio.ensure_future(self._fetch(name, at, min(at + STEP_BYTES, stop)))
                following = None
                if index + 1 < len(starts):
                    after = starts[index + 1]
                    following = asyncio.ensure_future(self._fetch(name, after, min(after + STEP_BYTES, stop)))
                yield await step
        finally:
            if following is not None:
                following.cancel()

    async def _fetch(self, name: str, start: int, stop: int) -> bytes:
        import obstore

        with self._told(name):
            data = bytes(await obstore.get_range_async(self._store, path_of(name), start=start, end=stop))
        if len(data) != stop - start:
            raise Gone(what="object", name=name, remedy=f"The server gave {len(data)} bytes of it, not {stop - start}")
        return data

    async def _size_of(self, name: str) -> int:
        import obstore

        return int((await obstore.head_async(self._store, path_of(name)))["size"])

    async def sync(self, names: Sequence[str]) -> None:
        """Do nothing: an S3 server has what it acknowledged."""

    async def list_old(self, *, older_than_s: float, at_most: int) -> AsyncIterator[set[str]]:
        """Give the names of objects that are old by the server's clock; never of what is not ours."""
        import obstore

        if await self._claimed(self._owner) != self._owner:
            log.error("another hub has claimed the bucket: nothing is removed", place=self.place)
            return
        before = time.time() - older_than_s
        batch: set[str] = set()
        with self._told(""):
            async for page in obstore.list(self._store, chunk_size=_LISTED_AT_ONCE):
                for found in page:
                    name = name_of(found["path"])
                    if name is not None and found["last_modified"].timestamp() <= before:
                        batch.add(name)
                if len(batch) >= at_most:
                    yield batch - self.in_flight
                    batch = set()
        if batch:
            yield batch - self.in_flight

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Say in our words what the server, or the way to it, had against something."""
        from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError

        try:
            yield
        except (ArkitektError, AlreadyExistsError):
            raise
        except (NotFoundError, FileNotFoundError) as missing:
            if "NoSuchBucket" in str(missing):
                raise self._trouble("there is no such bucket") from missing
            raise Gone(what="object", name=name, remedy="Somebody has just removed it") from missing
        except (BaseError, OSError) as failed:
            said = str(failed)
            full = next((word for word in _FULL if word in said), None)
            if full is not None:
                raise self._full(f"the server answers {full}") from failed
            refused = next((word for word in _REFUSED if word in said), None)
            raise self._trouble(f"the server answers {refused}" if refused else _short(said)) from failed

    def _full(self, reason: str) -> StorageFull:
        log.error("the bucket is full", place=self.place, reason=reason)
        text = f"There is no room left in {_CALLED}: {reason}. The hub goes on by itself once there is"
        return StorageFull(text, reason=reason, folder=_CALLED)

    def _trouble(self, reason: str) -> Unreachable:
        log.error("the bucket can't be reached", place=self.place, reason=reason)
        return Unreachable(reason)


def _reason_of(failed: ArkitektError) -> str:
    return f"it can't be reached ({failed.why})" if isinstance(failed, Unreachable) else failed.message


class _Sending:
    """An object on its way to the server: in one request, or in parts once there is more than one.

    A step that has begun is never cancelled, since what it leaves behind could not be ended any more.
    """

    def __init__(self, store: Any, name: str) -> None:
        self.name = name
        self._store = store
        self._writer: Any = None
        self._step: asyncio.Future[Any] | None = None

    async def put(self, part: bytes) -> None:
        """Send a part, and wait until the server has it."""
        import obstore

        if self._writer is None:
            path = path_of(self.name)
            self._writer = obstore.open_writer_async(self._store, path, buffer_size=PART_BYTES, max_concurrency=1)
        await self._do(self._writer.write(part))

    async def end(self, part: bytes) -> None:
        """Send the last part, which may be all there is, and let the object be there."""
        import obstore

        if self._writer is None:
            await self._do(obstore.put_async(self._store, path_of(self.name), part, use_multipart=False))
            return
        if part:
            await self.put(part)
        await self._do(self._writer.close())

    async def give_up(self) -> None:
        """Finish what was begun, so that it can be removed: its parts would lie there for ever else."""
        with suppress(Exception):
            if self._step is not None:
                await self._step
        with suppress(Exception):
            if self._writer is not None:
                await self._writer.close()

    async def _do(self, work: Awaitable[Any]) -> None:
        self._step = asyncio.ensure_future(work)
        await asyncio.shield(self._step)


def _short(text: str) -> str:
    """Give the first line of what went wrong, without what a server may have quoted of the request."""
    return " ".join(text.partition("\n")[0].split())[:200]


def _connect(bucket: Bucket) -> Any:
    from datetime import timedelta

    try:
        from obstore.store import S3Store
    except ImportError as missing:
        raise Conflict(
            problem="data_bucket needs the package obstore, which is not installed",
            remedy="Install the extra 'data' of arkitekt-next beside the hub",
        ) from missing
    config: S3Config = {
        "region": bucket.region,
        "access_key_id": bucket.key_id,
        "secret_access_key": bucket.secret_key.get_secret_value(),
        "virtual_hosted_style_request": bucket.endpoint is None,
    }
    if bucket.endpoint is not None:
        config["endpoint"] = bucket.endpoint
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config=config,
        client_options={
            "allow_http": bool(bucket.endpoint and bucket.endpoint.startswith("http://")),
            "connect_timeout": "5s",
            "timeout": "120s",
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=15)},
    )
