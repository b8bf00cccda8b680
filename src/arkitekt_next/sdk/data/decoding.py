"""Codecs that give no more than a chunk can hold, whatever the bytes they read say of themselves.

A thousand bytes can be made to decode to gigabytes. The shape of a chunk says how many it has, so more than that is
refused before, or as, it is decoded. The classes stand in for zarr's own while our arrays are opened, and nowhere else.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer
from zarr.registry import register_codec

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


_BOUNDED: dict[str, Any] = {"blosc": BoundedBlosc, "gzip": BoundedGzip, "zstd": BoundedZstd}
for _key, _class in _BOUNDED.items():
    register_codec(_key, _class)


@contextmanager
def bounded() -> Iterator[None]:
    """Let the arrays that are opened meanwhile decode within bounds, for as long as they are used."""
    names = {f"codecs.{key}": f"{cls.__module__}.{cls.__qualname__}" for key, cls in _BOUNDED.items()}
    with zarr.config.set(names):
        yield


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
