"""Whom a provider lets in, as a browser's requests see it: newcomers, the invited, accounts that are linked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from arkitekt_next.auth.principal import Role
from arkitekt_next.embedded import serve
from arkitekt_next.hub.accounts import proofs
from arkitekt_next.hub.accounts.identities import Identities
from arkitekt_next.hub.accounts.oidc.provider import Profile
from tests.support.browsing import Browser, accounts, add_person, events, on_hub, set_up_owner
from tests.support.oidc import invite, join_there, link_there, opens, people
from tests.support.provider import agree, asked_of, at_home, known_there, sign_in_there, told_of


@pytest.fixture(scope="module")
def open_server(issuer: str) -> Iterator[Any]:
    """A hub whose team everybody joins whom the provider knows. Ada is its owner."""
    with serve(**told_of(issuer, oidc_team="home", oidc_role="member")) as running:
        set_up_owner(running)
        yield running


# -- coming in -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("pages.oidc")
def test_who_links_an_account_signs_in_with_it_from_then_on(server: Any, issuer: str, browser: Browser) -> None:
    browser.sign_in("mia@lab.org")
    browser.submit("/oidc/link")
    assert asked_of(browser)["prompt"] == "login"  # on a shared machine somebody else may be signed in there
    assert browser.open(agree(browser, "mia-there")).status_code == 200
    assert (browser.path, "Lab login" in browser.text, "mia-there · linked just now" in browser.text) == (
        "/account",
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
    browser.to_account()
    assert "You are a guest here" in browser.text
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
        browser.to_account()
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
    browser.to_account()
    browser.submit("/oidc/unlink", of={"subject": "solo"})
    assert (browser.page.status_code, "This is your only way in" in browser.text) == (409, True)
    link_there(browser, "solo-2")
    browser.submit("/oidc/unlink", of={"subject": "solo"})
    assert (browser.path, opens(server, issuer, "solo")) == ("/account", None)
    browser.submit("/oidc/unlink", of={"subject": "solo-2"})
    assert browser.page.status_code == 409
    browser.open("/account")
    browser.submit("/setup/begin")
    browser.submit("/setup/account", email="solo@lab.org", password="an entirely new one")
    browser.to_account()
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
        browser.open("/account")
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


@pytest.mark.requirement("pages.oidc")
def test_a_session_that_is_not_fresh_links_nothing(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    person = add_person(server, "stale", "member")
    with at_home(server) as browser:
        browser.sign_in("stale@lab.org")
        browser.open("/account")
        later = proofs.monotonic() + 601
        monkeypatch.setattr(proofs, "monotonic", lambda: later)
        browser.submit("/oidc/link")
        assert browser.page.status_code == 403
        assert "it is a while since you signed in" in browser.text
    assert on_hub(server, server.app.state.hub.accounts.identities.list_of(person)) == []
