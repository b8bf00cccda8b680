"""Keeping a team in a real browser: its apps, people, sign-ins, store, health and log, and from team to team."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from arkitekt_next import App, Image
from arkitekt_next.auth.principal import Scope
from arkitekt_next.errors import SignInNeeded
from arkitekt_next.hub.pages.app import is_built
from tests.support.browsing import PASSWORD, accounts, add_person, on_hub
from tests.support.page_lab import make_page_lab
from tests.support.waiting import until
from tests.web.conftest import shoot
from tests.web.watched import POLICY, opened, owned_hub, signed_in

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.requirement("page.keeping"),
    pytest.mark.skipif(not is_built(), reason="the page is not built: make page"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    with owned_hub(tmp_path, data_quota_bytes=10**9) as running:
        yield running


@pytest.fixture
def page(chromium: Browser, server: Any) -> Iterator[Page]:
    """The page of the owner."""
    with signed_in(chromium, server, only=POLICY) as page:
        yield page


@contextmanager
def as_person(chromium: Browser, server: Any, name: str, role: str) -> Iterator[Page]:
    """The page of somebody else in the team."""
    add_person(server, name, role)
    with signed_in(chromium, server, f"{name}@lab.org", only=POLICY) as page:
        yield page


def go(page: Page, screen: str, title: str | None = None) -> None:
    """Go to a screen of the team by its navigation."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Team").click()
    page.get_by_role("navigation", name="Team").get_by_role("link", name=screen).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(title or screen)


def test_somebody_is_invited_comes_in_is_made_an_admin_and_removed(server: Any, page: Page, chromium: Browser) -> None:
    go(page, "People")
    page.get_by_label("Invite as").select_option("member")
    page.get_by_label("Holds for").select_option(label="1 day")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("The link").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    expect(page.get_by_role("list", name="Open invitations")).to_contain_text("member, for 1 person")
    shoot(page, "people-invited")
    page.get_by_role("button", name="Put it away").click()
    expect(page.get_by_label("The link")).not_to_be_visible()

    with opened(chromium, server, only=POLICY) as theirs:
        theirs.goto(link)
        theirs.get_by_label("Name").fill("Grace Hopper")
        theirs.get_by_label("E-mail").first.fill("grace@lab.org")
        theirs.get_by_label("Password").first.fill(PASSWORD)
        theirs.get_by_role("button", name="Make the account and join").click()
        expect(theirs.get_by_role("heading", name="Functions")).to_be_visible()
        go(theirs, "People")
        expect(theirs.get_by_role("list", name="Members")).to_contain_text("Grace Hopper")
        expect(theirs.get_by_role("button", name="Make a link")).not_to_be_visible()
        expect(theirs.get_by_role("button", name="Remove Ada")).not_to_be_visible()

        expect(page.get_by_role("list", name="Members")).to_contain_text("Grace Hopper")
        page.get_by_label("Role of Grace Hopper").select_option("admin")
        asked = page.get_by_role("dialog", name="Make Grace Hopper an admin?")
        expect(asked).to_contain_text("invites, changes roles")
        shoot(page, "people-role")
        asked.get_by_role("button", name="Make an admin").click()
        expect(page.get_by_label("Role of Grace Hopper")).to_have_value("admin")
        theirs.reload()
        expect(theirs.get_by_role("button", name="Make a link")).to_be_visible()
        expect(theirs.get_by_label("Role of Ada")).not_to_be_visible()

        page.get_by_role("button", name="Remove Grace Hopper").click()
        asked = page.get_by_role("dialog", name="Remove Grace Hopper from the team?")
        expect(asked.get_by_role("button", name="Leave it")).to_be_focused()
        page.keyboard.press("Escape")
        expect(asked).not_to_be_visible()
        expect(page.get_by_role("button", name="Remove Grace Hopper")).to_be_focused()
        page.keyboard.press("Enter")
        asked.get_by_role("button", name="Remove them").click()
        expect(page.get_by_role("list", name="Members")).not_to_contain_text("Grace Hopper")
        told = theirs.get_by_role("alert").filter(has_text="Your sign-in has ended")  # the page notices by itself
        told.get_by_role("button", name="Sign in").click()
        expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
    people = accounts(server).people
    assert people.role_of(accounts(server).team, on_hub(server, people.find("grace@lab.org")).id) is None


