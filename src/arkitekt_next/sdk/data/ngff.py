"""OME-NGFF 0.5 metadata: what stands in the root of an image, written from an `ImageMeta` and read back into one.

It knows JSON only; pixels are written by `images.py`. Reading takes what other programs write too, 0.4 included, and
leaves out what our model has no place for. Source: https://ngff.openmicroscopy.org/0.5/
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arkitekt_next.data.model import MAX_NAME_CHARS, Channel, ImageMeta, ImageRole, ItemKind, parse_meta
from arkitekt_next.data.units import unit_name
from arkitekt_next.errors import InvalidMetadata

VERSION = "0.5"
LABELS = "labels"
"""The group in an image that holds the label images of it, and the attribute that lists them."""
PALETTE = ("FF00FF", "00FF00", "00FFFF", "FFFF00", "FF0000", "0000FF", "FF8000", "FFFFFF")
"""Colours of channels that have none; a single channel is white."""

_AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def attributes(meta: ImageMeta, shapes: Sequence[Sequence[int]], name: str) -> dict[str, Any]:
    """Give the attributes of the root group for the levels of these shapes."""
    ome: dict[str, Any] = {
        "version": VERSION,
        "multiscales": [
            {
                "name": name,
                "axes": [_axis(axis, meta.units) for axis in meta.axes],
                "datasets": [
                    {"path": str(level), "coordinateTransformations": _transformations(meta, level)}
                    for level in range(len(shapes))
                ],
                "type": "nearest" if meta.role is ImageRole.LABELS else "mean",
                "metadata": {"method": "first of 2x2" if meta.role is ImageRole.LABELS else "mean of 2x2 in y and x"},
            }
        ],
    }
    if meta.role is ImageRole.LABELS:
        ome["image-label"] = {"version": VERSION}
    elif meta.channels:
        ome["omero"] = {
            "version": VERSION,
            "name": name,
            "channels": [_channel(channel) for channel in meta.channels],
            "rdefs": {"model": "color" if len(meta.channels) > 1 else "greyscale", "defaultZ": _middle(meta)},
        }
    return {"ome": ome}


def with_colors(channels: Sequence[Channel]) -> tuple[Channel, ...]:
    """Give every channel a colour, as OME-NGFF wants: a single one white, of several those of `PALETTE` in turn."""
    if len(channels) == 1:
        return tuple(c if c.color else c.model_copy(update={"color": "FFFFFF"}) for c in channels)
    return tuple(
        c if c.color else c.model_copy(update={"color": PALETTE[i % len(PALETTE)]}) for i, c in enumerate(channels)
    )


def pixel_range(dtype: str) -> tuple[float, float]:
    """Give the least and the greatest value of a type of whole numbers; 0 and 1 for the others."""
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        return 0.0, 1.0
    return float(np.iinfo(kind).min), float(np.iinfo(kind).max)


def read_attributes(raw: Mapping[str, Any], shape: Sequence[int], dtype: str) -> ImageMeta:
    """Read what the root of an image says; `shape` and `dtype` are those of its full level.

    Raises `InvalidMetadata` for what is no OME-NGFF image.
    """
    ome = raw.get("ome", raw)
    try:
        multiscale = ome["multiscales"][0]
        axes = tuple(axis["name"] if isinstance(axis, Mapping) else str(axis) for axis in multiscale["axes"])
        units = {
            axis["name"]: axis["unit"] for axis in multiscale["axes"] if isinstance(axis, Mapping) and "unit" in axis
        }
        scale = dict(zip(axes, level_scale(raw, 0, len(axes)), strict=True))
        levels = len(multiscale["datasets"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _no_image(error) from error
    named = {axis: unit_name(str(unit)) for axis, unit in units.items()}
    found = parse_meta(
        ItemKind.IMAGE,
        {
            "shape": list(shape),
            "dtype": dtype,
            "axes": list(axes),
            "scale": {axis: step for axis, step in scale.items() if axis != "c" and (step != 1 or axis in units)},
            "units": {axis: unit for axis, unit in named.items() if unit is not None and axis != "c"},
            "channels": _channels(ome, shape[axes.index("c")] if "c" in axes else 1),
            "levels": levels,
            "role": ImageRole.LABELS if "image-label" in ome else ImageRole.INTENSITY,
        },
        where="zarr.json",
    )
    assert isinstance(found, ImageMeta)
    return found


def level_path(raw: Mapping[str, Any], level: int) -> str:
    """Give the path of the array of a level. Raises `InvalidMetadata` for what is no OME-NGFF image."""
    try:
        return str(raw.get("ome", raw)["multiscales"][0]["datasets"][level]["path"])
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _no_image(error) from error


def level_scale(raw: Mapping[str, Any], level: int, axes: int) -> list[float]:
    """Give the step of a level along every axis."""
    return _transformed(
        raw, level, "scale", [1.0] * axes, lambda all_, one: [a * b for a, b in zip(all_, one, strict=True)]
    )


def level_origin(raw: Mapping[str, Any], level: int, axes: int) -> list[float]:
    """Give where the first pixel of a level lies along every axis."""
    return _transformed(
        raw, level, "translation", [0.0] * axes, lambda all_, one: [a + b for a, b in zip(all_, one, strict=True)]
    )


def _no_image(error: Exception) -> InvalidMetadata:
    return InvalidMetadata(
        where="zarr.json",
        problem=f"expected the attributes of an OME-NGFF image, got none that can be read ({error!r}). "
        "Open it as an array, or convert it",
    )


def _transformed(raw: Mapping[str, Any], level: int, kind: str, start: list[float], join: Any) -> list[float]:
    multiscale = raw.get("ome", raw)["multiscales"][0]
    dataset = multiscale["datasets"][level]
    found = start
    for source in (dataset, multiscale):
        for step in source.get("coordinateTransformations", ()):
            if step.get("type") == kind:
                found = join(found, [float(value) for value in step[kind]])
    return found


def _axis(axis: str, units: Mapping[str, str]) -> dict[str, str]:
    described = {"name": axis, "type": _AXIS_TYPES[axis]}
    return {**described, "unit": units[axis]} if axis in units else described


def _transformations(meta: ImageMeta, level: int) -> list[dict[str, Any]]:
    """Give scale and translation: the middle of the first pixel of a level lies between those it was made of."""
    factor = 2**level
    full = [meta.scale.get(axis, 1.0) for axis in meta.axes]
    scale = [step * factor if axis in "yx" else step for axis, step in zip(meta.axes, full, strict=True)]
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if level:
        shift = 0.0 if meta.role is ImageRole.LABELS else (factor - 1) / 2
        moved = [step * shift if axis in "yx" else 0.0 for axis, step in zip(meta.axes, full, strict=True)]
        found.append({"type": "translation", "translation": moved})
    return found


def _channel(channel: Channel) -> dict[str, Any]:
    low, high, start, end = channel.window or (0.0, 1.0, 0.0, 1.0)
    return {
        "label": channel.name,
        "color": channel.color or "FFFFFF",
        "active": True,
        "coefficient": 1,
        "family": "linear",
        "inverted": False,
        "window": {"min": low, "max": high, "start": start, "end": end},
    }


def _middle(meta: ImageMeta) -> int:
    return meta.sizes.get("z", 1) // 2


def _channels(ome: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Read channels, leaving out what is nonsense: colours and windows are nothing to refuse an image for."""
    omero = ome.get("omero")
    described = omero.get("channels") if isinstance(omero, Mapping) else None
    if not isinstance(described, list) or len(described) != count:
        return []
    return [_read_channel(said if isinstance(said, Mapping) else {}, number) for number, said in enumerate(described)]


def _read_channel(said: Mapping[str, Any], number: int) -> dict[str, Any]:
    name = "".join(char for char in str(said.get("label") or "") if char.isprintable()).strip()[:MAX_NAME_CHARS]
    found: dict[str, Any] = {"name": name or f"channel {number + 1}"}
    color = str(said.get("color", "")).lstrip("#").upper()
    if len(color) == 6 and not set(color) - set("0123456789ABCDEF"):
        found["color"] = color
    window = said.get("window")
    values: list[Any] = (
        [window.get(key) for key in ("min", "max", "start", "end")] if isinstance(window, Mapping) else []
    )
    if values and all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        low, high, start, end = values
        if low <= high and start <= end:
            found["window"] = values
    return found
