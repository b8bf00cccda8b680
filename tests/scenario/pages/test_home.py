"""The home page as a browser's requests see it: invitations, members, sign-ins, the own account."""

from __future__ import annotations

from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.errors import Conflict
from tests.support.browsing import PASSWORD, Browser, accounts, add_person, events, on_hub, set_up_owner


def invited(browser: Browser, **fields: str) -> str:
    """Make an invitation on the page of the account; give its link."""
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
        new.to_account()
        assert "You are a member here" in new.text
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
        signed_in.to_account()
        assert "You are a guest here" in signed_in.text
    with Browser(server.url) as by_password:
        by_password.open("/invite")
        by_password.submit("/invite", secret=link)
        by_password.submit("/invite/sign-in", email="bob@lab.org", password="wrong password")
        assert by_password.page.status_code == 401
        by_password.submit("/invite/sign-in", email="bob@lab.org", password=PASSWORD)
        by_password.to_account()
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
    browser.open("/account")
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
    browser.open("/account")
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
    browser.open("/account")
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
