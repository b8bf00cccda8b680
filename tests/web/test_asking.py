"""What a page asks of the hub: nothing runs that nobody wanted, nothing twice, and nothing typed is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from arkitekt_next import App, Image
from arkitekt_next.hub.pages.app import is_built
from arkitekt_next.ports import CustomSearch
from tests.support.browsing import add_person, forget_tries, on_hub
from tests.web.conftest import shoot
from tests.web.watched import ANYTHING, opened, owned_hub, sign_in, signed_in

pytestmark = [
    pytest.mark.requirement("page.form"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]
RAN: list[tuple[str, Any]] = []


def make_apps(url: str) -> tuple[App, App]:
    """One app whose functions change things, and one whose forms name them."""
    store, lab = App("store", url=url), App("asking", url=url)

    @store.register
    def wipe(plate: str) -> list[str]:
        """Throw away what lies on a plate."""
        RAN.append(("wipe", plate))
        return [f"{plate} wiped"]

    @lab.register(effects="none")
    def names(typed: str) -> list[str]:
        """Offer the names of plates."""
        RAN.append(("names", typed))
        return [f"{typed} 1", f"{typed} 2"]

    @lab.register
    def foreign(plate: Annotated[str, CustomSearch("store.wipe")] = "all plates") -> str:
        """Take a plate that another app offers."""
        return plate

    @lab.register
    def own(plate: Annotated[str, CustomSearch("asking.names")] = "all plates") -> str:
        """Take a plate that this app offers."""
        return plate

    @lab.register
    def count(number: int = 1) -> int:
        """Count, and say so."""
        RAN.append(("count", number))
        return number

    return store, lab


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with owned_hub(tmp_path_factory.mktemp("asking")) as running:
        store, lab = make_apps(running.url)
        with store.run_detached(), lab.run_detached():
            yield running


@pytest.fixture
def page(chromium: Browser, server: Any) -> Iterator[Page]:
    with signed_in(chromium, server, expected=ANYTHING) as page:
        RAN.clear()
        yield page


def calls_of(page: Page) -> list[str]:
    """The functions that were run, as the hub knows it, the newest first."""
    found = page.evaluate("fetch('/api/tasks?limit=100').then((answer) => answer.json())")
    return [task["action"] for task in found["items"]]


def test_a_form_runs_no_function_of_another_app_before_it_was_said_that_it_may(page: Page) -> None:
    before = calls_of(page)
    page.goto("/app/functions/asking.foreign?args=" + json.dumps({"plate": "plate 7"}))
    field = page.get_by_label("Plate", exact=True)
    expect(field).to_have_value("plate 7")
    field.focus()
    field.fill("plate 8")
    may = page.get_by_role("button", name="Let store.wipe suggest")
    expect(may).to_be_visible()
    expect(page.get_by_text("may change something")).to_be_visible()
    shoot(page, "asks-first")
    page.wait_for_function("new Promise((resolve) => setTimeout(() => resolve(true), 1500))")  # longer than it rests
    assert (RAN, calls_of(page)) == ([], before)
    may.click()
    expect(page.get_by_text("1 suggestions")).to_be_visible()
    expect(may).to_have_count(0)
    assert RAN == [("wipe", "plate 8")]


def test_only_what_is_typed_is_asked_with(page: Page) -> None:
    page.goto("/app/functions/asking.own?args=" + json.dumps({"plate": "from a link"}))
    field = page.get_by_label("Plate", exact=True)
    expect(field).to_have_value("from a link")
    field.focus()
    page.wait_for_function("new Promise((resolve) => setTimeout(() => resolve(true), 1500))")
    assert RAN == []
    field.fill("plate")
    expect(page.get_by_text("2 suggestions")).to_be_visible()
    assert RAN == [("names", "plate")]


def lose_first(page: Page, path: str) -> None:
    """Let the hub have the first request to a path, and the page an error for its answer."""
    lost: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append(route.request.url)
        route.fetch()
        route.fulfill(status=502, body="bad gateway")

    page.route(path, lose)


def test_a_call_whose_answer_was_lost_is_run_once_and_a_changed_one_is_another(page: Page) -> None:
    page.goto("/app/functions/asking.count")
    lose_first(page, "**/api/tasks")
    run = page.get_by_role("button", name="Run", exact=True)
    run.click()
    expect(page.get_by_role("alert")).to_contain_text("502")
    run.click()
    expect(page).to_have_url(re.compile("/app/tasks/"))
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert RAN == [("count", 1)]
    page.unroute_all()
    page.goto("/app/functions/asking.count")
    lose_first(page, "**/api/tasks")
    run.click()
    expect(page.get_by_role("alert")).to_contain_text("502")
    page.get_by_label("Number", exact=True).fill("2")
    run.click()
    expect(page).to_have_url(re.compile("/app/tasks/"))
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert sorted(RAN) == [("count", 1), ("count", 1), ("count", 2)]


def test_run_again_after_a_lost_answer_runs_once(page: Page) -> None:
    page.goto("/app/functions/asking.count")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    first = page.url
    lose_first(page, "**/api/tasks/*/again")
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("alert")).to_contain_text("502")
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(first)
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert RAN == [("count", 1), ("count", 1)]


def test_forms_run_and_links_are_copied_where_a_browser_offers_less_without_tls(page: Page) -> None:
    page.add_init_script(
        "delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard;"
        "document.addEventListener('copy', () => (window.copied = document.activeElement.value));"
    )
    page.goto("/app/functions/asking.count")
    page.get_by_label("Number", exact=True).fill("5")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("The link to this form, as it is filled, is copied.")).to_be_visible()
    assert "/app/functions/asking.count?args=" in page.evaluate("window.copied")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert RAN == [("count", 5)]


def test_what_is_typed_stays_when_the_session_ends_and_one_leaves_by_a_button(page: Page, server: Any) -> None:
    page.goto("/app/functions/asking.count")
    page.get_by_label("Number", exact=True).fill("77")
    page.context.clear_cookies()
    told = page.get_by_role("alert").filter(has_text="Your sign-in has ended")
    expect(told).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_have_count(2)
    shoot(page, "session-ended")
    expect(page.get_by_label("Number", exact=True)).to_have_value("77")
    told.get_by_role("button", name="Sign in").click()
    forget_tries(server)
    sign_in(page)
    expect(page).to_have_url(re.compile("/app/functions/asking.count$"))


def test_an_address_that_is_long_is_come_back_to_after_the_sign_in(page: Page, server: Any) -> None:
    page.goto("/app/functions/asking.own?args=" + json.dumps({"plate": "p" * 3000}))
    expect(page.get_by_label("Plate", exact=True)).to_have_value("p" * 3000)
    page.context.clear_cookies()
    page.get_by_role("alert").get_by_role("button", name="Sign in").click(timeout=30_000)
    forget_tries(server)
    sign_in(page)
    expect(page.get_by_label("Plate", exact=True)).to_have_value("p" * 3000)


def test_a_page_of_another_session_says_so(page: Page, server: Any) -> None:
    page.goto("/app/functions/asking.count")
    page.get_by_label("Number", exact=True).fill("5")
    page.route("**/api/me", lambda route: route.abort())  # it does not hear by itself
    page.context.clear_cookies()
    forget_tries(server)
    other = page.context.new_page()
    other.goto("/app")
    other.evaluate("delete window.BroadcastChannel")
    sign_in(other)
    expect(other.get_by_role("heading", name="Functions")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    told = page.get_by_role("alert").filter(has_text="of another session")
    expect(told.get_by_role("button", name="Load it again")).to_be_visible()
    assert RAN == []
    page.unroute_all()
    told.get_by_role("button", name="Load it again").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()


def test_an_open_page_hears_at_once_that_another_team_was_chosen(page: Page, server: Any) -> None:
    accounts = server.app.state.hub.accounts
    on_hub(server, accounts.people.create_team("optics", accounts.owner))
    page.goto("/app/functions/asking.count")
    expect(page.get_by_label("Number", exact=True)).to_be_visible()
    other = page.context.new_page()
    other.goto("/app/team")
    other.get_by_role("button", name="Team:").click()
    other.get_by_role("list", name="Teams").get_by_role("button", name="optics").click()
    expect(page.get_by_role("alert").get_by_role("button", name="Load it again")).to_be_visible()


def args(plate: str) -> str:
    return quote(json.dumps({"plate": plate}))


ODD = "{a|b}^`\\\\ü#%26&=+?"


@pytest.mark.parametrize(
    ("plate", "written"),
    [("plate 7", '{"plate":"plate 7"}'), (ODD, args(ODD)), ("p" * 6000, args("p" * 6000)), (ODD * 90, args(ODD * 90))],
    ids=["as typed", "odd signs", "long", "long and odd"],
)
def test_a_link_to_a_filled_form_leads_to_it_through_the_sign_in(
    chromium: Browser, server: Any, plate: str, written: str
) -> None:
    forget_tries(server)
    with opened(chromium, server) as page:
        page.goto(f"/app/functions/asking.own?args={written}")
        sign_in(page)
        expect(page.get_by_label("Plate", exact=True)).to_have_value(plate)
        assert json.loads(parse_qs(urlsplit(page.url).query)["args"][0]) == {"plate": plate}
        page.context.clear_cookies()
        page.reload()  # and once more, from a page that was there already
        forget_tries(server)
        sign_in(page)
        expect(page.get_by_label("Plate", exact=True)).to_have_value(plate)


def sign_in_elsewhere(page: Page, server: Any, email: str) -> None:
    """Sign in in another tab, of which the page does not hear."""
    page.context.clear_cookies()
    forget_tries(server)
    other = page.context.new_page()
    other.add_init_script("delete window.BroadcastChannel")
    other.goto("/account")
    sign_in(other, email)
    expect(other.get_by_role("heading", level=1)).to_be_visible()
    other.close()


def test_a_form_is_sent_after_the_same_person_signed_in_anew_in_another_tab(page: Page, server: Any) -> None:
    page.goto("/app/functions/asking.count")
    page.get_by_label("Number", exact=True).fill("31")
    sign_in_elsewhere(page, server, "ada@lab.org")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert RAN == [("count", 31)]
    assert len(sent) == 2  # refused once, and sent once more
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("link", name="Change and run").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert len(sent) == 3  # it keeps the new token


def test_a_page_says_that_somebody_else_signed_in_and_goes_on_when_its_own_person_is_back(
    page: Page, server: Any
) -> None:
    add_person(server, "bob", "member")
    page.goto("/app/functions/asking.count")
    page.get_by_label("Number", exact=True).fill("32")
    sign_in_elsewhere(page, server, "bob@lab.org")
    page.get_by_role("button", name="Run", exact=True).click()
    told = page.get_by_role("alert").filter(has_text="Bob has signed in in this browser")
    expect(told).to_contain_text("what you typed stays")
    expect(page.get_by_text("Nothing was sent")).to_be_visible()
    expect(page.get_by_label("Number", exact=True)).to_have_value("32")
    assert RAN == []
    shoot(page, "somebody-else")
    sign_in_elsewhere(page, server, "ada@lab.org")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
    assert RAN == [("count", 32)]
    expect(told).to_have_count(0, timeout=30_000)


def test_no_tag_leads_elsewhere(page: Page) -> None:
    with App("tagger", url=page.url.partition("/app")[0]):
        kept = Image.save(np.zeros((8, 8), np.uint8), name="tagged", axes="yx", tags=["a#b?c"])
    page.goto(f"/app/data/{kept.id}")
    page.get_by_label("Take the tag a#b?c off").click()
    expect(page.get_by_label("Take the tag a#b?c off")).to_have_count(0)
    page.get_by_label("A new tag").fill(" .. ")
    expect(page.get_by_role("button", name="Add", exact=True)).to_be_disabled()
