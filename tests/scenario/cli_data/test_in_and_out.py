"""`data import`, `put`, `export` and `get` as processes: what goes in comes out, and nothing is lost or overwritten."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import tifffile
import zarr

from arkitekt_next import App, Array, File, Table
from tests.scenario.cli_data.conftest import write_tiff
from tests.support.cli import COMMAND, DEADLINE_S, Done, Home, home_at
from tests.support.samples import sample
from tests.support.waiting import until


def lines(done: Done) -> list[dict[str, Any]]:
    """Give the objects that a command printed, one a line."""
    return [json.loads(line) for line in done.lines]


def url(home: Home) -> str:
    return str(json.loads((home.hub_folder / "hub.json").read_text())["url"])


@pytest.fixture
def app(home: Home, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in home.environment.items():
        if name.startswith("ARKITEKT_"):
            monkeypatch.setenv(name, value)
    with App("reader", url=url(home)) as app:
        yield app


@pytest.mark.requirement("data.import")
def test_a_file_becomes_an_image_with_all_that_it_says(home: Home, files: Path) -> None:
    done = home.run(
        "data", "import", str(files / "a.ome.tif"), "--tag", "control", "--tag", "x", "--folder", "plate 3/A1",
        "--note", "first try", "--private", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    [line] = lines(done)
    item = line["item"]
    assert (line["state"], item["kind"], item["name"], item["note"]) == ("stored", "image", "a", "first try")
    assert (item["tags"], item["visibility"]) == (["control", "x"], "private")
    meta = item["meta"]
    assert (meta["axes"], meta["shape"], meta["dtype"]) == (["t", "c", "y", "x"], [2, 3, 24, 32], "uint16")
    assert meta["scale"] == {"t": 2.0, "y": 0.25, "x": 0.25}
    assert [channel["name"] for channel in meta["channels"]] == ["channel A", "channel B", "channel C"]
    content = (files / "a.ome.tif").read_bytes()
    assert meta["origin"] == {
        "name": "a.ome.tif",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "series": 0,
    }


@pytest.mark.requirement("data.import")
def test_the_same_content_again_is_said_and_not_stored_twice(home: Home, files: Path, tmp_path: Path) -> None:
    [first] = lines(home.run("data", "import", str(files / "b.ome.tif"), "--json"))
    copy = tmp_path / "another name.tif"
    copy.write_bytes((files / "b.ome.tif").read_bytes())
    done = home.run("data", "import", str(copy))
    assert done.code == 0
    assert "is there already: image b" in done.out
    assert first["item"]["id"] in done.out
    [again] = lines(home.run("data", "import", str(copy), "--again", "--json"))
    assert again["state"] == "stored"
    assert again["item"]["id"] != first["item"]["id"]
    assert again["item"]["name"] == "another name"


@pytest.mark.requirement("data.import")
def test_what_is_said_of_an_image_that_is_there_already_is_not_passed_over(home: Home, tmp_path: Path) -> None:
    path = str(write_tiff(tmp_path / "said.tif", 11))
    [first] = lines(home.run("data", "import", path, "--tag", "a", "--json"))
    done = home.run(
        "data", "import", path, "--tag", "a", "--tag", "b", "--name", "Said", "--note", "better", "--folder", "F",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert f"is there already: image Said, 24×32 uint16  {first['item']['id']}; now tagged b, called Said" in done.out
    shown = home.run("data", "show", first["item"]["id"], "--json").json
    assert (shown["tags"], shown["name"], shown["note"]) == (["a", "b"], "Said", "better")
    assert (shown["folder_path"], shown["visibility"]) == ("F", "team")
    assert "now" not in home.run("data", "import", path, "--tag", "b", "--folder", "F").out
    [plain] = lines(home.run("data", "import", path, "--json"))
    assert (plain["state"], plain["item"]["tags"], plain["item"]["name"]) == ("known", ["a", "b"], "Said")


@pytest.mark.requirement("data.import")
def test_what_lies_elsewhere_is_neither_moved_nor_hidden_by_an_import(home: Home, tmp_path: Path) -> None:
    for well in ("A", "B"):
        (tmp_path / well).mkdir()
        tifffile.imwrite(tmp_path / well / "dark.tif", np.full((5, 9), 3, np.uint8))
    states = []
    for well in ("A", "B", "B"):
        [line] = lines(home.run("data", "import", str(tmp_path / well), "--folder", f"wells/{well}", "--json"))
        states.append((line["state"], line["item"]["id"]))
    assert [state for state, _ in states] == ["stored", "stored", "known"]
    for well, (_, id) in zip("AB", states, strict=False):
        assert [item["id"] for item in home.run("data", "ls", "--folder", f"wells/{well}", "--json").json] == [id]
    [mine] = lines(home.run("data", "import", str(tmp_path / "A"), "--folder", "wells/A", "--private", "--json"))
    assert (mine["state"], mine["item"]["visibility"]) == ("stored", "private")
    assert home.run("data", "show", states[0][1], "--json").json["visibility"] == "team"


@pytest.mark.requirement("data.import")
@pytest.mark.parametrize(
    "told", [["--axis", "z"], ["--step", "7s"], ["--pixel-size", "250nm"], ["--pixel-size", "0.25"]]
)
def test_what_is_told_without_an_effect_stores_nothing_anew(home: Home, tmp_path: Path, told: list[str]) -> None:
    path = str(write_tiff(tmp_path / f"{'-'.join(told)}.tif", 21, shape=(3, 8, 9)))
    states = [
        lines(home.run("data", "import", path, *arguments, "--json"))[0]["state"] for arguments in ([], told, told)
    ]
    assert states == ["stored", "known", "known"]


@pytest.mark.requirement("data.import")
@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["--pixel-size", "0.5"], ("scale", {"y": 0.5, "x": 0.5})),
        (["--axis", "t"], ("axes", ["t", "y", "x"])),
        (["--step", "7s"], ("scale", {"t": 7.0})),
        (["--channels", "DNA"], ("channels", "DNA")),
        (["--colors", "red"], ("origin", "red")),
    ],
)
def test_what_is_told_of_the_pixels_is_never_passed_over(
    home: Home, tmp_path: Path, told: list[str], expected: tuple[str, Any]
) -> None:
    values = np.random.default_rng([*told[0].encode()]).integers(0, 250, (3, 8, 9), np.uint8)
    path = tmp_path / f"pages {told[0]}.tif"
    tifffile.imwrite(path, values, photometric="minisblack")
    states = []
    for arguments in ([], told, told, []):
        [line] = lines(home.run("data", "import", str(path), *arguments, "--json"))
        states.append((line["state"], line["item"]["id"]))
        if arguments:
            meta = line["item"]["meta"]
            found = meta[expected[0]]
            found = found[0]["name"] if expected[0] == "channels" else found
            assert (found["colors"] if expected[0] == "origin" else found) == expected[1]
    assert [state for state, _ in states] == ["stored", "stored", "known", "known"]
    assert (states[2], states[3]) == (("known", states[1][1]), ("known", states[0][1]))


@pytest.mark.requirement("data.import")
def test_equal_frames_stay_as_many_as_they_are(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "dark"
    folder.mkdir()
    for number in (1, 2, 3):
        tifffile.imwrite(folder / f"dark{number}.tif", np.zeros((6, 7), np.uint8))
    first = lines(home.run("data", "import", str(folder), "--json"))
    assert [(line["state"], line["item"]["name"]) for line in first] == [("stored", f"dark{n}") for n in (1, 2, 3)]
    again = lines(home.run("data", "import", str(folder), "--json"))
    assert [line["state"] for line in again] == ["known"] * 3
    assert [line["item"]["id"] for line in again] == [line["item"]["id"] for line in first]
    tifffile.imwrite(folder / "dark0.tif", np.zeros((6, 7), np.uint8))
    later = lines(home.run("data", "import", str(folder), "--json"))
    assert [line["state"] for line in later] == ["stored", "known", "known", "known"]


@pytest.mark.requirement("data.import")
def test_a_step_along_an_axis_that_is_not_there_is_remarked(home: Home, tmp_path: Path) -> None:
    done = home.run("data", "import", str(write_tiff(tmp_path / "flat.tif", 12)), "--step", "7s")
    assert (done.code, "the step along t means nothing for flat.tif" in done.err) == (0, True), done.err


@pytest.mark.requirement("data.import")
def test_of_several_files_those_that_fail_are_named_at_the_end_and_the_others_are_stored(
    home: Home, files: Path
) -> None:
    write_tiff(files / "c.tif", 3)
    done = home.run("data", "import", str(files / "cut.tif"), str(files / "c.tif"), str(files / "note.txt"))
    assert done.code == 1
    assert "c.tif: image c" in done.out
    assert "2 of 3 were not stored, 1 is:" in done.err
    told = done.err.partition("2 of 3")[2]
    assert "cut.tif" in told
    assert "expected a TIFF file that is complete" in told
    assert "arkitekt-next data put FILE" in told


@pytest.mark.requirement("data.import")
def test_a_folder_gives_every_image_in_it_and_says_what_it_left_out(home: Home, files: Path) -> None:
    (files / "cut.tif").unlink()
    deep = files / "deep"
    deep.mkdir()
    write_tiff(deep / "d.tif", 4)
    done = home.run("data", "import", str(files), "--again", "--json")
    assert [Path(line["path"]).name for line in lines(done)] == ["a.ome.tif", "b.ome.tif"]
    assert "note.txt" in done.err
    done = home.run("data", "import", str(files), "--recursive", "--again", "--json")
    assert [Path(line["path"]).name for line in lines(done)] == ["a.ome.tif", "b.ome.tif", "d.tif"]


@pytest.mark.requirement("data.import")
def test_files_of_a_folder_become_one_time_series(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(12):
        tifffile.imwrite(folder / f"frame{number}.tif", np.full((8, 10), number, np.uint8))
    done = home.run("data", "import", str(folder), "--as-stack", "--step", "500ms", "--pixel-size", "65nm", "--json")
    [line] = lines(done)
    meta = line["item"]["meta"]
    assert (meta["axes"], meta["shape"]) == (["t", "y", "x"], [12, 8, 10])
    assert meta["scale"] == {"t": 500.0, "y": 65.0, "x": 65.0}
    assert meta["units"] == {"t": "millisecond", "y": "nanometer", "x": "nanometer"}
    out = tmp_path / "out.ome.tif"
    assert home.run("data", "export", line["item"]["id"], "--to", str(out)).code == 0
    assert [int(frame[0, 0]) for frame in tifffile.imread(out)] == list(range(12))


@pytest.mark.requirement("data.import")
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["nowhere.tif"], 4, "There is no file"),
        (["note.txt"], 1, "arkitekt-next data put FILE"),
        (["a.ome.tif", "b.ome.tif", "--name", "one"], 2, "--name is for a single image"),
        (["a.ome.tif", "--step", "7"], 2, "expected a unit"),
        (["a.ome.tif", "--step", "7 parrots"], 2, "expected a number above 0 with a unit"),
        (["a.ome.tif", "--pixel-size", "7s"], 2, "expected a length"),
        (["a.ome.tif", "--series", "first"], 2, "expected a number or 'all'"),
        (["a.ome.tif", "--as-stack"], 4, "--as-stack takes folders"),
        (["a.ome.tif", "--series", "9"], 2, "series: expected 0 to 0"),
        (["a.ome.tif", "--name", ""], 2, "expected 1 to 256 characters"),
        (["a.ome.tif", "--name", "   "], 2, "expected 1 to 256 characters"),
        (["a.ome.tif", "--folder", "../x"], 2, "expected a path like"),
        ([""], 2, "expected a path, got nothing"),
        (["a.ome.tif", "--name", "x" * 2000], 2, "(2000 characters)"),
        (["a.ome.tif", "--tag", "a/b"], 2, "expected 1 to 64 characters, none of them a '/'"),
        (["a.ome.tif", "--tag", ".."], 2, "and not '.' or '..', got '..'"),
    ],
)
def test_what_can_not_be_imported_is_refused_with_the_remedy(
    home: Home, files: Path, arguments: list[str], code: int, text: str
) -> None:
    done = home.run("data", "import", *arguments, "--again", at=files)
    assert (done.code, text in done.err) == (code, True), done.err


@pytest.mark.requirement("data.export")
def test_an_image_comes_out_as_ome_zarr_and_as_ome_tiff(home: Home, files: Path, tmp_path: Path) -> None:
    name = "cells/field: 3"
    assert home.run("data", "import", str(files / "a.ome.tif"), "--name", name, "--again").code == 0
    values = tifffile.imread(files / "a.ome.tif")
    assert home.run("data", "export", name, at=tmp_path).code == 0
    made = zarr.open_array(tmp_path / "cells_field_ 3.ome.zarr", path="0", mode="r")
    assert np.array_equal(made[...], values)
    assert home.run("data", "export", name, "--as", "ome-tiff", at=tmp_path).code == 0
    with tifffile.TiffFile(tmp_path / "cells_field_ 3.ome.tif") as tif:
        assert tif.series[0].axes == "TCYX"
        assert np.array_equal(tif.asarray(), values)
        assert 'PhysicalSizeX="0.25"' in (tif.ome_metadata or "")


@pytest.mark.requirement("data.export")
def test_a_folder_that_is_named_as_one_is_made_and_a_format_never_gets_another_ending(
    home: Home, files: Path, tmp_path: Path
) -> None:
    made = [line["item"]["id"] for line in lines(home.run("data", "import", str(files), "--recursive", "--json"))[:2]]
    done = home.run("data", "export", *made, "--to", "new/results", "--as", "ome-tiff", "--json", at=tmp_path)
    assert done.code == 0, done.err
    assert len(list((tmp_path / "new/results").glob("*.ome.tif"))) == 2
    assert home.run("data", "export", made[0], "--to", "one/", at=tmp_path).code == 0
    assert len(list((tmp_path / "one").glob("*.ome.zarr"))) == 1
    wrong = home.run("data", "export", made[0], "--as", "ome-zarr", "--to", "k.ome.tif", at=tmp_path)
    assert (wrong.code, "expected a folder that is there, or a name that ends in .ome.zarr" in wrong.err) == (2, True)
    assert not (tmp_path / "k.ome.tif").exists()
    (tmp_path / "taken").write_text("")
    for place in ("taken", "one.ome.tif", ""):
        assert home.run("data", "export", *made, "--to", place, "--force", at=tmp_path).code == 2
    assert not (tmp_path / "one.ome.tif").exists()
    [twin] = lines(home.run("data", "import", str(files / "a.ome.tif"), "--again", "--name", "twin", "--json"))
    [other] = lines(home.run("data", "import", str(files / "b.ome.tif"), "--again", "--name", "twin", "--json"))
    both = [twin["item"]["id"], other["item"]["id"]]
    done = home.run("data", "export", *both, "--to", "twins", "--as", "ome-tiff", "--force", at=tmp_path)
    assert done.code == 0, done.err
    assert sorted(path.name for path in (tmp_path / "twins").iterdir()) == sorted(f"twin {id}.ome.tif" for id in both)


@pytest.mark.requirement("data.export")
def test_nothing_is_overwritten_unless_told_so(home: Home, files: Path, tmp_path: Path) -> None:
    [line] = lines(home.run("data", "import", str(files / "a.ome.tif"), "--again", "--json"))
    id = line["item"]["id"]
    for target, form in (("taken.ome.tif", "ome-tiff"), ("taken.ome.zarr", "ome-zarr")):
        place = tmp_path / target
        place.write_text("mine")
        refused = home.run("data", "export", id, "--as", form, "--to", str(place))
        assert (refused.code, place.read_text()) == (5, "mine")
        assert "--force" in refused.err
        for _ in range(2):
            assert home.run("data", "export", id, "--to", str(place), "--force").code == 0
    assert zarr.open_array(tmp_path / "taken.ome.zarr", path="0", mode="r").shape == (2, 3, 24, 32)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "run") == ["taken.ome.tif", "taken.ome.zarr"]


@pytest.mark.requirement("data.export")
def test_tables_and_arrays_come_out_for_other_programs(home: Home, app: App, tmp_path: Path) -> None:
    table = Table.save(pa.table({"label": [1, 2], "area": [0.5, 1.5]}), name="areas")
    array = Array.save(np.arange(6, dtype=np.int32).reshape(2, 3), name="counts")
    for arguments in (
        [table.id, "--to", "areas.csv"],
        [table.id],
        [array.id, "--as", "npy"],
        [array.id],
    ):
        assert home.run("data", "export", *arguments, at=tmp_path).code == 0
    assert pyarrow.csv.read_csv(tmp_path / "areas.csv").to_pydict() == {"label": [1, 2], "area": [0.5, 1.5]}
    assert pyarrow.parquet.read_table(tmp_path / "areas.parquet").num_rows == 2
    assert np.load(tmp_path / "counts.npy").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert zarr.open_array(tmp_path / "counts.zarr", path="0", mode="r")[...].tolist() == [[0, 1, 2], [3, 4, 5]]
    refused = home.run("data", "export", table.id, "--as", "ome-tiff", at=tmp_path)
    assert (refused.code, "parquet or csv for the table 'areas'" in refused.err) == (2, True)


@pytest.mark.requirement("data.commands")
def test_files_go_in_and_out_as_they_are(home: Home, tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(20_000_000)
    (tmp_path / "raw.bin").write_bytes(content)
    [line] = lines(home.run("data", "put", "raw.bin", "--tag", "raw", "--json", at=tmp_path))
    assert line["item"]["meta"]["sha256"] == hashlib.sha256(content).hexdigest()
    again = home.run("data", "put", "raw.bin", at=tmp_path)
    assert (again.code, "is there already: file raw.bin" in again.out) == (0, True)
    assert home.run("data", "get", "raw.bin", at=tmp_path).code == 5
    out = tmp_path / "out"
    out.mkdir()
    done = home.run("data", "get", "raw.bin", "out", at=tmp_path)
    assert (done.code, (out / "raw.bin").read_bytes() == content) == (0, True)
    assert [path.name for path in out.iterdir()] == ["raw.bin"]


@pytest.mark.requirement("data.commands")
def test_what_comes_through_a_pipe_is_stored_under_the_name_it_is_given(home: Home, tmp_path: Path) -> None:
    content = b"through a pipe\n" * 1000
    sent = subprocess.run(
        [*COMMAND, "data", "put", "-", "--name", "piped.txt", "--json"],
        input=content,
        env=home.environment,
        capture_output=True,
        timeout=DEADLINE_S,
    )
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["item"]["meta"]["name"] == "piped.txt"
    assert home.run("data", "get", "piped.txt", "-").out.encode() == content


@pytest.mark.requirement("data.commands")
def test_an_upload_that_was_killed_goes_on(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "big.raw"
    content = np.random.default_rng(2).bytes(160 * 1024 * 1024)
    path.write_bytes(content)
    notes = home.folder / "state" / "uploads"
    with home.started("data", "put", str(path)) as begun:
        until(lambda: list(notes.glob("*.json")))
        os.kill(begun.process.pid, signal.SIGKILL)
        begun.end()
    [line] = lines(home.run("data", "put", str(path), "--json"))
    assert line["state"] == "stored"
    assert line["item"]["meta"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert [item["name"] for item in home.run("data", "ls", "big.raw", "--json").json] == ["big.raw"]
    assert list(notes.glob("*.json")) == []


@pytest.mark.requirement("data.commands")
@pytest.mark.parametrize("size_bytes", [1000, 40 * 1024 * 1024])
def test_two_commands_that_store_one_file_at_once_store_it_once(home: Home, tmp_path: Path, size_bytes: int) -> None:
    path = tmp_path / f"both {size_bytes}.raw"
    path.write_bytes(np.random.default_rng(size_bytes).bytes(size_bytes))
    with (
        home.started("data", "put", str(path), "--json") as one,
        home.started("data", "put", str(path), "--json") as two,
    ):
        said = [json.loads(program.says('"state"')) for program in (one, two)]
        assert (one.end(), two.end()) == (0, 0)
    assert sorted(line["state"] for line in said) == ["known", "stored"]
    assert said[0]["item"]["id"] == said[1]["item"]["id"]


@pytest.mark.requirement("data.resume")
def test_two_uploads_of_one_file_from_one_program_are_two_items(app: App, tmp_path: Path) -> None:
    path = tmp_path / "twice.raw"
    content = np.random.default_rng(8).bytes(50 * 1024 * 1024)
    path.write_bytes(content)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: File.save(path), range(3)))
    assert len({item.id for item in made}) == 3
    assert {item.sha256 for item in made} == {hashlib.sha256(content).hexdigest()}


@pytest.mark.requirement("data.commands")
def test_a_hub_that_is_away_meanwhile_is_said_and_waited_for(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home:
        assert home.run("hub", "start", "--background").code == 0
        path = tmp_path / "large.raw"
        path.write_bytes(np.random.default_rng(9).bytes(200 * 1024 * 1024))
        with home.started("data", "put", str(path), "--json") as put:
            until(lambda: list((home.folder / "state" / "uploads").glob("*.json")))
            os.kill(home.hub_process(), signal.SIGKILL)
            put.says("does not take it just now")
            assert home.run("hub", "start", "--background").code == 0
            put.says("It goes on.")
            assert json.loads(put.says('"state"'))["state"] == "stored"
            assert put.end() == 0


@pytest.mark.requirement("data.commands")
def test_a_download_that_broke_off_goes_on_and_a_damaged_one_is_thrown_away(home: Home, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    (tmp_path / "large.bin").write_bytes(content)
    [line] = lines(home.run("data", "put", "large.bin", "--json", at=tmp_path))
    id = line["item"]["id"]
    part = tmp_path / f".copy.bin.{id}.part"
    part.write_bytes(content[:9_000_000])
    assert home.run("data", "get", id, "copy.bin", at=tmp_path).code == 0
    assert (tmp_path / "copy.bin").read_bytes() == content
    (tmp_path / "copy.bin").unlink()
    part.write_bytes(b"\1" + content[1:9_000_000])
    damaged = home.run("data", "get", id, "copy.bin", at=tmp_path)
    assert (damaged.code, "expected SHA-256" in damaged.err) == (2, True)
    assert not part.exists()
    assert not (tmp_path / "copy.bin").exists()
    assert home.run("data", "get", id, "copy.bin", at=tmp_path).code == 0


@pytest.mark.requirement("data.import")
def test_frames_of_a_real_embryo_become_one_time_series(home: Home) -> None:
    folder = sample("embryo")
    done = home.run(
        "data", "import", str(folder), "--as-stack", "--step", "7s", "--colors", "green", "--again", "--json"
    )
    [line] = lines(done)
    meta = line["item"]["meta"]
    assert meta["axes"] == ["t", "y", "x"]
    assert meta["shape"] == [21, 264, 542]
    assert (meta["scale"], meta["units"]) == ({"t": 7.0}, {"t": "second"})
    assert len(meta["channels"]) <= 1
