"""A folder of equal pictures as one image: their order is that of the numbers in their names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arkitekt_next.errors import InvalidValue, UnknownFormat

from .recognising import Format, recognise
from .source import Hints, Limits, Plane, PlaneArray, Source, build_meta, file_size, to_image_axes

STACKABLE = (Format.TIFF, Format.PNG, Format.JPEG)
_NUMBER = re.compile(r"(\d+)")


def read_folder(
    path: Path, hints: Hints, limits: Limits, readers: Mapping[Format, Callable[[Path, Hints, Limits, int], Source]]
) -> Source:
    """Stack the files of a folder along `hints.stack_axis`, by default time.

    Every file is opened once to compare it with the first, and again when it is read. Raises `InvalidValue` when they
    differ in shape, type or axes, or have the stacking axis already.
    """
    files = _files(path)
    found = recognise(files[0])
    axis = hints.stacked or "t"
    inner = Hints(colors=hints.colors)

    def opened(file: Path) -> Source:
        kind = recognise(file)
        if kind is not found:
            raise InvalidValue(where=str(file), expected=f"a {found} file as {files[0].name}", got=f"a {kind} file")
        return readers[kind](file, inner, limits, 0)

    with opened(files[0]) as first:
        meta, dtype = first.meta, first.data.dtype
    if axis in meta.axes:
        raise InvalidValue(
            where=str(path),
            expected=f"files without the axis {axis}",
            got=f"files with the axes {list(meta.axes)}. Give hints=Hints(stack_axis=...) with another axis",
        )
    size = 0
    for file in files:
        with opened(file) as other:
            _compare(file, files[0], other, meta.shape, meta.axes, meta.dtype)
        size += file_size(file)
    limits.check(path, (len(files), *meta.shape), dtype.itemsize, size)

    def rows(plane: Plane, start: int, stop: int) -> npt.NDArray[Any]:
        with opened(files[plane[0]]) as source:
            return np.asarray(source.data[(*plane[1:], slice(start, stop))].compute(scheduler="synchronous"))

    array = PlaneArray((len(files), *meta.shape[:-2]), None, meta.shape[-2], meta.shape[-1], dtype, rows)
    data, axes = to_image_axes(array.lazy(), [axis, *meta.axes])
    told = build_meta(data, axes, hints, scale=meta.scale, units=meta.units, channels=meta.channels, where=str(path))
    return Source(path, data, told, ExitStack())


def _files(path: Path) -> list[Path]:
    found = sorted((f for f in path.iterdir() if f.is_file() and not f.name.startswith(".")), key=_natural)
    pictures = [f for f in found if f.suffix.lower() in (".tif", ".tiff", ".png", ".jpg", ".jpeg")]
    if not pictures:
        raise UnknownFormat(
            path=str(path),
            expected="a folder with TIFF, PNG or JPEG files",
            got=f"{len(found)} other files",
            remedy="Give the folder that holds the pictures, or the path of one file",
        )
    return pictures


def _natural(file: Path) -> list[tuple[int, int, str]]:
    parts = _NUMBER.split(file.name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in parts]


def _compare(
    file: Path, first: Path, source: Source, shape: tuple[int, ...], axes: tuple[str, ...], dtype: str
) -> None:
    same = (source.meta.shape, source.meta.axes, source.meta.dtype)
    if same != (shape, axes, dtype):
        raise InvalidValue(
            where=str(file),
            expected=f"{dtype} {dict(zip(axes, shape, strict=True))} as in {first.name}",
            got=f"{source.meta.dtype} {source.meta.sizes}. Put other pictures into a folder of their own, or read with "
            "hints=Hints(colors='keep') when only some have colours",
        )
