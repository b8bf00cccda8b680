"""A hub and pages of it in a browser, which refuse whatever goes wrong in them; and what tests of whole paths do in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from arkitekt_next.embedded import serve
from tests.support.browsing import PASSWORD, set_up_owner

OWNER = "ada@lab.org"
SIZE = {"width": 1100, "height": 900}
POLICY = "Content Security Policy"
ANYTHING = ("",)
"""What is expected of the console where a test makes the hub refuse: only an error of the page itself is none."""

_STILL = "/health"
"""Where a page without a script is."""

_CARRY = """() => {
  const input = document.createElement('input');
  Object.assign(input, {type: 'file', id: 'carried'});
  document.body.append(input);
}"""
_DROP = """({name, type}) => {
  const input = document.getElementById('carried');
  const carried = new DataTransfer();
  carried.items.add(new File([input.files[0]], name, {type}));
  input.remove();
  for (const kind of ['dragenter', 'dragover', 'drop'])
    document.querySelector('main h1').parentElement.nextElementSibling
      .dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


def address(server: Any) -> str:
    return str(server.app.state.hub.url)


def sign_in(page: Page, email: str = OWNER) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@contextmanager
def owned_hub(folder: Path, **options: Any) -> Iterator[Any]:
    """A hub that Ada owns and every app of this process finds."""
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error", **options) as running:
        for name, part in (("HUB_FOLDER", "hub"), ("STATE_FOLDER", "state"), ("CACHE", "cache")):
            patch.setenv(f"ARKITEKT_{name}", str(folder / part))
        set_up_owner(running)
        yield running


@contextmanager
def watching(page: Page, *, expected: tuple[str, ...] = (), only: str = "") -> Iterator[None]:
    """At the end nothing may have gone wrong in a page but what the console says with a part that is `expected`.

    With `only`, of what the console says only that counts which has this part.
    """
    broken: list[str] = []

    def hear(said: Any) -> None:
        text = f"{said.text} {said.location['url']}"
        counts = only in text if only else said.type == "error"
        if counts and not any(part in text for part in expected):
            broken.append(text)

    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", hear)
    yield
    assert broken == []


def new_context(chromium: Browser, server: Any, **look: Any) -> BrowserContext:
    context = chromium.new_context(base_url=address(server), **{"viewport": SIZE, **look})
    context.set_default_timeout(15_000)
    return context


@contextmanager
def opened(
    chromium: Browser, server: Any, *, expected: tuple[str, ...] = (), only: str = "", **look: Any
) -> Iterator[Page]:
    """Open a page of a fresh browser, watched."""
    context = new_context(chromium, server, **look)
    page = context.new_page()
    with watching(page, expected=expected, only=only):
        yield page
        context.close()


@contextmanager
def signed_in(chromium: Browser, server: Any, email: str = OWNER, **options: Any) -> Iterator[Page]:
    """The page of somebody in a fresh browser, at its beginning."""
    with opened(chromium, server, **options) as page:
        _enter(page, email)
        yield page


def _enter(page: Page, email: str) -> None:
    page.goto("/app")
    sign_in(page, email)
    expect(page.get_by_role("heading", name="Functions")).to_be_visible()


@dataclass
class _Seat:
    context: BrowserContext
    still: Page
    cookies: list[Any]

    def leave(self) -> None:
        """Let nothing of a test be there for the next."""
        for page in self.context.pages:
            if page is not self.still:
                page.close()
        self.context.unroute_all()
        self.context.set_offline(False)
        self.context.clear_cookies()
        self.context.add_cookies(self.cookies)
        self.still.evaluate("localStorage.clear()")


class Seats:
    """Browsers in which somebody is signed in already: a test gets a page of its own in one, and leaves nothing there.

    Signing in and loading the page for the first time is most of what a short test takes. Each browser keeps one page
    open that shows nothing, so that its process stays, with what it has loaded. Tests that change the session itself
    take `signed_in`.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._seats: dict[str, _Seat] = {}

    @contextmanager
    def page(
        self,
        server: Any,
        email: str = OWNER,
        *,
        place: str = "/app",
        title: str = "Functions",
        expected: tuple[str, ...] = (),
        only: str = "",
        **look: Any,
    ) -> Iterator[Page]:
        """The page of somebody at a place, watched."""
        key = f"{address(server)} {email} {look}"
        if key not in self._seats:
            self._seats[key] = self._take(server, email, look)
        seat = self._seats[key]
        page = seat.context.new_page()
        with watching(page, expected=expected, only=only):
            try:
                page.goto(place)
                expect(page.get_by_role("heading", name=title)).to_be_visible()
                yield page
            finally:
                seat.leave()

    def _take(self, server: Any, email: str, look: dict[str, Any]) -> _Seat:
        context = new_context(self._chromium, server, **look)
        still = context.new_page()
        _enter(still, email)
        still.goto(_STILL)
        return _Seat(context, still, context.cookies())

    def close(self) -> None:
        for seat in self._seats.values():
            seat.context.close()


def drop(page: Page, path: Path, name: str, content_type: str) -> None:
    """Drop a file on the place for it, as a person does who drags one there; the browser reads it by itself."""
    page.evaluate(_CARRY)
    page.locator("#carried").set_input_files(path)
    page.evaluate(_DROP, {"name": name, "type": content_type})


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
