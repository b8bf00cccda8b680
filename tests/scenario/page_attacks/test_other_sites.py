"""Attacks on the pages from other sites. Each prints how many tries it made; none may get through."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.route import Route
from arkitekt_next.hub.pages.route import PageRoute
from tests.support.browsing import PASSWORD, Browser, csrf_of, forget_tries, on_hub, set_up_owner
from tests.support.hostile import FOREIGN_ORIGINS, HOSTS, TARGETS, TRICKS, leads_to


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
    assert owner.open("/account").url.path == "/account"
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
    assert owner.open("/account").url.path == "/account"
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
    shown = [
        owner.web.get(path) for path in ("/", "/account", "/device", "/setup", "/invite", "/enter", "/sign-in?next=/x")
    ]
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
    pages = [owner.page, owner.open("/account"), owner.web.get("/sign-in?next=%22%3E%3Cscript%3E")]
    for page in pages:
        assert "<img src=x" not in page.text
        assert "<script>" not in page.text
