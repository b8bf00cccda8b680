"""Writing arrays shard by shard, each once and whole, with bounded memory.

A `LevelWriter` collects blocks until a shard is complete, hands it to the `Writers` and passes it on, so that the next
level of a pyramid is made while the shard is still in memory. The rule: a shard is written exactly once. Writing a part
would make zarr read it back, unpack, change and pack it again.

What is held at most, in shards: two being written, each with copies of its chunks, their packed bytes and the
concatenation of those (8), one being filled (1), and what the smaller levels fill (less than 1): ten. Of blocks below
32 MiB glibc keeps many that were freed (M_MMAP_THRESHOLD in mallopt(3)), by measurement nearly as much again: twenty.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import zarr

MEMORY_BYTES = 640 * 2**20
"""What writing holds at most unless told otherwise, beside the caller's own arrays."""
SHARDS_HELD = 10
SMALL_SHARDS_HELD = 20
RETURNED_AT_ONCE_BYTES = 32 * 2**20
WRITERS = 2
"""While one shard is on its way the next one is packed; more writers hold more memory and gain little."""
SMALL_SHARDS = 8
"""Shards of smaller levels are at least an eighth of a full one: 8 MiB where those have 64."""

Region = tuple[slice, ...]
Then = Callable[[tuple[int, ...], npt.NDArray[Any]], None]


def shard_bytes_within(memory_bytes: int) -> int:
    """Give the size of shards with which writing stays within `memory_bytes`."""
    large = memory_bytes // SHARDS_HELD
    return large if large >= RETURNED_AT_ONCE_BYTES else max(1, memory_bytes // SMALL_SHARDS_HELD)


def level_shard_bytes(shard_bytes: int, level: int) -> int:
    """Give the size of shards of a level: what becomes of one full-size shard, but no less than an eighth of it."""
    return max(1, shard_bytes >> (2 * level), shard_bytes // SMALL_SHARDS)


class Writers:
    """A few threads that write shards; `write` waits while all are busy. The first failure is raised by the next call.

    Leaving the block waits for everything; leaving it by an exception gives up what was not begun.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="arkitekt-shards")
        self._free = threading.Semaphore(WRITERS)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            self._raise()

    def write(self, array: zarr.Array[Any], region: Region, block: npt.NDArray[Any]) -> None:
        """Write the block; it must not change any more."""
        self._free.acquire()
        try:
            self._raise()
            self._pool.submit(_write, array, region, block).add_done_callback(self._done)
        except BaseException:
            self._free.release()
            raise

    def _done(self, future: Future[None]) -> None:
        if not future.cancelled() and future.exception() is not None and self._failure is None:
            self._failure = future.exception()
        self._free.release()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure


def _write(array: zarr.Array[Any], region: Region, block: npt.NDArray[Any]) -> None:
    array[region] = block


class LevelWriter:
    """Takes the blocks of one array in any order (C order keeps least in memory) and writes its shards.

    `then` is given every complete shard, its start and its values.
    """

    def __init__(self, array: zarr.Array[Any], unit: Sequence[int], writers: Writers, then: Then | None = None) -> None:
        self._array = array
        self._unit = tuple(unit)
        self._writers = writers
        self._then = then
        self._open: dict[tuple[int, ...], tuple[npt.NDArray[Any], int]] = {}

    def put(self, start: tuple[int, ...], block: npt.NDArray[Any]) -> None:
        """Add a block. It is kept without a copy when it is a whole shard."""
        stop = tuple(s + n for s, n in zip(start, block.shape, strict=True))
        cells = [range(a // u, -(-b // u)) for a, b, u in zip(start, stop, self._unit, strict=True)]
        for cell in np.ndindex(*(len(r) for r in cells)):
            self._add(tuple(r[i] for r, i in zip(cells, cell, strict=True)), start, block)

    def _add(self, cell: tuple[int, ...], start: tuple[int, ...], block: npt.NDArray[Any]) -> None:
        low = tuple(c * u for c, u in zip(cell, self._unit, strict=True))
        high = tuple(min(a + u, n) for a, u, n in zip(low, self._unit, self._array.shape, strict=True))
        first = tuple(max(a, s) for a, s in zip(low, start, strict=True))
        last = tuple(min(b, s + n) for b, s, n in zip(high, start, block.shape, strict=True))
        part = block[tuple(slice(f - s, e - s) for f, e, s in zip(first, last, start, strict=True))]
        if (first, last) == (low, high):
            self._complete(low, high, part)
            return
        buffer, filled = self._open.pop(cell, (None, 0))
        if buffer is None:
            buffer = np.empty([b - a for a, b in zip(low, high, strict=True)], self._array.dtype)
        buffer[tuple(slice(f - a, e - a) for f, e, a in zip(first, last, low, strict=True))] = part
        if filled + part.size == buffer.size:
            self._complete(low, high, buffer)
        else:
            self._open[cell] = (buffer, filled + part.size)

    def _complete(self, low: tuple[int, ...], high: tuple[int, ...], block: npt.NDArray[Any]) -> None:
        self._writers.write(self._array, tuple(map(slice, low, high)), block)
        if self._then is not None:
            self._then(low, block)
