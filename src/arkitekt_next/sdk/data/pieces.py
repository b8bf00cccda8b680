"""What can be written: numpy, dask and xarray arrays, or a generator of pieces, as one stream of blocks in C order.

A generator gives pieces of an array whose shape is known: planes (y, x), stacks (z, y, x), or several of them at once
along the first axis of a piece. What a piece has less than the array are leading axes; they are counted up in C order.
The rule: nothing here keeps a piece after it was handed on, except the copy of a generator's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from arkitekt_next.errors import InvalidValue

Pixels: TypeAlias = Any
"""numpy, dask or xarray arrays, anything else with `shape`, `dtype` and slices, or an iterable of pieces."""

Block: TypeAlias = tuple[tuple[int, ...], npt.NDArray[Any]]
"""Where a block starts, and its values with all axes."""


def is_whole(data: Pixels) -> bool:
    """Tell an array, of which any part can be asked for, from a generator of pieces."""
    return hasattr(data, "shape") and hasattr(data, "dtype") and hasattr(data, "__getitem__")


def blocks_of(data: Pixels, shape: Sequence[int], dtype: npt.DTypeLike, unit: Sequence[int]) -> Iterator[Block]:
    """Give the values block by block in C order: an array in blocks of `unit`, a generator in its own pieces.

    Raises `InvalidValue` when the shape or the type is another than was said, or pieces are missing or too many.
    """
    if is_whole(data):
        _check("the array", tuple(data.shape), data.dtype, tuple(shape), np.dtype(dtype))
        yield from _cut(_plain(data), shape, dtype, unit)
    else:
        yield from _counted(data, tuple(shape), np.dtype(dtype))


def cells(shape: Sequence[int], unit: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Give the regions of a regular grid in C order, cut at the end of the array."""
    ranges = [range(0, size, step) for size, step in zip(shape, unit, strict=True)]
    for start in itertools.product(*ranges):
        yield tuple(slice(s, min(s + u, n)) for s, u, n in zip(start, unit, shape, strict=True))


def _plain(data: Any) -> Any:
    """Take the array out of an xarray object, whose indexing carries coordinates along."""
    return data.variable.data if hasattr(data, "variable") else data


def _cut(data: Any, shape: Sequence[int], dtype: npt.DTypeLike, unit: Sequence[int]) -> Iterator[Block]:
    for region in cells(shape, unit):
        part = data[region]
        block = np.asarray(part.compute() if hasattr(part, "compute") else part, dtype=dtype)
        yield tuple(s.start for s in region), block


def _counted(pieces: Iterable[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Block]:
    done, total = 0, math.prod(shape)
    for number, given in enumerate(pieces):
        piece = np.array(_plain(given))  # a copy: sources like to use one buffer for every frame
        where = f"piece {number}"
        if piece.dtype != dtype:
            _check(where, (), piece.dtype, (), dtype)
        yield _placed(piece, done, shape, where)
        done += piece.size
        if piece.size == 0:
            raise InvalidValue(where=where, expected="pixels", got=f"the shape {list(piece.shape)}")
    if done != total:
        raise InvalidValue(
            where="the pieces", expected=f"{total} values for the shape {list(shape)}", got=f"{done} before they ended"
        )


def _placed(piece: npt.NDArray[Any], done: int, shape: tuple[int, ...], where: str) -> Block:
    lead = len(shape) - piece.ndim
    inner = shape[lead + 1 :]
    if lead < 0 or piece.ndim == 0 or piece.shape[1:] != inner:
        wanted = " or ".join(str(["n", *shape[i + 1 :]]) for i in range(len(shape)))
        raise InvalidValue(where=where, expected=f"the shape {wanted}".replace("'", ""), got=str(list(piece.shape)))
    if done + piece.size > math.prod(shape):
        raise InvalidValue(where=where, expected=f"no more than the shape {list(shape)} holds", got="one piece more")
    row = math.prod(inner)
    start = np.unravel_index(done // row, shape[: lead + 1])
    if done % row or int(start[-1]) + piece.shape[0] > shape[lead]:
        raise InvalidValue(
            where=where,
            expected=f"at most {shape[lead] - int(start[-1])} along its first axis, where axis {lead} ends",
            got=str(list(piece.shape)),
        )
    full = piece.reshape((1,) * lead + piece.shape)
    return (*(int(s) for s in start), *(0 for _ in inner)), full


def _check(
    where: str, shape: tuple[int, ...], dtype: np.dtype[Any], wanted: tuple[int, ...], wanted_dtype: np.dtype[Any]
) -> None:
    if shape != wanted:
        raise InvalidValue(where=where, expected=f"the shape {list(wanted)}", got=str(list(shape)))
    if np.dtype(dtype).newbyteorder("=") != wanted_dtype:
        raise InvalidValue(where=where, expected=f"values of type {wanted_dtype}", got=str(dtype))
