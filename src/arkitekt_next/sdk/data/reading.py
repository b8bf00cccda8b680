"""Reading images and arrays lazily: nothing is fetched but metadata until values are asked for.

What comes back is an `xarray.DataArray` over dask over zarr: cropping it and computing the crop fetches the chunks that
the crop touches, and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
import zarr
from zarr.abc.store import Store

from arkitekt_next.data.model import ArrayMeta, ImageMeta
from arkitekt_next.errors import InvalidValue, NotFound

from . import ngff
from .arrays import read_array
from .roots import array_in, open_root

COORDINATES_LIMIT = 2**20
"""Axes that are longer have no coordinates, which would all be made as the array is opened."""


def image_meta(store: Store) -> ImageMeta:
    """Read what an OME-NGFF image says of itself, its chunks and shards included."""
    return Opened(store).meta


def open_image(store: Store, *, level: int | None = None, at_most: int | None = None) -> xr.DataArray:
    """Open one level of an image: level 0 is the full one.

    `at_most` picks the finest level whose y and x both have at most so many pixels (else the smallest there is).
    Dimensions are the axes; coordinates are in the unit that their attribute `units` names, of channels the names.
    Attributes: `meta` (an `ImageMeta`), `level`, `scale` (the step of this level along each axis).
    """
    if level is not None and at_most is not None:
        raise InvalidValue(where="open_image", expected="level or at_most", got="both")
    opened = Opened(store)
    return opened.data_array(opened.level_within(at_most) if at_most is not None else level or 0)


def open_array(store: Store) -> xr.DataArray:
    """Open an array. Axes with a scale have coordinates; the attribute `meta` is an `ArrayMeta`."""
    array, meta = read_array(store)
    steps = [meta.scale.get(axis) for axis in meta.axes]
    coords = _coordinates(meta, array.shape, steps, [0.0] * len(steps))
    return xr.DataArray(lazy(array), dims=meta.axes, coords=coords, attrs={"meta": meta})


def lazy(array: zarr.Array[Any]) -> da.Array:
    """Give a dask array over a zarr array, in blocks of whole shards; slices of it read single chunks."""
    unit = array.shards or array.chunks
    chunks = tuple(min(u, n) or 1 for u, n in zip(unit, array.shape, strict=True))
    found: da.Array = da.from_array(array, chunks=chunks, name=False, lock=False, asarray=True, inline_array=True)
    return found


class Opened:
    """An image whose metadata is read. `levels` are opened when they are asked for."""

    def __init__(self, store: Store) -> None:
        self._root = open_root(store)
        self._raw: Mapping[str, Any] = self._root.attrs.asdict()
        full = self._array(0) if self._has_levels() else None
        if full is None:
            raise NotFound(
                what="image", name=str(store), remedy="Look whether it was committed, or open it as an array"
            )
        meta = ngff.read_attributes(self._raw, full.shape, full.dtype.name)
        self.meta = meta.model_copy(update={"chunks": full.chunks, "shards": full.shards})

    def _has_levels(self) -> bool:
        ome = self._raw.get("ome", self._raw)
        return isinstance(ome, Mapping) and bool(ome.get("multiscales"))

    def _array(self, level: int) -> zarr.Array[Any]:
        path = ngff.level_path(self._raw, level)
        found = array_in(self._root, path)
        if found is None:
            raise NotFound(what="array", name=path, remedy="The image is incomplete: store it again")
        return found

    def level(self, level: int) -> zarr.Array[Any]:
        """Open the array of a level. Raises `InvalidValue` when there is no such level."""
        if not 0 <= level < self.meta.levels:
            raise InvalidValue(where="level", expected=f"0 to {self.meta.levels - 1}", got=str(level))
        return self._array(level)

    def level_within(self, at_most: int) -> int:
        """Give the finest level whose y and x have at most so many pixels, else the smallest."""
        for level in range(self.meta.levels):
            if max(self._array(level).shape[-2:]) <= at_most:
                return level
        return self.meta.levels - 1

    def data_array(self, level: int) -> xr.DataArray:
        """Give a level as a lazy `xarray.DataArray`."""
        array = self.level(level)
        count = len(self.meta.axes)
        scale = ngff.level_scale(self._raw, level, count)
        origin = ngff.level_origin(self._raw, level, count)
        known = [
            step if axis in self.meta.scale or (axis in "yx" and level) else None
            for axis, step in zip(self.meta.axes, scale, strict=True)
        ]
        return xr.DataArray(
            lazy(array),
            dims=self.meta.axes,
            coords=_coordinates(self.meta, array.shape, known, origin),
            attrs={"meta": self.meta, "level": level, "scale": dict(zip(self.meta.axes, scale, strict=True))},
        )


def _coordinates(
    meta: ArrayMeta, shape: Sequence[int], steps: Sequence[float | None], origin: Sequence[float]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for axis, size, step, start in zip(meta.axes, shape, steps, origin, strict=True):
        if step is not None and size <= COORDINATES_LIMIT:
            unit = {"units": meta.units[axis]} if axis in meta.units else {}
            found[axis] = (axis, start + np.arange(size) * step, unit)
    names = [channel.name for channel in meta.channels]
    if "c" in meta.axes and names and len(set(names)) == len(names):
        found["c"] = ("c", names)
    return found
