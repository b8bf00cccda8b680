"""Listing what lies below a grant's prefix, in both versions of S3's list, and what is asked of the bucket itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from arkitekt_next.data.sigv4 import REGION

from . import xml
from .answers import Answer, S3Error
from .reading import iso_time
from .request import BUCKET

if TYPE_CHECKING:
    from arkitekt_next.hub.data.objects.contract import Objects, Stored

    from .request import Call

_MOST = 1000
_ABOVE = "\U0010ffff"
"""No key has it, so a prefix followed by it is above all keys that begin with the prefix."""
_DIGITS = 10
_COMMON = ("prefix", "delimiter", "max-keys", "encoding-type")
_XML = [(b"content-type", b"application/xml")]


@dataclass(slots=True)
class Page:
    """What one answer shows; `last` is where the next one goes on."""

    objects: list[Stored] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    is_truncated: bool = False

    @property
    def size(self) -> int:
        """How many entries it has."""
        return len(self.objects) + len(self.prefixes)


async def location(call: Call) -> Answer:
    """Say where the bucket is: the empty text is us-east-1."""
    call.takes("location")
    return Answer(200, list(_XML), xml.write("LocationConstraint", []))


async def versioning(call: Call) -> Answer:
    """Say that no versions are kept."""
    call.takes("versioning")
    return Answer(200, list(_XML), xml.write("VersioningConfiguration", []))


async def head_bucket(call: Call) -> Answer:
    """Say that the bucket is there."""
    call.takes()
    return Answer(200, [(b"x-amz-bucket-region", REGION.encode())])


async def list_objects(call: Call) -> Answer:
    """List keys, in the version that is asked for."""
    is_second = "list-type" in call.query
    if is_second:
        call.takes(*_COMMON, "list-type", "continuation-token", "start-after", "fetch-owner")
    else:
        call.takes(*_COMMON, "marker")
    prefix, delimiter = call.query.get("prefix", ""), call.query.get("delimiter", "")
    if call.query.get("list-type", "2") != "2":
        raise S3Error("InvalidArgument", "expected list-type=2, or no list-type")
    if not prefix.startswith(call.grant.prefix):
        raise S3Error("AccessDenied", f"expected a prefix that begins with {call.grant.prefix}, as the grant does")
    if call.query.get("encoding-type", "url") != "url":
        raise S3Error("InvalidArgument", "expected encoding-type=url, or none")
    most = min(_MOST, number_of(call, "max-keys", least=0, most=None, default=_MOST))
    after = _after_of(call, prefix, delimiter)
    page = await collect(call.hub.objects, prefix, delimiter, after=after, most=most)
    nodes = _described(call, page, prefix, delimiter, most, is_second=is_second)
    return Answer(200, list(_XML), xml.write("ListBucketResult", nodes))


def _after_of(call: Call, prefix: str, delimiter: str) -> str:
    token = call.query.get("continuation-token")
    if token is not None:
        try:
            return base64.b64decode(token, altchars=b"-_", validate=True).decode()
        except (binascii.Error, ValueError):
            raise S3Error("InvalidArgument", "expected continuation-token as the last answer gave it") from None
    after = call.query.get("start-after", "")
    marker = call.query.get("marker", "")
    if marker and delimiter and marker.endswith(delimiter) and marker.startswith(prefix):
        return marker + _ABOVE
    return after or marker


async def collect(objects: Objects, prefix: str, delimiter: str, *, after: str, most: int) -> Page:
    """Gather one page. What shares a part up to the delimiter counts once, and is leapt over, not read through."""
    page = Page(last=after)
    if most == 0:
        return page
    while True:
        rows = await objects.list(prefix, after=page.last, limit=_MOST)
        if _take(page, rows, prefix, delimiter, most) or len(rows) < _MOST:
            return page


def _take(page: Page, rows: Sequence[Stored], prefix: str, delimiter: str, most: int) -> bool:
    """Put rows on a page; give whether it is full and there is more."""
    for stored in rows:
        if stored.key <= page.last:
            continue
        if page.size == most:
            page.is_truncated = True
            return True
        head, found, _ = stored.key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        if found:
            common = f"{prefix}{head}{delimiter}"
            page.prefixes.append(common)
            page.last = common + _ABOVE
        else:
            page.objects.append(stored)
            page.last = stored.key
    return False


def _described(call: Call, page: Page, prefix: str, delimiter: str, most: int, *, is_second: bool) -> list[xml.Node]:
    is_encoded = "encoding-type" in call.query

    def text(value: str) -> str:
        return quote(value, safe="/-_.~") if is_encoded else value

    nodes: list[xml.Node] = [("Name", BUCKET), ("Prefix", text(prefix)), ("MaxKeys", str(most))]
    nodes += [("Delimiter", text(delimiter))] if delimiter else []
    nodes += [("EncodingType", "url")] if is_encoded else []
    nodes += [("IsTruncated", "true" if page.is_truncated else "false")]
    if is_second:
        nodes += [("KeyCount", str(page.size))]
        nodes += [(named, text(call.query[name])) for name, named in _ECHOED if name in call.query]
        token = base64.urlsafe_b64encode(page.last.encode()).decode()
        nodes += [("NextContinuationToken", token)] if page.is_truncated else []
    else:
        nodes += [("Marker", text(call.query.get("marker", "")))]
        nodes += [("NextMarker", text(page.last.removesuffix(_ABOVE)))] if page.is_truncated else []
    nodes += [("Contents", _entry(stored, text(stored.key))) for stored in page.objects]
    nodes += [("CommonPrefixes", [("Prefix", text(common))]) for common in page.prefixes]
    return nodes


_ECHOED = (("continuation-token", "ContinuationToken"), ("start-after", "StartAfter"))


def _entry(stored: Stored, key: str) -> list[xml.Node]:
    return [
        ("Key", key),
        ("LastModified", iso_time(stored.modified_at_us)),
        ("ETag", f'"{stored.etag}"'),
        ("Size", str(stored.size_bytes)),
        ("StorageClass", "STANDARD"),
    ]


def number_of(call: Call, name: str, *, least: int, most: int | None, default: int | None = None) -> int:
    """Read a query parameter that is a number. Raises `S3Error`."""
    text = call.query.get(name)
    if text is None and default is not None:
        return default
    number = int(text) if text and text.isascii() and text.isdigit() and len(text) <= _DIGITS else -1
    if number < least or (most is not None and number > most):
        expected = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise S3Error("InvalidArgument", f"expected {name} as a number {expected}, got {(text or '')[:32]}")
    return number
