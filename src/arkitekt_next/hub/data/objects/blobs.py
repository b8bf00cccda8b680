"""The seam below the store: the bytes of objects, each blob under a fresh random name; what they mean is in rows.

`folder` keeps them as files, `bucket` as objects of an S3 server of others' making. The rule: a name that this process
has handed out stays `in flight` until the row that names it is on disk or the blob is gone, and nothing in flight is
swept.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from arkitekt_next.errors import HubBusy

from .contract import Mismatch

_PATIENCE_S = 20.0
_NAME = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{30})")


@dataclass(frozen=True, slots=True)
class Blob:
    """What was written as a whole."""

    name: str
    size_bytes: int
    digest: str


class Blobs(ABC):
    """The blobs of one place. At most `writers` are written and `readers` read at a time; more wait a while.

    `place` is for the log and for whoever keeps the hub; clients hear of it as `called`.
    """

    def __init__(self, place: str, *, called: str, writers: int, readers: int) -> None:
        self.place, self.called = place, called
        self.writers, self.readers = writers, readers
        self.in_flight: set[str] = set()
        self._writers = asyncio.Semaphore(writers)
        self._readers = asyncio.Semaphore(readers)

    async def open(self, owner: str) -> None:  # noqa: B027
        """Make sure that it can be used, and is the owner's alone. Raises `Conflict` with the reason.

        The owner is who has the rows: what these do not name is removed.
        """

    async def trouble(self) -> str | None:
        """Say why it can't be used just now; None when it can. Cheap, however often it is asked."""
        return None

    async def close(self) -> None:  # noqa: B027
        """Let go of what it holds."""

    @abstractmethod
    async def write(self, body: AsyncIterator[bytes], *, digest: str | None = None) -> Blob:
        """Write a blob; its name is in flight until `settle` or `remove`. When it fails, nothing of it stays.

        Raises `Mismatch` for another SHA-256 than `digest`, and for what is too large; `StorageFull`, `HubBusy`.
        """

    async def write_all(self, contents: Sequence[bytes]) -> list[Blob]:
        """Write small blobs, for good; otherwise as `write`. None stays when one fails."""
        works: list[asyncio.Task[Blob]] = []
        try:
            async with asyncio.TaskGroup() as group:
                works += [group.create_task(self.write(_once(data))) for data in contents]
            blobs = [work.result() for work in works]
            await self.sync([blob.name for blob in blobs])
        except BaseException as failed:
            names = [work.result().name for work in works if not work.cancelled() and work.exception() is None]
            await asyncio.shield(self.remove(names))
            raise (failed.exceptions[0] if isinstance(failed, BaseExceptionGroup) else failed) from None
        return blobs

    @abstractmethod
    async def join(self, names: Sequence[str]) -> Blob:
        """Write a blob of the bytes of others, one after the other; otherwise as `write`."""

    @abstractmethod
    async def remove(self, names: Iterable[str]) -> int:
        """Remove blobs that no row names any more; give how many there were."""

    @abstractmethod
    def read(self, name: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Give a range of a blob in steps. Raises `Gone`, `HubBusy`."""

    @abstractmethod
    async def sync(self, names: Sequence[str]) -> None:
        """Make sure that blobs outlast a loss of power."""

    @abstractmethod
    def list_old(self, *, older_than_s: float, at_most: int) -> AsyncIterator[set[str]]:
        """Give the names of blobs that nobody has written to for so long, in batches of about so many."""

    def settle(self, names: Iterable[str]) -> None:
        """Say that rows name the blobs now."""
        self.in_flight.difference_update(names)

    def new_name(self, shard: str | None = None) -> str:
        """Make a name that is in flight; those with the same two digits first lie together."""
        name = (shard or secrets.token_hex(1)) + secrets.token_hex(15)
        self.in_flight.add(name)
        return name


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def path_of(name: str) -> str:
    """Give where a blob lies, below its place: the same in a folder and in a bucket, so that one can be copied over."""
    return f"{name[:2]}/{name}"


def name_of(path: str) -> str | None:
    """Give the blob that lies at a path below its place; None for what is not ours."""
    found = _NAME.fullmatch(path)
    return found[2] if found is not None else None


def refuse_changed(blob: Blob, digest: str | None) -> None:
    """Compare what was written with what was announced. Raises `Mismatch`."""
    if digest is not None and blob.digest != digest:
        problem = f"expected bytes with the SHA-256 {digest}, got {blob.digest}: they were changed on their way"
        raise Mismatch(where="body", problem=problem, reason="digest")


@asynccontextmanager
async def turn(places: asyncio.Semaphore, *, whose: str = "") -> AsyncIterator[None]:
    """Take one of the places for as long as the block runs. Raises `HubBusy` when none gets free for long."""
    await place_of(places, whose=whose)
    try:
        yield
    finally:
        places.release()


async def place_of(places: asyncio.Semaphore, *, whose: str = "") -> asyncio.Semaphore:
    """Wait for one of the places, which whoever takes it gives back. Raises `HubBusy` when none gets free for long."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await places.acquire()
    except TimeoutError:
        raise HubBusy(reason=f"too many transfers{whose} at once", retry_after_s=2) from None
    return places
