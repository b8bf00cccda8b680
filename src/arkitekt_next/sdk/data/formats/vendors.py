"""Files of microscope makers: CZI of Zeiss, ND2 of Nikon, LIF of Leica; read by packages of the extra `formats`.

The packages are czifile, nd2 and liffile, all under BSD licences. They are imported when a file needs them. None is
made for several threads at once, so that each file has a lock.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arkitekt_next.data.model import Channel
from arkitekt_next.errors import ArkitektError, InvalidValue, MissingExtra

from .source import Hints, Limits, Plane, PlaneArray, Source, broken, build_meta, file_size, to_image_axes
from .tiff import RGB

_LEICA_COLORS = {
    "red": "FF0000",
    "green": "00FF00",
    "blue": "0000FF",
    "cyan": "00FFFF",
    "magenta": "FF00FF",
    "yellow": "FFFF00",
    "gray": "FFFFFF",
}
_MICROMETERS_PER_METER = 1e6


def read_czi(path: Path, hints: Hints, limits: Limits, series: int) -> Source:
    """Open a scene of a CZI file; mosaics come stitched, as czifile does it."""
    czifile = _package("czifile", "CZI files", "pip install 'arkitekt-next[formats]' (Python 3.12 or newer)")

    def opened(stack: ExitStack) -> tuple[PlaneArray, list[str], dict[str, float], list[Channel], int]:
        scenes = list(stack.enter_context(czifile.CziFile(path)).scenes.values())
        image = scenes[_checked(series, len(scenes))]
        outer = [(dim, size) for dim, size in image.sizes.items() if dim not in "YXS"]
        lock = threading.Lock()

        def plane(index: Plane) -> npt.NDArray[Any]:
            places = {dim: start + i for (dim, _), i, start in zip(outer, index, starts, strict=True)}
            with lock:
                return np.asarray(image(**places).asarray() if places else image.asarray())

        starts = image.start[: len(outer)]
        array = _plane_array(image.sizes, outer, image.dtype, plane)
        scale = {
            dim.lower(): step * (1.0 if dim == "T" else _MICROMETERS_PER_METER)
            for dim, step in image.coord_scales.items()
            if dim in "TZYX" and step > 0
        }
        channels = [
            Channel(name=str(name), color=_argb(str(said.get("Color", "")))) for name, said in image.channels.items()
        ]
        return array, [dim for dim, _ in outer], scale, channels, len(scenes)

    return _source(path, "CZI", hints, limits, series, opened)


def read_nd2(path: Path, hints: Hints, limits: Limits, series: int) -> Source:
    """Open a position of an ND2 file."""
    nd2 = _package("nd2", "ND2 files", "pip install 'arkitekt-next[formats]'")

    def opened(stack: ExitStack) -> tuple[PlaneArray, list[str], dict[str, float], list[Channel], int]:
        file = stack.enter_context(nd2.ND2File(path))
        sizes = dict(file.sizes)
        positions = sizes.pop("P", 1)
        at = _checked(series, positions)
        letters = list(file.sizes)
        data = file.to_dask(wrapper=False)
        if "P" in letters:
            data = data[(slice(None),) * letters.index("P") + (at,)]
        outer = [(dim, size) for dim, size in sizes.items() if dim not in "YXS"]
        lock = threading.Lock()

        def plane(index: Plane) -> npt.NDArray[Any]:
            with lock:
                return np.asarray(data[index].compute(scheduler="synchronous"))

        voxel = file.voxel_size()
        scale = {axis: float(step) for axis, step in zip("xyz", (voxel.x, voxel.y, voxel.z), strict=True) if step}
        for loop in file.experiment:
            period = getattr(loop.parameters, "periodMs", None)
            if loop.type == "TimeLoop" and period:
                scale["t"] = float(period) / 1000
        channels = [
            Channel(name=c.channel.name, color=f"{c.channel.color.r:02X}{c.channel.color.g:02X}{c.channel.color.b:02X}")
            for c in file.metadata.channels or ()
        ]
        return _plane_array(sizes, outer, file.dtype, plane), [dim for dim, _ in outer], scale, channels, positions

    return _source(path, "ND2", hints, limits, series, opened)


def read_lif(path: Path, hints: Hints, limits: Limits, series: int) -> Source:
    """Open an image of a LIF file."""
    liffile = _package("liffile", "LIF files", "pip install 'arkitekt-next[formats]'")

    def opened(stack: ExitStack) -> tuple[PlaneArray, list[str], dict[str, float], list[Channel], int]:
        images = stack.enter_context(liffile.LifFile(path)).images
        image = images[_checked(series, len(images))]
        _check_memory(path, image)
        frames = image.frames
        outer = [(dim, size) for dim, size in frames.sizes.items() if dim not in frames.frame_dims]
        lock = threading.Lock()

        def plane(index: Plane) -> npt.NDArray[Any]:
            with lock:
                return np.asarray(frames[index] if index else image.asarray())

        scale = {}
        for dim, places in image.coords.items():
            if dim in ("T", "Z", "Y", "X") and len(places) > 1:
                step = abs(float(places[-1] - places[0])) / (len(places) - 1)
                scale[dim.lower()] = step * (1.0 if dim == "T" else _MICROMETERS_PER_METER)
        described = image.xml_element.iter("ChannelDescription")
        tables = [element.attrib.get("LUTName", "") for element in described]
        channels = [
            Channel(name=table or f"channel {n + 1}", color=_LEICA_COLORS.get(table.lower()))
            for n, table in enumerate(tables)
        ]
        array = _plane_array(frames.sizes, outer, image.dtype, plane)
        return array, [dim for dim, _ in outer], scale, channels, len(images)

    return _source(path, "LIF", hints, limits, series, opened)


_Opened = Callable[[ExitStack], tuple[PlaneArray, list[str], dict[str, float], list[Channel], int]]


def _source(path: Path, kind: str, hints: Hints, limits: Limits, series: int, opened: _Opened) -> Source:
    with ExitStack() as stack:
        try:
            array, letters, scale, channels, count = opened(stack)
        except ArkitektError:
            raise
        except Exception as error:  # parsers of files that nobody specifies in full raise anything
            raise broken(path, kind, error) from error
        limits.check(path, (*array.outer, array.samples or 1, *array.shape[-2:]), array.dtype.itemsize, file_size(path))
        unknown = [letter for letter in letters if letter not in ("T", "C", "Z")]
        if unknown or (array.samples is not None and "C" in letters):
            raise InvalidValue(
                where=str(path),
                expected="an image along t, c, z, y and x",
                got=f"the axes {letters}{' and colours' if array.samples else ''}. Export a part of it as OME-TIFF",
            )
        axes = [letter.lower() for letter in letters]
        if array.samples is not None:
            axes.append("c")
            channels = list(RGB[: array.samples])
        data, axes = to_image_axes(array.lazy(), [*axes, "y", "x"])
        units = {axis: "second" if axis == "t" else "micrometer" for axis in scale}
        meta = build_meta(data, axes, hints, scale=scale, units=units, channels=channels, where=str(path))
        return Source(path, data, meta, stack.pop_all(), series=series, count=count)


def _plane_array(
    sizes: Mapping[str, int], outer: Sequence[tuple[str, int]], dtype: Any, plane: Callable[[Plane], npt.NDArray[Any]]
) -> PlaneArray:
    samples = sizes.get("S")

    def rows(index: Plane, start: int, stop: int) -> npt.NDArray[Any]:
        whole = plane(index)
        return whole[start:stop] if samples is None else np.moveaxis(whole, -1, 0)[:, start:stop]

    return PlaneArray([n for _, n in outer], samples, sizes["Y"], sizes["X"], np.dtype(dtype).newbyteorder("="), rows)


def _package(name: str, what: str, remedy: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(what=f"Reading {what}", package=name, remedy=remedy) from error


def _checked(series: int, count: int) -> int:
    if not 0 <= series < count:
        raise InvalidValue(where="series", expected=f"0 to {count - 1}", got=str(series))
    return series


def _check_memory(path: Path, image: Any) -> None:
    """Compare what is declared with the block that holds it: liffile would fill up a cut-off one."""
    if image.memory_block.size < image.nbytes:
        raise broken(path, "LIF", f"{image.memory_block.size} bytes for an image of {image.nbytes}: it is cut off")


def _argb(text: str) -> str | None:
    """Give RRGGBB of a colour as Zeiss writes it, #AARRGGBB."""
    digits = text.lstrip("#").upper()
    return digits[-6:] if len(digits) in (6, 8) and not set(digits) - set("0123456789ABCDEF") else None
