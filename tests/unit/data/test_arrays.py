"""Arrays of any shape and type come back bit for bit."""

from __future__ import annotations

import math
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from zarr.storage import MemoryStore

from arkitekt_next.data.model import ArrayMeta
from arkitekt_next.errors import Conflict, InvalidMetadata, NotFound
from arkitekt_next.sdk.data.arrays import read_array, write_array
from arkitekt_next.sdk.data.describing import describe_array, describe_image
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.reading import open_array, open_image

pytestmark = pytest.mark.requirement("data.arrays")

DTYPES = [
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    ">i4",
    ">f8",
]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_array_comes_back_bit_for_bit(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES)))
    values = data.draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=6, min_side=0, max_side=7)))
    store = MemoryStore()
    meta = write_array(store, values, describe_array(values), memory_bytes=data.draw(st.sampled_from([64, 2**30])))
    array, found = read_array(store)
    assert found == meta
    stored: Any = np.asarray(array[...])
    assert (stored.shape, stored.dtype) == (values.shape, dtype.newbyteorder("="))
    assert stored.tobytes() == values.astype(dtype.newbyteorder("=")).tobytes()
    assert np.asarray(open_array(store).values).tobytes() == stored.tobytes()


@pytest.mark.parametrize("shape", [(3_000_001,), (1_000_003, 3), (5, 1_000_000), (40, 50, 60, 70), (900, 1100, 3)])
def test_large_arrays_in_many_shards_are_read_by_zarr_alone(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(1).integers(0, 1000, shape, dtype=np.int32)
    store = MemoryStore()
    meta = write_array(store, values, describe_array(values), memory_bytes=16 * 2**20)
    assert math.prod(meta.shards or meta.chunks or ()) < values.size / 2
    assert np.array_equal(np.asarray(zarr.open_array(store, path="0", mode="r")[...]), values)


def test_axes_scale_and_units_are_kept() -> None:
    values = xr.DataArray(
        np.arange(12.0).reshape(3, 4),
        dims=["delay", "wavelength"],
        coords={"delay": ("delay", [0.0, 0.5, 1.0], {"units": "picosecond"})},
    )
    store = MemoryStore()
    write_array(store, values, describe_array(values, scale={"wavelength": 2.0}, units={"wavelength": "nm"}))
    opened = open_array(store)
    assert opened.dims == ("delay", "wavelength")
    assert opened.delay.values.tolist() == [0.0, 0.5, 1.0]
    assert opened.delay.attrs == {"units": "picosecond"}
    assert opened.wavelength.values.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert opened.attrs["meta"].units == {"delay": "picosecond", "wavelength": "nm"}
    array: Any = zarr.open_array(store, path="0", mode="r")
    assert array.metadata.dimension_names == ("delay", "wavelength")


def test_dask_and_generators_are_written_too() -> None:
    values = np.random.default_rng(0).random((30, 40, 50))
    for form in (da.from_array(values, chunks=7), iter(values), (values[i : i + 7] for i in range(0, 30, 7))):
        store = MemoryStore()
        write_array(store, form, describe_array(values))
        assert np.array_equal(open_array(store).values, values)


def test_images_and_arrays_are_not_mistaken_for_one_another() -> None:
    image, array = MemoryStore(), MemoryStore()
    values = np.zeros((4, 5), np.uint8)
    write_image(image, values, describe_image(values))
    write_array(array, values, describe_array(values))
    with pytest.raises(InvalidMetadata, match="expected a group with the attribute 'arkitekt'"):
        open_array(image)
    with pytest.raises(NotFound, match="There is no image"):
        open_image(array)
    with pytest.raises(NotFound, match="There is no zarr group"):
        open_array(MemoryStore())
    with pytest.raises(Conflict):
        write_array(image, values, describe_array(values))


def test_metadata_that_contradicts_the_array_is_refused() -> None:
    store, values = MemoryStore(), np.zeros((4, 5), np.uint8)
    write_array(store, values, describe_array(values))
    root = zarr.open_group(store, mode="r+")
    said: Any = root.attrs["arkitekt"]
    root.update_attributes({"arkitekt": {**said, "array": {**said["array"], "shape": [5, 4], "chunks": None}}})
    with pytest.raises(InvalidMetadata, match="expected the shape and type of the stored array"):
        open_array(store)
    assert ArrayMeta(shape=(4, 5), dtype="uint8", axes=("a", "b")).channel_count == 1
