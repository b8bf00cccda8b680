"""Attacks on the pages and the browser's session. Each prints how many tries it made; none may get through."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpx2
import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.accounts import throttle
from arkitekt_next.hub.core.route import Route
from arkitekt_next.hub.pages.route import PageRoute
from tests.support.browsing import (
    PASSWORD,
    Browser,
    add_person,
    csrf_of,
    device_code,
    forget_tries,
    on_hub,
    set_up_owner,
)

FOREIGN_ORIGINS = (
    "null",
    "http://evil.example",
    "https://evil.example",
    "http://evil.example:{port}",
    "http://localhost",
    "https://localhost",
    "http://localhost:1",
    "https://localhost:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost.evil.example:{port}",
    "http://127.0.0.1.evil.example:{port}",
    "http://evil.example@localhost:{port}",
    "http://localhost:{port}@evil.example",
    "http://localhost:{port}/",
    "http://localhost:{port}#",
    "http://localhost:0{port}",
    "//localhost:{port}",
    "localhost:{port}",
    "ftp://localhost:{port}",
    "file://",
    "http://[::1",
    "http://127.1:{port}",
    "http://2130706433:{port}",
    "http://0x7f000001:{port}",
    "chrome-extension://abcdefghijklmnop",
    "http://rebound.example:{port}",
    "http://lab:{port}",
    "moz-extension://0",
)
HOSTS = (
    "localhost:{port}",
    "127.0.0.1:{port}",
    "[::1]:{port}",
    "LOCALHOST:{port}",
    "evil.example:{port}",
    "evil.example",
    "rebound.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "lab:{port}",
    "rebound.example@localhost:{port}",
)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        set_up_owner(running)
        for name in ("mia", "vic"):
            add_person(running, name, "member")
        yield running


@pytest.fixture
def owner(server: Any) -> Iterator[Browser]:
    """The browser of the hub's owner, signed in."""
    with Browser(server.url) as browser:
        forget_tries(server)
        browser.sign_in("ada@lab.org")
        yield browser


def port_of(server: Any) -> str:
    return str(server.url.rsplit(":", 1)[1])


def audit_length(server: Any) -> int:
    return int(on_hub(server, server.app.state.hub.accounts.audit.verify())[0])


