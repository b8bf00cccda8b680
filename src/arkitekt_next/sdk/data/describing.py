"""The metadata of an array that is at hand: what numpy, dask and xarray objects say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from arkitekt_next.data.model import (
    DTYPES,
    IMAGE_AXES,
    SPACE_AXES,
    ArrayMeta,
    Channel,
    ImageMeta,
    ImageRole,
    ItemKind,
    parse_meta,
)
from arkitekt_next.data.units import unit_name
from arkitekt_next.errors import InvalidValue

from .pieces import Pixels

if TYPE_CHECKING:
    from .item import Item

STEP_TOLERANCE = 1e-6
"""How much steps of a coordinate may differ, relative to their mean, to count as equal."""


def describe_image(
    data: Pixels,
    *,
    axes: Sequence[str] | None = None,
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    channels: Sequence[Channel | str] = (),
    role: ImageRole = ImageRole.INTENSITY,
) -> ImageMeta:
    """Describe an image. Without `axes` an xarray object's dimensions count, else the last of t, c, z, y, x.

    Three axes without names are taken as z, y, x. Raises `InvalidMetadata` for axes that an image can't have.
    """
    data = checked(data)
    names = _axes(data, axes, {2: "yx", 3: "zyx", 4: "czyx", 5: "tczyx"}.get(len(data.shape)))
    raw = _raw(data, names, scale, units, channels)
    raw["units"] = {axis: unit_name(str(unit)) or str(unit) for axis, unit in raw["units"].items() if axis != "c"}
    raw["scale"].pop("c", None)
    for axis in raw["scale"]:
        raw["units"].setdefault(axis, "micrometer" if axis in SPACE_AXES else "second")
    found = parse_meta(ItemKind.IMAGE, {**raw, "role": role})
    assert isinstance(found, ImageMeta)
    return found


def fitted(labels: ImageMeta, parent: Item) -> ImageMeta:
    """Give labels the steps of the image that they are attached to. Raises `InvalidValue` where they do not fit it."""
    meta = parent.meta
    sizes = dict(zip(meta.get("axes", ()), meta.get("shape", ()), strict=False))
    for axis, size in zip(labels.axes, labels.shape, strict=True):
        if sizes.get(axis, size) != size:
            expected = f"{sizes[axis]} along {axis}, as '{parent.name}' has"
            raise InvalidValue(where="labels", expected=expected, got=str(size))
    missing = [axis for axis in labels.axes if axis in meta.get("scale", {}) and axis not in labels.scale]
    scale = {**labels.scale, **{axis: meta["scale"][axis] for axis in missing}}
    units = {**labels.units, **{axis: meta["units"][axis] for axis in missing if axis in meta.get("units", {})}}
    return labels.model_copy(update={"scale": scale, "units": units})


def describe_array(
    data: Pixels,
    *,
    axes: Sequence[str] | None = None,
    scale: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
) -> ArrayMeta:
    """Describe an array. Without `axes` an xarray object's dimensions count, else dim_0, dim_1 and so on."""
    data = checked(data)
    names = _axes(data, axes, [f"dim_{i}" for i in range(len(data.shape))])
    found = parse_meta(ItemKind.ARRAY, _raw(data, names, scale, units, ()))
    assert isinstance(found, ArrayMeta)
    return found


def stored_dtype(dtype: Any) -> str:
    """Give the name under which a type is stored. Raises `InvalidValue` for objects, text and records."""
    name = str(np.dtype(dtype).newbyteorder("=").name)
    if name not in DTYPES:
        raise InvalidValue(
            where="dtype", expected="numbers or truth values", got=f"{dtype}. Store text and records as a table"
        )
    return name


def _axes(data: Pixels, axes: Sequence[str] | None, otherwise: Sequence[str] | None) -> list[str]:
    if axes is not None:
        return list(axes)
    if hasattr(data, "dims"):
        return [str(dim) for dim in data.dims]
    if otherwise is None:
        raise InvalidValue(
            where="axes", expected=f"2 to {len(IMAGE_AXES)} dimensions", got=f"the shape {list(data.shape)}"
        )
    return list(otherwise)


def _raw(
    data: Pixels,
    axes: list[str],
    scale: Mapping[str, float] | None,
    units: Mapping[str, str] | None,
    channels: Sequence[Channel | str],
) -> dict[str, Any]:
    for where, said in (("scale", scale), ("units", units)):
        _check_axes_of(said, axes, where)
    steps, found_units, names = _coordinates(data)
    chosen = [c if isinstance(c, Channel) else Channel(name=c) for c in channels]
    if not chosen and names and len(names) == dict(zip(axes, data.shape, strict=False)).get("c"):
        chosen = [Channel(name=name) for name in names]
    return {
        "shape": [int(size) for size in data.shape],
        "dtype": stored_dtype(data.dtype),
        "axes": axes,
        "scale": {axis: float(step) for axis, step in {**steps, **(scale or {})}.items() if axis in axes},
        "units": {axis: unit for axis, unit in {**found_units, **(units or {})}.items() if axis in axes},
        "channels": [channel.model_dump(exclude_none=True) for channel in chosen],
    }


def checked(data: Any) -> Pixels:
    """Give what has a shape and a type. Raises `InvalidValue` for all else, lists included."""
    if hasattr(data, "shape") and hasattr(data, "dtype"):
        return data
    raise InvalidValue(
        where="data", expected="an array of numpy, dask or xarray (np.asarray makes one)", got=repr(data)[:100]
    )


def _check_axes_of(said: Any, axes: Sequence[str], where: str) -> None:
    if said is None:
        return
    if not isinstance(said, Mapping):
        raise InvalidValue(where=where, expected=f"a dict by axis, as {{{axes[-1]!r}: 0.5}}", got=repr(said)[:100])
    strange = [str(axis) for axis in said if axis not in axes]
    if strange:
        raise InvalidValue(where=where, expected=f"only the axes {', '.join(axes)}", got=", ".join(strange))


def _coordinates(data: Pixels) -> tuple[dict[str, float], dict[str, str], list[str]]:
    """Read steps, units and names of channels from the coordinates of an xarray object."""
    steps: dict[str, float] = {}
    units: dict[str, str] = {}
    names: list[str] = []
    for dim in getattr(data, "dims", ()):
        coordinate = getattr(data, "coords", {}).get(dim)
        if coordinate is None:
            continue
        values = np.asarray(coordinate.values)
        if dim == "c" and values.dtype.kind not in "iuf":
            names = [str(value) for value in values]
        elif dim != "c" and values.dtype.kind in "iuf" and values.size > 1:
            differences = np.diff(values.astype(np.float64))
            step = float(f"{differences.mean():.12g}")  # without the noise of adding up
            if step > 0 and float(np.abs(differences - step).max()) <= STEP_TOLERANCE * step:
                steps[str(dim)] = step
        if isinstance(coordinate.attrs.get("units"), str):
            units[str(dim)] = coordinate.attrs["units"]
    return steps, units, names
