"""The objects of one item as the classes of this package read and write them, however the store is reached.

`s3.py` goes through obstore; `pinned.py` through our own requests, for a hub whose certificate obstore can't be told to
believe. One contract test holds both to what is said here. Keys are relative to the item. All of it blocks and may be
used from several threads. The rule: an object is there as a whole or not at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from zarr.abc.store import Store

STEP_BYTES = 8 * 1024 * 1024
WHOLE = slice(None)

BytesLike: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """An object in a list."""

    key: str
    size_bytes: int


class Writer(Protocol):
    """Takes the bytes of a new object in order; it is there once `close` has come back, and not before."""

    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""

    def close(self) -> object:
        """Let the object be there."""


class Objects(ABC):
    """The objects of one item.

    Raises `NotFound` for a key that is not there, `NotPermitted` where the right has ended or the item is committed,
    `Conflict` for what else the store refuses, `StorageFull`, `HubUnavailable`, and `HubUntrusted` before a byte is
    said to whoever shows another certificate.
    """

    @abstractmethod
    def get(self, key: str, part: slice = WHOLE) -> bytes:
        """Fetch an object, or a part of it: what `data[part]` gives of its bytes, for slices without a step."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Give how many bytes an object has."""

    @abstractmethod
    def put(self, key: str, data: BytesLike) -> None:
        """Put an object, in one request; what was there before is replaced."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""

    @abstractmethod
    def list(self, folder: str = "") -> Iterator[Entry]:
        """List the objects below a folder (`a/b`, without a slash at its end), in the order of their keys' bytes."""

    @abstractmethod
    def steps(self, key: str) -> Iterator[bytes]:
        """Fetch an object from its beginning to its end, a few MiB at a time."""

    @abstractmethod
    def writer(self, key: str) -> Writer:
        """Begin to write an object whose size is not known yet; a large one goes in parts."""

    @abstractmethod
    def zarr(self) -> Store:
        """Give zarr's view of them."""
