"""What others stored, or another hub says, harms nobody who reads it: no file elsewhere, no lie believed, no flood."""

from __future__ import annotations

import io
import resource
import shutil
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arkitekt_next import App, File, Image, Roi, Table
from arkitekt_next.data import rocrate
from arkitekt_next.data.keys import THUMBNAIL, InvalidKey
from arkitekt_next.data.pictures import is_thumbnail
from arkitekt_next.errors import InvalidValue
from arkitekt_next.sdk.data import bounds, files
from arkitekt_next.sdk.data.crate import _Folder
from arkitekt_next.sdk.data.naming import safe_name
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from tests.support.data import on_loop

pytestmark = pytest.mark.requirement("data.safe")

AWAY = ("../../x", "..", "/etc/x", "a/../../x", "C:\\x", "", "x\0y")


@pytest.fixture
def image(caller: App) -> Image:
    return Image.save(np.zeros((20, 30), np.uint8), name="field", axes="yx")


def write_table(caller: App, table: pa.Table, *, parent: Image, **meta: Any) -> str:
    """Store a table as it is, whatever is said of it; give its id."""

    def fill(objects: Any) -> dict[str, Any]:
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd", store_schema=False)
        objects.put("table.parquet", sink.getvalue())
        columns = [{"name": field.name, "type": str(field.type)} for field in table.schema]
        return {"columns": columns, "rows": table.num_rows, **meta}

    wanted = {"kind": "table", "name": "attached by others", "parent": parent.id}
    return str(caller.link.items.write(wanted, fill)["id"])


def test_regions_that_others_attached_and_that_are_none_do_not_keep_the_others_from_being_read(
    caller: App, image: Image, caplog: pytest.LogCaptureFixture
) -> None:
    good = [Roi(shape="point", points=[(1, 2)])]
    image.mark(good)
    deep = '{"a":' * 5000 + "1" + "}" * 5000
    for number, columns in enumerate(
        (
            {"shape": ["star"], "points": [[[1.0, 2.0]]]},
            {"shape": ["point"], "points": [[[1.0, 2.0]]], "values": [deep]},
            {"other": [1]},
            {"shape": ["point"] * 100_001, "points": [[[1.0, 2.0]]] * 100_001},
        )
    ):
        write_table(caller, pa.table(columns), parent=image, role="rois")
        assert image.rois() == good, number
    caller.link.items.write(
        {"kind": "table", "name": "not one", "parent": image.id},
        lambda objects: (objects.put("x", b"x"), {"columns": [], "rows": 1, "role": "rois"})[1],
    )
    assert image.rois() == good
    assert "are left out" in caplog.text


