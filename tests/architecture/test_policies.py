"""Every route and every websocket message says what it asks of whoever uses it; one that does not can't be served."""

from __future__ import annotations

from inspect import iscoroutinefunction
from pathlib import Path

import pytest
from fastapi import Request
from starlette.routing import WebSocketRoute

from arkitekt_next.hub.agents.socket import MESSAGES
from arkitekt_next.hub.app import create_app
from arkitekt_next.hub.core.config import HubSettings
from arkitekt_next.hub.core.policy import CALL, KEEP, MANAGE, OWN, PROVIDE, PUBLIC, SEE, SHARE, SIGN_IN, STORE, Policy
from arkitekt_next.hub.core.route import Route, router
from arkitekt_next.hub.data.gateway.route import METHODS, SIGNED, GatewayRoute
from arkitekt_next.wire.messages import FROM_CLIENT, Ping, Pong, kind_of

PUBLIC_PATHS = {
    "/health",
    "/metrics",
    "/api/openapi.json",
    "/api/schema/messages.json",
    "/api/schema/definition.json",
    "/api/auth/local/challenge",
    "/api/auth/local/token",
    "/oauth/device_authorization",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/introspect",
    "/oauth/jwks",
    "/oauth/userinfo",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/sign-in",
    "/sign-in/passkey",
    "/sign-in/passkey/answer",
    "/enter",
    "/setup",
    "/setup/account",
    "/invite",
    "/invite/accept",
    "/invite/sign-in",
    "/invite/account",
    "/static/{name}",
    "/page/{name}",
    "/oidc/start",
    "/oidc/callback",
    "/oidc/join",
}
PUBLIC_METHODS = {("GET", "/oauth/authorize")}  # what is asked for is checked before anybody has to sign in for it
CHANGING = {
    ("POST", "/api/tasks"): CALL,
    ("POST", "/api/tasks/{task}/again"): CALL,
    ("POST", "/api/tasks/{task}/{verb}"): CALL,
    ("POST", "/api/items"): STORE,
    ("PATCH", "/api/items/{item}"): STORE,
    ("DELETE", "/api/items/{item}"): STORE,
    ("POST", "/api/items/{item}/commit"): STORE,
    ("POST", "/api/items/{item}/grants"): STORE,
    ("POST", "/api/items/{item}/links"): STORE,
    ("POST", "/api/items/{item}/trash"): STORE,
    ("POST", "/api/items/{item}/restore"): STORE,
    ("PUT", "/api/items/{item}/tags/{tag}"): STORE,
    ("DELETE", "/api/items/{item}/tags/{tag}"): STORE,
    ("POST", "/api/folders"): STORE,
    ("PATCH", "/api/folders/{folder}"): STORE,
    ("DELETE", "/api/folders/{folder}"): STORE,
    ("PUT", "/api/apps/{identifier}/sources/{source_hash}"): PROVIDE,
    ("PATCH", "/api/account"): OWN,
    ("DELETE", "/api/logins/{login}"): OWN,
    ("POST", "/api/redeem-tokens"): OWN,
    ("DELETE", "/api/redeem-tokens/{token}"): OWN,
    ("POST", "/api/devices/{user_code}/approve"): OWN,
    ("POST", "/api/devices/{user_code}/deny"): OWN,
    ("POST", "/api/clients"): MANAGE,
    ("DELETE", "/api/clients/{client}"): MANAGE,
    ("POST", "/api/teams"): KEEP,
    ("POST", "/api/team/switch"): OWN,
    ("PATCH", "/api/members/{person}"): MANAGE,
    ("DELETE", "/api/members/{person}"): OWN,
    ("POST", "/api/invitations"): MANAGE,
    ("DELETE", "/api/invitations/{invitation}"): MANAGE,
    ("POST", "/api/people"): KEEP,
    ("PATCH", "/api/people/{person}"): KEEP,
    ("POST", "/api/people/{person}/link"): KEEP,
    ("POST", "/api/keys/rotate"): KEEP,
    ("PUT", "/api/apps/{identifier}/providers/{person}"): SHARE,
    ("DELETE", "/api/apps/{identifier}/providers/{person}"): SHARE,
    ("PUT", "/api/actions/{name}/shares/{person}"): SHARE,
    ("DELETE", "/api/actions/{name}/shares/{person}"): SHARE,
    ("POST", "/api/account/link"): KEEP,
    ("POST", "/api/account/page-link"): KEEP,
    ("POST", "/sign-out"): OWN,
    ("POST", "/setup/begin"): OWN,
    ("POST", "/passkeys/new"): OWN,
    ("POST", "/passkeys/add"): OWN,
    ("POST", "/passkeys/remove"): OWN,
    ("POST", "/device"): OWN,
    ("POST", "/device/decide"): OWN,
    ("POST", "/oauth/authorize"): OWN,
    ("POST", "/oidc/link"): OWN,
    ("POST", "/oidc/unlink"): OWN,
    ("POST", "/team/switch"): OWN,
    ("POST", "/team/leave"): OWN,
    ("POST", "/logins/revoke"): OWN,
    ("POST", "/invitations"): MANAGE,
    ("POST", "/invitations/revoke"): MANAGE,
    ("POST", "/members/role"): MANAGE,
    ("POST", "/members/remove"): MANAGE,
}
GUARDED_READS = {
    "/api/account": OWN,
    "/api/logins": OWN,
    "/api/redeem-tokens": OWN,
    "/api/devices/{user_code}": OWN,
    "/api/clients": MANAGE,
    "/api/invitations": MANAGE,
    "/api/team/audit": MANAGE,
    "/api/people": KEEP,
    "/api/keys": KEEP,
    "/api/audit": KEEP,
    "/api/audit/verify": KEEP,
    "/api/apps/{identifier}/providers": SHARE,
    "/api/apps/{identifier}/sources/{source_hash}": PROVIDE,
    "/api/actions/{name}/shares": SHARE,
}
READING_POSTS = {"/api/actions/{name}/check"}
ANSWERED_BY_THE_SESSION = {Ping, Pong}


