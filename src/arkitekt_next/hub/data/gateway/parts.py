"""Multipart uploads: begin, parts, list, complete, abort."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from arkitekt_next.data.sigv4 import Refused
from arkitekt_next.errors import ArkitektError
from arkitekt_next.hub.data.objects.contract import PARTS_LIMIT

from . import xml
from .answers import Answer, S3Error, as_s3, error_text
from .body import digest_of, read_small, steps_of
from .listing import number_of
from .reading import bytes_of, iso_time
from .request import BUCKET
from .writing import condition_of, content_type_of, copied_part, source_of, still_granted

if TYPE_CHECKING:
    from arkitekt_next.hub.data.objects.contract import Condition, Stored, Upload

    from .request import Call

_COMPLETE_LIMIT_BYTES = 4 * 1024 * 1024
_PATIENCE_S = 10.0
_BREATH_S = 5.0
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})")
_XML = [(b"content-type", b"application/xml")]


async def begin(call: Call) -> Answer:
    """Begin an upload."""
    call.takes("uploads")
    key = call.own_key()
    call.check_writes()
    upload = await call.hub.uploads.begin(key, content_type=content_type_of(call))
    nodes = [("Bucket", BUCKET), ("Key", str(key)), ("UploadId", upload.id)]
    return Answer(200, list(_XML), xml.write("InitiateMultipartUploadResult", nodes))


async def _upload_of(call: Call) -> Upload:
    """Find the upload that is asked about: one of this key, so of this grant. Raises `S3Error`."""
    key = call.own_key()
    call.check_writes()
    upload = await call.hub.uploads.find(call.query["uploadId"])
    if upload is None or upload.key != key:
        raise S3Error("NoSuchUpload", "expected an upload of this key that goes on: begin another")
    return upload


async def put_part(call: Call) -> Answer:
    """Write a part, of a body or of a range of another object."""
    call.takes("uploadId", "partNumber")
    upload = await _upload_of(call)
    number = number_of(call, "partNumber", least=1, most=PARTS_LIMIT)
    if "x-amz-copy-source" in call.headers:
        return await _copy_part(call, upload, number)
    steps = steps_of(call)
    async with call.hub.transfers.writing(call.grant.person):
        part = await call.hub.uploads.put_part(upload, number, steps, digest=digest_of(call))
    return Answer(200, [(b"etag", f'"{part.etag}"'.encode())])


async def _copy_part(call: Call, upload: Upload, number: int) -> Answer:
    source = await source_of(call)
    start, stop = 0, source.size_bytes
    header = call.header("x-amz-copy-source-range")
    if header is not None:
        found = _RANGE.fullmatch(header)
        if found is None or not int(found[1]) <= int(found[2]) < source.size_bytes:
            problem = f"expected x-amz-copy-source-range as bytes=first-last within {source.size_bytes} bytes"
            raise S3Error("InvalidArgument", problem)
        start, stop = int(found[1]), int(found[2]) + 1
    steps = still_granted(call, bytes_of(call, source, start, stop))
    async with call.hub.transfers.writing(call.grant.person):
        part = await call.hub.uploads.put_part(upload, number, steps)
    return Answer(200, list(_XML), copied_part(part.etag, part.modified_at_us))


async def list_parts(call: Call) -> Answer:
    """List what has come of an upload."""
    call.takes("uploadId", "max-parts", "part-number-marker")
    upload = await _upload_of(call)
    limit = number_of(call, "max-parts", least=0, most=None, default=1000)
    after = number_of(call, "part-number-marker", least=0, most=None, default=0)
    limit = min(limit, 1000)
    found = await call.hub.uploads.parts(upload, after=after, limit=limit + 1)
    shown = found[:limit]
    nodes: list[xml.Node] = [
        ("Bucket", BUCKET),
        ("Key", str(upload.key)),
        ("UploadId", upload.id),
        ("PartNumberMarker", str(after)),
        ("NextPartNumberMarker", str(shown[-1].number if shown else after)),
        ("MaxParts", str(limit)),
        ("IsTruncated", "true" if len(found) > limit else "false"),
    ]
    for part in shown:
        nodes.append(
            (
                "Part",
                [
                    ("PartNumber", str(part.number)),
                    ("LastModified", iso_time(part.modified_at_us)),
                    ("ETag", f'"{part.etag}"'),
                    ("Size", str(part.size_bytes)),
                ],
            )
        )
    return Answer(200, list(_XML), xml.write("ListPartsResult", nodes))


async def abort(call: Call) -> Answer:
    """Drop an upload."""
    call.takes("uploadId")
    await call.hub.uploads.abort(await _upload_of(call))
    return Answer(204)


async def complete(call: Call) -> Answer:
    """Make one object of the parts.

    What takes long is answered 200 early, with blanks until the result or an error follows. Source: Amazon S3 API
    Reference, CompleteMultipartUpload.
    """
    call.takes("uploadId")
    upload = await _upload_of(call)
    body = await read_small(call, _COMPLETE_LIMIT_BYTES)
    document = await asyncio.to_thread(xml.parse, body, "CompleteMultipartUpload")
    wanted: list[tuple[int, str]] = []
    for part in document.findall("Part"):
        number, etag = (part.findtext("PartNumber") or "").strip(), (part.findtext("ETag") or "").strip().strip('"')
        if not (number.isascii() and number.isdigit() and len(number) < 6):
            raise S3Error("MalformedXML", "expected PartNumber as a number")
        wanted.append((int(number), etag))
    work = asyncio.ensure_future(_put_together(call, upload, wanted, condition_of(call)))
    try:
        done, _ = await asyncio.wait({work}, timeout=_PATIENCE_S)
    except asyncio.CancelledError:
        work.cancel()
        raise
    if done:
        return Answer(200, list(_XML), f"{_HEAD}{_completed(work.result())}".encode())
    return Answer(200, list(_XML), steps=_breathe(call, work))


async def _put_together(call: Call, upload: Upload, wanted: Sequence[tuple[int, str]], only_if: Condition) -> Stored:
    async with call.hub.transfers.writing(call.grant.person):
        return await call.hub.uploads.complete(upload, wanted, only_if=only_if)


_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


async def _breathe(call: Call, work: asyncio.Future[Stored]) -> AsyncIterator[bytes]:
    yield _HEAD.encode()
    try:
        while not work.done():
            yield b" "
            await asyncio.wait({work}, timeout=_BREATH_S)
        yield _completed(work.result()).encode()
    except (ArkitektError, S3Error, Refused) as error:
        told = as_s3(error) or S3Error("InternalError", "the parts could not be put together: complete it again")
        yield error_text(told, resource=call.resource, request=call.id).removeprefix(_HEAD).encode()
    finally:
        work.cancel()


def _completed(stored: Stored) -> str:
    nodes = [
        ("Location", f"/{BUCKET}/{stored.key}"),
        ("Bucket", BUCKET),
        ("Key", stored.key),
        ("ETag", f'"{stored.etag}"'),
    ]
    return xml.element("CompleteMultipartUploadResult", nodes)
