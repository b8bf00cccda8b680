"""Whether two items hold the same, and where and how much they differ: read side by side, a piece at a time.

The rule: memory is bounded whatever the size, and what says how values lie in the store (chunks, shards, levels,
compression) is no difference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import InvalidValue

if TYPE_CHECKING:
    from .item import Item

PIECE_BYTES = 16 * 1024 * 1024
_ROWS = 64 * 1024
_LAYOUT = frozenset({"chunks", "shards", "levels", "name"})
_PIXELS = frozenset({"image", "array"})


@dataclass(frozen=True, slots=True)
class Difference:
    """How two arrays, two columns of a table, or two files differ, where both have values to compare.

    `count` values of `total` differ, first at `first` (an index along each axis, a row, a byte); `max_abs` and
    `mean_abs` are over all of them, and None for what has no distance.
    """

    count: int
    total: int
    first: tuple[int, ...]
    max_abs: float | None = None
    mean_abs: float | None = None

    @property
    def fraction(self) -> float:
        """Which part of the values differs, 0 to 1."""
        return self.count / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `Item.compare` found; it is true when they are equal, and as text it says what was found.

    `is_same_digest`: every byte in the store is the same, so nothing had to be read. `said` are differences of shape,
    type and meaning in words, `values` the differences of values: of an array or file under its kind, of a table by
    column.
    """

    is_same_digest: bool
    said: tuple[str, ...] = ()
    values: dict[str, Difference] = field(default_factory=dict)

    @property
    def is_equal(self) -> bool:
        """Whether they hold the same values, which mean the same."""
        return not self.said and not self.values

    def __bool__(self) -> bool:
        return self.is_equal

    def __str__(self) -> str:
        if self.is_same_digest:
            return "equal, byte by byte"
        if self.is_equal:
            return "equal"
        return "; ".join([*self.said, *(_in_words(name, found) for name, found in self.values.items())])


def compare(one: Item, other: Item) -> Comparison:
    """Compare two items. Raises `InvalidValue` for a table with an image and the like."""
    if not isinstance(getattr(other, "kind", None), str):
        raise InvalidValue(where="compare", expected="another item", got=repr(other)[:100])
    if one.kind != other.kind and {one.kind, other.kind} - _PIXELS:
        raise InvalidValue(where="compare", expected=f"another {one.kind}", got=f"{other.kind} {other.name!r}")
    if one.digest == other.digest:
        return Comparison(is_same_digest=True)
    if one.kind == "table":
        return _tables(one, other)
    if one.kind == "file":
        return _files(one, other)
    return _arrays(one, other)


# -- arrays ----------------------------------------------------------------------------------------------------


