"""An object of an item as the standard library reads and writes files: only what is asked for travels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

import obstore

if TYPE_CHECKING:
    from obstore.store import S3Store

STEP_BYTES = 8 * 1024 * 1024


class _Source(io.RawIOBase):
    """Reads an object; it can be read from anywhere in it."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._reader: Any = obstore.open_reader(store, key)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = bytes(self._reader.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        return int(self._reader.tell())


class _Sink(io.RawIOBase):
    """Writes an object, in parts as they fill up."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._writer: Any = obstore.open_writer(store, key, buffer_size=STEP_BYTES)
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._writer.write(bytes(view))
        self._position += len(view)
        return len(view)

    def tell(self) -> int:
        return self._position

    def finish(self) -> None:
        """Let the object be there."""
        self._writer.close()


def open_object(store: S3Store, key: str) -> IO[bytes]:
    """Open an object for reading."""
    return cast("IO[bytes]", io.BufferedReader(_Source(store, key), buffer_size=1024 * 1024))


@contextmanager
def new_object(store: S3Store, key: str) -> Iterator[IO[bytes]]:
    """Write an object; it is there once the block has ended without an error."""
    sink = _Sink(store, key)
    yield cast("IO[bytes]", sink)
    sink.finish()
