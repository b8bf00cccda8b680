"""An image is stored as OME-NGFF 0.5 from whatever has its pixels, and zarr alone reads every one of them back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import LocalStore as LocalObjects
from obstore.store import MemoryStore as MemoryObjects
from zarr.abc.store import Store
from zarr.storage import LocalStore, MemoryStore, ObjectStore

from arkitekt_next.data.model import Channel, ImageMeta, ImageRole
from arkitekt_next.errors import Conflict, InvalidValue
from arkitekt_next.sdk.data.describing import describe_image
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.reading import image_meta, open_image

pytestmark = pytest.mark.requirement("data.images")

MIB = 2**20


def pixels(shape: tuple[int, ...], dtype: str, seed: int = 0) -> npt.NDArray[Any]:
    """Give noise over the whole range of a type."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 1000, shape).astype(dtype)
    if dtype == "bool":
        return random.random(shape) > 0.5
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def level(store: Store, number: int) -> npt.NDArray[Any]:
    """Read a level with zarr alone."""
    found = zarr.open_array(store, path=str(number), mode="r")
    return np.asarray(found[...])


def mean_of_squares(full: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give the mean of 2 x 2 of whole numbers, in numbers that are wide enough for every sum."""
    y, x = full.shape[-2:]
    wide = full.astype(np.int64 if full.dtype.itemsize < 8 else object)
    even = np.pad(wide, [(0, 0)] * (full.ndim - 2) + [(0, y % 2), (0, x % 2)], mode="edge")
    total = even[..., ::2, ::2] + even[..., 1::2, ::2] + even[..., ::2, 1::2] + even[..., 1::2, 1::2]
    return np.asarray((total + 2) // 4).astype(full.dtype)


@pytest.fixture(params=["memory", "folder", "obstore memory", "obstore folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Every kind of store that items may lie in."""
    made: dict[str, Any] = {
        "memory": lambda: MemoryStore(),
        "folder": lambda: LocalStore(tmp_path / "image.zarr"),
        "obstore memory": lambda: ObjectStore(MemoryObjects()),
        "obstore folder": lambda: ObjectStore(LocalObjects(tmp_path)),
    }
    found: Store = made[request.param]()
    return found


def test_an_image_comes_back_equal_with_its_pyramid_from_every_store(store: Store) -> None:
    full = pixels((2, 3, 2, 601, 530), "uint16")
    told = describe_image(full, scale={"x": 0.1, "y": 0.1, "z": 0.5, "t": 2.0}, channels=["a", "b", "c"])
    stored = write_image(store, full, told)
    assert stored.levels == 3
    assert np.array_equal(level(store, 0), full)
    assert np.array_equal(level(store, 1), mean_of_squares(full))
    assert np.array_equal(level(store, 2), mean_of_squares(mean_of_squares(full)))
    assert image_meta(store) == stored
    assert (stored.chunks, stored.shards) == ((1, 1, 1, 601, 530), (2, 3, 2, 601, 530))


def test_the_metadata_is_what_ome_ngff_wants() -> None:
    store, full = MemoryStore(), pixels((2, 400, 300), "uint8")
    told = describe_image(
        full,
        axes="cyx",
        scale={"x": 0.25, "y": 0.5},
        units={"x": "nm"},
        channels=[Channel(name="DNA", color="0000ff", window=(0, 255, 10, 200)), "actin"],
    )
    write_image(store, full, told, name="cells")
    root = zarr.open_group(store, mode="r", zarr_format=3)
    ome: Any = root.attrs["ome"]
    assert ome["version"] == "0.5"
    [multiscale] = ome["multiscales"]
    assert multiscale["name"] == "cells"
    assert multiscale["axes"] == [
        {"name": "c", "type": "channel"},
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "nanometer"},
    ]
    assert multiscale["datasets"] == [
        {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 0.5, 0.25]}]},
        {
            "path": "1",
            "coordinateTransformations": [
                {"type": "scale", "scale": [1.0, 1.0, 0.5]},
                {"type": "translation", "translation": [0.0, 0.25, 0.125]},
            ],
        },
    ]
    first, second = ome["omero"]["channels"]
    assert (first["label"], first["color"], first["window"]) == (
        "DNA",
        "0000FF",
        {"min": 0, "max": 255, "start": 10, "end": 200},
    )
    assert (second["label"], second["color"], second["window"]["min"], second["window"]["max"]) == (
        "actin",
        "00FF00",
        0,
        255,
    )
    array: Any = root["0"]
    assert array.metadata.dimension_names == ("c", "y", "x")


