"""How people get in by the pages, as a browser's requests see it: setting up, doors, sessions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from arkitekt_next.embedded import find_hub, page_link, serve, setup_link
from arkitekt_next.errors import NotPermitted
from arkitekt_next.hub.accounts import proofs
from tests.support.browsing import PASSWORD, START, Browser, accounts, add_person, csrf_of, events, on_hub, set_up_owner
from tests.support.raw import sign_in

# -- setting up ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.setup")
def test_a_new_hub_gives_its_machine_a_link_that_sets_up_the_owner_once(fresh: Any) -> None:
    found = find_hub(fresh.folder)
    assert found is not None
    older, link = setup_link(found), setup_link(found)
    assert older is not None
    assert link is not None
    with Browser(fresh.url) as browser:
        assert browser.open("/").url.path == "/sign-in"
        browser.open("/setup")
        browser.submit("/setup", secret=older)
        assert browser.page.status_code == 404  # a newer link replaces it
        browser.submit("/setup", secret=link)
        browser.submit("/setup/account", name="Ada", email="not an address", password=PASSWORD)
        assert (browser.page.status_code, "should look like ada@lab.org" in browser.text) == (400, True)
        browser.submit("/setup/account", email="ada@lab.org", password="1111111111111")
        assert "not the same few again" in browser.text
        browser.submit("/setup/account", email="Ada@Lab.org", password=PASSWORD)
        browser.to_account()
        assert "You are an owner here" in browser.text
    with Browser(fresh.url) as second:
        second.open("/setup")
        second.submit("/setup", secret=link)
        assert (second.page.status_code, "This link no longer works" in second.text) == (404, True)
        assert second.sign_in("ada@lab.org").status_code == 200
    assert setup_link(found) is None
    assert {"account.link_created", "account.set_up", "page.signed_in"} <= {entry.event for entry in events(fresh)}


@pytest.mark.requirement("pages.setup", "pages.session")
def test_a_new_password_ends_the_browsers_that_had_the_old_one(server: Any, browser: Browser) -> None:
    person = add_person(server, "rita", "member")
    browser.sign_in("rita@lab.org")
    secret = on_hub(server, accounts(server).links.create(person))
    with Browser(server.url) as other:
        other.open("/setup")
        other.submit("/setup", secret=f"{server.url}/setup#{secret}")
        assert "Choose a new password" in other.text
        other.submit("/setup/account", password="an entirely new one")
        assert other.path == START
        assert browser.open("/account").url.path == "/sign-in"
        assert browser.sign_in("rita@lab.org").status_code == 401
        assert browser.sign_in("rita@lab.org", "an entirely new one").status_code == 200


@pytest.mark.requirement("pages.open")
def test_the_owner_gets_in_by_a_door_that_opens_once(fresh: Any) -> None:
    found = find_hub(fresh.folder)
    assert found is not None
    link = page_link(found)
    assert urlsplit(link).path == "/enter"
    for attempt, status in enumerate((200, 404)):
        with Browser(fresh.url) as browser:
            browser.open("/enter")
            browser.submit("/enter", secret=link)
            assert browser.page.status_code == status
            if attempt == 0:
                browser.to_account()
                browser.submit("/setup/begin")
                browser.submit("/setup/account", name="Ada", email="ada@lab.org", password=PASSWORD)
                browser.to_account()
                assert "You have no password yet" not in browser.text


@pytest.mark.requirement("pages.open", "pages.session")
def test_a_session_that_is_not_fresh_sets_no_first_password(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_hub(fresh.folder)
    assert found is not None
    with Browser(fresh.url) as browser:
        browser.open("/enter")
        browser.submit("/enter", secret=page_link(found))
        browser.to_account()
        later = proofs.monotonic() + 601
        monkeypatch.setattr(proofs, "monotonic", lambda: later)
        browser.submit("/setup/begin")
        assert browser.page.status_code == 403
        assert "it is a while since you signed in" in browser.text


@pytest.mark.requirement("pages.open")
def test_only_the_local_sign_in_gets_a_link_to_the_account(server: Any) -> None:
    hub = server.app.state.hub

    async def remote() -> str:
        login = await hub.accounts.logins.begin(
            team=hub.accounts.team, person=hub.accounts.owner, app="far", kind="device", scopes=["read", "manage"]
        )
        return str(await hub.accounts.logins.issue_access(login))

    token = on_hub(server, remote())
    local = sign_in(server.url, server.folder, "near")
    for path in ("/api/account/link", "/api/account/page-link"):
        answers = [
            httpx2.post(f"{server.url}{path}", headers={"authorization": f"Bearer {text}"}) for text in (token, local)
        ]
        assert [answer.status_code for answer in answers] == [403, 200], path
        assert answers[0].json()["code"] == NotPermitted.code


# -- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.session")
def test_a_session_opens_pages_and_api_until_it_is_signed_out(server: Any, browser: Browser) -> None:
    assert browser.sign_in("mia@lab.org").status_code == 200
    token = browser.cookie()
    assert token is not None
    me = browser.web.get("/api/me").json()
    assert (me["person"]["name"], me["role"], me["app"]) == ("Mia", "member", "page")
    with_header = httpx2.get(f"{server.url}/api/me", headers={"authorization": f"Bearer {token}"})
    assert with_header.status_code == 401  # a page's token is no bearer token
    browser.submit("/sign-out")
    assert (browser.path, browser.cookie()) == ("/sign-in", None)
    for answer in (
        httpx2.get(f"{server.url}/api/me", headers={"cookie": f"arkitekt_page={token}"}),
        httpx2.get(f"{server.url}/account", headers={"cookie": f"arkitekt_page={token}"}),
    ):
        assert answer.status_code in (401, 303)
    assert "page.signed_out" in [entry.event for entry in events(server)]


@pytest.mark.requirement("pages.session")
def test_the_cookie_is_kept_from_scripts_and_other_sites(server: Any, browser: Browser) -> None:
    browser.open("/sign-in")
    form = dict(browser.form("/sign-in").fields) | {"email": "mia@lab.org", "password": PASSWORD}
    given = browser.web.post("/sign-in", data=form, headers={"origin": server.url}).headers.get_list("set-cookie")
    (session,) = [cookie for cookie in given if cookie.startswith("arkitekt_page=")]
    parts = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=1209600"} <= parts


@pytest.mark.requirement("pages.session")
def test_a_hub_with_tls_ties_its_cookies_to_host_and_tls() -> None:
    with serve(log_level="error", public_url="https://lab.example.org") as running:
        set_up_owner(running)
        web = httpx2.Client(base_url=running.url, headers={"origin": "https://lab.example.org"})
        first = web.get("/sign-in")
        visit = first.headers["set-cookie"]
        assert visit.startswith("__Host-arkitekt_visit=")
        assert "; Secure" in visit
        page = Browser(running.url)
        page.page = first
        form = dict(page.form("/sign-in").fields) | {"email": "ada@lab.org", "password": PASSWORD}
        answer = web.post("/sign-in", data=form, headers={"cookie": visit.partition(";")[0]})
        given = [c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-arkitekt_page=")]
        assert len(given) == 1
        assert "; Secure" in given[0]


@pytest.mark.requirement("pages.open", "pages.session")
def test_the_owner_gets_into_a_hub_that_made_its_own_certificate() -> None:
    with serve(log_level="error", host="0.0.0.0") as running:
        found = find_hub(running.folder)
        assert found is not None
        link = page_link(found)
        assert link.startswith(f"{found.public_url}/enter#")
        port = running.url.rsplit(":", 1)[1]
        for address in (found.url, f"https://localhost:{port}", f"https://127.0.0.1:{port}"):
            link = page_link(found)
            with Browser(address) as browser, httpx2.Client(base_url=address, verify=False) as web:
                browser.web = web
                browser.open("/enter")
                browser.submit("/enter", secret=link)
                assert (browser.page.status_code, browser.path) == (200, START), address
                assert browser.cookie("__Host-arkitekt_page") is not None


@pytest.mark.requirement("pages.session")
def test_who_needs_a_session_comes_back_to_where_they_wanted_to_go(browser: Browser) -> None:
    browser.open("/device")
    assert (browser.path, browser.page.url.params["next"]) == ("/sign-in", "/device")
    browser.submit("/sign-in", email="mia@lab.org", password=PASSWORD)
    assert browser.path == "/device"
    assert browser.open("/sign-in?next=/device").url.path == "/device"  # signed in already


@pytest.mark.requirement("pages.session")
def test_unknown_address_and_wrong_password_are_answered_alike(server: Any) -> None:
    answers = []
    for email, password in (("mia@lab.org", "wrong password"), ("nobody@lab.org", PASSWORD)):
        with Browser(server.url) as browser:
            browser.sign_in(email, password)
            answers.append((browser.page.status_code, browser.text))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


@pytest.mark.requirement("pages.session")
def test_a_disabled_account_is_out_at_once(server: Any, browser: Browser) -> None:
    person = add_person(server, "dora", "member")
    browser.sign_in("dora@lab.org")
    on_hub(server, accounts(server).disable(person))
    assert browser.open("/account").url.path == "/sign-in"
    assert browser.sign_in("dora@lab.org").status_code == 401


@pytest.mark.requirement("pages.session")
def test_the_page_may_write_by_the_api_with_its_token(server: Any, browser: Browser) -> None:
    browser.sign_in("ada@lab.org")
    headers = {"origin": server.url, "x-arkitekt-csrf": csrf_of(browser)}
    answer = browser.web.post("/api/tasks", json={"action": "no.such"}, headers=headers)
    assert answer.status_code == 404  # it was let in, and there is no such function
    assert browser.web.post("/api/tasks", json={"action": "no.such"}, headers={"origin": server.url}).status_code == 403
