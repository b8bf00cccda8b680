"""`data watch` as a process: images that appear are stored once, whatever stops and starts meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.scenario.cli_data.conftest import write_tiff
from tests.support.cli import Home, home_at

pytestmark = pytest.mark.requirement("data.watch")

WATCH = ("data", "watch", "scope", "--settle", "0.3")


def count(home: Home) -> int:
    return len(home.run("data", "ls", "--kind", "image", "--all", "--json").json)


def test_what_appears_is_stored_once_whatever_stops_and_starts(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home:
        assert home.run("hub", "start", "--background").code == 0
        folder = home.folder / "scope"
        folder.mkdir()
        write_tiff(folder / "early.tif", 1)
        with home.started(*WATCH, "--tag", "today") as watch:
            watch.says("early.tif: image early")
            write_tiff(folder / "a.tif", 2)
            watch.says("a.tif: image a")
            (folder / "note.txt").write_text("no image")
            watch.says("note.txt is left out")
            shutil.copy(folder / "a.tif", folder / "copy of a.tif")
            watch.says("copy of a.tif: image copy of a")  # equal frames are as many as they are
            assert home.run("hub", "stop").code == 0
            write_tiff(folder / "b.tif", 3)
            watch.says("It goes on by itself")
            assert home.run("hub", "start", "--background").code == 0
            watch.says("b.tif: image b")
            write_tiff(folder / "b.tif", 4)
            watch.says("b.tif: image b")
            os.kill(watch.process.pid, signal.SIGINT)
            assert watch.end() == 0
        write_tiff(folder / "c.tif", 5)
        with home.started(*WATCH, "--json") as again:
            line = json.loads(again.says('"state"'))
            assert (Path(line["path"]).name, line["state"], line["item"]["name"]) == ("c.tif", "stored", "c")
            os.kill(again.process.pid, signal.SIGTERM)
            assert again.end() == 0
        assert count(home) == 6
        assert len(home.run("data", "ls", "--tag", "today", "--json").json) == 5


def test_a_watch_that_lost_its_journal_and_one_that_was_killed_store_nothing_twice(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home:
        assert home.run("hub", "start", "--background").code == 0
        folder = home.folder / "scope"
        folder.mkdir()
        for number in range(3):
            write_tiff(folder / f"{number}.tif", number)
        shutil.copy(folder / "0.tif", folder / "1 dark.tif")
        shutil.copy(folder / "0.tif", folder / "1 darker.tif")
        with home.started(*WATCH) as watch:
            watch.says("1.tif: image 1")
            os.kill(watch.process.pid, signal.SIGKILL)
            watch.end()
        shutil.rmtree(home.folder / "state" / "watched")
        with home.started(*WATCH) as watch:
            for name in ("0.tif", "1 dark.tif", "1 darker.tif", "1.tif"):
                watch.says(f"{name} is there already: image {name.removesuffix('.tif')}")
            watch.says("2.tif")
        assert count(home) == 5


def test_two_watches_of_one_folder_store_each_image_once(tmp_path: Path) -> None:
    with home_at(tmp_path / "home") as home:
        assert home.run("hub", "start", "--background").code == 0
        folder = home.folder / "scope"
        folder.mkdir()
        with home.started(*WATCH) as first, home.started(*WATCH) as second:
            first.says("Watching")
            second.says("Watching")
            for number in range(6):
                write_tiff(folder / f"{number}.tif", number)
            for watch in (first, second):
                watch.says("5.tif")
        assert count(home) == 6


def test_a_folder_that_is_not_there_is_refused(home: Home) -> None:
    done = home.run("data", "watch", "nowhere")
    assert (done.code, "There is no folder 'nowhere'" in done.err) == (4, True)
