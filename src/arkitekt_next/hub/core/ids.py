"""Ids and time as the hub makes them: UUIDv7 text, UTC microseconds, and a monotonic clock for deadlines."""

from __future__ import annotations

import time

import uuid_utils


def new_id() -> str:
    """Make an id that sorts by the time it was made. Source: RFC 9562 §5.7."""
    return str(uuid_utils.uuid7())


def first_id_at(at_us: int) -> str:
    """Give what every id that was made at that time or later is not below."""
    digits = f"{at_us // 1000:012x}"
    return f"{digits[:8]}-{digits[8:12]}"


def now_us() -> int:
    """Give UTC microseconds since 1970."""
    return time.time_ns() // 1000


monotonic = time.monotonic
