"""Keys of objects: `team/<team id>/<item id>/<path>`. The rule: what is not plainly a path downwards is no key.

A key never becomes a path of the hub's own folder, so these limits do not guard the hub. They guard whoever fetches an
item into a folder, and every reader to whom two spellings of one key would be two things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LIMIT_BYTES = 1024
THUMBNAIL = "thumbnail.png"
"""The path, in an image, of a small picture of it. It says nothing that the image does not, and is in no digest."""
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What the id of an item looks like, of a folder, and of most other things of a hub."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\U0010ffff]")
_TEAM = "team"
_HEAD = 3


class InvalidKey(ValueError):
    """A text that is no key; says what was expected."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where an object lies: whose it is, and its path within the item."""

    team: str
    item: str
    path: str

    def __str__(self) -> str:
        return f"{prefix_of(self.team, self.item)}{self.path}"


def prefix_of(team: str, item: str) -> str:
    """Give what all keys of an item begin with."""
    return f"{_TEAM}/{team}/{item}/"


def parse(text: str) -> Key:
    """Read a key. Raises `InvalidKey`."""
    check(text)
    parts = text.split("/", _HEAD)
    if len(parts) != _HEAD + 1 or parts[0] != _TEAM:
        raise InvalidKey("expected team/<team id>/<item id>/<path>")
    return Key(parts[1], parts[2], parts[3])


def check(text: str) -> None:
    """Check what holds for every key. Raises `InvalidKey`."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidKey("expected text in UTF-8, got half of a surrogate pair") from None
    if not 0 < size <= LIMIT_BYTES:
        raise InvalidKey(f"expected 1 to {LIMIT_BYTES} bytes of UTF-8, got {size}")
    if _CONTROL.search(text) or "\\" in text:
        raise InvalidKey("expected neither control characters nor a backslash")
    if any(part in ("", ".", "..") for part in text.split("/")):
        raise InvalidKey("expected segments that are neither empty nor '.' nor '..'")


def past(prefix: str) -> str | None:
    """Give the least text that is above all that begins with `prefix`, in the order of bytes; None when there is none.

    UTF-8 keeps the order of code points, so the last one is counted up, past the surrogates.
    """
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None
