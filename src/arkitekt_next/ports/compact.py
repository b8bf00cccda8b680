"""The form every published model shares: frozen, tolerant when read, compact when written.

The one rule: what equals its default is not written, so that an older reader never meets what it does not need.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Compact(BaseModel):
    """A frozen model that ignores unknown fields and omits defaults in its JSON form."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_json(self) -> dict[str, Any]:
        """Give the JSON form; fields that hold their default are left out."""
        written: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if field.is_required() or not _is_default(value, field.default):
                written[name] = _plain(value)
        return written


def _is_default(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _plain(value: Any) -> Any:
    if isinstance(value, Compact):
        return value.to_json()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value
