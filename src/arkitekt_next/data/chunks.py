"""Bodies in the aws-chunked form: a sans-I/O reader that checks sizes, chunk signatures and the trailer's checksum.

The rule: bytes are given out as they come, before the signature of their chunk has been seen, so nothing of a body may
count before `close` has returned. What is kept here is a line at most, never a chunk.
Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks", and the same including trailing headers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import zlib
from collections.abc import Iterator
from typing import Protocol

from .sigv4 import ChunkChain, Refused

_LINE_LIMIT = 4096
_TRAILER_LIMIT = 8192
_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_LF = b"\n"


class Digest(Protocol):
    """What a checksum is made with."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Give the checksum so far."""


class Crc32:
    """CRC-32 in the form of a hash; four bytes, the highest first."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """Give the checksum so far."""
        return self._value.to_bytes(4, "big")


UNCHECKED = frozenset({"x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme"})
"""Checksums that clients send and Python can't make at the speed of a disk: they are taken, and not looked at."""


def checksum_named(header: str) -> Digest | None:
    """Give what makes the checksum that a header holds; None for one that is not known."""
    match header:
        case "x-amz-checksum-crc32":
            return Crc32()
        case "x-amz-checksum-sha256":
            return hashlib.sha256()
        case "x-amz-checksum-sha1":
            return hashlib.sha1(usedforsecurity=False)
        case "content-md5":
            return hashlib.md5(usedforsecurity=False)
    return None


class Checksum:
    """One checksum of a body, and what it was said to be, in base64."""

    def __init__(self, header: str, expected: str | None) -> None:
        made = checksum_named(header)
        if made is None:
            raise Refused("InvalidRequest", f"expected a checksum by crc32, sha1 or sha256, got {header[:64]}")
        self.header, self.expected = header, expected
        self._made = made
        self._length = len(made.digest())

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        self._made.update(data)

    def check(self) -> None:
        """Compare. Raises `Refused`."""
        try:
            given = base64.b64decode(self.expected or "", validate=True)
        except (binascii.Error, ValueError):
            given = b""
        if len(given) != self._length:
            raise Refused("InvalidDigest", f"expected {self.header} as {self._length} bytes in base64")
        if given != self._made.digest():
            raise Refused(
                "BadDigest", f"expected {self.header} of the bytes that came: the body was changed on its way"
            )


class Chunks:
    """Reads one aws-chunked body.

    `chain` is given when its chunks are signed, `trailer` names the header that comes after them, `size` is the length
    of what is inside.
    """

    def __init__(self, *, size: int, chain: ChunkChain | None, trailer: str | None) -> None:
        self._left = size
        self._chain = chain
        self._is_trailing = trailer is not None
        self._trailer = trailer
        self._checksum = Checksum(trailer, None) if trailer is not None and trailer not in UNCHECKED else None
        self._buffer = bytearray()
        self._in_chunk = 0
        self._signature = ""
        self._digest = hashlib.sha256()
        self._state = self._read_size
        self._is_done = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes as they came; give those that are inside. Raises `Refused`."""
        self._buffer += data
        while self._buffer and not self._is_done:
            if self._in_chunk:
                yield self._take()
            elif not self._state():
                return
        if self._buffer:
            raise _broken("nothing after its end")

    def close(self) -> None:
        """Say that no more bytes will come. Raises `Refused` when the body is not whole, or not what was signed."""
        if not self._is_done or self._left:
            raise Refused("IncompleteBody", "expected more bytes: the body ended before what its headers announced")
        if self._checksum is not None:
            self._checksum.check()

    def _take(self) -> bytes:
        part = bytes(self._buffer[: self._in_chunk])
        del self._buffer[: len(part)]
        self._in_chunk -= len(part)
        if self._chain is not None:
            self._digest.update(part)
        if self._checksum is not None:
            self._checksum.update(part)
        if not self._in_chunk:
            self._end_chunk()
            self._state = self._read_break
        return part

    def _end_chunk(self) -> None:
        if self._chain is not None:
            self._chain.check_chunk(self._digest.hexdigest(), self._signature)
            self._digest = hashlib.sha256()

    def _read_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        found = _SIZE.fullmatch(line)
        if found is None or (found[2] is None) is not (self._chain is None):
            signed = ";chunk-signature=<64 hexadecimal digits>" if self._chain is not None else ""
            raise _broken(f"<size in hexadecimal>{signed} before each chunk")
        size = int(found[1], 16)
        self._signature = (found[2] or b"").decode()
        if size > self._left:
            raise Refused("IncompleteBody", "expected as many bytes as x-amz-decoded-content-length says, got more")
        self._left -= size
        self._in_chunk = size
        if size == 0:
            self._end_chunk()
            self._state = self._read_trailer if self._is_trailing else self._read_end
        return True

    def _read_break(self) -> bool:
        line = self._line()
        if line:
            raise _broken("a line break after each chunk")
        if line is not None:
            self._state = self._read_size
        return line is not None

    def _read_end(self) -> bool:
        line = self._line()
        if line:
            raise _broken("an empty line at its end")
        self._is_done = line is not None
        return self._is_done

    def _read_trailer(self) -> bool:
        """Read the trailer at once: it is short, and its signature covers it as a whole."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 and len(self._buffer) > _TRAILER_LIMIT:
            raise _broken(f"a trailer of at most {_TRAILER_LIMIT} bytes")
        if end < 0:
            return False
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        fields: dict[str, str] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() in fields:
                raise _broken("each trailing header once")
            fields[name.strip().lower()] = value.strip()
        signature = fields.pop("x-amz-trailer-signature", "")
        if list(fields) != [self._trailer]:
            raise _broken(f"the trailing header {self._trailer} that x-amz-trailer announces")
        if self._chain is not None:
            text = "".join(f"{name}:{value}\n" for name, value in fields.items())
            self._chain.check_trailer(hashlib.sha256(text.encode("latin-1")).hexdigest(), signature)
        if self._checksum is not None:
            self._checksum.expected = fields[self._checksum.header]
        self._is_done = True
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(_LF)
        if end < 0:
            if len(self._buffer) > _LINE_LIMIT:
                raise _broken(f"lines of at most {_LINE_LIMIT} bytes")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r"):
            raise _broken("lines that end with CR LF")
        return line[:-1]


def _broken(expected: str) -> Refused:
    return Refused("InvalidRequest", f"expected of an aws-chunked body {expected}")
