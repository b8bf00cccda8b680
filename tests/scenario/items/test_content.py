"""What a page reads: addresses that need no header, for a while, and the small pictures of images."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest

from arkitekt_next.data.keys import THUMBNAIL
from tests.support.items import PNG, code, make, put, store, store_image
from tests.support.rest import rest
from tests.support.teams import cast
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.page")


def load(url: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    """Read an address as a browser does, with nothing but what stands in it."""
    asked = urllib.request.Request(url, headers=headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read(), refused.headers


@scenario
async def test_addresses_open_what_they_name_and_nothing_else(server: Any) -> None:
    async with rest(server) as web:
        item = await store(web, body=b"0123456789")
        other = await store(web, body=b"of another")
        answer = await web.post(f"/api/items/{item['id']}/links", json={"paths": ["a.bin", "b/ü c.bin"]})
        assert answer.status_code == 201, answer.text
        link, missing = answer.json()["links"]
        assert (link["path"], missing["path"]) == ("a.bin", "b/ü c.bin")
        assert load(link["url"])[:2] == (200, b"0123456789")
        assert load(link["url"], Range="bytes=2-4")[:2] == (206, b"234")
        assert load(link["url"], Range="bytes=-3")[:2] == (206, b"789")
        _, _, headers = load(link["url"], Origin=server.app.state.hub.url)
        assert headers["Access-Control-Allow-Origin"] == server.app.state.hub.url
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert load(missing["url"])[0] == 404
        for method in ("PUT", "DELETE", "POST", "HEAD"):
            assert load(link["url"], method)[0] in (403, 400, 405), method
        for changed in (
            link["url"].replace("a.bin", "b.bin"),
            link["url"].replace(item["id"], other["id"]),
            link["url"].replace("Expires=900", "Expires=899"),
            link["url"].partition("?")[0],
        ):
            assert load(changed)[0] == 403, changed


@scenario
async def test_addresses_are_at_the_name_by_which_the_hub_was_asked(server: Any) -> None:
    async with rest(server) as web:
        item = await store(web, body=b"0123456789")
        for name in ("127.0.0.1", "localhost"):
            host = f"{name}:{urlsplit(server.url).port}"
            answer = await web.post(f"/api/items/{item['id']}/links", json={"paths": ["a.bin"]}, headers={"Host": host})
            link = answer.json()["links"][0]["url"]
            assert urlsplit(link).netloc == host
            assert load(link)[:2] == (200, b"0123456789")


@scenario
async def test_addresses_end_with_their_time_and_with_the_right_to_read(server: Any) -> None:
    async with cast(server, "member", "member") as (author, fellow):
        item = await store(author.web, body=b"x")
        path = f"/api/items/{item['id']}/links"
        soon = (await fellow.web.post(path, json={"paths": ["a.bin"], "within_s": 1})).json()
        later = (await fellow.web.post(path, json={"paths": ["a.bin"]})).json()
        assert load(later["links"][0]["url"])[0] == 200
        async with asyncio.timeout(10):
            while load(soon["links"][0]["url"])[0] == 200:
                await asyncio.sleep(0.1)
        assert await code(author.web.patch(f"/api/items/{item['id']}", json={"visibility": "private"})) == "ok"
        assert load(later["links"][0]["url"])[0] == 403


@scenario
async def test_paths_that_are_none_are_refused(server: Any) -> None:
    async with rest(server) as web:
        item = (await store(web))["id"]
        for paths in (["a.bin", "../x"], ["a\\b"], ["/a"], ["a//b"], ["a\nb"], ["ü" * 600]):
            answer = await web.post(f"/api/items/{item}/links", json={"paths": paths})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value"), paths
            assert f"paths.{len(paths) - 1}" in answer.json()["message"]
        for form in ({"paths": []}, {"paths": ["a"] * 1001}, {"paths": ["a"], "within_s": 901}, {}):
            assert (await web.post(f"/api/items/{item}/links", json=form)).status_code == 422


@scenario
async def test_a_picture_is_sent_once_and_what_is_none_is_not_sent(server: Any) -> None:
    async with rest(server) as web:
        good = await store_image(web)
        answer = await web.get(f"/api/items/{good['id']}/thumbnail")
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PNG, "image/png")
        assert "sandbox" in answer.headers["content-security-policy"]
        again = await web.get(f"/api/items/{good['id']}/thumbnail", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for picture in (b"<svg onload='alert(1)'/>", b"", PNG + bytes(1024 * 1024)):
            bad = await store_image(web, picture=picture)
            assert await code(web.get(f"/api/items/{bad['id']}/thumbnail")) == "404 not_found"
        item, grant = await make(web, "image")
        await asyncio.to_thread(put, grant, THUMBNAIL, PNG)
        assert await code(web.get(f"/api/items/{item['id']}/thumbnail")) == "404 not_found", "not committed yet"


def test_the_digest_of_an_item_leaves_its_picture_out(server: Any) -> None:
    async def play() -> set[str]:
        async with rest(server) as web:
            made = [await store_image(web, picture=PNG + bytes([n])) for n in range(2)]
        return {item["digest"] for item in made}

    assert len(asyncio.run(play())) == 1
