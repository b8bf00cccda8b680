"""Two people on two machines and one hub: invited, approved, called, removed. Each machine is an address of loopback."""

from __future__ import annotations

import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from arkitekt_next.embedded import Announcement, find_hub, serve
from tests.support.browsing import PASSWORD, Browser, on_hub
from tests.support.cli import Home, Program, end_group, home_at, write_app
from tests.support.waiting import until

APP = """
from arkitekt_next import register


@register
def double(n: int) -> int:
    return 2 * n
"""
LISTENER = """
import time
from arkitekt_next import easy, find

with easy("listener"):
    double = find("lab.double")
    print("answer", double(4), flush=True)
    while True:
        try:
            double(5, timeout=20)
        except Exception as refused:
            print("refused", type(refused).__name__, refused, flush=True)
            break
        time.sleep(0.02)
"""
CLOSED_WITHIN_S = 5.0
SIGN_IN_NEEDED = 5


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Any]:
    """A hub for the network, which nobody but its owner's user can reach by key file."""
    with serve(tmp_path / "hub", host="0.0.0.0", log_level="error") as server:
        yield server


def browser_at(url: str, certificate: Path) -> Browser:
    """A browser that was told to believe the hub's own certificate."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    browser = Browser(url)
    browser.web = httpx2.Client(base_url=url, timeout=20, verify=context)
    return browser


@contextmanager
def script(home: Home, text: str) -> Iterator[Program]:
    """Run a script of a person, on their machine."""
    place = home.folder / "script.py"
    place.write_text(text)
    process = subprocess.Popen(
        [sys.executable, str(place)],
        cwd=home.folder,
        env=home.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Program(process)
    finally:
        end_group(process)


def sign_in(home: Home, browser: Browser, url: str, app: str, found: Announcement) -> None:
    """Sign an app of this machine in: the code it shows is approved in the browser of its person."""
    arguments = ("login", "--url", url, "--app", app, "--fingerprint", str(found.fingerprint), "--headless")
    with home.started(*arguments) as program:
        code = program.says("  code  ").split()[-1]
        browser.open("/device")
        browser.submit("/device", secret=code)
        assert app in browser.text
        browser.submit("/device/decide", decision="approve")
        program.says(f"{app} is signed in")
        assert program.end() == 0


def link_on(browser: Browser) -> str:
    """Give the secret of the invitation that a page shows, once."""
    shown = re.search(r"/invite#([A-Za-z0-9_-]{43})", browser.page.text)
    assert shown is not None, browser.text
    return shown[1]


@pytest.mark.requirement("guard.revocation", "guard.roles")
def test_one_invites_the_other_who_calls_and_is_out_within_seconds_when_removed(hub: Any, tmp_path: Path) -> None:
    found = find_hub(hub.folder)
    assert found is not None
    assert found.certificate is not None
    at_ada, at_bob = hub.url, hub.url.replace("127.0.0.1", "127.0.0.2")
    accounts = hub.app.state.hub.accounts
    with (
        home_at(tmp_path / "ada") as ada_home,
        home_at(tmp_path / "bob") as bob_home,
        browser_at(at_ada, found.certificate) as ada,
        browser_at(at_bob, found.certificate) as bob,
    ):
        ada_home.more["ARKITEKT_URL"], bob_home.more["ARKITEKT_URL"] = at_ada, at_bob
        ada.open("/setup")
        ada.submit("/setup", secret=on_hub(hub, accounts.links.create(accounts.owner)))
        ada.submit("/setup/account", name="Ada", email="ada@lab.org", password=PASSWORD)
        sign_in(ada_home, ada, at_ada, "lab", found)
        with ada_home.started("run", "prod", at=write_app(ada_home.folder / "lab", APP, "lab")) as app:
            app.says("lab.double")
            ada.open("/account")
            ada.submit("/invitations", role="member")
            bob.open("/invite")
            bob.submit("/invite", secret=link_on(ada))
            assert "Ada" in bob.text
            bob.submit("/invite/account", name="Bob", email="bob@lab.org", password=PASSWORD)
            assert bob_home.run("call", "lab.double", "21").code == SIGN_IN_NEEDED
            for name in ("arkitekt-cli", "listener"):
                sign_in(bob_home, bob, at_bob, name, found)
            assert bob_home.run("call", "lab.double", "21").out.strip() == "42"
            with script(bob_home, LISTENER) as listener:
                listener.says("answer 8")
                assert sockets(hub, "listener") == 1
                began = time.monotonic()
                remove(ada, accounts)
                assert until(lambda: sockets(hub, "listener") == 0, within=CLOSED_WITHIN_S)
                closed_s = time.monotonic() - began
                assert "SignInNeeded" in listener.says("refused")
            assert bob_home.run("call", "lab.double", "21").code == SIGN_IN_NEEDED
            bob.open("/account")
            assert bob.path == "/sign-in"
    print(f"the removed person's socket closed within {closed_s * 1000:.0f} ms")


def sockets(hub: Any, app: str) -> int:
    """Count the connections of an app."""
    return sum(peer.principal.app == app for peer in list(hub.app.state.hub.peers))


def remove(browser: Browser, accounts: Any) -> None:
    """Remove everybody but the owner from the team, on the home page."""
    browser.open("/account")
    people = set(re.findall(r'name="person" value="([^"]+)"', browser.page.text)) - {accounts.owner}
    for person in people:
        browser.submit("/members/remove", of={"person": person})
    assert len(people) == 1
