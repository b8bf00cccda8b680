"""`read`: open whatever it is, by what it contains."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from . import ome_zarr, pictures, stacks, tiff, vendors
from .recognising import Format, recognise
from .source import Hints, Limits, Source

Reader: TypeAlias = Callable[[Path, Hints, Limits, int], Source]

_READERS: dict[Format, Reader] = {
    Format.TIFF: tiff.read_tiff,
    Format.PNG: pictures.read_picture,
    Format.JPEG: pictures.read_picture,
    Format.CZI: vendors.read_czi,
    Format.ND2: vendors.read_nd2,
    Format.LIF: vendors.read_lif,
    Format.OME_ZARR: ome_zarr.read_ome_zarr,
}


def read(
    path: str | os.PathLike[str], *, hints: Hints | None = None, limits: Limits | None = None, series: int = 0
) -> Source:
    """Open an image file, a folder of equal ones (a stack, in the order of the numbers in their names), or OME-Zarr.

    Pixels are read when they are computed; close the source after that. Of files with several images `series` says
    which. Raises `NotFound`, `UnknownFormat`, `UnreadableFile` for broken files, `SuspiciousFile` for bombs, and
    `MissingExtra` with the line to install what a format needs.
    """
    place = Path(path)
    found = recognise(place)
    told, within = hints or Hints(), limits or Limits()
    if found is Format.FOLDER:
        return stacks.read_folder(place, told, within, _READERS)
    return _READERS[found](place, told, within, series)
