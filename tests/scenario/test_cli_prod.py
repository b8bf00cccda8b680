"""`run prod`: signals, exit codes, and a hub that is not there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli import Home, home_at, write_app
from tests.support.waiting import until

pytestmark = pytest.mark.requirement("cli.run-prod")

APP = """
import time
from pathlib import Path

from arkitekt_next import register, shutdown, startup


@startup
def open_camera() -> None:
    Path("opened").touch()


@shutdown
def close_camera() -> None:
    Path("closed").touch()


@register
def expose(path: str) -> str:
    "Wait for a file."
    Path(path + ".waiting").touch()
    while not Path(path).exists():
        time.sleep(0.01)
    return "exposed"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home_at(tmp_path_factory.mktemp("prod")) as made:
        yield made


@pytest.mark.requirement("run.drain", "run.hooks")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_finished_before_it_ends(home: Home, tmp_path: Path, number: signal.Signals) -> None:
    place = write_app(tmp_path / "rig", APP, identifier="rig")
    home.run("hub", "start", "--background")
    with home.started("run", "prod", at=place) as app:
        app.says("serving rig.expose")
        shutter = tmp_path / "shutter"
        with home.started("call", "rig.expose", str(shutter)) as caller:
            until(Path(f"{shutter}.waiting").exists, within=20)
            app.process.send_signal(number)
            shutter.touch()
            caller.says("exposed")
        app.says("stopped")
        assert app.end() == 0
    assert (place / "opened").exists()
    assert (place / "closed").exists()


def test_it_waits_for_its_hub_and_comes_back_to_it(home: Home, tmp_path: Path) -> None:
    place = write_app(tmp_path / "rig", APP, identifier="rig")
    home.run("hub", "stop")
    with home.started("run", "prod", at=place) as app:
        app.says("Trying again until it answers")
        assert home.run("hub", "start", "--background").code == 0
        app.says("connected to http://127.0.0.1:")
        os.kill(home.hub_process(), signal.SIGKILL)
        app.says("reconnecting")
        assert home.run("hub", "start", "--background").code == 0
        app.says("connected again")
        app.process.send_signal(signal.SIGTERM)
        assert app.end() == 0


def test_stopped_before_it_ever_connected_it_ends_well(home: Home, tmp_path: Path) -> None:
    place = write_app(tmp_path / "rig", APP, identifier="rig")
    home.run("hub", "stop")
    with home.started("run", "prod", at=place) as app:
        app.says("Trying again until it answers")
        app.process.send_signal(signal.SIGTERM)
        app.says("stopped")
        assert app.end() == 0


@pytest.mark.requirement("cli.exit-codes")
def test_the_exit_code_says_what_kept_it_from_running(home: Home, tmp_path: Path) -> None:
    place = write_app(tmp_path / "rig", APP, identifier="rig")
    home.run("hub", "stop")
    absent = home.run("run", "prod", "--fail-fast", at=place)
    assert (absent.code, "No hub" in absent.err) == (3, True)
    (place / "app.py").write_text("import no_such_module\n")
    broken = home.run("run", "prod", at=place)
    assert broken.code == 6
    assert "app.py:1" in broken.err
    assert "Install no_such_module into" in broken.err
    assert home.run("run", "prod", "--module", "nothing", at=place).code == 4
    (place / "app.py").write_text("from arkitekt_next import register\n\n@register\ndef f(x: memoryview): ...\n")
    refused = home.run("run", "prod", at=place)
    assert (refused.code, "app.py:3 in f()" in refused.err) == (6, True)


def test_a_start_up_that_fails_ends_it(home: Home, tmp_path: Path) -> None:
    place = write_app(tmp_path / "rig", APP.replace('Path("opened").touch()', 'raise OSError("no camera")'), "rig")
    home.run("hub", "start", "--background")
    done = home.run("run", "prod", at=place)
    assert done.code == 1
    assert "no camera" in done.err


@pytest.mark.requirement("data.sources")
def test_the_hub_is_given_the_sources_of_a_release_once(home: Home, tmp_path: Path) -> None:
    place = write_app(tmp_path / "kiln", APP, identifier="kiln")
    home.run("hub", "start", "--background")
    for _ in range(2):
        with home.started("run", "prod", "--no-keep-sources", at=place) as app:
            app.says("serving kiln.expose")
    with home.started("run", "prod", at=place) as app:
        app.says("the hub keeps the sources of this release")
    with home.started("run", "prod", at=place) as app:
        app.says("serving kiln.expose")
        app.process.send_signal(signal.SIGTERM)
        app.says("stopped")
        assert not [line for line in app.lines if "sources" in line]
