"""`hub start`, `status`, `stop`, `backup`, `restore`, and a hub that died."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from arkitekt_next.embedded import serve
from tests.support.cli import Home, home_at, write_app

APP = """
from arkitekt_next import register


@register
def count(start: int = 1) -> int:
    "Count on."
    return start + 1
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with home_at(tmp_path / "home") as made:
        yield made


@pytest.mark.requirement("cli.hub", "keep.health")
def test_a_hub_in_the_foreground_says_where_it_is_and_ends_with_ctrl_c(home: Home) -> None:
    assert home.run("hub", "status").code == 3
    with home.started("hub", "start") as hub:
        url = hub.says("The hub answers at").split()[-1]
        hub.says(f"data  {home.hub_folder}")
        hub.says("arkitekt-next hub stop")
        assert json.loads(urllib.request.urlopen(f"{url}/health").read())["status"] == "ok"
        status = home.run("hub", "status")
        assert (status.code, url in status.out) == (0, True)
        assert home.run("hub", "status", "--json").json["health"]["live_tasks"] == 0
        second = home.run("hub", "start")
        assert second.code == 5
        assert "Another hub runs over" in second.err
        port = home.run("hub", "start", "--folder", str(home.folder / "other"), "--port", url.rpartition(":")[2])
        assert port.code == 5
        assert "--port" in port.err
        hub.process.send_signal(signal.SIGINT)
        hub.says("Stopped.")
        assert hub.end() == 0
    assert home.run("hub", "status", "--json").json == {"running": False, "folder": str(home.hub_folder)}


@pytest.mark.requirement("cli.hub")
def test_a_hub_in_the_background_is_stopped_by_name(home: Home) -> None:
    started = home.run("hub", "start", "--background", "--durability", "normal", "--json")
    assert started.json["started"] is True
    again = home.run("hub", "start", "--background", "--json")
    assert again.json == {**started.json, "started": False}
    assert (started.json["folder"], set(started.json)) == (
        str(home.hub_folder),
        {"url", "public_url", "folder", "started"},
    )
    other = home.run("hub", "start", "--background", "--port", "1")
    assert (other.code, "have no effect" in other.err) == (5, True)
    assert stat.S_IMODE((home.hub_folder / "hub.log").stat().st_mode) == 0o600
    stopped = home.run("hub", "stop")
    assert (stopped.code, "Stopped the hub at" in stopped.out) == (0, True)
    assert home.run("hub", "stop", "--json").json["stopped"] is False
    back = home.run("hub", "start", "--background", "--json")
    assert back.json["url"] == started.json["url"]


