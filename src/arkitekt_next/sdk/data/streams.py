"""An object of an item as the standard library reads and writes files: only what is asked for travels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from .objects import STEP_BYTES, Objects, Writer

_AHEAD_BYTES = 1024 * 1024


class _Source(io.RawIOBase):
    """Reads an object; it can be read from anywhere in it."""

    def __init__(self, objects: Objects, key: str) -> None:
        self._objects = objects
        self._key = key
        self._size = objects.size(key)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._next(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        steps = range(self._position, self._size, STEP_BYTES)
        return b"".join(self._next(STEP_BYTES) for _ in steps)

    def _next(self, size: int) -> bytes:
        stop = min(self._position + size, self._size)
        if self._position >= stop:
            return b""
        data = self._objects.get(self._key, slice(self._position, stop))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"expected a position from the beginning of the file on, got {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position


class _Sink(io.RawIOBase):
    """Writes an object, in parts as they fill up."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
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


def open_object(objects: Objects, key: str) -> IO[bytes]:
    """Open an object for reading."""
    return cast("IO[bytes]", io.BufferedReader(_Source(objects, key), buffer_size=_AHEAD_BYTES))


@contextmanager
def new_object(objects: Objects, key: str) -> Iterator[IO[bytes]]:
    """Write an object; it is there once the block has ended without an error."""
    writer = objects.writer(key)
    yield cast("IO[bytes]", _Sink(writer))
    writer.close()
