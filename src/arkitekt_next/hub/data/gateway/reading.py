"""GET and HEAD of objects: conditions, ranges, and bytes in steps."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from arkitekt_next.hub.data.objects.contract import Gone

from .answers import Answer, Headers, S3Error

if TYPE_CHECKING:
    from arkitekt_next.hub.data.objects.contract import Stored

    from .request import Call

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_MICRO = 1_000_000
_TRIES = 10


async def get(call: Call) -> Answer:
    """Serve an object, or a range of it; HEAD gives the same headers."""
    call.takes()
    key = call.own_key()
    for _ in range(_TRIES):
        stored = await call.hub.objects.head(str(key))
        if stored is None:
            raise S3Error("NoSuchKey", "expected a key that is there; list the prefix to see which are")
        with suppress(Gone):  # it was replaced between the look and the reading: what is there now is given
            return await _serve(call, stored)
    raise S3Error("SlowDown", "the object is being replaced again and again: try again")


async def _serve(call: Call, stored: Stored) -> Answer:
    headers = describe(stored)
    early = _check_conditions(call, stored)
    if early is not None:
        return Answer(early, headers)
    found = _range_of(call.header("range"), stored.size_bytes)
    start, stop = found or (0, stored.size_bytes)
    if found is not None:
        headers.append((b"content-range", f"bytes {start}-{stop - 1}/{stored.size_bytes}".encode()))
    elif (call.header("x-amz-checksum-mode") or "").upper() == "ENABLED":
        headers.append((b"x-amz-checksum-sha256", base64.b64encode(bytes.fromhex(stored.digest))))
        headers.append((b"x-amz-checksum-type", b"FULL_OBJECT"))
    headers.append((b"content-length", str(stop - start).encode()))
    status = 206 if found is not None else 200
    if call.asked.method == "HEAD" or start == stop:
        return Answer(status, headers)
    steps = bytes_of(call, stored, start, stop)
    return Answer(status, headers, await anext(steps), steps)


async def bytes_of(call: Call, stored: Stored, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    """Give the bytes from `start` up to `stop`, which take one of the person's places until they end."""
    steps: Any = call.hub.objects.read(stored, start, stop)
    async with call.hub.transfers.reading(call.grant.person), aclosing(steps):
        async for data in steps:
            yield data


def describe(stored: Stored) -> Headers:
    """Give the headers that say what an object is."""
    return [
        (b"etag", f'"{stored.etag}"'.encode()),
        (b"last-modified", http_time(stored.modified_at_us).encode()),
        (b"content-type", stored.content_type.encode("latin-1")),
        (b"accept-ranges", b"bytes"),
    ]


def http_time(at_us: int) -> str:
    """Write a time as headers have it."""
    return format_datetime(datetime.fromtimestamp(at_us // _MICRO, UTC), usegmt=True)


def iso_time(at_us: int) -> str:
    """Write a time as S3's documents have it."""
    return datetime.fromtimestamp(at_us / _MICRO, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def names_etag(header: str, etag: str) -> bool:
    """Whether a list of etags, or `*`, has this one."""
    named = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    return "*" in named or etag in named


def _check_conditions(call: Call, stored: Stored) -> int | None:
    """Give the status to answer with instead, where a condition says so. Source: RFC 9110 §13.2.2."""
    seconds = stored.modified_at_us // _MICRO
    match, since = call.header("if-match"), _time_of(call.header("if-unmodified-since"))
    is_unmet = not names_etag(match, stored.etag) if match is not None else since is not None and seconds > since
    if is_unmet:
        raise S3Error("PreconditionFailed", f'the object has the etag "{stored.etag}" now: read it anew')
    other, since = call.header("if-none-match"), _time_of(call.header("if-modified-since"))
    is_same = names_etag(other, stored.etag) if other is not None else since is not None and seconds <= since
    return 304 if is_same else None


def _time_of(header: str | None) -> float | None:
    with suppress(TypeError, ValueError, OverflowError):
        return parsedate_to_datetime(header or "").timestamp()
    return None


def _range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """Give where to begin and stop; None for all: several ranges, or what is none, count for nothing as in S3."""
    found = _RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, stop = max(0, size - int(found[2])), size
    else:
        start, stop = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
        if found[2] and int(found[2]) < start:
            return None
    if start >= size or start >= stop:
        headers = [(b"content-range", f"bytes */{size}".encode())]
        raise S3Error("InvalidRange", f"expected a range within {size} bytes", headers=headers)
    return start, stop
