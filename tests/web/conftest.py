"""One browser for all files of tests that follow each other, and places in it where somebody is signed in already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.web.watched import Seats

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-site-isolation-trials",  # pages of one browser share a process, with what it has compiled
    "--renderer-process-limit=1",
]
expect.set_options(timeout=15_000)  # as long as for what is clicked: several browsers share few cores here
SHOTS = os.environ.get("ARKITEKT_TEST_SHOTS")
LOOKS = {"": {}, "-dark": {"color_scheme": "dark"}, "-phone": {"viewport": {"width": 390, "height": 844}}}


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def seats(chromium: Browser) -> Iterator[Seats]:
    """Browsers of one file of tests; see there."""
    seats = Seats(chromium)
    yield seats
    seats.close()


def shoot(page: Page, name: str) -> None:
    """Keep pictures of a page in every look, when somebody wants to see them."""
    if SHOTS is None:
        return
    Path(SHOTS).mkdir(parents=True, exist_ok=True)
    for suffix, look in LOOKS.items():
        page.emulate_media(color_scheme=look.get("color_scheme", "light"))
        page.set_viewport_size(look.get("viewport", {"width": 1100, "height": 800}))
        page.screenshot(path=f"{SHOTS}/{name}{suffix}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1100, "height": 800})
