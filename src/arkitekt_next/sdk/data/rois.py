"""Regions of interest: shapes in an image, kept in a table that is attached to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

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
    were measured in it. Raises `InvalidValue` for points that the shape can't have.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: Shape
    points: tuple[tuple[Coordinate, Coordinate], ...]
    label: str = ""
    t: Index | None = None
    c: Index | None = None
    z: Index | None = None
    values: dict[str, Coordinate] = Field(default_factory=dict)

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as wrong:
            raise _misfit("roi", wrong) from None

    @model_validator(mode="after")
    def _check(self) -> Roi:
        least, most = _COUNTS[self.shape]
        if not least <= len(self.points) <= (most or len(self.points)):
            wanted = f"{least}" if least == most else f"at least {least}"
            about = {"error": f"{wanted} for a {self.shape}", "got": str(len(self.points)), "at": "points"}
            raise PydanticCustomError("count", "expected {error}, got {got}", about)
        return self


def rois_of(given: Iterable[Roi | dict[str, Any]], *, shape: Sequence[int], axes: Sequence[str]) -> list[Roi]:
    """Check regions against the image that they are for. Raises `InvalidValue` with the number of the first misfit."""
    found = []
    sizes = dict(zip(axes, shape, strict=True))
    for number, raw in enumerate(given):
        try:
            roi = raw if isinstance(raw, Roi) else Roi(**raw)
        except TypeError:
            raise InvalidValue(where=f"rois.{number}", expected="a region", got=repr(raw)[:100]) from None
        except InvalidValue as wrong:
            fields = {**wrong.fields, "where": str(wrong.fields["where"]).replace("roi", f"rois.{number}", 1)}
            raise InvalidValue(**fields) from None
        for axis in _AXES:
            at = getattr(roi, axis)
            if at is not None and at >= sizes.get(axis, 1):
                wanted = f"0 to {sizes[axis] - 1}" if axis in sizes else f"none: the image has no axis {axis}"
                raise InvalidValue(where=f"rois.{number}.{axis}", expected=wanted, got=str(at))
        if _lies_outside(roi, sizes["y"], sizes["x"]):
            wanted = f"points within {sizes['y']} rows (y) and {sizes['x']} columns (x), at least in part"
            raise InvalidValue(where=f"rois.{number}.points", expected=wanted, got=str(list(roi.points))[:100])
        found.append(roi)
        if number >= ROIS_LIMIT:
            raise InvalidValue(where="rois", expected=f"at most {ROIS_LIMIT} regions at once", got="more")
    return found


def _misfit(where: str, wrong: ValidationError) -> InvalidValue:
    first = wrong.errors(include_url=False)[0]
    about = first.get("ctx", {})
    place = ".".join([where, *(str(part) for part in first["loc"]), *([about["at"]] if "at" in about else [])])
    got = about.get("got", repr(first.get("input"))[:100])
    return InvalidValue(where=place, expected=str(about.get("error", first["msg"])), got=got)


def _lies_outside(roi: Roi, rows: int, columns: int) -> bool:
    """Tell whether no part of a region can lie in the image: the box around its points does not meet it."""
    for values, size in zip(zip(*roi.points, strict=True), (rows, columns), strict=True):
        if max(values) < -0.5 or min(values) > size - 0.5:
            return True
    return False


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
            found.append(Roi(**{**row, "values": json.loads(row.get("values") or "{}")}))
        except (ValueError, TypeError, RecursionError) as wrong:
            raise InvalidValue(where=f"{where}, row {number}", expected="a region", got=str(row)[:100]) from wrong
    return found
