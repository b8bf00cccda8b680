"""Files dropped onto the page: what is stored is what they held, pixel by pixel, as the SDK stores it itself."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from playwright.sync_api import Page, expect

from arkitekt_next import App, File, Image
from arkitekt_next.hub.pages.app import is_built
from arkitekt_next.sdk.data.formats.importing import read
from arkitekt_next.sdk.data.ngff import PALETTE
from arkitekt_next.sdk.data.pyramid import mean_halved
from tests.support.samples import sample
from tests.support.waiting import until
from tests.web.conftest import shoot
from tests.web.watched import Seats, drop, owned_hub

pytestmark = [
    pytest.mark.requirement("page.upload"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
RANDOM = np.random.default_rng(7)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with owned_hub(tmp_path_factory.mktemp("uploads")) as running, App("looks", url=running.url):
        yield running


@pytest.fixture
def page(seats: Seats, server: Any) -> Iterator[Page]:
    away = ("net::ERR_INTERNET_DISCONNECTED", "net::ERR_FAILED")
    with seats.page(server, place="/app/data", title="Data", expected=away) as page:
        yield page


def _stack(path: Path) -> np.ndarray[Any, Any]:
    """An OME-TIFF of 2 channels and 5 planes whose pages lie in another order than our axes."""
    values = RANDOM.integers(0, 65536, (5, 2, 1500, 1100), np.uint16)
    described = {"axes": "ZCYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25,
                 "PhysicalSizeYUnit": "µm", "PhysicalSizeZ": 1.5, "PhysicalSizeZUnit": "µm",
                 "Channel": {"Name": ["DNA & <b>", "actin"]}}  # fmt: skip
    tifffile.imwrite(path, values, metadata=described, ome=True, compression="zlib")
    return values.transpose(1, 0, 2, 3)


def _imagej(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.integers(0, 256, (3, 2, 40, 50), np.uint8)
    tifffile.imwrite(
        path, values, imagej=True, resolution=(2, 2), metadata={"axes": "TCYX", "unit": "um", "finterval": 0.5}
    )
    return values


def _floats(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.normal(size=(301, 299)).astype(np.float32)
    tifffile.imwrite(path, values)
    return values


def _pages(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.integers(-1000, 1000, (70, 33, 31), np.int16)
    tifffile.imwrite(path, values, photometric="minisblack")
    return values


def _color_tiff(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.integers(0, 256, (64, 48, 3), np.uint8)
    tifffile.imwrite(path, values, photometric="rgb", compression="lzw")
    return values.transpose(2, 0, 1)


def _deep_png(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.integers(0, 65536, (64, 80), np.uint16)
    Picture.fromarray(values).save(path)
    return values


def _color_png(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.integers(0, 256, (20, 30, 3), np.uint8)
    Picture.fromarray(values).save(path)
    return values.transpose(2, 0, 1)


def _webp(path: Path) -> np.ndarray[Any, Any]:
    values = RANDOM.integers(0, 256, (20, 30, 3), np.uint8)
    Picture.fromarray(values).save(path, lossless=True)
    return values.transpose(2, 0, 1)


MAKERS: dict[str, Callable[[Path], np.ndarray[Any, Any]]] = {
    "stack.ome.tif": _stack, "series.tif": _imagej, "floats.tif": _floats, "pages.tiff": _pages,
    "inks.tif": _color_tiff, "deep.png": _deep_png, "colors.png": _color_png, "drawn.webp": _webp,
}  # fmt: skip


def test_images_are_stored_as_the_sdk_stores_them(page: Page, tmp_path: Path) -> None:
    wanted = {name: make(tmp_path / name) for name, make in MAKERS.items()}
    page.get_by_label("Files to store").set_input_files([str(tmp_path / name) for name in wanted])
    expect(page.get_by_role("heading", name="All are through")).to_be_visible(timeout=90_000)
    expect(page.get_by_role("alert")).to_have_count(0)
    shoot(page, "uploads")
    for name, values in wanted.items():
        found = next(iter(Image.search(name.split(".")[0])))
        np.testing.assert_array_equal(np.squeeze(found.data.values), values, err_msg=name)
        assert found.meta["origin"]["sha256"] == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for level in range(1, found.levels):
            halved = mean_halved(found.level(level - 1).values)
            near = 1e-6 if values.dtype.kind == "f" else 0  # a browser adds up in double precision
            np.testing.assert_allclose(found.level(level).values, halved, near, near, err_msg=f"{name}, level {level}")
        assert max(found.level(found.levels - 1).shape[-2:]) <= 256
        answer = page.request.get(f"/api/items/{found.id}/thumbnail")
        assert answer.ok, name
        if name.endswith(("tif", "tiff")):
            with read(tmp_path / name) as source:
                assert told(found.meta) == told(source.meta), name
    stack = next(iter(Image.search("stack")))
    assert (stack.axes, stack.scale, stack.units["z"]) == (
        ("c", "z", "y", "x"),
        {"z": 1.5, "y": 0.25, "x": 0.25},
        "micrometer",
    )
    assert [channel["name"] for channel in stack.meta["channels"]] == ["DNA & <b>", "actin"]
    series = next(iter(Image.search("series")))
    assert (series.axes, series.scale) == (("t", "c", "y", "x"), {"t": 0.5, "y": 0.5, "x": 0.5})


def told(meta: Any) -> dict[str, Any]:
    """Give what is told of an image's axes, steps and channels, by whichever way it came in."""
    if not isinstance(meta, dict):
        meta = meta.model_dump()
    count = len(meta["channels"])
    names = [(one["name"], one["color"] or PALETTE[at]) for at, one in enumerate(meta["channels"])] if count > 1 else []
    return {"names": names, **{name: meta[name] for name in ("dtype", "scale", "units")}} | {
        name: list(meta[name]) for name in ("shape", "axes")
    }


