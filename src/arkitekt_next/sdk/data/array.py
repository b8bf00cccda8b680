"""`Array`: numbers on a grid with any axes, kept at the hub and read where and when they are needed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from .item import Item
from .progress import Progress
from .shards import MEMORY_BYTES

if TYPE_CHECKING:
    import xarray as xr

    from .folder import Folder
    from .objects import Objects
    from .pieces import Pixels


class Array(Item):
    """An array at the hub: `data` is lazy, `numpy()` fetches all of it, `array[...]` the part that is named."""

    kind: ClassVar[str] = "array"

    @classmethod
    def save(
        cls,
        data: Pixels,
        *,
        name: str,
        axes: Sequence[str] | None = None,
        scale: Mapping[str, float] | None = None,
        units: Mapping[str, str] | None = None,
        note: str = "",
        tags: str | Iterable[str] = (),
        folder: Folder | str | None = None,
        visibility: str | None = None,
        parent: Item | str | None = None,
        memory_bytes: int = MEMORY_BYTES,
        progress: Progress | None = None,
    ) -> Self:
        """Store an array of numpy, dask or xarray and give it as an item, committed.

        `axes` names the dimensions (by default those of xarray, else `dim_0` and so on); `scale` is the step along an
        axis in its unit. Dask is computed shard by shard, so more than the memory holds goes through: beside what is
        given, `memory_bytes` at most are in use. `progress` hears
        how many bytes are done, and of how many. Raises `InvalidMetadata`, `InvalidValue`, `StorageFull`.
        """

        def fill(objects: Objects) -> dict[str, Any]:
            from arkitekt_next.data.model import meta_json

            from .arrays import write_array
            from .describing import describe_array

            described = describe_array(data, axes=axes, scale=scale, units=units)
            return meta_json(write_array(objects.zarr(), data, described, memory_bytes=memory_bytes, progress=progress))

        return cls._stored(fill, name=name, note=note, tags=tags, folder=folder, visibility=visibility, parent=parent)

    @classmethod
    async def asave(cls, data: Pixels, *, name: str, **options: Any) -> Self:
        """Store an array without blocking the loop; options as in `save`."""
        return await asyncio.to_thread(cls.save, data, name=name, **options)

    def export(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> Path:
        """Write it as a file for other programs, by the ending: `.zarr` (a folder) or `.npy`; give where it is.

        Into a folder that is there it is written under its own name, as zarr. It appears when it is complete. Raises
        `Conflict` for a place that is taken, `InvalidValue` for another ending.
        """
        from .exporting import export_array

        return export_array(self, Path(path), overwrite=overwrite, progress=progress)

    async def aexport(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write it as a file without blocking the loop; options as in `export`."""
        return await asyncio.to_thread(self.export, path, **options)

    @property
    def shape(self) -> tuple[int, ...]:
        """The size along each axis."""
        return tuple(self._record["meta"]["shape"])

    @property
    def dtype(self) -> str:
        """The type of its numbers, as numpy names it."""
        return str(self._record["meta"]["dtype"])

    @property
    def axes(self) -> tuple[str, ...]:
        """The name of each axis, in the order of `shape`."""
        return tuple(self._record["meta"]["axes"])

    @property
    def data(self) -> xr.DataArray:
        """The array as xarray over dask: nothing but metadata is fetched until values are computed."""
        from .reading import open_array

        return open_array(self._items.open(self.id).zarr())

    def numpy(self) -> Any:
        """Fetch all of it as a numpy array. Raises `InvalidValue` for more than the memory here can hold."""
        from .containers import whole

        return whole(self.data, self.name)

    async def anumpy(self) -> Any:
        """Fetch all of it as a numpy array, without blocking the loop."""
        return await asyncio.to_thread(self.numpy)

    def __getitem__(self, where: Any) -> Any:
        """Fetch a part as a numpy array; only the chunks that it touches travel."""
        from .containers import whole

        return whole(self.data[where], self.name)
