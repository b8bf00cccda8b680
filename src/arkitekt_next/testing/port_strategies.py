"""Hypothesis strategies for everything a port can carry: a type hint and a value of it, nested, with nasty scalars.

It is for tests of codecs, transports and databases: whoever carries wire values carries these. Needs `hypothesis`.
The one rule: a drawn value fits its hint exactly, so a round trip must give what `same` calls the same.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import itertools
import math
import typing
import uuid
from enum import Enum, IntEnum, StrEnum
from typing import Any

import typing_extensions
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel

from arkitekt_next.ports import EnumValue, Record, Reference, memory_structure

INT_MAX = 2**63 - 1
INT_MIN = -(2**63)
_MICROS = dt.timedelta(microseconds=1)
_numbers = itertools.count()


class Stain(Enum):
    """A plain enum, with an alias."""

    DAPI = "blue"
    GFP = "green"
    RFP = ("red", 1)
    NUCLEI = "blue"  # noqa: PIE796  # the alias is the point


class Mode(StrEnum):
    """Members that are also text."""

    AUTO = "auto"
    MANUAL = "MANUAL"


class Level(IntEnum):
    """Members that are also numbers."""

    LOW = 0
    HIGH = 1


class Settings(BaseModel):
    """A pydantic model with a nested one."""

    class Roi(BaseModel):
        """A region."""

        x: int = 0
        width: float | None = None

    name: str
    rois: list[Roi] = []
    mode: Mode = Mode.AUTO


@dataclasses.dataclass(frozen=True)
class Specimen:
    """A structure: only its id travels."""

    id: str

    async def shrink(self) -> str:
        """Give the id."""
        return self.id

    @classmethod
    async def expand(cls, value: str) -> Specimen:
        """Come back from the id."""
        return cls(value)


@memory_structure
class Camera:
    """A memory structure: stays where it is."""


_CAMERA = Camera()


def texts() -> SearchStrategy[str]:
    """Draw any Python text: NUL, lone surrogates, astral characters."""
    nasty = ["", "\0", "\ud800", "a\udfffb", "\U0001f52c", "NaN", "null", "e\u0301", "é", "\u2028"]
    return st.sampled_from(nasty) | st.text(st.characters(codec=None), max_size=8)


def integers() -> SearchStrategy[int]:
    """Draw int64, its ends included."""
    return st.sampled_from([0, -1, 2**53, 2**53 + 1, INT_MAX, INT_MIN]) | st.integers(INT_MIN, INT_MAX)


def floats() -> SearchStrategy[float]:
    """Draw any float: NaN, infinities, negative zero, subnormals."""
    nasty = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1.7976931348623157e308, 1e16]
    return st.sampled_from(nasty) | st.floats(allow_nan=False)


def _offsets() -> SearchStrategy[dt.tzinfo | None]:
    day = dt.timedelta(hours=23, minutes=59)
    return st.none() | st.timedeltas(-day, day).map(dt.timezone)


def _json() -> SearchStrategy[Any]:
    leaf = st.none() | st.booleans() | integers() | st.floats(allow_nan=False, allow_infinity=False) | texts()
    return st.recursive(leaf, lambda s: st.lists(s, max_size=2) | st.dictionaries(texts(), s, max_size=2), max_leaves=5)


def _decimals() -> SearchStrategy[decimal.Decimal]:
    nasty = ["NaN", "Infinity", "-Infinity", "-0", "1E+5000", "1E-5000", "1.10"]
    return st.sampled_from(nasty).map(decimal.Decimal) | st.decimals(allow_nan=False, allow_infinity=False)


def _durations() -> SearchStrategy[dt.timedelta]:
    return (st.sampled_from([0, 1, -1, INT_MAX, INT_MIN]) | st.integers(INT_MIN, INT_MAX)).map(lambda n: n * _MICROS)


_HASHABLE: list[tuple[Any, SearchStrategy[Any]]] = [
    (bool, st.booleans()),
    (int, integers()),
    (float, floats()),
    (str, texts()),
    (bytes, st.binary(max_size=16)),
    (dt.datetime, st.builds(lambda d, z: d.replace(tzinfo=z), st.datetimes(), _offsets())),
    (dt.date, st.dates()),
    (dt.time, st.builds(lambda t, z: t.replace(tzinfo=z), st.times(), _offsets())),
    (dt.timedelta, _durations()),
    (uuid.UUID, st.uuids()),
    (decimal.Decimal, _decimals()),
    (Stain, st.sampled_from(Stain)),
    (Mode, st.sampled_from(Mode)),
    (Level, st.sampled_from(Level)),
    (typing.Literal["a", 1, True, False, 0, "1", Stain.GFP], st.sampled_from(["a", 1, True, False, 0, "1", Stain.GFP])),
    (None, st.none()),
]
_SETTINGS = st.builds(
    Settings,
    name=st.text("abc", max_size=3),
    rois=st.lists(st.builds(Settings.Roi, x=st.integers(-5, 5), width=st.none() | st.just(1.5)), max_size=2),
    mode=st.sampled_from(Mode),
)
_OTHERS: list[tuple[Any, SearchStrategy[Any]]] = [
    (Any, _json()),
    (dict, st.dictionaries(texts(), _json(), max_size=2)),
    (list, st.lists(_json(), max_size=2)),
    (Settings, _SETTINGS),
    (Specimen, texts().map(Specimen)),
    (Camera, st.just(_CAMERA)),
]
_KEYS: list[tuple[Any, SearchStrategy[Any]]] = [
    (str, texts()),
    (int, integers()),
    (bool, st.booleans()),
    (Stain, st.sampled_from(Stain)),
    (Level, st.sampled_from(Level)),
]

Typed = tuple[Any, SearchStrategy[Any]]


@st.composite
def ports(draw: st.DrawFn, max_depth: int = 8) -> tuple[Any, Any]:
    """Draw `(hint, value)`, nested up to `max_depth`."""
    hint, values = draw(_typed(max_depth))
    return hint, draw(values)


@st.composite
def _typed(draw: st.DrawFn, depth: int, hashable: bool = False) -> Typed:
    leaves = _HASHABLE if hashable else _HASHABLE + _OTHERS
    if depth <= 1 or draw(st.integers(0, 3)) == 0:
        leaf: Typed = draw(st.sampled_from(leaves))
        return leaf
    kinds = ["tuple", "tuples", "frozenset", "named", "union", "optional"]
    if not hashable:
        kinds += ["list", "set", "dict", "dataclass", "typed_dict", "list", "dict"]
    return _container(draw, draw(st.sampled_from(kinds)), depth - 1, hashable)


def _container(draw: st.DrawFn, kind: str, depth: int, hashable: bool) -> Typed:
    if kind in ("set", "frozenset"):
        hint, values = draw(_typed(depth, True))
        made: Any = set if kind == "set" else frozenset
        return made[hint], st.lists(values, max_size=3).map(made)
    if kind == "dict":
        (key, keys), (hint, values) = draw(st.sampled_from(_KEYS)), draw(_typed(depth))
        return dict[key, hint], st.dictionaries(keys, values, max_size=2)  # type: ignore[valid-type]
    if kind in ("list", "tuples", "optional"):
        hint, values = draw(_typed(depth, hashable))
        if kind == "list":
            return list[hint], st.lists(values, max_size=2)  # type: ignore[valid-type]
        if kind == "optional":
            return typing.Optional[hint], st.none() | values  # noqa: UP045
        return tuple[hint, ...], st.lists(values, max_size=2).map(tuple)  # type: ignore[valid-type]
    parts = draw(st.lists(_typed(depth, hashable), min_size=1, max_size=3))
    hints, all_values = [hint for hint, _ in parts], [values for _, values in parts]
    if kind == "tuple":
        return tuple[tuple(hints)], st.tuples(*all_values)  # type: ignore[misc]
    if kind == "union":
        return typing.Union[tuple(hints)], st.one_of(all_values)  # noqa: UP007
    return _model(kind, hints, all_values)


def _model(kind: str, hints: list[Any], all_values: list[SearchStrategy[Any]]) -> Typed:
    name = f"Drawn{next(_numbers)}"
    fields = {f"f{i}": hint for i, hint in enumerate(hints)}
    values = {f"f{i}": strategy for i, strategy in enumerate(all_values)}
    if kind == "typed_dict":
        return typing_extensions.TypedDict(name, fields), st.fixed_dictionaries(values)  # type: ignore[operator]
    if kind == "named":
        named = typing.NamedTuple(name, list(fields.items()))  # type: ignore[misc]
        return named, st.builds(named, **values)
    made = dataclasses.make_dataclass(name, list(fields.items()))
    return made, st.builds(made, **values)


# -- equality ----------------------------------------------------------------------------------------------------


def same(one: Any, other: Any) -> bool:
    """Say whether two values are the same: NaN equals itself, -0.0 is not 0.0, True is not 1, 1 is not 1.0."""
    return bool(_fingerprint(one) == _fingerprint(other))


def plain(value: Any) -> Any:
    """Reduce a value to what a caller without its classes sees: models as dicts, enums by name, references."""
    if isinstance(value, Enum | EnumValue):
        return value.name
    if isinstance(value, Record):
        return {name: plain(value[name]) for name in value}
    if isinstance(value, Reference) and value.identifier == "Camera":
        return "camera"
    if isinstance(value, Specimen):
        return Reference("Specimen", value.id)
    if isinstance(value, Camera):
        return "camera"
    if isinstance(value, BaseModel) or (dataclasses.is_dataclass(value) and not isinstance(value, Reference)):
        return {k: plain(v) for k, v in vars(value).items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {k: plain(v) for k, v in value._asdict().items()}
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, tuple):
        return tuple(plain(v) for v in value)
    if isinstance(value, set | frozenset):
        return ("set", sorted(_text(plain(v)) for v in value))
    return value


def _fingerprint(value: Any) -> Any:
    kind = type(value).__qualname__
    if isinstance(value, Enum):
        return (kind, value.name)
    if isinstance(value, float):
        return (kind, repr(value))
    if isinstance(value, decimal.Decimal):
        return (kind, str(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return (kind, value.isoformat())
    if isinstance(value, dict):
        return (kind, sorted(((_text(k), _fingerprint(v)) for k, v in value.items()), key=lambda pair: pair[0]))
    if isinstance(value, set | frozenset):
        return (kind, sorted(_text(v) for v in value))
    if isinstance(value, list | tuple):
        return (kind, [_fingerprint(v) for v in value])
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        names = list(type(value).model_fields) if isinstance(value, BaseModel) else _field_names(value)
        return (kind, [(name, _fingerprint(getattr(value, name))) for name in names])
    return (kind, value)


def _field_names(value: Any) -> list[str]:
    return [f.name for f in dataclasses.fields(value)]


def _text(value: Any) -> str:
    return repr(_fingerprint(value))
