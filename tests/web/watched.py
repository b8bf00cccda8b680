"""A page of a fresh browser that refuses whatever goes wrong in it, and what the tests of whole paths do in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.web.test_account_pages import address, sign_in


@contextmanager
def opened(chromium: Browser, server: Any, *, expected: tuple[str, ...] = (), **look: Any) -> Iterator[Page]:
    """Open a page. At its end nothing may have gone wrong but what is `expected`, by a part of what the console says."""
    context = chromium.new_context(base_url=address(server), **{"viewport": {"width": 1100, "height": 900}, **look})
    context.set_default_timeout(15_000)
    page = context.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on(
        "console", lambda said: broken.append(f"{said.text} {said.location['url']}") if said.type == "error" else None
    )
    yield page
    context.close()
    wrong = [text for text in broken if not any(part in text for part in expected)]
    assert wrong == [], wrong


@contextmanager
def signed_in(chromium: Browser, server: Any, email: str = "ada@lab.org", **options: Any) -> Iterator[Page]:
    """The page of somebody, at its beginning."""
    with opened(chromium, server, **options) as page:
        page.goto("/app")
        sign_in(page, email)
        expect(page.get_by_role("heading", name="Functions")).to_be_visible()
        yield page


def fill_everything(page: Page, image: str) -> None:
    """Fill the form that has a field of every kind."""
    fill = {
        "Count": "4611686018427387904", "Ratio": "0,25", "Name": "plate 3", "At": "2026-11-28T14:30", "Clock": "14:30",
        "Wait": "1:30", "Key": "01a1fb9b-0100-7000-8000-000000000001", "Price": "0.10", "Day": "2026-11-28",
        "Free": '{"a": [1, 2]}',
    }  # fmt: skip
    for label, text in fill.items():
        page.get_by_label(label, exact=True).fill(text)
    page.locator("[data-path=raw] input:not([type=file])").fill("AAEC")
    page.get_by_label("Flag").check()
    page.get_by_label("Stain", exact=True).select_option(label="green")
    page.get_by_label("Mode", exact=True).select_option("exact")
    for path, text in (("values", "1.5"), ("kinds", "3")):
        page.locator(f"[data-path={path}]").get_by_role("button", name="Add").click()
        page.locator(f"[data-path='{path}.0'] input").fill(text)
    page.locator("[data-path='pair.0'] input").fill("1")
    page.locator("[data-path='pair.1'] input").fill("one")
    page.get_by_role("button", name="Add an entry").click()
    page.locator("[data-path='table.0.key'] input").fill("a")
    page.locator("[data-path='table.0.value'] input").fill("1")
    page.get_by_label("Maybe", exact=True).click()
    page.locator("[data-path=maybe] input").fill("3")
    page.get_by_label("Form of either").select_option(label="text")
    page.locator("[data-path='either.value'] input").fill("many")
    page.get_by_label("Image", exact=True).fill(image[:4])
    page.get_by_role("option", name=image).click()
