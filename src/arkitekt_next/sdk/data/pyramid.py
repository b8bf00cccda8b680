"""The smaller copies of an image: each half as large in y and x as the one before, until both are at most 256.

z, c and t keep their size: steps in z are mostly coarser than pixels already, and nobody looks at the mean of two
channels. With an odd size the last pixel is the mean of what is there, so that nothing at the edge is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

SMALLEST = 256
_PIECE_BYTES = 2**20
"""Work is done in pieces of about this size, so that what is between the steps stays in the cache and is bounded."""


def level_shapes(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Give the shape of every level, the full one first."""
    shapes = [tuple(shape)]
    while max(shapes[-1][-2:]) > SMALLEST:
        *outer, y, x = shapes[-1]
        shapes.append((*outer, (y + 1) // 2, (x + 1) // 2))
    return shapes


def mean_halved(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give the mean of every 2 x 2 pixels in the last two axes, whole numbers rounded to nearest (halves up).

    The block has to start at even y and x. NaN makes the mean NaN.
    """
    planes = block.reshape(-1, *block.shape[-2:])
    _, y, x = planes.shape
    out = np.empty((planes.shape[0], (y + 1) // 2, (x + 1) // 2), block.dtype)
    rows = max(2, _PIECE_BYTES // max(1, x * block.itemsize) & ~1)
    for plane, target in zip(planes, out, strict=True):
        for start in range(0, y, rows):
            target[start // 2 : (start + rows) // 2] = _mean(plane[start : start + rows])
    return out.reshape(*block.shape[:-2], *out.shape[-2:])


def nearest_halved(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give the first of every 2 x 2 pixels in the last two axes: the mean of two labels would be a third one."""
    return np.ascontiguousarray(block[..., ::2, ::2])


def _mean(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    y, x = plane.shape
    if y % 2 or x % 2:
        plane = np.pad(plane, ((0, y % 2), (0, x % 2)), mode="edge")
    kind, itemsize = plane.dtype.kind, plane.dtype.itemsize
    if kind == "b":
        return np.asarray(_mean(plane.astype(np.uint8) * 255) > 127)
    if kind in "iu" and itemsize == 8:
        return _mean_of_wide(plane)
    if kind in "iu":
        wide = np.dtype(f"{kind}{itemsize * 2}") if itemsize > 1 else np.dtype(f"{kind}2")
        pairs = np.add(plane[0::2], plane[1::2], dtype=wide)
        total = pairs[:, 0::2] + pairs[:, 1::2]
        total += 2
        total >>= 2
        return np.asarray(total, dtype=plane.dtype)
    exact = np.float32 if itemsize == 2 else plane.dtype
    quarters = plane.astype(exact, copy=False) * 0.25  # before adding, so that four large numbers stay finite
    pairs = quarters[0::2] + quarters[1::2]
    return np.asarray(pairs[:, 0::2] + pairs[:, 1::2], dtype=plane.dtype)


def _mean_of_wide(plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
    corners = [plane[0::2, 0::2], plane[0::2, 1::2], plane[1::2, 0::2], plane[1::2, 1::2]]
    quarters = sum(corner >> 2 for corner in corners)
    rests = sum(corner & 3 for corner in corners)
    return np.asarray(quarters + ((rests + 2) >> 2), dtype=plane.dtype)
