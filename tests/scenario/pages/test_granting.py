"""What people let in by the pages, as a browser's requests see it: apps by their codes, programs by consent."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from tests.support.browsing import PASSWORD, Browser, accounts, add_person, device_code, events, on_hub

# -- devices ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.device")
def test_an_app_gets_what_was_ticked_in_the_team_that_was_chosen(server: Any, browser: Browser) -> None:
    mia = on_hub(server, accounts(server).people.find("mia@lab.org")).id
    team = on_hub(server, accounts(server).people.create_team("annex", mia))
    device, user = device_code(server, scopes="read call provide manage")
    browser.sign_in("mia@lab.org")
    browser.open("/device")
    browser.submit("/device", secret=user)
    assert "segment 1.2.0 Machine gpu-box" in browser.text
    browser.submit("/device/decide", scope=[], decision="approve")
    assert "Tick at least one" in browser.text
    browser.submit("/device/decide", scope=["read", "call"], team=team, decision="approve")
    assert "segment is in" in browser.text
    code = on_hub(server, accounts(server).devices.find(device))
    login = on_hub(server, accounts(server).logins.find(code.login))
    assert (code.status, login.team, sorted(login.scopes), login.kind) == ("approved", team, ["call", "read"], "device")
    browser.open("/device")
    browser.submit("/device", secret=user)
    assert browser.page.status_code == 404  # decided once


@pytest.mark.requirement("pages.device")
def test_a_guest_gives_an_app_no_more_than_seeing_and_calling(server: Any, browser: Browser) -> None:
    device, user = device_code(server, scopes="read call provide manage")
    browser.sign_in("gil@lab.org")
    browser.open("/device")
    browser.submit("/device", secret=user)
    assert [value for name, value in browser.form("/device/decide").fields if name == "scope"] == ["read", "call"]
    assert "It also asked for “Offer functions” and “Manage”" in browser.text
    browser.submit("/device/decide", scope=["read", "provide"], decision="approve")
    assert (browser.page.status_code, "As guest of this team" in browser.text) == (400, True)
    assert on_hub(server, accounts(server).devices.find(device)).status == "pending"


@pytest.mark.requirement("pages.device")
def test_an_app_that_is_denied_gets_nothing(server: Any, browser: Browser) -> None:
    device, user = device_code(server)
    browser.sign_in("mia@lab.org")
    browser.open("/device")
    browser.submit("/device", secret=user.lower())
    browser.submit("/device/decide", decision="deny")
    assert "was turned away" in browser.text
    code = on_hub(server, accounts(server).devices.find(device))
    assert (code.status, code.login) == ("denied", None)
    assert {"device.denied", "device.approved"} & {entry.event for entry in events(server)}


@pytest.mark.requirement("pages.device")
def test_a_team_that_one_does_not_belong_to_can_not_be_chosen(server: Any, browser: Browser) -> None:
    foreign = on_hub(server, accounts(server).people.create_team("foreign", add_person(server, "eve", "guest")))
    device, user = device_code(server)
    browser.sign_in("mia@lab.org")
    browser.open("/device")
    browser.submit("/device", secret=user)
    browser.submit("/device/decide", team=foreign, decision="approve")
    assert (browser.page.status_code, "You do not belong to this team" in browser.text) == (400, True)
    assert on_hub(server, accounts(server).devices.find(device)).status == "pending"


# -- consent ---------------------------------------------------------------------------------------------------------


def authorization(**changed: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 50).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": "arkitekt-next",
        "redirect_uri": "http://127.0.0.1:7777/callback",
        "scope": "read call provide",
        "state": "a state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"/oauth/authorize?{urlencode(asked | changed)}"


def answered(page: httpx2.Response) -> dict[str, list[str]]:
    assert page.status_code == 303
    parts = urlsplit(page.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "http://127.0.0.1:7777/callback"
    return parse_qs(parts.query)


@pytest.mark.requirement("pages.consent")
def test_a_program_gets_a_code_for_what_was_ticked_after_the_sign_in(server: Any, browser: Browser) -> None:
    wanted = authorization()
    browser.open(wanted)
    assert browser.path == "/sign-in"
    browser.submit("/sign-in", email="mia@lab.org", password=PASSWORD)
    assert browser.path == "/oauth/authorize"
    assert "form-action 'self' http://127.0.0.1:7777;" in browser.page.headers["content-security-policy"]
    answer = answered(browser.submit(wanted, scope=["read"], decision="approve"))
    assert answer["state"] == ["a state"]
    code = on_hub(server, accounts(server).codes.find(answer["code"][0]))
    assert sorted(code.scopes) == ["read"]


@pytest.mark.requirement("pages.consent")
def test_a_program_hears_a_no_and_its_own_mistakes(browser: Browser) -> None:
    refused = answered(browser.open(authorization(code_challenge_method="plain")))
    assert refused["error"] == ["invalid_request"]  # before anybody has to sign in
    browser.sign_in("mia@lab.org")
    browser.open(authorization())
    assert answered(browser.submit(authorization(), decision="deny"))["error"] == ["access_denied"]


@pytest.mark.requirement("pages.consent")
def test_a_request_that_is_not_to_be_believed_goes_nowhere(browser: Browser) -> None:
    browser.sign_in("mia@lab.org")
    for changed in ({"redirect_uri": "https://evil.example/callback"}, {"client_id": "unknown"}):
        page = browser.open(authorization(**changed))
        assert (page.status_code, "has to be corrected" in browser.text) == (400, True)


@pytest.mark.requirement("pages.consent")
def test_a_guest_agrees_to_no_more_than_seeing_and_calling(browser: Browser) -> None:
    browser.sign_in("gil@lab.org")
    browser.open(authorization())
    assert [v for name, v in browser.form(authorization()).fields if name == "scope"] == ["read", "call"]
    browser.submit(authorization(), scope=["read", "provide"], decision="approve")
    assert (browser.page.status_code, "As guest" in browser.text) == (400, True)
