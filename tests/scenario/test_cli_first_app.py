"""The first ten minutes: an empty folder, `init`, `run dev`, calls from elsewhere, edits, mistakes, crashes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from arkitekt_next.sdk.web import fetch
from tests.support.cli import Home, Program, home_at
from tests.support.waiting import until

ACTION = "first-app.pixel_size"


@dataclass
class Rig:
    """An app under `run dev`, made by `init --yes`."""

    home: Home
    place: Path
    dev: Program
    token: str

    @property
    def app(self) -> Path:
        """The file an author edits."""
        return self.place / "app.py"

    def edit(self, old: str, new: str) -> None:
        """Save the app with a text replaced."""
        text = self.app.read_text()
        assert old in text
        self.app.write_text(text.replace(old, new))

    def call(self, *values: str) -> Any:
        """Call the function from another process."""
        return self.home.run("call", ACTION, *values, "--json")

    def rest(self, path: str) -> Any:
        """Ask the hub."""
        url = json.loads((self.home.hub_folder / "hub.json").read_text())["url"]
        return fetch(url, "GET", path, token=self.token)[1]

    def child(self) -> psutil.Process:
        """The process that holds the app."""
        children = psutil.Process(self.dev.process.pid).children()
        return next(p for p in children if "arkitekt_next.cli.dev.child" in " ".join(p.cmdline()))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with home_at(tmp_path_factory.mktemp("first")) as home:
        place = home.folder / "First App"
        place.mkdir()
        made = home.run("init", "--yes", at=place)
        assert made.code == 0, made.err
        with home.started("run", "dev", at=place) as dev:
            dev.says("Reloads when you save")
            yield Rig(home, place, dev, _token(home))


def is_gone(process: psutil.Process) -> bool:
    """Say whether a process has ended, also where nobody collects the dead."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _token(home: Home) -> str:
    code = "from arkitekt_next.sdk.login import sign_in; print(sign_in('tester').token)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=home.environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.requirement("cli.run-dev")
def test_with_no_hub_around_one_is_started_and_described(rig: Rig) -> None:
    said = "\n".join(rig.dev.lines)
    assert "started now, in the background" in said
    assert f"data  {rig.home.hub_folder}" in said
    assert f"log   {rig.home.hub_folder / 'hub.log'}" in said
    assert "stop it with: arkitekt-next hub stop" in said
    assert "first-app.pixel_size(camera_um: float = 6.5, magnification: float = 60.0) -> float" in said


@pytest.mark.requirement("cli.call")
def test_it_is_called_from_another_terminal(rig: Rig) -> None:
    done = rig.call("camera_um=6.5", "magnification=40")
    assert (done.code, done.json) == (0, 0.1625)
    assert rig.call("6.5", "65").json == 0.1


