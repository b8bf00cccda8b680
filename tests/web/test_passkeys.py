"""Passkeys in a real browser, with the authenticator that Chromium feigns: what the script, the page and the hub do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from arkitekt_next.embedded import serve
from tests.support.browsing import device_code, set_up_owner
from tests.web.conftest import shoot
from tests.web.test_account_pages import to_account
from tests.web.watched import POLICY, address, opened, sign_in

pytestmark = pytest.mark.requirement("pages.passkeys", "pages.browser")


@dataclass
class Device:
    """The feigned authenticator of a page's browser."""

    cdp: CDPSession
    id: str

    def passkeys(self) -> list[dict[str, Any]]:
        return list(self.cdp.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"])

    def set_verified(self, is_verified: bool) -> None:
        """Say whether its person unlocks it."""
        self.cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self.id, "isUserVerified": is_verified})


@pytest.fixture
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        set_up_owner(running)
        yield running


@pytest.fixture
def page(chromium: Browser, server: Any) -> Iterator[Page]:
    with opened(chromium, server, only=POLICY) as page:
        yield page


@pytest.fixture
def device(page: Page) -> Device:
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return Device(cdp, cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"])


def add(page: Page, name: str) -> None:
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Add a passkey").click()


def test_a_passkey_is_added_signs_in_and_is_removed(server: Any, page: Page, device: Device) -> None:
    page.goto("/account")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    shoot(page, "sign-in")
    sign_in(page)
    expect(page.get_by_text("You have no passkey yet.")).to_be_visible()
    shoot(page, "home-no-passkey")
    add(page, "My laptop")
    expect(page.get_by_role("button", name="Remove the passkey My laptop")).to_be_visible()
    (held,) = device.passkeys()
    assert (held["rpId"], held["isResidentCredential"]) == ("localhost", True)

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    to_account(page)
    expect(page.get_by_text("used just now").first).to_be_visible()
    expect(page.get_by_role("button", name="Remove the passkey My laptop")).to_be_visible()
    shoot(page, "home-passkey")
    assert device.passkeys()[0]["signCount"] > held["signCount"]

    add(page, "The same device again")
    expect(page.get_by_role("alert")).to_contain_text("There is a passkey for this account on it already")
    page.get_by_role("link", name="Not now").click()

    page.get_by_role("button", name="Remove the passkey My laptop").click()
    expect(page.get_by_text("You have no passkey yet.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey was not accepted")
    shoot(page, "sign-in-passkey-refused")


def test_who_does_not_confirm_is_asked_again_and_can_take_the_password(server: Any, page: Page, device: Device) -> None:
    page.goto("/account")
    sign_in(page)
    device.set_verified(False)
    add(page, "My laptop")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was confirmed")
    shoot(page, "passkey-new-unconfirmed")
    device.set_verified(True)
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("button", name="Remove the passkey My laptop")).to_be_visible()

    page.get_by_role("button", name="Sign out").click()
    device.set_verified(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was confirmed")
    shoot(page, "passkey-sign-in-unconfirmed")
    page.get_by_role("link", name="Sign in with your password instead").click()
    expect(page.get_by_label("Password")).to_be_visible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was confirmed")
    device.set_verified(True)
    page.get_by_role("button", name="Use a passkey").click()
    to_account(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("home")


def test_a_code_of_an_app_outlives_the_sign_in_by_a_passkey(server: Any, page: Page, device: Device) -> None:
    page.goto("/account")
    sign_in(page)
    add(page, "My laptop")
    page.get_by_role("button", name="Sign out").click()
    _, user = device_code(server)
    page.goto(f"/device#{user}")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Let segment in?")


def test_a_session_that_is_not_fresh_is_asked_for_the_password(
    server: Any, page: Page, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arkitekt_next.hub.accounts import proofs
    from tests.support.browsing import PASSWORD

    page.goto("/account")
    sign_in(page)
    expect(page.get_by_role("button", name="Add a passkey")).to_be_visible()
    later = proofs.monotonic() + 601
    monkeypatch.setattr(proofs, "monotonic", lambda: later)
    add(page, "My laptop")  # the page was loaded while the session was fresh
    expect(page.get_by_role("alert")).to_contain_text("Type your password as well")
    shoot(page, "home-passkey-password")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("button", name="Remove the passkey My laptop")).to_be_visible()


def test_at_an_address_in_numbers_the_page_leads_to_the_name(server: Any, chromium: Browser) -> None:
    with chromium.new_context(base_url=server.url) as context:
        page = context.new_page()
        page.goto("/sign-in")
        expect(page.get_by_label("Password")).to_be_visible()
        expect(page.get_by_role("button", name="Sign in with a passkey")).not_to_be_visible()
        sign_in(page)
        to_account(page)
        expect(page.get_by_text("Open the hub by its name")).to_contain_text(address(server))
        expect(page.get_by_role("button", name="Add a passkey")).not_to_be_visible()
        shoot(page, "home-by-number")


def test_without_a_script_the_password_still_works(server: Any, chromium: Browser) -> None:
    with chromium.new_context(base_url=address(server), java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/sign-in")
        expect(page.get_by_role("button", name="Sign in with a passkey")).not_to_be_visible()
        sign_in(page)
        to_account(page)
        expect(page.locator("noscript p")).to_contain_text("Adding one needs JavaScript")
