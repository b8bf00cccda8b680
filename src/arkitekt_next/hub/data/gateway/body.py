"""Bodies on their way in: counted, decoded, compared with what was announced, and never held as a whole.

The rule: a body that ends well has been checked in every way its headers ask for; only then does the store show it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from arkitekt_next.data import sigv4
from arkitekt_next.data.chunks import UNCHECKED, Checksum, Chunks
from arkitekt_next.hub.data.objects.contract import OBJECT_LIMIT_BYTES

from .admission import check_still_holds
from .answers import S3Error

if TYPE_CHECKING:
    from .request import Call

_STEP_BYTES = 1024 * 1024
_STEP_S = 120.0
_PLAIN = ("content-md5", "x-amz-checksum-crc32", "x-amz-checksum-sha1", "x-amz-checksum-sha256")
_DIGITS = 16


def digest_of(call: Call) -> str | None:
    """Give the SHA-256 that the whole body has to have, where the request names it."""
    payload = call.claim.payload
    return None if payload == sigv4.UNSIGNED or call.claim.is_streaming else payload


def steps_of(call: Call) -> AsyncIterator[bytes]:
    """Give what a body holds, as it comes; raises `S3Error` or `sigv4.Refused` when it is not what it should be."""
    encoding = call.header("content-encoding") or ""
    codings = [part.strip() for part in encoding.split(",") if part.strip()]
    if any(coding != "aws-chunked" for coding in codings):
        raise S3Error("NotImplemented", f"expected no Content-Encoding but aws-chunked, got {encoding[:64]}")
    size = _size_of(call)
    if size > OBJECT_LIMIT_BYTES:
        raise S3Error(
            "EntityTooLarge", f"expected at most {OBJECT_LIMIT_BYTES} bytes, got {size}: write several objects"
        )
    return _checked(call, _chunks_of(call, size), size)


async def read_small(call: Call, limit_bytes: int) -> bytes:
    """Read a short body as a whole. Raises `S3Error`."""
    parts: list[bytes] = []
    size = 0
    if "content-length" in call.headers and _number(call, "content-length") > limit_bytes:
        raise _too_long(limit_bytes)
    async for part in _checked(call, None, None):
        parts.append(part)
        size += len(part)
        if size > limit_bytes:
            raise _too_long(limit_bytes)
    text = b"".join(parts)
    digest = digest_of(call)
    if digest is not None and digest != sigv4.sha256_of(text):
        raise S3Error("XAmzContentSHA256Mismatch", "expected a body with the SHA-256 that was signed: it was changed")
    return text


def _too_long(limit_bytes: int) -> S3Error:
    return S3Error("MaxMessageLengthExceeded", f"expected a body of at most {limit_bytes} bytes: send several requests")


def _size_of(call: Call) -> int:
    name = "x-amz-decoded-content-length" if call.claim.is_streaming else "content-length"
    if name not in call.headers:
        raise S3Error("MissingContentLength", f"expected the header {name}")
    return _number(call, name)


def _number(call: Call, name: str) -> int:
    text = call.headers[name]
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise S3Error("InvalidArgument", f"expected {name} as a number of bytes, got {text[:32]}")
    return int(text)


def _chunks_of(call: Call, size: int) -> Chunks | None:
    claim = call.claim
    trailer = call.header("x-amz-trailer")
    if not claim.is_streaming:
        if trailer is not None:
            raise S3Error("InvalidRequest", "expected x-amz-trailer only with a streaming x-amz-content-sha256")
        return None
    has_trailer = claim.payload != sigv4.STREAMING
    if has_trailer is (trailer is None):
        raise S3Error("InvalidRequest", "expected x-amz-trailer exactly where x-amz-content-sha256 says TRAILER")
    chain = None
    if claim.payload != sigv4.STREAMING_UNSIGNED_TRAILER:
        chain = sigv4.ChunkChain(claim, call.hub.grants.credentials_of(call.grant.id).secret_key)
    return Chunks(size=size, chain=chain, trailer=trailer.strip().lower() if trailer is not None else None)


def _checksums_of(call: Call) -> list[Checksum]:
    for name in UNCHECKED & call.headers.keys():
        if not call.headers[name].isascii():
            raise S3Error("InvalidDigest", f"expected {name} in base64")
    return [Checksum(name, call.headers[name]) for name in _PLAIN if name in call.headers]


async def _checked(call: Call, chunks: Chunks | None, size: int | None) -> AsyncIterator[bytes]:
    checksums = _checksums_of(call)
    count = 0
    async for data in _received(call):
        for part in chunks.feed(data) if chunks is not None else (data,):
            count += len(part)
            if size is not None and count > size:
                raise S3Error("IncompleteBody", f"expected {size} bytes, got more")
            for checksum in checksums:
                checksum.update(part)
            yield part
    if chunks is not None:
        chunks.close()
    if size is not None and count != size:
        raise S3Error("IncompleteBody", f"expected {size} bytes, got {count}: send it anew")
    for checksum in checksums:
        checksum.check()
    await check_still_holds(call)


async def _received(call: Call) -> AsyncIterator[bytes]:
    """Give what arrives; whoever sends a MiB more slowly than in two minutes gives its place to others."""
    clock = asyncio.get_running_loop().time
    count, deadline = 0, clock() + _STEP_S
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                message = await call.receive()
        except TimeoutError:
            raise S3Error("RequestTimeout", f"expected a MiB within {_STEP_S:g} s: send it in smaller parts") from None
        if message["type"] != "http.request":
            raise S3Error("IncompleteBody", "the client left before it had sent all")
        data = message.get("body", b"")
        count += len(data)
        if count >= _STEP_BYTES:
            count, deadline = 0, clock() + _STEP_S
        if data:
            yield data
        if not message.get("more_body", False):
            return
