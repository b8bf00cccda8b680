"""Labels and regions of interest are attached to an image: found by it, equal, and refused where they do not fit."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arkitekt_next import App, Image, Roi, Table
from arkitekt_next.errors import InvalidValue

pytestmark = pytest.mark.requirement("data.regions")

ROIS = [
    Roi(shape="point", points=[(3.5, 0)], label="a seed", z=1),
    Roi(shape="rectangle", points=[(0, 0), (9.25, 19)], c=0, values={"area": 175.75, "mean": -0.0}),
    Roi(shape="polygon", points=[(1, 1), (1, 5), (8, 3)], label="nucleus 'é'", t=1, c=1, z=2),
    Roi(shape="path", points=[(float(n), n / 3) for n in range(50)]),
]


@pytest.fixture
def image(caller: App) -> Image:
    return Image.save(np.zeros((2, 2, 3, 40, 50), np.uint16), name="field", axes="tczyx", scale={"y": 0.5, "x": 0.25})


def test_regions_come_back_as_they_were_attached(image: Image) -> None:
    table = image.mark(ROIS[:3], name="by hand", tags=["checked"])
    assert (table.parent, table.name, table.tags, table.rows) == (image.id, "by hand", ("checked",), 3)
    assert image.rois() == ROIS[:3]
    image.mark([ROIS[3].model_dump(mode="json")])
    assert image.rois() == ROIS
    assert asyncio.run(image.arois()) == ROIS
    assert table.pandas()["label"].tolist() == ["a seed", "", "nucleus 'é'"]
    Table.save(table.arrow(), name="only a table", parent=image)
    assert len(image.rois()) == 4
    table.trash()
    assert image.rois() == ROIS[3:]


def test_labels_are_found_by_their_image(image: Image) -> None:
    assert image.labels() == []
    first = Image.save(np.eye(40, 50, dtype=np.uint8), name="nuclei", axes="yx", is_labels=True, parent=image)
    second = Image.save(np.ones((40, 50), np.uint32), name="cells", axes="yx", is_labels=True, parent=image)
    Image.save(np.ones((40, 50), np.uint8), name="no labels", axes="yx", parent=image)
    assert image.labels() == [first, second] == asyncio.run(image.alabels())


@pytest.mark.parametrize(
    ("roi", "where", "expected"),
    [
        ({"shape": "point", "points": [[1, 2], [3, 4]]}, "rois.1", "expected 1 for a point, got 2"),
        ({"shape": "polygon", "points": [[1, 2], [3, 4]]}, "rois.1", "at least 3"),
        ({"shape": "star", "points": [[1, 2]]}, "rois.1.shape", "'polygon'"),
        ({"shape": "point", "points": [[1, float("nan")]]}, "rois.1.points.0.1", "finite"),
        ({"shape": "point", "points": [[1, 2]], "z": 3}, "rois.1.z", "0 to 2"),
        ({"shape": "point", "points": [[1, 2]], "z": -1}, "rois.1.z", "0"),
        ({"shape": "point", "points": [[1, 2]], "color": "red"}, "rois.1.color", "not permitted"),
        ({"shape": "point", "points": [[1, 1e6]]}, "rois.1.points", "at least in part"),
        ({"shape": "rectangle", "points": [[-9, 2], [-3, 4]]}, "rois.1.points", "at least in part"),
    ],
)
def test_a_region_that_does_not_fit_is_refused_and_nothing_is_stored(
    image: Image, roi: dict[str, Any], where: str, expected: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        image.mark([ROIS[0], roi])
    assert where in str(refused.value)
    assert expected in str(refused.value)
    assert image.rois() == []


def test_a_region_that_is_none_is_refused_in_our_words() -> None:
    with pytest.raises(InvalidValue, match=r"roi\.points: expected 2 for a line, got 1") as refused:
        Roi(shape="line", points=[(1, 2)])
    assert "pydantic" not in str(refused.value)


def test_a_region_may_lie_partly_outside(image: Image) -> None:
    assert image.mark([{"shape": "ellipse", "points": [[-5, -5], [2, 2]]}]).rows == 1


def test_an_axis_that_the_image_does_not_have_is_named(caller: App) -> None:
    plane = Image.save(np.zeros((8, 8), np.uint8), name="plane", axes="yx")
    with pytest.raises(InvalidValue, match="the image has no axis z"):
        plane.mark([Roi(shape="point", points=[(0, 0)], z=1)])
    assert plane.mark([Roi(shape="point", points=[(0, 0)], z=0)]).rows == 1


def test_labels_have_the_steps_of_their_image_and_its_sizes(image: Image) -> None:
    sizes = dict(zip(image.axes, image.shape, strict=True))
    values = np.ones((sizes["y"], sizes["x"]), np.uint8)
    made = Image.save(values, name="cells", axes="yx", is_labels=True, parent=image)
    assert made.scale == {axis: step for axis, step in image.scale.items() if axis in "yx"}
    assert made.units == {axis: unit for axis, unit in image.units.items() if axis in "yx"}
    own = Image.save(values, name="cells", axes="yx", is_labels=True, parent=image.id, scale={"y": 2.0, "x": 2.0})
    assert own.scale == {"y": 2.0, "x": 2.0}
    with pytest.raises(InvalidValue, match=f"labels: expected {sizes['y']} along y, as '{image.name}' has, got 7"):
        Image.save(np.ones((7, 7), np.uint8), name="tiny", axes="yx", is_labels=True, parent=image)


def test_regions_come_out_as_csv(image: Image, tmp_path: Path) -> None:
    made = image.mark(ROIS).export(tmp_path / "regions.csv")
    rows = list(csv.DictReader(made.open()))
    assert [row["shape"] for row in rows] == [str(roi.shape) for roi in ROIS]
    assert isinstance(json.loads(rows[0]["points"]), list)


def test_labels_leave_and_enter_with_their_image(caller: App, image: Image, tmp_path: Path) -> None:
    nuclei = np.arange(2 * 3 * 40 * 50, dtype=np.uint32).reshape(2, 3, 40, 50)
    for name, pixels, axes in (
        ("nuclei", nuclei, "tzyx"),
        ("a/b", nuclei[0, 0] * 2, "yx"),
        ("a/b", nuclei[0, 0], "yx"),
    ):
        Image.save(pixels, name=name, axes=axes, is_labels=True, parent=image)
    path = image.export(tmp_path / "field.ome.zarr")
    listed = json.loads((path / "labels" / "zarr.json").read_text())["attributes"]["ome"]["labels"]
    assert listed[:2] == ["nuclei", "a_b"]
    assert listed[2].startswith("a_b ")
    back = Image.load(path, tags=["again"], visibility="private")
    assert np.array_equal(back.numpy(), image.numpy())
    found = {label.name: label for label in back.labels()}
    assert list(found) == listed
    assert np.array_equal(found["nuclei"].numpy(), nuclei)
    assert np.array_equal(found["a_b"].numpy(), nuclei[0, 0] * 2)
    assert all(label.record["visibility"] == "private" for label in found.values())


def test_labels_that_are_broken_or_lie_elsewhere_are_left_out(
    caller: App, image: Image, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.save(np.ones((40, 50), np.uint8), name="good", axes="yx", is_labels=True, parent=image)
    Image.save(np.ones((40, 50), np.uint8), name="broken", axes="yx", is_labels=True, parent=image)
    path = image.export(tmp_path / "field.ome.zarr")
    image.export(tmp_path / "secret.ome.zarr")
    (path / "labels" / "broken" / "zarr.json").write_text("{")
    raw = json.loads((path / "labels" / "zarr.json").read_text())
    raw["attributes"]["ome"]["labels"] += ["../../secret.ome.zarr", "..", "", 3, "missing", "/etc"]
    (path / "labels" / "zarr.json").write_text(json.dumps(raw))
    back = Image.load(path)
    assert [label.name for label in back.labels()] == ["good"]
    assert "the labels broken of" in caplog.text
