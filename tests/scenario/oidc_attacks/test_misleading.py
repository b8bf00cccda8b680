"""A provider, a person or a site that leads astray. Each prints how many tries it made; none may get anybody in."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from arkitekt_next.hub.accounts.oidc.attempts import Purpose, begin
from tests.support.browsing import Browser, forget_tries, is_in, on_hub
from tests.support.hostile import FOREIGN_ORIGINS, TARGETS, TRICKS, leads_to
from tests.support.oidc import attempt_in, census, start
from tests.support.provider import Liar, at_home, sent_to

# -- the provider ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_an_answer_of_another_issuer_is_refused_before_its_code_is_redeemed(
    server: Any, liar: Liar, browser: Browser
) -> None:
    others = ["https://evil.example", f"{liar.issuer}/", liar.issuer.upper(), "", f"{liar.issuer}&iss={liar.issuer}"]
    for says in (False, True):
        server.app.state.hub.provider._metadata = None
        liar.metadata = {"authorization_response_iss_parameter_supported": says}
        for named in [*others, *([None] if says else [])]:
            for answer in ("", "&error=access_denied"):
                start(browser)
                heard = len(liar.heard)
                back = liar.vouch(browser) + answer
                page = browser.open(back if named is None else f"{back}&iss={named}")
                assert (page.status_code, is_in(browser)) == (400, False), named
                assert "/token" not in [path for path, _, _ in liar.heard[heard:]]
        start(browser)
        assert browser.open(f"{liar.vouch(browser)}&iss={quote(liar.issuer, safe='')}").status_code == 200
        browser.submit("/sign-out")
    print(f"\nN = {2 * (2 * len(others)) + 2} answers of another issuer refused")


@pytest.mark.requirement("pages.oidc")
def test_metadata_leads_nobody_elsewhere(server: Any, liar: Liar, browser: Browser) -> None:
    port = liar.issuer.rpartition(":")[2]
    places: list[Any] = [
        "http://evil.example/x",
        f"http://127.0.0.1.evil.example:{port}/x",
        f"http://evil.example@127.0.0.1:{port}/x",
        f"http://127.0.0.1:{port}@evil.example/x",
        f"http://127.0.0.1:{port}\\@evil.example/x",
        f"http://127.0.0.1:{port}/x#fragment",
        f"http://127.0.0.1:{port}/x y",
        f"http://127.0.0.1:{port}/x\r\nHost: evil",
        f"http://2130706433:{port}/x",
        f"http://0.0.0.0:{port}/x",
        f"http://[::]:{port}/x",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1/x",
        "ftp://127.0.0.1/x",
        "javascript:alert(1)",
        "data:application/json,{}",
        "//evil.example/x",
        "/x",
        "",
        None,
        7,
        ["http://127.0.0.1"],
        "http://127.0.0.1/" + "x" * 1000,
    ]
    tries = 0
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        for place in places:
            liar.metadata = {name: place}
            page = browser.open("/oidc/start")
            assert (page.status_code, "not set up well" in browser.text) == (502, True), (name, place)
            assert "arkitekt_attempt" not in page.headers.get("set-cookie", "")
            tries += 1
    for said in ("https://evil.example", f"{liar.issuer}/", "", None, [liar.issuer]):
        liar.metadata = {"issuer": said}
        assert browser.open("/oidc/start").status_code == 502
        tries += 1
    for place in places:  # of this one it does without
        server.app.state.hub.provider._metadata = None
        liar.metadata = {"userinfo_endpoint": place}
        start(browser)
        assert browser.open(liar.vouch(browser, "nameless", name=None)).status_code == 200
        browser.submit("/sign-out")
        tries += 1
    assert {path for path, _, _ in liar.heard} <= {"/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"}
    liar.metadata, liar.userinfo = {}, {"sub": "somebody else", "name": "Evil"}
    server.app.state.hub.provider._metadata = None
    start(browser)
    assert browser.open(liar.vouch(browser, "nameless-2", name=None)).status_code == 400
    print(f"\nN = {tries} addresses elsewhere not followed")


@pytest.mark.requirement("pages.oidc")
def test_an_issuer_elsewhere_leads_to_nothing_on_this_machine() -> None:
    from arkitekt_next.hub.accounts.oidc.exchange import is_address

    issuer = "https://login.lab.org"
    here = [
        "http://localhost/x",
        "http://127.0.0.1/x",
        "https://127.0.0.1/x",
        "https://localhost:8000/x",
        "https://[::1]/x",
    ]
    assert [place for place in [*here, "http://login.lab.org/x"] if is_address(place, issuer=issuer)] == []
    assert is_address("https://keys.lab.org/jwks?v=2", issuer=issuer)


# -- whose account ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_no_address_leads_to_the_account_that_has_it(server: Any, liar: Liar) -> None:
    accounts = server.app.state.hub.accounts
    taken = {name: on_hub(server, accounts.people.find(f"{name}@lab.org")) for name in ("ada", "mia", "vic")}
    addresses = [
        *(f"{name}@lab.org" for name in taken),
        "MIA@LAB.ORG",
        " mia@lab.org ",
        "mia@lab.org\n",
        "Mia@lab.org",
        taken["mia"].id,
        "mia@lab.org\0",
        "mia@lab.org,evil@x.org",
        ["mia@lab.org"],
        {"email": "mia@lab.org"},
        "ｍia@lab.org",
        "mia@ｌab.org",
        "x" * 500 + "@lab.org",
        "no address",
        "",
        7,
    ]
    tries = 0
    for verified in (False, "true", 1, None, ["true"], True):
        for address in [*addresses, "nobodys@x.org"]:
            tries += 1
            liar.tell_truth()
            with at_home(server) as browser:
                start(browser)
                subject = f"thief-{tries}"
                claims = {"email": address, "email_verified": verified, "name": "Thief", "preferred_username": "mia"}
                assert browser.open(liar.vouch(browser, subject, **claims)).status_code == 200
                me = browser.web.get("/api/me").json()["person"]["id"]
            assert me not in {person.id for person in taken.values()}
            known = on_hub(server, accounts.people.find(me))
            assert (known.name, known.is_hub_owner, accounts.people.role_of(accounts.team, me)) == (
                "Thief",
                False,
                "member",
            )
            assert known.email is None or (verified is True and known.email not in {p.email for p in taken.values()})
    for name, person in taken.items():
        assert on_hub(server, accounts.people.find(f"{name}@lab.org")) == person
        assert on_hub(server, accounts.identities.list_of(person.id)) == []
    print(f"\nN = {tries} addresses that opened nobody's account")


@pytest.mark.requirement("pages.oidc")
def test_nobody_is_signed_in_or_linked_as_somebody_else_by_a_planted_answer(
    server: Any, liar: Liar, browser: Browser
) -> None:
    accounts, tries = server.app.state.hub.accounts, 0
    mia = on_hub(server, accounts.people.find("mia@lab.org"))
    with at_home(server) as attacker:
        start(attacker)
        evil = liar.vouch(attacker, "attacker")
        evil_claims, sealed = dict(liar.claims), attempt_in(attacker)
    # The attacker's finished answer, in a browser without an attempt, with its own, signed in, and linking.
    assert (browser.open(evil).status_code, is_in(browser)) == (400, False)
    start(browser)
    assert (browser.open(evil).status_code, is_in(browser)) == (400, False)
    # The attacker's code under the victim's own state: the token is about the attacker's attempt.
    own = asked_of_last(liar, browser)
    liar.claims = evil_claims
    assert (browser.open(own).status_code, is_in(browser)) == (400, False)
    tries += 3
    browser.sign_in("mia@lab.org")
    assert browser.open(evil).status_code == 400
    browser.open("/account")
    browser.submit("/oidc/link")
    own = liar.vouch(browser, "mia-there")
    liar.claims = evil_claims
    assert browser.open(own).status_code == 400
    tries += 2
    # The attacker plants the cookie of their sign-in beside Mia's session: it is no attempt to link.
    browser.web.cookies.set("arkitekt_attempt", sealed, domain="localhost.local", path="/")
    liar.claims = evil_claims
    browser.open(evil)
    assert on_hub(server, accounts.identities.find(liar.issuer, "attacker")) != mia.id
    tries += 1
    # A link that Mia began ends with her session, whoever is signed in by then.
    browser.web.cookies.clear()
    forget_tries(server)
    browser.sign_in("mia@lab.org")
    browser.submit("/oidc/link")
    own = liar.vouch(browser, "mia-there")
    browser.open("/account")
    browser.submit("/sign-out")
    assert (browser.open(own).status_code, is_in(browser)) == (400, False)
    browser.sign_in("mia@lab.org")
    browser.submit("/oidc/link")
    own = liar.vouch(browser, "mia-there")
    browser.open("/account")
    browser.submit("/sign-out")
    browser.sign_in("vic@lab.org")
    assert browser.open(own).status_code == 400
    tries += 2
    assert on_hub(server, accounts.identities.find(liar.issuer, "mia-there")) is None
    assert on_hub(server, accounts.identities.list_of(mia.id)) == []
    hub = server.app.state.hub
    for made in (begin(Purpose.LINK, login=""), begin(Purpose.LINK, login="x"), begin(Purpose.JOIN, invitation="x")):
        browser.web.cookies.set("arkitekt_attempt", hub.attempts.seal(made), domain="localhost.local", path="/")
        liar.claims = {**evil_claims, "sub": "nobody-yet", "nonce": made.nonce}
        assert browser.open(f"/oidc/callback?code=good&state={made.state}").status_code in (400, 404)
        tries += 1
    assert on_hub(server, accounts.identities.find(liar.issuer, "nobody-yet")) is None
    print(f"\nN = {tries} planted answers came to nothing")


def asked_of_last(liar: Liar, browser: Browser) -> str:
    """Begin anew, and give the way back of that attempt."""
    start(browser)
    return liar.vouch(browser, "victim")


@pytest.mark.requirement("pages.oidc", "pages.forgery")
def test_no_other_site_links_or_unlinks_anything(server: Any, liar: Liar, browser: Browser) -> None:
    browser.sign_in("vic@lab.org")
    on_hub(server, _link(server, "vic@lab.org", liar.issuer, "vic-there"))
    csrf = dict(browser.form("/oidc/link").fields)["csrf"]
    before, tries, port = census(server), 0, browser.url.rpartition(":")[2]
    fields = {"issuer": liar.issuer, "subject": "vic-there", "secret": "x"}
    for path in ("/oidc/link", "/oidc/unlink", "/oidc/join"):
        for pattern in FOREIGN_ORIGINS:
            sent = {"origin": pattern.format(port=port)}
            assert browser.web.post(path, data={**fields, "csrf": csrf}, headers=sent).status_code == 403, sent
            tries += 1
        for token in ("", "0" * 64, csrf[:-1], csrf.upper(), "é"):
            answer = browser.web.post(path, data={**fields, "csrf": token}, headers={"origin": browser.url})
            assert answer.status_code == 403, token
            tries += 1
        assert browser.web.get(path).status_code == 405
    assert census(server) == before
    assert not [cookie for cookie in browser.web.cookies.jar if cookie.name == "arkitekt_attempt"]
    with at_home(server) as other:
        other.sign_in("mia@lab.org")
        form = [("csrf", dict(other.form("/oidc/link").fields)["csrf"])]
        for issuer, subject in (
            (liar.issuer, "vic-there"),
            ("", ""),
            (liar.issuer, "\0"),
            ("%", "%"),
            ("' OR 1=1 --", "x"),
        ):
            assert other.post("/oidc/unlink", [*form, ("issuer", issuer), ("subject", subject)]).status_code == 404
            tries += 1
    assert census(server) == before
    print(f"\nN = {tries} forged requests to link and unlink refused")


async def _link(server: Any, email: str, issuer: str, subject: str) -> None:
    accounts = server.app.state.hub.accounts
    await accounts.identities.link(issuer, subject, (await accounts.people.find(email)).id)


# -- staying on site -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc", "pages.stay")
def test_whatever_next_says_the_way_back_leads_to_this_site(server: Any, liar: Liar, browser: Browser) -> None:
    payloads = [trick.format(target) for trick in TRICKS for target in TARGETS[1:4]]
    for payload in payloads:
        leaving = browser.web.get(f"/oidc/start?next={quote(payload, safe='')}")
        assert leads_to(leaving.headers["location"], browser.url) == liar.issuer
        browser.page = leaving
        answer = browser.web.get(liar.vouch(browser))
        assert answer.status_code == 303
        assert leads_to(answer.headers["location"], browser.url) == browser.url, payload
        assert browser.web.get(f"/oidc/start?next={quote(payload, safe='')}").headers["location"].startswith("/")
        browser.web.cookies.clear()
        with httpx2.Client(base_url=server.url) as elsewhere:  # at another name of the hub: first to its own
            location = elsewhere.get(f"/oidc/start?next={quote(payload, safe='')}").headers["location"]
            assert leads_to(location, server.url) == browser.url
    print(f"\nN = {len(payloads)} values of next stay on site")


@pytest.mark.requirement("pages.oidc", "pages.stay")
def test_what_the_provider_says_is_shown_as_text(server: Any, liar: Liar, browser: Browser) -> None:
    evil = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>"
    start(browser)
    page = browser.open(liar.vouch(browser, evil, name=evil))
    assert page.status_code == 200
    said = quote(evil)
    browser.web.cookies.clear()
    asked = start(browser)
    pages = [
        page,
        browser.open(f"/oidc/callback?error={said}&error_description={said}&error_uri={said}&state={asked['state']}"),
    ]
    for shown in pages:
        assert "<img src=x" not in shown.text
        assert "<script>" not in shown.text
        assert "form-action 'self';" in shown.headers["content-security-policy"]
    assert "alert(1)" not in pages[1].text
    browser.web.cookies.clear()
    browser.sign_in("ada@lab.org")
    leaving = browser.submit("/oidc/link")
    assert leads_to(sent_to(browser), browser.url) == liar.issuer
    assert "form-action 'self';" in leaving.headers["content-security-policy"]
    print(f"\nN = {len(pages) + 1} pages looked at")
