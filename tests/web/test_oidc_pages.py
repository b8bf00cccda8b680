"""The sign-in with a provider in a real browser: there and back, with what a content policy and a fragment make of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from tests.support.browsing import device_code, on_hub, set_up_owner
from tests.support.provider import independent_provider, known_there, told_of
from tests.web.conftest import shoot
from tests.web.test_account_pages import to_account
from tests.web.watched import POLICY, opened, sign_in


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with independent_provider() as running:
        yield running


@pytest.fixture(scope="module")
def server(issuer: str) -> Iterator[Any]:
    with serve(**told_of(issuer, oidc_name="Lab login", oidc_team="home", oidc_role="member")) as running:
        set_up_owner(running)
        yield running


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def page(chromium: Browser, server: Any, request: pytest.FixtureRequest) -> Iterator[Page]:
    with opened(chromium, server, only=POLICY, java_script_enabled=request.param) as page:
        yield page


def agree(page: Page, subject: str) -> None:
    """Sign in at the provider, which has the browser now."""
    page.locator("input[name=sub]").first.fill(subject)
    page.locator("input[name=sub]").first.press("Enter")


@pytest.mark.requirement("pages.oidc", "pages.browser")
def test_a_newcomer_goes_there_and_comes_back_to_what_they_wanted(
    server: Any, issuer: str, page: Page, request: pytest.FixtureRequest
) -> None:
    known_there(issuer, "grace", name="Grace Hopper", email="grace@uni.org", email_verified=True)
    _, user = device_code(server)
    page.goto(f"/device#{user}")
    expect(page.get_by_role("link", name="Sign in with Lab login")).to_be_visible()
    shoot(page, "oidc-sign-in")
    page.get_by_role("link", name="Sign in with Lab login").click()
    agree(page, "grace")
    expect(page.get_by_text("Grace Hopper").first).to_be_visible()
    if not request.node.callspec.params["page"]:  # a script keeps the code in the tab; without one it is typed
        page.get_by_label("The code that the app shows").fill(user)
        page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_text("gpu-box").first).to_be_visible()


@pytest.mark.requirement("pages.oidc", "pages.browser")
def test_an_account_is_linked_from_the_home_page_and_unlinked(server: Any, issuer: str, page: Page) -> None:
    page.goto("/account")
    sign_in(page)
    page.get_by_role("button", name="Link an account of Lab login").click()
    agree(page, "ada-there")
    expect(page.get_by_text("ada-there")).to_be_visible()
    shoot(page, "oidc-home")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="Sign in with Lab login").click()
    agree(page, "ada-there")
    to_account(page)
    expect(page.get_by_text("You are an owner here")).to_be_visible()
    page.get_by_role("button", name="Unlink ada-there").click()
    expect(page.get_by_text("ada-there")).not_to_be_visible()


@pytest.mark.requirement("pages.oidc", "pages.browser")
def test_an_invitation_is_accepted_with_the_provider(server: Any, issuer: str, page: Page) -> None:
    hub = server.app.state.hub
    who = on_hub(server, hub.accounts.logins.issue(team=hub.accounts.team, person=hub.accounts.owner, app="t"))[1]
    secret = on_hub(server, hub.accounts.invitations.create(who, Role.ADMIN, expires_s=600, uses=1))[1]
    page.goto("/invite")
    page.get_by_label("Paste your link here").fill(secret)
    page.get_by_role("button", name="Go on").click()
    shoot(page, "oidc-invite")
    page.get_by_role("button", name="Join with Lab login").click()
    agree(page, f"invited-{secret[:8]}")
    to_account(page)
    expect(page.get_by_text("You are an admin here")).to_be_visible()


@pytest.mark.requirement("pages.oidc", "pages.browser")
def test_what_went_wrong_is_said_with_the_way_back(server: Any, page: Page) -> None:
    page.goto("/oidc/callback?code=x&state=y")
    expect(page.get_by_role("heading", level=1)).to_have_text("This sign-in is no longer waiting")
    shoot(page, "oidc-stale")
    page.get_by_role("link", name="Back to the sign-in").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