async def upgrade(server: Any, *, host: str, origin: str | None, cookie: str) -> int:
    """Ask for a websocket as a browser does; give the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(port_of(server)))
    lines = ["GET /ws HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", f"Cookie: {cookie}"]
    lines += [f"Origin: {origin}"] if origin is not None else []
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)).decode()
    writer.close()
    return int(head.split()[1])


# -- other sites -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.forgery")
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_no_foreign_origin_and_no_rebound_name_can_write_or_connect(host: str) -> None:
    with (
        serve(log_level="error", host=host, insecure=True) as server,
        Browser(f"http://127.0.0.1:{port_of(server)}") as browser,
    ):
        set_up_owner(server)
        browser.sign_in("ada@lab.org")
        csrf, session = csrf_of(browser), f"arkitekt_page={browser.cookie()}"
        before, tries = audit_length(server), 0
        for origin_pattern in FOREIGN_ORIGINS:
            for host_pattern in HOSTS:
                origin = origin_pattern.format(port=port_of(server))
                named = host_pattern.format(port=port_of(server))
                sent = {"host": named, "origin": origin}
                form = browser.web.post("/team/leave", data={"csrf": csrf}, headers=sent)
                api = browser.web.post("/api/account/link", headers={**sent, "x-arkitekt-csrf": csrf})
                socket = asyncio.run(upgrade(server, host=named, origin=origin, cookie=session))
                assert {form.status_code, api.status_code, socket} <= {403, 421}, (origin, named)
                tries += 3
        assert audit_length(server) == before
        own = f"http://127.0.0.1:{port_of(server)}"
        assert asyncio.run(upgrade(server, host=own[7:], origin=own, cookie=session)) == 101
        assert asyncio.run(upgrade(server, host=own[7:], origin=None, cookie=session)) == 403
        print(
            f"\n{tries} requests of {len(FOREIGN_ORIGINS)} origins to {len(HOSTS)} hosts refused (listening on {host})"
        )
        assert len(FOREIGN_ORIGINS) >= 20
        assert len(HOSTS) >= 10


@pytest.mark.requirement("pages.forgery")
def test_a_rebound_name_that_is_its_own_origin_is_nobody(server: Any, owner: Browser) -> None:
    tries = 0
    for name in ("evil.example", "rebound.example", "lab", "localhost.evil.example", "127.0.0.1.nip.example"):
        for scheme in ("http", "https"):
            authority = f"{name}:{port_of(server)}"
            sent = {"host": authority, "origin": f"{scheme}://{authority}"}
            assert owner.web.post("/sign-out", data={"csrf": csrf_of(owner)}, headers=sent).status_code == 421
            assert owner.web.get("/", headers={"host": authority}).status_code == 421
            tries += 2
    assert owner.open("/").url.path == "/"
    print(f"\n{tries} requests under rebound names refused")


@pytest.mark.requirement("pages.forgery")
def test_every_route_that_writes_asks_for_the_token_of_its_session(server: Any, owner: Browser) -> None:
    with Browser(server.url) as other, Browser(server.url) as visitor:
        other.sign_in("mia@lab.org")
        visitor.open("/sign-in")
        wrong = ["", "0" * 64, csrf_of(owner)[:-1], csrf_of(other), visitor.form("/sign-in").fields[0][1], "ü" * 9]
    before, tries = audit_length(server), 0
    routes = [route for route in server.app.routes if isinstance(route, Route) and "GET" not in (route.methods or ())]
    routes = [route for route in routes if isinstance(route, PageRoute) or route.rule.verb is not None]
    for route in routes:
        path = re.sub(r"\{[^}]*\}", "0a", route.path)
        (method,) = route.methods or ()
        for token in wrong:
            if isinstance(route, PageRoute):
                answer = owner.web.request(method, path, data={"csrf": token}, headers={"origin": owner.url})
                assert (answer.status_code, "out of date" in answer.text) == (403, True), route.path
            else:
                headers = {b"origin": owner.url.encode(), b"x-arkitekt-csrf": token.encode()}
                answer = owner.web.request(method, path, json={}, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted"), route.path
            tries += 1
        for headers in (
            {},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "none"},
        ):
            sent = {**headers, "x-arkitekt-csrf": csrf_of(owner)}
            if isinstance(route, PageRoute):
                answer = owner.web.request(method, path, data={"csrf": csrf_of(owner)}, headers=sent)
                assert (answer.status_code, "Another site has sent this" in answer.text) == (403, True), route.path
            else:
                assert owner.web.request(method, path, json={}, headers=sent).status_code == 403, route.path
            tries += 1
    assert audit_length(server) == before
    assert owner.open("/").url.path == "/"
    pages = sum(isinstance(route, PageRoute) for route in routes)
    print(f"\n{tries} forged requests to {len(routes)} writing routes ({pages} of them pages) refused")


@pytest.mark.requirement("pages.forgery")
def test_a_form_before_the_sign_in_needs_the_visit_it_was_made_for(server: Any) -> None:
    paths = (
        "/sign-in",
        "/sign-in/passkey",
        "/sign-in/passkey/answer",
        "/setup",
        "/setup/account",
        "/invite",
        "/invite/account",
        "/invite/sign-in",
        "/enter",
        "/oidc/join",
    )
    tries = 0
    with Browser(server.url) as first, Browser(server.url) as second:
        first.open("/sign-in")
        second.open("/sign-in")
        token = dict(first.form("/sign-in").fields)["csrf"]
        made_up = f"arkitekt_visit={'a' * 32}.{'0' * 64}"
        for path in paths:
            fields = {"csrf": token, "email": "ada@lab.org", "password": PASSWORD, "secret": "x"}
            for cookie in (second.cookie("arkitekt_visit"), None):
                headers = {"origin": server.url} | ({"cookie": f"arkitekt_visit={cookie}"} if cookie else {})
                assert httpx2.post(f"{server.url}{path}", data=fields, headers=headers).status_code == 403, path
                tries += 1
            headers = {"origin": server.url, "cookie": made_up}
            assert httpx2.post(f"{server.url}{path}", data=fields, headers=headers).status_code == 403, path
            tries += 1
    print(f"\n{tries} forms of another visit refused")


@pytest.mark.requirement("pages.forgery")
def test_another_site_can_not_read_by_the_cookie_either(owner: Browser) -> None:
    for site in ("cross-site", "same-site"):
        assert owner.web.get("/api/me", headers={"sec-fetch-site": site}).status_code == 403
    for headers in ({}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}):
        answer = owner.web.get("/api/me", headers=headers)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers


# -- staying on site -------------------------------------------------------------------------------------------------

TARGETS = ("evil.example", "evil.example/path", "user@evil.example", "127.0.0.1:1", "localhost:1")
TRICKS = (
    "http://{}", "https://{}", "HTTP://{}", "//{}", "///{}", "////{}", "\\\\{}", "/\\{}", "\\/{}", "/\\/{}", "/%5c{}",
    "/%2f{}", "/%2F%2F{}", "/\t/{}", "/\n/{}", "/\r/{}", "\t//{}", " //{}", "/%09/{}", "/%0a/{}", "/%0d%0aLocation: http://{}",
    "javascript:alert(1)//{}", "data:text/html,{}", "http:{}", "http:/{}", "https:///{}", ".{}", "@{}", "/.//{}", "//{}/%2e%2e",
    "/x/..//{}", "／／{}", "/​/{}", "http://{}#/", "vbscript:{}", "//{}\\@localhost", "/;@{}", "/@{}", "/a?b=//{}", "/..//{}",
)  # fmt: skip


def leads_to(location: str, base: str) -> str:
    """Give the origin a browser goes to: it takes \\ for / and drops tabs and line ends. Source: WHATWG URL §4.4."""
    read = re.sub(r"[\t\n\r]", "", location.strip()).replace("\\", "/")
    if re.match(r"/{2,}", read):
        read = "//" + read.lstrip("/")
    parts = urlsplit(urljoin(base, read))
    return f"{parts.scheme}://{parts.netloc}"


@pytest.mark.requirement("pages.stay")
def test_whatever_next_says_the_sign_in_leads_to_this_site(server: Any, owner: Browser) -> None:
    payloads = [trick.format(target) for trick in TRICKS for target in TARGETS]
    followed = 0
    for payload in payloads:
        answer = owner.web.get(f"/sign-in?next={quote(payload, safe='')}")  # signed in, so it redirects at once
        location = answer.headers["location"]
        assert answer.status_code == 303
        assert leads_to(location, server.url) == server.url, payload
        followed += location != "/"
    with Browser(server.url) as browser:
        for payload in payloads[:: len(payloads) // 20]:
            forget_tries(server)
            browser.web.cookies.clear()
            browser.open("/sign-in")
            form = dict(browser.form("/sign-in").fields)
            fields = form | {"next": payload, "email": "mia@lab.org", "password": PASSWORD}
            answer = browser.web.post("/sign-in", data=fields, headers={"origin": server.url})
            assert answer.status_code == 303, answer.text
            assert leads_to(answer.headers["location"], server.url) == server.url, payload
    assert len(payloads) >= 100
    print(f"\n{len(payloads)} values of next stay on site ({followed} of them as a path of it)")


@pytest.mark.requirement("pages.stay")
def test_no_page_can_be_framed_or_runs_a_script_that_is_not_ours(server: Any, owner: Browser) -> None:
    shown = [owner.web.get(path) for path in ("/", "/device", "/setup", "/invite", "/enter", "/sign-in?next=/x")]
    shown += [
        httpx2.get(f"{server.url}{path}") for path in ("/sign-in", "/setup", "/invite", "/enter", "/static/nothing")
    ]
    shown.append(owner.web.post("/team/leave", headers={"origin": "http://evil.example"}))
    for page in shown:
        headers = page.headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        if page.status_code == 303:
            continue
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        assert re.findall(r"<script(?![^>]* src=\"/static/)|\sstyle=|\son[a-z]+=|<style|javascript:", page.text) == []
        assert re.findall(r"(?:href|src|action)=\"(?!/[^/]|#)", page.text) == []
    print(f"\n{len(shown)} pages looked at")


@pytest.mark.requirement("pages.stay")
def test_what_others_have_named_is_shown_as_text(server: Any, owner: Browser) -> None:
    evil = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>"
    accounts = server.app.state.hub.accounts
    made = accounts.devices.create(client="arkitekt-next", app=evil, version=evil, machine=evil, scopes=["read"])
    _, user = on_hub(server, made)
    owner.open("/device")
    owner.submit("/device", secret=user)
    assert owner.page.status_code == 200
    login = accounts.logins.begin(
        team=accounts.team, person=accounts.owner, app=evil, kind="device", scopes=["read"], machine=evil, version=evil
    )
    on_hub(server, login)
    pages = [owner.page, owner.open("/"), owner.web.get("/sign-in?next=%22%3E%3Cscript%3E")]
    for page in pages:
        assert "<img src=x" not in page.text
        assert "<script>" not in page.text


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
        assert home.path == "/"
        home.submit("/sign-out")
        known = home.cookie("arkitekt_known")
        stranger.web.cookies.set("arkitekt_known", f"{known[:-1]}{'0' if known[-1] != '0' else '1'}")  # type: ignore[index]
        assert stranger.sign_in("vic@lab.org").status_code == 429
        tried = [home.sign_in("vic@lab.org", f"guess {number}").status_code for number in range(12)]
        assert tried == [401] * 10 + [429] * 2  # and nobody guesses more by it
    forget_tries(server)


@pytest.mark.requirement("pages.invite")
def test_an_invitation_for_one_makes_one_account_however_many_send_it_at_once(server: Any, owner: Browser) -> None:
    owner.open("/")
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