@pytest.mark.requirement("keep.logs")
def test_a_hub_in_the_background_logs_lines_of_json_without_arguments(home: Home) -> None:
    place = write_app(home.folder / "lab", APP)
    assert home.run("hub", "start", "--background").code == 0
    with home.started("run", "prod", at=place) as app:
        app.says("lab.count")
        assert home.run("call", "lab.count", "start=2718281828").code == 0
    assert home.run("hub", "stop").code == 0
    text = (home.hub_folder / "hub.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    assert lines[0]["event"] == "hub ready"
    assert any(line["event"] == "agent online" and line["app"] == "lab" for line in lines)
    assert "271828182" not in text


@pytest.mark.requirement("guard.loopback")
def test_it_listens_on_this_machine_only_unless_told_otherwise(home: Home) -> None:
    with home.started("hub", "start") as hub:
        hub.says("The hub answers at http://127.0.0.1:")
    for arguments, given in ((("--host", "0.0.0.0"), {}), ((), {"ARKITEKT_HUB_HOST": "0.0.0.0"})):
        with home.started("hub", "start", *arguments, **given) as hub:
            hub.says("The hub answers at https://127.0.0.1:")
            hub.says("TLS   SHA-256 ")
            hub.says("others sign in with: arkitekt-next login --url https://")
    with home.started("hub", "start", "--host", "0.0.0.0", "--insecure") as hub:
        hub.says("without TLS")
        hub.says("The hub answers at http://127.0.0.1:")
    refused = home.run("hub", "start", "--host", "0.0.0.0", "--trusted-proxy", "127.0.0.1")
    assert refused.code == 2
    assert "expected public_url too" in refused.err


def test_wrong_settings_are_named(home: Home) -> None:
    wrong = home.run("hub", "start", ARKITEKT_HUB_LEASE_S="-1")
    assert wrong.code == 2
    assert "ARKITEKT_HUB_LEASE_S" in wrong.err
    assert home.run("hub", "start", "--durability", "none").code == 2


@pytest.mark.requirement("cli.hub")
def test_a_hub_that_can_not_start_says_why(home: Home) -> None:
    home.hub_folder.mkdir()
    (home.hub_folder / "hub.db").write_bytes(b"no database" * 1000)
    for command in (("hub", "start", "--background"), ("run", "dev")):
        failed = home.run(*command, at=write_app(home.folder / "lab", APP))
        assert failed.code == 3
        assert "file is not a database" in failed.err
        assert str(home.hub_folder / "hub.log") in failed.err


@pytest.mark.requirement("cli.hub")
def test_a_hub_that_died_is_started_again_by_whoever_needs_it(home: Home) -> None:
    assert home.run("hub", "start", "--background").code == 0
    os.kill(home.hub_process(), signal.SIGKILL)
    status = home.run("hub", "status")
    assert status.code == 3
    assert "ended without saying so" in status.out
    listed = home.run("inspect")
    assert (listed.code, "was started again" in listed.err) == (0, True)
    assert "There is nothing on http://" in listed.out
    home.run("hub", "stop")
    asked = home.run("inspect")
    assert asked.code == 3
    assert "arkitekt-next hub start" in asked.err
    assert home.run("call", "lab.count", "--json").json["error"]["code"] == "hub_unavailable"


def test_a_foreign_address_without_a_token_is_refused_with_the_remedy(home: Home) -> None:
    with serve(home.folder / "elsewhere", log_level="error") as foreign:
        done = home.run("inspect", "--url", foreign.url)
        assert done.code == 5
        assert "ARKITEKT_TOKEN" in done.err
    absent = home.run("inspect", "--url", "http://hub.invalid:1")
    assert (absent.code, "No hub answers at http://hub.invalid:1" in absent.err) == (3, True)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        home.hub_folder.mkdir()
        (home.hub_folder / "local.key").write_text("0" * 64)
        nobody = home.run("inspect", "--url", f"127.0.0.1:{port}")
        assert nobody.code == 3


@pytest.mark.requirement("keep.backup")
def test_a_backup_of_a_running_hub_comes_back_elsewhere(home: Home, tmp_path: Path) -> None:
    place = write_app(home.folder / "lab", APP)
    assert home.run("hub", "start", "--background").code == 0
    with home.started("run", "prod", at=place) as app:
        app.says("lab.count")
        tasks = [home.run("call", "lab.count", "--json").out for _ in range(2)]
    file = tmp_path / "hub.db"
    made = home.run("hub", "backup", str(file))
    assert made.code == 0, made.err
    assert "1 actions, 2 tasks" in made.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert home.run("hub", "backup", str(file)).code == 5
    assert home.run("hub", "backup", str(tmp_path / "no" / "such.db")).code == 4
    assert home.run("hub", "backup", str(tmp_path / "x"), "--folder", str(tmp_path / "empty")).code == 4
    assert home.run("hub", "restore", str(file), "--force").code == 5

    other = tmp_path / "other"
    back = home.run("hub", "restore", str(file), "--folder", str(other), "--json")
    assert back.json["rows"]["task"] == len(tasks)
    assert home.run("hub", "restore", str(file), "--folder", str(other)).code == 5
    again = home.run("hub", "restore", str(file), "--folder", str(other), "--force")
    assert "hub.db.before-restore" in again.out
    assert home.run("hub", "restore", __file__, "--folder", str(tmp_path / "third")).code == 2
    try:
        assert home.run("hub", "start", "--background", "--folder", str(other)).code == 0
        listed = home.run("inspect", "--json", ARKITEKT_HUB_FOLDER=str(other))
        assert [action["name"] for action in listed.json] == ["lab.count"]
    finally:
        stopped = home.run("hub", "stop", "--folder", str(other))
    assert stopped.code == 0


@pytest.mark.requirement("cli.self")
def test_what_is_installed_is_told(home: Home) -> None:
    found = home.run("self", "info", "--json").json
    assert found["hub"] is None
    assert found["hub_folder"] == str(home.hub_folder)
    assert found["extras"]["hub"] is True
    shown = home.run("self", "info")
    assert (shown.code, "none runs" in shown.out) == (0, True)