def test_a_table_that_unpacks_to_more_than_memory_is_refused(
    caller: App, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 20_000_000
    numbers = pa.table({"n": pa.array(np.zeros(rows, np.int64))})
    words = pa.table({"w": pa.DictionaryArray.from_arrays(np.zeros(rows // 100, np.int32), ["w" * 5000])})
    bombs = [write_table(caller, table, parent=image) for table in (numbers, words)]
    assert Table.get(bombs[0]).size_bytes < 2**20
    monkeypatch.setattr(bounds, "_of_container", lambda: 150 * 2**20)
    for id in bombs:
        with pytest.raises(InvalidValue, match="of memory that are free here"):
            Table.get(id).arrow()
    frame = pd.DataFrame({"label": ["control", "treated"] * 50_000, "area": np.arange(100_000.0)})
    assert Table.save(frame, name="plain").pandas().equals(frame)


def test_a_query_reads_the_table_and_nothing_around_it(caller: App, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    secret = pd.DataFrame({"a": [1]})
    table = Table.save(pd.DataFrame({"a": [1, 2, 3]}), name="three")
    assert table.sql("SELECT sum(a) AS s FROM data").to_pylist() == [{"s": 6}]
    queries = (
        f"SELECT * FROM read_text('{tmp_path}/secret.txt')",
        f"SELECT * FROM '{tmp_path}/secret.txt'",
        f"COPY (SELECT 1) TO '{tmp_path}/out.csv'",
        f"ATTACH '{tmp_path}/x.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "SELECT * FROM secret",
    )
    for query in queries:
        with pytest.raises(InvalidValue):
            table.sql(query)
    assert list(tmp_path.iterdir()) == [tmp_path / "secret.txt"]
    assert len(secret) == 1
    print(f"N = {len(queries)} queries")


def test_what_a_hub_says_never_becomes_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKITEKT_CACHE", str(tmp_path / "cache"))
    body = b"run me"
    meta = {"name": "x.desktop", "size_bytes": len(body), "sha256": "0" * 64}

    def hub(url: str) -> Any:
        objects = SimpleNamespace(steps=lambda key: [body])
        return SimpleNamespace(session=SimpleNamespace(url=url), open=lambda id: objects)

    for id in (*AWAY, "0" * 36):
        with pytest.raises(InvalidValue):
            files.fetch(hub("http://one"), {"id": id, "meta": meta})
        with pytest.raises(InvalidValue, match="expected 5 bytes"):
            files.fetch(hub("http://one"), {"id": id, "meta": {**meta, "size_bytes": 5}})
    import hashlib

    meta["sha256"] = hashlib.sha256(body).hexdigest()
    one = files.fetch(hub("http://one"), {"id": "../../../evil", "meta": meta})
    two = files.fetch(hub("http://two"), {"id": "../../../evil", "meta": meta})
    assert one != two
    assert {one.is_relative_to(tmp_path / "cache"), two.is_relative_to(tmp_path / "cache")} == {True}
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}
    for id in AWAY[:4]:
        with pytest.raises(InvalidKey):
            rocrate.folder_of(id)
        assert "/" not in safe_name("", id)
        assert safe_name("", id) not in ("..", "")
    crate = _Folder(tmp_path / "crate")
    for name in ("../out", "data/../../out"):
        with pytest.raises(InvalidValue, match="paths that stay in it"), crate.new(name):
            pass
    shutil.rmtree(tmp_path / "cache")


def test_only_ones_own_images_pass_for_a_file(caller: App, hub: Any, tmp_path: Path) -> None:
    import PIL.Image

    PIL.Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(tmp_path / "x.png")
    mine = Image.load(tmp_path / "x.png")
    assert Image.loaded(tmp_path / "x.png") == mine
    assert [found.id for found in Image.search(mine=True, sha256=mine.meta["origin"]["sha256"])] == [mine.id]

    async def hand_over() -> None:
        async with hub.app.state.hub.database.engine.begin() as db:
            await db.execute(t.person.insert().values(id="somebody-else", name="eve", created_at_us=1))
            await db.execute(d.item.update().where(d.item.c.id == mine.id).values(person_id="somebody-else"))

    on_loop(hub, hand_over())
    assert Image.get(mine.id).person == "eve"
    assert Image.loaded(tmp_path / "x.png") is None


def test_a_picture_that_is_none_is_not_shown(caller: App) -> None:
    def png(width: int, height: int) -> bytes:
        head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\0\0\0\0"
        return b"\x89PNG\r\n\x1a\n\0\0\0\r" + head + zlib.crc32(head).to_bytes(4, "big")

    assert is_thumbnail(png(256, 1))
    for width, height in ((257, 1), (1, 65536), (0, 5), (65536, 65536)):
        assert not is_thumbnail(png(width, height))
    assert not is_thumbnail(png(10, 10) + bytes(2**20))
    for body in (b"<html>" * 100, png(65536, 65536), bytes(2**21)):
        item = caller.link.items.write(
            {"kind": "image", "name": "shows something else"},
            lambda objects, body=body: (
                objects.put(THUMBNAIL, body),
                {"shape": [4, 4], "dtype": "uint8", "axes": ["y", "x"]},
            )[1],
        )
        assert Image.get(item["id"]).thumbnail() is None
        assert Image.get(item["id"])._repr_png_() is None
    assert File.search("nothing", mine=True) is not None


def packed_bomb(kind: str) -> pa.Table:
    """Give a table of few bytes whose texts take 1.5 GB: one of a million letters, and its number 1500 times."""
    words = pa.DictionaryArray.from_arrays(np.zeros(1500, np.int32), ["w" * 1_000_000])
    if kind == "texts":
        return pa.table({"w": words})
    if kind == "lists":
        return pa.table({"w": pa.ListArray.from_arrays(np.arange(0, 1501, 500, dtype=np.int32), words)})
    if kind == "records":
        return pa.table({"w": pa.StructArray.from_arrays([words], ["w"])})
    return pa.table({"w": pa.array([b"w" * 1_000_000] * 1500, pa.binary(1_000_000))})


@pytest.mark.parametrize("kind", ["texts", "lists", "records", "fixed"])
def test_one_long_text_that_stands_for_many_is_refused_before_it_is_there(
    caller: App, image: Image, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    bomb = Table.get(write_table(caller, packed_bomb(kind), parent=image))
    assert bomb.size_bytes < 2**20
    monkeypatch.setattr(bounds, "_of_container", lambda: 600 * 2**20)
    ways = (bomb.arrow, lambda: list(bomb.batches()), lambda: bomb.export(Path("never.csv")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for way in ways:
        with pytest.raises(InvalidValue, match="of memory that are free here"):
            way()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 200 * 2**20
    assert not Path("never.csv").exists()


def test_texts_that_repeat_come_back_as_they_were(caller: App) -> None:
    rng = np.random.default_rng(3)
    words = pa.array(rng.choice(["a" * 50, "b", None], 200_000))
    lists = pa.array([["x", None], [], None] * 50_000 + [["yy"]] * 50_000)
    records = pa.array([{"q": "zz", "n": 1}, None] * 100_000)
    table = pa.table({"w": words, "l": lists, "r": records, "c": words.dictionary_encode()})
    stored = Table.save(table, name="repeated")
    assert stored.arrow().equals(table)
    assert pa.concat_tables(stored.batches(30_000)).combine_chunks().equals(table.combine_chunks())
    counted = stored.sql("SELECT w, count(*) AS n FROM data GROUP BY w ORDER BY n")
    assert sum(counted.column("n").to_pylist()) == 200_000
    assert stored.arrow(["l"]).equals(table.select(["l"]))


def test_a_file_that_is_more_than_it_was_said_to_be_is_not_fetched_to_its_end(caller: App, tmp_path: Path) -> None:
    said = {"name": "small.bin", "content_type": "application/octet-stream", "size_bytes": 1, "sha256": "0" * 64}

    def fill(objects: Any) -> dict[str, Any]:
        objects.put("small.bin", bytes(40 * 2**20))
        return said

    id = str(caller.link.items.write({"kind": "file", "name": "small"}, fill)["id"])
    with pytest.raises(InvalidValue, match="expected 1 bytes, got more"):
        File.get(id).export(tmp_path / "out.bin")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 2**20
