"""TIFF files: OME-TIFF, ImageJ hyperstacks, and plain ones, whatever their pages are packed with.

Of a pyramid the full level is read. Pixel sizes come from OME-XML or ImageJ's description, else from the resolution if
it is one of a microscope: 72 or 300 dots per inch are a printer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import tifffile

from arkitekt_next.data.model import Channel, ImageMeta
from arkitekt_next.data.units import SPACE_SYMBOLS, TIME_SYMBOLS, unit_name
from arkitekt_next.errors import ArkitektError, InvalidValue, SuspiciousFile
from arkitekt_next.sdk.data.ngff import pixel_range

from .colors import chosen_colors
from .ome_xml import Described, objection, parse_ome
from .source import Hints, Limits, PlaneArray, Source, broken, build_meta, file_size, to_image_axes
from .tiff_planes import TiffPlanes

PRINTING_UM = 20.0
"""A resolution coarser than this many micrometers a pixel is taken for one of printing."""

RGB = (
    Channel(name="red", color="FF0000"),
    Channel(name="green", color="00FF00"),
    Channel(name="blue", color="0000FF"),
    Channel(name="alpha"),
)
_COMPOSITE = ("FF0000", "00FF00", "0000FF", "FFFFFF", "00FFFF", "FF00FF", "FFFF00")
"""The colours that ImageJ gives to channels without a lookup table, in its order."""

_MICROMETERS = {2: 25_400.0, 3: 10_000.0}


def read_tiff(path: Path, hints: Hints, limits: Limits, series: int) -> Source:
    """Open a series of a TIFF file; see `read` for what is raised."""
    with ExitStack() as stack:
        try:
            tif = stack.enter_context(tifffile.TiffFile(path))
            _refuse_tricks(path, tif)
            _check_chain(path, tif)
            chosen, count = _series(tif, series)
            data, meta = _opened(path, tif, chosen, hints, limits, series)
        except ArkitektError:
            raise
        except Exception as error:  # a parser of a hostile format may raise anything
            raise broken(path, "TIFF", error) from error
        return Source(path, data, meta, stack.pop_all(), series=series, count=count)


def _refuse_tricks(path: Path, tif: tifffile.TiffFile) -> None:
    description = tif.pages.first.description
    said = objection(description) if tif.is_ome else None
    if said:
        raise SuspiciousFile(
            path=str(path), expected="OME-XML of this image", got=said, remedy="Save the image again as OME-TIFF"
        )


def _check_chain(path: Path, tif: tifffile.TiffFile) -> None:
    """Look whether the chain of pages comes to its end: tifffile takes a broken one for a shorter file."""
    at = tif.pages.next_page_offset
    size = tif.tiff.offsetsize
    tif.filehandle.seek(at or 0)
    if at is None or tif.filehandle.read(size) != bytes(size):
        raise broken(path, "TIFF", f"{len(tif.pages)} pages, of which the last names another that is not there")


def _series(tif: tifffile.TiffFile, number: int) -> tuple[tifffile.TiffPageSeries, int]:
    count = len(tif.series)
    if not 0 <= number < count:
        raise InvalidValue(where="series", expected=f"0 to {count - 1}", got=str(number))
    return tif.series[number], count


def _opened(
    path: Path,
    tif: tifffile.TiffFile,
    series: tifffile.TiffPageSeries,
    hints: Hints,
    limits: Limits,
    number: int,
) -> tuple[da.Array, ImageMeta]:
    letters, shape = list(series.axes), list(series.shape)
    outer = [(letter, size) for letter, size in zip(letters, shape, strict=True) if letter not in "SYX"]
    samples = shape[letters.index("S")] if "S" in letters else None
    planes = TiffPlanes(path, series, [size for _, size in outer], samples)
    y, x = (planes.plane_shape[-2:] if samples is None or planes.is_planar else planes.plane_shape[:2])[:2]
    limits.check(path, [*shape[: len(outer)], samples or 1, y, x], series.dtype.itemsize, file_size(path))
    if (shape[letters.index("Y")], shape[letters.index("X")]) != (y, x):
        raise broken(path, "TIFF", f"pages of {y} x {x} pixels for the axes {series.axes} {shape}")
    planes.check_end()
    array = PlaneArray([size for _, size in outer], samples, y, x, series.dtype.newbyteorder("="), planes.rows)
    rgb: tuple[Channel, ...] = RGB[:samples] if samples in (3, 4) else ()
    if samples in (3, 4):
        array = chosen_colors(path, array, hints.colors)
    axes = _named_axes(path, [letter for letter, _ in outer], hints)
    data = array.lazy()
    if array.samples is not None:
        data, axes = _join_samples(data, axes)
    else:
        rgb = ()
    data, axes = to_image_axes(data, [*axes, "y", "x"])
    said = _described(tif, series, number, data.shape[axes.index("c")] if "c" in axes else 1)
    has_composite = "channels" in (tif.imagej_metadata or {})
    channels = rgb if rgb and tif.is_imagej and not has_composite else said.channels or rgb
    meta = build_meta(data, axes, hints, scale=said.scale, units=said.units, channels=channels, where=str(path))
    return data, meta


def _join_samples(data: da.Array, axes: list[str]) -> tuple[da.Array, list[str]]:
    """Make samples the channels; with channels already there, samples of each follow one another."""
    samples = len(axes)
    if "c" not in axes:
        return data, [*axes, "c"]
    at = axes.index("c")
    moved = da.moveaxis(data, samples, at + 1)
    shape = (*moved.shape[:at], moved.shape[at] * moved.shape[at + 1], *moved.shape[at + 2 :])
    return moved.reshape(shape), axes


def _named_axes(path: Path, letters: Sequence[str], hints: Hints) -> list[str]:
    known = {"T": "t", "C": "c", "Z": "z"}
    unnamed = [letter for letter in letters if letter not in known]
    taken = {known[letter] for letter in letters if letter in known}
    stacked: str | None = hints.stacked or next((axis for axis in "ztc" if axis not in taken), None)
    if len(unnamed) > 1 or (unnamed and (stacked is None or stacked in taken)):
        raise InvalidValue(
            where=str(path),
            expected="pages along t, c and z, and at most one axis without a name that hints give one",
            got=f"the axes {''.join(letters)}YX. Give hints=Hints(stack_axis=...) or save it as OME-TIFF",
        )
    return [known.get(letter, str(stacked)) for letter in letters]


def _described(tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, number: int, channels: int) -> Described:
    if tif.is_ome and tif.ome_metadata:
        return parse_ome(tif.ome_metadata, number)
    scale, units = _resolution(series.keyframe, tif.imagej_metadata or {})
    if tif.is_imagej:
        said = tif.imagej_metadata or {}
        _imagej_steps(said, scale, units)
        return Described(scale, units, _imagej_channels(said, channels, str(series.dtype.newbyteorder("="))))
    return Described(scale, units)


def _resolution(page: Any, imagej: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    unit = unit_name(str(imagej.get("unit", "")))
    kind = int(page.tags.valueof("ResolutionUnit", 1) or 1)
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        value = page.tags.valueof(tag)
        if not isinstance(value, tuple) or not value[0] or not value[1]:
            continue
        step = value[1] / value[0]
        if unit in SPACE_SYMBOLS and unit != "inch":
            scale[axis], units[axis] = step, str(unit)
        elif kind in _MICROMETERS and step * _MICROMETERS[kind] <= PRINTING_UM:
            scale[axis], units[axis] = step * _MICROMETERS[kind], "micrometer"
    return scale, units


def _imagej_steps(said: Mapping[str, Any], scale: dict[str, float], units: dict[str, str]) -> None:
    spacing, unit = said.get("spacing"), unit_name(str(said.get("unit", "")))
    if isinstance(spacing, int | float) and spacing > 0 and unit in SPACE_SYMBOLS:
        scale["z"], units["z"] = float(spacing), str(unit)
    interval, per_second = said.get("finterval"), said.get("fps")
    if isinstance(interval, int | float) and interval > 0:
        named = unit_name(str(said.get("tunit", "s")))
        scale["t"], units["t"] = float(interval), named if named in TIME_SYMBOLS and named else "second"
    elif isinstance(per_second, int | float) and per_second > 0:
        scale["t"], units["t"] = 1 / float(per_second), "second"


def _imagej_channels(said: Mapping[str, Any], count: int, dtype: str) -> tuple[Channel, ...]:
    labels, tables = said.get("Labels"), said.get("LUTs") or []
    ranges = said.get("Ranges") or ((said["min"], said["max"]) * count if "min" in said and "max" in said else ())
    low, high = pixel_range(dtype)
    found = []
    for number in range(count):
        name = labels[number] if isinstance(labels, list | tuple) and len(labels) == count else ""
        window = None
        if len(ranges) == 2 * count and ranges[2 * number] <= ranges[2 * number + 1] and dtype[0] in "iu":
            window = (low, high, float(ranges[2 * number]), float(ranges[2 * number + 1]))
        color = _table_color(tables[number]) if number < len(tables) else None
        if color is None and count > 1:
            color = _COMPOSITE[number % len(_COMPOSITE)]
        printable = "".join(char for char in str(name) if char.isprintable()).strip()[:255]
        found.append(Channel(name=printable or f"channel {number + 1}", color=color, window=window))
    return tuple(found)


def _table_color(table: Any) -> str | None:
    """Give the colour of the brightest entry of a lookup table, when it is a table."""
    values = np.asarray(table)
    if values.shape != (3, 256):
        return None
    return "".join(f"{int(value):02X}" for value in values[:, -1])
