"""`Image`: pixels with axes, physical sizes and channels, kept at the hub as OME-NGFF with a pyramid."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from arkitekt_next.data.model import Channel, ImageRole

from .array import Array
from .containers import zarr_store
from .item import Item
from .progress import Progress
from .shards import MEMORY_BYTES

if TYPE_CHECKING:
    import xarray as xr
    from obstore.store import S3Store

    from .pieces import Pixels


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
        tags: Iterable[str] = (),
        folder: str | None = None,
        visibility: str | None = None,
        parent: Item | None = None,
        memory_bytes: int = MEMORY_BYTES,
        progress: Progress | None = None,
    ) -> Self:
        """Store an image of numpy, dask or xarray and give it as an item, committed.

        `axes` are two to five of t, c, z, y, x in this order (by default those of xarray, else the last ones); `scale`
        is the step along an axis, in micrometers and seconds unless `units` says otherwise. `is_labels` is for whole
        numbers that name objects: their pyramid takes the nearest pixel, not the mean. Dask is computed shard by shard;
        `memory_bytes` at most are in use beside what is given. Raises `InvalidMetadata`, `InvalidValue`,
        `StorageFull`.
        """

        def fill(store: S3Store) -> dict[str, Any]:
            from arkitekt_next.data.model import meta_json

            from .describing import describe_image
            from .images import write_image

            role = ImageRole.LABELS if is_labels else ImageRole.INTENSITY
            described = describe_image(data, axes=axes, scale=scale, units=units, channels=channels, role=role)
            return meta_json(
                write_image(zarr_store(store), data, described, name=name, memory_bytes=memory_bytes, progress=progress)
            )

        return cls._stored(fill, name=name, note=note, tags=tags, folder=folder, visibility=visibility, parent=parent)

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

        return open_image(zarr_store(self._items.open(self.id)), level=level)

    async def alevel(self, level: int) -> xr.DataArray:
        """Give a size of the pyramid without blocking the loop."""
        return await asyncio.to_thread(self.level, level)
