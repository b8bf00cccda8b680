"""Files of every core format are recognised by what they contain and read with all that they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from arkitekt_next.data.model import Channel, ImageMeta
from arkitekt_next.errors import Conflict, InvalidValue, UnreadableFile
from arkitekt_next.sdk.data.describing import describe_image
from arkitekt_next.sdk.data.formats import Hints, read, source, write_ome_tiff, write_ome_zarr

pytestmark = pytest.mark.requirement("data.formats")


class Made:
    """Pixels with metadata, as exporters take them."""

    def __init__(self, values: npt.NDArray[Any], **described: Any) -> None:
        self.data: da.Array = da.from_array(values)
        self.meta: ImageMeta = describe_image(values, **described)


def noise(*shape: int, dtype: str = "uint16") -> npt.NDArray[Any]:
    """Give noise that no two planes share."""
    return np.random.default_rng(len(shape)).integers(0, 250, shape).astype(dtype)


@settings(max_examples=30, deadline=None)
@given(
    axes=st.lists(st.sampled_from("tcz"), unique=True).map(lambda a: [x for x in "tcz" if x in a] + ["y", "x"]),
    dtype=st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]),
    data=st.data(),
)
def test_any_ome_tiff_comes_back_equal(
    axes: list[str], dtype: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sizes = [data.draw(st.integers(2, 4)) if axis in "tcz" else data.draw(st.integers(2, 40)) for axis in axes]
    values = noise(*sizes, dtype=dtype)
    steps = {axis: data.draw(st.floats(1e-3, 1e3)) for axis in axes if axis != "c"}
    made = Made(values, axes=axes, scale=steps, units={"x": "nanometer", "t": "millisecond"} if "t" in axes else {})
    path = tmp_path_factory.mktemp("ome") / "a.tif"
    write_ome_tiff(made, path)
    with read(path) as back:
        assert np.array_equal(back.data.compute(), values)
        assert back.meta.axes == tuple(axes)
        assert back.meta.scale == pytest.approx(made.meta.scale)
        assert back.meta.units == made.meta.units


@pytest.mark.parametrize("order", ["TZCYX", "TCZYX", "ZTCYX", "CZTYX", "CTZYX", "ZCTYX"])
def test_planes_are_found_in_any_order(order: str, tmp_path: Path) -> None:
    sizes = {"T": 2, "Z": 3, "C": 4, "Y": 5, "X": 6}
    values = noise(*(sizes[axis] for axis in order))
    tifffile.imwrite(tmp_path / "a.ome.tif", values, metadata={"axes": order})
    with read(tmp_path / "a.ome.tif") as found:
        assert found.meta.axes == ("t", "c", "z", "y", "x")
        assert np.array_equal(found.data.compute(), values.transpose([order.index(axis) for axis in "TCZYX"]))
        assert np.array_equal(found.data[1, 2, 0, 1:3, ::2].compute(), found.data.compute()[1, 2, 0, 1:3, ::2])


def test_time_between_frames_is_read_from_the_times_of_planes(tmp_path: Path) -> None:
    times = [0.0, 0.0, 1.5, 1.5, 3.0, 3.0]
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        noise(3, 2, 5, 6),
        metadata={"axes": "TCYX", "Plane": {"DeltaT": times, "DeltaTUnit": ["min"] * 6}},
    )
    with read(tmp_path / "a.ome.tif") as found:
        assert (found.meta.scale["t"], found.meta.units["t"]) == (1.5, "minute")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tile": (64, 64)},
        {"tile": (64, 64), "compression": "zlib", "predictor": True},
        {"compression": "lzw"},
        {"compression": "zstd", "rowsperstrip": 7},
        {"byteorder": ">"},
        {"rowsperstrip": 13, "byteorder": ">", "compression": "zlib"},
    ],
)
@pytest.mark.parametrize("kind", ["grey", "rgb", "planar"])
def test_large_planes_are_read_in_bands_alike(
    kind: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = noise(2, 211, 193) if kind == "grey" else noise(2, 211, 193, 3)
    more: dict[str, Any] = {"photometric": "minisblack" if kind == "grey" else "rgb"}
    if kind == "planar":
        more["planarconfig"] = "separate"
    stored = np.moveaxis(values, -1, 1) if kind == "planar" else values
    tifffile.imwrite(tmp_path / "a.tif", stored, **more, **options, metadata=None)
    monkeypatch.setattr(source, "BAND_BYTES", 20_000)
    monkeypatch.setattr("arkitekt_next.sdk.data.formats.tiff_planes.BAND_BYTES", 20_000)
    with read(tmp_path / "a.tif", hints=Hints(stack_axis="t")) as found:
        wanted = values if kind == "grey" else np.moveaxis(values, -1, 1)
        assert found.meta.axes == (("t", "y", "x") if kind == "grey" else ("t", "c", "y", "x"))
        assert found.data.npartitions > 2
        assert np.array_equal(found.data.compute(), wanted)
        assert np.array_equal(found.data[1, ..., 100:120, 50:61].compute(), wanted[1, ..., 100:120, 50:61])


def test_of_a_pyramid_the_full_level_is_read(tmp_path: Path) -> None:
    values = noise(3, 256, 320)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(values, subifds=2, tile=(64, 64), metadata={"axes": "CYX"}, photometric="minisblack")
        writer.write(values[:, ::2, ::2], subfiletype=1, tile=(64, 64), photometric="minisblack")
        writer.write(values[:, ::4, ::4], subfiletype=1, tile=(64, 64), photometric="minisblack")
    with read(tmp_path / "a.ome.tif") as found:
        assert found.count == 1
        assert np.array_equal(found.data.compute(), values)


def test_one_of_several_images_of_a_file_is_chosen(tmp_path: Path) -> None:
    one, two = noise(2, 10, 11), noise(20, 21)
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(one, metadata={"axes": "ZYX", "PhysicalSizeX": 2.0})
        writer.write(two, metadata={"axes": "YX", "PhysicalSizeX": 3.0})
    with read(tmp_path / "a.ome.tif") as first, read(tmp_path / "a.ome.tif", series=1) as second:
        assert (first.count, first.meta.scale["x"], first.meta.shape) == (2, 2.0, (2, 10, 11))
        assert (second.series, second.meta.scale["x"], second.meta.shape) == (1, 3.0, (20, 21))
        assert np.array_equal(second.data.compute(), two)
    with pytest.raises(InvalidValue, match="series: expected 0 to 1, got 2"):
        read(tmp_path / "a.ome.tif", series=2)


def test_a_hyperstack_keeps_all_axes_steps_and_tables(tmp_path: Path) -> None:
    values = noise(2, 3, 4, 30, 31)
    ramp = np.arange(256, dtype=np.uint8)
    tables = [np.stack([ramp * 0, ramp, ramp]), np.stack([ramp, ramp * 0, ramp])] * 2
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        imagej=True,
        resolution=(1 / 0.2, 1 / 0.4),
        metadata={"axes": "TZCYX", "spacing": 1.5, "unit": "um", "finterval": 3.0, "LUTs": tables,
                  "Ranges": (0, 100, 0, 200, 5, 300, 0, 400)},
    )  # fmt: skip
    with read(tmp_path / "a.tif") as found:
        assert np.array_equal(found.data.compute(), values.transpose(0, 2, 1, 3, 4))
        assert found.meta.scale == pytest.approx({"x": 0.2, "y": 0.4, "z": 1.5, "t": 3.0})
        assert found.meta.units == {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"}
        assert [c.color for c in found.meta.channels] == ["00FFFF", "FF00FF", "00FFFF", "FF00FF"]
        assert found.meta.channels[2].window == (0, 65535, 5, 300)


@pytest.mark.parametrize(
    ("resolution", "unit", "scale"),
    [
        ((72, 72), "INCH", {}),
        ((300, 300), "INCH", {}),
        ((25_400, 12_700), "INCH", {"x": 1.0, "y": 2.0}),
        ((40_000, 40_000), "CENTIMETER", {"x": 0.25, "y": 0.25}),
        ((5, 5), "NONE", {}),
    ],
)
def test_a_printing_resolution_is_no_pixel_size(
    resolution: tuple[int, int], unit: str, scale: dict[str, float], tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(5, 6), resolution=resolution, resolutionunit=unit)
    with read(tmp_path / "a.tif") as found:
        assert found.meta.scale == pytest.approx(scale)


def test_unnamed_pages_are_slices_unless_the_person_says_what_they_are(tmp_path: Path) -> None:
    values = noise(4, 10, 11)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata=None)
    for hints, axis in ((Hints(), "z"), (Hints(stack_axis="c"), "c"), (Hints(scale={"t": 7}), "t")):
        with read(tmp_path / "a.tif", hints=hints) as found:
            assert found.meta.axes == (axis, "y", "x")
            assert np.array_equal(found.data.compute(), values)
    told = Hints(stack_axis="c", scale={"x": 0.5}, units={"x": "nanometer"}, channels=[*"ab", Channel(name="c"), "d"])
    with read(tmp_path / "a.tif", hints=told) as found:
        assert [c.name for c in found.meta.channels] == ["a", "b", "c", "d"]
        assert (found.meta.scale, found.meta.units) == ({"x": 0.5}, {"x": "nanometer"})


@pytest.mark.parametrize(
    ("hints", "says"),
    [
        (Hints(scale={"X": 1.0}), "hints: expected steps and units along t, z, y, x, got the axes ['X']"),
        (Hints(scale={"x": -1.0}), "scale.x: expected greater than 0, got -1.0"),
        (Hints(scale={"x": 1.0}, units={"x": "furlong"}), "units.x: expected a unit like 'micrometer', got 'furlong'"),
        (Hints(channels=["a", "b"]), "channels: expected 1, one for each place on axis 'c', got 2"),
    ],
)
def test_hints_that_make_no_sense_are_refused(hints: Hints, says: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(5, 6))
    with pytest.raises(InvalidValue) as caught:
        read(tmp_path / "a.tif", hints=hints)
    assert says in str(caught.value)


def test_axes_that_cant_be_told_apart_are_asked_for(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", noise(2, 3, 4, 5), photometric="minisblack")
    with pytest.raises(InvalidValue, match="at most one axis without a name"):
        read(tmp_path / "a.tif")


def test_colours_that_are_one_channel_three_times_become_one(tmp_path: Path) -> None:
    grey = noise(9, 40, 50, dtype="uint8")
    for number, frame in enumerate(grey):
        tifffile.imwrite(tmp_path / f"frame{number + 1}.tif", np.stack([frame] * 3, axis=-1), photometric="rgb")
    tifffile.imwrite(tmp_path / "frame10.tif", np.stack([grey[0]] * 3, axis=-1), photometric="rgb")
    with read(tmp_path, hints=Hints(scale={"t": 7})) as found:
        assert found.meta.sizes == {"t": 10, "y": 40, "x": 50}
        assert np.array_equal(found.data.compute(), np.concatenate([grey, grey[:1]]))
    with read(tmp_path, hints=Hints(scale={"t": 7}, colors="keep")) as found:
        assert found.meta.sizes == {"t": 10, "c": 3, "y": 40, "x": 50}


def test_a_colour_that_turns_up_later_is_not_lost(tmp_path: Path) -> None:
    frames = np.stack([noise(8, 30, 31, dtype="uint8")] * 3, axis=-1)
    frames[3, 5, 5, 2] ^= 1
    tifffile.imwrite(tmp_path / "a.tif", frames, photometric="rgb", metadata=None)
    with read(tmp_path / "a.tif") as found:
        assert found.meta.axes == ("z", "y", "x")
        with pytest.raises(UnreadableFile, match="got colours in plane \\[3\\]"):
            found.data.compute()
    with read(tmp_path / "a.tif", hints=Hints(colors="keep")) as found:
        assert found.meta.axes == ("c", "z", "y", "x")
        assert np.array_equal(found.data.compute(), np.moveaxis(frames, -1, 0))


@pytest.mark.parametrize(
    ("mode", "dtype", "axes"),
    [
        ("L", "uint8", ("y", "x")),
        ("I;16", "uint16", ("y", "x")),
        ("1", "uint8", ("y", "x")),
        ("RGB", "uint8", ("c", "y", "x")),
        ("RGBA", "uint8", ("c", "y", "x")),
        ("P", "uint8", ("c", "y", "x")),
    ],
)
def test_png_is_read_in_every_mode(mode: str, dtype: str, axes: tuple[str, ...], tmp_path: Path) -> None:
    if mode == "I;16":
        picture = Image.fromarray(noise(20, 30) * 200)
    else:
        colors = Image.fromarray(noise(20, 30, 4, dtype="uint8"))
        picture = colors if mode == "RGBA" else colors.convert("RGB").convert(mode)
    picture.save(tmp_path / "picture.wrong-ending", "PNG")
    with read(tmp_path / "picture.wrong-ending") as found:
        assert (found.meta.dtype, found.meta.axes) == (dtype, axes)
        values = found.data.compute()
    shown = np.asarray(picture.convert({"P": "RGB", "1": "L"}.get(mode, mode)))
    assert np.array_equal(values, np.moveaxis(shown, -1, 0) if shown.ndim == 3 else shown)
    if mode == "RGBA":
        assert [c.name for c in found.meta.channels] == ["red", "green", "blue", "alpha"]


def test_jpeg_is_read(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(0, 240, 4, dtype=np.uint8), (50, 60))
    Image.fromarray(np.stack([ramp, ramp // 2, ramp // 3], axis=-1)).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(ramp).convert("RGB").save(tmp_path / "grey.jpg", quality=95)
    with read(tmp_path / "a.jpg") as found:
        assert found.meta.sizes == {"c": 3, "y": 50, "x": 60}
        assert int(np.abs(found.data[0].compute().astype(int) - ramp).max()) < 12
    with read(tmp_path / "grey.jpg") as found:
        assert found.meta.sizes == {"y": 50, "x": 60}


def test_an_opaque_alpha_channel_is_left_out(tmp_path: Path) -> None:
    values = noise(20, 30, 4, dtype="uint8")
    values[..., 3] = 255
    Image.fromarray(values).save(tmp_path / "a.png")
    with read(tmp_path / "a.png") as found:
        assert np.array_equal(found.data.compute(), np.moveaxis(values[..., :3], -1, 0))


def test_exports_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken(block: Any) -> Any:
        raise RuntimeError("the camera is gone")

    good = Made(noise(3, 20, 21))
    bad = Made(noise(3, 20, 21))
    bad.data = da.map_blocks(broken, bad.data, dtype=bad.data.dtype)
    steps: list[tuple[int, int]] = []
    write_ome_tiff(good, tmp_path / "a.tif", progress=lambda done, total: steps.append((done, total)))
    write_ome_zarr(good, tmp_path / "a.zarr")
    assert steps == [(840, 2520), (1680, 2520), (2520, 2520)]
    for write in (write_ome_tiff, write_ome_zarr):
        with pytest.raises(RuntimeError, match="the camera is gone"):
            write(bad, tmp_path / "b")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "a.zarr"]
    for write, name in ((write_ome_tiff, "a.tif"), (write_ome_zarr, "a.zarr")):
        with pytest.raises(Conflict, match="exists already"):
            write(good, tmp_path / name)


def test_types_that_ome_tiff_does_not_know_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"got int64\. Convert them first"):
        write_ome_tiff(Made(noise(5, 6, dtype="int64")), tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


def test_a_described_tiff_is_read_by_its_description(tmp_path: Path) -> None:
    values = noise(2, 3, 5, 6)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata={"axes": "TZYX"})
    with read(tmp_path / "a.tif") as found:
        assert found.meta.axes == ("t", "z", "y", "x")
        assert np.array_equal(found.data.compute(), values)
        assert json.loads(found.meta.model_dump_json())["shape"] == [2, 3, 5, 6]
