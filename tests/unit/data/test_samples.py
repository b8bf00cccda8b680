"""Real microscope images: what the notes beside them say is written here as literals, and survives every way through."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from zarr.storage import LocalStore

from arkitekt_next.errors import InvalidValue
from arkitekt_next.sdk.data.formats import Hints, Source, read, write_ome_tiff, write_ome_zarr
from arkitekt_next.sdk.data.reading import image_meta, open_image
from arkitekt_next.sdk.data.thumbnails import thumbnail
from tests.support.samples import sample

pytestmark = pytest.mark.requirement("data.formats")

OME = ("ome", "hela_tzcyx.ome.tif")
HELA = ("hela", "hela-cells.tif")


def check_ome(source: Source) -> None:
    """Look for every value that the notes name: T=3 Z=4 C=3 Y=128 X=160, sizes, time, channels."""
    meta = source.meta
    assert meta.sizes == {"t": 3, "c": 3, "z": 4, "y": 128, "x": 160}
    assert meta.dtype == "uint16"
    assert meta.scale == {"x": 0.1625, "y": 0.1625, "z": 0.5, "t": 2.5}
    assert meta.units == {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"}
    assert [channel.name for channel in meta.channels] == ["lysosome", "mitochondria", "DNA"]
    assert [channel.color for channel in meta.channels] == ["FF0000", "00FF00", "0000FF"]


def test_an_ome_tiff_keeps_every_value_on_its_way_through_ome_zarr(tmp_path: Path) -> None:
    raw = tifffile.imread(sample(*OME)).transpose(0, 2, 1, 3, 4)  # tzcyx, as the file says
    with read(sample(*OME)) as first:
        check_ome(first)
        assert first.name == "hela_tzcyx"
        write_ome_zarr(first, tmp_path / "image.ome.zarr")
    alone: Any = zarr.open_array(LocalStore(tmp_path / "image.ome.zarr"), path="0", mode="r")
    assert np.array_equal(alone[...], raw)
    with read(tmp_path / "image.ome.zarr") as second:
        check_ome(second)
        write_ome_tiff(second, tmp_path / "image.ome.tif")
    with read(tmp_path / "image.ome.tif") as third:
        check_ome(third)
        assert np.array_equal(third.data.compute(), raw)
    with tifffile.TiffFile(tmp_path / "image.ome.tif") as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "TCZYX"
        xml = tif.ome_metadata or ""
    for said in ('PhysicalSizeX="0.1625"', 'PhysicalSizeXUnit="µm"', 'TimeIncrement="2.5"', 'Name="mitochondria"'):
        assert said in xml


def test_a_hyperstack_of_imagej_keeps_channels_type_and_size(tmp_path: Path) -> None:
    raw = tifffile.imread(sample(*HELA)).transpose(2, 0, 1)
    with read(sample(*HELA)) as source:
        meta = source.meta
        assert meta.sizes == {"c": 3, "y": 512, "x": 672}
        assert meta.dtype == "uint16"
        assert np.array_equal(source.data.compute(), raw)
        assert meta.scale == {"x": pytest.approx(1 / 19.420064), "y": pytest.approx(1 / 19.420064)}
        assert meta.units == {"x": "micrometer", "y": "micrometer"}
        assert [(c.color, c.window) for c in meta.channels] == [
            ("FF0000", (0, 65535, 165, 2832)),
            ("00FF00", (0, 65535, 165, 2832)),
            ("0000FF", (0, 65535, 165, 2832)),
        ]
        write_ome_zarr(source, tmp_path / "hela.ome.zarr")
        write_ome_tiff(source, tmp_path / "hela.ome.tif")
    stored = image_meta(LocalStore(tmp_path / "hela.ome.zarr"))
    assert (stored.scale, stored.channels, stored.levels) == (meta.scale, meta.channels, 3)
    with read(tmp_path / "hela.ome.tif") as back:
        assert np.array_equal(back.data.compute(), raw)
        assert back.meta.scale == pytest.approx(meta.scale)
        assert [c.color for c in back.meta.channels] == ["FF0000", "00FF00", "0000FF"]


def test_frames_in_a_folder_become_one_time_series(tmp_path: Path) -> None:
    """The notes call the frames one channel three times; they are tinted green, and no two of the three are equal."""
    folder = sample("embryo")
    raw = np.stack([tifffile.imread(file) for file in sorted(folder.glob("*.tif"))])
    assert not any(np.array_equal(raw[..., a], raw[..., b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    with read(folder, hints=Hints(scale={"t": 7.0}, colors="green")) as source:
        assert source.meta.sizes == {"t": 21, "y": 264, "x": 542}
        assert source.meta.dtype == "uint8"
        assert (source.meta.scale, source.meta.units) == ({"t": 7.0}, {"t": "second"})
        assert np.array_equal(source.data.compute(), raw[..., 1])
        write_ome_zarr(source, tmp_path / "embryo.ome.zarr")
    opened = open_image(LocalStore(tmp_path / "embryo.ome.zarr"))
    assert opened.t.values.tolist() == [7.0 * frame for frame in range(21)]
    assert opened.t.attrs == {"units": "second"}
    assert np.array_equal(opened.values, raw[..., 1])


def test_colours_are_kept_unless_one_is_asked_for() -> None:
    with read(sample("embryo"), hints=Hints(scale={"t": 7.0})) as source:
        assert source.meta.sizes == {"t": 21, "c": 3, "y": 264, "x": 542}
        assert [(c.name, c.color) for c in source.meta.channels] == [
            ("red", "FF0000"),
            ("green", "00FF00"),
            ("blue", "0000FF"),
        ]


def test_files_of_channels_become_one_image() -> None:
    names = ["DNA", "phospho-histone", "actin/tubulin"]
    with read(sample("human"), hints=Hints(stack_axis="c", channels=names)) as source:
        assert source.meta.sizes == {"c": 3, "y": 512, "x": 512}
        assert source.meta.dtype == "uint8"
        assert [channel.name for channel in source.meta.channels] == names
        assert source.meta.scale == {}, "72 dots per inch are no pixel size of a microscope"
        for number, file in enumerate(sorted(sample("human").glob("*.tif"))):
            assert f"d{number}" in file.name
            assert np.array_equal(source.data[number].compute(), tifffile.imread(file))


def test_a_folder_along_an_axis_that_its_files_have_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected files without the axis c"):
        read(sample("hela"), hints=Hints(stack_axis="c"))


def test_the_thumbnail_of_a_real_image_has_its_colours(tmp_path: Path) -> None:
    with read(sample(*HELA)) as source:
        write_ome_zarr(source, tmp_path / "hela.ome.zarr")
    made = thumbnail(LocalStore(tmp_path / "hela.ome.zarr"))
    assert len(made) < 150_000
    pixels = np.asarray(Image.open(io.BytesIO(made))).astype(int)
    assert pixels.shape == (195, 256, 3)
    assert (pixels.max(axis=(0, 1)) > 120).all(), "red, green and blue are all there"
    assert pixels.mean() < 60, "the background of a fluorescence image is dark"