def test_an_app_is_looked_at_and_revoked_and_stops(server: Any, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKITEKT_REDEEM_TOKEN", redeem_token(server, "lab"))  # with which it comes in once
    with revoked(), make_page_lab(url=server.url).run_detached():
        page.goto("/app/functions/lab.steps")
        page.get_by_label("Count", exact=True).fill("2")
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_label("State").get_by_text("done")).to_be_visible()
        go(page, "Apps")
        expect(page.get_by_role("list", name="Apps").get_by_role("link", name="lab")).to_contain_text("online")
        expect(page.get_by_role("link", name="Let an app in")).to_have_attribute("href", "/device")
        shoot(page, "apps")
        page.get_by_role("list", name="Apps").get_by_role("link", name="lab").click()
        expect(page.get_by_role("list", name="Agents")).to_contain_text("online")
        expect(page.get_by_role("list", name="Sign-ins")).to_contain_text(
            "by a redeem token, used just now; may call, offer functions, see"
        )
        expect(page.get_by_role("list", name="Functions")).to_contain_text("lab.threshold")
        expect(page.get_by_role("list", name="Recent tasks").get_by_role("link")).to_contain_text("lab.steps")
        expect(page.get_by_role("log")).to_contain_text("step 1 of 2")
        shoot(page, "app")
        assert sockets(server, "lab") == 1
        page.get_by_role("button", name="Revoke lab").click()
        asked = page.get_by_role("dialog", name="Revoke lab?")
        expect(asked).to_contain_text("1 agent stops")
        functions = page.request.get("/api/actions?app=lab&limit=100").json()["items"]
        expect(asked).to_contain_text(f"Nobody can call its {len(functions)} functions")
        shoot(page, "app-revoke")
        asked.get_by_role("button", name="End 1 sign-in").click()
        expect(page.get_by_text("It is signed in nowhere now.")).to_be_visible()
        expect(page.get_by_role("list", name="Agents")).to_contain_text(re.compile("away|gone"))
        expect(page.get_by_role("list", name="Agents")).not_to_contain_text("online")
        assert until(lambda: sockets(server, "lab") == 0, within=5)
        expect(page.get_by_role("button", name="Revoke lab")).not_to_be_visible()
        page.get_by_role("link", name="All apps").click()
        expect(page.get_by_role("list", name="Apps").get_by_role("link", name="lab")).to_contain_text("away")
        page.get_by_role("list", name="Apps").get_by_role("link", name="lab").click()
        page.get_by_role("link", name="All its tasks").click()
        expect(page).to_have_url(re.compile(r"/tasks\?q=lab\."))
        expect(page.get_by_role("list", name="Tasks").get_by_role("link")).to_have_count(1)


@contextmanager
def revoked() -> Iterator[None]:
    """What an app does in here ends, as it has been revoked and can't come in again."""
    with pytest.raises(SignInNeeded, match="used up"):
        yield


def redeem_token(server: Any, app: str) -> str:
    """Make a token by which an app comes in for the owner, once."""
    hub = accounts(server)
    who = on_hub(server, hub.logins.issue(team=hub.team, person=hub.owner, app="test"))[1]
    scopes = frozenset({Scope.READ, Scope.CALL, Scope.PROVIDE})
    return str(
        on_hub(server, hub.redeem_tokens.create(who, app=app, scopes=scopes, is_single_use=True, expires_s=600))[1]
    )


def sockets(server: Any, app: str) -> int:
    """Count the connections of an app."""
    return sum(peer.principal.app == app for peer in list(server.app.state.hub.peers))


