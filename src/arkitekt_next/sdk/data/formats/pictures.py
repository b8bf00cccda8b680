"""PNG and JPEG, read with Pillow; whole, because neither can be read in parts."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from arkitekt_next.data.model import Channel
from arkitekt_next.errors import ArkitektError, InvalidValue, SuspiciousFile, UnreadableFile

from .colors import COLORS, is_grey
from .source import Hints, Limits, Source, broken, build_meta, file_size
from .tiff import RGB

_PNG_DEPTH_AT, _PNG_COLOR_AT = 24, 25


def read_picture(path: Path, hints: Hints, limits: Limits, series: int) -> Source:
    """Read a still picture. An alpha channel that is opaque everywhere is left out."""
    if series:
        raise InvalidValue(where="series", expected="0: a picture is one image", got=str(series))
    _refuse_deep_colors(path)
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            limits.check(path, (len(picture.getbands()), picture.height, picture.width), 2, file_size(path))
            frames = getattr(picture, "n_frames", 1)
            if frames > 1:
                raise InvalidValue(
                    where=str(path), expected="a still picture", got=f"{frames} frames. Save them as TIFF"
                )
            values = _values(picture)
    except ArkitektError:
        raise
    except Image.DecompressionBombError as error:
        raise SuspiciousFile(
            path=str(path),
            expected=f"at most {2 * (Image.MAX_IMAGE_PIXELS or 0)} pixels in a PNG or JPEG",
            got=str(error),
            remedy="If the file is right, convert it to TIFF, which is read in parts",
        ) from error
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, EOFError, MemoryError) as error:
        raise broken(path, "PNG or JPEG", error) from error
    return _source(path, values, hints)


def _values(picture: Image.Image) -> npt.NDArray[Any]:
    """Give (y, x) or (y, x, c) without palettes and colour spaces of printing."""
    if picture.mode in ("1", "L") or picture.mode.startswith("I") or picture.mode == "F":
        values = np.asarray(picture.convert("L") if picture.mode == "1" else picture)
        return values.astype(np.uint16) if picture.mode == "I" and picture.format == "PNG" else values
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        values = np.asarray(picture.convert("RGBA"))
        return values[..., :3] if (values[..., 3] == 255).all() else values
    return np.asarray(picture.convert("RGB"))


def _source(path: Path, values: npt.NDArray[Any], hints: Hints) -> Source:
    axes, channels = ["y", "x"], tuple[Channel, ...]()
    if values.ndim == 3:
        planes = np.moveaxis(values, -1, 0)
        if hints.colors in COLORS:
            values = planes[COLORS.index(hints.colors)]
        elif hints.colors == "auto" and len(planes) == 3 and is_grey(planes):
            values = planes[0]
        else:
            values, axes, channels = planes, ["c", "y", "x"], RGB[: len(planes)]
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    data = da.from_array(values, chunks=-1, name=False)
    meta = build_meta(data, axes, hints, scale={}, units={}, channels=channels, where=str(path))
    return Source(path, data, meta, ExitStack())


def _refuse_deep_colors(path: Path) -> None:
    """Refuse colours of 16 bits, of which Pillow would drop the lower 8 without a word."""
    with path.open("rb") as file:
        start = file.read(_PNG_COLOR_AT + 1)
    is_deep = start.startswith(b"\x89PNG") and len(start) > _PNG_COLOR_AT and start[_PNG_DEPTH_AT] == 16
    if is_deep and start[_PNG_COLOR_AT] in (2, 4, 6):
        raise UnreadableFile(
            path=str(path),
            expected="a PNG with 8 bits a colour, or 16 bits without colours",
            got="16 bits a colour",
            remedy="Save it as TIFF, which keeps all bits",
        )
