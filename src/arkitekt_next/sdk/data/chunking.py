"""How arrays are cut: chunks that are read one by one, shards that are written one by one.

- A chunk is what a reader has to fetch and unpack for a single pixel. About 2 MiB unpacks in about a millisecond and is
  large enough that a request is not all overhead; in y and x it is a multiple of 256, the tile of viewers.
- A shard is one object of the store. About 64 MiB keeps a terabyte below 20,000 objects, and what has to be sent again
  after a broken connection small.
- blosc with lz4 and byte shuffle: unpacks at several GB/s, so that the link stays the bottleneck, and halves typical
  16-bit camera images. zstd packs about a tenth better at a third of the speed.

The rule a reader must not break: **shards are slabs**. Behind the first axis that a shard does not cover completely, it
covers every axis completely, and before it exactly one chunk. So pixels that come in C order fill one shard after the
other, and a writer never holds more than one unfinished shard.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zarr.codecs import BloscCodec

CHUNK_BYTES = 2 * 2**20
SHARD_BYTES = 64 * 2**20
SMALL_PLANE_BYTES = 256 * 2**10
"""Planes of an image smaller than this share a chunk along z, up to this size."""
TILE = 256


@dataclass(frozen=True, slots=True)
class Layout:
    """The chunks and shards of one array; `shards` is None where a shard would hold a single chunk."""

    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None

    @property
    def unit(self) -> tuple[int, ...]:
        """The shape of one object of the store."""
        return self.shards if self.shards is not None else self.chunks


def compressor() -> BloscCodec:
    """Give the default compressor: blosc, lz4, level 5, byte shuffle."""
    return BloscCodec(cname="lz4", clevel=5, shuffle="shuffle")


def image_layout(
    shape: Sequence[int], itemsize: int, *, z_axis: int | None = None, shard_bytes: int = SHARD_BYTES
) -> Layout:
    """Cut an image whose last two axes are y and x.

    A chunk never spans channels or time: readers want one of them at a time. Along z it spans several planes only
    where a plane is smaller than 256 KiB.
    """
    chunks = [1] * len(shape)
    chunks[-2:] = _tile(shape[-2], shape[-1], itemsize, shard_bytes)
    plane_bytes = chunks[-2] * chunks[-1] * itemsize
    if z_axis is not None:
        fitting = max(1, min(SMALL_PLANE_BYTES, shard_bytes) // plane_bytes)
        chunks[z_axis] = _balanced(shape[z_axis], fitting) if _covers(shape, chunks) else 1
    return Layout(tuple(chunks), _slab(shape, chunks, itemsize, shard_bytes))


def array_layout(shape: Sequence[int], itemsize: int, *, shard_bytes: int = SHARD_BYTES) -> Layout:
    """Cut any array: the last two axes as an image, and small planes together until a chunk has about 2 MiB."""
    if not shape:
        return Layout((), None)
    if len(shape) == 1:
        chunks = [_tile(1, shape[0], itemsize, shard_bytes)[1]]
        return Layout(tuple(chunks), _slab(shape, chunks, itemsize, shard_bytes))
    chunks = [1] * len(shape)
    chunks[-2:] = _tile(shape[-2], shape[-1], itemsize, shard_bytes)
    size = chunks[-2] * chunks[-1] * itemsize
    for axis in range(len(shape) - 3, -1, -1) if _covers(shape, chunks) else ():
        chunks[axis] = _balanced(shape[axis], max(1, min(CHUNK_BYTES, shard_bytes) // size))
        size *= chunks[axis]
        if chunks[axis] < shape[axis]:
            break
    return Layout(tuple(chunks), _slab(shape, chunks, itemsize, shard_bytes))


def _covers(shape: Sequence[int], chunks: Sequence[int]) -> bool:
    return chunks[-2] >= shape[-2] and chunks[-1] >= shape[-1]


def _tile(y: int, x: int, itemsize: int, shard_bytes: int) -> tuple[int, int]:
    """Give the height and width of a chunk such that a row of chunks fits into a shard (else shards were no slabs)."""
    pixels = max(1, min(CHUNK_BYTES, shard_bytes) // itemsize)
    side = max(TILE, math.isqrt(pixels) // TILE * TILE)
    width = _multiple(x, _wide(pixels, y) if y < side else side)
    height = _multiple(y, _wide(pixels, x) if x < side else side)
    while height > 2 and height * _ceil(x, width) * width * itemsize > shard_bytes:
        height = max(2, height // 2 & ~1)
        width = _multiple(x, _wide(pixels, height))
    return height, width


def _wide(pixels: int, other: int) -> int:
    """Give the longer side of a chunk whose other side is short."""
    return max(TILE, pixels // max(1, other) // TILE * TILE)


def _multiple(size: int, most: int) -> int:
    """Cut `size` into equal parts of at most about `most`, each a multiple of 256; what fits is not cut."""
    if size <= most:
        return max(1, size)
    return _ceil(_ceil(size, _ceil(size, most)), TILE) * TILE


def _slab(shape: Sequence[int], chunks: Sequence[int], itemsize: int, shard_bytes: int) -> tuple[int, ...] | None:
    shards = list(chunks)
    size = math.prod(chunks) * itemsize
    for axis in range(len(shape) - 1, -1, -1):
        count = max(1, _ceil(shape[axis], chunks[axis]))
        fitting = _balanced(count, max(1, shard_bytes // size))
        shards[axis] *= fitting
        size *= fitting
        if fitting < count:
            break
    return tuple(shards) if list(chunks) != shards else None


def _balanced(count: int, most: int) -> int:
    """Give how many of `count` go together, at most `most`, so that all groups are about equally large."""
    return max(1, _ceil(count, _ceil(count, most))) if count else 1


def _ceil(size: int, by: int) -> int:
    return -(-size // by)
