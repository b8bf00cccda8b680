"""`Image`: pixels with axes, physical sizes and channels, kept at the hub as OME-NGFF with a pyramid."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from arkitekt_next.data.model import Channel, ImageRole

from .array import Array
from .item import Item, here
from .progress import Progress
from .shards import MEMORY_BYTES

if TYPE_CHECKING:
    import xarray as xr

    from .folder import Folder
    from .objects import Objects
    from .pieces import Pixels
    from .rois import Roi
    from .table import Table


log = logging.getLogger("arkitekt_next")


class Image(Array):
    """An image at the hub: `data` is its full size, lazily; `level(n)` smaller ones, made when it was stored."""

    kind: ClassVar[str] = "image"

    @classmethod
    def save(
        cls,
        data: Pixels,
        *,
        name: str,
        axes: Sequence[str] | None = None,
        scale: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        channels: Sequence[Channel | str] = (),
        is_labels: bool = False,
        note: str = "",
        tags: str | Iterable[str] = (),
        folder: Folder | str | None = None,
        visibility: str | None = None,
        parent: Item | str | None = None,
        memory_bytes: int = MEMORY_BYTES,
        progress: Progress | None = None,
    ) -> Self:
        """Store an image of numpy, dask or xarray and give it as an item, committed.

        `axes` are two to five of t, c, z, y, x in this order (by default those of xarray, else the last ones); `scale`
        is the step along an axis, in micrometers and seconds unless `units` says otherwise. `is_labels` is for whole
        numbers that name objects: their pyramid takes the nearest pixel, not the mean, and the steps
        that are not given are those of the image they are attached to. Dask is computed shard by shard; `memory_bytes`
        at most are in use beside what is given. Raises `InvalidMetadata`, `InvalidValue`,
        `StorageFull`.
        """

        def fill(objects: Objects) -> dict[str, Any]:
            from arkitekt_next.data.model import meta_json

            from .describing import describe_image, fitted
            from .images import write_image
            from .thumbnails import put_thumbnail

            role = ImageRole.LABELS if is_labels else ImageRole.INTENSITY
            described = describe_image(data, axes=axes, scale=scale, units=units, channels=channels, role=role)
            if is_labels and parent is not None:
                described = fitted(described, parent if isinstance(parent, Item) else Item.get(parent))
            stored = write_image(
                objects.zarr(), data, described, name=name, memory_bytes=memory_bytes, progress=progress
            )
            put_thumbnail(objects)
            return meta_json(stored)

        return cls._stored(fill, name=name, note=note, tags=tags, folder=folder, visibility=visibility, parent=parent)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        series: int = 0,
        stack_axis: Literal["t", "z", "c"] | None = None,
        scale: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        channels: Sequence[Channel | str] = (),
        colors: Literal["auto", "keep", "red", "green", "blue"] = "auto",
        memory_bytes: int = MEMORY_BYTES,
        progress: Progress | None = None,
        **said: Any,
    ) -> Self:
        """Store the image in a file, or in a folder of equal files, and give it as an item, committed.

        Reads OME-TIFF, TIFF, PNG, JPEG, OME-Zarr, and CZI, ND2 and LIF with the extra `formats`; what a file is, its
        content says. `series` picks one of several images in a file. What the file does not say is told by
        `stack_axis` (what its pages, or the files of the folder, are), `scale`, `units` and `channels`, which go before
        what it says; of red, green and blue `colors` makes one channel when they are equal, keeps them, or takes one.
        `said` is what `save` takes: note, tags, folder, visibility, parent. Raises `NotFound`, `UnreadableFile`,
        `InvalidValue`, `MissingExtra`, `StorageFull`, and `Conflict` for a file that changes meanwhile.
        """
        from .formats import Hints
        from .loading import load_image

        hints = Hints(stack_axis=stack_axis, scale=scale or {}, units=units or {}, channels=channels, colors=colors)
        return load_image(
            cls, path, hints=hints, series=series, name=name, memory_bytes=memory_bytes, progress=progress, **said
        )

    @classmethod
    async def aload(cls, path: str | os.PathLike[str], **options: Any) -> Self:
        """Store the image in a file without blocking the loop; options as in `load`."""
        return await asyncio.to_thread(cls.load, path, **options)

    @classmethod
    def loaded(cls, path: str | os.PathLike[str], **options: Any) -> Self | None:
        """Give your oldest image that was loaded from a file with the very same content; None where there is none.

        `options` are `series` and what `load` is told of the pixels: one that they are not true of is not meant.
        """
        from .loading import hints_of, would_be
        from .origins import Known, origin_of

        hints, rest = hints_of(options)
        series = rest.pop("series")
        if rest:
            raise TypeError(f"loaded() takes series and what load() is told of the pixels, not {', '.join(rest)}")
        items = here()
        place = Path(path)
        origin = origin_of(place, series=series)
        record = Known(items).image(origin, hints, lambda: would_be(place, hints=hints, series=series))
        return None if record is None else cls(items, record)

    def export(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> Path:
        """Write it as a file for other programs, by the ending: `.ome.zarr` (a folder) or `.ome.tif`; give where it is.

        Into a folder that is there it is written under its own name, as OME-Zarr. It appears when it is complete.
        Raises `Conflict` for a place that is taken, `InvalidValue` for another ending or pixels OME-TIFF can't hold.
        """
        from .exporting import export_image

        return export_image(self, Path(path), overwrite=overwrite, progress=progress)

    def thumbnail(self) -> bytes | None:
        """Fetch the small picture of it, a PNG: middle z, first time, channels in colour. None where there is none."""
        from arkitekt_next.data.keys import THUMBNAIL
        from arkitekt_next.data.pictures import LIMIT_BYTES, is_thumbnail
        from arkitekt_next.errors import NotFound

        try:
            found = self._items.open(self.id).get(THUMBNAIL, slice(0, LIMIT_BYTES + 1))
        except NotFound:
            return None
        return found if is_thumbnail(found) else None

    async def athumbnail(self) -> bytes | None:
        """Fetch the small picture of it without blocking the loop."""
        return await asyncio.to_thread(self.thumbnail)

    def _repr_png_(self) -> bytes | None:
        """Show it in a notebook."""
        from arkitekt_next.errors import ArkitektError

        try:
            return self.thumbnail()
        except ArkitektError:  # a notebook shows its text then
            return None

    def mark(self, rois: Iterable[Roi | dict[str, Any]], *, name: str = "regions", **said: Any) -> Table:
        """Attach regions of interest to it, as one table, and give that.

        `said` is what `Table.save` takes beside: note, tags, folder, visibility. Raises `InvalidValue` for a region in
        a time, channel or plane that the image does not have.
        """
        from arkitekt_next.data.model import TableRole

        from . import tables
        from .rois import rois_of, table_of
        from .table import Table

        found = table_of(rois_of(rois, shape=self.shape, axes=self.axes))
        nothing: dict[str, Any] = {"note": "", "tags": (), "folder": None, "visibility": None}
        return Table._stored(
            lambda objects: {**tables.write(objects, found), "role": TableRole.ROIS.value},
            **nothing | {"name": name, **said, "parent": self},
        )

    async def amark(self, rois: Iterable[Roi | dict[str, Any]], **said: Any) -> Table:
        """Attach regions of interest to it without blocking the loop; options as in `mark`."""
        return await asyncio.to_thread(self.mark, rois, **said)

    def rois(self) -> list[Roi]:
        """Fetch all regions that were attached to it, those attached first in front.

        Others may attach some too. A table that can't be read as regions is left out, and logged.
        """
        from pyarrow import ArrowException

        from arkitekt_next.errors import InvalidValue, NotFound

        from .rois import ROIS_LIMIT, read_rois
        from .table import Table

        found: list[Roi] = []
        for table in list(Table.search(parent=self.id))[::-1]:
            if table.meta.get("role") != "rois" or table.rows > ROIS_LIMIT:
                continue
            try:
                found += read_rois(table.arrow(), where=table.name)
            except (InvalidValue, NotFound, ArrowException, OSError) as broken:
                log.warning("the regions %s of %s are left out: %s", table.name, self.name, broken)
        return found

    async def arois(self) -> list[Roi]:
        """Fetch all regions that were attached to it without blocking the loop."""
        return await asyncio.to_thread(self.rois)

    def labels(self) -> list[Image]:
        """Give the label images that were attached to it (`is_labels=True, parent=image`), the first one in front."""
        return [found for found in Image.search(parent=self.id) if found.meta.get("role") == "labels"][::-1]

    async def alabels(self) -> list[Image]:
        """Give the label images that were attached to it without blocking the loop."""
        return await asyncio.to_thread(self.labels)

    @property
    def scale(self) -> dict[str, float]:
        """The step along each axis that has one, in the unit of `units`."""
        return dict(self._record["meta"].get("scale", {}))

    @property
    def units(self) -> dict[str, str]:
        """The unit of each axis that has one: `micrometer`, `second`."""
        return dict(self._record["meta"].get("units", {}))

    @property
    def channels(self) -> tuple[Channel, ...]:
        """What is known of each channel: its name, its colour, the window of values that is shown."""
        return tuple(Channel.model_validate(raw) for raw in self._record["meta"].get("channels", ()))

    @property
    def levels(self) -> int:
        """How many sizes there are; level 0 is the full one."""
        return int(self._record["meta"].get("levels", 1))

    @property
    def data(self) -> xr.DataArray:
        """The full size as xarray over dask, with physical coordinates: fetched as it is computed."""
        return self.level(0)

    def level(self, level: int) -> xr.DataArray:
        """Give a size of the pyramid, lazily. Raises `InvalidValue` where there is no such level."""
        from .reading import open_image

        return open_image(self._items.open(self.id).zarr(), level=level)

    async def alevel(self, level: int) -> xr.DataArray:
        """Give a size of the pyramid without blocking the loop."""
        return await asyncio.to_thread(self.level, level)
