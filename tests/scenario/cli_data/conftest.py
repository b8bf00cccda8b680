"""One hub for each file of tests, and small images for its users."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.support.cli import Home, home_at


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_at(tmp_path_factory.mktemp("data"), is_warm=True) as home:
        assert home.run("hub", "start", "--background").code == 0
        yield home


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with two images, a broken one and a text."""
    folder = tmp_path / "run"
    folder.mkdir()
    write_tiff(folder / "a.ome.tif", 1, shape=(2, 3, 24, 32))
    write_tiff(folder / "b.ome.tif", 2, shape=(2, 3, 24, 32))
    (folder / "cut.tif").write_bytes((folder / "a.ome.tif").read_bytes()[:900])
    (folder / "note.txt").write_text("fix, stain, wash")
    return folder


def write_tiff(path: Path, seed: int, shape: tuple[int, ...] = (24, 32)) -> Path:
    """Write an OME-TIFF along the last of t, c, y, x, with a pixel size and named channels; each seed another one."""
    axes = "tcyx"[-len(shape) :].upper()
    said = {"axes": axes, "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.25, "TimeIncrement": 2.0}
    if "C" in axes:
        said["Channel"] = {"Name": [f"channel {number}" for number in "ABC"[: shape[-3]]]}
    values = np.random.default_rng([seed, *path.name.encode()]).integers(0, 4000, shape, dtype=np.uint16)
    place = path.with_name(f".{path.name}")  # so that nobody sees it half written
    tifffile.imwrite(place, values, ome=True, photometric="minisblack", metadata=said)
    place.rename(path)
    return path