@pytest.mark.parametrize(
    "parts",
    [("ome", "hela_tzcyx.ome.tif"), ("hela", "hela-cells.tif"), ("embryo", "DrosophilaEmbryo_GFPHistone_0000.tif")],
    ids=lambda parts: parts[-1],
)
def test_images_of_microscopes_are_read_as_on_the_command_line(page: Page, parts: tuple[str, str]) -> None:
    path = sample(*parts)
    page.get_by_label("Files to store").set_input_files(str(path))
    expect(page.get_by_role("heading", name="It is through")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("alert")).to_have_count(0)
    found = next(iter(Image.search(path.name.split(".")[0])))
    with read(path) as source:
        np.testing.assert_array_equal(found.data.values, source.data.compute())
        assert told(found.meta) == told(source.meta)


def test_any_file_is_kept_as_it_is_when_it_is_dropped(page: Page, tmp_path: Path) -> None:
    content = RANDOM.bytes(40_000_000)  # in three parts
    (tmp_path / "run").write_bytes(content)
    drop(page, tmp_path / "run", "run \\ 7.raw", "text/plain")
    expect(page.get_by_role("heading", name="It is through")).to_be_visible(timeout=60_000)
    file = next(iter(File.search("run")))
    assert (file.name, file.path().read_bytes()) == ("run _ 7.raw", content)
    page.get_by_role("link", name="run").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("run _ 7.raw")


def test_what_is_no_image_says_so_and_can_be_kept_all_the_same(page: Page, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tif"
    broken.write_bytes(b"II*\0" + bytes(range(200)))
    page.get_by_label("Files to store").set_input_files(str(broken))
    expect(page.get_by_role("alert")).to_contain_text("no TIFF that can be read")
    assert not list(Image.search("broken"))
    shoot(page, "upload-failed")
    page.get_by_role("button", name="Keep broken.tif as a file").click()
    expect(page.get_by_role("heading", name="It is through")).to_be_visible()
    expect(page.get_by_text("is stored")).to_be_visible()
    assert next(iter(File.search("broken"))).path().read_bytes() == broken.read_bytes()


def _many_planes(path: Path) -> None:
    xml = '<?xml version="1.0"?><OME><Image><Pixels SizeX="8" SizeY="8" SizeZ="2147483647" DimensionOrder="XYZCT"/></Image></OME>'
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8), description=xml, metadata=None)


