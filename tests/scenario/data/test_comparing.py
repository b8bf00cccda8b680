"""Whether two items hold the same, else where and how much they differ."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arkitekt_next import App, Array, File, Image, Table
from arkitekt_next.errors import InvalidValue

pytestmark = [pytest.mark.requirement("data.compare"), pytest.mark.usefixtures("caller")]


@pytest.fixture(autouse=True)
def _calling(caller: App) -> None:
    """Store with the app that calls."""


def test_equal_arrays_are_equal_however_they_lie_in_the_store() -> None:
    values = np.arange(60, dtype=np.uint16).reshape(5, 12)
    one, twin = Array.save(values, name="one"), Array.save(values, name="twin")
    assert one.compare(twin).is_same_digest
    assert str(one.compare(twin)) == "equal, byte by byte"
    image = Image.save(values, name="an image")
    found = image.compare(Image.save(values, name="under another name"))
    assert (bool(found), found.values) == (True, {})


def test_arrays_that_differ_say_where_and_how_much() -> None:
    values = np.zeros((4, 5), dtype=np.uint16)
    other = values.copy()
    other[2, 3], other[3, 0] = 10, 65535
    found = Array.save(values, name="a").compare(Array.save(other, name="b"))
    assert not found
    difference = found.values["array"]
    assert (difference.count, difference.total, difference.first) == (2, 20, (2, 3))
    assert (difference.max_abs, difference.mean_abs) == (65535.0, 65545 / 20)
    assert difference.fraction == 0.1
    assert str(found) == (
        "array: 2 of 20 values differ (10.00%), first at 2, 3, by 65535 at most and 3277.25 on average"
    )


def test_what_is_no_number_equals_itself_and_what_is_large_is_measured_exactly() -> None:
    one = np.array([np.nan, 1.0, np.nan, np.inf])
    found = Array.save(one, name="a").compare(Array.save(np.array([np.nan, 1.5, 2.0, np.inf]), name="b"))
    assert (found.values["array"].count, found.values["array"].first) == (2, (1,))
    large = np.array([0, 2**63 - 1], dtype=np.int64)
    found = Array.save(large, name="a").compare(Array.save(np.array([0, -(2**63)], dtype=np.int64), name="b"))
    assert found.values["array"].max_abs == float(2**64 - 1)


def test_another_shape_type_or_scale_is_said_in_words() -> None:
    values = np.ones((3, 4), dtype=np.uint8)
    one = Array.save(values, name="a", scale={"dim_0": 1.0, "dim_1": 1.0})
    found = one.compare(Array.save(np.ones((3, 5), dtype=np.uint8), name="b", scale={"dim_0": 1.0, "dim_1": 1.0}))
    assert found.said == ("shape [3, 4] and [3, 5]",)
    found = one.compare(Array.save(values.astype(np.float32), name="b", scale={"dim_0": 1.0, "dim_1": 1.0}))
    assert (found.said, found.values) == (("dtype 'uint8' and 'float32'",), {})
    found = one.compare(Array.save(values, name="b", scale={"dim_0": 2.0, "dim_1": 1.0}))
    assert [text.partition(" ")[0] for text in found.said] == ["scale"]


def test_a_comparison_holds_a_piece_of_each_at_a_time() -> None:
    values = np.random.default_rng(3).integers(0, 2**15, (64, 1024, 1024), dtype=np.uint16)
    one = Array.save(values, name="a")
    values[60, 7, 9] += 1
    other = Array.save(values, name="b")
    size = values.nbytes
    del values
    tracemalloc.start()
    found = one.compare(other)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (found.values["array"].count, found.values["array"].first) == (1, (60, 7, 9))
    print(f"N = {size // 2**20} MiB each, peak {peak // 2**20} MiB")
    assert peak < size


def test_tables_that_differ_say_in_which_columns_and_rows() -> None:
    frame = pd.DataFrame({"label": ["a", "b", "c"], "area": [1.0, 2.0, 3.0], "n": [1, 2, 3]})
    other = frame.assign(area=[1.0, 2.5, 3.0], label=["a", "b", "x"])
    one = Table.save(frame, name="one")
    found = one.compare(Table.save(other, name="other"))
    assert set(found.values) == {"area", "label"}
    assert (found.values["area"].first, found.values["area"].max_abs) == ((1,), 0.5)
    assert (found.values["label"].first, found.values["label"].max_abs) == ((2,), None)
    found = one.compare(Table.save(frame.rename(columns={"n": "count"}).iloc[:2], name="other"))
    assert found.said[:2] == ("the column 'n' only in the first", "the column 'count' only in the second")
    assert "3 and 2 rows" in found.said
    assert found.values == {}
    assert one.compare(Table.save(frame, name="twin"))


def test_a_table_of_many_rows_is_compared_across_its_row_groups() -> None:
    many = pd.DataFrame({"n": np.arange(300_000)})
    other = many.copy()
    other.loc[299_999, "n"] = -1
    found = Table.save(many, name="a").compare(Table.save(other, name="b"))
    assert (found.values["n"].count, found.values["n"].total, found.values["n"].first) == (1, 300_000, (299_999,))


def test_files_that_differ_say_at_which_byte(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 1000)
    (tmp_path / "b.bin").write_bytes(b"x" * 500 + b"y" + b"x" * 500)
    one = File.save(tmp_path / "a.bin")
    found = one.compare(File.save(tmp_path / "b.bin"))
    assert found.said == ("1000 and 1001 bytes",)
    assert (found.values["file"].count, found.values["file"].first) == (1, (500,))
    assert one.compare(File.save(tmp_path / "a.bin", name="the same.bin")).is_equal
    with pytest.raises(InvalidValue, match="expected another file, got table"):
        one.compare(Table.save(pd.DataFrame({"a": [1]}), name="t"))
