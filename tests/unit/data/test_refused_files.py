"""Files that are broken, unknown or hostile are refused with the reason and the remedy, in little time and memory."""

from __future__ import annotations

import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from arkitekt_next.errors import ArkitektError, InvalidValue, NotFound, SuspiciousFile, UnknownFormat, UnreadableFile
from arkitekt_next.sdk.data.formats import Hints, Limits, read

pytestmark = pytest.mark.requirement("data.hostile")


def png(width: int, height: int, *, depth: int = 8, color: int = 0, data: bytes = b"") -> bytes:
    """Give a PNG whose header says what it likes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def tiff(width: int, height: int, *, count: int = 10, description: bytes = b"\0" * 4) -> bytes:
    """Give a TIFF of one strip whose header says what it likes."""
    tags = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (270, 2, len(description), 200),
        (273, 4, 1, 180),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (279, 4, 1, count),
    ]
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + b"\0\0\0\0"
    return (b"II*\0" + struct.pack("<I", 8) + body).ljust(200, b"\0") + description


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "got an empty file"),
        (b"hello, world", "got a file that starts with b'hello, world'"),
        (b"\x80\x04\x95", "got a file that starts with"),
        (b"GIF89a", "expected a TIFF, OME-TIFF, PNG, JPEG, CZI, ND2 or LIF file"),
    ],
)
def test_unknown_content_is_refused_whatever_it_is_called(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "image.ome.tif"
    path.write_bytes(content)
    with pytest.raises(UnknownFormat) as caught:
        read(path)
    assert says in str(caught.value)
    assert "Save it as OME-TIFF" in str(caught.value)


def test_what_is_not_there_is_said_to_be() -> None:
    with pytest.raises(NotFound, match="There is no file"):
        read("/no/such/file.tif")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.tif", tiff(2**20, 2**20)),
        ("wide.tif", tiff(2**31 - 1, 2**31 - 1)),
        ("picture.png", png(2**20, 2**20)),
        ("most.png", png(2**31 - 1, 2**31 - 1)),
    ],
    ids=["page", "wide", "picture", "most"],
)
def test_bombs_are_refused_before_anything_is_unpacked(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    tracemalloc.start()
    with pytest.raises(SuspiciousFile) as caught:
        read(tmp_path / name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{name}: {peak} bytes at the peak; {caught.value}")
    assert peak < 8 * 2**20


def test_limits_can_be_raised_by_who_knows_better(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2000, 2000), np.uint8), compression="zlib")
    with pytest.raises(SuspiciousFile, match=r"give read\(\) larger limits"):
        read(tmp_path / "a.tif", limits=Limits(free_bytes=10**6, ratio=100))
    with read(tmp_path / "a.tif", limits=Limits(free_bytes=10**6, ratio=10**6)) as found:
        assert found.data.sum().compute() == 0


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("total_bytes", 100, "1200 bytes of pixels, at most 100"),
        ("plane_bytes", 100, "planes of 200 bytes, at most 100"),
        ("planes", 5, "6 planes, at most 5"),
    ],
)
def test_every_limit_is_named(field: str, value: int, says: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((6, 10, 10), np.uint16), metadata=None)
    with pytest.raises(SuspiciousFile, match=says):
        read(tmp_path / "a.tif", limits=Limits(**{field: value}))


_ENTITIES = b'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY a "aaaaaaaaaa">]><OME xmlns="http://x/OME"><Image/></OME>\0'
_OUTSIDE = (
    b'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
    b'DimensionOrder="XYCZT" Type="uint8" SizeX="4" SizeY="4" SizeC="1" SizeZ="1" SizeT="1"><TiffData IFD="0">'
    b'<UUID FileName="../secret.tif">urn:uuid:1</UUID></TiffData></Pixels></Image></OME>\0'
)


@pytest.mark.parametrize(
    ("description", "says"),
    [(_ENTITIES, "a DOCTYPE declaration"), (_OUTSIDE, "names the file '../secret.tif' outside its folder")],
)
def test_ome_xml_with_tricks_is_refused(description: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.ome.tif").write_bytes(tiff(4, 4, description=description))
    with pytest.raises(SuspiciousFile, match=says):
        read(tmp_path / "a.ome.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_cut_off_file_is_an_error_and_not_black(compression: str | None, tmp_path: Path) -> None:
    whole = tmp_path / "whole.tif"
    values = np.random.default_rng(0).integers(0, 255, (8, 60, 70), np.uint8)
    tifffile.imwrite(whole, values, compression=compression, metadata=None)
    content = whole.read_bytes()
    parts = range(0, len(content), 97)
    refused = 0
    for part in parts:
        (tmp_path / "cut.tif").write_bytes(content[:part])
        try:
            with read(tmp_path / "cut.tif") as found:
                assert np.array_equal(found.data.compute(), values), f"{part} of {len(content)} bytes"
        except UnreadableFile:
            refused += 1
    print(f"N = {len(parts)} lengths, {refused} refused, the rest whole")
    assert refused >= len(parts) - 2


def test_a_cut_off_picture_is_an_error(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "whole", kind)
        content = (tmp_path / "whole").read_bytes()
        (tmp_path / "cut").write_bytes(content[: len(content) // 2])
        with pytest.raises(UnreadableFile, match="expected a PNG or JPEG file that is complete"):
            read(tmp_path / "cut")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_tiffs_are_read_or_refused_but_never_crash(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    tifffile.imwrite(
        folder / "a.ome.tif",
        np.arange(2 * 3 * 16 * 16, dtype=np.uint16).reshape(2, 3, 16, 16),
        metadata={"axes": "TCYX"},
        compression=data.draw(st.sampled_from([None, "zlib"])),
    )
    content = bytearray((folder / "a.ome.tif").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "b.ome.tif").write_bytes(content)
    try:
        with read(folder / "b.ome.tif") as found:
            found.data.compute()
    except ArkitektError:
        pass  # anything else, and what takes too long, fails the test


def test_deep_colours_that_pillow_would_cut_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(1, 1, depth=16, color=2, data=b"\0" * 7))
    with pytest.raises(UnreadableFile, match="got 16 bits a colour"):
        read(tmp_path / "a.png")


def test_folders_of_unequal_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match="expected a folder with TIFF, PNG or JPEG files"):
        read(tmp_path)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 6), np.uint8))
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((6, 6), np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(InvalidValue) as caught:
        read(tmp_path)
    assert "b.tif: expected uint8 {'y': 5, 'x': 6} as in a.tif, got uint8 {'y': 6, 'x': 6}" in str(caught.value)
    (tmp_path / "b.tif").write_bytes(png(6, 5, data=(b"\0" + b"\1" * 6) * 5))
    with pytest.raises(InvalidValue, match="got a PNG file"):
        read(tmp_path, hints=Hints(stack_axis="z"))


def test_a_folder_that_only_looks_like_ome_zarr_is_refused(tmp_path: Path) -> None:
    contents: list[Any] = ["{}", "nonsense", '{"zarr_format": 3, "node_type": "group", "attributes": {}}']
    for content in contents:
        (tmp_path / "zarr.json").write_text(content)
        with pytest.raises(ArkitektError):
            read(tmp_path)
