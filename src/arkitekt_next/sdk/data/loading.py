"""Images out of files: read where they lie, stored as they are read, with the hash of what they were read from.

The rule: an image is stored of one state of its file; a file that is written to meanwhile is refused.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from arkitekt_next.data.model import ImageMeta, ImageRole, Origin, meta_json
from arkitekt_next.data.names import NAME_CHARS
from arkitekt_next.errors import Conflict, InvalidMetadata, NotFound, SuspiciousFile, UnknownFormat, UnreadableFile

from .formats import Hints, read
from .formats.ome_zarr import label_folders
from .formats.recognising import Format, recognise
from .images import write_image
from .origins import checked, origin_of, signature
from .shards import MEMORY_BYTES
from .thumbnails import put_thumbnail

if TYPE_CHECKING:
    from .image import Image
    from .objects import Objects
    from .progress import Progress

log = logging.getLogger("arkitekt_next")
I = TypeVar("I", bound="Image")  # noqa: E741


def load_image(
    cls: type[I],
    path: str | os.PathLike[str],
    *,
    hints: Hints,
    series: int,
    name: str | None = None,
    origin: Origin | None = None,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
    **said: Any,
) -> I:
    """Store the image in a file; `origin` is what `origin_of` gave a moment ago. Raises as `Image.load`."""
    place = Path(path)
    before = signature(checked(place))
    known = origin or origin_of(place, series=series)
    if hints.colors != "auto":
        known = known.model_copy(update={"colors": hints.colors})
    with read(place, hints=hints, series=series) as source:

        def fill(objects: Objects) -> dict[str, Any]:
            meta = source.meta.model_copy(update={"origin": known})
            _remark_steps(meta.axes, hints, place)
            stored = write_image(
                objects.zarr(), source.data, meta, name=title, memory_bytes=memory_bytes, progress=progress
            )
            if signature(place) != before:
                raise Conflict(problem=f"{place} was changed while it was read", remedy="Load it when it is complete")
            put_thumbnail(objects)
            return meta_json(stored)

        own = source.name if source.count == 1 else f"{source.name} ({series + 1})"
        title = own[:NAME_CHARS] if name is None else name
        nothing = {"note": "", "tags": (), "folder": None, "visibility": None, "parent": None}
        image = cls._stored(fill, name=title, **nothing | said)
    for label, folder in label_folders(place).items() if recognise(place) is Format.OME_ZARR else ():
        _load_labels(image, folder, label, {name: said.get(name) for name in ("folder", "visibility")}, memory_bytes)
    return image


def would_be(path: Path, *, hints: Hints, series: int) -> ImageMeta:
    """Describe the image that a file is with these hints, without reading its pixels. Raises as `read`."""
    with read(path, hints=hints, series=series) as source:
        return source.meta


def _remark_steps(axes: Sequence[str], hints: Hints, path: Path) -> None:
    """Say in the log which of the steps that were told mean nothing in an image."""
    for axis in hints.scale:
        if axis not in axes:
            log.warning("the step along %s means nothing for %s: its axes are %s", axis, path.name, ", ".join(axes))


def _load_labels(image: Image, folder: Path, name: str, said: dict[str, Any], memory_bytes: int) -> None:
    """Attach a label image that lies in the folder of an image. One that can't be read is left out, and logged."""
    try:
        with read(folder) as source:
            meta = source.meta.model_copy(update={"role": ImageRole.LABELS, "channels": ()})

            def fill(objects: Objects) -> dict[str, Any]:
                stored = write_image(objects.zarr(), source.data, meta, name=name, memory_bytes=memory_bytes)
                put_thumbnail(objects)
                return meta_json(stored)

            type(image)._stored(fill, name=name, note="", tags=(), parent=image, **said)
    except (UnreadableFile, UnknownFormat, SuspiciousFile, InvalidMetadata, NotFound) as broken:
        log.warning("the labels %s of %s are left out: %s", name, image.name, broken)


def hints_of(options: Mapping[str, Any]) -> tuple[Hints, dict[str, Any]]:
    """Divide the options of `Image.load` into what the person knows of the pixels, and the others."""
    rest = {"series": 0, **options}
    told = {field.name: rest.pop(field.name) for field in fields(Hints) if field.name in rest}
    return Hints(**told), rest


def count_images(path: Path) -> int:
    """Say how many images a file has. Raises as `read`."""
    with read(path) as source:
        return source.count


def images_in(folder: Path, *, recursive: bool = False) -> Iterator[tuple[Path, bool]]:
    """Give the files of a folder, and the OME-Zarr folders in it, each with whether its content is of an image.

    Hidden ones are left out. Links to folders are not followed.
    """
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith("."):
            continue
        if path.is_file():
            yield path, is_image(path)
        elif not path.is_dir():  # reading a pipe or a device might never end
            continue
        elif recognise(path) is Format.OME_ZARR:
            yield path, True
        elif recursive and not path.is_symlink():
            yield from images_in(path, recursive=True)


def is_image(path: Path) -> bool:
    """Tell whether the first bytes of a file are those of an image; of one that can't be read, its reader will say."""
    try:
        recognise(path)
    except UnknownFormat:
        return False
    except OSError:
        return True
    return True
