"""Regions of interest: shapes in an image, kept in a table that is attached to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from arkitekt_next.errors import InvalidValue

if TYPE_CHECKING:
    import pyarrow as pa

ROIS_LIMIT = 100_000
"""How many regions one table may hold, and be read as such."""
_AXES = ("t", "c", "z")
Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Index = Annotated[int, Field(ge=0, lt=2**31)]


class Shape(StrEnum):
    """What the points of a region mean; in brackets how many there are."""

    POINT = "point"
    LINE = "line"
    PATH = "path"
    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"


_COUNTS: dict[Shape, tuple[int, int | None]] = {
    Shape.POINT: (1, 1),
    Shape.LINE: (2, 2),
    Shape.PATH: (2, None),
    Shape.RECTANGLE: (2, 2),
    Shape.ELLIPSE: (2, 2),
    Shape.POLYGON: (3, None),
}
"""How many points a shape has, at least and at most. A rectangle, and the one around an ellipse, is two corners."""


class Roi(BaseModel):
    """A region: its points as (y, x), in pixels of the full size, where (0, 0) is the middle of the first one.

    `t`, `c` and `z` say where along these axes it lies, counted from 0; None is everywhere. `values` are numbers that
    were measured in it. Raises pydantic's `ValidationError` for points that the shape can't have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Shape
    points: tuple[tuple[Coordinate, Coordinate], ...]
    label: str = ""
    t: Index | None = None
    c: Index | None = None
    z: Index | None = None
    values: dict[str, Coordinate] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> Roi:
        least, most = _COUNTS[self.shape]
        if not least <= len(self.points) <= (most or len(self.points)):
            wanted = f"{least}" if least == most else f"at least {least}"
            raise ValueError(f"points: expected {wanted} for a {self.shape}, got {len(self.points)}")
        return self


def rois_of(given: Iterable[Roi | dict[str, Any]], *, shape: Sequence[int], axes: Sequence[str]) -> list[Roi]:
    """Check regions against the image that they are for. Raises `InvalidValue` with the number of the first misfit."""
    found = []
    sizes = dict(zip(axes, shape, strict=True))
    for number, raw in enumerate(given):
        try:
            roi = raw if isinstance(raw, Roi) else Roi.model_validate(raw)
        except ValidationError as wrong:
            first = wrong.errors(include_url=False)[0]
            where = ".".join(["rois", str(number), *(str(part) for part in first["loc"])])
            said = str(first.get("ctx", {}).get("error", first["msg"]))
            raise InvalidValue(where=where, expected=said, got=repr(first.get("input"))[:100]) from None
        for axis in _AXES:
            at = getattr(roi, axis)
            if at is not None and at >= sizes.get(axis, 1):
                wanted = f"0 to {sizes[axis] - 1}" if axis in sizes else f"none: the image has no axis {axis}"
                raise InvalidValue(where=f"rois.{number}.{axis}", expected=wanted, got=str(at))
        found.append(roi)
        if number >= ROIS_LIMIT:
            raise InvalidValue(where="rois", expected=f"at most {ROIS_LIMIT} regions at once", got="more")
    return found


def table_of(rois: Sequence[Roi]) -> pa.Table:
    """Give regions as a table, a row each: shape, points, label, t, c, z, and measured values as JSON."""
    import pyarrow as pa

    point = pa.list_(pa.float64(), 2)
    columns = {
        "shape": pa.array([str(roi.shape) for roi in rois], pa.string()),
        "points": pa.array([[list(at) for at in roi.points] for roi in rois], pa.list_(point)),
        "label": pa.array([roi.label for roi in rois], pa.string()),
        **{axis: pa.array([getattr(roi, axis) for roi in rois], pa.int32()) for axis in _AXES},
        "values": pa.array([json.dumps(roi.values) for roi in rois], pa.string()),
    }
    return pa.table(columns)


def read_rois(table: pa.Table, *, where: str) -> list[Roi]:
    """Read regions from a table. Raises `InvalidValue` for rows that are none, and for more than there may be."""
    if table.num_rows > ROIS_LIMIT:
        raise InvalidValue(where=where, expected=f"at most {ROIS_LIMIT} regions", got=str(table.num_rows))
    found = []
    for number, row in enumerate(table.to_pylist()):
        try:
            found.append(Roi.model_validate({**row, "values": json.loads(row.get("values") or "{}")}))
        except (ValidationError, ValueError, TypeError, RecursionError) as wrong:
            raise InvalidValue(where=f"{where}, row {number}", expected="a region", got=str(row)[:100]) from wrong
    return found
