"""What may be read here: arrays of plain numbers, in codecs that run no code, and no more than fits into memory.

Whoever may store may store anything, and metadata of a few bytes can promise more than any machine holds. The rule: how
much memory reading takes is asked of the metadata before anything is read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from arkitekt_next.errors import InvalidMetadata, InvalidValue

from .decoding import DTYPES

CHUNK_LIMIT_BYTES = 256 * 1024**2
"""A chunk is decoded whole, however little of it is wanted, and several at once. Ours have 2 MiB."""
UNITS_LIMIT = 2**22
"""Of shards, or of chunks where there are none, every one takes room in the plan of what is read lazily."""
IN_SHARD_LIMIT = 2**16
"""Of chunks in a shard, every one takes room as soon as one is read. Ours have a few dozen."""
_NUMBERS = "biufc"
_PLAIN = frozenset({"bytes", "endian", "transpose", "crc32c", "crc32", "adler32", "fletcher32", "shuffle", "delta"})
_PLAIN |= {"bitround", "quantize", "fixedscaleoffset", "astype"}
_BOUNDED = frozenset({"sharding_indexed", "blosc", "gzip", "zstd"})
"""What unpacks no more than a chunk may hold: see `decoding.py`."""
_OF_FILES = frozenset({"blosc", "gzip", "zstd", "zlib", "lz4", "bz2", "packbits"})
"""What old files on this machine are packed with as well."""
_WIDENING = frozenset({"astype", "delta", "fixedscaleoffset", "quantize", "bitround", "packbits"})
"""What may give more bytes than it takes, without packing anything."""
_SLACK_BYTES = 16 * 1024**2
_RESERVE_BYTES = 64 * 1024**2


def checked(array: zarr.Array[Any], where: str) -> zarr.Array[Any]:
    """Give an array that was opened, if it can be read safely. Raises `InvalidMetadata`."""
    dtype = array.dtype
    if dtype.kind not in _NUMBERS:
        raise InvalidMetadata(where=where, problem=f"expected numbers, got {str(dtype)[:60]}. Open it with zarr")
    strange = sorted(set(_strange_in(array)))
    if strange:
        problem = f"expected codecs that are known to be safe, got {', '.join(strange)[:120]}. Open it with zarr"
        raise InvalidMetadata(where=where, problem=problem)
    unit = array.shards or array.chunks
    units = math.prod(-(-size // step) for size, step in zip(array.shape, unit, strict=True))
    inner = math.prod(unit) // max(1, math.prod(array.chunks))
    size = math.prod(array.chunks) * dtype.itemsize
    _refuse_widening(array, where)
    for what, got, most in (
        ("chunks of at most {} bytes", size, CHUNK_LIMIT_BYTES),
        ("at most {} chunks, or shards", units, UNITS_LIMIT),
        ("at most {} chunks in a shard", inner, IN_SHARD_LIMIT),
    ):
        if got > most:
            problem = f"expected {what.format(most)}, got {got}. Store it with others"
            raise InvalidMetadata(where=where, problem=problem)
    return array


def packed_limit(array: zarr.Array[Any]) -> int:
    """Give how many bytes a chunk, or a shard, of an array may take as it is stored: little more than its numbers."""
    unit = array.shards or array.chunks
    return 2 * math.prod(unit) * array.dtype.itemsize + _SLACK_BYTES


def refuse_too_large(size_bytes: int, shape: Sequence[int], *, what: str) -> None:
    """Refuse to read into memory what does not fit there. Raises `InvalidValue`."""
    free = available_bytes()
    if free is None or size_bytes <= max(free - _RESERVE_BYTES, _RESERVE_BYTES):
        return
    raise InvalidValue(
        where=what,
        expected=f"at most the {free / 1e9:.1f} GB of memory that are free here",
        got=f"{size_bytes / 1e9:.1f} GB (shape {'x'.join(map(str, shape))}). Take a part of it, `item[...]`, or read "
        "it lazily: `item.data`, or the hint xarray.DataArray or dask.array.Array",
    )


def available_bytes() -> int | None:
    """Give how much memory this process may still take, within its container if it has one; None where that is open."""
    found = [free for free in (_of_machine(), _of_container()) if free is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_container() -> int | None:
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):  # "max" is no number: there is no limit
            return max(0, int(Path(limit).read_text()) - int(Path(used).read_text()))
    return None


def _refuse_widening(array: zarr.Array[Any], where: str) -> None:
    """Refuse what unpacks far beyond its chunk step by step: several codecs that widen, types that are no numbers."""
    raw: dict[str, Any] = dict(array.metadata.to_dict())
    if raw.get("zarr_format") == 2:
        filters: Any = [one if isinstance(one, dict) else one.get_config() for one in raw.get("filters") or ()]
        steps = [(str(one.get("id")), one) for one in filters]
    else:
        steps = list(_steps_of(raw.get("codecs")))
    names = [name.removeprefix("numcodecs.") for name, _ in steps]
    if sum(name in _WIDENING for name in names) > 1:
        problem = f"expected one codec at most that widens its numbers, got {', '.join(names)[:120]}"
        raise InvalidMetadata(where=where, problem=f"{problem}. Open it with zarr")
    if names.count("sharding_indexed") > 1:
        raise InvalidMetadata(where=where, problem="expected no shards within shards, got some. Open it with zarr")
    for _, config in steps:
        for key in DTYPES:
            if config.get(key) and np.dtype(config[key]).kind not in _NUMBERS:
                raise InvalidMetadata(where=where, problem=f"expected codecs of numbers, got {str(config[key])[:60]}")


def _steps_of(codecs: Any) -> Iterable[tuple[str, Any]]:
    for codec in codecs or ():
        if isinstance(codec, str):
            yield codec, {}
            continue
        inner = codec.get("configuration") or {}
        yield str(codec.get("name")), inner
        yield from _steps_of(inner.get("codecs"))


def _strange_in(array: zarr.Array[Any]) -> Iterable[str]:
    """Name the codecs of an array, those inside its shards included, that are not known to be safe.

    `pickle`, which runs what it reads, is one of many.
    """
    raw = array.metadata.to_dict()
    if raw.get("zarr_format") == 2:
        filters: Any = raw.get("filters") or ()
        for codec in (*filters, raw.get("compressor")):
            name = codec.get("id") if isinstance(codec, dict) else getattr(codec, "codec_id", None)
            if codec is not None and name not in _PLAIN | _OF_FILES:
                yield str(name)
        return
    for name in _names_of(raw.get("codecs")):
        if name not in _BOUNDED and name.removeprefix("numcodecs.") not in _PLAIN:
            yield name


def _names_of(codecs: Any) -> Iterable[str]:
    for codec in codecs or ():
        if isinstance(codec, str):
            yield codec
            continue
        yield str(codec.get("name"))
        inner = codec.get("configuration") or {}
        yield from _names_of(inner.get("codecs"))
        yield from _names_of(inner.get("index_codecs"))
