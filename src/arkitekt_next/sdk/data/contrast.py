"""Between which values an image is shown: percentiles, so that a few hot pixels do not make everything dark."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from arkitekt_next.data.model import Channel, ImageMeta

from .ngff import pixel_range, with_colors

LOW_PERCENT = 0.5
HIGH_PERCENT = 99.8
PLANES = 16
"""How many planes of a channel are looked at, spread evenly over time and z."""


def window_of(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Give the values between which the image is shown; they differ. What is not finite does not count."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values.reshape(-1)
    if finite.size == 0:
        return 0.0, 1.0
    wide = finite.astype(np.float64) if finite.dtype.kind in "bf" else finite
    low, high = (float(v) for v in np.percentile(wide, [LOW_PERCENT, HIGH_PERCENT]))
    return (low, high) if high > low else (low, low + 1.0)


def with_windows(meta: ImageMeta, level: zarr.Array[Any]) -> tuple[Channel, ...]:
    """Give the channels, each with a colour and a window; windows that are missing come from this small level."""
    names = meta.channels or tuple(Channel(name=f"channel {i + 1}") for i in range(meta.channel_count))
    found = []
    for number, channel in enumerate(with_colors(names)):
        if channel.window is None:
            channel = channel.model_copy(update={"window": _window(meta, level, number)})
        found.append(channel)
    return tuple(found)


def _window(meta: ImageMeta, level: zarr.Array[Any], channel: int) -> tuple[float, float, float, float]:
    values = np.stack([np.asarray(level[index]) for index in _planes(meta, channel)])
    start, end = window_of(values)
    if values.dtype.kind in "iu":
        low, high = pixel_range(meta.dtype)
        return low, high, start, end
    finite = values[np.isfinite(values)]
    if values.dtype.kind == "b" or finite.size == 0:
        return 0.0, 1.0, start, end
    return min(float(finite.min()), start), max(float(finite.max()), end), start, end


def _planes(meta: ImageMeta, channel: int) -> list[tuple[int, ...]]:
    outer = [axis for axis in meta.axes if axis not in "cyx"]
    counts = tuple(meta.sizes[axis] for axis in outer)
    total = int(np.prod(counts, dtype=np.int64))
    picked = sorted({int(p) for p in np.linspace(0, total - 1, min(total, PLANES))})
    found = []
    for position in picked:
        at = dict(zip(outer, (int(i) for i in np.unravel_index(position, counts)) if counts else (), strict=True))
        found.append(tuple(channel if axis == "c" else at[axis] for axis in meta.axes if axis not in "yx"))
    return found
