"""Arrays, tables and files in plain hints: stored once, passed by reference, equal at the other end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr

from arkitekt_next import App, Array, File, Image, Table, local
from arkitekt_next.errors import InvalidValue
from arkitekt_next.ports.holders import ARRAY
from arkitekt_next.sdk.data.item import here
from tests.support.data_lab import make_lab
from tests.support.frames import measured
from tests.support.raw import sign_in
from tests.support.scripts import program

MIB = 1024 * 1024
FRAME_BYTES = 64 * 1024


@pytest.fixture(scope="module")
def lab(hub: Any) -> Iterator[App]:
    app = make_lab()
    with app.run_detached():
        yield app


LAB = """
import sys
import threading

sys.path.insert(0, {root!r})
from tests.support.data_lab import make_lab

with make_lab(url={url!r}, token={token!r}).run_detached():
    print("serving")
    threading.Event().wait()
"""
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.requirement("data.by-reference")
@pytest.mark.parametrize("size_mib", [8, pytest.param(1024, marks=pytest.mark.alone)])
def test_an_array_passes_between_two_processes_equal_while_no_frame_is_large(
    hub: Any, tmp_path: Path, size_mib: int
) -> None:
    values = np.random.default_rng(8).integers(0, 2**15, (size_mib // 8, 2048, 2048), dtype=np.uint16)
    with measured(hub.url) as frames:
        code = LAB.format(root=str(ROOT), url=frames.url, token=token(hub, "lab"))
        with program(code, tmp_path) as lab, App("caller", url=frames.url, token=token(hub, "caller")) as caller:
            lab.says("serving")
            result = caller.find("lab.blur")(values, 2.0)
    assert np.array_equal(result, values * 2)
    assert 0 < frames.largest_bytes <= FRAME_BYTES
    print(f"N = {frames.count} frames, the largest {frames.largest_bytes} bytes, for {size_mib} MiB each way")


def token(hub: Any, app: str) -> str:
    return sign_in(hub.url, hub.folder, app)


@pytest.mark.requirement("data.by-reference")
def test_every_class_that_holds_an_array_fits_where_one_is_wanted(lab: App, caller: App) -> None:
    values = np.arange(12, dtype=np.int32).reshape(3, 4)
    named = xr.DataArray(values, dims=("y", "x"))
    lazy = da.from_array(values, chunks=2)
    stored = Array.save(values, name="numbers")
    for given in (values, named, lazy, stored):
        assert caller.find("lab.mean")(given) == 5.5
        assert np.array_equal(caller.find("lab.blur")(given, 2.0), values * 2)
        result = caller.find("lab.lazily")(given)
        assert isinstance(result, xr.DataArray)
        assert (result.dims, result.dtype) == (("y", "x"), np.int32)
        assert np.array_equal(result, values + 1)


@pytest.mark.requirement("data.by-reference")
def test_an_image_fits_where_an_array_is_wanted_and_no_table_does(lab: App, caller: App) -> None:
    image = Image.save(np.full((64, 64), 7, np.uint8), name="even", scale={"y": 0.5, "x": 0.5})
    assert caller.find("lab.mean")(image) == 7
    with pytest.raises(InvalidValue, match=r"lab|mean\.image: expected xarray"):
        caller.find("lab.mean")(pd.DataFrame({"a": [1]}))


@pytest.mark.requirement("data.by-reference")
def test_tables_travel_as_whichever_library_is_named(lab: App, caller: App) -> None:
    frame = pd.DataFrame({"area": [1.5, 2.5, 4.0], "count": [1, 2, 3]})
    for given in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame), Table.save(frame, name="cells")):
        result = caller.find("lab.summed")(given)
        assert isinstance(result, pl.DataFrame)
        assert result.rows() == [("area", 8.0), ("count", 6.0)]
    assert caller.find("lab.arrow")(frame).to_pydict() == {"area": [2.5, 4.0], "count": [2, 3]}


@pytest.mark.requirement("data.by-reference")
def test_files_travel_by_path_and_opened(lab: App, caller: App, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"hello, cells")
    assert caller.find("lab.first")(path, 5) == "hello"
    with path.open("rb") as opened:
        opened.seek(7)
        assert caller.find("lab.first")(opened, 5) == "cells"
    assert caller.find("lab.shout")(File.save(path)).read() == b"HELLO, CELLS"


@pytest.mark.requirement("data.by-reference")
def test_what_lies_inside_lists_dicts_and_unions_travels_too(lab: App, caller: App) -> None:
    images = [np.ones((2, 2)), np.full((3,), 2.0)]
    table = Table.save(pd.DataFrame({"a": [1, 2]}), name="two rows")
    assert caller.find("lab.several")(images, {"x": table}) == (10, {"x": 2})
    assert caller.find("lab.maybe")() == "none"
    assert np.array_equal(caller.find("lab.maybe")(images[0]), images[0])


@pytest.mark.requirement("data.by-reference")
def test_a_stream_of_arrays_comes_in_order(lab: App, caller: App) -> None:
    seen = [int(tile[0, 0]) for tile in caller.find("lab.tiles").iterate(np.zeros((4, 4), np.uint8), 20)]
    assert seen == list(range(20))


@pytest.mark.requirement("data.by-reference")
@pytest.mark.parametrize(
    "values",
    [
        np.array(3.5),
        np.zeros((0, 4), np.uint16),
        np.array([True, False]),
        np.array([np.nan, np.inf, -0.0]),
        np.array([1 + 2j, -0j], np.complex64),
        np.arange(24, dtype=">i4").reshape(2, 3, 4)[:, ::2, ::-1],
        np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3)),
    ],
    ids=["no axes", "nothing in it", "truth", "not numbers", "complex", "strided and swapped", "fortran"],
)
def test_odd_arrays_arrive_as_they_were(lab: App, caller: App, values: np.ndarray) -> None:
    result = caller.find("lab.maybe")(values)
    assert (result.shape, result.dtype) == (values.shape, values.dtype.newbyteorder("="))
    assert result.tobytes() == np.ascontiguousarray(values).astype(result.dtype).tobytes()


@pytest.mark.requirement("data.by-reference")
def test_text_and_objects_in_an_array_are_refused_with_what_to_do(lab: App, caller: App) -> None:
    with pytest.raises(InvalidValue, match="expected numbers or truth values"):
        caller.find("lab.blur")(np.array(["a", "b"]), 1.0)


@pytest.mark.requirement("data.by-reference")
def test_without_a_hub_the_object_itself_is_passed() -> None:
    def double(image: np.ndarray) -> np.ndarray:
        return image * 2

    values = np.arange(3)
    assert np.array_equal(local(double)(values), values * 2)


@pytest.mark.requirement("data.safe")
def test_an_array_that_promises_more_than_memory_fails_its_call_and_nothing_else(hub: Any, caller: App) -> None:
    agent = App("total", url=hub.url)

    @agent.register
    def total(values: np.ndarray) -> int:
        return int(values.sum())

    bomb = Array.save(da.zeros((1024, 1024), chunks=1024, dtype="uint8"), name="a bomb")
    grown = caller.link.items.write(
        {"kind": "array", "name": "a bomb"}, lambda objects: _grow(bomb, objects, (10**6, 10**6))
    )
    with agent.run_detached():
        with pytest.raises(InvalidValue, match="of memory that are free here"):
            caller.find("total.total")(Array.get(grown["id"]))
        assert Array.get(grown["id"])[:2, :3].tolist() == [[0, 0, 0], [0, 0, 0]]
        assert caller.find("total.total")(np.ones(5, np.uint8)) == 5


def _grow(small: Array, objects: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Copy an array, and let its metadata say that it is much larger than what is stored of it."""
    source = small._items.open(small.id)
    for entry in source.list():
        body = source.get(entry.key)
        objects.put(entry.key, _reshaped(body, shape) if entry.key.endswith("zarr.json") else body)
    return {**small.meta, "shape": list(shape)}


def _reshaped(text: bytes, shape: tuple[int, ...]) -> bytes:
    raw = json.loads(text)
    if "shape" in raw:
        raw["shape"] = list(shape)
    described = raw.get("attributes", {}).get("arkitekt", {}).get("array")
    if described:
        described["shape"] = list(shape)
    return json.dumps(raw).encode()


@pytest.mark.parametrize(("side", "wanted"), [(64, ["POST"]), (1024, ["POST", "POST"])])
def test_a_small_array_is_stored_by_the_request_that_makes_it(
    caller: App, monkeypatch: pytest.MonkeyPatch, side: int, wanted: list[str]
) -> None:
    items, asked = here(), []
    ask = items.session.ask

    def count(method: str, path: str, *args: Any) -> Any:
        asked.append(method)
        return ask(method, path, *args)

    monkeypatch.setattr(items.session, "ask", count)
    values = np.random.default_rng(1).integers(0, 65536, (side, side), np.uint16)
    id = items._put(values, ARRAY)
    assert asked == wanted  # else it is made by one, and committed by another
    np.testing.assert_array_equal(Array.get(id).numpy(), values)
