"""What we write opens, pixel-equal and with scales and channels, in programs that know nothing of us.

They live in a virtual environment of their own: `ARKITEKT_TEST_NGFF_VENV` names one with ome-zarr and ome-zarr-models;
with `ARKITEKT_TEST_NGFF_BUILD=1` one is built for this run, which needs the network.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zarr.storage import LocalStore

from arkitekt_next.data.model import ImageRole
from arkitekt_next.sdk.data.describing import describe_image
from arkitekt_next.sdk.data.formats import read, write_ome_zarr
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.pyramid import mean_halved
from tests.support.samples import sample

pytestmark = pytest.mark.requirement("data.independent")

SCRIPT = Path(__file__).resolve().parents[2] / "independent" / "ome_zarr_check.py"
VENV, BUILD = "ARKITEKT_TEST_NGFF_VENV", "ARKITEKT_TEST_NGFF_BUILD"


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of the environment with the independent readers."""
    where = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    if named := os.environ.get(VENV):
        return Path(named) / where
    if os.environ.get(BUILD) != "1":
        pytest.skip(f"no independent readers: set {VENV} to a venv with ome-zarr and ome-zarr-models, or {BUILD}=1")
    folder = tmp_path_factory.mktemp("ngff")
    venv.create(folder, with_pip=True)
    subprocess.run([folder / where, "-m", "pip", "install", "-q", "ome-zarr", "ome-zarr-models"], check=True)
    return folder / where


def looked_at(reader: Path, image: Path) -> dict[str, Any]:
    """Give what the independent readers say of an image."""
    ran = subprocess.run(
        [reader, "-I", "-W", "ignore", SCRIPT, image], check=False, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    print(ran.stdout)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def digest(values: np.ndarray[Any, Any]) -> str:
    """Give the SHA-256 of pixels in C order."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def test_a_real_image_is_valid_and_read_by_others(reader: Path, tmp_path: Path) -> None:
    with read(sample("ome", "hela_tzcyx.ome.tif")) as source:
        write_ome_zarr(source, tmp_path / "a.ome.zarr")
        pixels = source.data.compute()
    found = looked_at(reader, tmp_path / "a.ome.zarr")
    for said in (found["models"], found["ome-zarr"]):
        assert said["scales"] == [[2.5, 1.0, 0.5, 0.1625, 0.1625]]
    assert found["models"]["version"] == "0.5"
    assert found["models"]["axes"] == [
        ["t", "time", "second"],
        ["c", "channel", None],
        ["z", "space", "micrometer"],
        ["y", "space", "micrometer"],
        ["x", "space", "micrometer"],
    ]
    assert [channel[:2] for channel in found["models"]["channels"]] == [
        ["lysosome", "FF0000"],
        ["mitochondria", "00FF00"],
        ["DNA", "0000FF"],
    ]
    assert found["ome-zarr"]["names"] == ["lysosome", "mitochondria", "DNA"]
    assert found["ome-zarr"]["sha256"] == [digest(pixels)]


def test_every_level_is_read_by_others(reader: Path, tmp_path: Path) -> None:
    full = np.random.default_rng(0).integers(0, 2**16, (2, 3, 700, 611), np.uint16)
    told = describe_image(full, axes="czyx", scale={"x": 0.5, "y": 0.25, "z": 2.0}, channels=["a", "b"])
    stored = write_image(LocalStore(tmp_path / "a.ome.zarr"), full, told, memory_bytes=8 * 2**20)
    found = looked_at(reader, tmp_path / "a.ome.zarr")
    half = mean_halved(full)
    assert found["ome-zarr"]["sha256"] == [digest(level) for level in (full, half, mean_halved(half))]
    assert found["ome-zarr"]["scales"] == [[1, 2, 0.25, 0.5], [1, 2, 0.5, 1], [1, 2, 1, 2]]
    assert found["models"]["translations"] == [None, [0, 0, 0.125, 0.25], [0, 0, 0.375, 0.75]]
    windows = [list(channel.window[2:]) for channel in stored.channels if channel.window]
    assert found["ome-zarr"]["limits"] == windows


@pytest.mark.parametrize(("axes", "shape"), [("yx", (300, 20)), ("tyx", (2, 20, 300)), ("tczyx", (1, 1, 1, 1, 1))])
def test_images_with_any_axes_are_valid(reader: Path, axes: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    full = np.ones(shape, np.float32)
    write_image(LocalStore(tmp_path / "a.ome.zarr"), full, describe_image(full, axes=axes))
    assert [axis[0] for axis in looked_at(reader, tmp_path / "a.ome.zarr")["models"]["axes"]] == list(axes)


def test_labels_are_valid(reader: Path, tmp_path: Path) -> None:
    full = np.arange(300 * 400, dtype=np.uint32).reshape(300, 400)
    told = describe_image(full, role=ImageRole.LABELS)
    write_image(LocalStore(tmp_path / "a.ome.zarr"), full, told)
    found = looked_at(reader, tmp_path / "a.ome.zarr")
    assert found["ome-zarr"]["sha256"] == [digest(full), digest(full[::2, ::2])]
