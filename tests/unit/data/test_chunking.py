"""Chunks are about 2 MiB, shards about 64 MiB, and shards are slabs, so that pixels in C order fill one at a time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arkitekt_next.sdk.data.chunking import Layout, array_layout, image_layout

pytestmark = pytest.mark.requirement("data.arrays")

MIB = 2**20


@pytest.mark.parametrize(
    ("shape", "itemsize", "z_axis", "chunks", "shards"),
    [
        ((1, 1, 64, 2048, 2048), 2, 2, (1, 1, 1, 1024, 1024), (1, 1, 8, 2048, 2048)),
        ((20000, 20000), 1, None, (1280, 1280), (2560, 20480)),
        ((3, 4, 3, 128, 160), 2, 2, (1, 1, 3, 128, 160), (3, 4, 3, 128, 160)),
        ((1100, 1100), 2, None, (768, 768), (1536, 1536)),
        ((200, 200), 2, None, (200, 200), None),
    ],
)
def test_images_are_cut_as_documented(
    shape: tuple[int, ...], itemsize: int, z_axis: int | None, chunks: tuple[int, ...], shards: tuple[int, ...] | None
) -> None:
    assert image_layout(shape, itemsize, z_axis=z_axis) == Layout(chunks, shards)


sizes = st.one_of(st.integers(0, 5), st.integers(1, 3000), st.sampled_from([256, 257, 1024, 10**5, 10**7]))


@given(
    st.lists(sizes, min_size=1, max_size=5),
    st.sampled_from([1, 2, 4, 8, 16]),
    st.sampled_from([64 * MIB, 8 * MIB, MIB]),
)
def test_shards_are_slabs_of_bounded_size(shape: list[int], itemsize: int, shard_bytes: int) -> None:
    found = [array_layout(shape, itemsize, shard_bytes=shard_bytes)]
    if len(shape) > 1 and 0 not in shape:
        z_axis = len(shape) - 3 if len(shape) > 2 else None
        found.append(image_layout(shape, itemsize, z_axis=z_axis, shard_bytes=shard_bytes))
    for layout in found:
        unit = layout.unit
        assert all(u % c == 0 for u, c in zip(unit, layout.chunks, strict=True))
        partial = [axis for axis, (u, n) in enumerate(zip(unit, shape, strict=True)) if u < n]
        if partial:
            assert all(unit[axis] == layout.chunks[axis] for axis in range(partial[-1]))
        row = 2 * 256 * math.ceil(shape[-1] / 256) * itemsize  # the least that a shard can be: two rows of pixels
        assert math.prod(unit) * itemsize <= max(shard_bytes, row, 256 * 256 * itemsize)
        assert math.prod(layout.chunks) * itemsize <= max(2 * MIB * 1.5, 256 * 256 * itemsize)


@given(st.integers(257, 100_000), st.integers(257, 100_000), st.sampled_from([1, 2, 4, 8]))
def test_a_cut_image_is_cut_at_even_rows_and_columns(y: int, x: int, itemsize: int) -> None:
    layout = image_layout((y, x), itemsize)
    for size, unit in zip((y, x), layout.unit, strict=True):
        assert unit >= size or unit % 2 == 0