def _arrays(one: Any, other: Any) -> Comparison:
    said = [
        f"{key} {one.meta.get(key)!r} and {other.meta.get(key)!r}"
        for key in sorted((one.meta.keys() | other.meta.keys()) - _LAYOUT)
        if one.meta.get(key) != other.meta.get(key)
    ]
    if one.shape != other.shape:
        return Comparison(False, tuple(said))
    found = _Tally()
    unit = one.meta.get("shards") or one.meta.get("chunks") or one.shape
    with_data = one.data, other.data
    size = max(data.dtype.itemsize for data in with_data)
    for where in pieces(one.shape, unit, PIECE_BYTES // size):
        first, second = (data[where].to_numpy() for data in with_data)
        found.add(first, second, tuple(part.start for part in where))
    return Comparison(False, tuple(said), found.differences("array"))


def pieces(shape: Sequence[int], unit: Sequence[int], most: int) -> Iterator[tuple[slice, ...]]:
    """Cut an array into pieces of at most `most` values, along the borders of `unit` where that is small enough."""
    sizes = [max(1, min(part, whole)) for part, whole in zip(unit, shape, strict=True)]
    for axis, size in enumerate(sizes):
        rest = 1
        for inner in sizes[axis + 1 :]:
            rest *= inner
        before = 1
        for outer in sizes[:axis]:
            before *= outer
        if before * size * rest > most:
            sizes[axis] = max(1, most // (before * rest))
    ranges = [range(0, whole, size) for whole, size in zip(shape, sizes, strict=True)]
    for corner in itertools.product(*ranges):
        yield tuple(slice(at, min(at + size, whole)) for at, size, whole in zip(corner, sizes, shape, strict=True))


class _Tally:
    """Adds up how two sequences of pieces differ."""

    def __init__(self) -> None:
        self._count = self._total = 0
        self._sum = self._max = 0.0
        self._first: tuple[int, ...] | None = None
        self._has_distance = True

    def add(self, one: Any, other: Any, corner: tuple[int, ...]) -> None:
        """Take two pieces of one shape that begin at `corner`."""
        import numpy as np

        differs = one != other
        if one.dtype.kind in "fc" and other.dtype.kind in "fc":
            differs &= ~(np.isnan(one) & np.isnan(other))
        self._total += one.size
        count = int(np.count_nonzero(differs))
        if not count:
            return
        self._count += count
        index = np.unravel_index(int(np.argmax(differs)), one.shape)
        first = tuple(int(at) + start for at, start in zip(index, corner, strict=True))
        self._first = first if self._first is None else min(self._first, first)
        self._measure(one[differs], other[differs])

    def _measure(self, one: Any, other: Any) -> None:
        import numpy as np

        if {one.dtype.kind, other.dtype.kind} - set("biufc"):
            self._has_distance = False
            return
        if one.dtype == other.dtype and one.dtype.kind in "iu":  # differences of whole numbers may not fit their type
            high, low = np.maximum(one, other), np.minimum(one, other)
            distance = (high.astype(object) - low.astype(object)).astype(float) if one.dtype.itemsize == 8 else None
            distance = high.astype(np.int64) - low.astype(np.int64) if distance is None else distance
        else:
            wide = np.complex128 if "c" in (one.dtype.kind, other.dtype.kind) else np.float64
            distance = np.abs(one.astype(wide) - other.astype(wide))
        self._sum += float(np.sum(distance, dtype=np.float64))
        self._max = max(self._max, float(np.max(distance)))

    def differences(self, name: str) -> dict[str, Difference]:
        """Give the one difference under a name, or none."""
        if self._first is None:
            return {}
        mean = self._sum / self._total
        distances = (self._max, mean) if self._has_distance else (None, None)
        return {name: Difference(self._count, self._total, self._first, *distances)}


# -- tables ----------------------------------------------------------------------------------------------------


def _tables(one: Any, other: Any) -> Comparison:
    types = [{column["name"]: column["type"] for column in item.meta["columns"]} for item in (one, other)]
    both = [name for name in types[0] if name in types[1]]
    said = [f"the column {name!r} only in the first" for name in types[0] if name not in types[1]]
    said += [f"the column {name!r} only in the second" for name in types[1] if name not in types[0]]
    said += [f"{name!r} is {types[0][name]} and {types[1][name]}" for name in both if types[0][name] != types[1][name]]
    if not said and list(types[0]) != list(types[1]):
        said.append("the columns stand in another order")
    if one.rows != other.rows:
        said.append(f"{one.rows} and {other.rows} rows")
    tallies = {name: _Tally() for name in both}
    row = 0
    for first, second in zip(one.batches(_ROWS, both), other.batches(_ROWS, both), strict=False):
        size = min(first.num_rows, second.num_rows)
        for name, tally in tallies.items():
            column, twin = (table.column(name).slice(0, size) for table in (first, second))
            tally.add(_comparable(column), _comparable(twin), (row,))
        row += size
    values: dict[str, Difference] = {}
    for name, tally in tallies.items():
        values |= tally.differences(name)
    return Comparison(False, tuple(said), values)


def _comparable(column: Any) -> Any:
    """Give a column as numpy: numbers as they are (what is missing as NaN), anything else as objects."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)) and not (
        pa.types.is_integer(kind) and column.null_count
    ):
        values = column.to_numpy()
        return values.astype(float) if values.dtype == object and column.null_count else values
    made = np.empty(len(column), dtype=object)
    made[:] = [repr(value) for value in column.to_pylist()]
    return made


# -- files -----------------------------------------------------------------------------------------------------


def _files(one: Any, other: Any) -> Comparison:
    import numpy as np

    sizes = one.meta["size_bytes"], other.meta["size_bytes"]
    said = [] if sizes[0] == sizes[1] else [f"{sizes[0]} and {sizes[1]} bytes"]
    if one.sha256 == other.sha256:
        return Comparison(False)
    tally = _Tally()
    at = 0
    with one.open() as first, other.open() as second:
        while True:
            pair = first.read(PIECE_BYTES), second.read(PIECE_BYTES)
            size = min(len(part) for part in pair)
            if not size:
                break
            part, twin = (np.frombuffer(data, dtype=np.uint8, count=size) for data in pair)
            tally.add(part, twin, (at,))
            at += size
    values = {
        name: Difference(found.count, found.total, found.first) for name, found in tally.differences("file").items()
    }
    return Comparison(False, tuple(said), values)


def _in_words(name: str, found: Difference) -> str:
    where = ", ".join(str(part) for part in found.first)
    text = f"{name}: {found.count} of {found.total} values differ ({found.fraction:.2%}), first at {where}"
    if found.max_abs is None or found.mean_abs is None:
        return text
    return f"{text}, by {found.max_abs:g} at most and {found.mean_abs:g} on average"
