"""The REST face refuses what makes no sense in one shape, and says who it is in every answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.rest import rest
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(grace_s=0.5, cancel_deadline_s=0.5, log_level="error") as running:
        yield running


@pytest.mark.requirement("wire.rest")
@scenario
async def test_every_error_has_the_one_shape(server: Any) -> None:
    async with rest(server) as web:
        for method, path, status, code in [
            ("GET", "/api/nowhere", 404, "not_found"),
            ("GET", "/nowhere", 404, "not_found"),
            ("DELETE", "/api/tasks", 405, "method_not_allowed"),
            ("GET", "/api/tasks/none", 404, "not_found"),
            ("GET", "/api/tasks/not%00an-id", 422, "bad_request"),
            ("GET", "/api/tasks?limit=0", 422, "bad_request"),
            ("GET", "/api/tasks?colour=blue", 422, "bad_request"),
            ("GET", "/api/me?colour=blue", 422, "bad_request"),
            ("GET", "/api/tasks?limit=1&limit=2", 422, "bad_request"),
            ("GET", "/api/tasks/", 404, "not_found"),
        ]:
            answer = await web.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (status, code), path
            assert set(answer.json()) == {"code", "message", "fields"}
            assert answer.headers["content-type"] == "application/json"


@scenario
async def test_a_body_that_is_no_json_or_too_large_is_refused(server: Any) -> None:
    async with rest(server) as web:
        for content, status, code in [
            (b'{"action": ', 400, "bad_request"),
            (b'{"action": "a.b", "args": {"x": NaN}}', 400, "bad_request"),
            (b"[" * 100_000, 400, "bad_request"),
            (b'{"action": "a.b", "args": {"x": "' + b"x" * 1024 * 1024 + b'"}}', 413, "too_large"),
            (b"\xff\xfe", 400, "bad_request"),
            (b"", 422, "bad_request"),
        ]:
            answer = await web.post("/api/tasks", content=content, headers={"content-type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (status, code), content[:40]


async def chunks() -> Any:
    for _ in range(40):
        yield b" " * 65536


@scenario
async def test_a_body_without_a_declared_length_is_bounded_too(server: Any) -> None:
    async with rest(server) as web:
        answer = await web.post("/api/tasks", content=chunks(), headers={"content-type": "application/json"})
        assert answer.status_code == 413


@pytest.mark.requirement("guard.required")
@scenario
async def test_nothing_of_a_body_is_looked_at_before_the_sign_in(server: Any) -> None:
    async with rest(server, token="nonsense") as web:
        answer = await web.post("/api/tasks", content=b"{", headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


@scenario
async def test_every_answer_carries_the_security_headers(server: Any) -> None:
    async with rest(server) as web:
        for path in (
            "/api/me",
            "/health",
            "/metrics",
            "/api/nowhere",
            "/nowhere",
            "/api/tasks?limit=x",
            "/api/openapi.json",
        ):
            headers = (await web.get(path)).headers
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'", path
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            if path.startswith("/api"):
                assert headers["cache-control"] == "no-store"


@pytest.mark.requirement("guard.loopback")
@scenario
async def test_a_hub_on_loopback_answers_to_its_own_names_only(server: Any) -> None:
    port = server.url.rsplit(":", 1)[1]
    async with rest(server) as web:
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", "[::1]:9", "LOCALHOST"):
            assert (await web.get("/api/me", headers={"host": host})).status_code == 200, host
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil", ""):
            refused = await web.get("/api/me", headers={"host": host})
            assert refused.status_code == 421, host
            assert refused.headers["x-content-type-options"] == "nosniff"
