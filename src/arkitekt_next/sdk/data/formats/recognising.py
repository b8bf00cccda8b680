"""Telling files apart by their first bytes; names and endings are not believed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from arkitekt_next.errors import NotFound, UnknownFormat


class Format(StrEnum):
    """What can be read, or is at least known."""

    TIFF = "TIFF"
    PNG = "PNG"
    JPEG = "JPEG"
    CZI = "CZI"
    ND2 = "ND2"
    LIF = "LIF"
    FOLDER = "folder of files"
    OME_ZARR = "OME-Zarr"


_STARTS: tuple[tuple[bytes, Format], ...] = (
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),
    (b"MM\0+", Format.TIFF),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"ZISRAWFILE", Format.CZI),
    (b"\xda\xce\xbe\x0a", Format.ND2),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Format.ND2),
    (b"\x70\0\0\0", Format.LIF),
)
LONGEST = 12


def recognise(path: Path) -> Format:
    """Tell what a file is. Raises `NotFound` when there is none, `UnknownFormat` for everything else."""
    if path.is_dir():
        known = any((path / name).is_file() for name in ("zarr.json", ".zgroup"))
        return Format.OME_ZARR if known else Format.FOLDER
    try:
        with path.open("rb") as file:
            start = file.read(LONGEST)
    except FileNotFoundError as error:
        raise NotFound(what="file", name=str(path), remedy="Check the path") from error
    for magic, found in _STARTS:
        if start.startswith(magic):
            return found
    raise UnknownFormat(
        path=str(path),
        expected="a TIFF, OME-TIFF, PNG, JPEG, CZI, ND2 or LIF file, a folder of them, or OME-Zarr",
        got=f"a file that starts with {start!r}" if start else "an empty file",
        remedy="Save it as OME-TIFF in the program that wrote it, or store it as a plain file",
    )
