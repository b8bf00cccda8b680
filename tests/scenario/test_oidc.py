"""Signing in with an OpenID Connect provider that was not written here, as a browser's requests see it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt import algorithms
from jwt import encode as encode_token

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from arkitekt_next.errors import RequestRefused
from arkitekt_next.hub.accounts import proofs
from arkitekt_next.hub.accounts.identities import Identities
from arkitekt_next.hub.accounts.oidc.provider import Profile
from arkitekt_next.hub.core.config import HubSettings
from tests.support.browsing import Browser, accounts, add_person, events, on_hub, set_up_owner
from tests.support.provider import (
    CLIENT,
    SECRET,
    Liar,
    agree,
    asked_of,
    at_home,
    independent_provider,
    known_there,
    lying_provider,
    new_key,
    public_jwk,
    sent_to,
    sign_in_there,
    told_of,
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with independent_provider() as running:
        yield running


@pytest.fixture(scope="module")
def server(issuer: str) -> Iterator[Any]:
    """A hub where newcomers need an invitation. Ada is its owner, Mia a member."""
    with serve(**told_of(issuer, oidc_name="Lab login")) as running:
        set_up_owner(running)
        add_person(running, "mia", "member")
        yield running


@pytest.fixture(scope="module")
def open_server(issuer: str) -> Iterator[Any]:
    """A hub whose team everybody joins whom the provider knows. Ada is its owner."""
    with serve(**told_of(issuer, oidc_team="home", oidc_role="member")) as running:
        set_up_owner(running)
        yield running


@pytest.fixture
def browser(server: Any) -> Iterator[Browser]:
    with at_home(server) as opened:
        yield opened


@pytest.fixture
def liar() -> Iterator[Liar]:
    with lying_provider() as running:
        yield running


def people(server: Any) -> dict[str, Any]:
    return {person.name: person for person in on_hub(server, accounts(server).people.everybody())}


def opens(server: Any, issuer: str, subject: str) -> str | None:
    """Give whose account an identity opens."""
    found: str | None = on_hub(server, accounts(server).identities.find(issuer, subject))
    return found


def invite(server: Any, role: str = "member", uses: int = 1) -> str:
    """Make an invitation; give its secret."""
    hub = server.app.state.hub
    who = on_hub(server, hub.accounts.logins.issue(team=hub.accounts.team, person=hub.accounts.owner, app="t"))[1]
    made = hub.accounts.invitations.create(who, Role(role), expires_s=600, uses=uses)
    return str(on_hub(server, made)[1])


def join_there(browser: Browser, secret: str, subject: str) -> httpx2.Response:
    """Accept an invitation with the provider."""
    browser.open("/invite")
    browser.submit("/invite", secret=secret)
    browser.submit("/oidc/join")
    return browser.open(agree(browser, subject))


def link_there(browser: Browser, subject: str) -> httpx2.Response:
    """Link an account of the provider from the home page."""
    browser.open("/")
    browser.submit("/oidc/link")
    return browser.open(agree(browser, subject))


# -- coming in -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_who_links_an_account_signs_in_with_it_from_then_on(server: Any, issuer: str, browser: Browser) -> None:
    browser.sign_in("mia@lab.org")
    browser.submit("/oidc/link")
    assert asked_of(browser)["prompt"] == "login"  # on a shared machine somebody else may be signed in there
    assert browser.open(agree(browser, "mia-there")).status_code == 200
    assert (browser.path, "Lab login" in browser.text, "mia-there · linked just now" in browser.text) == (
        "/",
        True,
        True,
    )
    browser.submit("/sign-out")
    assert "Sign in with Lab login" in browser.text
    planted = browser.cookie()
    assert sign_in_there(browser, "mia-there", next="/device").url.path == "/device"
    assert "Mia Sign out" in browser.text
    assert browser.cookie() not in (None, planted)
    assert browser.web.get("/api/me").json()["person"]["id"] == people(server)["Mia"].id
    assert browser.web.cookies.get("arkitekt_attempt") is None
    noted = [entry for entry in events(server) if entry.event in ("identity.linked", "page.signed_in")]
    assert noted[0].data == {"by": issuer}
    assert any(entry.event == "identity.linked" and entry.person == people(server)["Mia"].id for entry in noted)


@pytest.mark.requirement("pages.oidc")
def test_somebody_unknown_learns_how_to_get_an_account_and_gets_none(
    server: Any, issuer: str, browser: Browser
) -> None:
    before = people(server)
    page = sign_in_there(browser, "stranger")
    assert (page.status_code, browser.cookie()) == (403, None)
    assert "Ask somebody of the team for an invitation" in browser.text
    assert "Sign in with its password, then link Lab login" in browser.text
    assert 'href="/sign-in"' in page.text
    assert (people(server), opens(server, issuer, "stranger")) == (before, None)
    assert events(server)[0].data["reason"] == "unknown"


@pytest.mark.requirement("pages.oidc", "pages.invite")
def test_an_invitation_makes_an_account_with_what_the_provider_says(server: Any, issuer: str, browser: Browser) -> None:
    known_there(issuer, "nora", name="  Nora\n Näme ", email="Nora@Uni.org", email_verified=True)
    assert join_there(browser, invite(server, "guest"), "nora").status_code == 200
    assert (browser.path, "You are a guest here" in browser.text) == ("/", True)
    nora = people(server)["Nora Näme"]
    assert (nora.email, nora.has_password, nora.is_hub_owner) == ("nora@uni.org", False, False)
    assert "You sign in by your linked account alone" in browser.text
    with at_home(server) as second:
        assert sign_in_there(second, "nora").status_code == 200
    assert opens(server, issuer, "nora") == nora.id
    assert {"person.created", "invitation.accepted", "page.signed_in"} <= {entry.event for entry in events(server)}


@pytest.mark.requirement("pages.oidc", "pages.invite")
def test_an_invitation_takes_in_whom_the_hub_knows_and_is_spared_for_a_member(
    server: Any, issuer: str, browser: Browser
) -> None:
    owner = accounts(server).owner
    other = on_hub(server, accounts(server).people.create_team("other", owner))
    who = on_hub(server, accounts(server).logins.issue(team=other, person=owner, app="t"))[1]
    made = accounts(server).invitations.create(who, Role.MEMBER, expires_s=600, uses=5)
    secret = on_hub(server, made)[1]
    person = add_person(server, "olga", "member")
    on_hub(server, accounts(server).identities.link(issuer, "olga", person))
    for _ in range(2):
        assert join_there(browser, secret, "olga").status_code == 200
        assert "<h1>other</h1>" in browser.page.text
        browser.submit("/sign-out")
    assert on_hub(server, accounts(server).invitations.find(secret)).uses_left == 4


@pytest.mark.requirement("pages.oidc", "pages.invite")
def test_an_invitation_that_ends_while_somebody_is_away_makes_no_account(
    server: Any, issuer: str, browser: Browser
) -> None:
    secret = invite(server)
    browser.open("/invite")
    browser.submit("/invite", secret=secret)
    browser.submit("/oidc/join")
    back = agree(browser, "late")
    on_hub(server, accounts(server).invitations.accept(secret, add_person_without_team(server, "Quick")))
    assert (browser.open(back).status_code, browser.cookie()) == (404, None)
    assert "This invitation no longer holds" in browser.text
    assert opens(server, issuer, "late") is None
    browser.open("/invite")
    browser.post("/oidc/join", [("csrf", dict(browser.form("/invite").fields)["csrf"]), ("secret", "made up")])
    assert browser.page.status_code == 404


@pytest.mark.requirement("pages.oidc", "pages.invite")
def test_an_invitation_for_one_makes_one_account_however_many_come_at_once(server: Any, issuer: str) -> None:
    secret, before = invite(server), people(server)
    browsers, backs = [at_home(server) for _ in range(20)], []
    for number, browser in enumerate(browsers):
        browser.open("/invite")
        browser.submit("/invite", secret=secret)
        browser.submit("/oidc/join")
        known_there(issuer, f"crowd-{number}", name=f"Crowd {number}")
        backs.append(agree(browser, f"crowd-{number}"))
    with ThreadPoolExecutor(20) as pool:
        pages = list(pool.map(lambda pair: pair[0].open(pair[1]).status_code, zip(browsers, backs, strict=True)))
    assert (pages.count(200), pages.count(404)) == (1, 19)
    assert len(people(server)) == len(before) + 1
    for browser in browsers:
        browser.web.close()
    print("N = 20 newcomers, 1 account")


def add_person_without_team(server: Any, name: str) -> str:
    return str(on_hub(server, accounts(server).people.add(name=name, email=f"{name}@lab.org")).id)


@pytest.mark.requirement("pages.oidc")
def test_where_a_team_is_named_newcomers_join_it_once(open_server: Any, issuer: str) -> None:
    known_there(issuer, "noor", name="Noor", email="noor@uni.org", email_verified=True)
    ids = set()
    for _ in range(2):
        with at_home(open_server) as browser:
            sign_in_there(browser, "noor")
            assert "You are a member here" in browser.text
            ids.add(browser.web.get("/api/me").json()["person"]["id"])
    assert ids == {people(open_server)["Noor"].id}
    joined = next(entry for entry in events(open_server) if entry.event == "member.joined")
    assert joined.data == {"role": "member"}


@pytest.mark.requirement("pages.oidc")
def test_one_newcomer_in_many_browsers_at_once_gets_one_account(open_server: Any, issuer: str) -> None:
    known_there(issuer, "multi", name="Multi")
    browsers = [at_home(open_server) for _ in range(20)]
    backs = []
    for browser in browsers:
        browser.open("/oidc/start")
        backs.append(agree(browser, "multi"))
    with ThreadPoolExecutor(20) as pool:
        pages = list(pool.map(lambda pair: pair[0].open(pair[1]), zip(browsers, backs, strict=True)))
    assert {page.status_code for page in pages} == {200}
    assert len({browser.web.get("/api/me").json()["person"]["id"] for browser in browsers}) == 1
    everybody = on_hub(open_server, accounts(open_server).people.everybody())
    assert len([person for person in everybody if person.name == "Multi"]) == 1
    for browser in browsers:
        browser.web.close()
    print("N = 20 browsers, 1 account")


def test_two_hubs_that_meet_the_same_newcomer_make_one_account(open_server: Any) -> None:
    async def meet() -> list[tuple[str, bool]]:
        hub = open_server.app.state.hub
        several = [Identities(hub.database, hub.accounts.people) for _ in range(8)]  # each with a lock of its own
        ada = Profile("Twice", "twice@uni.org")
        for one in several:
            one.team = hub.accounts.team
        return await asyncio.gather(*(one.enrol("https://i", "twice", ada) for one in several))

    made = on_hub(open_server, meet())
    assert len({person for person, _ in made}) == 1
    assert [is_new for _, is_new in made].count(True) == 1
    assert len([p for p in on_hub(open_server, accounts(open_server).people.everybody()) if p.name == "Twice"]) == 1


@pytest.mark.requirement("pages.oidc", "guard.revocation")
def test_who_was_disabled_or_removed_stays_out(open_server: Any, issuer: str) -> None:
    with at_home(open_server) as browser:
        known_there(issuer, "rita", name="Rita")
        sign_in_there(browser, "rita")
        rita = people(open_server)["Rita"].id
        on_hub(open_server, accounts(open_server).disable(rita))
        page = sign_in_there(browser, "rita")
        assert (page.status_code, "Your account is closed" in browser.text) == (403, True)
        on_hub(open_server, accounts(open_server).people.set_disabled(rita, False))
        on_hub(open_server, accounts(open_server).remove_member(accounts(open_server).team, rita))
        assert sign_in_there(browser, "rita").status_code == 403
        assert "You belong to no team" in browser.text
        assert browser.web.get("/api/me").status_code == 401
        assert "disabled" in [entry.data.get("reason") for entry in events(open_server)]


@pytest.mark.requirement("pages.oidc", "guard.revocation")
def test_nobody_comes_back_as_somebody_new_by_unlinking_first(open_server: Any, issuer: str) -> None:
    add_person(open_server, "sly", "member")
    with at_home(open_server) as browser:
        browser.sign_in("sly@lab.org")
        link_there(browser, "sly-there")
        browser.submit("/oidc/unlink")
        assert opens(open_server, issuer, "sly-there") is None
        browser.submit("/sign-out")
        assert sign_in_there(browser, "sly-there").status_code == 403
        assert "You have no account here yet" in browser.text
    assert opens(open_server, issuer, "sly-there") is None


# -- linking ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_what_is_the_only_way_in_stays_linked(server: Any, issuer: str, browser: Browser) -> None:
    join_there(browser, invite(server), "solo")
    browser.submit("/oidc/unlink", of={"subject": "solo"})
    assert (browser.page.status_code, "This is your only way in" in browser.text) == (409, True)
    link_there(browser, "solo-2")
    browser.submit("/oidc/unlink", of={"subject": "solo"})
    assert (browser.path, opens(server, issuer, "solo")) == ("/", None)
    browser.submit("/oidc/unlink", of={"subject": "solo-2"})
    assert browser.page.status_code == 409
    browser.open("/")
    browser.submit("/setup/begin")
    browser.submit("/setup/account", email="solo@lab.org", password="an entirely new one")
    browser.submit("/oidc/unlink", of={"subject": "solo-2"})
    assert opens(server, issuer, "solo-2") is None
    assert [entry.event for entry in events(server)].count("identity.unlinked") == 2
    browser.submit("/sign-out")
    assert sign_in_there(browser, "solo-2").status_code == 403


@pytest.mark.requirement("pages.oidc")
def test_an_account_there_opens_one_account_here(server: Any, issuer: str, browser: Browser) -> None:
    first, second = add_person(server, "una", "member"), add_person(server, "dos", "member")
    for email, status in (("una@lab.org", 200), ("una@lab.org", 200), ("dos@lab.org", 409)):
        browser.sign_in(email)
        assert link_there(browser, "shared").status_code == status
        browser.open("/")
        browser.submit("/sign-out")
    assert opens(server, issuer, "shared") == first != second
    browser.sign_in("dos@lab.org")
    form = dict(browser.form("/oidc/link").fields)
    browser.post("/oidc/unlink", [*form.items(), ("issuer", issuer), ("subject", "shared")])
    assert (browser.page.status_code, opens(server, issuer, "shared")) == (404, first)


@pytest.mark.requirement("pages.oidc")
def test_an_identity_of_a_provider_before_can_be_unlinked(server: Any, browser: Browser) -> None:
    person = add_person(server, "vera", "member")
    on_hub(server, accounts(server).identities.link("https://old.example.org", "vera", person))
    browser.sign_in("vera@lab.org")
    assert "https://old.example.org" in browser.text
    browser.submit("/oidc/unlink", issuer="https://old.example.org")
    assert opens(server, "https://old.example.org", "vera") is None


# -- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_who_says_no_there_is_led_back(server: Any, browser: Browser) -> None:
    browser.open("/oidc/start?next=/device")
    denied = httpx2.post(sent_to(browser), data={"action": "deny"}).headers["location"]
    state = asked_of(browser)["state"]
    query = urlsplit(denied).query
    back = f"/oidc/callback?{query}" if "state=" in query else f"/oidc/callback?{query}&state={state}"
    page = browser.open(back)
    assert (page.status_code, "Lab login has not let you in" in browser.text) == (403, True)
    assert 'href="/sign-in?next=%2Fdevice"' in page.text
    for error in ("server_error", "login_required", "<script>alert(1)</script>", "", "é" * 900):
        browser.open("/oidc/start")
        page = browser.open(f"/oidc/callback?error={quote(error)}&state={asked_of(browser)['state']}")
        assert (page.status_code, "could not finish your sign-in" in browser.text) == (502, True), error
        assert "alert(1)" not in page.text


@pytest.mark.requirement("pages.oidc")
def test_a_provider_that_is_down_is_named_and_asked_again(liar: Liar) -> None:
    with serve(**told_of(liar.issuer, oidc_name="Lab login", oidc_team="home")) as server, at_home(server) as browser:
        set_up_owner(server)
        for answer in (
            (500, b"{}", {}),
            (404, b"<html>no such page</html>", {}),
            (200, b"[]", {}),
            (200, b"\xff\xfe", {}),
            (200, b'{"a":' * 50_000, {}),
            (302, b"{}", {"location": f"{liar.issuer}/elsewhere"}),
            (200, b"{}" + b" " * 600_000, {}),
            (200, b"{}", {"content-encoding": "gzip"}),
        ):
            liar.answers["/.well-known/openid-configuration"] = answer
            page = browser.open("/oidc/start?next=/device")
            assert (page.status_code, "Lab login does not answer" in browser.text) == (502, True), answer
            assert 'href="/sign-in?next=%2Fdevice"' in page.text
        assert not [path for path, _, _ in liar.heard if path == "/elsewhere"]
        liar.tell_truth()
        browser.open("/oidc/start")
        liar.answers = {"/token": (503, b"", {})}
        assert browser.open(liar.vouch(browser)).status_code == 502
        liar.tell_truth()
        browser.open("/oidc/start")
        assert browser.open(liar.vouch(browser)).status_code == 200
        browser.submit("/sign-out")
        assert browser.sign_in("ada@lab.org").status_code == 200


@pytest.mark.requirement("pages.oidc")
def test_a_provider_that_hangs_is_not_waited_for_and_holds_nothing_up(
    liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arkitekt_next.hub.accounts.oidc.exchange.FETCH_S", 0.5)
    release = threading.Event()
    liar.answer = lambda path: (release.wait(20), (200, b"{}", {}))[1]  # type: ignore[method-assign,assignment]
    with serve(**told_of(liar.issuer)) as server, ThreadPoolExecutor(8) as pool:
        browsers = [at_home(server) for _ in range(8)]
        waiting = [pool.submit(browser.open, "/oidc/start") for browser in browsers]
        assert httpx2.get(f"{server.url}/health").status_code == 200
        assert {page.result(10).status_code for page in waiting} == {502}
        assert len(liar.heard) == 1  # whoever came meanwhile had the one answer
        release.set()
        for browser in browsers:
            browser.web.close()


@pytest.mark.requirement("pages.oidc")
def test_a_hub_that_was_told_of_no_provider_has_no_such_page() -> None:
    with serve(log_level="error") as server, at_home(server) as browser:
        set_up_owner(server)
        browser.open("/sign-in")
        assert "/oidc/start" not in browser.page.text
        for path in ("/oidc/start", "/oidc/callback?code=1&state=2"):
            assert browser.open(path).status_code == 404
        browser.sign_in("ada@lab.org")
        assert "Linked accounts" not in browser.text
        csrf = [("csrf", dict(browser.form("/sign-out").fields)["csrf"])]
        for path in ("/oidc/link", "/oidc/join", "/oidc/unlink"):
            assert browser.post(path, csrf).status_code == 404


# -- how the provider is asked ---------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_the_code_is_redeemed_with_secret_and_verifier_and_a_name_is_asked_for(liar: Liar) -> None:
    with serve(**told_of(liar.issuer, oidc_team="home")) as server:
        for methods in (None, ["client_secret_post"], ["client_secret_basic", "client_secret_post"]):
            liar.heard.clear()
            liar.metadata = {} if methods is None else {"token_endpoint_auth_methods_supported": methods}
            server.app.state.hub.provider._metadata = None
            liar.userinfo = {"sub": f"u{methods}", "name": "From Userinfo", "email": "u@x.org", "email_verified": True}
            with at_home(server) as browser:
                browser.open("/oidc/start")
                asked = asked_of(browser)
                assert browser.open(liar.vouch(browser, f"u{methods}", name=None)).status_code == 200
                assert "From Userinfo Sign out" in browser.text
            form, headers = next((form, headers) for path, form, headers in liar.heard if path == "/token")
            shown = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
            assert (asked["code_challenge_method"], asked["code_challenge"]) == ("S256", shown.rstrip(b"=").decode())
            assert form["redirect_uri"] == asked["redirect_uri"] == f"{server.app.state.hub.url}/oidc/callback"
            basic = base64.b64encode(f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}".encode()).decode()
            in_form = (form.get("client_id"), form.get("client_secret"))
            is_post = methods == ["client_secret_post"]
            assert in_form == ((CLIENT, SECRET) if is_post else (None, None))
            assert headers.get("authorization") == (None if is_post else f"Basic {basic}")


@pytest.mark.requirement("pages.oidc")
def test_keys_may_rotate_and_be_of_any_kind_on_the_list(liar: Liar) -> None:
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    kinds = {
        "RS256": (liar.key, algorithms.RSAAlgorithm),
        "PS256": (liar.key, algorithms.RSAAlgorithm),
        "ES256": (curve, algorithms.ECAlgorithm),
        "EdDSA": (edwards, algorithms.OKPAlgorithm),
    }
    with serve(**told_of(liar.issuer, oidc_team="home")) as server:
        for round, (name, (key, kind)) in enumerate(kinds.items()):
            liar.keys = [public_jwk(key, f"key-{round}", kind), {"kty": "future"}]
            liar.make_token = lambda claims, key=key, name=name, kid=f"key-{round}": encode_token(
                claims, key, algorithm=name, headers={"kid": kid}
            )
            with at_home(server) as browser:
                browser.open("/oidc/start")
                assert browser.open(liar.vouch(browser)).status_code == 200, (name, browser.text)
        asked = [path for path, _, _ in liar.heard if path == "/jwks"]
        assert len(asked) == len(kinds)  # anew for a key it did not know, and for nothing else
        liar.key, liar.keys, liar.make_token = new_key(), None, None
        liar.kid = "key-3"  # the same name for another key
        with at_home(server) as browser:
            browser.open("/oidc/start")
            assert browser.open(liar.vouch(browser)).status_code == 200
            for _ in range(2):
                liar.make_token = lambda claims: encode_token(
                    claims, new_key(), algorithm="RS256", headers={"kid": "nowhere"}
                )
                before = len(liar.heard)
                browser.open("/sign-in")
                browser.submit("/sign-out") if browser.path == "/" else None
                browser.open("/oidc/start")
                assert browser.open(liar.vouch(browser)).status_code == 400
                assert [path for path, _, _ in liar.heard[before:]] == ["/token", "/jwks"]


@pytest.mark.requirement("pages.oidc", "signin.secrets")
def test_the_clients_secret_is_in_no_file_log_or_page(
    liar: Liar, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(tmp_path, **told_of(liar.issuer, oidc_team="home", log_level="debug")) as server:
        liar.answers["/token"] = (401, b'{"error":"invalid_client"}', {})
        with at_home(server) as browser:
            browser.open("/oidc/start")
            page = browser.open(liar.vouch(browser))
            assert (page.status_code, "not set up well" in browser.text) == (502, True)
            liar.tell_truth()
            browser.open("/oidc/start")
            shown = page.text + browser.open(liar.vouch(browser)).text
    wanted = [SECRET, quote(SECRET, safe=""), "code=good"]
    texts = [shown, caplog.text, repr(HubSettings.load(folder=tmp_path, **told_of(liar.issuer)))]
    texts += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert "invalid_client" in caplog.text
    assert [secret for secret in wanted if any(secret in text for text in texts)] == []
    print(f"N = {len(wanted)} secrets searched for in {len(texts)} texts")


# -- settings --------------------------------------------------------------------------------------------------------

WHOLE = {"oidc_issuer": "https://login.lab.org/realms/lab", "oidc_client_id": "hub", "oidc_client_secret": "hush-hush"}


@pytest.mark.requirement("pages.oidc")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"oidc_client_secret": None}, "also needs oidc_client_secret"),
        ({"oidc_issuer": None}, "also needs oidc_issuer"),
        ({"oidc_client_id": None}, "also needs oidc_client_id"),
        ({"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None, "oidc_name": "Lab"}, "also needs"),
        ({"oidc_issuer": None, "oidc_client_id": None, "oidc_client_secret": None, "oidc_team": "x"}, "also needs"),
        ({"oidc_role": "member"}, "oidc_role also needs oidc_team"),
        ({"oidc_role": "owner", "oidc_team": "home"}, "setting oidc_role"),
        ({"oidc_role": "admin", "oidc_team": "home"}, "setting oidc_role"),
        ({"oidc_issuer": "http://login.lab.org"}, "setting oidc_issuer"),
        ({"oidc_issuer": "https://user:pw@login.lab.org"}, "setting oidc_issuer"),
        ({"oidc_issuer": "https://login.lab.org?x=1"}, "setting oidc_issuer"),
        ({"oidc_issuer": "https://login.lab.org#x"}, "setting oidc_issuer"),
        ({"oidc_issuer": "http://localhost.evil.org"}, "setting oidc_issuer"),
        ({"oidc_issuer": "file:///etc/passwd"}, "setting oidc_issuer"),
        ({"oidc_client_secret": "hush-hush" * 300}, "setting oidc_client_secret"),
    ],
)
def test_settings_are_all_there_or_refused_without_showing_the_secret(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(RequestRefused, match=expected) as refused:
        HubSettings.load(folder=tmp_path, **{**WHOLE, **changes})
    assert "hush-hush" not in str(refused.value)
    assert "hush-hush" not in repr(HubSettings.load(folder=tmp_path, **WHOLE))


def test_settings_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WHOLE.items():
        monkeypatch.setenv(f"ARKITEKT_HUB_{name.upper()}", value)
    settings = HubSettings.load(folder=tmp_path)
    assert settings.oidc_client_secret is not None
    assert settings.oidc_client_secret.get_secret_value() == "hush-hush"
    for issuer in (
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://[::1]:9/x",
        "https://accounts.lab.org:8443/a/b/",
    ):
        assert HubSettings.load(folder=tmp_path, oidc_issuer=issuer).oidc_issuer == issuer


@pytest.mark.requirement("pages.oidc")
def test_a_hub_does_not_start_with_a_team_for_newcomers_that_it_does_not_have(issuer: str) -> None:
    with (
        pytest.raises(RequestRefused, match="there is no team 'nowhere'"),
        serve(**told_of(issuer, oidc_team="nowhere")),
    ):
        pass


@pytest.mark.requirement("pages.oidc")
def test_a_session_that_is_not_fresh_links_nothing(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person = add_person(server, "stale", "member")
    with at_home(server) as browser:
        browser.sign_in("stale@lab.org")
        browser.open("/")
        later = proofs.monotonic() + 601
        monkeypatch.setattr(proofs, "monotonic", lambda: later)
        browser.submit("/oidc/link")
        assert browser.page.status_code == 403
        assert "it is a while since you signed in" in browser.text
    assert on_hub(server, server.app.state.hub.accounts.identities.list_of(person)) == []