def test_windows_are_percentiles_of_the_smallest_level() -> None:
    full = np.zeros((2, 512, 512), np.uint16)
    full[0] = np.arange(512) * 10
    full[1] = 7
    stored = write_image(MemoryStore(), full, describe_image(full, axes="cyx"))
    ramp, flat = (channel.window for channel in stored.channels)
    assert ramp is not None
    assert ramp[:2] == (0, 65535)
    assert 15 <= ramp[2] <= 45
    assert 5065 <= ramp[3] <= 5105
    assert flat == (0, 65535, 7, 8)


def test_what_is_not_a_number_spoils_no_window() -> None:
    full = np.full((300, 300), np.nan, np.float32)
    full[:150] = np.linspace(-2, 2, 300, dtype=np.float32)
    [channel] = write_image(MemoryStore(), full, describe_image(full)).channels
    assert channel.window is not None
    assert -2 <= channel.window[2] < -1.9
    assert 1.9 < channel.window[3] <= 2


def test_labels_keep_their_numbers_on_every_level() -> None:
    store, full = MemoryStore(), pixels((700, 900), "uint32")
    stored = write_image(store, full, describe_image(full, role=ImageRole.LABELS))
    assert np.array_equal(level(store, 1), full[::2, ::2])
    assert np.array_equal(level(store, 2), full[::4, ::4])
    assert stored.channels == ()
    assert image_meta(store).role is ImageRole.LABELS
    assert open_image(store, level=1).attrs["scale"] == {"y": 2.0, "x": 2.0}


