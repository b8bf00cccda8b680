"""The first account from the terminal, and the hub in the browser: links are shown to a person, and kept nowhere."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.browsing import PASSWORD, START, Browser
from tests.support.cli import Home, Terminal, home_at, write_app

LINK = re.compile(r"http://localhost:(\d+)/(setup|enter)#([\w-]{40,})")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with home_at(tmp_path / "home") as made:
        yield made


def follow(link: re.Match[str]) -> Browser:
    """Open a link as a browser with a script would; give it on the page after."""
    browser = Browser(f"http://localhost:{link[1]}")
    browser.open(f"/{link[2]}")
    browser.submit(f"/{link[2]}", secret=link[3])
    return browser


def kept_by(home: Home) -> bytes:
    """Give everything that lies in the hub's folder."""
    return b"".join(path.read_bytes() for path in home.hub_folder.rglob("*") if path.is_file())


@pytest.mark.requirement("pages.setup", "cli.hub")
def test_a_new_hub_shows_the_link_to_its_first_account_until_there_is_one(home: Home) -> None:
    terminal = Terminal(["hub", "start", "--headless"], at=home.folder, environment=home.environment)
    try:
        terminal.until("Set up your account: ")
        terminal.until("\n")
        link = LINK.search(terminal.shown)
        assert link is not None
        assert link[2] == "setup"
        with follow(link) as browser:
            browser.submit("/setup/account", name="Ada", email="ada@lab.org", password=PASSWORD)
            assert browser.path == START
        assert link[3].encode() not in kept_by(home)
        os.kill(terminal.pid, signal.SIGINT)
        assert terminal.end() == 0
    finally:
        terminal.close()
    again = Terminal(["hub", "start", "--background"], at=home.folder, environment=home.environment)
    try:
        assert again.end() == 0
        assert "hub stop" in again.shown
        assert "Set up your account" not in again.shown
    finally:
        again.close()


@pytest.mark.requirement("pages.setup", "cli.hub")
def test_a_hub_in_the_background_keeps_the_link_out_of_its_log(home: Home) -> None:
    terminal = Terminal(["hub", "start", "--background"], at=home.folder, environment=home.environment)
    try:
        assert terminal.end() == 0
    finally:
        terminal.close()
    link = LINK.search(terminal.shown)
    assert link is not None
    assert (home.hub_folder / "hub.log").stat().st_size > 0
    assert link[3].encode() not in kept_by(home)
    assert LINK.search(home.run("hub", "status").out) is None


@pytest.mark.requirement("pages.setup")
def test_run_dev_shows_it_of_a_hub_that_it_starts(home: Home, tmp_path: Path) -> None:
    app = write_app(
        tmp_path / "lab", "from arkitekt_next import register\n\n\n@register\ndef f() -> int:\n    return 1\n"
    )
    terminal = Terminal(["run", "dev", "--headless"], at=app, environment=home.environment)
    try:
        terminal.until("Set up your account: ")
        terminal.until("Reloads when you save")
        link = LINK.search(terminal.shown)
        assert link is not None
        with follow(link) as browser:
            assert "Set up your account" in browser.text
        assert link[3].encode() not in kept_by(home)
        os.kill(terminal.pid, signal.SIGINT)
        terminal.end()
    finally:
        terminal.close()


@pytest.mark.requirement("pages.setup", "cli.hub")
def test_without_a_terminal_no_link_is_shown(home: Home) -> None:
    started = home.run("hub", "start", "--background")
    assert started.code == 0
    assert LINK.search(started.out + started.err) is None


@pytest.mark.requirement("pages.open", "cli.hub")
def test_hub_open_lets_the_owner_in_once(home: Home) -> None:
    assert home.run("hub", "open").code == 3
    home.run("hub", "start", "--background")
    shown = home.run("hub", "open", "--headless")
    link = LINK.search(shown.out)
    assert link is not None
    with follow(link) as browser:
        browser.to_account()
        assert "You have no password yet" in browser.text
    with follow(link) as browser:
        assert browser.page.status_code == 404
    as_json = home.run("hub", "open", "--json").json
    assert urlsplit(as_json["url"]).path == "/enter"
    assert link[3].encode() not in kept_by(home)


@pytest.mark.requirement("pages.open")
def test_the_browser_is_given_a_private_file_and_not_the_secret(home: Home, tmp_path: Path) -> None:
    home.run("hub", "start", "--background")
    told = tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$*" > "{told}"\n')
    browser.chmod(0o755)
    environment = {**home.environment, "BROWSER": f"{browser} %s"}
    environment.pop("SSH_CONNECTION", None)
    terminal = Terminal(["hub", "open"], at=home.folder, environment=environment)
    try:
        assert terminal.end() == 0
    finally:
        terminal.close()
    assert "in your browser" in terminal.shown
    assert LINK.search(terminal.shown) is None
    page = home.hub_folder / "open.html"
    assert told.read_text() == page.as_uri()
    assert page.stat().st_mode & 0o777 == 0o600
    link = LINK.search(page.read_text())
    assert link is not None
    with follow(link) as opened:
        assert opened.path == START
