"""`call` with what is stored: a name or an id goes in, an id comes out, and nothing is fetched on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Home, write_app

pytestmark = pytest.mark.requirement("cli.call")

APP = """
from pathlib import Path

import numpy as np
import pandas as pd

from arkitekt_next import Image, register


@register
def mean(image: Image, offset: float = 0.0) -> float:
    return float(image.numpy().mean()) + offset


@register
def doubled(image: np.ndarray) -> np.ndarray:
    return image * 2


@register
def sizes(paths: list[Path], extra: Path | None = None) -> list[int]:
    return [path.stat().st_size for path in [*paths, *([extra] if extra else [])]]


@register
def rows(n: int) -> pd.DataFrame:
    return pd.DataFrame({"a": range(n)})
"""


@pytest.fixture(scope="module")
def lab(home: Home) -> Iterator[None]:
    place = write_app(home.folder / "lab", APP)
    with home.started("run", "prod", at=place) as app:
        app.says("lab.rows")
        yield


@pytest.mark.usefixtures("lab")
def test_stored_things_are_named_and_come_out_by_id(home: Home, files: Path) -> None:
    kept = home.run("data", "import", str(files / "a.ome.tif"), "--name", "field 1", "--json").json["item"]
    note = home.run("data", "put", str(files / "note.txt"), "--json").json["item"]
    by_name, by_id = (home.run("call", "lab.mean", f"image={text}", "--json") for text in ("field 1", kept["id"]))
    assert (by_name.code, by_id.code) == (0, 0), by_name.err + by_id.err
    assert by_name.json == by_id.json > 0
    assert home.run("call", "lab.mean", "field 1", "offset=1", "--json").json == by_name.json + 1
    made = home.run("call", "lab.doubled", kept["id"])
    assert made.code == 0, made.err
    assert home.run("call", "lab.mean", f"image={kept['id']}", "--json").json == by_name.json
    shown = home.run("data", "show", made.lines[-1].strip(), "--json")
    assert shown.json["kind"] == "array", shown.err
    assert home.run("call", "lab.sizes", "note.txt", "--json").json == [16]
    assert home.run("call", "lab.sizes", f"paths={note['id']},note.txt", "extra=note.txt", "--json").json == [16] * 3
    table = home.run("call", "lab.rows", "3")
    assert home.run("data", "show", table.lines[-1].strip(), "--json").json["meta"]["rows"] == 3


@pytest.mark.usefixtures("lab")
def test_names_that_stand_for_nothing_are_refused_before_anything_runs(home: Home) -> None:
    for value, said in (
        ("no such image", "no item 'no such image'"),
        ("01a1fb9b-0100-7000-8000-000000000001", "01a1fb9b"),
    ):
        done = home.run("call", "lab.mean", f"image={value}")
        assert done.code != 0
        assert said in done.err
        assert "Traceback" not in done.err