def _planes(full: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for index in np.ndindex(full.shape[:-2]):
        yield full[index]


def _bands(full: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    for plane in _planes(full):
        for start in range(0, plane.shape[0], 97):
            yield plane[start : start + 97]


def _one_buffer(full: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    buffer = np.empty(full.shape[-2:], full.dtype)
    for plane in _planes(full):
        buffer[...] = plane
        yield buffer
        buffer[...] = 0


@pytest.mark.parametrize(
    "form",
    [
        lambda full: da.from_array(full, chunks=(1, 1, 2, 300, 211)),
        lambda full: xr.DataArray(full, dims=["t", "c", "z", "y", "x"]),
        lambda full: xr.DataArray(da.from_array(full), dims=["t", "c", "z", "y", "x"]),
        lambda full: full.astype(">u2"),
        _planes,
        _bands,
        _one_buffer,
        lambda full: iter(full),
        lambda full: iter([full[:1], full[1:]]),
        lambda full: (stack for frame in full for stack in frame),
        lambda full: (xr.DataArray(frame) for frame in full),
    ],
    ids=[
        "dask",
        "xarray",
        "xarray-dask",
        "big-endian",
        "planes",
        "bands",
        "one-buffer",
        "frames",
        "batches",
        "stacks",
        "xarray-frames",
    ],
)
def test_every_form_of_pixels_is_written_alike(form: Any) -> None:
    full = pixels((3, 2, 4, 430, 511), "uint16")
    store = MemoryStore()
    done: list[tuple[int, int]] = []
    write_image(
        store,
        form(full),
        describe_image(full),
        memory_bytes=10 * MIB,  # one plane is a whole shard then, which is written while the next one comes
        progress=lambda now, total: done.append((now, total)),
    )
    assert np.array_equal(level(store, 0), full)
    assert np.array_equal(level(store, 1), mean_of_squares(full))
    assert done[-1] == (full.nbytes, full.nbytes)
    assert [now for now, _ in done] == sorted({now for now, _ in done})


@pytest.mark.parametrize(
    ("pieces", "says"),
    [
        (lambda full: full[:, :-1], "expected the shape [4, 300, 310], got [4, 299, 310]"),
        (lambda full: full.astype("uint8"), "expected values of type uint16, got uint8"),
        (lambda full: iter(full[:-1]), "expected 372000 values for the shape [4, 300, 310], got 279000"),
        (lambda full: iter([*full, full[0]]), "piece 4: expected no more than the shape [4, 300, 310] holds"),
        (
            lambda full: iter([full[0, :, :-1]]),
            "piece 0: expected the shape [n, 300, 310] or [n, 310] or [n], got [300",
        ),
        (lambda full: iter(full.astype("float32")), "piece 0: expected values of type uint16, got float32"),
        (lambda full: iter([full[0, :200], full[0, :200]]), "piece 1: expected at most 100 along its first axis"),
        (lambda full: iter([full[0, :0]]), "piece 0: expected pixels, got the shape [0, 310]"),
    ],
)
def test_pixels_that_are_not_as_said_are_refused_and_leave_no_image(pieces: Any, says: str) -> None:
    full = pixels((4, 300, 310), "uint16")
    store = MemoryStore()
    with pytest.raises(InvalidValue) as caught:
        write_image(store, pieces(full), describe_image(full))
    assert says in str(caught.value)
    assert "ome" not in zarr.open_group(store, mode="r").attrs


def test_what_is_stored_is_not_overwritten() -> None:
    store, full = MemoryStore(), pixels((50, 60), "uint8")
    write_image(store, full, describe_image(full))
    with pytest.raises(Conflict, match="holds a zarr group already"):
        write_image(store, full * 0, describe_image(full))
    assert np.array_equal(level(store, 0), full)


class _Refusing(MemoryStore):
    """A store whose disk is full after a few objects."""

    left = 8

    async def set(self, key: str, value: Any, byte_range: Any = None) -> None:
        """Refuse once nothing is left."""
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")
        await super().set(key, value, byte_range)


def test_a_store_that_fails_is_heard() -> None:
    full = pixels((40, 256, 256), "uint16")
    with pytest.raises(OSError, match="No space left"):
        write_image(_Refusing(), full, describe_image(full), memory_bytes=2 * MIB)


def test_an_image_of_many_shards_is_written_shard_by_shard() -> None:
    store, full = MemoryStore(), pixels((2, 9, 1300, 1100), "uint16")
    stored = write_image(store, full, describe_image(full, axes="tzyx"), memory_bytes=48 * MIB)
    assert stored.shards is not None
    assert math.prod(stored.shards) * 2 <= 2.4 * MIB
    assert np.array_equal(level(store, 0), full)
    assert np.array_equal(level(store, 1), mean_of_squares(full))
    assert stored.levels == 4


dtypes = st.sampled_from(
    ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
)


@settings(max_examples=40, deadline=None)
@given(
    outer=st.lists(st.tuples(st.sampled_from("tcz"), st.integers(1, 3)), max_size=3, unique_by=lambda pair: pair[0]),
    y=st.integers(1, 300),
    x=st.integers(1, 300),
    dtype=dtypes,
    memory=st.sampled_from([MIB // 2, 1024 * MIB]),
)
def test_any_image_comes_back_equal(outer: list[tuple[str, int]], y: int, x: int, dtype: str, memory: int) -> None:
    sizes = {**dict(sorted(outer, key=lambda pair: "tcz".index(pair[0]))), "y": y, "x": x}
    full = pixels(tuple(sizes.values()), dtype, seed=y * x)
    store = MemoryStore()
    stored = write_image(store, full, describe_image(full, axes=list(sizes)), memory_bytes=memory)
    assert np.array_equal(level(store, 0), full)
    assert image_meta(store) == stored
    if stored.levels > 1 and np.dtype(dtype).kind in "iu":
        assert np.array_equal(level(store, 1), mean_of_squares(full))


def test_coordinates_of_xarray_give_scale_units_and_channels() -> None:
    data = xr.DataArray(
        np.zeros((3, 2, 4, 5), np.uint8),
        dims=["t", "c", "y", "x"],
        coords={
            "t": ("t", [0.0, 2.5, 5.0], {"units": "s"}),
            "c": ["DNA", "actin"],
            "y": ("y", np.arange(4) * 0.3, {"units": "µm"}),
            "x": [0, 1, 2, 4, 9],
        },
    )
    found = describe_image(data)
    assert found == ImageMeta(
        shape=(3, 2, 4, 5),
        dtype="uint8",
        axes=("t", "c", "y", "x"),
        scale={"t": 2.5, "y": 0.3},
        units={"t": "second", "y": "micrometer"},
        channels=(Channel(name="DNA"), Channel(name="actin")),
    )


def test_an_image_with_six_axes_has_to_be_an_array() -> None:
    with pytest.raises(InvalidValue, match="expected 2 to 5 dimensions"):
        describe_image(np.zeros((1,) * 6))


def test_objects_are_never_stored() -> None:
    with pytest.raises(InvalidValue, match="expected numbers or truth values, got object"):
        describe_image(np.array([[object()]]))
