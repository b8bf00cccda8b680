"""An item's objects through our own requests, at a hub whose certificate was pinned.

obstore can't be told to believe one certificate and no other, our own client can. The rule: whoever shows another
certificate gets neither a signature nor a byte of data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import unquote

from . import multipart
from .objects import STEP_BYTES, WHOLE, BytesLike, Entry, Objects, Writer

if TYPE_CHECKING:
    from zarr.abc.store import Store

    from .requests import Requests

_NOTHING_THERE = 416
_ENTRY = re.compile(rb"<Contents>(.*?)</Contents>", re.S)
_KEY = re.compile(rb"<Key>([^<]*)</Key>")
_SIZE = re.compile(rb"<Size>(\d+)</Size>")
_NEXT = re.compile(rb"<NextContinuationToken>([^<]+)</NextContinuationToken>")


class PinnedObjects(Objects):
    """The objects that requests reach."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def __str__(self) -> str:
        return self._requests.address

    def get(self, key: str, part: slice = WHOLE) -> bytes:
        """Fetch an object, or a part of it."""
        if part == WHOLE:
            return self._requests.ask("GET", key).body
        if part.stop is not None and part.stop <= (part.start or 0):
            self.size(key)  # an empty range can't be asked for
            return b""
        headers = {"range": f"bytes={_range_of(part)}"}
        reply = self._requests.ask("GET", key, headers=headers, also=_NOTHING_THERE)
        return b"" if reply.status == _NOTHING_THERE else reply.body

    def size(self, key: str) -> int:
        """Give how many bytes an object has."""
        return int(self._requests.ask("HEAD", key).headers["content-length"])

    def put(self, key: str, data: BytesLike) -> None:
        """Put an object."""
        self._requests.ask("PUT", key, body=data)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._requests.ask("DELETE", key)

    def list(self, folder: str = "") -> Iterator[Entry]:
        """List the objects below a folder."""
        root = self._requests.prefix
        query = {"list-type": "2", "encoding-type": "url", "prefix": f"{root}{folder}/" if folder else root}
        while True:
            body = self._requests.ask_bucket(query)
            for found in _ENTRY.findall(body):
                key, size = _KEY.search(found), _SIZE.search(found)
                if key is not None and size is not None:
                    yield Entry(unquote(key.group(1).decode()).removeprefix(root), int(size.group(1)))
            after = _NEXT.search(body)
            if after is None:
                return
            query["continuation-token"] = after.group(1).decode()

    def steps(self, key: str) -> Iterator[bytes]:
        """Fetch an object step by step, a request each, so that a break costs one step."""
        for start in range(0, self.size(key), STEP_BYTES):
            yield self.get(key, slice(start, start + STEP_BYTES))

    def writer(self, key: str) -> Writer:
        """Begin to write an object."""
        return _Parts(self._requests, key)

    def zarr(self) -> Store:
        """Give zarr's view of them."""
        from .zarr_stores import Tails, ThreadedObjects

        tails = Tails() if self._requests.is_final else None
        return ThreadedObjects(self, self._requests.threads, tails=tails)


class _Parts:
    """Sends what it is given in parts, or at once when it all fits in one."""

    def __init__(self, requests: Requests, key: str) -> None:
        self._requests = requests
        self._key = key
        self._waiting = bytearray()
        self._upload = ""
        self._etags: dict[int, str] = {}

    def write(self, data: bytes, /) -> None:
        self._waiting += data
        while len(self._waiting) > STEP_BYTES:
            self._send(STEP_BYTES)

    def close(self) -> None:
        if not self._upload:
            self._requests.ask("PUT", self._key, body=bytes(self._waiting))
            return
        self._send(len(self._waiting))
        multipart.complete(self._requests, self._key, self._upload, self._etags)

    def _send(self, size: int) -> None:
        if not self._upload:
            self._upload = multipart.begin(self._requests, self._key)
        number = len(self._etags) + 1
        data = bytes(self._waiting[:size])
        self._etags[number] = multipart.put_part(self._requests, self._key, self._upload, number, data)
        del self._waiting[:size]


def _range_of(part: slice) -> str:
    start, stop = part.start or 0, part.stop
    if stop is None:
        return str(start) if start < 0 else f"{start}-"
    return f"{start}-{stop - 1}"