def _strip_bomb(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8), metadata=None)
    body = bytearray(path.read_bytes())
    packed = zlib.compress(bytes(64 * 2**20), 9)
    with tifffile.TiffFile(path) as tif:
        tags = {
            name: tif.pages[0].tags[name].valueoffset for name in ("Compression", "StripOffsets", "StripByteCounts")
        }
    for name, value in (("Compression", 8), ("StripOffsets", len(body)), ("StripByteCounts", len(packed))):
        width = 2 if name == "Compression" else 4
        body[tags[name] : tags[name] + width] = value.to_bytes(width, "little")
    path.write_bytes(bytes(body) + packed)


def _wide_png(path: Path) -> None:
    head = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 16, 6, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)))


def _animated(path: Path) -> None:
    frames = [Picture.fromarray(RANDOM.integers(0, 256, (8, 8, 3), np.uint8)) for _ in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("planes.ome.tif", _many_planes, "it has 2147483647 planes"),
        ("strips.tif", _strip_bomb, "unpacks into more"),
        ("wide.png", _wide_png, "too large"),
        ("moves.png", _animated, "animated"),
        ("moves.gif", _animated, "animated"),
    ],
)
def test_what_would_fill_the_memory_or_lose_pictures_is_refused(
    page: Page, tmp_path: Path, name: str, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path / name)
    page.get_by_label("Files to store").set_input_files(str(tmp_path / name))
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert not list(Image.search(name.split(".")[0]))


def test_a_commit_whose_answer_is_lost_is_asked_for_again(page: Page, tmp_path: Path) -> None:
    lost = []

    def lose(route: Any) -> None:
        if not lost:
            lost.append(route.fetch())  # it is taken, and nobody hears of it
            route.abort()
        else:
            route.continue_()

    page.route("**/api/items/*/commit", lose)
    (tmp_path / "plate?.csv").write_text("a,b\n1,2\n")
    page.get_by_label("Files to store").set_input_files(str(tmp_path / "plate?.csv"))
    expect(page.get_by_role("heading", name="It is through")).to_be_visible()
    expect(page.get_by_text("is stored")).to_be_visible()
    assert lost
    assert [file.path().read_text() for file in File.search("plate?")] == ["a,b\n1,2\n"]


def test_a_hub_that_is_away_for_a_while_is_waited_for_and_stopping_leaves_nothing(page: Page, tmp_path: Path) -> None:
    values = RANDOM.integers(0, 65536, (8, 1024, 1024), np.uint16)
    tifffile.imwrite(tmp_path / "long.tif", values, photometric="minisblack")
    page.route("**/arkitekt-data/**", lambda route: route.abort())
    page.get_by_label("Files to store").set_input_files(str(tmp_path / "long.tif"))
    expect(page.get_by_role("progressbar")).to_be_visible()
    with page.expect_request_finished(
        lambda request: "/arkitekt-data/" in request.url and request.method == "PUT", timeout=60_000
    ):
        page.unroute("**/arkitekt-data/**")
    expect(page.get_by_role("heading", name="It is through")).to_be_visible(timeout=60_000)
    np.testing.assert_array_equal(next(iter(Image.search("long"))).data.values, values)
    page.get_by_role("button", name="Clear").click()
    page.route("**/arkitekt-data/**", lambda route: route.abort())
    page.get_by_label("Files to store").set_input_files(str(tmp_path / "long.tif"))
    page.get_by_role("button", name="Stop long.tif").click()
    expect(page.get_by_text("was stopped")).to_be_visible()
    until(lambda: page.request.get("/api/items?text=long&limit=10").json()["items"].__len__() == 1)
