"""The pages as a browser's requests see them: accounts, sessions, letting apps and programs in, invitations, the home."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from arkitekt_next.embedded import find_hub, page_link, serve, setup_link
from arkitekt_next.errors import Conflict, NotPermitted
from arkitekt_next.hub.accounts import proofs
from tests.support.browsing import (
    PASSWORD,
    Browser,
    accounts,
    add_person,
    csrf_of,
    device_code,
    events,
    on_hub,
    set_up_owner,
)
from tests.support.raw import sign_in


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """A hub of which Ada is the owner, and Bob, Mia and Gil are admin, member and guest."""
    with serve(log_level="error") as running:
        set_up_owner(running)
        for name, role in (("bob", "admin"), ("mia", "member"), ("gil", "guest")):
            add_person(running, name, role)
        yield running


@pytest.fixture
def fresh() -> Iterator[Any]:
    """A hub that nobody has set up."""
    with serve(log_level="error") as running:
        yield running


@pytest.fixture
def browser(server: Any) -> Iterator[Browser]:
    with Browser(server.url) as opened:
        yield opened


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
        assert (browser.path, "You are an owner here" in browser.text) == ("/", True)
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
        assert other.path == "/"
        assert browser.open("/").url.path == "/sign-in"
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
                browser.submit("/setup/begin")
                browser.submit("/setup/account", name="Ada", email="ada@lab.org", password=PASSWORD)
                assert browser.path == "/"
                assert "You have no password yet" not in browser.text


@pytest.mark.requirement("pages.open", "pages.session")
def test_a_session_that_is_not_fresh_sets_no_first_password(fresh: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_hub(fresh.folder)
    assert found is not None
    with Browser(fresh.url) as browser:
        browser.open("/enter")
        browser.submit("/enter", secret=page_link(found))
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
        httpx2.get(f"{server.url}/", headers={"cookie": f"arkitekt_page={token}"}),
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
                assert (browser.page.status_code, browser.path) == (200, "/"), address
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
    assert browser.open("/").url.path == "/sign-in"
    assert browser.sign_in("dora@lab.org").status_code == 401


@pytest.mark.requirement("pages.session")
def test_the_page_may_write_by_the_api_with_its_token(server: Any, browser: Browser) -> None:
    browser.sign_in("ada@lab.org")
    headers = {"origin": server.url, "x-arkitekt-csrf": csrf_of(browser)}
    answer = browser.web.post("/api/tasks", json={"action": "no.such"}, headers=headers)
    assert answer.status_code == 404  # it was let in, and there is no such function
    assert browser.web.post("/api/tasks", json={"action": "no.such"}, headers={"origin": server.url}).status_code == 403


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


# -- invitations and the home page -----------------------------------------------------------------------------------


def invited(browser: Browser, **fields: str) -> str:
    """Make an invitation on the home page; give its link."""
    browser.submit("/invitations", **({"role": "member", "days": "1", "uses": "1"} | fields))
    assert "Your invitation is ready" in browser.text
    return browser.page.text.partition('id="new-link" value="')[2].partition('"')[0]


@pytest.mark.requirement("pages.invite")
def test_an_invitation_makes_an_account_once(server: Any, browser: Browser) -> None:
    browser.sign_in("ada@lab.org")
    link = invited(browser)
    assert link.startswith(f"{server.app.state.hub.url}/invite#")
    with Browser(server.url) as new:
        new.open("/invite")
        new.submit("/invite", secret=link)
        assert "Ada invites you to be a member" in new.text
        new.submit("/invite/account", name="Nora", email="mia@lab.org", password=PASSWORD)
        assert "has the address mia@lab.org already" in new.text
        new.submit("/invite/account", email="nora@lab.org", password=PASSWORD)
        assert (new.path, "You are a member here" in new.text) == ("/", True)
    with Browser(server.url) as late:
        late.open("/invite")
        late.submit("/invite", secret=link)
        assert late.page.status_code == 404
    assert {"invitation.created", "person.created", "invitation.accepted"} <= {entry.event for entry in events(server)}


@pytest.mark.requirement("pages.invite")
def test_an_invitation_is_accepted_with_the_account_one_has(server: Any, browser: Browser) -> None:
    owner = add_person(server, "olga", "member")
    team = on_hub(server, accounts(server).people.create_team("optics", owner))
    browser.sign_in("olga@lab.org")
    browser.submit("/team/switch", team=team)
    link = invited(browser, role="guest", uses="5")
    with Browser(server.url) as signed_in:
        signed_in.sign_in("mia@lab.org")
        signed_in.open("/invite")
        signed_in.submit("/invite", secret=link)
        signed_in.submit("/invite/accept")
        assert "You are a guest here" in signed_in.text
    with Browser(server.url) as by_password:
        by_password.open("/invite")
        by_password.submit("/invite", secret=link)
        by_password.submit("/invite/sign-in", email="bob@lab.org", password="wrong password")
        assert by_password.page.status_code == 401
        by_password.submit("/invite/sign-in", email="bob@lab.org", password=PASSWORD)
        assert "You are a guest here" in by_password.text
        by_password.open("/invite")
        by_password.submit("/invite", secret=link)
        by_password.submit("/invite/accept")
        assert "You belong to the team optics already" in by_password.text


@pytest.mark.requirement("pages.home")
def test_what_a_person_sees_and_may_do_follows_the_role(server: Any) -> None:
    seen = {}
    for name in ("ada", "bob", "mia", "gil"):
        with Browser(server.url) as browser:
            browser.sign_in(f"{name}@lab.org")
            first = accounts(server).team
            if browser.web.get("/api/me").json()["team"]["id"] != first:
                browser.submit("/team/switch", team=first)
            seen[name] = {
                title for title in ("Members", "Invitations", "Apps", "Sign-ins of others") if title in browser.text
            }
            if name == "bob":
                assert browser.form("/invitations").names >= {"role", "days", "uses"}
                assert '<option value="owner"' not in browser.page.text
    assert seen == {
        "ada": {"Members", "Invitations", "Apps", "Sign-ins of others"},
        "bob": {"Members", "Invitations", "Apps", "Sign-ins of others"},
        "mia": {"Members"},
        "gil": set(),
    }


@pytest.mark.requirement("pages.home")
def test_an_admin_changes_and_removes_members_but_no_owner(server: Any, browser: Browser) -> None:
    person = add_person(server, "theo", "guest")
    people, team = accounts(server).people, accounts(server).team
    browser.sign_in("bob@lab.org")
    if browser.web.get("/api/me").json()["team"]["id"] != team:
        browser.submit("/team/switch", team=team)
    browser.submit("/members/role", of={"person": person}, role="member")
    assert people.role_of(team, person) == "member"
    csrf = ("csrf", browser.form("/sign-out").fields[0][1])
    ada = accounts(server).owner
    for action, fields in (
        ("/members/role", [("person", person), ("role", "owner")]),
        ("/members/role", [("person", ada), ("role", "guest")]),
        ("/members/remove", [("person", ada)]),
    ):
        assert browser.post(action, [csrf, *fields]).status_code == 403, (action, fields)
    for id in ("nobody", "01a1fb9b-0001-7000-8000-000000000002"):
        assert browser.post("/members/remove", [csrf, ("person", id)]).status_code == 404
    browser.open("/")
    browser.submit("/members/remove", of={"person": person})
    assert people.role_of(team, person) is None
    assert {"member.role_changed", "member.removed"} <= {entry.event for entry in events(server)}


@pytest.mark.requirement("pages.home")
def test_everybody_ends_their_own_sign_ins_and_nobody_anothers(server: Any, browser: Browser) -> None:
    person = add_person(server, "uma", "member")
    logins, team = accounts(server).logins, accounts(server).team
    mine = on_hub(server, logins.begin(team=team, person=person, app="rig", kind="device", scopes=["read"]))
    other = on_hub(
        server, logins.begin(team=team, person=accounts(server).owner, app="rig", kind="device", scopes=["read"])
    )
    browser.sign_in("uma@lab.org")
    csrf = ("csrf", browser.form("/sign-out").fields[0][1])
    assert browser.post("/logins/revoke", [csrf, ("login", other.id)]).status_code == 404
    browser.open("/")
    browser.submit("/logins/revoke", of={"login": mine.id})
    assert on_hub(server, logins.find(mine.id)).revoked_at_us is not None
    assert on_hub(server, logins.find(other.id)).revoked_at_us is None


@pytest.mark.requirement("pages.home")
def test_the_last_owner_stays_and_is_told_why(fresh: Any) -> None:
    set_up_owner(fresh)
    with Browser(fresh.url) as browser:
        browser.sign_in("ada@lab.org")
        browser.submit("/team/leave")
        assert (browser.page.status_code, "only owner" in browser.text) == (409, True)
        browser.submit("/members/role", role="guest")
        assert (browser.page.status_code, "only owner" in browser.text) == (409, True)


@pytest.mark.requirement("pages.home")
def test_an_invitation_that_was_taken_back_is_void(server: Any, browser: Browser) -> None:
    browser.sign_in("ada@lab.org")
    link = invited(browser, role="admin")
    browser.open("/")
    browser.submit("/invitations/revoke")
    with Browser(server.url) as new:
        new.open("/invite")
        new.submit("/invite", secret=link)
        assert (new.page.status_code, "no longer holds" in new.text) == (404, True)


@pytest.mark.requirement("pages.home", "guard.teams")
def test_the_pages_know_nothing_of_another_teams_ids(server: Any, browser: Browser) -> None:
    people, first = accounts(server).people, accounts(server).team
    neighbour = add_person(server, "ned", "guest")
    team = on_hub(server, people.create_team("neighbours", neighbour))
    on_hub(server, people.leave(first, neighbour))
    mia = on_hub(server, people.find("mia@lab.org")).id
    login = on_hub(
        server, accounts(server).logins.begin(team=first, person=mia, app="rig", kind="device", scopes=["read"])
    )
    with Browser(server.url) as ada:
        ada.sign_in("ada@lab.org")
        invited(ada)
    (invitation, *_) = on_hub(server, accounts(server).invitations.list_open(first))
    browser.sign_in("ned@lab.org")
    assert "You are an owner here" in browser.text
    assert "Mia" not in browser.text
    csrf = ("csrf", browser.form("/sign-out").fields[0][1])
    asked = [
        ("/team/switch", [("team", first)]),
        ("/logins/revoke", [("login", login.id)]),
        ("/invitations/revoke", [("invitation", invitation.id)]),
        ("/members/role", [("person", mia), ("role", "guest")]),
        ("/members/remove", [("person", mia)]),
    ]
    for action, fields in asked:
        assert browser.post(action, [csrf, *fields]).status_code == 404, action
    assert people.role_of(first, mia) == "member"
    assert people.role_of(team, mia) is None
    assert on_hub(server, accounts(server).logins.find(login.id)).revoked_at_us is None
    assert invitation.id in [known.id for known in on_hub(server, accounts(server).invitations.list_open(first))]


@pytest.mark.requirement("pages.setup")
def test_an_account_is_set_and_renamed_on_postgresql_too(postgres_url: str) -> None:
    with serve(log_level="error", database_url=postgres_url) as server:
        owner = set_up_owner(server)
        on_hub(server, accounts(server).people.rename(owner, name="Ada L.", email="ada.l@lab.org"))
        add_person(server, "bob", "member")
        with pytest.raises(Conflict):
            on_hub(server, accounts(server).people.rename(owner, email="bob@lab.org"))
        known = on_hub(server, accounts(server).people.find(owner))
        assert (known.name, known.email) == ("Ada L.", "ada.l@lab.org")
