"""Writing images as files that other programs open: OME-TIFF and OME-Zarr.

A file appears under its name only when it is complete: until then it lies beside it, hidden, and is removed when
writing fails.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import dask.array as da
import numpy as np
import numpy.typing as npt
import tifffile
import zarr
from zarr.storage import LocalStore

from arkitekt_next.data.model import ImageMeta
from arkitekt_next.data.units import SPACE_SYMBOLS, TIME_SYMBOLS
from arkitekt_next.errors import InvalidValue
from arkitekt_next.sdk.data import ngff
from arkitekt_next.sdk.data.appearing import appearing
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.progress import Progress
from arkitekt_next.sdk.data.shards import MEMORY_BYTES

from .ome_xml import signed_color
from .source import planes_of

OME_TYPES = frozenset(("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64"))
"""The types of pixels that OME-XML has names for. Source: OME schema 2016-06, PixelType."""

_BIG_BYTES = 2**32 - 2**25


class Imaged(Protocol):
    """What can be written: a `Source`, or anything with pixels and their metadata."""

    @property
    def data(self) -> da.Array:
        """The pixels, in the order of `meta.axes`."""

    @property
    def meta(self) -> ImageMeta:
        """What is known of them."""


NO_LABELS: Mapping[str, Imaged] = MappingProxyType({})


def write_ome_tiff(
    source: Imaged, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
) -> Path:
    """Write an OME-TIFF with pixel sizes, time between frames, names and colours of channels; plane by plane.

    It is not packed, so that every reader opens it and parts of it are read quickly. Windows have no place in OME-TIFF.
    Raises `Conflict` when the file exists and is not to be overwritten, `InvalidValue` for types that OME-TIFF has no
    name for.
    """
    meta = source.meta
    if meta.dtype not in OME_TYPES:
        raise InvalidValue(
            where=str(path),
            expected=f"pixels of one of the types {', '.join(sorted(OME_TYPES))}",
            got=f"{meta.dtype}. Convert them first, or write OME-Zarr",
        )
    with appearing(Path(path), overwrite=overwrite) as place:
        size = int(np.prod(meta.shape, dtype=np.int64)) * np.dtype(meta.dtype).itemsize
        with tifffile.TiffWriter(place, ome=True, bigtiff=size > _BIG_BYTES) as writer:
            writer.write(
                _planes(source, size, progress),
                shape=meta.shape,
                dtype=meta.dtype,
                photometric="minisblack",
                metadata=_ome_metadata(meta),
            )
    return Path(path)


def write_ome_zarr(
    source: Imaged,
    path: str | os.PathLike[str],
    *,
    labels: Mapping[str, Imaged] = NO_LABELS,
    overwrite: bool = False,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
) -> Path:
    """Write an OME-Zarr 0.5 folder with its pyramid, and label images in it by name; memory as in `write_image`.

    Raises `Conflict` when it exists and is not to be overwritten.
    """
    with appearing(Path(path), overwrite=overwrite) as place:
        write_image(
            LocalStore(place),
            source.data,
            source.meta,
            name=Path(path).name.removesuffix(".zarr").removesuffix(".ome"),
            memory_bytes=memory_bytes,
            progress=progress,
        )
        if labels:
            group = zarr.open_group(LocalStore(place), mode="r+").create_group(ngff.LABELS)
            group.update_attributes({"ome": {"version": ngff.VERSION, ngff.LABELS: list(labels)}})
        for name, image in labels.items():
            inside = LocalStore(place / ngff.LABELS / name)
            write_image(inside, image.data, image.meta, name=name, memory_bytes=memory_bytes)
    return Path(path)


def _planes(source: Imaged, total: int, progress: Progress | None) -> Iterator[npt.NDArray[Any]]:
    done = 0
    for index in planes_of(source.meta.shape[:-2]):
        plane = np.ascontiguousarray(source.data[index].compute())
        yield plane
        done += plane.nbytes
        if progress is not None:
            progress(done, total)


def _ome_metadata(meta: ImageMeta) -> dict[str, Any]:
    described: dict[str, Any] = {"axes": "".join(meta.axes).upper()}
    for axis in "xyz":
        if axis in meta.scale:
            described[f"PhysicalSize{axis.upper()}"] = meta.scale[axis]
            described[f"PhysicalSize{axis.upper()}Unit"] = SPACE_SYMBOLS[meta.units.get(axis, "micrometer")]
    if "t" in meta.scale:
        described["TimeIncrement"] = meta.scale["t"]
        described["TimeIncrementUnit"] = TIME_SYMBOLS[meta.units.get("t", "second")]
    if meta.channels:
        channels: dict[str, Any] = {"Name": [channel.name for channel in meta.channels]}
        if all(channel.color for channel in meta.channels):
            channels["Color"] = [signed_color(channel.color or "") for channel in meta.channels]
        described["Channel"] = channels
    return described
