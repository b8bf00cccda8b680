"""Codecs that give no more than a chunk can hold, whatever the bytes they read say of themselves.

A thousand bytes can be made to decode to gigabytes. The shape of a chunk says how many it has, so more than that is
refused before, or as, it is decoded. The classes stand in for zarr's own in arrays that are opened here, not elsewhere.
"""

from __future__ import annotations

import asyncio
import bz2
import gzip
import io
import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import zarr
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes
from zarr.codecs import BloscCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer

from arkitekt_next.errors import InvalidValue

_SLACK_BYTES = 64 * 1024
_BLOSC_HEADER_BYTES = 16
DTYPES = ("dtype", "astype", "encode_dtype", "decode_dtype")
"""What filters call the types of the numbers that they take and give."""


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
    else:
        _bind_old(opened.metadata)
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


class _BoundedOld(Codec):  # type: ignore[misc]  # numcodecs has no types
    """A codec of the old format, which decodes up to a limit."""

    def __init__(self, inner: Any, limit: int) -> None:
        self.codec_id = inner.codec_id
        self._inner, self._limit = inner, limit

    def encode(self, buf: Any) -> Any:
        """Encode as the codec itself."""
        return self._inner.encode(buf)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Decode, unless that is more than the limit. Raises `InvalidValue`."""
        data = ensure_bytes(buf)
        opened = _OPENERS.get(self.codec_id)
        if opened is not None:
            with opened(data) as source:
                found = source.read(self._limit + 1)
            if len(found) > self._limit:
                raise _too_much(f"{self._limit} bytes", f"more than {self._limit}")
            return found
        stated = _STATED.get(self.codec_id)
        if stated is not None:
            start, stop, least = stated
            size = int.from_bytes(data[start:stop], "little")
            if len(data) < least or size > self._limit:
                raise _too_much(f"{self._limit} bytes", f"{size} or more")
            if self.codec_id == "blosc":
                _check_blosc_packed(data[:_BLOSC_HEADER_BYTES], len(data))
        found = self._inner.decode(buf)
        size = memoryview(found).nbytes
        if size > self._limit:
            raise _too_much(f"{self._limit} bytes", str(size))
        return found

    def get_config(self) -> dict[str, Any]:
        """Give what the metadata says of the codec itself."""
        config: dict[str, Any] = self._inner.get_config()
        return config


def _open_zstd(data: bytes) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.BufferReader(data), "zstd")


def _open_zlib(data: bytes) -> Any:
    return _Inflated(zlib.decompressobj(), data)


class _Inflated:
    """Zlib without a header of gzip, which no module opens as a file."""

    def __init__(self, inflate: Any, data: bytes) -> None:
        self._inflate, self._data = inflate, data

    def __enter__(self) -> _Inflated:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, size: int) -> bytes:
        """Give at most so many bytes of what it is."""
        found: bytes = self._inflate.decompress(self._data, size)
        return found


_OPENERS: Mapping[str, Callable[[bytes], Any]] = {
    "zstd": _open_zstd,
    "zlib": _open_zlib,
    "gzip": lambda data: gzip.GzipFile(fileobj=io.BytesIO(data)),
    "bz2": lambda data: bz2.BZ2File(io.BytesIO(data)),
}
_STATED: Mapping[str, tuple[int, int, int]] = {"blosc": (4, 8, _BLOSC_HEADER_BYTES), "lz4": (0, 4, 4)}
"""Where codecs say how much they decode to, and take as much memory; and how long their header is."""


def _bind_old(metadata: Any) -> None:
    """Let the codecs of an array in the old format decode within bounds; a filter may widen the numbers it takes."""
    native = metadata.dtype.to_native_dtype() if hasattr(metadata.dtype, "to_native_dtype") else metadata.dtype
    widest = max([int(native.itemsize), *(_itemsize(one.get_config()) for one in metadata.filters or ())])
    limit = 2 * math.prod(metadata.chunks) * widest + _SLACK_BYTES
    if metadata.compressor is not None:
        object.__setattr__(metadata, "compressor", _BoundedOld(metadata.compressor, limit))
    if metadata.filters:
        object.__setattr__(metadata, "filters", tuple(_BoundedOld(one, limit) for one in metadata.filters))


def _itemsize(config: Mapping[str, Any]) -> int:
    """Give how wide the numbers are that a filter takes or gives; they are numbers, see `bounds.checked`."""
    import numpy as np

    return max((np.dtype(config[name]).itemsize for name in DTYPES if config.get(name)), default=0)


def _limit(spec: ArraySpec) -> int:
    """Give how many bytes a chunk may decode to: checksums, and one codec within another, add a little."""
    itemsize = int(spec.dtype.to_native_dtype().itemsize) if hasattr(spec.dtype, "to_native_dtype") else 16
    return 2 * math.prod(spec.shape) * itemsize + _SLACK_BYTES


def _check_blosc(data: Buffer, spec: ArraySpec) -> None:
    header = data[:_BLOSC_HEADER_BYTES].to_bytes()
    size = int.from_bytes(header[4:8], "little")
    if size > _limit(spec):
        raise _refused(spec, f"{size} or more")
    _check_blosc_packed(header, len(data))


def _check_blosc_packed(header: bytes, size_bytes: int) -> None:
    """Refuse a block that says it is longer than it is: blosc would read on, into whatever lies there."""
    stated = int.from_bytes(header[12:16], "little")
    if len(header) < _BLOSC_HEADER_BYTES or stated != size_bytes:
        raise _too_much(f"the {stated} bytes that its header tells of", str(size_bytes))


def _decoded(codec: str, data: Buffer, spec: ArraySpec) -> Buffer:
    import pyarrow as pa

    limit = _limit(spec)
    with pa.CompressedInputStream(pa.BufferReader(data.to_bytes()), codec) as source:
        found = source.read(limit + 1)
    if len(found) > limit:
        raise _refused(spec, f"more than {limit}")
    return spec.prototype.buffer.from_bytes(found)


def _refused(spec: ArraySpec, got: str) -> InvalidValue:
    return _too_much(f"what {'x'.join(map(str, spec.shape))} numbers take", got)


def _too_much(expected: str, got: str) -> InvalidValue:
    return InvalidValue(where="a stored chunk", expected=expected, got=f"{got} bytes. It was stored wrong")
