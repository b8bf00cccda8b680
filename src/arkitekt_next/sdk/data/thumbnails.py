"""Small pictures of images, as PNG: the middle z, the first time, all channels in their colours."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from zarr.abc.store import Store

from arkitekt_next.data.keys import THUMBNAIL
from arkitekt_next.data.model import Channel, ImageMeta, ImageRole
from arkitekt_next.data.pictures import SIDE

from .contrast import window_of
from .ngff import with_colors
from .reading import Opened

if TYPE_CHECKING:
    from .objects import Objects

MAX_CHANNELS = 8
"""More channels than this would only be white; the first ones are shown."""
_GOLDEN = 0.6180339887498949


def thumbnail(store: Store, *, side: int = SIDE) -> bytes:
    """Make the thumbnail of a stored image from the smallest level that is large enough, and give its PNG.

    Windows of the channels are used where they lie within what is there; else percentiles.
    """
    opened = Opened(store)
    meta = opened.meta
    level = opened.level(_level(opened, side))
    shown = min(meta.channel_count, MAX_CHANNELS)
    planes = [np.asarray(level[_place(meta, channel)]) for channel in range(shown)]
    if meta.role is ImageRole.LABELS:
        return png_of(label_colors(planes[0]), side=side)
    channels = meta.channels[:shown] or tuple(Channel(name=f"channel {n + 1}") for n in range(shown))
    return png_of(composed(planes, channels), side=side)


def put_thumbnail(objects: Objects) -> None:
    """Store the thumbnail of an image that was just written. Without one the image is as good: why is in the log."""
    try:
        objects.put(THUMBNAIL, thumbnail(objects.zarr()))
    except (ArithmeticError, LookupError, TypeError, ValueError) as failed:
        logging.getLogger("arkitekt_next").warning("an image is stored without a thumbnail: %s", failed)


def composed(planes: Sequence[npt.NDArray[Any]], channels: Sequence[Channel]) -> npt.NDArray[np.uint8]:
    """Stretch planes (y, x) to their windows, colour and add them: (y, x, 3). What is not finite is black."""
    total = np.zeros((*planes[0].shape, 3), np.float32)
    for plane, channel in zip(planes, with_colors(channels), strict=True):
        low, high = channel.window[2:] if channel.window else window_of(plane)
        if not high > low:
            low, high = window_of(plane)
        stretched = (plane.astype(np.float64) - low) / (high - low)
        bright = np.clip(np.nan_to_num(stretched, nan=0.0, posinf=1.0, neginf=0.0), 0, 1).astype(np.float32)
        color = np.frombuffer(bytes.fromhex(channel.color or "FFFFFF"), np.uint8)
        total += bright[..., None] * color.astype(np.float32)
    return np.clip(total + 0.5, 0, 255).astype(np.uint8)


def label_colors(plane: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Give every label a colour of its own, far from that of the next number; 0 is black."""
    hue = (plane.astype(np.float64) * _GOLDEN) % 1.0 * 6
    ramps = [np.clip(np.abs((hue + shift) % 6 - 3) - 1, 0, 1) for shift in (0, 4, 2)]
    colors = np.stack(ramps, axis=-1) * 200 + 55
    return np.where((plane == 0)[..., None], 0, colors).astype(np.uint8)


def png_of(rgb: npt.NDArray[np.uint8], *, side: int = SIDE) -> bytes:
    """Give the PNG of (y, x, 3), made smaller so that neither side is longer than `side`."""
    picture = Image.fromarray(rgb)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def _level(opened: Opened, side: int) -> int:
    for level in range(opened.meta.levels - 1, 0, -1):
        if max(opened.level(level).shape[-2:]) >= side:
            return level
    return 0


def _place(meta: ImageMeta, channel: int) -> tuple[int, ...]:
    at = {"t": 0, "c": channel, "z": meta.sizes.get("z", 1) // 2}
    return tuple(at[axis] for axis in meta.axes if axis not in "yx")