def test_a_token_lets_an_app_in_once_and_is_revoked(server: Any, page: Page) -> None:
    go(page, "Sign-ins")
    expect(page.get_by_role("list", name="Sign-ins")).to_contain_text("this one")
    page.get_by_label("Only for the app").fill("robot")
    page.get_by_role("checkbox", name="offer functions").uncheck()
    page.get_by_role("button", name="Make a token").click()
    secret = page.get_by_label("The token", exact=True).input_value()
    shoot(page, "tokens")
    form = {
        "grant_type": "urn:arkitekt:params:oauth:grant-type:redeem_token",
        "client_id": "arkitekt-next",
        "redeem_token": secret,
        "app": "robot",
    }
    answer = httpx2.post(f"{server.url}/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    expect(page.get_by_role("list", name="Redeem tokens")).to_contain_text("used 1 time", timeout=20_000)
    expect(page.get_by_role("list", name="Sign-ins")).to_contain_text("by a redeem token")
    page.get_by_role("button", name="Revoke the token for robot").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("No token waits to be used.")).to_be_visible()
    assert httpx2.post(f"{server.url}/oauth/token", data=form).status_code == 400
    page.get_by_role("button", name="End the sign-in of robot").click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.get_by_role("list", name="Sign-ins")).not_to_contain_text("robot")
    me = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert httpx2.get(f"{server.url}/api/me", headers=me).status_code == 401


def test_what_is_stored_is_counted_and_comes_out_of_the_trash(server: Any, page: Page) -> None:
    with App("seed", url=server.url):
        for name in ("kept", "thrown"):
            Image.save(np.zeros((64, 64), np.uint16), name=name, axes="yx")
    go(page, "Storage")
    expect(page.get_by_role("region", name="By kind")).to_contain_text("Images")
    expect(page.get_by_role("region", name="By kind")).to_contain_text("2 items")
    expect(page.get_by_role("region", name="By person")).to_contain_text("Ada")
    expect(page.get_by_text("1.00 GB")).to_be_visible()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    page.get_by_role("link", name="Data").click()
    page.get_by_role("link", name="thrown").click()
    page.get_by_role("button", name="Put into the trash").click()
    go(page, "Storage")
    page.get_by_role("button", name="Count again").click()
    expect(page.get_by_role("list", name="The trash")).to_contain_text("thrown")
    expect(page.get_by_text("In the trash").locator("..")).not_to_contain_text("0 B")
    shoot(page, "storage")
    page.get_by_role("button", name="Restore thrown").click()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    page.get_by_role("link", name="Data").click()
    expect(page.get_by_role("link", name="thrown")).to_be_visible()


def test_the_log_is_read_and_narrowed(server: Any, page: Page) -> None:
    add_person(server, "mia", "member")
    go(page, "People")
    page.get_by_label("Role of Mia").select_option("guest")
    page.get_by_role("dialog").get_by_role("button", name="Make a guest").click()
    expect(page.get_by_label("Role of Mia")).to_have_value("guest")
    for _ in range(300):  # more than a page of it
        on_hub(server, accounts(server).audit.note("page.signed_out", team=accounts(server).team))
    go(page, "Log")
    log = page.get_by_role("list", name="Log")
    expect(log.get_by_role("listitem").first).to_contain_text("signed out")
    assert log.get_by_role("listitem").count() < 60  # only what can be seen is in the page
    page.keyboard.press("End")
    page.get_by_label("What was done").select_option(label="People")
    expect(log.get_by_role("listitem")).to_have_count(1)
    expect(log.get_by_role("listitem")).to_contain_text("Ada changed the role of Mia")
    expect(log.get_by_role("listitem")).to_contain_text("old member, new guest")
    shoot(page, "log")
    page.get_by_label("By whom").select_option(label="Mia")
    expect(page.get_by_text("Nothing of it was done")).to_be_visible()
    expect(page).to_have_url(re.compile("event=member&person="))


