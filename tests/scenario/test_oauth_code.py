"""Code and PKCE, refreshing, and what clients find out for themselves: by requests-oauthlib, PyJWT and Authlib."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
import pytest
import requests
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from oauthlib.oauth2 import InvalidClientError, InvalidGrantError, InvalidScopeError
from requests.auth import HTTPBasicAuth

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.embedded import serve
from arkitekt_next.errors import NotPermitted, RequestRefused
from arkitekt_next.hub.accounts.oauth import authorize
from tests.support.oauth import REDIRECT, Program, accounts_of, agree, ask, at_page, device_sign_in, newcomer, register

HTTPS = "https://reader.example.org/cb"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


def get(server: Any, path: str, token: str | None = None) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token is not None else {}
    return requests.get(server.url + path, headers=headers, timeout=20)


def post(server: Any, path: str, form: dict[str, str], **options: Any) -> Any:
    return requests.post(server.url + path, data=form, timeout=20, **options)


def verified(server: Any, token: str, audience: str) -> dict[str, Any]:
    """Verify a token as any program would: by the published keys, with PyJWT."""
    described = get(server, "/.well-known/openid-configuration").json()
    keys = jwt.PyJWKClient(described["jwks_uri"])
    claims: dict[str, Any] = jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=described["id_token_signing_alg_values_supported"],
        audience=audience,
        issuer=described["issuer"],
        options={"require": ["exp", "iat", "iss", "aud", "sub"]},
    )
    return claims


# -- getting in ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("oauth.code")
def test_a_program_of_the_desk_gets_in_by_code_and_pkce_without_being_registered(server: Any) -> None:
    program = Program(server)
    answered = agree(server, program.address(app="notebook"))
    query = parse_qs(urlsplit(answered).query)
    assert answered.startswith(REDIRECT + "?")
    assert query["iss"] == [server.app.state.hub.url]
    assert query["state"] == [program.session._state]
    tokens = program.fetch(answered)
    known = get(server, "/api/me", tokens["access_token"]).json()
    assert (known["app"], known["scopes"]) == ("notebook", ["call", "read"])
    assert tokens["team"]["name"] == "home"


@pytest.mark.requirement("oauth.code")
@pytest.mark.parametrize("how", ["basic", "post"])
def test_a_program_with_a_secret_proves_it_either_way(server: Any, how: str) -> None:
    client, secret = register(server, HTTPS, public=False)
    program = Program(server, client=client.id, redirect_uri=HTTPS, secret=secret if how == "basic" else "")
    answered = agree(server, program.address())
    if how == "basic":
        tokens = program.fetch(answered)
    else:
        tokens = program.session.fetch_token(
            program.token_url, authorization_response=answered, client_secret=secret, include_client_id=True
        )
    assert tokens["app"] == "plate-reader"
    assert get(server, "/api/me", tokens["access_token"]).json()["app"] == "plate-reader"


@pytest.mark.requirement("oauth.code")
def test_a_program_with_a_secret_is_nothing_without_it(server: Any) -> None:
    client, secret = register(server, HTTPS, public=False)
    program = Program(server, client=client.id, redirect_uri=HTTPS)
    answered = agree(server, program.address())
    with pytest.raises(InvalidClientError):
        program.fetch(answered)
    for wrong in ("wrong", secret[:-1], secret.upper()):
        program.secret = wrong
        with pytest.raises(InvalidClientError):
            program.fetch(answered)
        form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": client.id, "client_secret": wrong}
        refused = post(server, "/oauth/token", form)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    twice = post(server, "/oauth/token", form, auth=HTTPBasicAuth(client.id, secret))
    assert (twice.status_code, twice.json()["error"]) == (400, "invalid_request")
    program.secret = secret
    assert program.fetch(answered)["access_token"]


@pytest.mark.requirement("oauth.code")
def test_a_person_may_agree_to_less_or_to_nothing(server: Any) -> None:
    program, accounts = Program(server, scope=("read", "call", "provide")), accounts_of(server)
    with pytest.raises(RequestRefused, match="at least one of what is asked for"):
        agree(server, program.address(), scopes=[Scope.MANAGE])
    with pytest.raises(RequestRefused, match="at least one of what is asked for"):
        agree(server, program.address(), scopes=[])
    with pytest.raises(Warning, match="Scope has changed"):
        program.fetch(agree(server, program.address(), scopes=[Scope.READ]))
    asked = ask(server, authorize.check(accounts, parse_qsl(urlsplit(program.address()).query)))
    query = parse_qs(urlsplit(authorize.deny(asked)).query)
    assert (query["error"], query["state"]) == (["access_denied"], [asked.state])


@pytest.mark.requirement("oauth.code")
def test_a_teams_program_lets_only_that_team_in(server: Any) -> None:
    owner = newcomer(server)
    team = ask(server, accounts_of(server).people.create_team("neighbours", owner))
    client, _ = register(server, HTTPS, who=at_page(server, team=team, person=owner))
    address = Program(server, client=client.id, redirect_uri=HTTPS).address()
    with pytest.raises(NotPermitted, match="another team"):
        agree(server, address)
    assert agree(server, address, who=at_page(server, team=team, person=owner)).startswith(HTTPS + "?")


@pytest.mark.requirement("oauth.code")
def test_a_removed_program_gets_no_more_tokens(server: Any) -> None:
    client, _ = register(server, HTTPS)
    program = Program(server, client=client.id, redirect_uri=HTTPS)
    tokens = program.sign_in()
    ask(server, accounts_of(server).clients.revoke(accounts_of(server).team, client.id))
    with pytest.raises(InvalidClientError):
        program.refresh(tokens["refresh_token"])
    with pytest.raises(RequestRefused, match="no program is registered"):
        agree(server, program.address())


# -- what others verify --------------------------------------------------------------------------------------


@pytest.mark.requirement("oauth.code")
def test_a_library_of_others_verifies_access_and_identity_from_the_published_keys(server: Any) -> None:
    client, secret = register(server, HTTPS, public=False)
    program = Program(server, client=client.id, secret=secret, redirect_uri=HTTPS, scope=("read", "openid"))
    tokens = program.sign_in(nonce="n-0S6_WzA2Mj")
    access = verified(server, tokens["access_token"], "arkitekt-next")
    assert jwt.get_unverified_header(tokens["access_token"])["typ"] == "at+jwt"
    assert (access["client_id"], access["scope"], access["app"]) == (client.id, "read", "plate-reader")
    assert 1790 <= access["exp"] - access["iat"] <= 1800
    identity = verified(server, tokens["id_token"], client.id)
    assert (identity["sub"], identity["nonce"]) == (access["sub"], "n-0S6_WzA2Mj")
    about = get(server, "/oauth/userinfo", tokens["access_token"]).json()
    assert (about["sub"], about["name"]) == (identity["sub"], identity["name"])
    with pytest.raises(jwt.InvalidAudienceError):
        verified(server, tokens["access_token"], client.id)


@pytest.mark.requirement("oauth.code")
def test_who_wants_to_know_who_it_is_and_no_more_gets_no_rights(server: Any) -> None:
    program = Program(server, scope=("openid",))
    tokens = program.sign_in()
    assert tokens["scope"] == ["openid"]
    assert "nonce" not in verified(server, tokens["id_token"], "arkitekt-next")
    assert get(server, "/oauth/userinfo", tokens["access_token"]).status_code == 200
    assert get(server, "/api/me", tokens["access_token"]).status_code == 403
    assert get(server, "/oauth/userinfo").status_code == 401


@pytest.mark.requirement("oauth.code")
def test_tokens_outlive_the_rotation_of_the_key_that_signed_them(server: Any) -> None:
    before = device_sign_in(server)["access_token"]
    id = ask(server, accounts_of(server).keys.rotate())
    after = device_sign_in(server)["access_token"]
    assert jwt.get_unverified_header(after)["kid"] == id != jwt.get_unverified_header(before)["kid"]
    for token in (before, after):
        assert verified(server, token, "arkitekt-next")
        assert get(server, "/api/me", token).status_code == 200
    published = get(server, "/oauth/jwks").json()["keys"]
    assert {(key["alg"], key["use"], key["kty"]) for key in published} == {("ES256", "sig", "EC")}
    assert not any("d" in key for key in published)


@pytest.mark.requirement("oauth.code")
def test_the_hub_describes_itself_as_the_standards_say_and_each_address_answers(server: Any) -> None:
    oauth = get(server, "/.well-known/oauth-authorization-server").json()
    openid = get(server, "/.well-known/openid-configuration").json()
    AuthorizationServerMetadata(oauth).validate()
    assert openid.items() >= oauth.items()
    assert oauth["issuer"] == server.app.state.hub.url
    assert oauth["code_challenge_methods_supported"] == ["S256"]
    for name in ("token", "device_authorization", "revocation", "introspection"):
        answer = requests.post(oauth[f"{name}_endpoint"], data={"client_id": "nobody"}, timeout=20)
        assert answer.json()["error"] in ("invalid_client", "invalid_request"), name
        assert answer.headers["cache-control"] == "no-store"
    assert get(server, urlsplit(openid["userinfo_endpoint"]).path).json()["error"] == "invalid_token"


# -- going on, and ending ------------------------------------------------------------------------------------


@pytest.mark.requirement("oauth.rotation")
def test_a_refresh_may_narrow_an_access_token_and_the_next_may_be_whole_again(server: Any) -> None:
    program = Program(server)
    first = program.sign_in()
    program.session.scope = ["read"]
    narrow = program.refresh(first["refresh_token"])
    assert get(server, "/api/me", narrow["access_token"]).json()["scopes"] == ["read"]
    assert get(server, "/api/me", first["access_token"]).json()["scopes"] == ["call", "read"]
    program.session.scope = ["read", "manage"]
    with pytest.raises(InvalidScopeError):
        program.refresh(narrow["refresh_token"])
    program.session.scope = None
    whole = program.refresh(narrow["refresh_token"])
    assert get(server, "/api/me", whole["access_token"]).json()["scopes"] == ["call", "read"]


@pytest.mark.requirement("oauth.rotation")
def test_a_refresh_token_is_of_use_to_its_own_client_only(server: Any) -> None:
    tokens = Program(server).sign_in()
    client, _ = register(server, HTTPS)
    with pytest.raises(InvalidGrantError):
        Program(server, client=client.id).refresh(tokens["refresh_token"])
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert post(server, "/oauth/token", form).json()["error"] == "invalid_client"
    assert Program(server).refresh(tokens["refresh_token"])["access_token"]


@pytest.mark.requirement("oauth.rotation")
@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revoking_either_token_ends_the_whole_sign_in(server: Any, kind: str) -> None:
    tokens = device_sign_in(server)
    client, _ = register(server, HTTPS)
    for other in ({"client_id": client.id}, {"client_id": "arkitekt-next", "token": "no-such-token"}):
        assert post(server, "/oauth/revoke", {"token": tokens[kind], **other}).status_code == 200
    assert get(server, "/api/me", tokens["access_token"]).status_code == 200
    form = {"client_id": "arkitekt-next", "token": tokens[kind], "token_type_hint": "whatever"}
    assert [post(server, "/oauth/revoke", form).status_code for _ in range(2)] == [200, 200]
    assert get(server, "/api/me", tokens["access_token"]).status_code == 401
    with pytest.raises(InvalidGrantError):
        Program(server).refresh(tokens["refresh_token"])
    assert ask(server, accounts_of(server).audit.read(limit=1))[0].event == "login.revoked"


def introspect(server: Any, token: str, bearer: str | None = None, **options: Any) -> Any:
    headers = {"authorization": f"Bearer {bearer}"} if bearer is not None else {}
    return post(server, "/oauth/introspect", {"token": token}, headers=headers, **options)


@pytest.mark.requirement("oauth.code")
def test_introspection_tells_a_team_about_its_own_tokens_and_nobody_else(server: Any) -> None:
    accounts, owner = accounts_of(server), newcomer(server)
    team = ask(server, accounts.people.create_team("neighbours", owner))
    ours, secret = register(server, HTTPS, public=False)
    theirs, other_secret = register(server, HTTPS, public=False, who=at_page(server, team=team, person=owner))
    tokens = device_sign_in(server, app="seen")
    said = introspect(server, tokens["access_token"], auth=HTTPBasicAuth(ours.id, secret)).json()
    assert (said["active"], said["app"], said["client_id"]) == (True, "seen", "arkitekt-next")
    assert said["exp"] == jwt.decode(tokens["access_token"], options={"verify_signature": False})["exp"]
    assert introspect(server, tokens["refresh_token"], tokens["access_token"]).json()["active"] is True
    foreign, _ = ask(server, accounts.issue(team=team, person=owner, app="other"))
    narrow, _ = ask(server, accounts.issue(team=accounts.team, person=newcomer(server), app="n", scopes=[Scope.CALL]))
    inactive = {"active": False}
    assert introspect(server, tokens["access_token"], foreign).json() == inactive
    assert introspect(server, tokens["access_token"], narrow).json() == inactive
    assert introspect(server, tokens["access_token"], auth=HTTPBasicAuth(theirs.id, other_secret)).json() == inactive
    assert introspect(server, "nonsense", tokens["access_token"]).json() == inactive
    assert introspect(server, tokens["access_token"]).status_code == 401
    assert introspect(server, tokens["access_token"], "nonsense").status_code == 401
    Program(server).refresh(tokens["refresh_token"])
    assert introspect(server, tokens["refresh_token"], tokens["access_token"]).json() == inactive


# -- apps that nobody watches --------------------------------------------------------------------------------


def redeem(server: Any, secret: str, app: str = "night", **more: str) -> Any:
    grant = "urn:arkitekt:params:oauth:grant-type:redeem_token"
    form = {"grant_type": grant, "client_id": "arkitekt-next", "redeem_token": secret, "app": app, **more}
    return post(server, "/oauth/token", form)


def redeem_token(server: Any, **options: Any) -> str:
    given = {"app": None, "scopes": [Scope.READ, Scope.PROVIDE], "is_single_use": True, "expires_s": 60, **options}
    secret: str = ask(server, accounts_of(server).redeem_tokens.create(given.pop("who", at_page(server)), **given))[1]
    return secret


@pytest.mark.requirement("oauth.redeem")
def test_a_redeem_token_lets_an_app_in_once_and_it_refreshes_from_then_on(server: Any) -> None:
    secret = redeem_token(server)
    first = redeem(server, secret, machine="rack-4", version="1.0")
    tokens = first.json()
    assert (first.status_code, tokens["app"], tokens["scope"]) == (200, "night", "provide read")
    assert get(server, "/api/me", tokens["access_token"]).json()["app"] == "night"
    again = redeem(server, secret)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    fresh = Program(server, scope=("read", "provide")).refresh(tokens["refresh_token"])
    assert get(server, "/api/me", fresh["access_token"]).status_code == 200


@pytest.mark.requirement("oauth.redeem")
def test_a_bound_redeem_token_lets_its_app_in_again_and_no_other(server: Any) -> None:
    secret = redeem_token(server, app="night", is_single_use=False)
    assert redeem(server, secret, "day").json()["error"] == "invalid_grant"
    assert [redeem(server, secret).status_code for _ in range(3)] == [200, 200, 200]
    assert redeem(server, secret, scope="read manage").json()["scope"] == "read"


@pytest.mark.requirement("oauth.redeem")
def test_a_redeem_token_ends_with_its_maker_and_is_for_our_own_client(server: Any) -> None:
    person = newcomer(server, Role.MEMBER)
    secret = redeem_token(server, who=at_page(server, person=person), app="night", is_single_use=False)
    client, _ = register(server, HTTPS)
    assert redeem(server, secret, client_id=client.id).json()["error"] == "unauthorized_client"
    assert redeem(server, secret, "No App").json()["error"] == "invalid_request"
    assert redeem(server, secret, scope="everything").json()["error"] == "invalid_scope"
    assert redeem(server, secret).status_code == 200
    ask(server, accounts_of(server).people.set_disabled(person, True))
    assert redeem(server, secret).json()["error"] == "invalid_grant"
    ask(server, accounts_of(server).people.set_disabled(person, False))
    ask(server, accounts_of(server).remove_member(accounts_of(server).team, person))
    assert redeem(server, secret).json()["error"] == "invalid_grant"
    assert redeem(server, uuid.uuid4().hex).json()["error"] == "invalid_grant"
