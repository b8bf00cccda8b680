"""Looking at images in a real browser: planes, contrast, colours, what lies on top; as pixels on the screen."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Picture
from playwright.sync_api import Locator, Page, expect

from arkitekt_next import App, Array, Image
from arkitekt_next.hub.pages.app import is_built
from tests.support.waiting import until
from tests.web.conftest import shoot
from tests.web.watched import Seats, owned_hub

pytestmark = [
    pytest.mark.requirement("page.images"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
Z, SIDE = 5, 300


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str]]]:
    with owned_hub(tmp_path_factory.mktemp("images")) as running, App("seed", url=running.url):
        yield running, _store()


def _store() -> dict[str, str]:
    """Store a stack of two channels whose planes are each of one brightness, and what can lie on top of it."""
    stack = np.empty((2, Z, SIDE, SIDE), np.uint16)
    for z in range(Z):
        stack[0, z], stack[1, z] = 1000 * z, 4000 - 1000 * z
    stack[:, :, :20, :20] = 4000
    stack[:, :, -20:, -20:] = 0
    image = Image.save(
        stack, name="stack", axes="czyx", scale={"z": 2.0, "y": 0.5, "x": 0.5}, channels=["DNA", "actin"], tags=["test"]
    )
    labels = np.zeros((Z, SIDE, SIDE), np.uint32)
    labels[:, 100:200, 100:200] = 7
    Image.save(labels, name="nuclei", axes="zyx", is_labels=True, parent=image)
    image.mark([{"shape": "rectangle", "points": ((30, 30), (270, 270))}], name="fields")
    y, x = np.mgrid[:3000, :4000]
    wide = Image.save(((x // 500 + y // 500) % 2 * 60000).astype(np.uint16), name="wide", axes="yx")
    values = Array.save(np.linspace(-1, 1, 3 * 64 * 64).reshape(3, 64, 64), name="values", axes=("run", "y", "x"))
    wild = np.full((4, 3), np.nan, np.float32)
    wild[1, 1] = np.inf
    odd = Image.save(wild, name="odd", axes="yx")
    flags = Image.save(np.eye(40, dtype=bool), name="flags", axes="yx")
    many = Array.save(np.arange(2 * 32 * 32, dtype=np.int64).reshape(2, 32, 32), name="long", axes=("z", "y", "x"))
    return {one.name: one.id for one in (image, wide, values, odd, flags, many)}


@pytest.fixture
def page(seats: Seats, stored: tuple[Any, dict[str, str]]) -> Iterator[Page]:
    absent = "status of 404"  # as a browser calls what is not stored: a thumbnail, a chunk of nothing
    with seats.page(stored[0], expected=(absent,)) as page:
        yield page


def looked_at(page: Page, id: str) -> Locator:
    page.goto(f"/app/data/{id}")
    frame = page.get_by_role("application")
    expect(frame.locator("canvas").first).to_be_visible()
    return frame


def color(frame: Locator, x: float = 0.5, y: float = 0.5) -> tuple[int, int, int]:
    """Give the colour on the screen at a place in the frame, as parts of its width and height."""
    with Picture.open(io.BytesIO(frame.screenshot())) as seen:
        red, green, blue = seen.convert("RGB").getpixel((int(seen.width * x), int(seen.height * y)))  # type: ignore[misc]
    return red, green, blue


def shows(frame: Locator, wanted: tuple[int, int, int], x: float = 0.5, y: float = 0.5) -> None:
    seen: list[tuple[int, int, int]] = []

    def fits() -> bool:
        seen.append(color(frame, x, y))
        return all(abs(one - other) <= 6 for one, other in zip(seen[-1], wanted, strict=True))

    try:
        until(fits)
    except AssertionError:
        pytest.fail(f"expected {wanted} at {x}, {y}, saw {seen[-1]}")


def test_planes_channels_contrast_and_colours_are_what_is_stored(
    page: Page, stored: tuple[Any, dict[str, str]]
) -> None:
    frame = looked_at(page, stored[1]["stack"])
    for channel in ("DNA", "actin"):
        page.get_by_label(f"Colour of {channel}").fill("#ff0000" if channel == "DNA" else "#00ff00")
        page.get_by_label(f"brightest shown of {channel}").fill("4000")
        page.get_by_label(f"darkest shown of {channel}").fill("0")
    expect(page.get_by_label("Z", exact=True)).to_have_value("2")  # the middle of the stack
    shows(frame, (128, 128, 0))
    shoot(page, "image")
    page.get_by_label("Z", exact=True).fill("3")
    shows(frame, (191, 64, 0))
    expect(page.get_by_text("4 of 5 (6 µm)")).to_be_visible()
    page.get_by_label("actin", exact=True).uncheck()
    shows(frame, (191, 0, 0))
    page.get_by_label("brightest shown of DNA").fill("3000")
    shows(frame, (255, 0, 0))
    frame.hover(position={"x": 380, "y": 300})
    expect(frame.get_by_text(": 3000")).to_be_visible()
    expect(frame.get_by_text("µm")).to_be_visible()


def test_labels_and_regions_lie_on_top(page: Page, stored: tuple[Any, dict[str, str]]) -> None:
    frame = looked_at(page, stored[1]["stack"])
    page.get_by_label("DNA", exact=True).uncheck()
    page.get_by_label("actin", exact=True).uncheck()
    shows(frame, (0, 0, 0))
    page.get_by_label("How strongly labels cover").fill("1")
    page.get_by_label("nuclei").check()
    until(lambda: max(color(frame)) > 60)
    page.get_by_label("fields").check()

    def on_the_line() -> bool:
        with Picture.open(io.BytesIO(frame.screenshot())) as seen:
            pixels = np.asarray(seen.convert("RGB")).astype(int)
        return (
            int((np.abs(pixels - (255, 214, 10)).max(axis=2) < 130).sum()) > 600
        )  # four sides of some 480 each, not all of them sharp

    until(on_the_line)
    shoot(page, "image-overlays")


def test_a_large_image_is_read_as_far_as_it_is_seen_and_moved_by_keys(
    page: Page, stored: tuple[Any, dict[str, str]]
) -> None:
    read: list[int] = []
    page.on(
        "response",
        lambda answer: (
            read.append(int(answer.headers.get("content-length", 0))) if "arkitekt-data" in answer.url else None
        ),
    )
    frame = looked_at(page, stored[1]["wide"])
    page.get_by_label("brightest shown").fill("60000")
    page.get_by_label("darkest shown").fill("0")
    until(lambda: read != [])
    first = frame.get_attribute("data-zoom")
    frame.press("+")
    expect(frame).not_to_have_attribute("data-zoom", first or "")
    for _ in range(4):
        frame.press("+")
    frame.press("ArrowLeft")
    until(lambda: color(frame) in ((0, 0, 0), (234, 234, 234), (255, 255, 255)))
    frame.press("0")
    expect(frame).to_have_attribute("data-zoom", first or "")
    assert sum(read) < 4_000_000  # of 24 MB, packed


@pytest.mark.parametrize("name", ["values", "odd", "flags", "long"])
def test_any_plane_of_real_numbers_is_shown(page: Page, stored: tuple[Any, dict[str, str]], name: str) -> None:
    frame = looked_at(page, stored[1][name])
    if name == "values":
        page.get_by_label("run", exact=True).fill("2")
        shows(frame, (255, 255, 255), y=0.95)
    elif name == "flags":
        shows(frame, (255, 255, 255), x=0.51, y=0.512)  # within a pixel of the diagonal
    shoot(page, f"image-{name}")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_two_images_are_compared_side_by_side(page: Page, stored: tuple[Any, dict[str, str]]) -> None:
    looked_at(page, stored[1]["stack"])
    page.get_by_label("Compare with").fill("flags")
    page.get_by_role("option", name="flags").click()
    frames = page.get_by_role("application")
    expect(frames).to_have_count(2)
    frames.nth(1).press("+")
    expect(frames.nth(0)).to_have_attribute("data-zoom", frames.nth(1).get_attribute("data-zoom") or "")
    shoot(page, "image-compare")
    page.get_by_role("button", name="Choose another for the comparison").click()
    expect(frames).to_have_count(1)


# -- what somebody stored to do harm ---------------------------------------------------------------------------------

BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


def _zarr(shape: list[int], chunks: list[int], *codecs: dict[str, Any], dtype: str = "uint16") -> bytes:
    described = {
        "zarr_format": 3, "node_type": "array", "shape": shape, "data_type": dtype, "fill_value": 0, "attributes": {},
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}}, "codecs": [BYTES, *codecs],
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}}, "dimension_names": None,
    }  # fmt: skip
    return json.dumps(described).encode()


def _sharded(shape: list[int], inner: list[int]) -> bytes:
    codec = {
        "name": "sharding_indexed",
        "configuration": {"chunk_shape": inner, "codecs": [BYTES], "index_codecs": [BYTES], "index_location": "end"},
    }
    return _zarr(shape, shape, codec).replace(json.dumps(BYTES).encode() + b", ", b"", 1)


GZIP = {"name": "gzip", "configuration": {"level": 5}}
HARMS: dict[str, tuple[dict[str, Any], dict[str, bytes], str]] = {
    "negative chunks": ({"shape": [512, 512]}, {"0/zarr.json": _zarr([512, 512], [-1, -1])}, "have no size"),
    "no chunks": ({"shape": [512, 512]}, {"0/zarr.json": _zarr([512, 512], [0, 0])}, "have no size"),
    "chunks of a pixel": ({"shape": [1024, 1024]}, {"0/zarr.json": _zarr([1024, 1024], [1, 1])}, "too small"),
    "shards of pixels": ({"shape": [2**20, 2**20]}, {"0/zarr.json": _sharded([2**20, 2**20], [1, 1])}, "too small"),
    "vast chunks": ({"shape": [2**20, 2**20]}, {"0/zarr.json": _zarr([2**20, 2**20], [2**20, 2**20])}, "too large"),
    "another size": ({"shape": [64, 64]}, {"0/zarr.json": _zarr([10**9, 10**9], [512, 512])}, "stored wrong"),
    "another type": ({"shape": [64, 64]}, {"0/zarr.json": _zarr([64, 64], [64, 64], dtype="float64")}, "stored wrong"),
    "a bomb": (
        {"shape": [64, 64]},
        {"0/zarr.json": _zarr([64, 64], [64, 64], GZIP), "0/c/0/0": gzip.compress(bytes(300 * 2**20), 9)},
        "unpacks into more",
    ),
}


@pytest.mark.parametrize("name", HARMS)
def test_what_would_freeze_a_browser_is_refused_with_words(
    page: Page, stored: tuple[Any, dict[str, str]], name: str
) -> None:
    meta, objects, said = HARMS[name]
    made = make(page, "image", {"dtype": "uint16", "axes": ["y", "x"], **meta}, objects)
    page.goto(f"/app/data/{made}")
    expect(page.get_by_role("alert").first).to_contain_text(re.compile(f"{said}|Failed to decode"), timeout=30_000)
    assert page.evaluate("1 + 1") == 2


def test_a_million_channels_and_planes_are_no_burden(page: Page, stored: tuple[Any, dict[str, str]]) -> None:
    shape = [10**6, 10**6, 4, 4]
    meta = {"shape": shape, "dtype": "uint16", "axes": ["c", "z", "y", "x"]}
    made = make(page, "image", meta, {"0/zarr.json": _zarr(shape, [1, 1, 4, 4])})
    looked_at(page, made)
    expect(page.get_by_text("Only the first 64 channels are listed")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 2000


def test_regions_that_are_too_many_are_refused_and_whole_numbers_of_any_width_are_places(
    page: Page, stored: tuple[Any, dict[str, str]]
) -> None:
    point = pa.list_(pa.float64(), 2)
    bomb = pa.table(
        {"shape": ["path"], "points": pa.array([[[1.0, 1.0]] * 1_200_000], pa.list_(point)), "label": ["x"]}
    )
    deep = pa.table(
        {"shape": ["rectangle"], "points": pa.array([[[30, 30], [270, 270]]], pa.list_(point)), "label": ["x"],
         "z": pa.array([4], pa.int64())}
    )  # fmt: skip
    for name, table in (("bomb", bomb), ("deep", deep)):
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        columns = [{"name": field.name, "type": str(field.type)} for field in table.schema]
        meta = {"role": "rois", "columns": columns, "rows": table.num_rows}
        make(page, "table", meta, {"table.parquet": sink.getvalue()}, name=name, parent=stored[1]["stack"])
    frame = looked_at(page, stored[1]["stack"])
    page.get_by_label("bomb").check()
    expect(page.get_by_text("can be drawn")).to_be_visible()
    page.get_by_label("bomb").uncheck()

    def yellow() -> int:
        with Picture.open(io.BytesIO(frame.screenshot())) as seen:
            pixels = np.asarray(seen.convert("RGB")).astype(int)
        return int((np.abs(pixels - (255, 214, 10)).max(axis=2) < 130).sum())

    page.get_by_label("deep").check()
    page.get_by_label("Z", exact=True).fill("4")
    until(lambda: yellow() > 600)
    page.get_by_label("Z", exact=True).fill("3")
    until(lambda: yellow() < 50)


def make(page: Page, kind: str, meta: dict[str, Any], objects: dict[str, bytes], **fields: Any) -> str:
    """Store an item as somebody does who writes what they like."""
    body = {"kind": kind, "name": "harm", "meta": meta, **fields}
    body["objects"] = {path: base64.b64encode(data).decode() for path, data in objects.items()}
    csrf = page.locator('meta[name="arkitekt-csrf"]').get_attribute("content") or ""
    answer = page.request.post(
        "/api/items", data=body, headers={"X-Arkitekt-CSRF": csrf, "Origin": page.url.partition("/app")[0]}
    )
    assert answer.status == 201, answer.text()
    return str(answer.json()["item"]["id"])
