"""Names that come from the hub, as names of files on this machine: whatever they are, they lead nowhere else."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from arkitekt_next.errors import InvalidValue
from arkitekt_next.sdk.data.naming import safe_name, target_of

pytestmark = pytest.mark.requirement("data.export")

PARTS = (
    "..",
    ".",
    "/",
    "\\",
    "C:",
    "~",
    "\0",
    "\n",
    "a",
    " ",
    "CON",
    "nul.tif",
    "é" * 150,
    "\u202egpj.exe",
    "$(x)",
    "%2e%2e%2f",
)


def test_no_name_leads_out_of_the_folder_it_is_written_to(tmp_path: Path) -> None:
    names = ["".join(parts) for parts in itertools.product(PARTS, repeat=3)]
    for name in names:
        found = safe_name(name, "item")
        assert (tmp_path / found).resolve().parent == tmp_path.resolve(), repr(name)
        assert 0 < len(found.encode()) <= 201, repr(name)
        assert not set(found) & set('/\\:*?"<>|\0\n\u202e'), repr(name)
        assert not found.startswith("."), repr(name)
    print(f"N = {len(names)} names")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("cells, field 3", "cells, field 3"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("COM1", "_COM1"),
        ("nul.txt", "_nul.txt"),
        ("...", "item"),
        ("a/b:c", "a_b_c"),
    ],
)
def test_names_stay_as_they_are_where_they_can(name: str, safe: str) -> None:
    assert safe_name(name, "item") == safe


def test_the_ending_says_the_format_and_a_folder_takes_the_first(tmp_path: Path) -> None:
    endings = (".ome.zarr", ".ome.tif")
    assert target_of(tmp_path, "x", endings) == (tmp_path / "x.ome.zarr", ".ome.zarr")
    assert target_of(tmp_path / "y.OME.TIF", "x", endings) == (tmp_path / "y.OME.TIF", ".ome.tif")
    with pytest.raises(InvalidValue, match=r"a folder that is there, or a name that ends in \.ome\.zarr, \.ome\.tif"):
        target_of(tmp_path / "y.png", "x", endings)
