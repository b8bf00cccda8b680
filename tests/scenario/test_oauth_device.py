"""The device grant (RFC 8628) driven by oauthlib against a running hub: every way it can end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import update

from arkitekt_next.auth.principal import Scope
from arkitekt_next.auth.secrets import digest_of
from arkitekt_next.embedded import serve
from arkitekt_next.errors import NotFound
from arkitekt_next.hub.accounts.pruning import prune
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from tests.support.oauth import (
    Device,
    accounts_of,
    approve,
    ask,
    at_page,
    deny,
    newcomer,
    register,
)

pytestmark = pytest.mark.requirement("oauth.device")


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


def me(server: Any, token: str) -> Any:
    return requests.get(f"{server.url}/api/me", headers={"authorization": f"Bearer {token}"}, timeout=20)


def expire(server: Any, device: Device, *, ago_s: float = 0) -> None:
    """Let ten minutes, and then some, go by for one code, in the database."""
    hub = server.app.state.hub

    async def alter() -> None:
        of = t.device_code.c.digest == digest_of(device.codes["device_code"])
        async with hub.database.engine.begin() as db:
            await db.execute(update(t.device_code).where(of).values(expires_at_us=now_us() - 1 - round(ago_s * 1e6)))

    ask(server, alter())


def test_the_answer_has_what_a_person_needs_to_go_on(server: Any) -> None:
    codes = Device(server, app="segment", version="2.1", machine="scope-7").codes
    assert codes["verification_uri"] == f"{server.app.state.hub.url}/device"
    assert codes["verification_uri_complete"] == f"{codes['verification_uri']}#{codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (600, 5)
    assert len(codes["device_code"]) >= 43
    found = ask(server, accounts_of(server).devices.find_typed(codes["user_code"].lower().replace("-", " ")))
    assert (found.app, found.version, found.machine) == ("segment", "2.1", "scope-7")
    assert found.scopes == {Scope.READ, Scope.CALL}


def test_an_approved_app_gets_tokens_once_and_is_told_whom_it_acts_for(server: Any) -> None:
    device = Device(server, app="segment", machine="scope-7")
    approve(server, device.codes["user_code"])
    tokens = device.poll()
    assert (tokens["token_type"], tokens["expires_in"], tokens["app"]) == ("Bearer", 1800, "segment")
    known = me(server, tokens["access_token"]).json()
    assert (tokens["team"], tokens["person"]) == (known["team"], known["person"])
    assert (known["app"], known["scopes"]) == ("segment", ["call", "read"])
    assert device.error() == "invalid_grant"
    assert me(server, tokens["access_token"]).status_code == 200


def test_a_person_may_agree_to_less_than_was_asked_for(server: Any) -> None:
    device = Device(server, app="segment", scope=("read", "call", "provide"))
    approve(server, device.codes["user_code"], scopes=[Scope.READ])
    with pytest.raises(Warning, match="Scope has changed") as narrowed:
        device.poll()
    tokens = narrowed.value.token  # type: ignore[attr-defined]
    assert tokens["scope"] == ["read"]
    assert me(server, tokens["access_token"]).json()["scopes"] == ["read"]


def test_an_app_that_was_turned_away_is_told_so(server: Any) -> None:
    device = Device(server)
    deny(server, device.codes["user_code"])
    assert device.error() == "access_denied"


def test_an_app_that_waits_is_told_to_and_one_that_hurries_to_slow_down(server: Any) -> None:
    device = Device(server)
    assert [device.error() for _ in range(3)] == ["authorization_pending", "slow_down", "slow_down"]
    found = ask(server, accounts_of(server).devices.find(device.codes["device_code"]))
    assert found is not None
    assert found.interval_s == 15
    approve(server, device.codes["user_code"])
    assert device.poll()["access_token"]


def test_a_code_expires_whether_somebody_has_approved_it_or_not(server: Any) -> None:
    waiting, approved = Device(server), Device(server)
    approve(server, approved.codes["user_code"])
    for device in (waiting, approved):
        expire(server, device)
        assert device.error() == "expired_token"
    with pytest.raises(NotFound, match="Codes hold for 10 minutes"):
        approve(server, waiting.codes["user_code"])


def test_codes_are_gone_soon_after_they_have_expired(server: Any) -> None:
    old, recent = Device(server), Device(server)
    expire(server, old, ago_s=3601)
    expire(server, recent, ago_s=3500)
    ask(server, prune(server.app.state.hub.database, at_us=now_us()))
    assert [old.error(), recent.error()] == ["invalid_grant", "expired_token"]


@pytest.mark.parametrize("what", ["disabled", "removed", "revoked"])
def test_who_may_not_act_any_more_lets_no_device_in(server: Any, what: str) -> None:
    accounts, person = accounts_of(server), newcomer(server)
    device = Device(server)
    login = approve(server, device.codes["user_code"], person=person)
    if what == "disabled":
        ask(server, accounts.disable(person))
    elif what == "removed":
        ask(server, accounts.remove_member(accounts.team, person))
    else:
        ask(server, accounts.logins.revoke([login.id]))
    assert device.error() == "access_denied"


def test_a_device_code_is_of_use_to_its_own_client_only(server: Any) -> None:
    client, _ = register(server, "https://reader.example.org/cb")
    other = Device(server)
    approve(server, other.codes["user_code"])
    thief = Device(server, client=client.id)
    thief.codes["device_code"] = other.codes["device_code"]
    assert thief.error() == "unauthorized_client"
    thief.codes["device_code"] = "no-such-code"
    assert thief.error() == "invalid_grant"
    assert other.poll()["access_token"]


def test_a_teams_program_gets_in_for_that_team_only(server: Any) -> None:
    people = accounts_of(server).people
    owner = newcomer(server)
    team = ask(server, people.create_team("neighbours", owner))
    client, _ = register(server, "https://reader.example.org/cb", who=at_page(server, team=team, person=owner))
    device = Device(server, client=client.id)
    approve(server, device.codes["user_code"])  # in the first team, as no page would
    assert device.error() == "access_denied"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": ""}, "invalid_client"),
        ({"scope": "read everything"}, "invalid_scope"),
        ({"app": "Segment!"}, "invalid_request"),
        ({"app": "a" * 65}, "invalid_request"),
    ],
)
def test_what_an_app_says_of_itself_is_checked(server: Any, said: dict[str, str], error: str) -> None:
    form = {"client_id": "arkitekt-next", "app": "segment", **said}
    answer = requests.post(f"{server.url}/oauth/device_authorization", data=form, timeout=20)
    assert (answer.status_code, answer.json()["error"]) == (401 if error == "invalid_client" else 400, error)
    assert answer.json()["error_description"]


def test_a_sign_in_stands_in_the_audit_log(server: Any) -> None:
    device = Device(server, app="noted")
    login = approve(server, device.codes["user_code"])
    device.poll()
    newest = ask(server, accounts_of(server).audit.read(limit=1))[0]
    assert (newest.event, newest.subject, newest.person) == ("login.began", login.id, login.person)
    assert newest.data == {"app_of": "noted", "client": "arkitekt-next", "kind": "device"}


def test_it_all_holds_on_postgresql_too(postgres_url: str) -> None:
    with serve(log_level="error", database_url=postgres_url) as server:
        device = Device(server, app="segment")
        assert device.error() == "authorization_pending"
        approve(server, device.codes["user_code"])
        tokens = device.poll()
        assert me(server, tokens["access_token"]).json()["app"] == "segment"
        form = {"grant_type": "refresh_token", "client_id": "arkitekt-next", "refresh_token": tokens["refresh_token"]}
        answers = [requests.post(f"{server.url}/oauth/token", data=form, timeout=20).status_code for _ in range(2)]
        assert answers == [200, 400]
        assert me(server, tokens["access_token"]).status_code == 401
        for odd in ("\0", "a\0b", "\U0001f600"):
            form = {"client_id": odd, "app": "segment"}
            asked = requests.post(f"{server.url}/oauth/device_authorization", data=form, timeout=20)
            assert asked.status_code == 401
            form = {"client_id": "arkitekt-next", "app": "segment", "version": odd, "machine": odd}
            asked = requests.post(f"{server.url}/oauth/device_authorization", data=form, timeout=20)
            assert asked.status_code == 200