def test_it_is_called_from_python(rig: Rig) -> None:
    code = f"from arkitekt_next import easy, find\nwith easy('caller'): print(find({ACTION!r})(magnification=10))"
    done = subprocess.run([sys.executable, "-c", code], env=rig.home.environment, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("0.65", 0), done.stderr


@pytest.mark.requirement("cli.run-dev")
def test_each_task_is_shown_with_its_arguments_duration_and_outcome(rig: Rig) -> None:
    rig.call("magnification=13")
    assert "✓" in rig.dev.says("pixel_size(magnification=13.0)")
    rig.call("magnification=0")
    shown = rig.dev.says("pixel_size(magnification=0.0)")
    assert "ZeroDivisionError" in shown
    assert "s" in shown


@pytest.mark.requirement("cli.reload")
def test_an_edit_is_live_within_two_seconds(rig: Rig) -> None:
    took = []
    for number in range(3):
        old = rig.rest(f"/api/actions/{ACTION}")["definition_hash"]
        began = time.monotonic()
        rig.edit("Give the size", f"Give edition {number} of the size")
        until(lambda old=old: rig.rest(f"/api/actions/{ACTION}")["definition_hash"] != old, within=20)
        took.append(time.monotonic() - began)
        rig.dev.says("~ pixel_size(")
        rig.edit(f"Give edition {number} of the size", "Give the size")
        rig.dev.says("~ pixel_size(")
    print("edit to new definition:", *(f"{seconds:.2f} s" for seconds in took))
    assert min(took) <= 2.0
    assert "Give the size" in rig.home.run("inspect", ACTION).out


@pytest.mark.requirement("cli.reload")
def test_an_edit_of_the_same_length_and_time_counts(rig: Rig) -> None:
    # Python takes a cached module for the current one when its source has the same size and time.
    for factor in ("2", "3", "1"):
        text = rig.app.read_text()
        head, _, _ = text.partition("    return")
        rig.app.write_text(f"{head}    return {factor} * camera_um / magnification\n")
        os.utime(rig.app, (1_700_000_000, 1_700_000_000))
        rig.dev.says("the new version serves")
        assert rig.call("6.5", "65").json == int(factor) / 10


@pytest.mark.requirement("cli.reload")
def test_a_broken_edit_is_shown_and_the_last_good_version_keeps_serving(rig: Rig) -> None:
    good = rig.app.read_text()
    rig.app.write_text(good + "\nwidth = 1 / 0\n")
    try:
        shown = rig.dev.says("can't be imported: ZeroDivisionError")
        assert f"app.py:{len((good + chr(10)).splitlines()) + 1}" in shown
        assert 'app.py", line' in rig.dev.says("File ")
        assert "width = 1 / 0" in rig.dev.says("width")
        rig.dev.says("The last good version keeps serving")
        assert rig.call("6.5", "65").json == 0.1
        rig.app.write_text(good.replace("def pixel_size(", "def pixel_size(image: memoryview, "))
        assert "parameter 'image'" in rig.dev.says("can't travel")
        assert rig.call("6.5", "65").json == 0.1
    finally:
        rig.app.write_text(good)
    rig.dev.says("the new version serves")
    assert rig.call("6.5", "65").json == 0.1


@pytest.mark.requirement("cli.reload")
def test_a_running_task_is_finished_before_the_new_version_takes_over(rig: Rig) -> None:
    good = rig.app.read_text()
    rig.app.write_text(
        good + "\n\n@register\ndef expose(path: str) -> str:\n    import os, time\n"
        "    while not os.path.exists(path):\n        time.sleep(0.01)\n    return 'exposed'\n"
    )
    rig.dev.says("+ expose(path: str) -> str")
    shutter = rig.place / "shutter"
    with rig.home.started("call", "first-app.expose", f"path={shutter}") as caller:
        rig.dev.says("expose(")
        rig.app.write_text(good)
        rig.dev.says("finishing 1 task")
        shutter.touch()
        caller.says("exposed")
        assert caller.end() == 0
    rig.dev.says("- expose")


@pytest.mark.requirement("cli.run-dev")
def test_an_app_that_was_killed_is_started_again(rig: Rig) -> None:
    os.kill(rig.child().pid, signal.SIGKILL)
    rig.dev.says("was killed by SIGKILL; it starts again")
    rig.dev.says("the app serves again")
    assert rig.call("6.5", "65").json == 0.1


@pytest.mark.requirement("cli.run-dev")
def test_a_hub_that_was_killed_is_started_again(rig: Rig) -> None:
    os.kill(rig.home.hub_process(), signal.SIGKILL)
    rig.dev.says("reconnecting")
    rig.dev.says("the hub had died and was started again")
    rig.dev.says("connected again")
    assert rig.call("6.5", "65").json == 0.1


@pytest.mark.requirement("cli.reload")
def test_a_second_file_of_the_app_is_watched_too(rig: Rig) -> None:
    good = rig.app.read_text()
    (rig.place / "optics.py").write_text("UNIT = 1.0\n")
    rig.app.write_text("import optics\n" + good.replace("return 1 *", "return optics.UNIT *"))
    rig.dev.says("the new version serves")
    (rig.place / "optics.py").write_text("UNIT = 1000.0\n")
    rig.dev.says("optics.py changed")
    rig.dev.says("the new version serves")
    assert rig.call("6.5", "65").json == 100.0
    rig.app.write_text(good)
    rig.dev.says("the new version serves")


@pytest.mark.requirement("cli.run-dev", "cli.older-spellings")
def test_when_its_parent_is_killed_the_app_ends(tmp_path: Path) -> None:
    with home_at(tmp_path) as home:
        place = home.folder / "orphan"
        home.run("init", "--yes", "--folder", str(place))
        with home.started("app", "run", "dev", "--ephemeral-hub", at=place) as dev:
            dev.says("Reloads when you save")
            assert any("it ends with this run" in line for line in dev.lines)
            child = psutil.Process(dev.process.pid).children()[0]
            dev.process.kill()
            until(lambda: is_gone(child), within=20)


@pytest.mark.requirement("cli.run-dev")
def test_a_hub_that_it_started_ends_with_it_when_wanted(tmp_path: Path) -> None:
    with home_at(tmp_path) as home:
        place = home.folder / "brief"
        home.run("init", "--yes", "--folder", str(place))
        with home.started("run", "dev", "--ephemeral-hub", at=place) as dev:
            dev.says("Reloads when you save")
            hub = psutil.Process(home.hub_process())
            dev.process.send_signal(signal.SIGINT)
            dev.says("Stopped.")
            assert dev.end() == 0
        until(lambda: is_gone(hub))  # it was told to stop, and finishes what it writes
        assert home.run("hub", "status").code == 3
