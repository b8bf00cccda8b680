"""Plain arrays in a zarr store: a zarr 3 group with the array at `0`, and what is known of its axes as an attribute.

Any number of axes with any names, also none; a single level. For pictures there is `images.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store

from arkitekt_next.data.model import ArrayMeta, ItemKind, meta_json, parse_meta
from arkitekt_next.errors import InvalidMetadata

from .chunking import array_layout, compressor
from .pieces import Pixels, blocks_of
from .progress import Progress
from .roots import array_in, new_root, open_root
from .shards import MEMORY_BYTES, LevelWriter, Writers, shard_bytes_within

PATH = "0"
ATTRIBUTE = "arkitekt"


def write_array(
    store: Store,
    data: Pixels,
    meta: ArrayMeta,
    *,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress | None = None,
) -> ArrayMeta:
    """Write the values and give the metadata as stored. `data`, memory and errors are as in `write_image`."""
    dtype = np.dtype(meta.dtype)
    layout = array_layout(meta.shape, dtype.itemsize, shard_bytes=shard_bytes_within(memory_bytes))
    root = new_root(store)
    array = root.create_array(
        PATH,
        shape=meta.shape,
        dtype=meta.dtype,
        chunks=layout.chunks,
        shards=layout.shards,
        compressors=compressor(),
        fill_value=False if dtype.kind == "b" else 0,
        dimension_names=meta.axes,
        config={"write_empty_chunks": dtype.kind in "fc"},  # zarr takes a complex -0 for the fill value
    )
    done, total = 0, math.prod(meta.shape) * dtype.itemsize
    if total:
        with Writers() as writers:
            writer = LevelWriter(array, layout.unit, writers)
            for start, block in blocks_of(data, meta.shape, dtype, layout.unit):
                writer.put(start, block)
                done += block.nbytes
                if progress is not None:
                    progress(done, total)
    stored = meta.model_copy(update={"chunks": layout.chunks or None, "shards": layout.shards, "levels": 1})
    root.update_attributes({ATTRIBUTE: {"version": 1, "array": meta_json(stored)}})
    return stored


def read_array(store: Store) -> tuple[zarr.Array[Any], ArrayMeta]:
    """Open an array without reading its values. Raises `NotFound`, or `InvalidMetadata` for what is not one of ours."""
    root = open_root(store)
    described = root.attrs.get(ATTRIBUTE)
    array = array_in(root, PATH)
    if not isinstance(described, Mapping) or array is None:
        raise InvalidMetadata(
            where=str(store),
            problem=f"expected a group with the attribute '{ATTRIBUTE}' and an array '{PATH}', got neither or one. "
            "Open it with zarr",
        )
    meta = parse_meta(ItemKind.ARRAY, described.get("array"), where=f"{ATTRIBUTE}.array")
    if not isinstance(meta, ArrayMeta) or (array.shape, str(array.dtype)) != (meta.shape, meta.dtype):
        raise InvalidMetadata(
            where=f"{ATTRIBUTE}.array",
            problem=f"expected the shape and type of the stored array, {array.shape} {array.dtype}, got others. "
            "Open it with zarr",
        )
    return array, meta
