"""What a store of objects promises, whatever lies under it.

- Visibility: an object is there as a whole or not at all. A `put` shows the new object to every later `head`, `list`
  and `read` once it returns; until then, and when it fails, the old one stays. Readers that have begun go on with what
  they began with.
- Order: keys are listed in the order of their UTF-8 bytes.
- Freezing: below an item that is committed, or removed, nothing is put, deleted or completed any more; this is decided
  in the same transaction as the change. What lies below a removed item is not found.
- Durability: what was put may be lost with the power until `sync` has returned; after it never. A kill of the process
  loses nothing that was acknowledged.
- Limits: an object and a part are `OBJECT_LIMIT_BYTES` at most; memory is a few MiB for each that is being written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from arkitekt_next.data.keys import Key
from arkitekt_next.errors import Conflict, NotFound, RequestRefused
from arkitekt_next.storage.ledger import Step

OBJECT_LIMIT_BYTES = 5 * 1024**3
PARTS_LIMIT = 10_000


class Frozen(Conflict):
    """The item is committed: nothing below it changes any more."""


class Gone(NotFound):
    """The item, the upload or the object is not there, or not any more."""


class Unmet(Conflict):
    """The object is not as the writer's condition asked."""


class Mismatch(RequestRefused):
    """What came is not what was announced. `reason` is one of `digest`, `size`, `part` and `order`."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One object as it lies in the store; `digest` is the SHA-256 of its bytes, `blob` the store's own affair."""

    key: str
    team: str
    item: str
    blob: str
    size_bytes: int
    digest: str
    etag: str
    content_type: str
    modified_at_us: int


@dataclass(frozen=True, slots=True)
class Condition:
    """When to write: only where nothing is (`is_new`), or only over what has that etag."""

    is_new: bool = False
    etag: str | None = None


ALWAYS = Condition()
Write = Callable[..., Awaitable[Sequence[int]]]
"""Commits steps in one transaction, and gives their row counts."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What lies below an item: how many objects, how large, and one digest over all keys and digests in their order.

    A thumbnail is not in the digest: equal images have equal ones, whatever drew their pictures.
    """

    objects: int
    size_bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Written:
    """All objects of a new item: on the disk for good, and named by nothing until `steps` are committed by `write`."""

    extent: Extent
    steps: Sequence[Step]
    write: Write


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that is being sent in parts."""

    id: str
    key: Key
    content_type: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part that has come."""

    number: int
    blob: str
    size_bytes: int
    digest: str
    modified_at_us: int

    @property
    def etag(self) -> str:
        """What a client names the part by when it completes the upload."""
        return etag_of(self.digest)


def etag_of(digest: str) -> str:
    """Give the etag of bytes by their SHA-256: with a dash in it, so that nobody takes it for their MD5."""
    return f"{digest[:32]}-1"


class Objects(ABC):
    """A store of objects."""

    @abstractmethod
    async def put(
        self,
        key: Key,
        body: AsyncIterator[bytes],
        *,
        content_type: str,
        digest: str | None = None,
        only_if: Condition = ALWAYS,
    ) -> Stored:
        """Write an object. What `body` raises when it ends keeps the object from being seen.

        Raises `Frozen`, `Gone` (no such item), `Unmet`, `Mismatch` (not the SHA-256 `digest`), `StorageFull`,
        `HubBusy`. A cancelled put is seen as a whole or not at all.
        """

    @abstractmethod
    def put_whole(
        self, team: str, item: str, contents: Mapping[str, bytes], *, content_type: str
    ) -> AbstractAsyncContextManager[Written]:
        """Write all objects of an item that is yet to be made, by their paths; the block commits them with its item.

        Nothing of them stays when the block fails. Raises `Mismatch` for what is too large, `StorageFull`, `HubBusy`.
        """

    @abstractmethod
    async def head(self, key: str) -> Stored | None:
        """Give what is known of an object."""

    @abstractmethod
    def read(self, stored: Stored, start: int, stop: int) -> AsyncIterator[bytes]:
        """Give the bytes from `start` up to `stop`, in steps of at most 1 MiB. Raises `Gone` before the first."""

    @abstractmethod
    async def list(self, prefix: str, *, after: str = "", limit: int = 1000) -> Sequence[Stored]:
        """List the objects whose keys begin with `prefix` and are above `after`, in order; `limit` at most."""

    @abstractmethod
    async def delete(self, team: str, item: str, keys: Sequence[str]) -> int:
        """Delete objects of one item; give how many were there. Raises `Frozen` and `Gone`."""

    @abstractmethod
    async def clear(self, team: str, item: str) -> int:
        """Delete all that lies below an item, uploads too, be it committed; give how many objects."""

    @abstractmethod
    async def sync(self, team: str, item: str) -> Extent:
        """Bring all objects of an item to the disk for good, and say what they are."""

    @abstractmethod
    async def sweep(self, *, older_than_s: float) -> int:
        """Remove what nothing names and has lain for so long; give how many files. Nothing in flight is touched."""


class Uploads(ABC):
    """Objects that are sent in parts, in any order and several at once. Parts are kept until completed or aborted."""

    @abstractmethod
    async def begin(self, key: Key, *, content_type: str) -> Upload:
        """Begin an upload. Raises `Frozen` and `Gone`."""

    @abstractmethod
    async def find(self, id: str) -> Upload | None:
        """Give an upload that is neither completed nor aborted."""

    @abstractmethod
    async def put_part(
        self, upload: Upload, number: int, body: AsyncIterator[bytes], *, digest: str | None = None
    ) -> Part:
        """Write a part, or write it anew. Raises as `Objects.put`, and `Gone` when the upload has ended."""

    @abstractmethod
    async def parts(self, upload: Upload, *, after: int = 0, limit: int = 1000) -> Sequence[Part]:
        """List the parts that have come, in their order."""

    @abstractmethod
    async def complete(
        self, upload: Upload, wanted: Sequence[tuple[int, str]], *, only_if: Condition = ALWAYS
    ) -> Stored:
        """Make the object of the parts that are named by number and etag. Raises `Mismatch` for another."""

    @abstractmethod
    async def abort(self, upload: Upload) -> None:
        """Drop an upload and its parts. Raises `Frozen` and `Gone`."""
