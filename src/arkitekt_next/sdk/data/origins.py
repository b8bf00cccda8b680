"""What tells a file that was read before: its hash, which travels with the image made of it.

The rule: the hash is that of the content alone, so a file that was renamed or copied is known again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from arkitekt_next.data.model import MAX_NAME_CHARS, Origin
from arkitekt_next.errors import InvalidValue, NotFound

from .listing import every

if TYPE_CHECKING:
    from .progress import Progress
    from .store import HubItems, Record

_STEP_BYTES = 4 * 1024 * 1024


def origin_of(path: Path, *, series: int = 0, progress: Progress | None = None) -> Origin:
    """Hash a file, or all files of a folder. `progress` hears bytes of how many. Raises `NotFound`."""
    files = sorted(_files(path)) if checked(path).is_dir() else [path]
    total, done = sum(file.stat().st_size for file in files), 0
    lines = []
    for file in files:
        digest = hashlib.sha256()
        with file.open("rb") as source:
            while data := source.read(_STEP_BYTES):
                digest.update(data)
                done += len(data)
                if progress is not None:
                    progress(done, total)
        lines.append((digest.hexdigest(), file))
    if path.is_dir():
        text = "".join(f"{found}  {file.relative_to(path).as_posix()}\n" for found, file in lines)
        whole = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
    else:
        whole = lines[0][0]
    return Origin(name=_name(path), sha256=whole, size_bytes=total, series=series)


def checked(path: Path) -> Path:
    """Give the path of a file or folder. Raises `NotFound`, and `InvalidValue` for what may be read without an end."""
    if not path.exists():
        raise NotFound(what="file", name=str(path), remedy="Check the path")
    if not path.is_file() and not path.is_dir():
        raise InvalidValue(where=str(path), expected="a file or a folder", got="a pipe, a device or a socket")
    return path


def find_loaded(items: HubItems, origin: Origin) -> Record | None:
    """Give one's own oldest image that was read from the same content; None when there is none outside the trash.

    What others say that theirs was read from is not believed: another image would pass for this one.
    """
    query = {"kind": "image", "sha256": origin.sha256, "mine": "true"}
    known = [record for record in every(items.session, "/api/items", query) if _series(record) == origin.series]
    return known[-1] if known else None


def find_stored(items: HubItems, sha256: str) -> Record | None:
    """Give one's own oldest file with this content; None when there is none outside the trash."""
    known = list(every(items.session, "/api/items", {"kind": "file", "sha256": sha256, "mine": "true"}))
    return known[-1] if known else None


def signature(path: Path) -> list[tuple[str, int, int]]:
    """Give what changes when a file does, or one of a folder: names, sizes and times."""
    files = sorted(_files(path)) if path.is_dir() else [path]
    return [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]


def _series(record: Record) -> int:
    return int((record["meta"].get("origin") or {}).get("series", 0))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _name(path: Path) -> str:
    name = "".join(char if char.isprintable() and char not in "/\\" else "_" for char in path.resolve().name)
    return name[:MAX_NAME_CHARS].strip() or "_"
