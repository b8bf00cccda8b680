"""The page's document and its parts, as a browser's requests see them."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.hub.pages import app
from tests.support.browsing import PASSWORD, Browser, accounts, csrf_of, on_hub, set_up_owner

pytestmark = pytest.mark.requirement("page.files")


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page of two files, in the place of the one that was built."""
    (tmp_path / "index.html").write_text(
        '<meta name="arkitekt-csrf" content=""><script type="module" src="/page/index-1.js"></script>'
    )
    (tmp_path / "index-1.js").write_text("export const text = 'a script';\n" * 100)
    (tmp_path / "sources.txt").write_text("no part of it")
    monkeypatch.setattr(app, "BUILT", tmp_path)
    app._parts.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def _forget() -> Any:
    yield
    app._parts.cache_clear()


def test_the_document_is_for_who_is_signed_in_and_holds_their_token(fresh: Any, built: Path) -> None:
    set_up_owner(fresh)
    with Browser(fresh.url) as browser:
        assert browser.open("/app/tasks/x?a=1").url.path == "/sign-in"
        browser.submit("/sign-in", email="ada@lab.org", password=PASSWORD)
        assert (browser.path, browser.page.status_code) == ("/app/tasks/x", 200)
        token = re.search(r'content="([0-9a-f]{64})"', browser.page.text)
        assert token is not None
        browser.open("/account")
        assert token[1] == csrf_of(browser)
        page = browser.open("/app")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert (page.headers["cache-control"], page.headers["x-frame-options"]) == ("no-store", "DENY")


def test_the_hubs_address_leads_to_the_page_and_to_the_account_without_one(
    fresh: Any, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_owner(fresh)
    with Browser(fresh.url) as browser:
        assert browser.open("/").url.path == "/sign-in"
        browser.submit("/sign-in", email="ada@lab.org", password=PASSWORD)
        assert browser.path == "/app"
        assert 'href="/app"' in browser.open("/account").text
        monkeypatch.setattr(app, "BUILT", tmp_path / "nothing")
        assert browser.open("/").url.path == "/account"
        assert 'href="/app"' not in browser.page.text


def test_a_team_is_chosen_on_the_page_or_on_the_account(fresh: Any, built: Path) -> None:
    set_up_owner(fresh)
    people = accounts(fresh).people
    teams = [on_hub(fresh, people.create_team(name, accounts(fresh).owner)) for name in ("optics", "cells")]
    with Browser(fresh.url) as browser:
        browser.sign_in("ada@lab.org")
        for team, wanted, place in (
            (teams[0], [("next", "/app")], "/app"),
            (teams[1], [], "/account"),
            (teams[0], [("next", "//evil.example/app")], "/account"),
        ):
            browser.open("/account")
            csrf = ("csrf", csrf_of(browser))
            assert browser.post("/team/switch", [csrf, ("team", team), *wanted]).url.path == place
            assert browser.web.get("/api/me").json()["team"]["id"] == team


def test_parts_are_kept_for_good_packed_and_nothing_else_is_given(fresh: Any, built: Path) -> None:
    with Browser(fresh.url) as browser:
        plain = browser.web.get("/page/index-1.js", headers={"accept-encoding": "identity"})
        assert plain.text == (built / "index-1.js").read_text()
        assert plain.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in plain.headers["cache-control"]
        packed = browser.web.get("/page/index-1.js", headers={"accept-encoding": "gzip"})
        assert (packed.headers["content-encoding"], packed.text) == ("gzip", plain.text)
        assert len(gzip.compress(plain.content)) < len(plain.content)
        for name in ("sources.txt", "index.html", "..%2fapp.py", "index-2.js"):
            assert browser.web.get(f"/page/{name}").status_code == 404


def test_an_installation_without_the_page_says_how_to_build_it(
    fresh: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "BUILT", tmp_path / "nothing")
    set_up_owner(fresh)
    with Browser(fresh.url) as browser:
        browser.open("/sign-in?next=%2Fapp")
        browser.submit("/sign-in", email="ada@lab.org", password=PASSWORD)
        assert (browser.page.status_code, "make page" in browser.text) == (404, True)
