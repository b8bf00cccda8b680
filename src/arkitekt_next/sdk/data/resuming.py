"""Files sent in parts, so that whoever was stopped in the middle goes on where they were.

What is under way is noted in the user's state folder, by the file's path, size and time of change and by what it is to
become. The rule: a part counts only while it is what the file says now; at most one part is ever sent again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import Conflict, NotFound
from arkitekt_next.platform import FileLock, make_private_folder, state_folder, write_private

from . import multipart
from .progress import Progress

if TYPE_CHECKING:
    from .requests import Requests
    from .store import HubItems, Record

PART_BYTES = 16 * 1024 * 1024
_AT_ONCE = 1
"""Parts under way: what a kill can cost. More bring nothing, the hub hashes and writes as fast as one comes."""
_MOST_PARTS = 10_000
_PART = re.compile(rb"<Part>.*?<PartNumber>(\d+)</PartNumber>.*?<ETag>(?:&quot;|\")?([^<&\"]+).*?</Part>", re.S)
_MORE = re.compile(rb"<IsTruncated>true</IsTruncated>")


@dataclass(frozen=True, slots=True)
class Begun:
    """An upload that is under way: the item, the store's name of it, and how large its parts are."""

    item: str
    upload: str
    key: str
    part_bytes: int


class Notes:
    """What is under way from one file to one hub, kept across processes.

    They belong to one upload at a time: another one of the same file, at the same time, begins anew and notes nothing.
    """

    def __init__(self, hub: str, wanted: Mapping[str, Any], path: Path) -> None:
        stat = path.stat()
        about = json.dumps(wanted, sort_keys=True)
        mark = f"{hub}\0{path.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0{about}"
        name = hashlib.sha256(mark.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._path = state_folder() / "uploads" / f"{name}.json"
        self._lock = FileLock(self._path.with_suffix(".lock"))
        self._are_ours = self._lock.try_acquire()

    def read(self) -> Begun | None:
        """Give what was begun, if anything."""
        if not self._are_ours:
            return None
        try:
            return Begun(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, begun: Begun) -> None:
        """Note down what was begun."""
        if not self._are_ours:
            return
        make_private_folder(self._path.parent)
        write_private(self._path, json.dumps(asdict(begun)))

    def strike_out(self) -> None:
        """Forget it: it is finished, or can't be gone on with."""
        if self._are_ours:
            with suppress(OSError):
                self._path.unlink()

    def close(self) -> None:
        """Let another upload have them."""
        self._lock.release()


def save(
    items: HubItems, wanted: dict[str, Any], path: Path, key: str, content_type: str, progress: Progress | None
) -> Record:
    """Store the file at a path as an item, going on with what another process began; give the committed item."""
    notes = Notes(items.session.url, wanted, path)
    try:
        begun, requests = _take_up(items, notes) or _begin(items, notes, wanted, path, key)
        digest = _send(requests, begun, path, progress)
        meta = {"name": key, "content_type": content_type, "size_bytes": path.stat().st_size, "sha256": digest}
        record = items.commit(begun.item, meta)
        notes.strike_out()
        return record
    finally:
        notes.close()


def _take_up(items: HubItems, notes: Notes) -> tuple[Begun, Requests] | None:
    begun = notes.read()
    if begun is None:
        return None
    try:
        grant = items.grants.to_write(begun.item)
    except (NotFound, Conflict):  # it was swept, or another process has finished it
        notes.strike_out()
        return None
    return begun, items.requests(grant, lambda: items.grants.to_write(begun.item))


def _begin(items: HubItems, notes: Notes, wanted: dict[str, Any], path: Path, key: str) -> tuple[Begun, Requests]:
    made = items.session.ask("POST", "/api/items", wanted)
    item = str(made["item"]["id"])
    requests = items.requests(items.grants.taken(made["grant"]), lambda: items.grants.to_write(item))
    size = path.stat().st_size
    part_bytes = max(PART_BYTES, -(-size // _MOST_PARTS))
    upload = multipart.begin(requests, key)
    begun = Begun(item, upload, key, part_bytes)
    notes.write(begun)
    return begun, requests


def _send(requests: Requests, begun: Begun, path: Path, progress: Progress | None) -> str:
    """Send the parts that are not there, complete the upload, and give the SHA-256 of the file."""
    there = dict(_parts(requests, begun))
    digest, total, done = hashlib.sha256(), path.stat().st_size, 0
    etags: dict[int, str] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool, path.open("rb") as source:
        waiting: dict[int, tuple[Future[str], int]] = {}
        number = 0
        while (data := source.read(begun.part_bytes)) or number == 0:
            number += 1
            digest.update(data)
            if there.get(number) in _etags_of(data):
                etags[number] = there[number]
                done += len(data)
            else:
                put = pool.submit(multipart.put_part, requests, begun.key, begun.upload, number, data)
                waiting[number] = put, len(data)
            done += _settle(waiting, etags, keep=_AT_ONCE)
            _tell(progress, done, total)
        done += _settle(waiting, etags, keep=0)
        _tell(progress, done, total)
    multipart.complete(requests, begun.key, begun.upload, etags)
    return digest.hexdigest()


def _settle(waiting: dict[int, tuple[Future[str], int]], etags: dict[int, str], *, keep: int) -> int:
    """Wait until no more than `keep` parts are under way; give how many bytes have come."""
    done = 0
    while len(waiting) > keep:
        number = min(waiting)
        future, size = waiting.pop(number)
        etags[number] = future.result()
        done += size
    return done


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _parts(requests: Requests, begun: Begun) -> Iterator[tuple[int, str]]:
    after = 0
    while True:
        body = requests.ask("GET", begun.key, {"uploadId": begun.upload, "part-number-marker": str(after)}).body
        found = [(int(number), etag.decode()) for number, etag in _PART.findall(body)]
        yield from found
        if not found or not _MORE.search(body):
            return
        after = found[-1][0]


def _etags_of(data: bytes) -> tuple[str, str]:
    """Give what the store may call these bytes: ours by their SHA-256, others by their MD5."""
    return f"{hashlib.sha256(data).hexdigest()[:32]}-1", hashlib.md5(data, usedforsecurity=False).hexdigest()
