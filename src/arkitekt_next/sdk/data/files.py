"""Files: sent in parts, hashed on the way, fetched into a folder of this machine or read where they are.

What was fetched once stays in the cache, since a committed item never changes. The rule: a file appears under its name
only when all of it is here and has the hash that it was stored with.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
import secrets
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import platformdirs

from arkitekt_next.errors import InvalidValue
from arkitekt_next.platform import make_private_folder

from .naming import safe_name
from .objects import STEP_BYTES
from .streams import new_object, open_object

if TYPE_CHECKING:
    from .objects import Objects
    from .progress import Progress
    from .store import HubItems, Record

CACHE = "ARKITEKT_CACHE"
CACHE_LIMIT_BYTES = 20 * 1024**3
_IN_USE_S = 3600.0


def write(objects: Objects, value: Any, progress: Progress | None = None, *, name: str | None = None) -> dict[str, Any]:
    """Write the file at a path, or what an open binary file gives from where it stands; give its metadata.

    A file at a path keeps its own name; `name` is that of an open one.
    """
    if isinstance(value, os.PathLike):
        path = checked(Path(value))
        with path.open("rb") as source:
            return _send(objects, source, path.name, progress, os.fstat(source.fileno()).st_size)
    if not callable(getattr(value, "read", None)) or isinstance(value, io.TextIOBase):
        raise InvalidValue(where="file", expected="a path or a file opened with 'rb'", got=type(value).__qualname__)
    own = name or Path(str(getattr(value, "name", "file"))).name
    return _send(objects, value, safe_name(own, "file"), progress)


def checked(path: Path) -> Path:
    """Give the path of a file. Raises `InvalidValue` for a folder, a pipe or a device, or nothing."""
    if not path.is_file():
        what = "a folder" if path.is_dir() else "a pipe, a device or a socket" if path.exists() else "nothing"
        raise InvalidValue(where=str(path), expected="a file", got=what)
    return path


def type_of(name: str) -> str:
    """Give the media type that a file's name stands for."""
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _send(objects: Objects, source: IO[bytes], name: str, progress: Progress | None, total: int = 0) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    name = name or "file"
    with new_object(objects, name) as sink:
        while data := source.read(STEP_BYTES):
            digest.update(data)
            size += len(data)
            sink.write(data)
            if progress is not None:
                progress(size, max(size, total))
    return {
        "name": name,
        "content_type": type_of(name),
        "size_bytes": size,
        "sha256": digest.hexdigest(),
    }


def fetch(items: HubItems, record: Record) -> Path:
    """Fetch a file into the cache; give its path there, with the name it was stored under. Read it, don't write it."""
    meta = record["meta"]
    folder = make_private_folder(cache_folder() / _place_of(items, record))
    path = folder / safe_name(str(meta["name"]), "file")
    if path.exists():
        os.utime(path)
        return path
    _make_room(int(meta["size_bytes"]))
    part = folder / f".{secrets.token_hex(8)}"
    digest, size = hashlib.sha256(), 0
    try:
        with part.open("wb") as sink:
            for data in items.open(record["id"]).steps(str(meta["name"])):
                size += len(data)
                if size > int(meta["size_bytes"]):
                    raise InvalidValue(where=f"item {record['id']}", expected=f"{meta['size_bytes']} bytes", got="more")
                digest.update(data)
                sink.write(data)
        if digest.hexdigest() != meta["sha256"]:
            raise InvalidValue(
                where=f"item {record['id']}", expected=f"SHA-256 {meta['sha256']}", got=digest.hexdigest()
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _place_of(items: HubItems, record: Record) -> str:
    """Name the folder of one item of one hub. What a hub says never becomes a path as it is."""
    return hashlib.sha256(f"{items.session.url}\n{record['id']}".encode()).hexdigest()[:32]


def open_file(items: HubItems, record: Record) -> IO[bytes]:
    """Open a stored file for reading where it is; only what is read travels."""
    return open_object(items.open(record["id"]), str(record["meta"]["name"]))


def cache_folder() -> Path:
    """Give the folder of fetched files: that of `ARKITEKT_CACHE`, else one of the user's cache."""
    chosen = os.environ.get(CACHE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("arkitekt-next")) / "items"


def _make_room(size: int) -> None:
    """Remove what was not used for longest until there is room; what was used within the hour stays."""
    found = sorted(
        (stat.st_mtime, stat.st_size, path)
        for path in cache_folder().glob("*/*")
        if path.is_file() and (stat := path.stat())
    )
    taken = sum(size for _, size, _ in found)
    for used_at, held, path in found:
        if taken + size <= CACHE_LIMIT_BYTES or time.time() - used_at < _IN_USE_S:
            return
        path.unlink(missing_ok=True)
        taken -= held
