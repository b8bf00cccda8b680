"""Opening reads metadata only; a crop reads the chunks it touches and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.abc.store import Store
from zarr.storage import MemoryStore, WrapperStore

from arkitekt_next.errors import InvalidMetadata, InvalidValue, NotFound
from arkitekt_next.sdk.data.arrays import write_array
from arkitekt_next.sdk.data.describing import describe_array, describe_image
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.reading import image_meta, open_array, open_image

pytestmark = pytest.mark.requirement("data.lazy")


class Watched(WrapperStore[Any]):
    """A store that counts the bytes that are read."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.read: list[tuple[str, int]] = []

    def with_read_only(self, read_only: bool = False) -> Watched:
        """Give a copy that counts in the same place."""
        copy = Watched(self._store.with_read_only(read_only))
        copy.read = self.read
        return copy

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Read and count."""
        found = await super().get(key, prototype, byte_range)
        self.read.append((key, 0 if found is None else len(found)))
        return found

    async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
        """Read and count."""
        asked = list(key_ranges)
        found = await super().get_partial_values(prototype, asked)
        self.read.extend((key, 0 if one is None else len(one)) for (key, _), one in zip(asked, found, strict=True))
        return found

    async def get_ranges(self, key: str, byte_ranges: Any, **how: Any) -> Any:
        """Read as any store does, by `get`, which counts (zarr 3.2 and newer)."""
        base: Any = Store
        async for group in base.get_ranges(self, key, byte_ranges, **how):
            yield group

    def get_sync(self, key: str, **how: Any) -> Any:
        """Read and count (zarr 3.2 and newer)."""
        inner: Any = self._store
        found = inner.get_sync(key, **how)
        self.read.append((key, 0 if found is None else len(found)))
        return found

    def get_ranges_sync(self, key: str, byte_ranges: Any, **how: Any) -> Any:
        """Read as any store does, by `get_sync`, which counts (zarr 3.2 and newer)."""
        base: Any = Store
        return base.get_ranges_sync(self, key, byte_ranges, **how)

    def pixels(self) -> Iterator[tuple[str, int]]:
        """Give what was read beside metadata, and forget it."""
        yield from ((key, size) for key, size in self.read if not key.endswith("zarr.json"))
        self.read.clear()


@pytest.fixture(scope="module")
def full() -> np.ndarray[Any, Any]:
    """48 MiB of noise, which no compressor makes smaller."""
    return np.random.default_rng(0).integers(0, 2**16, (2, 3, 2048, 2048), np.uint16)


@pytest.fixture(scope="module")
def stored(full: np.ndarray[Any, Any]) -> MemoryStore:
    """The noise as an image."""
    store = MemoryStore()
    told = describe_image(full, axes="czyx", scale={"x": 0.1, "y": 0.2, "z": 0.5}, channels=["DNA", "actin"])
    write_image(store, full, told)
    return store


def test_opening_reads_no_pixels(stored: MemoryStore) -> None:
    store = Watched(stored)
    opened = open_image(store)
    assert (opened.shape, opened.dtype) == ((2, 3, 2048, 2048), "uint16")
    assert list(store.pixels()) == []


def test_a_crop_reads_one_chunk_and_the_index(stored: MemoryStore, full: np.ndarray[Any, Any]) -> None:
    store = Watched(stored)
    crop = open_image(store)[1, 2, 1100:1356, 40:296]
    assert np.array_equal(crop.values, full[1, 2, 1100:1356, 40:296])
    read = list(store.pixels())
    chunk = 1024 * 1024 * 2
    assert chunk <= sum(size for _, size in read) <= 1.02 * chunk
    print(f"256 x 256 of 48 MiB: {len(read)} requests, {sum(size for _, size in read)} bytes, one chunk is {chunk}")


def test_a_crop_over_four_chunks_reads_four(stored: MemoryStore, full: np.ndarray[Any, Any]) -> None:
    store = Watched(stored)
    crop = open_image(store).isel(c=0, z=1, y=slice(900, 1156), x=slice(900, 1156))
    assert np.array_equal(crop.values, full[0, 1, 900:1156, 900:1156])
    assert sum(size for _, size in store.pixels()) <= 4.02 * 1024 * 1024 * 2


def test_a_crop_is_found_by_physical_coordinates(stored: MemoryStore, full: np.ndarray[Any, Any]) -> None:
    opened = open_image(stored)
    crop = opened.sel(c="actin", z=0.5, y=slice(10.0, 19.9), x=slice(50.0, 59.95))
    assert np.array_equal(crop.values, full[1, 1, 50:100, 500:600])
    assert opened.x.attrs == {"units": "micrometer"}
    assert opened.c.values.tolist() == ["DNA", "actin"]
    assert opened.attrs["meta"] == image_meta(stored)


def test_levels_are_chosen_by_number_or_by_size(stored: MemoryStore) -> None:
    assert open_image(stored, level=3).shape == (2, 3, 256, 256)
    assert open_image(stored, at_most=1024).shape == (2, 3, 1024, 1024)
    assert open_image(stored, at_most=1023).shape == (2, 3, 512, 512)
    assert open_image(stored, at_most=1).shape == (2, 3, 256, 256)
    assert open_image(stored, at_most=9999).attrs["level"] == 0
    for level in (-1, 4):
        with pytest.raises(InvalidValue, match="expected 0 to 3"):
            open_image(stored, level=level)
    with pytest.raises(InvalidValue, match="expected level or at_most, got both"):
        open_image(stored, level=0, at_most=5)


def test_smaller_levels_lie_where_the_full_one_does(stored: MemoryStore) -> None:
    small = open_image(stored, level=2)
    assert small.x.values[:2].tolist() == pytest.approx([0.15, 0.55])
    assert small.y.values[-1] == pytest.approx(0.2 * (2047 - 1.5))
    assert small.z.values.tolist() == [0.0, 0.5, 1.0]


def test_part_of_an_array_is_read_alike() -> None:
    values = np.random.default_rng(0).random((64, 512, 512))
    inner = MemoryStore()
    write_array(inner, values, describe_array(values))
    store = Watched(inner)
    opened = open_array(store)
    assert list(store.pixels()) == []
    assert np.array_equal(opened[5, :100, :100].values, values[5, :100, :100])
    assert sum(size for _, size in store.pixels()) <= 2.1 * 2**20


def test_an_image_of_version_0_4_is_read_too() -> None:
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=2)
    values = np.arange(2 * 6 * 8, dtype=np.uint16).reshape(2, 6, 8)
    root.create_array("full", shape=values.shape, dtype="uint16", chunks=(1, 6, 8))[...] = values
    root.update_attributes(
        {
            "multiscales": [
                {
                    "version": "0.4",
                    "axes": [
                        {"name": "c", "type": "channel"},
                        {"name": "y", "type": "space", "unit": "micrometer"},
                        {"name": "x", "type": "space", "unit": "micrometer"},
                    ],
                    "datasets": [
                        {"path": "full", "coordinateTransformations": [{"type": "scale", "scale": [1, 0.5, 0.25]}]}
                    ],
                    "coordinateTransformations": [{"type": "scale", "scale": [1, 2, 2]}],
                }
            ],
            "omero": {"channels": [{"label": "a", "color": "ff0000"}, {"label": "b", "color": "nonsense"}]},
        }
    )
    opened = open_image(store)
    assert np.array_equal(opened.values, values)
    meta = image_meta(store)
    assert (meta.scale, meta.units) == ({"y": 1.0, "x": 0.5}, {"y": "micrometer", "x": "micrometer"})
    assert [(c.name, c.color, c.window) for c in meta.channels] == [("a", "FF0000", None), ("b", None, None)]


def test_an_unfinished_image_is_none() -> None:
    store = MemoryStore()
    zarr.create_group(store, zarr_format=3)
    with pytest.raises(NotFound, match="There is no image"):
        open_image(store)


@pytest.mark.parametrize(
    ("ome", "says"),
    [
        ({"multiscales": "x"}, "expected the attributes of an OME-NGFF image"),
        ({"multiscales": [{"axes": [{"name": "q"}, {"name": "x"}]}]}, "expected the attributes of an OME-NGFF image"),
        ({"multiscales": [{"axes": ["x", "y"], "datasets": [{"path": "0"}]}]}, "expected two to five of t, c, z, y, x"),
        ({"multiscales": [{"axes": ["y", "x"], "datasets": [{"path": "nowhere"}]}]}, "There is no array"),
        (
            {
                "multiscales": [
                    {
                        "axes": ["y", "x"],
                        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1]}]}],
                    }
                ]
            },
            "expected the attributes of an OME-NGFF image",
        ),
    ],
)
def test_what_is_no_image_of_others_is_refused(ome: dict[str, Any], says: str) -> None:
    store = MemoryStore()
    root = zarr.create_group(store, zarr_format=3, attributes={"ome": ome})
    root.create_array("0", shape=(4, 5), dtype="uint8")
    with pytest.raises((InvalidMetadata, NotFound)) as caught:
        open_image(store)
    assert says in str(caught.value)


def test_nonsense_in_channels_of_others_is_left_out() -> None:
    store = MemoryStore()
    window = {"min": 0, "max": 1, "start": "a", "end": None}
    channels = [{"label": "\n", "color": 7, "window": window}, {"label": "b", "window": {"min": 1}}, 5]
    multiscales = [{"axes": ["c", "y", "x"], "datasets": [{"path": "0"}]}]
    ome: Any = {"multiscales": multiscales, "omero": {"channels": channels}}
    zarr.create_group(store, attributes={"ome": ome}).create_array("0", shape=(3, 4, 5), dtype="uint8")
    found = image_meta(store).channels
    assert [(c.name, c.color, c.window) for c in found] == [
        ("channel 1", None, None),
        ("b", None, None),
        ("channel 3", None, None),
    ]
