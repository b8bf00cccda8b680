"""What every reader gives, a `Source`, and what every reader is told: hints of the person, limits of what is believed.

The rule: a reader believes no size that a file declares before `Limits.check` has seen it, and reads pixels only when
they are asked for, plane by plane or in bands of rows.
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import dask.array as da
import numpy as np
import numpy.typing as npt

from arkitekt_next.data.model import Channel, ImageMeta, ImageRole, ItemKind, parse_meta
from arkitekt_next.data.units import unit_name
from arkitekt_next.errors import InvalidValue, SuspiciousFile, UnreadableFile
from arkitekt_next.sdk.data.describing import stored_dtype

BAND_BYTES = 64 * 2**20
"""Planes larger than this are read in bands of rows of about this size."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What the person knows and the file does not say; what is given here wins over what the file says.

    `stack_axis` is what pages without meaning (or the files of a folder) are: 't', 'z' or 'c'. A `scale` for 't' alone
    says so too. `scale` is in `units`, by default micrometer and second. `colors` is what becomes of red, green and
    blue: 'auto' makes one channel of three that are equal, 'keep' keeps three, a name takes that one alone.
    """

    stack_axis: Literal["t", "z", "c"] | None = None
    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channels: Sequence[Channel | str] = ()
    colors: Literal["auto", "keep", "red", "green", "blue"] = "auto"

    @property
    def stacked(self) -> Literal["t", "z", "c"] | None:
        """The axis of unnamed pages, where one is told."""
        return self.stack_axis or ("t" if "t" in self.scale else None)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may declare. A file smaller than `free_bytes` of pixels may pack as well as it can.

    Above that, more than `ratio` times the size of the file is taken for a bomb: lz4, lzw and deflate can't pack
    pictures of anything that well.
    """

    total_bytes: int = 4 * 2**40
    plane_bytes: int = 64 * 2**30
    planes: int = 4_000_000
    free_bytes: int = 2**30
    ratio: int = 1000

    def check(self, path: Path, shape: Sequence[int], itemsize: int, file_bytes: int) -> None:
        """Raise `SuspiciousFile` when a file of `file_bytes` declares more pixels than it may."""
        total = math.prod(shape) * itemsize
        plane = math.prod(shape[-2:]) * itemsize
        problem = None
        if total > self.total_bytes:
            problem = f"{total} bytes of pixels, at most {self.total_bytes}"
        elif plane > self.plane_bytes:
            problem = f"planes of {plane} bytes, at most {self.plane_bytes}"
        elif math.prod(shape[:-2]) > self.planes:
            problem = f"{math.prod(shape[:-2])} planes, at most {self.planes}"
        elif total > self.free_bytes and total > self.ratio * file_bytes:
            problem = f"{total} bytes of pixels in a file of {file_bytes}, at most {self.ratio} times as much"
        if problem:
            raise SuspiciousFile(
                path=str(path),
                expected="an image within the limits",
                got=f"the shape {list(shape)}: {problem}",
                remedy="If the file is right, give read() larger limits=Limits(...)",
            )