@pytest.mark.requirement("guard.policies")
def test_every_route_declares_its_policy(tmp_path: Path) -> None:
    routes = create_app(HubSettings(folder=tmp_path)).routes
    assert len(routes) > 20
    for route in routes:
        if isinstance(route, WebSocketRoute):
            assert isinstance(getattr(route.endpoint, "policy", None), Policy), route.path
        else:
            assert isinstance(route, Route | GatewayRoute), route
            assert isinstance(route.rule, Policy), route.path


@pytest.mark.requirement("guard.required")
def test_only_these_routes_need_no_sign_in(tmp_path: Path) -> None:
    routes = [r for r in create_app(HubSettings(folder=tmp_path)).routes if isinstance(r, Route)]
    found = {(method, r.path) for r in routes for method in r.methods or () if r.rule.verb is None}
    assert found >= PUBLIC_METHODS
    assert {path for _, path in found - PUBLIC_METHODS} == PUBLIC_PATHS


@pytest.mark.requirement("guard.required", "data.grants")
def test_only_the_gateway_lets_in_by_a_signature(tmp_path: Path) -> None:
    routes = [r for r in create_app(HubSettings(folder=tmp_path)).routes if isinstance(r, GatewayRoute)]
    assert {route.path: route.rule for route in routes} == {
        "/arkitekt-data": SIGNED,
        "/arkitekt-data/{key:path}": SIGNED,
    }
    assert SIGNED.verb is None
    assert SIGNED.burst < PUBLIC.burst
    assert {method for route in routes for method in route.methods or ()} == set(METHODS)


def test_a_route_that_changes_something_asks_for_more_than_reading(tmp_path: Path) -> None:
    for route in create_app(HubSettings(folder=tmp_path)).routes:
        if isinstance(route, Route) and route.rule.verb is not None:
            for method in route.methods or ():
                if method == "GET" or route.path in READING_POSTS:
                    assert route.rule is GUARDED_READS.get(route.path, SEE), route.path
                else:
                    assert route.rule is CHANGING[(method, route.path)]


@pytest.mark.requirement("guard.policies")
def test_nothing_that_a_request_goes_through_is_run_in_a_thread(tmp_path: Path) -> None:
    plain = [
        f"{route.path}: {call.__name__}"
        for route in create_app(HubSettings(folder=tmp_path)).routes
        if isinstance(route, Route)
        for call in (route.endpoint, *(needed.call for needed in route.dependant.dependencies))
        if call is not None and not iscoroutinefunction(call)
    ]
    assert plain == [], "FastAPI runs plain functions in threads"


def test_a_route_without_a_policy_can_not_be_made() -> None:
    broken = router(prefix="/api", tag="broken")

    async def forgotten(request: Request) -> None: ...

    with pytest.raises(TypeError, match="declares no policy"):
        broken.get("/forgotten")(forgotten)


@pytest.mark.requirement("guard.policies")
def test_every_message_of_a_client_declares_its_policy() -> None:
    undeclared = [kind_of(kind) for kind in FROM_CLIENT if kind not in MESSAGES and kind not in ANSWERED_BY_THE_SESSION]
    assert undeclared == []
    for kind, (rule, _) in MESSAGES.items():
        assert rule in (PUBLIC, SEE, CALL, PROVIDE), kind


def test_messages_ask_for_the_scope_of_what_they_do() -> None:
    scopes = {kind_of(kind): rule.name for kind, (rule, _) in MESSAGES.items()}
    unasked = {"hello", "goodbye", "unsupported", "detach", "consumed"}
    assert {kind for kind, name in scopes.items() if name == "public"} == unasked
    assert {kind for kind, name in scopes.items() if name == "see"} == {"lookup", "attach"}
    assert {kind for kind, name in scopes.items() if name == "call"} == {"submit", "control"}
    assert set(scopes) - unasked - {"lookup", "attach", "submit"} == {
        "control",
        "provide",
        "drain",
        "bury",
        "started",
        "progress",
        "log",
        "yielded",
        "paused",
        "ended",
    }


def test_the_sign_in_is_held_tighter_than_other_public_routes() -> None:
    assert SIGN_IN.burst < PUBLIC.burst
    assert {p.name for p in (PUBLIC, SIGN_IN, SEE, CALL, PROVIDE, SHARE, OWN, MANAGE, KEEP)} == {
        "public",
        "sign in",
        "see",
        "call",
        "provide",
        "share",
        "manage own sign-ins",
        "manage the team",
        "keep the hub",
    }