def test_the_hub_says_how_it_is(server: Any, page: Page) -> None:
    go(page, "Health")
    expect(page.get_by_role("status")).to_contain_text("The hub is well")
    for text in ("SQLite", "0, of all teams", str(server.app.state.hub.id)):
        expect(page.get_by_text(text)).to_be_visible()
    shoot(page, "health")
    server.app.state.hub.is_closing = True  # as it is for a moment, while what goes on is brought to an end
    expect(page.get_by_role("status")).to_contain_text("The hub is not quite well")
    expect(page.get_by_role("status")).to_contain_text("closing")
    server.app.state.hub.is_closing = False
    expect(page.get_by_role("status")).to_contain_text("The hub is well")


def test_who_may_not_see_something_is_told_why(server: Any, chromium: Browser) -> None:
    with as_person(chromium, server, "gil", "guest") as guest:
        go(guest, "Apps")
        screens = guest.get_by_role("navigation", name="Team").get_by_role("link")
        expect(screens).to_have_text(["Apps", "Sign-ins", "Storage", "Health"])
        guest.goto("/app/team/people")
        expect(guest.get_by_text("You are a guest here")).to_be_visible()
        guest.goto("/app/team/audit")
        expect(guest.get_by_text("The log is for owners and admins of the team")).to_be_visible()
        go(guest, "Sign-ins")
        expect(guest.get_by_role("checkbox", name="Everybody's in the team")).not_to_be_visible()
        expect(guest.get_by_role("group", name="It may").get_by_role("checkbox")).to_have_count(2)
    with as_person(chromium, server, "mia", "member") as member:
        go(member, "Storage")
        expect(member.get_by_text("You store")).to_be_visible()
        go(member, "People")
        expect(member.get_by_role("list", name="Members")).to_contain_text("Ada")
        shoot(member, "people-member")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: make page")
def test_its_screens_break_no_rule_of_wcag_that_a_program_can_check(server: Any, page: Page) -> None:
    add_person(server, "mia", "member")
    on_hub(server, accounts(server).people.create_team("optics", accounts(server).owner))
    page.reload()
    with make_page_lab(url=server.url).run_detached():
        checked = 0
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            for place in ("apps", "apps/lab", "people", "tokens", "storage", "health", "audit"):
                page.goto(f"/app/team/{place}")
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                expect(page.get_by_role("status", name="Loading")).to_have_count(0)
                assert broken_rules(page) == [], (place, scheme)
                checked += 1
        page.goto("/app/team/people")
        page.get_by_role("button", name="Remove Mia").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert broken_rules(page) == []
    print(f"N = {checked + 1} screens checked")


def broken_rules(page: Page) -> list[tuple[str, str]]:
    """Give which rules of WCAG 2.2 AA are broken, and where, as axe-core finds them."""
    page.evaluate(AXE.read_text("utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run(document, { runOnly: tags })", tags)
    return [(rule["id"], node["html"][:200]) for rule in found["violations"] for node in rule["nodes"]]


def test_the_team_is_chosen_at_the_top(server: Any, page: Page) -> None:
    assert page.get_by_role("button", name="Team: home").count() == 0
    people = accounts(server).people
    on_hub(server, people.create_team("optics", accounts(server).owner))
    page.reload()
    page.get_by_role("button", name="Team: home").click()
    expect(page.get_by_role("list", name="Teams").get_by_role("button")).to_have_count(2)
    shoot(page, "teams")
    page.keyboard.press("Escape")
    expect(page.get_by_role("list", name="Teams")).not_to_be_visible()
    expect(page.get_by_role("button", name="Team: home")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("list", name="Teams").get_by_role("button", name="optics").click()
    expect(page.get_by_role("button", name="Team: optics")).to_be_visible()
    go(page, "People")
    page.get_by_role("button", name="Make a link").click()  # what changes something goes on in the new session
    expect(page.get_by_label("The link")).to_be_visible()
    page.get_by_role("link", name="Ada").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("optics")
    expect(page).to_have_url(re.compile("/account$"))