class Source:
    """An image in a file: `data`, a lazy dask array in the order of `meta.axes`, and what is known of it, `meta`.

    It holds the file open until it is closed; use it as a context manager. `count` is how many images the file has,
    `series` which one this is.
    """

    def __init__(
        self, path: Path, data: da.Array, meta: ImageMeta, closing: ExitStack, *, series: int = 0, count: int = 1
    ) -> None:
        self.path = path
        self.data = data
        self.meta = meta
        self.series = series
        self.count = count
        self._closing = closing

    @property
    def name(self) -> str:
        """The name of the file without its endings."""
        name = self.path.name
        for ending in (".ome.tiff", ".ome.tif", ".ome.zarr"):
            if name.lower().endswith(ending):
                return name[: -len(ending)]
        return self.path.stem

    def close(self) -> None:
        """Close the file; `data` can't be computed any more."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.close()


Plane = tuple[int, ...]
Rows = Callable[[Plane, int, int], npt.NDArray[Any]]
"""Read rows start to stop of the plane at these places of the outer axes: (y, x), or (c, y, x) with samples."""


class PlaneArray:
    """An array that is read plane by plane: outer axes, then samples where a plane has several, then y and x."""

    def __init__(
        self, outer: Sequence[int], samples: int | None, y: int, x: int, dtype: npt.DTypeLike, rows: Rows
    ) -> None:
        self.outer = tuple(outer)
        self.samples = samples
        self.shape = (*self.outer, *(() if samples is None else (samples,)), y, x)
        self.dtype = np.dtype(dtype)
        self.ndim = len(self.shape)
        self.rows = rows

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        keys = keys + (slice(None),) * (self.ndim - len(keys))
        whole = tuple(slice(k, k + 1) if isinstance(k, int | np.integer) else k for k in keys)
        ranges = [range(n)[k] for k, n in zip(whole, self.shape, strict=True)]
        out = np.empty([len(r) for r in ranges], self.dtype)
        depth = len(self.outer)
        if out.size:
            y = ranges[-2]
            low, high = min(y[0], y[-1]), max(y[0], y[-1]) + 1
            inner = (*whole[depth:-2], np.asarray(y) - low, whole[-1])
            for index in np.ndindex(*(len(r) for r in ranges[:depth])):
                rows = self.rows(tuple(r[i] for r, i in zip(ranges[:depth], index, strict=True)), low, high)
                out[index] = rows[inner]
        return out[tuple(0 if isinstance(k, int | np.integer) else slice(None) for k in keys)]

    def lazy(self) -> da.Array:
        """Give it as a dask array: one plane a block, larger ones in bands of rows."""
        *_, y, x = self.shape
        row = max(1, x * (self.samples or 1) * self.dtype.itemsize)
        rows = y if y * row <= BAND_BYTES else max(2, BAND_BYTES // row & ~1)
        chunks = (*(1 for _ in self.outer), *(() if self.samples is None else (self.samples,)), rows, x)
        name = f"file-{uuid.uuid4().hex}"
        how = {"lock": False, "asarray": True, "fancy": False, "inline_array": True}
        found: da.Array = da.from_array(self, chunks=chunks, name=name, **how)
        return found


def to_image_axes(data: da.Array, axes: Sequence[str]) -> tuple[da.Array, list[str]]:
    """Bring axes into the order t, c, z, y, x."""
    wanted = [axis for axis in "tczyx" if axis in axes]
    order = [list(axes).index(axis) for axis in wanted]
    return (data if order == sorted(order) else da.transpose(data, order)), wanted


def build_meta(
    data: da.Array,
    axes: Sequence[str],
    hints: Hints,
    *,
    scale: Mapping[str, float],
    units: Mapping[str, str],
    channels: Sequence[Channel] = (),
    where: str,
) -> ImageMeta:
    """Put together what the file says and what the person says. Raises `InvalidMetadata` when it does not fit."""
    strange = [axis for axis in (*hints.scale, *hints.units) if axis not in ("t", "z", "y", "x")]
    if strange:
        raise InvalidValue(where="hints", expected="steps and units along t, z, y, x", got=f"the axes {strange}")
    steps = {axis: step for axis, step in scale.items() if axis in axes and axis != "c" and step > 0}
    steps.update({axis: step for axis, step in hints.scale.items() if axis in axes})
    named = {axis: "second" if axis == "t" else "micrometer" for axis in steps}
    named.update({axis: unit for axis, unit in units.items() if axis in steps and axis not in hints.scale})
    named.update({axis: unit_name(unit) or unit for axis, unit in hints.units.items() if axis in steps})
    given = [c if isinstance(c, Channel) else Channel(name=c) for c in hints.channels]
    count = data.shape[list(axes).index("c")] if "c" in axes else 1
    known = given or (list(channels) if len(channels) == count else [])
    found = parse_meta(
        ItemKind.IMAGE,
        {
            "shape": [int(n) for n in data.shape],
            "dtype": stored_dtype(data.dtype),
            "axes": list(axes),
            "scale": steps,
            "units": named,
            "channels": [channel.model_dump(exclude_none=True) for channel in known],
            "role": ImageRole.INTENSITY,
        },
        where=where,
    )
    assert isinstance(found, ImageMeta)
    return found


def file_size(path: Path) -> int:
    """Give the size of the file, at least 1."""
    return max(1, os.stat(path).st_size)


def broken(path: Path, kind: str, problem: BaseException | str) -> UnreadableFile:
    """Give the error for a file that is not what its first bytes promise."""
    said = problem if isinstance(problem, str) else f"{type(problem).__name__}: {problem}"
    return UnreadableFile(
        path=str(path),
        expected=f"a {kind} file that is complete",
        got=said[:300],
        remedy="Copy it again, or open it in the program that wrote it and save it as OME-TIFF",
    )


def planes_of(shape: Sequence[int]) -> Iterator[Plane]:
    """Give the places of all planes in C order."""
    yield from np.ndindex(*shape)
