"""Names of files that are written on this machine. The rule: a name that came from the hub never leads elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from arkitekt_next.errors import InvalidValue

_UNFIT = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LIMIT_BYTES = 200


def safe_name(name: str, otherwise: str) -> str:
    """Make a name of a file that any system takes out of what people call something, or else of something other."""
    text = _UNFIT.sub("_", name).strip(" .")
    text = text.encode("utf-8", "replace")[:_LIMIT_BYTES].decode("utf-8", "ignore").strip(" .")
    if not text:
        return safe_name(otherwise, "file") if otherwise else ""
    return f"_{text}" if _RESERVED.fullmatch(text) else text


def target_of(path: Path, name: str, endings: Sequence[str]) -> tuple[Path, str]:
    """Give the place to write to, and which of the endings it has: in a folder, the name with the first of them.

    Raises `InvalidValue` for a place with another ending.
    """
    for ending in endings:
        if path.name.lower().endswith(ending):
            return path, ending
    if path.is_dir():
        return path / f"{name}{endings[0]}", endings[0]
    raise InvalidValue(
        where=str(path),
        expected=f"a folder that is there, or a name that ends in {', '.join(endings)}",
        got=repr(path.name),
    )
