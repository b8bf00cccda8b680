"""How long names and tags of items may be, and what stands in them: the same for the hub, the SDK and the commands."""

from __future__ import annotations

NAME_CHARS = 256
TAG_CHARS = 64
NOT_IN_TAGS = "/"
"""What no tag and no name of a folder holds, besides control characters."""
_ANY = rf"[^\x00-\x1f{NOT_IN_TAGS}]"
_NO_DOT = rf"[^\x00-\x1f{NOT_IN_TAGS}.]"
PART_PATTERN = rf"^(?:{_NO_DOT}{_ANY}*|\.{_NO_DOT}{_ANY}*|\.\.{_ANY}+)$"
"""A part of a path that is neither `.` nor `..`, which lead elsewhere in an address however they are written."""


def is_tag(text: object) -> bool:
    """Tell whether something can be a tag."""
    return (
        isinstance(text, str)
        and text.strip() not in ("", ".", "..")
        and len(text) <= TAG_CHARS
        and not any(c in NOT_IN_TAGS or ord(c) < 32 for c in text)
    )
