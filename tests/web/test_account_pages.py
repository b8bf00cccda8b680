"""The pages in a real browser: setting up, signing in, letting apps in and turning them away, accepting an invitation."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from arkitekt_next.embedded import find_hub, page_link, serve
from tests.support.browsing import PASSWORD, START, add_person, device_code, on_hub, set_up_owner
from tests.web.conftest import shoot
from tests.web.watched import POLICY, address, opened, sign_in


@pytest.fixture
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


@pytest.fixture
def page(chromium: Browser, server: Any) -> Iterator[Page]:
    with opened(chromium, server, only=POLICY) as page:
        yield page


def to_account(page: Page) -> None:
    """Go to the account from where one lands who has come in without wanting to go anywhere."""
    expect(page).to_have_url(re.compile(f"{START}$"))
    page.goto("/account")


@pytest.mark.requirement("pages.setup", "pages.browser")
def test_a_new_link_works_when_it_is_pasted_over_the_page_of_the_old_one(server: Any, page: Page) -> None:
    accounts = server.app.state.hub.accounts
    page.goto("/setup#" + "x" * 43)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link no longer works")
    secret = on_hub(server, accounts.links.create(accounts.owner))
    page.goto(f"/setup#{secret}")  # loads nothing, since nothing but the fragment is another
    expect(page.get_by_label("Name")).to_be_visible()
    assert secret not in page.url


@pytest.mark.requirement("pages.setup", "pages.browser")
def test_a_setup_link_becomes_an_account_and_a_session(server: Any, page: Page) -> None:
    accounts = server.app.state.hub.accounts
    secret = on_hub(server, accounts.links.create(accounts.owner))
    page.goto(f"/setup#{secret}")
    page.get_by_label("Name").fill("Ada Lovelace")
    assert secret not in page.url
    shoot(page, "setup")
    page.get_by_label("E-mail").fill("ada@lab.org")
    page.get_by_label("Password").fill("short pass")
    page.get_by_label("Password").evaluate("field => field.removeAttribute('minlength')")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make the account").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose a password of 10")
    shoot(page, "setup-problem")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    to_account(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("home")
    shoot(page, "home-first")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    shoot(page, "sign-in")
    page.get_by_label("E-mail").fill("ada@lab.org")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("do not fit together")
    shoot(page, "sign-in-problem")
    sign_in(page)
    to_account(page)
    expect(page.get_by_text("this one")).to_be_visible()

    page.goto("about:blank")
    page.goto(f"/setup#{secret}")
    expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    shoot(page, "setup-gone")


@pytest.mark.requirement("pages.device", "pages.browser")
def test_an_app_is_let_in_with_what_was_ticked_and_another_is_turned_away(server: Any, page: Page) -> None:
    set_up_owner(server)
    devices = server.app.state.hub.accounts.devices
    device, user = device_code(server, scopes="read call provide manage")
    page.goto(f"/device#{user}")  # the code outlives the sign-in
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Let segment in?")
    expect(page.get_by_text("gpu-box")).to_be_visible()
    shoot(page, "device")
    page.get_by_label("Offer functions").uncheck()
    page.get_by_label("Manage").uncheck()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("segment is in")
    shoot(page, "device-approved")
    approved = on_hub(server, devices.find(device))
    login = on_hub(server, server.app.state.hub.accounts.logins.find(approved.login))
    assert (approved.status, sorted(login.scopes), login.machine) == ("approved", ["call", "read"], "gpu-box")

    device, user = device_code(server, app="stranger")
    page.goto("/device")
    shoot(page, "device-code")
    page.get_by_label("The code that the app shows").fill(user.lower().replace("-", ""))
    page.keyboard.press("Enter")
    expect(page.get_by_text(user, exact=True)).to_be_visible()  # as the app shows it
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("stranger was turned away")
    shoot(page, "device-denied")
    assert on_hub(server, devices.find(device)).status == "denied"

    page.goto("/device")
    page.get_by_label("The code that the app shows").fill("BCDF-GHJK")
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no such code waiting")
    shoot(page, "device-unknown")


@pytest.mark.requirement("pages.invite", "pages.browser")
def test_somebody_new_comes_in_by_an_invitation(server: Any, page: Page, chromium: Browser) -> None:
    set_up_owner(server)
    add_person(server, "bob", "admin")
    page.goto("/account")
    sign_in(page)
    page.get_by_label("Invite as").select_option("member")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("The link").input_value()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    shoot(page, "home-invited")

    theirs = chromium.new_context(base_url=address(server)).new_page()
    theirs.goto(link)
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Join home")
    shoot(theirs, "invite")
    theirs.get_by_label("Name").fill("Grace Hopper")
    theirs.get_by_label("E-mail").first.fill("grace@lab.org")
    theirs.get_by_label("Password").first.fill(PASSWORD)
    theirs.get_by_role("button", name="Make the account and join").click()
    to_account(theirs)
    expect(theirs.get_by_role("heading", level=1)).to_have_text("home")
    expect(theirs.get_by_text("You are a member here")).to_be_visible()
    shoot(theirs, "home-member")
    people = server.app.state.hub.accounts.people
    grace = on_hub(server, people.find("grace@lab.org"))
    assert people.role_of(server.app.state.hub.accounts.team, grace.id) == "member"

    page.goto("/account")
    page.get_by_label("Change Grace Hopper").click()
    shoot(page, "home-change")
    page.get_by_role("button", name="Remove Grace Hopper").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("home")
    theirs.goto("/account")
    expect(theirs.get_by_role("heading", name="Sign in")).to_be_visible()
    theirs.context.close()


@pytest.mark.requirement("pages.consent", "pages.browser")
def test_a_program_on_this_machine_is_answered_after_the_person_has_agreed(server: Any, page: Page) -> None:
    set_up_owner(server)
    asked = {
        "response_type": "code",
        "client_id": "arkitekt-next",
        "scope": "read call manage",
        "state": "s",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    for button, answer in (("Approve", "code"), ("Deny", "error")):
        with program() as (address_of_program, answers):
            page.goto(f"/oauth/authorize?{urlencode({**asked, 'redirect_uri': f'{address_of_program}/callback'})}")
            if button == "Approve":
                sign_in(page)
            shoot(page, "consent")
            page.get_by_role("button", name=button).click()
            expect(page.get_by_text("Thank you")).to_be_visible()
            assert answer in parse_qs(urlsplit(answers[0]).query)


@contextmanager
def program() -> Iterator[tuple[str, list[str]]]:
    """A program that waits for its answer on a port of this machine."""
    answers: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                answers.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<p>Thank you</p>")

        def log_message(self, *_: object) -> None: ...

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", answers
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


@pytest.mark.requirement("pages.open", "pages.browser")
def test_the_owner_is_let_in_by_the_door_of_hub_open(server: Any, page: Page) -> None:
    found = find_hub(server.folder)
    assert found is not None
    page.goto(page_link(found))
    to_account(page)
    expect(page.get_by_text("You have no password yet")).to_be_visible()
    shoot(page, "home-no-password")
    page.get_by_role("button", name="Set up your account").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type("ada@lab.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    to_account(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("home")
    expect(page.get_by_text("You have no password yet")).not_to_be_visible()


@pytest.mark.requirement("pages.browser")
def test_without_a_script_a_link_is_pasted(server: Any, chromium: Browser) -> None:
    accounts = server.app.state.hub.accounts
    secret = on_hub(server, accounts.links.create(accounts.owner))
    with chromium.new_context(base_url=address(server), java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/setup")
        shoot(page, "setup-link")
        page.get_by_label("Paste your link here").fill(f"{address(server)}/setup#{secret}")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_label("E-mail")).to_be_visible()
