"""Metadata of items is taken when it is right, and refused with what was expected, what came, where and what to do."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from arkitekt_next.data.model import ItemKind, meta_json, parse_meta
from arkitekt_next.data.units import unit_name
from arkitekt_next.errors import InvalidMetadata

pytestmark = pytest.mark.requirement("data.metadata")

IMAGE: dict[str, Any] = {
    "shape": [3, 2, 4, 128, 160],
    "dtype": "uint16",
    "axes": ["t", "c", "z", "y", "x"],
    "scale": {"x": 0.1625, "y": 0.1625, "z": 0.5, "t": 2.5},
    "units": {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"},
    "channels": [
        {"name": "DNA", "color": "0000FF", "window": [0.0, 65535.0, 169.0, 257.0]},
        {"name": "actin"},
    ],
    "chunks": [1, 1, 4, 128, 160],
    "shards": [3, 2, 4, 128, 160],
    "levels": 1,
}


def test_the_metadata_of_an_image_comes_back_as_it_was() -> None:
    through_json = json.loads(json.dumps(meta_json(parse_meta(ItemKind.IMAGE, IMAGE))))
    assert through_json == {**IMAGE, "role": "intensity"}
    assert meta_json(parse_meta(ItemKind.IMAGE, through_json)) == through_json


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (ItemKind.ARRAY, {"shape": [], "dtype": "complex64", "axes": []}),
        (
            ItemKind.ARRAY,
            {"shape": [0, 7], "dtype": "bool", "axes": ["sample", "feature"], "units": {"sample": "well"}},
        ),
        (ItemKind.TABLE, {"columns": [{"name": "area", "type": "double"}], "rows": 12}),
        (ItemKind.FILE, {"name": "notes.txt", "content_type": "text/plain; charset=utf-8"}),
        (ItemKind.FILE, {"name": "a", "content_type": "a/b", "size_bytes": 0, "sha256": "0" * 64}),
        (ItemKind.IMAGE, {"shape": [5, 5], "dtype": "float32", "axes": ["y", "x"]}),
        (ItemKind.IMAGE, {"shape": [2, 5, 5], "dtype": "uint32", "axes": ["z", "y", "x"], "role": "labels"}),
    ],
)
def test_every_kind_has_its_shape(kind: ItemKind, raw: dict[str, Any]) -> None:
    assert raw.items() <= meta_json(parse_meta(kind, raw)).items()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"axes": ["t", "z", "c", "y", "x"]}, "meta.axes: expected two to five of t, c, z, y, x in this order"),
        ({"axes": ["c", "y", "x"]}, "meta.axes: expected 5 names, one for each dimension of the shape"),
        ({"axes": ["t", "c", "z", "y", "y"]}, "got ['t', 'c', 'z', 'y', 'y']. Transpose and rename"),
        ({"shape": [3, 2, 4, 128, 0]}, "meta.shape: expected at least one pixel along each axis"),
        ({"shape": [3, 2, 4, 128, "160"]}, "meta.shape.4: expected a valid integer, got '160'"),
        ({"shape": [3, 2, 4, 128, 2**60]}, "meta.shape.4: expected less than"),
        ({"dtype": ">u2"}, "meta.dtype: expected one of bool, complex128"),
        ({"dtype": "complex64"}, "meta.dtype: expected real numbers, got 'complex64'"),
        ({"scale": {"x": 0.0}}, "meta.scale.x: expected greater than 0, got 0.0"),
        ({"scale": {"x": float("nan")}}, "meta.scale.x: expected"),
        ({"scale": {"w": 1.0}}, "meta.scale: expected keys among the axes"),
        ({"units": {"x": "um"}}, "meta.units.x: expected a unit like 'micrometer', got 'um'"),
        ({"units": {"t": "micrometer"}}, "meta.units.t: expected a unit of time like 'second'"),
        ({"units": {"c": "second"}}, "meta.units.c: expected no unit"),
        ({"channels": [{"name": "DNA"}]}, "meta.channels: expected 2, one for each place on axis 'c', got 1"),
        ({"channels": [{"name": "a", "color": "blue"}, {"name": "b"}]}, "meta.channels.0.color: expected a colour"),
        ({"channels": [{"name": "a", "window": [1, 0, 0, 1]}, {"name": "b"}]}, "meta.channels.0.window: expected [min"),
        ({"channels": [{"name": "\n"}, {"name": "b"}]}, "meta.channels.0.name: expected printable text"),
        ({"chunks": [1, 1]}, "meta.chunks: expected 5 sizes"),
        ({"shards": [1, 1, 4, 128, 100]}, "meta.shards: expected multiples of the chunks"),
        ({"levels": 0}, "meta.levels: expected greater than or equal to 1, got 0"),
        ({"lavels": 1}, "meta.lavels: expected only the fields of this kind"),
        ({"role": "labels", "dtype": "float32"}, "meta.dtype: expected whole numbers for labels"),
    ],
)
def test_what_does_not_fit_an_image_is_refused_with_place_and_remedy(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidMetadata) as caught:
        parse_meta(ItemKind.IMAGE, {**IMAGE, **change})
    assert says in str(caught.value)
    assert caught.value.where.startswith("meta")


@pytest.mark.parametrize(
    ("kind", "raw", "says"),
    [
        (ItemKind.FILE, {"name": "../x"}, "meta.name: expected a name without a folder, got '../x'"),
        (ItemKind.FILE, {"name": ".."}, "meta.name: expected a name without a folder"),
        (ItemKind.FILE, {"name": "a", "content_type": "text"}, "meta.content_type: expected a media type"),
        (ItemKind.FILE, {"name": "a", "content_type": "a/b\r\nX: y"}, "meta.content_type: expected a media type"),
        (ItemKind.FILE, {"name": "a", "sha256": "A" * 64}, "meta.sha256: expected 64 lower-case hex digits"),
        (ItemKind.FILE, {"name": "a", "size_bytes": -1}, "meta.size_bytes: expected greater than or equal to 0"),
        (ItemKind.TABLE, {"columns": [{"name": "a", "type": "x"}] * 2}, "meta.columns: expected names that differ"),
        (ItemKind.TABLE, {}, "meta.columns: expected a value, got none"),
        (
            ItemKind.ARRAY,
            {"shape": [1, 1], "dtype": "int8", "axes": ["a", "a"]},
            "meta.axes: expected names that differ",
        ),
        (ItemKind.ARRAY, [], "meta: expected"),
    ],
)
def test_what_does_not_fit_other_kinds_is_refused(kind: ItemKind, raw: Any, says: str) -> None:
    with pytest.raises(InvalidMetadata) as caught:
        parse_meta(kind, raw)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("µm", "micrometer"),
        ("um", "micrometer"),
        ("\\u00B5m", "micrometer"),
        ("nm", "nanometer"),
        ("Å", "angstrom"),
        ("ms", "millisecond"),
        ("seconds", "second"),
        ("min", "minute"),
        ("pixel", None),
        ("reference frame", None),
        ("", None),
    ],
)
def test_units_of_files_become_the_names_of_ome_ngff(symbol: str, name: str | None) -> None:
    assert unit_name(symbol) == name


def test_the_rules_of_metadata_load_no_numpy() -> None:
    code = "import sys, arkitekt_next.data.model, arkitekt_next.sdk.data; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
