"""The pixels of a TIFF series, plane by plane; planes too large for memory in bands of rows.

tifffile decodes single tiles and strips; this module picks those that a band needs. The rule: before anything is read,
its place is compared with the size of the file, so that a cut-off file is an error and not black.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from arkitekt_next.errors import ArkitektError

from .source import BAND_BYTES, Plane, broken

_JPEG = frozenset((6, 7, 34892, 33007))


class TiffPlanes:
    """Reads rows of the planes of a series. `outer` are the sizes of its axes before samples, y and x."""

    def __init__(self, path: Path, series: tifffile.TiffPageSeries, outer: Sequence[int], samples: int | None) -> None:
        self._path = path
        self._series = series
        self._outer = tuple(outer)
        self._samples = samples
        self._lock = threading.RLock()
        self._key: Any = series.keyframe
        self.is_planar = samples is not None and int(self._key.planarconfig) == 2
        self._offset = series.dataoffset

    @property
    def plane_shape(self) -> tuple[int, ...]:
        """The shape of a plane as it lies in the file."""
        y, x = int(self._key.imagelength), int(self._key.imagewidth)
        if self._samples is None:
            return y, x
        return (self._samples, y, x) if self.is_planar else (y, x, self._samples)

    def rows(self, plane: Plane, start: int, stop: int) -> npt.NDArray[Any]:
        """Read rows of a plane: (y, x), or (samples, y, x). Raises `UnreadableFile` where the file is broken."""
        number = int(np.ravel_multi_index(plane, self._outer)) if self._outer else 0
        try:
            found = self._read(number, start, stop)
        except ArkitektError:
            raise
        except Exception as error:  # what decoders raise is theirs to choose
            raise broken(self._path, "TIFF", error) from error
        return found if self._samples is None or self.is_planar else np.moveaxis(found, -1, 0)

    def check_end(self) -> None:
        """Look whether the last plane lies inside the file, so that a cut-off file is noticed at once."""
        if self._offset is None:
            self._page(math.prod(self._outer) - 1)
        else:
            file = self._key.parent.filehandle
            self._check_inside(file, self._offset + math.prod(self._outer) * self._plane_bytes)

    @property
    def _plane_bytes(self) -> int:
        return math.prod(self.plane_shape) * self._series.dtype.itemsize

    def _read(self, number: int, start: int, stop: int) -> npt.NDArray[Any]:
        if self._offset is not None:
            return self._flat(self._key.parent.filehandle, self._offset + number * self._plane_bytes, start, stop)
        page = self._page(number)
        if page is None:  # OME-TIFF may leave planes out; they are black
            return np.zeros(self._cut_shape(start, stop), self._series.dtype)
        if page.is_final and len(page.dataoffsets):
            return self._flat(page.parent.filehandle, page.dataoffsets[0], start, stop)
        if self._plane_bytes > BAND_BYTES:
            return self._band(page, start, stop)
        whole = page.asarray(lock=self._lock, maxworkers=1).reshape(self.plane_shape)
        return np.asarray(whole[self._rows_of(start, stop)])

    def _page(self, number: int) -> Any:
        with self._lock:
            page = self._series[number]
        if page is not None and len(page.dataoffsets):
            ends = (o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False))
            self._check_inside(page.parent.filehandle, max(ends))
        return page

    def _check_inside(self, file: Any, end: int) -> None:
        if end > file.size:
            raise broken(self._path, "TIFF", f"{file.size} bytes, pixels up to byte {end}: the file is cut off")

    def _rows_of(self, start: int, stop: int) -> tuple[slice, ...]:
        return (slice(None), slice(start, stop)) if self.is_planar else (slice(start, stop),)

    def _cut_shape(self, start: int, stop: int) -> tuple[int, ...]:
        shape = list(self.plane_shape)
        shape[1 if self.is_planar else 0] = stop - start
        return tuple(shape)

    def _flat(self, file: Any, offset: int, start: int, stop: int) -> npt.NDArray[Any]:
        """Read pixels that lie in one piece, not packed."""
        dtype = np.dtype(self._series.dtype).newbyteorder(self._key.parent.byteorder)
        shape = self.plane_shape
        row = math.prod(shape[2:] if self.is_planar else shape[1:]) * dtype.itemsize
        parts = []
        for part in range(shape[0] if self.is_planar else 1):
            at = offset + (part * shape[1] + start) * row if self.is_planar else offset + start * row
            self._check_inside(file, at + (stop - start) * row)
            with self._lock:
                file.seek(at)
                parts.append(np.frombuffer(file.read((stop - start) * row), dtype))
        return np.concatenate(parts).reshape(self._cut_shape(start, stop))

    def _band(self, page: Any, start: int, stop: int) -> npt.NDArray[Any]:
        """Decode the tiles or strips that rows need, one by one."""
        key = page.keyframe
        out = np.zeros(self._cut_shape(start, stop), self._series.dtype)
        jpeg = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader} if int(key.compression) in _JPEG else {}
        counts, height = key.chunked, int(key.tilelength if key.is_tiled else key.rowsperstrip)
        for index in range(len(page.dataoffsets)):
            row = int(np.unravel_index(index, counts)[1 if self.is_planar else 0])
            if (row + 1) * height <= start or row * height >= stop or not page.databytecounts[index]:
                continue
            with self._lock:
                page.parent.filehandle.seek(page.dataoffsets[index])
                packed = page.parent.filehandle.read(page.databytecounts[index])
            segment, (sample, _, y, x, _), shape = key.decode(packed, index, _fullsize=key.is_tiled, **jpeg)
            if segment is not None:
                self._place(out, segment[0, : shape[1], : shape[2]], (int(sample), int(y) - start, int(x)))
        return out

    def _place(self, out: npt.NDArray[Any], segment: npt.NDArray[Any], at: tuple[int, int, int]) -> None:
        sample, y, x = at
        target = out[sample] if self.is_planar else out
        piece = segment[max(0, -y) :, : target.shape[1] - x]
        piece = piece[: target.shape[0] - max(0, y)]
        if target.ndim == 2:
            piece = piece[..., 0]
        target[max(0, y) : max(0, y) + piece.shape[0], x : x + piece.shape[1]] = piece
