"""PUT, copy and deletion of objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import unquote

from arkitekt_next.hub.data.objects.contract import Condition

from . import xml
from .admission import check_still_holds
from .answers import Answer, S3Error
from .body import digest_of, read_small, steps_of
from .reading import bytes_of, iso_time, names_etag
from .request import BUCKET

if TYPE_CHECKING:
    from arkitekt_next.hub.data.objects.contract import Stored

    from .request import Call

_DELETE_LIMIT_BYTES = 4 * 1024 * 1024
_DELETE_KEYS = 1000
_TYPE_LIMIT = 256
_DEFAULT_TYPE = "binary/octet-stream"
_XML = [(b"content-type", b"application/xml")]


async def put(call: Call) -> Answer:
    """Write an object."""
    call.takes()
    key = call.own_key()
    call.check_writes()
    content_type, only_if, steps = content_type_of(call), condition_of(call), steps_of(call)
    async with call.hub.transfers.writing(call.grant.person):
        stored = await call.hub.objects.put(
            key, steps, content_type=content_type, digest=digest_of(call), only_if=only_if
        )
    return Answer(200, [(b"etag", f'"{stored.etag}"'.encode())])


async def copy(call: Call) -> Answer:
    """Write an object that has the bytes of another one of the same grant."""
    call.takes()
    key = call.own_key()
    call.check_writes()
    source = await source_of(call)
    is_new_type = (call.header("x-amz-metadata-directive") or "COPY").upper() == "REPLACE"
    content_type = content_type_of(call) if is_new_type else source.content_type
    steps = still_granted(call, bytes_of(call, source, 0, source.size_bytes))
    only_if = condition_of(call)
    async with call.hub.transfers.writing(call.grant.person):
        stored = await call.hub.objects.put(key, steps, content_type=content_type, only_if=only_if)
    return Answer(200, list(_XML), _copied("CopyObjectResult", stored.etag, stored.modified_at_us))


def _copied(name: str, etag: str, at_us: int) -> bytes:
    return xml.write(name, [("LastModified", iso_time(at_us)), ("ETag", f'"{etag}"')])


def copied_part(etag: str, at_us: int) -> bytes:
    """Write the answer to a part that was copied."""
    return _copied("CopyPartResult", etag, at_us)


async def still_granted(call: Call, steps: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Give the same bytes, and look at the grant once more when they have ended."""
    async with aclosing(steps):
        async for step in steps:
            yield step
    await check_still_holds(call)


async def source_of(call: Call) -> Stored:
    """Find what is to be copied. Raises `S3Error`."""
    text = call.headers["x-amz-copy-source"]
    path, _, version = text.partition("?")
    try:
        bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError:
        raise S3Error("InvalidArgument", "expected x-amz-copy-source in percent-encoded UTF-8") from None
    if version:
        raise S3Error("NotImplemented", "expected x-amz-copy-source without a version: this store keeps none")
    if bucket != BUCKET:
        raise S3Error("AccessDenied", f"expected x-amz-copy-source in the bucket {BUCKET}")
    stored = await call.hub.objects.head(str(call.key_within(key)))
    if stored is None:
        raise S3Error("NoSuchKey", "expected x-amz-copy-source to name an object that is there")
    wanted = call.header("x-amz-copy-source-if-match")
    if wanted is not None and not names_etag(wanted, stored.etag):
        raise S3Error("PreconditionFailed", "the source has another etag than x-amz-copy-source-if-match")
    return stored


async def delete(call: Call) -> Answer:
    """Delete an object, be it there or not."""
    call.takes()
    key = call.own_key()
    call.check_writes()
    await call.hub.objects.delete(key.team, key.item, [str(key)])
    return Answer(204)


async def delete_many(call: Call) -> Answer:
    """Delete up to a thousand objects; what is not the grant's is told of key by key."""
    call.takes("delete")
    call.check_writes()
    document = await asyncio.to_thread(xml.parse, await read_small(call, _DELETE_LIMIT_BYTES), "Delete")
    wanted = [named.findtext("Key") or "" for named in document.findall("Object")]
    if not 0 < len(wanted) <= _DELETE_KEYS:
        raise S3Error("MalformedXML", f"expected 1 to {_DELETE_KEYS} keys, got {len(wanted)}")
    good: list[str] = []
    nodes: list[xml.Node] = []
    for name in wanted:
        try:
            good.append(str(call.key_within(name)))
        except S3Error as error:
            nodes.append(("Error", [("Key", _clean(name)), ("Code", error.code), ("Message", error.message)]))
    await call.hub.objects.delete(call.grant.team, call.grant.item, list(dict.fromkeys(good)))
    if (document.findtext("Quiet") or "").strip() != "true":
        nodes += [("Deleted", [("Key", key)]) for key in good]
    return Answer(200, list(_XML), await asyncio.to_thread(xml.write, "DeleteResult", nodes))


def _clean(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:1024])


def content_type_of(call: Call) -> str:
    """Give the content type that an object is to have. Raises `S3Error`."""
    text = call.header("content-type") or _DEFAULT_TYPE
    if len(text) > _TYPE_LIMIT or not (text.isascii() and text.isprintable()):
        raise S3Error("InvalidArgument", f"expected Content-Type as at most {_TYPE_LIMIT} characters of ASCII")
    return text


def condition_of(call: Call) -> Condition:
    """Read when an object may be written. Raises `S3Error`."""
    new, match = call.header("if-none-match"), call.header("if-match")
    if new is not None and new.strip() != "*":
        raise S3Error("NotImplemented", "expected If-None-Match: * on a write, got etags")
    if new is not None and match is not None:
        raise S3Error("InvalidRequest", "expected If-Match or If-None-Match on a write, got both")
    return Condition(is_new=new is not None, etag=match.strip().strip('"') if match is not None else None)
