"""What tells a file that was read before: its hash, which travels with the image made of it.

The rule: the hash is that of the content alone, so a file that was renamed or copied is known again.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.data.model import MAX_NAME_CHARS, Origin
from arkitekt_next.data.units import in_base_units
from arkitekt_next.errors import InvalidValue, NotFound

from .listing import every

if TYPE_CHECKING:
    from arkitekt_next.data.model import ImageMeta

    from .formats import Hints
    from .item import Item
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
    return Origin(name=name_of(path), sha256=whole, size_bytes=total, series=series)


def checked(path: Path) -> Path:
    """Give the path of a file or folder. Raises `NotFound`, and `InvalidValue` for what may be read without an end."""
    if not path.exists():
        raise NotFound(what="file", name=str(path), remedy="Check the path")
    if not path.is_file() and not path.is_dir():
        raise InvalidValue(where=str(path), expected="a file or a folder", got="a pipe, a device or a socket")
    return path


class Known:
    """One's own items that files were stored as before, outside the trash.

    An item stands for one file of a run: frames that are equal stay as many as they are. `names` are those of the
    run's files; an item that was stored of one of them is kept for it. `is_taken` tells which ids stand for another
    file already. One that is filed in another folder than `folder`, or is seen by others than `visibility` says, stands
    for none: nothing is moved or hidden by storing something.
    What others say that theirs was read from is not believed: another image would pass for this one.
    """

    def __init__(
        self,
        items: HubItems,
        *,
        names: Collection[str] = (),
        is_taken: Callable[[str], bool] | None = None,
        folder: str | None = None,
        visibility: str | None = None,
    ) -> None:
        self._folder, self._visibility = folder, visibility
        self._items = items
        self._names = frozenset(names)
        self._taken: set[str] = set()
        self._is_taken = is_taken or self._taken.__contains__

    def image(
        self, origin: Origin, hints: Hints | None = None, would_be: Callable[[], ImageMeta] | None = None
    ) -> Record | None:
        """Give the oldest image that was read from the same content, and that what is told now is true of.

        `would_be` describes the image that the file is with these hints, without reading its pixels.
        """
        query = {"kind": "image", "sha256": origin.sha256, "mine": "true"}
        known = [
            record for record in every(self._items.session, "/api/items", query) if _series(record) == origin.series
        ]
        if known and hints is not None and would_be is not None and hints != type(hints)():
            told = would_be()
            known = [record for record in known if _is_as_told(record["meta"], told, hints.colors)]
        return self._take(known, origin.name)

    def file(self, origin: Origin) -> Record | None:
        """Give the oldest file with the same content."""
        query = {"kind": "file", "sha256": origin.sha256, "mine": "true"}
        return self._take(list(every(self._items.session, "/api/items", query)), origin.name)

    def _take(self, newest_first: list[Record], name: str) -> Record | None:
        free = [record for record in reversed(newest_first) if self._may_stand(record)]
        same = [record for record in free if _stored_of(record) == name]
        found = next(iter(same or [record for record in free if _stored_of(record) not in self._names]), None)
        if found is not None:
            self._taken.add(str(found["id"]))
        return found

    def _may_stand(self, record: Record) -> bool:
        if self._is_taken(record["id"]) or record["is_temporary"]:
            return False
        is_elsewhere = self._folder is not None and record["folder"] not in (None, self._folder)
        return not is_elsewhere and self._visibility in (None, record["visibility"])


def say_anew(
    item: Item, *, tags: Iterable[str] = (), name: str | None = None, note: str = "", folder: str | None = None
) -> list[str]:
    """Say of an item that is there already what is said now, and give that in words.

    Tags are added; a name or note takes the place of the old one; one that is filed nowhere is filed in the folder.
    """
    said = []
    new = [tag for tag in dict.fromkeys(tags) if tag not in item.tags]
    if new:
        item.tag(*new)
        said.append(f"tagged {', '.join(new)}")
    if name is not None and name != item.name:
        item.rename(name)
        said.append(f"called {name}")
    if note and note != item.note:
        item.describe(note)
        said.append("with another note")
    if folder is not None and item.folder is None:
        item.file(folder)
        said.append("filed in the folder")
    return said


def _stored_of(record: Record) -> str:
    meta = record["meta"]
    return str((meta.get("origin") or meta).get("name", ""))


def _is_as_told(meta: Mapping[str, Any], told: ImageMeta, colors: str) -> bool:
    """Tell whether an image is what the file would become now, as far as hints can change that."""
    if list(told.axes) != list(meta["axes"]) or list(told.shape) != list(meta["shape"]):
        return False
    scale, units = meta.get("scale", {}), meta.get("units", {})
    for axis in told.axes:
        one = in_base_units(told.scale.get(axis), told.units.get(axis, ""))
        other = in_base_units(scale.get(axis), units.get(axis, ""))
        if (one is None) != (other is None) or (one is not None and not math.isclose(one, other or 0, rel_tol=1e-9)):
            return False
    names = [channel["name"] for channel in meta.get("channels", ())]
    if told.channels and [channel.name for channel in told.channels] != names:
        return False
    return colors == "auto" or (meta.get("origin") or {}).get("colors") == colors


def signature(path: Path) -> list[tuple[str, int, int]]:
    """Give what changes when a file does, or one of a folder: names, sizes and times."""
    files = sorted(_files(path)) if path.is_dir() else [path]
    return [(str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files]


def _series(record: Record) -> int:
    return int((record["meta"].get("origin") or {}).get("series", 0))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def name_of(path: Path) -> str:
    """Give what a file is called where it was read from."""
    name = "".join(char if char.isprintable() and char not in "/\\" else "_" for char in path.resolve().name)
    return name[:MAX_NAME_CHARS].strip() or "_"
