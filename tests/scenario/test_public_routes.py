"""Routes that need no sign-in hold each address to a burst a minute, each by itself, and say when to come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core import context
from arkitekt_next.hub.core.policy import PUBLIC, SIGN_IN
from arkitekt_next.hub.core.route import Route
from arkitekt_next.hub.pages.route import PageRoute
from tests.support.rest import rest
from tests.support.waiting import scenario


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(context, "_LOCAL_FACTOR", 0.1)  # what 1,200 requests would show, 6 do too
    with serve(log_level="error") as running:
        yield running


def public(server: Any) -> list[Route]:
    return [route for route in server.app.routes if isinstance(route, Route) and route.rule.verb is None]


@pytest.mark.requirement("guard.required")
@scenario
async def test_every_public_route_answers_429_with_retry_after_when_it_is_asked_too_often(server: Any) -> None:
    routes = [route for route in public(server) if not isinstance(route, PageRoute)]
    assert len(routes) == 15
    async with httpx2.AsyncClient(base_url=server.url, timeout=20) as web:
        for route in routes:
            (method,) = route.methods
            allowed = round(route.rule.burst * 0.1)
            for _ in range(allowed):
                answer = await web.request(method, route.path, json={} if method == "POST" else None)
                assert answer.status_code in (200, 400, 401, 422), route.path
            refused = await web.request(method, route.path, json={} if method == "POST" else None)
            assert (refused.status_code, refused.json()["code"]) == (429, "busy"), route.path
            assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert {route.rule for route in routes} == {PUBLIC, SIGN_IN}


@pytest.mark.requirement("guard.required")
@scenario
async def test_every_public_page_answers_429_in_plain_words_when_it_is_asked_too_often(server: Any) -> None:
    routes = [route for route in public(server) if isinstance(route, PageRoute)]
    assert len(routes) > 10
    async with httpx2.AsyncClient(base_url=server.url, timeout=20, headers={"origin": server.url}) as web:
        for route in routes:
            (method,) = route.methods
            path, form = route.path.format(name="page.css"), {"csrf": "none"} if method == "POST" else None
            for _ in range(round(route.rule.burst * 0.1)):
                answer = await web.request(method, path, data=form)
                assert answer.status_code in (200, 400, 403, 404), route.path
            refused = await web.request(method, path, data=form)
            assert refused.status_code == 429, route.path
            assert "Too many tries" in refused.text
            assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert {route.rule for route in routes} == {PUBLIC, SIGN_IN}


@scenario
async def test_who_is_signed_in_is_not_held_back_by_it(server: Any) -> None:
    async with rest(server) as web:
        statuses = {(await web.get("/api/me")).status_code for _ in range(80)}
        assert statuses == {200}
