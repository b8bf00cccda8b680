"""Who may open a websocket: the hub's own names, its own pages, a token; everybody else is told why not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.raw import sign_in
from tests.support.waiting import scenario


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    with serve(log_level="error") as running:
        yield running


async def upgrade(
    server: Any, *, host: str | None = None, token: str | None = None, origin: str = ""
) -> tuple[int, Any]:
    """Ask for an upgrade by hand; give status and, when it was refused, the error."""
    authority = server.url.removeprefix("http://")
    address, port = authority.split(":")
    reader, writer = await asyncio.open_connection(address, int(port))
    lines = ["GET /ws HTTP/1.1", f"Host: {authority if host is None else host}", "Upgrade: websocket"]
    lines += ["Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="]
    lines += [f"Authorization: Bearer {token}"] if token is not None else []
    lines += [f"Origin: {origin}"] if origin else []
    writer.write("\r\n".join([*lines, "", ""]).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    status = int(head.split()[1])
    body = None
    if status != 101:
        length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length"))
        body = json.loads(await reader.readexactly(length))
    writer.close()
    return status, body


@scenario
async def test_a_token_and_the_hubs_own_name_open_it(server: Any) -> None:
    token = await asyncio.to_thread(sign_in, server.url, server.folder, "app")
    port = server.url.rsplit(":", 1)[1]
    for host in (None, f"localhost:{port}", f"[::1]:{port}"):
        assert (await upgrade(server, host=host, token=token))[0] == 101


@pytest.mark.requirement("guard.required")
@scenario
async def test_without_a_token_it_stays_shut(server: Any) -> None:
    for token in (None, "", "nonsense"):
        status, error = await upgrade(server, token=token)
        assert (status, error["code"]) == (401, "not_authenticated")


@pytest.mark.requirement("guard.loopback")
@scenario
async def test_a_name_that_is_not_the_hubs_is_refused_even_with_a_token(server: Any) -> None:
    token = await asyncio.to_thread(sign_in, server.url, server.folder, "app")
    for host in ("evil.example", "127.0.0.1.evil.example:80", ""):
        status, error = await upgrade(server, host=host, token=token)
        assert (status, error["code"]) == (421, "bad_request"), host


@pytest.mark.requirement("guard.loopback")
@scenario
async def test_a_page_of_another_origin_is_refused_even_with_a_token(server: Any) -> None:
    token = await asyncio.to_thread(sign_in, server.url, server.folder, "app")
    for origin in ("http://evil.example", "http://localhost:1", "null", "http://[::1", "https://127.0.0.1.evil"):
        status, error = await upgrade(server, token=token, origin=origin)
        assert (status, error["code"]) == (403, "not_permitted"), origin
    assert (await upgrade(server, token=token, origin=server.url))[0] == 101
