"""Files of microscope makers are read through the extra `formats`, or refused with the line that installs it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from arkitekt_next.errors import ArkitektError, InvalidValue, MissingExtra, SuspiciousFile, UnreadableFile
from arkitekt_next.sdk.data.formats import Limits, read, write_ome_tiff
from tests.support.lif import write_lif

pytestmark = pytest.mark.requirement("data.formats")

LENGTHS = {"X": 20e-6, "Y": 8e-6, "Z": 1.5e-6, "T": 14.0}


def test_a_lif_file_keeps_axes_steps_and_colours(tmp_path: Path) -> None:
    pytest.importorskip("liffile")
    values = np.random.default_rng(0).integers(0, 2**16, (3, 4, 2, 17, 21), np.uint16)
    write_lif(tmp_path / "a.lif", [values[:1], values], lengths=LENGTHS, tables=["Green", "Gray"])
    with read(tmp_path / "a.lif", series=1) as found:
        assert (found.count, found.series) == (2, 1)
        assert found.meta.sizes == {"t": 3, "c": 2, "z": 4, "y": 17, "x": 21}
        assert found.meta.scale == pytest.approx({"x": 1.0, "y": 0.5, "z": 0.5, "t": 7.0})
        assert found.meta.units == {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"}
        assert [(c.name, c.color) for c in found.meta.channels] == [("Green", "00FF00"), ("Gray", "FFFFFF")]
        assert np.array_equal(found.data.compute(), values.transpose(0, 2, 1, 3, 4))
        write_ome_tiff(found, tmp_path / "a.ome.tif")
    with read(tmp_path / "a.ome.tif") as back:
        assert back.meta.scale == pytest.approx({"x": 1.0, "y": 0.5, "z": 0.5, "t": 7.0})
        assert np.array_equal(back.data.compute(), values.transpose(0, 2, 1, 3, 4))
    with pytest.raises(InvalidValue, match="series: expected 0 to 1, got 2"):
        read(tmp_path / "a.lif", series=2)
    with pytest.raises(SuspiciousFile, match="at most 1000"):
        read(tmp_path / "a.lif", limits=Limits(total_bytes=1000))


def test_a_cut_off_lif_file_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("liffile")
    values = np.ones((2, 2, 1, 9, 8), np.uint8)
    write_lif(tmp_path / "a.lif", [values], lengths=LENGTHS, tables=["Gray"], cut=5)
    with pytest.raises(UnreadableFile, match="it is cut off"):
        read(tmp_path / "a.lif")
    content = (tmp_path / "a.lif").read_bytes()
    for part in (5, 40, len(content) - 100):
        (tmp_path / "b.lif").write_bytes(content[:part])
        with pytest.raises(UnreadableFile):
            read(tmp_path / "b.lif")


@pytest.mark.parametrize(
    ("content", "package"),
    [
        (b"ZISRAWFILE".ljust(600, b"\0"), "czifile"),
        (b"\xda\xce\xbe\x0a".ljust(600, b"\0"), "nd2"),
        (b"\x70\0\0\0".ljust(600, b"\0"), "liffile"),
    ],
)
def test_without_its_package_a_format_says_what_to_install(
    content: bytes, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image").write_bytes(content)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as caught:
        read(tmp_path / "image")
    assert f"needs the package {package}, which is not installed" in str(caught.value)
    assert "pip install 'arkitekt-next[formats]'" in str(caught.value)


@pytest.mark.parametrize("start", [b"ZISRAWFILE", b"\xda\xce\xbe\x0a", b"\x70\0\0\0"])
def test_files_with_the_right_start_and_nothing_behind_it_are_refused(start: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(start.ljust(2000, b"\7"))
    with pytest.raises(ArkitektError):
        read(tmp_path / "image")
