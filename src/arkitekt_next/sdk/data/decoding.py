"""Codecs that give no more than a chunk can hold, whatever the bytes they read say of themselves.

A thousand bytes can be made to decode to gigabytes. The shape of a chunk says how many it has, so more than that is
refused before, or as, it is decoded. The classes stand in for zarr's own in arrays that are opened here, not elsewhere.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Any

import zarr
from zarr.codecs import BloscCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer

from arkitekt_next.errors import InvalidValue

_SLACK_BYTES = 64 * 1024
_BLOSC_HEADER_BYTES = 16


class BoundedBlosc(BloscCodec):
    """Blosc, which says in its header how much it decodes to, and takes as much memory."""

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        _check_blosc(chunk_bytes, chunk_spec)
        return super()._decode_sync(chunk_bytes, chunk_spec)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        _check_blosc(chunk_bytes, chunk_spec)
        return await super()._decode_single(chunk_bytes, chunk_spec)


class BoundedGzip(GzipCodec):
    """Gzip, decoded up to the limit."""

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return _decoded("gzip", chunk_bytes, chunk_spec)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(_decoded, "gzip", chunk_bytes, chunk_spec)


class BoundedZstd(ZstdCodec):
    """Zstd, decoded up to the limit."""

    def _decode_sync(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return _decoded("zstd", chunk_bytes, chunk_spec)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(_decoded, "zstd", chunk_bytes, chunk_spec)


_BOUNDED: dict[type, type] = {BloscCodec: BoundedBlosc, GzipCodec: BoundedGzip, ZstdCodec: BoundedZstd}


def bounded(array: zarr.Array[Any]) -> zarr.Array[Any]:
    """Give an array that was just opened once more, as one that decodes within bounds, inside its shards as well."""
    opened = array.async_array
    if opened.metadata.zarr_format == 3:
        _bind(opened.metadata.codecs)
    made: Any = type(opened)
    return zarr.Array(made(metadata=opened.metadata, store_path=opened.store_path, config=opened.config))


def _bind(codecs: Iterable[Any]) -> None:
    """Let codecs be of the classes here. They are frozen, and of one array alone."""
    for codec in codecs:
        if isinstance(codec, ShardingCodec):
            _bind(codec.codecs)
            _bind(codec.index_codecs)
        elif type(codec) in _BOUNDED:
            object.__setattr__(codec, "__class__", _BOUNDED[type(codec)])


def _limit(spec: ArraySpec) -> int:
    """Give how many bytes a chunk may decode to: checksums, and one codec within another, add a little."""
    itemsize = int(spec.dtype.to_native_dtype().itemsize) if hasattr(spec.dtype, "to_native_dtype") else 16
    return 2 * math.prod(spec.shape) * itemsize + _SLACK_BYTES


def _check_blosc(data: Buffer, spec: ArraySpec) -> None:
    header = data[:_BLOSC_HEADER_BYTES].to_bytes()
    size = int.from_bytes(header[4:8], "little")
    if len(header) < _BLOSC_HEADER_BYTES or size > _limit(spec):
        raise _refused(spec, f"{size} or more")


def _decoded(codec: str, data: Buffer, spec: ArraySpec) -> Buffer:
    import pyarrow as pa

    limit = _limit(spec)
    with pa.CompressedInputStream(pa.BufferReader(data.to_bytes()), codec) as source:
        found = source.read(limit + 1)
    if len(found) > limit:
        raise _refused(spec, f"more than {limit}")
    return spec.prototype.buffer.from_bytes(found)


def _refused(spec: ArraySpec, got: str) -> InvalidValue:
    shape = "x".join(map(str, spec.shape))
    return InvalidValue(
        where="a stored chunk",
        expected=f"what {shape} numbers take",
        got=f"{got} bytes. It was stored wrong",
    )
