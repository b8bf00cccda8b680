"""What a caller gets who lacks the class: `Reference`, `Record`, `EnumValue`.

All three can be passed on wherever the real thing is expected. The one rule: they carry what travelled, nothing
more, and compare by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reference:
    """A structure whose class is not known here: its identifier, and the id its `shrink` gave."""

    identifier: str
    id: str


class EnumValue(str):
    """A member of an enum whose class is not known here; equal to its name."""

    identifier: str | None
    value: str | None

    def __new__(cls, name: str, value: str | None = None, identifier: str | None = None) -> EnumValue:
        made = super().__new__(cls, name)
        made.value = value
        made.identifier = identifier
        return made

    @property
    def name(self) -> str:
        """The member's name, as plain text."""
        return str.__str__(self)

    def __repr__(self) -> str:
        return f"<{self.identifier or 'EnumValue'}.{self.name}: {self.value!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (EnumValue, (self.name, self.value, self.identifier))


class Record:
    """A model whose class is not known here: `record.sigma`, `record["sigma"]`, `asdict(record)`.

    Equal to a `Record` or a dict of the same fields. A field wins over nothing but its own name: read it as an item
    when its name begins with an underscore.
    """

    __slots__ = ("_fields", "_identifier")
    _fields: dict[str, Any]
    _identifier: str | None

    def __init__(self, identifier: str | None, fields: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_identifier", identifier)
        object.__setattr__(self, "_fields", dict(fields))

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_fields")[name]
        except KeyError:
            known = ", ".join(self._fields)
            raise AttributeError(f"{self._identifier or 'record'} has no field '{name}'. It has: {known}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a record is read-only; can't set '{name}'")

    def __getitem__(self, name: str) -> Any:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Record):
            return self._fields == other._fields
        return self._fields == other if isinstance(other, dict) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._fields.items()))

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"{self._identifier or 'Record'}({inside})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Record, (self._identifier, self._fields))


def asdict(record: Record) -> dict[str, Any]:
    """Give the fields as a plain dict, records inside included."""
    return {name: _plain(record[name]) for name in record}


def identifier_of(record: Record) -> str | None:
    """Name the model the record stands for."""
    return record._identifier


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return asdict(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
