"""Microscope files in and out, no hub needed: `read` opens one, `write_ome_tiff` and `write_ome_zarr` make one."""

from __future__ import annotations

from .exporting import write_ome_tiff, write_ome_zarr
from .importing import read
from .source import Hints, Limits, Source

__all__ = ["Hints", "Limits", "Source", "read", "write_ome_tiff", "write_ome_zarr"]
