"""Writing images into a zarr store: OME-NGFF 0.5, sharded, with its pyramid, in one pass over the pixels.

The metadata of the image is written last. A store without it holds no image yet, whatever else lies there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store

from arkitekt_next.data.model import ImageMeta, ImageRole

from . import ngff
from .chunking import Layout, compressor, image_layout
from .contrast import with_windows
from .pieces import Pixels, blocks_of
from .progress import Progress
from .pyramid import level_shapes, mean_halved, nearest_halved
from .roots import new_root
from .shards import MEMORY_BYTES, LevelWriter, Then, Writers, level_shard_bytes, shard_bytes_within


def write_image(
    store: Store,
    data: Pixels,
    meta: ImageMeta,
    *,
    name: str = "image",
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
) -> ImageMeta:
    """Write the pixels with all levels and give the metadata as stored: chunks, shards, levels, colours, windows.

    `data` has the shape and type that `meta` says: a numpy, dask or xarray array, or a generator of planes or blocks in
    C order (see `pieces.py`). Beside what `data` itself holds, at most `memory_bytes` are in use: shards are a tenth of
    it (a twentieth where that is below 32 MiB), 64 MiB by default. Dask computes one shard at a time. Windows that
    `meta` lacks become percentiles of the smallest level. `progress` hears how many bytes of the full-size pixels are
    done, and of how many. Raises `Conflict` when the store holds something already, `InvalidValue` when the pixels are
    not as said; what was written until then stays, without the metadata.
    """
    layouts = _layouts(meta, shard_bytes_within(memory_bytes))
    root = new_root(store)
    levels = [_create(root, str(n), meta, shape, layout) for n, (shape, layout) in enumerate(layouts)]
    _stream(data, meta, levels, [layout for _, layout in layouts], progress)
    channels = () if meta.role is ImageRole.LABELS else with_windows(meta, levels[-1])
    first = layouts[0][1]
    stored = meta.model_copy(
        update={
            "channels": channels or meta.channels,
            "chunks": first.chunks,
            "shards": first.shards,
            "levels": len(levels),
        }
    )
    root.update_attributes(ngff.attributes(stored, [shape for shape, _ in layouts], name))
    return stored


def _layouts(meta: ImageMeta, shard_bytes: int) -> list[tuple[tuple[int, ...], Layout]]:
    itemsize = np.dtype(meta.dtype).itemsize
    z_axis = meta.axes.index("z") if "z" in meta.axes else None
    return [
        (shape, image_layout(shape, itemsize, z_axis=z_axis, shard_bytes=level_shard_bytes(shard_bytes, level)))
        for level, shape in enumerate(level_shapes(meta.shape))
    ]


def _create(root: zarr.Group, path: str, meta: ImageMeta, shape: Sequence[int], layout: Layout) -> zarr.Array[Any]:
    return root.create_array(
        path,
        shape=tuple(shape),
        dtype=meta.dtype,
        chunks=layout.chunks,
        shards=layout.shards,
        compressors=compressor(),
        fill_value=0,
        dimension_names=meta.axes,
        config={"write_empty_chunks": np.dtype(meta.dtype).kind == "f"},  # zarr's test for emptiness is slow for floats
    )


def _stream(
    data: Pixels, meta: ImageMeta, levels: list[zarr.Array[Any]], layouts: list[Layout], progress: Progress | None
) -> None:
    halved = nearest_halved if meta.role is ImageRole.LABELS else mean_halved
    total = math.prod(meta.shape) * np.dtype(meta.dtype).itemsize
    done = 0
    with Writers() as writers:
        then: Then | None = None
        for array, layout in reversed(list(zip(levels, layouts, strict=True))):
            writer = LevelWriter(array, layout.unit, writers, then)
            then = _downwards(writer, halved)
        for start, block in blocks_of(data, meta.shape, meta.dtype, layouts[0].unit):
            writer.put(start, block)
            done += block.nbytes
            if progress is not None:
                progress(done, total)


def _downwards(writer: LevelWriter, halved: Callable[[Any], Any]) -> Then:
    def put(start: tuple[int, ...], block: Any) -> None:
        *outer, y, x = start
        writer.put((*outer, y // 2, x // 2), halved(block))

    return put
