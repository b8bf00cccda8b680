"""How a value that does not fit is reported from deep inside without costing anything while all is well.

A codec raises `Misfit` with what it expected and got; each container on the way up adds its step; the outermost
function turns it into an `InvalidValue` with the whole path. The one rule: describing a value never fails and never
prints much, whatever the value is (deep, huge, or with a broken `repr`).
"""

from __future__ import annotations

from typing import Any

from arkitekt_next.errors import InvalidValue, TooLarge

_SHOWN_CHARS = 60


class Misfit(Exception):
    """A value does not fit; `path` grows while it travels up, innermost step first."""

    def __init__(self, expected: str, got: str, *, size_bytes: int | None = None, limit_bytes: int = 0) -> None:
        super().__init__(expected, got)
        self.expected = expected
        self.got = got
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        self.path: list[str] = []

    def within(self, step: str) -> Misfit:
        """Add one step of the path and give the misfit itself."""
        self.path.append(step)
        return self

    def as_error(self, where: str) -> InvalidValue:
        """Give the public error, its `where` completed by the path."""
        place = where + "".join(reversed(self.path))
        if self.size_bytes is not None:
            return TooLarge(
                where=place,
                size_bytes=self.size_bytes,
                limit_bytes=self.limit_bytes,
                remedy="Store it and pass a structure (a class with shrink and expand) instead",
            )
        return InvalidValue(where=place, expected=self.expected, got=self.got)


def misfit(expected: str, value: Any) -> Misfit:
    """Say that `value` is not of the expected type."""
    return Misfit(expected, describe(value))


def describe(value: Any) -> str:
    """Describe any value in a few words: `str 'abc'`, `int -1`, `list of 3 items`, `Camera object`."""
    kind = type(value)
    if value is None:
        return "None"
    if kind in (bool, int, float, str, bytes):
        return f"{kind.__name__} {shorten(value)}"
    if isinstance(value, dict | list | tuple | set | frozenset):
        count = len(value)
        return f"{kind.__name__} of {count} item{'' if count == 1 else 's'}"
    return f"{kind.__name__} object"


def shorten(value: Any) -> str:
    """Write a scalar, at most a line long."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"of {value.bit_length()} bits"
    if isinstance(value, str | bytes):
        text = repr(value[:_SHOWN_CHARS])
        return text if len(value) <= _SHOWN_CHARS else f"{text}… ({len(value)} long)"
    if isinstance(value, dict | list | tuple | set | frozenset):
        return describe(value)
    try:
        text = str(value)
    except Exception as broken:
        return f"{type(value).__name__} (its str() raised {type(broken).__name__})"
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
