"""The main path by keyboard alone: find, fill, run, cancel; open what is stored; leave a dialog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from arkitekt_next import App, Image
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import PASSWORD, add_person
from tests.support.page_lab import make_page_lab
from tests.web.watched import opened, owned_hub

pytestmark = [
    pytest.mark.requirement("page.path"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with owned_hub(tmp_path) as running:
        add_person(running, "mia", "member")
        with make_page_lab(url=running.url).run_detached(), App("seed", url=running.url):
            Image.save((np.mgrid[:64, :96][0] * 600).astype(np.uint16), name="gradient", axes="yx")
            yield running


def tab_to(page: Page, wanted: Locator, within: int = 60) -> None:
    """Press Tab until something has the focus, which has to be seen to have it."""
    expect(wanted).to_be_visible()
    for _ in range(within):
        if wanted.evaluate("element => element === document.activeElement"):
            outline = wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", "where the focus is can't be seen"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} can't be reached by {within} times Tab")


def follow(page: Page, wanted: Locator) -> None:
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def test_the_main_path_needs_no_mouse(server: Any, chromium: Browser) -> None:
    with opened(chromium, server) as page:
        page.goto("/app")
        tab_to(page, page.get_by_label("E-mail"))
        page.keyboard.type("ada@lab.org")
        tab_to(page, page.get_by_label("Password"))
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        find_fill_run_and_cancel(page)
        open_an_item(page)
        leave_a_dialog(page)


def find_fill_run_and_cancel(page: Page) -> None:
    expect(page.get_by_role("list", name="Functions")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("slowly")
    expect(page.get_by_role("list", name="Functions").get_by_role("link")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Steps")
    tab_to(page, page.get_by_label("Count", exact=True))
    page.keyboard.press("Control+a")
    page.keyboard.type("2000")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("log")).to_contain_text("step 3 of 2000")
    follow(page, page.get_by_role("button", name="Cancel"))
    expect(page.get_by_role("region", name="State")).to_contain_text("cancelled")


def open_an_item(page: Page) -> None:
    follow(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Data"))
    expect(page.get_by_role("list", name="Data").get_by_role("link")).to_have_count(1)
    page.keyboard.press("/")
    page.keyboard.type("grad")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("gradient")
    frame = page.get_by_role("application")
    tab_to(page, frame)
    zoom = frame.get_attribute("data-zoom")
    page.keyboard.press("+")
    expect(frame).not_to_have_attribute("data-zoom", zoom or "")


def leave_a_dialog(page: Page) -> None:
    follow(page, page.get_by_role("navigation", name="Main").get_by_role("link", name="Team"))
    follow(page, page.get_by_role("navigation", name="Team").get_by_role("link", name="People"))
    remove = page.get_by_role("button", name="Remove Mia")
    follow(page, remove)
    dialog = page.get_by_role("dialog", name="Remove Mia from the team?")
    expect(dialog.get_by_role("button", name="Leave it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(remove).to_be_focused()
    expect(page.get_by_role("list", name="Members")).to_contain_text("Mia")
