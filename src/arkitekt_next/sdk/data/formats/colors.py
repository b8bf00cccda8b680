"""Red, green and blue of which one channel is meant: cameras and old converters write grey pictures as colours.

A few planes are compared before they are taken for one channel; every plane is compared again when it is read, so that
a colour which turns up later is an error and not lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from arkitekt_next.errors import UnreadableFile

from .source import BAND_BYTES, Plane, PlaneArray

COLORS = ("red", "green", "blue")


def chosen_colors(path: Path, array: PlaneArray, colors: str) -> PlaneArray:
    """Do with the samples of an array what `Hints.colors` says."""
    if colors in COLORS:
        return one_color(array, COLORS.index(colors))
    return one_channel(path, array) if colors == "auto" and array.samples == 3 else array


def one_color(array: PlaneArray, number: int) -> PlaneArray:
    """Give one sample of an array without the others."""

    def rows(plane: Plane, start: int, stop: int) -> npt.NDArray[Any]:
        return np.asarray(array.rows(plane, start, stop)[number])

    *_, y, x = array.shape
    return PlaneArray(array.outer, None, y, x, array.dtype, rows)


def is_grey(samples: npt.NDArray[Any]) -> bool:
    """Tell whether three samples, along the first axis, are equal everywhere."""
    return bool(np.array_equal(samples[0], samples[1]) and np.array_equal(samples[0], samples[2]))


def one_channel(path: Path, array: PlaneArray) -> PlaneArray:
    """Give the array without samples if its first, middle and last plane are grey, else as it was."""
    counts = array.outer
    total = int(np.prod(counts, dtype=np.int64))
    *_, y, x = array.shape
    rows = max(1, min(y, BAND_BYTES // max(1, 3 * x * array.dtype.itemsize)))
    for position in sorted({0, total // 2, total - 1}):
        plane = tuple(int(i) for i in np.unravel_index(position, counts)) if counts else ()
        if not is_grey(array.rows(plane, 0, rows)):
            return array

    def grey_rows(plane: Plane, start: int, stop: int) -> npt.NDArray[Any]:
        samples = array.rows(plane, start, stop)
        if not is_grey(samples):
            raise UnreadableFile(
                path=str(path),
                expected="grey in every plane, as in those looked at first",
                got=f"colours in plane {list(plane)}, rows {start} to {stop}",
                remedy="Read it with hints=Hints(colors='keep')",
            )
        return np.asarray(samples[0])

    return PlaneArray(counts, None, y, x, array.dtype, grey_rows)
