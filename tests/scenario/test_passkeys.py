"""Passkeys as requests see them, with an authenticator in software: adding, signing in, taking away."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.errors import Conflict
from arkitekt_next.hub.accounts import proofs
from arkitekt_next.hub.accounts.passkeys import LIMIT
from arkitekt_next.storage import tables as t
from tests.support.authenticator import (
    EDDSA,
    ES256,
    RS256,
    Authenticator,
    decode,
)
from tests.support.browsing import PASSWORD, Browser, accounts, add_person, forget_tries, is_in, on_hub, set_up_owner
from tests.support.passkeys import add, address, answer, asked, last_events, passkeys_of

pytestmark = pytest.mark.requirement("pages.passkeys")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        set_up_owner(running)
        yield running


@pytest.fixture
def person(server: Any) -> str:
    """Somebody new with a password; their address is `name@lab.org`."""
    name = f"p{secrets.token_hex(6)}"
    add_person(server, name, "member")
    return name


@pytest.fixture
def browser(server: Any, person: str) -> Iterator[Browser]:
    """The browser of the person, signed in by the password."""
    with Browser(address(server)) as opened:
        forget_tries(server)
        opened.sign_in(f"{person}@lab.org")
        yield opened


@pytest.fixture
def device(server: Any) -> Authenticator:
    return Authenticator(address(server))


# -- as it is meant --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_is_added_used_and_removed(
    server: Any, browser: Browser, person: str, device: Authenticator, algorithm: int
) -> None:
    browser.open("/account")
    assert "You have no passkey yet." in browser.text
    browser.submit("/passkeys/new", name="  My   laptop ")
    options = browser.passkey_options()
    assert options["rp"]["id"] == "localhost"
    assert options["attestation"] == "none"
    assert len(decode(options["challenge"])) >= 16
    assert [one["alg"] for one in options["pubKeyCredParams"]] == [ES256, EDDSA, RS256]
    assert person.encode() not in decode(options["user"]["id"])
    browser.submit("/passkeys/add", credential=device.make(options, algorithm=algorithm))
    assert "My laptop" in browser.text
    assert "not used yet" in browser.text
    browser.submit("/sign-out")
    assert not is_in(browser)

    answer(browser, device.use(asked(browser)))
    assert is_in(browser)
    assert browser.path == "/account"
    assert "used just now" in browser.text
    assert [entry.event for entry in last_events(server, 4)] == [
        "page.signed_in",
        "passkey.used",
        "page.signed_out",
        "passkey.added",
    ]

    browser.submit("/passkeys/remove", of={"passkey": passkeys_of(server, person)[0].handle})
    assert "You have no passkey yet." in browser.text
    browser.submit("/sign-out")
    assert answer(browser, device.use(asked(browser))).status_code == 401
    assert not is_in(browser)


def test_the_sign_in_leads_on_to_where_it_was_asked_for(browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    browser.submit("/sign-out")
    browser.open("/device")
    browser.submit("/sign-in/passkey")
    answer(browser, device.use(browser.passkey_options()))
    assert browser.path == "/device"


def test_each_sign_in_is_a_new_session(browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    tokens = {browser.cookie()}
    for _ in range(3):
        browser.submit("/sign-out")
        answer(browser, device.use(asked(browser)))
        tokens.add(browser.cookie())
    assert len(tokens) == 4


def test_a_synced_passkey_that_counts_nothing_works_again_and_again(browser: Browser, device: Authenticator) -> None:
    add(browser, device)
    device.passkeys[0].counts = False
    for _ in range(3):
        browser.submit("/sign-out")
        assert answer(browser, device.use(asked(browser))).status_code == 200
        assert is_in(browser)


def test_a_new_password_by_a_link_leaves_the_passkeys(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    known = on_hub(server, accounts(server).people.find(f"{person}@lab.org"))
    link = on_hub(server, accounts(server).links.create(known.id))
    browser.submit("/sign-out")
    browser.open("/setup")
    browser.submit("/setup", secret=link)
    browser.submit("/setup/account", password="another horse battery")
    browser.to_account()
    browser.submit("/sign-out")
    answer(browser, device.use(asked(browser)))
    assert is_in(browser)


def test_a_disabled_account_has_no_way_in_by_its_passkey(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    known = on_hub(server, accounts(server).people.find(f"{person}@lab.org"))
    on_hub(server, accounts(server).disable(known.id))
    refused = answer(browser, device.use(asked(browser)))
    assert (refused.status_code, "This passkey was not accepted" in refused.text) == (401, True)
    assert not is_in(browser)
    on_hub(server, accounts(server).people.set_disabled(known.id, False))
    answer(browser, device.use(asked(browser)))
    assert is_in(browser)


@pytest.mark.parametrize("url", ["http://192.168.1.5:8000", "http://[fe80::1]", "http://lab.example.org"])
def test_where_browsers_have_no_passkeys_the_page_says_why(url: str) -> None:
    with serve(log_level="error", public_url=url) as server, Browser(server.url) as browser:
        set_up_owner(server)
        browser.open("/sign-in")
        assert "passkey" not in browser.text
        browser.sign_in("ada@lab.org")
        assert "Open the hub by its name" in browser.text
        csrf = dict(browser.form("/sign-out").fields)["csrf"]
        assert browser.post("/passkeys/new", [("csrf", csrf), ("name", "Laptop")]).status_code == 403


def test_what_a_device_says_of_itself_is_no_hindrance(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device, attests_itself=True)
    assert len(passkeys_of(server, person)) == 1


def test_it_all_holds_on_postgresql_too(postgres_url: str) -> None:
    with serve(log_level="error", database_url=postgres_url) as server, Browser(address(server)) as browser:
        set_up_owner(server)
        device = Authenticator(address(server))
        browser.sign_in("ada@lab.org")
        add(browser, device, name="First")
        add(browser, device, name="Second")
        assert add(browser, device, id=device.passkeys[0].id).status_code == 400
        browser.submit("/sign-out")
        device.passkeys = device.passkeys[:1]
        assert answer(browser, device.use(asked(browser), count=7)).status_code == 200
        browser.submit("/sign-out")
        assert answer(browser, device.use(asked(browser), count=7)).status_code == 401
        assert last_events(server, 1)[0].event == "passkey.clone_suspected"
        assert answer(browser, device.use(asked(browser), count=8)).status_code == 200

        async def forget_password() -> None:
            async with server.app.state.hub.database.engine.begin() as db:
                await db.execute(t.person.update().values(password_hash=None))

        on_hub(server, forget_password())
        first, second = passkeys_of(server, "ada")
        assert browser.submit("/passkeys/remove", of={"passkey": first.handle}).status_code == 200
        assert browser.submit("/passkeys/remove", of={"passkey": second.handle}).status_code == 409
        assert [one.name for one in passkeys_of(server, "ada")] == ["Second"]


# -- who may add and take away ---------------------------------------------------------------------------------------
def test_a_session_that_is_not_fresh_adds_nothing_without_the_password(
    server: Any, browser: Browser, person: str, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = on_hub(server, accounts(server).people.create_team("Away", accounts(server).owner))
    known = on_hub(server, accounts(server).people.find(f"{person}@lab.org"))
    on_hub(
        server,
        accounts(server).people.join(away, known.id, accounts(server).people.role_of(away, accounts(server).owner)),
    )
    later = proofs.monotonic() + 601
    monkeypatch.setattr(proofs, "monotonic", lambda: later)
    tries = 0
    browser.open("/account")
    assert "Your password" in browser.text
    for given in ({}, {"password": "wrong password"}):
        assert browser.submit("/passkeys/new", name="Thief", **given).status_code == 403
        assert browser.cookie("arkitekt_passkey") is None
        tries += 1
    browser.submit("/team/switch", team=away)  # a new session, which proves nothing new
    assert browser.submit("/passkeys/new", name="Thief").status_code == 403
    fields = [*browser.form("/sign-out").fields, ("name", "Thief"), ("credential", "{}")]
    assert browser.post("/passkeys/add", fields).status_code == 400
    tries += 2
    forget_tries(server)
    statuses = []
    for _ in range(11):
        browser.open("/account")
        statuses.append(browser.submit("/passkeys/new", name="Thief", password="wrong password").status_code)
    assert statuses == [403] * 10 + [429]
    assert passkeys_of(server, person) == []
    forget_tries(server)
    browser.open("/account")
    browser.submit("/passkeys/new", name="Mine", password=PASSWORD)
    browser.submit("/passkeys/add", credential=device.make(browser.passkey_options()))
    assert [one.name for one in passkeys_of(server, person)] == ["Mine"]
    print(f"\n{tries + len(statuses)} tries of a stolen session refused")


def test_a_fresh_session_stays_fresh_when_it_goes_on_in_another_team(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    away = on_hub(server, accounts(server).people.create_team("Far", accounts(server).owner))
    known = on_hub(server, accounts(server).people.find(f"{person}@lab.org"))
    on_hub(
        server,
        accounts(server).people.join(away, known.id, accounts(server).people.role_of(away, accounts(server).owner)),
    )
    browser.open("/account")
    browser.submit("/team/switch", team=away)
    assert add(browser, device).status_code == 200
    assert len(passkeys_of(server, person)) == 1


def test_nobody_has_more_than_twenty(server: Any, browser: Browser, person: str, device: Authenticator) -> None:
    browser.open("/account")
    browser.submit("/passkeys/new", name="Kept for later")
    early, form = browser.passkey_options(), browser.form("/passkeys/add")
    sealed = browser.cookie("arkitekt_passkey")
    for number in range(LIMIT):
        assert add(browser, device, name=f"Key {number}").status_code == 200
    browser.open("/account")
    refused = browser.submit("/passkeys/new", name="Key 21")
    assert (refused.status_code, "can have no more" in refused.text) == (409, True)
    # Nor by a challenge from when there were fewer.
    sent = {"origin": browser.url, "cookie": f"arkitekt_page={browser.cookie()}; arkitekt_passkey={sealed}"}
    fields = {**dict(form.fields), "credential": device.make(early)}
    assert httpx2.post(f"{browser.url}/passkeys/add", data=fields, headers=sent).status_code == 409
    assert len(passkeys_of(server, person)) == LIMIT
    print(f"\npasskey number {LIMIT + 1} refused, twice")


def test_the_only_way_in_is_not_taken_away(server: Any, browser: Browser, person: str, device: Authenticator) -> None:
    add(browser, device, name="First")
    add(browser, device, name="Second")
    first, second = passkeys_of(server, person)
    known = on_hub(server, accounts(server).people.find(f"{person}@lab.org"))

    async def change(work: Any) -> None:
        async with server.app.state.hub.database.engine.begin() as db:
            await db.execute(work)

    on_hub(server, change(t.person.update().where(t.person.c.id == known.id).values(password_hash=None)))
    browser.open("/account")
    browser.submit("/passkeys/remove", of={"passkey": first.handle})
    refused = browser.submit("/passkeys/remove", of={"passkey": second.handle})
    assert (refused.status_code, "your only way in" in refused.text) == (409, True)
    assert [one.name for one in passkeys_of(server, person)] == ["Second"]
    issuer, both = "https://id.lab.org", accounts(server)
    for subject in ("old", "new"):
        on_hub(server, both.identities.link(issuer, f"{person} {subject}", known.id))
    with pytest.raises(Conflict):  # the hub knows this provider no more
        on_hub(server, both.passkeys.remove(known.id, second.handle, provider="https://elsewhere.org"))
    for subject in ("old", "new"):  # with a passkey, none of them is the only way in
        on_hub(server, both.identities.unlink(issuer, f"{person} {subject}", known.id, provider=issuer))
    on_hub(server, both.identities.link(issuer, person, known.id))
    on_hub(server, both.passkeys.remove(known.id, second.handle, provider=issuer))
    assert passkeys_of(server, person) == []
    with pytest.raises(Conflict):
        on_hub(server, both.identities.unlink(issuer, person, known.id, provider=issuer))


def test_nobody_removes_the_passkey_of_another(
    server: Any, browser: Browser, person: str, device: Authenticator
) -> None:
    add(browser, device)
    handle = passkeys_of(server, person)[0].handle
    with Browser(browser.url) as owner:
        owner.sign_in("ada@lab.org")
        assert "Laptop" not in owner.text
        csrf = dict(owner.form("/sign-out").fields)["csrf"]
        assert owner.post("/passkeys/remove", [("csrf", csrf), ("passkey", handle)]).status_code == 404
    assert len(passkeys_of(server, person)) == 1
