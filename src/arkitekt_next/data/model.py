"""What an item says of itself: its kind, and the metadata that travels with it as JSON.

Both sides use these models: the SDK to write what it stored, the hub to check what it is told. They know no pixels,
no store and no numpy. Unknown fields are refused, so that a misspelt one is not lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from arkitekt_next.errors import InvalidMetadata

from .units import SPACE_SYMBOLS, TIME_SYMBOLS

IMAGE_AXES = ("t", "c", "z", "y", "x")
"""The axes of an image in the only order they may have. Source: OME-NGFF 0.5, axes metadata."""

SPACE_AXES = frozenset("zyx")

_SIZES = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (16, 32, 64), "complex": (64, 128)}

DTYPES = frozenset({"bool"} | {f"{kind}{bits}" for kind, sizes in _SIZES.items() for bits in sizes})
"""The types that zarr 3 stores and every reader knows; text, objects and records are none of them."""

MAX_LEVELS = 32
MAX_AXES = 32
MAX_CHANNELS = 4096
MAX_COLUMNS = 4096
MAX_NAME_CHARS = 255

_COLOR = re.compile(r"[0-9A-F]{6}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *; *[\w-]+=[\w!#$&^.+-]+)*", re.ASCII)


class ItemKind(StrEnum):
    """What an item is."""

    IMAGE = "image"
    ARRAY = "array"
    TABLE = "table"
    FILE = "file"


class ImageRole(StrEnum):
    """What the values of an image are: measured brightness, or the number of the object a pixel belongs to."""

    INTENSITY = "intensity"
    LABELS = "labels"


def _printable(text: str) -> str:
    if not text.strip() or not all(char.isprintable() for char in text):
        raise ValueError(f"expected printable text that is not empty, got {text!r}. Leave out control characters")
    return text


def _color(text: str) -> str:
    if not _COLOR.fullmatch(text.upper()):
        raise ValueError(f"expected a colour as six hex digits RRGGBB, got {text!r}. Write pure green as '00FF00'")
    return text.upper()


def _window(window: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    low, high, start, end = window
    if low > high or start > end:
        raise ValueError(f"expected [min, max, start, end] with min <= max and start <= end, got {list(window)}")
    return window


def _dtype(name: str) -> str:
    if name not in DTYPES:
        raise ValueError(f"expected one of {', '.join(sorted(DTYPES))}, got {name!r}. Convert the values")
    return name


def _file_name(name: str) -> str:
    if "/" in name or "\\" in name or name in (".", ".."):
        raise ValueError(f"expected a name without a folder, got {name!r}. Give the last part of the path")
    return name


def _sha256(digest: str) -> str:
    if not _SHA256.fullmatch(digest):
        raise ValueError(
            f"expected 64 lower-case hex digits, got {digest[:80]!r}. Give the hexdigest of hashlib.sha256"
        )
    return digest


def _content_type(text: str) -> str:
    if not _CONTENT_TYPE.fullmatch(text):
        raise ValueError(f"expected a media type like 'text/csv', got {text!r}. Use 'application/octet-stream'")
    return text


Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_printable)]
Extent = Annotated[int, Field(ge=0, lt=2**53)]
Sizes = Annotated[tuple[Extent, ...], Field(strict=False, max_length=MAX_AXES)]
Chunks = Annotated[tuple[Annotated[int, Field(ge=1, lt=2**53)], ...], Field(strict=False, max_length=MAX_AXES)]
Axes = Annotated[tuple[Name, ...], Field(strict=False, max_length=MAX_AXES)]
Window = Annotated[tuple[Finite, Finite, Finite, Finite], Field(strict=False), AfterValidator(_window)]


class _Meta(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Channel(_Meta):
    """One channel: its name, its colour as RRGGBB, and the window (min, max, start, end) that is shown."""

    name: Name
    color: Annotated[str, AfterValidator(_color)] | None = None
    window: Window | None = None


class ArrayMeta(_Meta):
    """Numbers on a grid: any axes, any number of them.

    `scale` is the step along an axis in its unit; `shards` is absent where a shard would hold one chunk only.
    """

    shape: Sizes
    dtype: Annotated[str, AfterValidator(_dtype)]
    axes: Axes
    scale: dict[str, Positive] = {}
    units: dict[str, Name] = {}
    channels: Annotated[tuple[Channel, ...], Field(strict=False, max_length=MAX_CHANNELS)] = ()
    chunks: Chunks | None = None
    shards: Chunks | None = None
    levels: Annotated[int, Field(ge=1, le=MAX_LEVELS)] = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_axes()
        for name, keys in (("scale", self.scale), ("units", self.units)):
            unknown = [key for key in keys if key not in self.axes]
            if unknown:
                raise ValueError(f"{name}: expected keys among the axes {list(self.axes)}, got {unknown}. Remove them")
        if self.channels and len(self.channels) != self.channel_count:
            raise ValueError(
                f"channels: expected {self.channel_count}, one for each place on axis 'c', got {len(self.channels)}. "
                "Name every channel or none"
            )
        self._check_layout()
        return self

    def _check_axes(self) -> None:
        if len(self.axes) != len(self.shape):
            raise ValueError(
                f"axes: expected {len(self.shape)} names, one for each dimension of the shape {list(self.shape)}, "
                f"got {list(self.axes)}. Name every dimension"
            )
        if len(set(self.axes)) != len(self.axes):
            raise ValueError(f"axes: expected names that differ, got {list(self.axes)}. Rename the repeated ones")

    def _check_layout(self) -> None:
        for name, sizes in (("chunks", self.chunks), ("shards", self.shards)):
            if sizes is not None and len(sizes) != len(self.shape):
                raise ValueError(f"{name}: expected {len(self.shape)} sizes, one for each axis, got {list(sizes)}")
        if self.shards is None:
            return
        if self.chunks is None or any(s % c for s, c in zip(self.shards, self.chunks, strict=True)):
            chunks = None if self.chunks is None else list(self.chunks)
            raise ValueError(f"shards: expected multiples of the chunks {chunks}, got {list(self.shards)}")

    @property
    def channel_count(self) -> int:
        """The number of channels: the size of axis 'c', or 1 without one."""
        return self.sizes.get("c", 1)

    @property
    def sizes(self) -> dict[str, int]:
        """The size of every axis by its name."""
        return dict(zip(self.axes, self.shape, strict=True))


class Origin(_Meta):
    """The file, or the folder of files, that an image was read from; by its hash it is known again.

    The hash of a folder is that of the lines `<SHA-256 of the file>  <path in the folder>`, in the order of the paths,
    as `sha256sum` writes them.
    """

    name: Annotated[Name, AfterValidator(_file_name)]
    sha256: Annotated[str, AfterValidator(_sha256)]
    size_bytes: Annotated[int, Field(ge=0, lt=2**63)]
    series: Annotated[int, Field(ge=0, lt=2**31)] = 0
    colors: Annotated[Name | None, Field(description="What was made of red, green and blue, where that was told.")] = (
        None
    )


class ImageMeta(ArrayMeta):
    """An image: two to five of t, c, z, y, x in this order, y and x always there; real numbers only."""

    role: ImageRole = Field(default=ImageRole.INTENSITY, strict=False)
    origin: Origin | None = None

    @model_validator(mode="after")
    def _check_image(self) -> Self:
        if 0 in self.shape:
            raise ValueError(f"shape: expected at least one pixel along each axis, got {list(self.shape)}")
        if self.dtype.startswith("complex"):
            raise ValueError(f"dtype: expected real numbers, got {self.dtype!r}. Store it as an array, not an image")
        if self.role is ImageRole.LABELS and self.dtype.startswith("float"):
            raise ValueError(f"dtype: expected whole numbers for labels, got {self.dtype!r}. Convert them to uint32")
        for axis, unit in self.units.items():
            self._check_unit(axis, unit)
        return self

    def _check_axes(self) -> None:
        known = [axis for axis in IMAGE_AXES if axis in self.axes]
        if list(self.axes) != known or not {"y", "x"} <= set(self.axes):
            raise ValueError(
                f"axes: expected two to five of t, c, z, y, x in this order, with y and x, got {list(self.axes)}. "
                "Transpose and rename the axes, or store it as an array"
            )
        super()._check_axes()

    @staticmethod
    def _check_unit(axis: str, unit: str) -> None:
        known = SPACE_SYMBOLS if axis in SPACE_AXES else TIME_SYMBOLS if axis == "t" else {}
        if unit not in known:
            wanted = {"t": "a unit of time like 'second'", "c": "no unit"}.get(axis, "a unit like 'micrometer'")
            raise ValueError(f"units.{axis}: expected {wanted}, got {unit!r}. Write the name in full, in singular")


class Column(_Meta):
    """One column of a table: its name and the name of its Arrow type."""

    name: Annotated[str, Field(max_length=MAX_NAME_CHARS)]
    type: Annotated[str, Field(min_length=1, max_length=1024)]


class TableRole(StrEnum):
    """What the rows of a table are."""

    ROIS = "rois"


class TableMeta(_Meta):
    """A table: its columns in order, and how many rows it has. `role` says of rows what programs take them for."""

    role: TableRole | None = Field(default=None, strict=False)
    columns: Annotated[tuple[Column, ...], Field(strict=False, max_length=MAX_COLUMNS)]
    rows: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [column.name for column in self.columns]
        repeated = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if repeated:
            raise ValueError(f"columns: expected names that differ, got {repeated[:8]} more than once. Rename them")
        return self


class FileMeta(_Meta):
    """A file: its name without a folder, its media type, and, once it is written, its size and its hash."""

    name: Annotated[Name, AfterValidator(_file_name)]
    content_type: Annotated[str, Field(max_length=MAX_NAME_CHARS), AfterValidator(_content_type)] = (
        "application/octet-stream"
    )
    size_bytes: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    sha256: Annotated[str, AfterValidator(_sha256)] | None = None


Meta = ImageMeta | ArrayMeta | TableMeta | FileMeta

_MODELS: Mapping[ItemKind, type[Meta]] = {
    ItemKind.IMAGE: ImageMeta,
    ItemKind.ARRAY: ArrayMeta,
    ItemKind.TABLE: TableMeta,
    ItemKind.FILE: FileMeta,
}


def parse_meta(kind: ItemKind, raw: object, *, where: str = "meta") -> Meta:
    """Check what is said of an item of this kind. Raises `InvalidMetadata` for the first thing that does not fit."""
    try:
        return _MODELS[kind].model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field, _, problem = _sentence(first).rpartition(": expected ")
        place = ".".join([where, *(str(part) for part in first["loc"]), *([field] if field else [])])
        raise InvalidMetadata(where=place, problem=f"expected {problem}" if field else problem, kind=kind) from error


def meta_json(meta: Meta) -> dict[str, Any]:
    """Give the JSON form of the metadata; what is not known is left out."""
    return meta.model_dump(mode="json", exclude_none=True)


def _sentence(problem: Any) -> str:
    """Say what was wrong; the text begins with the field when a rule over several fields found it."""
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    if problem["type"] == "missing":
        return "expected a value, got none. Add the field"
    if problem["type"] == "extra_forbidden":
        return "expected only the fields of this kind, got one more. Remove it or correct its name"
    said = str(problem["msg"]).removeprefix("Input should be ")
    got = repr(problem["input"])
    return f"expected {said}, got {got if len(got) <= 80 else got[:77] + '...'}. Correct the value"
