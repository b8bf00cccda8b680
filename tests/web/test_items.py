"""One item in the page: who sees it, how that is changed, and what is said where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from arkitekt_next import App, Image
from arkitekt_next.embedded import serve
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import add_person, set_up_owner
from tests.web.conftest import shoot
from tests.web.watched import signed_in

pytestmark = [
    pytest.mark.requirement("page.items"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
REFUSED = ("404", "409", "ERR_FAILED")  # what a browser writes of answers that are no success
STORE = """async (name) => {
  const body = {kind: 'file', name, meta: {name, content_type: 'text/plain'}, objects: {data: btoa('one')}};
  const answer = await fetch('/api/items', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'X-Arkitekt-CSRF': document.querySelector('meta[name=arkitekt-csrf]').content,
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()).item.id;
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("items")
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error") as running:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        patch.setenv("ARKITEKT_CACHE", str(folder / "cache"))
        set_up_owner(running)
        add_person(running, "bob", "member")
        add_person(running, "mia", "member")
        yield running


@pytest.fixture(scope="module")
def gradient(server: Any) -> str:
    """An image of the owner."""
    with App("seed", url=server.url):
        return Image.save((np.mgrid[:64, :96][0] * 600).astype(np.uint16), name="gradient", axes="yx").id


def seen_by(page: Page) -> Any:
    return page.locator("dt", has_text="seen by").locator("xpath=following-sibling::dd")


def open_item(page: Page, item: str, name: str) -> None:
    page.goto(f"/app/data/{item}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_who_made_an_item_keeps_it_for_themselves_and_shows_it_again(
    chromium: Browser, server: Any, gradient: str
) -> None:
    with signed_in(chromium, server, "bob@lab.org", expected=REFUSED) as bobs, signed_in(chromium, server) as page:
        open_item(page, gradient, "gradient")
        expect(seen_by(page)).to_contain_text("the team")
        page.get_by_role("button", name="Make it private").focus()
        page.keyboard.press("Enter")
        expect(seen_by(page)).to_contain_text("only you")
        show = page.get_by_role("button", name="Show it to the team")
        expect(show).to_be_focused()  # whoever works by keyboard goes on from where they were
        shoot(page, "item-private")
        bobs.goto(f"/app/data/{gradient}")
        expect(bobs.get_by_role("alert")).to_be_visible()
        page.keyboard.press("Enter")
        expect(seen_by(page)).to_contain_text("the team")
        open_item(bobs, gradient, "gradient")
        expect(seen_by(bobs)).to_contain_text("the team")
        expect(bobs.get_by_role("button", name="Make it private")).to_have_count(0)


def test_who_manages_the_team_makes_an_item_private_knowing_that_they_lose_sight_of_it(
    chromium: Browser, server: Any
) -> None:
    with signed_in(chromium, server, "bob@lab.org") as bobs:
        item = bobs.evaluate(STORE, "counts of plate 3")
        with signed_in(chromium, server, expected=REFUSED) as page:
            open_item(page, item, "counts of plate 3")
            page.get_by_role("button", name="Make it private").click()
            asked = page.get_by_role("dialog", name="Make counts of plate 3 private?")
            expect(asked).to_contain_text("Only Bob will see it then")
            shoot(page, "item-private-asked")
            asked.get_by_role("button", name="Leave it").click()
            expect(seen_by(page)).to_contain_text("the team")
            page.get_by_role("button", name="Make it private").click()
            asked.get_by_role("button", name="Make it private").click()
            expect(page).to_have_url(re.compile("/app/data$"))
            page.goto(f"/app/data/{item}")
            expect(page.get_by_role("alert")).to_be_visible()
        open_item(bobs, item, "counts of plate 3")
        expect(seen_by(bobs)).to_contain_text("only you")


def test_a_refused_change_of_who_sees_an_item_is_said_beside_it(chromium: Browser, server: Any, gradient: str) -> None:
    def refuse(route: Route) -> None:
        if route.request.method == "PATCH":
            route.fulfill(status=409, json={"code": "conflict", "message": "It was just removed", "fields": {}})
        else:
            route.fallback()

    with signed_in(chromium, server, expected=REFUSED) as page:
        page.route(f"**/api/items/{gradient}", refuse)
        open_item(page, gradient, "gradient")
        page.get_by_role("button", name="Make it private").click()
        expect(seen_by(page).get_by_role("alert")).to_have_text("It was just removed")
        expect(seen_by(page)).to_contain_text("the team")
        expect(page.get_by_role("button", name="Make it private")).to_be_visible()
