"""Guessing passwords and codes, and planting sessions. Each prints how many tries it made; none may get through."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from arkitekt_next.hub.accounts import throttle
from tests.support.browsing import PASSWORD, Browser, csrf_of, device_code, forget_tries, on_hub

# -- guessing --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.guessing")
def test_a_password_is_tried_ten_times_however_many_try_at_once(server: Any) -> None:
    forget_tries(server)

    def guess(number: int) -> tuple[int, str | None]:
        with Browser(server.url) as browser:
            browser.open("/sign-in")
            answer = browser.submit("/sign-in", email="vic@lab.org", password=f"guess number {number}")
            return answer.status_code, answer.headers.get("retry-after")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(60)))
    statuses = [status for status, _ in answers]
    assert (statuses.count(401), statuses.count(429)) == (10, 50)
    assert all(1 <= int(after or 0) <= 60 for status, after in answers if status == 429)
    with Browser(server.url) as browser:
        assert browser.sign_in("vic@lab.org").status_code == 429  # even the right one waits
        assert browser.sign_in("mia@lab.org", "another account").status_code == 429  # and so does this address
        assert "Please wait" in browser.text
    print(f"\n{len(answers)} guesses, {statuses.count(401)} of them looked at")


@pytest.mark.requirement("pages.guessing")
def test_a_strangers_guesses_do_not_lock_people_out_where_they_have_signed_in_before(server: Any) -> None:
    forget_tries(server)
    with Browser(server.url) as home, Browser(server.url) as cafe, Browser(server.url) as stranger:
        home.sign_in("vic@lab.org")
        home.submit("/sign-out")
        transport = httpx2.HTTPTransport(local_address="127.0.0.2")
        stranger.web = httpx2.Client(base_url=server.url, timeout=20, transport=transport)
        guesses = [stranger.sign_in("vic@lab.org", f"guess {number}").status_code for number in range(12)]
        assert guesses == [401] * 10 + [429] * 2
        assert cafe.sign_in("vic@lab.org").status_code == 429
        assert home.sign_in("vic@lab.org").status_code == 200
        assert home.path == "/account"
        home.submit("/sign-out")
        known = home.cookie("arkitekt_known")
        stranger.web.cookies.set("arkitekt_known", f"{known[:-1]}{'0' if known[-1] != '0' else '1'}")  # type: ignore[index]
        assert stranger.sign_in("vic@lab.org").status_code == 429
        tried = [home.sign_in("vic@lab.org", f"guess {number}").status_code for number in range(12)]
        assert tried == [401] * 10 + [429] * 2  # and nobody guesses more by it
    forget_tries(server)


@pytest.mark.requirement("pages.invite")
def test_an_invitation_for_one_makes_one_account_however_many_send_it_at_once(server: Any, owner: Browser) -> None:
    owner.open("/account")
    owner.submit("/invitations", role="member")
    shown = re.search(r"/invite#([A-Za-z0-9_-]{43})", owner.page.text)
    assert shown is not None
    browsers = [Browser(server.url) for _ in range(6)]
    for browser in browsers:
        browser.open("/invite")
        browser.submit("/invite", secret=shown[1])

    def join(number: int) -> int:
        browser = browsers[number]
        made = browser.submit("/invite/account", name=f"One {number}", email=f"one{number}@lab.org", password=PASSWORD)
        return made.status_code

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(join, range(6)))
    people = on_hub(server, server.app.state.hub.accounts.people.everybody())
    assert statuses == [200] + [404] * 5
    assert len([person for person in people if (person.email or "").startswith("one")]) == 1
    for browser in browsers:
        browser.web.close()


@pytest.mark.requirement("pages.guessing")
def test_after_the_burst_one_try_a_minute_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    from arkitekt_next.errors import HubBusy

    now = 1000.0
    monkeypatch.setattr(throttle, "monotonic", lambda: now)
    held, passed, tries = throttle.Throttle(), 0, 0
    for _ in range(24 * 3600):
        now += 1
        for key in ("account victim", "account other"):
            tries += 1
            try:
                held.take(key, "address 10.0.0.1")
            except HubBusy:
                continue
            passed += 1
    assert passed <= 10 + 24 * 60 + 1
    print(f"\n{tries} guesses in a simulated day, {passed} let through")


@pytest.mark.requirement("pages.guessing")
def test_signing_in_oneself_gives_no_more_guesses_at_others(server: Any) -> None:
    forget_tries(server)
    statuses = []
    with Browser(server.url) as browser:
        for number in range(14):
            browser.web.cookies.clear()
            browser.sign_in("mia@lab.org")
            browser.web.cookies.clear()
            statuses.append(browser.sign_in("vic@lab.org", f"guess number {number}").status_code)
    assert statuses == [401] * 10 + [429] * 4


@pytest.mark.requirement("pages.guessing")
def test_a_typed_code_is_tried_ten_times_however_it_is_sent(server: Any) -> None:
    forget_tries(server)
    _, user = device_code(server)
    with Browser(server.url) as browser:
        browser.sign_in("mia@lab.org")
        csrf, statuses = csrf_of(browser), []
        for number in range(12):
            browser.open("/device")
            browser.submit("/device", secret=user)  # a right one between them gives none back
            code = f"BCDF-GH{'BCDFGHJKLMNP'[number]}J"
            if number % 2:
                statuses.append(browser.post("/device", [("csrf", csrf), ("secret", code)]).status_code)
            else:
                fields = [("csrf", csrf), ("code", code), ("decision", "approve"), ("scope", "read")]
                statuses.append(browser.post("/device/decide", fields).status_code)
    assert statuses == [404] * 10 + [429] * 2
    print(f"\n{len(statuses)} codes typed, {statuses.count(404)} of them looked up")
    forget_tries(server)


# -- sessions --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.session")
def test_a_session_that_was_planted_before_the_sign_in_is_worth_nothing(server: Any) -> None:
    forget_tries(server)
    with Browser(server.url) as attacker, Browser(server.url) as victim:
        attacker.sign_in("mia@lab.org")
        planted = [str(attacker.cookie()), "a" * 43, ""]
        for token in planted:
            victim.web.cookies.clear()
            victim.web.cookies.set("arkitekt_page", token)
            victim.open("/sign-in?next=/device")
            if victim.path == "/device":  # the attacker's session shows; the victim signs out of it and in again
                victim.submit("/sign-out")
                victim.open("/sign-in")
            victim.submit("/sign-in", email="vic@lab.org", password=PASSWORD)
            given = next(cookie.value for cookie in victim.web.cookies.jar if cookie.value not in ("", token))
            assert given not in planted
            name = httpx2.get(f"{server.url}/api/me", headers={"cookie": f"arkitekt_page={given}"}).json()["person"]
            assert name["name"] == "Vic"
            for old in filter(None, planted):
                stale = httpx2.get(f"{server.url}/api/me", headers={"cookie": f"arkitekt_page={old}"})
                assert stale.status_code == 401
    print(f"\n{len(planted)} planted sessions came to nothing")


@pytest.mark.requirement("pages.session")
def test_each_sign_in_is_a_new_session_and_ends_the_one_before_it(server: Any) -> None:
    forget_tries(server)
    tokens: list[str] = []
    with Browser(server.url) as browser:
        browser.sign_in("mia@lab.org")
        for _ in range(5):
            tokens.append(str(browser.cookie()))
            link = on_hub(server, server.app.state.hub.accounts.links.create(_person(server, "mia")))
            browser.open("/setup")
            browser.submit("/setup", secret=link)
            browser.submit("/setup/account", password=PASSWORD)
        tokens.append(str(browser.cookie()))
    assert len(set(tokens)) == 6
    alive = [httpx2.get(f"{server.url}/api/me", headers={"cookie": f"arkitekt_page={t}"}).status_code for t in tokens]
    assert alive == [401] * 5 + [200]


def _person(server: Any, name: str) -> str:
    return str(on_hub(server, server.app.state.hub.accounts.people.find(f"{name}@lab.org")).id)
