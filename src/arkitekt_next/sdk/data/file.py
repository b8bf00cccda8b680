"""`File`: bytes of any size under a name, kept at the hub, hashed, read where they are or fetched once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

from . import files
from .item import Item, here
from .progress import Progress

if TYPE_CHECKING:
    from .folder import Folder


class File(Item):
    """A file at the hub."""

    kind: ClassVar[str] = "file"

    @classmethod
    def save(
        cls,
        source: str | os.PathLike[str] | IO[bytes],
        *,
        name: str | None = None,
        note: str = "",
        tags: str | Iterable[str] = (),
        folder: Folder | str | None = None,
        visibility: str | None = None,
        parent: Item | str | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Store the file at a path, or what an open binary file gives, and give it as an item, committed.

        A large file at a path goes in parts: called again after it was stopped in the middle, also in another process,
        it goes on from there. `progress` hears how many bytes are done, and of how many. Raises `InvalidValue` for what
        is no file, `StorageFull`.
        """
        given = Path(source) if isinstance(source, str) else source
        known = name or Path(str(getattr(given, "name", "file"))).name
        if isinstance(given, os.PathLike):
            wanted = cls._wanted(name=known, note=note, tags=tags, folder=folder, visibility=visibility, parent=parent)
            items = here()
            return cls(items, items.write_file(wanted, Path(given), progress))
        return cls._stored(
            lambda objects: files.write(objects, given, progress, name=name),
            name=known,
            note=note,
            tags=tags,
            folder=folder,
            visibility=visibility,
            parent=parent,
        )

    @classmethod
    async def asave(cls, source: str | os.PathLike[str] | IO[bytes], **options: object) -> Self:
        """Store a file without blocking the loop; options as in `save`."""
        return await asyncio.to_thread(cls.save, source, **options)  # type: ignore[arg-type]

    @property
    def content_type(self) -> str:
        """Its media type, by its name."""
        return str(self._record["meta"]["content_type"])

    @property
    def sha256(self) -> str:
        """The hash of its bytes."""
        return str(self._record["meta"]["sha256"])

    def open(self) -> IO[bytes]:
        """Open it for reading where it is: only what is read travels."""
        return files.open_file(self._items, self._record)

    def path(self) -> Path:
        """Fetch it into this machine's cache, checked by its hash; give where it is there. Don't write to it."""
        return files.fetch(self._items, self._record)

    async def apath(self) -> Path:
        """Fetch it without blocking the loop."""
        return await asyncio.to_thread(self.path)

    def export(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> Path:
        """Write it to a place of this machine, or under its own name into a folder that is there; give where it is.

        It appears when all of it is there with the hash it was stored with; what was fetched before it broke off is
        not fetched again. Raises `Conflict` for a place that is taken.
        """
        from .exporting import export_file

        return export_file(self, Path(path), overwrite=overwrite, progress=progress)

    async def aexport(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write it to a place of this machine without blocking the loop; options as in `export`."""
        return await asyncio.to_thread(self.export, path, **options)

    def read(self) -> bytes:
        """Read all of it."""
        with self.open() as source:
            return source.read()
