"""Folders are made, found by path, renamed, moved, and removed when they are empty; nobody meets another one's."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from arkitekt_next.storage import data_tables as d
from tests.support.items import code, listed, make, store
from tests.support.rest import on_hub, rest
from tests.support.teams import cast, new_team, someone
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.folders")


async def folder(web: httpx2.AsyncClient, name: str, parent: str | None = None, **fields: Any) -> str:
    answer = await web.post("/api/folders", json={"name": name, "parent": parent, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def paths(web: httpx2.AsyncClient, **params: Any) -> list[str]:
    """List folders page by page; give their paths."""
    found: list[str] = []
    while True:
        page = (await web.get("/api/folders", params={"limit": 3, **params})).json()
        found += [one["path"] for one in page["items"]]
        if page["next"] is None:
            return found
        params["cursor"] = page["next"]


@scenario
async def test_folders_are_listed_with_their_paths_and_keep_what_they_hold_as_they_move(server: Any) -> None:
    async with rest(server) as web:
        top = await folder(web, "screen")
        inner = await folder(web, "plate 3", top)
        deep = await folder(web, "well A1", inner)
        item = await store(web, folder=deep)
        assert (await web.get(f"/api/folders/{deep}")).json()["path"] == "screen/plate 3/well A1"
        assert await paths(web) == ["screen"]
        assert await paths(web, parent=top) == ["screen/plate 3"]
        assert await paths(web, everywhere=True) == ["screen", "screen/plate 3", "screen/plate 3/well A1"]
        renamed = (await web.patch(f"/api/folders/{inner}", json={"name": "plate 4"})).json()
        assert (renamed["path"], renamed["parent"]) == ("screen/plate 4", top)
        moved = (await web.patch(f"/api/folders/{deep}", json={"parent": None})).json()
        assert (moved["path"], moved["parent"]) == ("well A1", None)
        assert await listed(web, folder=deep) == [item["id"]]
        moved = (await web.patch(f"/api/folders/{top}", json={"parent": deep, "name": "inside"})).json()
        assert moved["path"] == "well A1/inside"
        assert await paths(web, everywhere=True) == ["well A1/inside", "well A1/inside/plate 4", "well A1"]
        assert (await web.patch(f"/api/folders/{deep}", json={})).json()["path"] == "well A1"


@scenario
async def test_names_are_taken_once_in_one_place_and_by_nobody_who_is_not_seen(server: Any) -> None:
    async with cast(server, "member", "member") as (author, fellow):
        place = await folder(author.web, "names")
        await folder(author.web, "a", place)
        b = await folder(author.web, "b", place)
        for body in ({"name": "a", "parent": place}, {"name": "a", "parent": place, "visibility": "private"}):
            assert await code(author.web.post("/api/folders", json=body)) == "409 conflict"
        assert await code(author.web.patch(f"/api/folders/{b}", json={"name": "a"})) == "409 conflict"
        assert await code(author.web.patch(f"/api/folders/{b}", json={"name": "b"})) == "ok"
        elsewhere = await folder(author.web, "a")
        assert await code(author.web.patch(f"/api/folders/{elsewhere}", json={"parent": place})) == "409 conflict"
        secret = await folder(author.web, "secret", place, visibility="private")
        hers = await folder(fellow.web, "secret", place, visibility="private")
        assert secret != hers
        for name in ("", "a/b", "a\nb", "x" * 257):
            assert (await author.web.post("/api/folders", json={"name": name})).status_code == 422
        many = await asyncio.gather(*(author.web.post("/api/folders", json={"name": "race"}) for _ in range(20)))
        assert sorted(answer.status_code for answer in many) == [201] + [409] * 19


@scenario
async def test_a_folder_is_removed_only_when_nothing_is_in_it(server: Any) -> None:
    async with cast(server, "member", "member") as (author, fellow):
        place = await folder(author.web, "to go")
        inner = await folder(author.web, "inner", place)
        path = f"/api/folders/{place}"
        assert await code(author.web.delete(path)) == "409 conflict"
        assert await code(author.web.delete(f"/api/folders/{inner}")) == "ok"
        item = await store(author.web, folder=place)
        assert await code(author.web.delete(path)) == "409 conflict"
        await author.web.post(f"/api/items/{item['id']}/trash")
        hidden = await store(fellow.web, folder=place, visibility="private", name="hush")
        refused = await author.web.delete(path)
        assert refused.status_code == 409
        assert "hush" not in refused.text
        assert hidden["id"] not in refused.text
        assert (await author.web.get(f"/api/items/{item['id']}")).json()["folder"] == place, "it keeps its place"
        await fellow.web.patch(f"/api/items/{hidden['id']}", json={"folder": None})
        writing, _ = await make(fellow.web, folder=place)
        assert await code(author.web.delete(path)) == "409 conflict"
        await fellow.web.delete(f"/api/items/{writing['id']}")
        assert await code(author.web.delete(path)) == "ok"
        assert await code(author.web.get(path)) == "404 not_found"
        restored = (await author.web.post(f"/api/items/{item['id']}/restore")).json()
        assert restored["folder"] is None
        body = {"kind": "file", "name": "x", "folder": place}
        assert await code(author.web.post("/api/items", json=body)) == "404 not_found"
        assert await code(author.web.post("/api/folders", json={"name": "x", "parent": place})) == "404 not_found"


@scenario
async def test_filing_while_a_folder_is_removed_leaves_nothing_in_a_folder_that_is_gone(server: Any) -> None:
    async with rest(server) as web:
        item, filed = await store(web), 0
        for round in range(15):
            place = await folder(web, f"race {round}")
            works = [
                web.patch(f"/api/items/{item['id']}", json={"folder": place}),
                web.delete(f"/api/folders/{place}"),
                web.post("/api/items", json={"kind": "file", "name": "x", "folder": place}),
                web.post("/api/folders", json={"name": "inner", "parent": place}),
            ]
            for answer in await asyncio.gather(*works):
                assert answer.status_code < 500, answer.text
                filed += answer.status_code < 400

        async def dangling() -> int:
            async with server.app.state.hub.database.engine.connect() as db:
                there = {row.id for row in await db.execute(d.folder.select())}
                items = [row for row in await db.execute(d.item.select()) if row.folder_id not in (None, *there)]
                inner = [row for row in await db.execute(d.folder.select()) if row.parent_id not in ("", *there)]
                return len(items) + len(inner)

        assert await on_hub(server, dangling()) == 0
        print(f"N = 15 folders removed while four things were done to each, of which {filed} in all were done")


@scenario
async def test_no_folder_lies_in_itself_nor_deeper_than_32(server: Any) -> None:
    async with rest(server) as web:
        chain = [await folder(web, "c0")]
        for depth in range(1, 32):
            chain.append(await folder(web, f"c{depth}", chain[-1]))
        assert await code(web.post("/api/folders", json={"name": "c32", "parent": chain[-1]})) == "409 conflict"
        assert (await web.get(f"/api/folders/{chain[-1]}")).json()["path"] == "/".join(f"c{n}" for n in range(32))
        for place in (chain[0], chain[1], chain[31]):
            assert await code(web.patch(f"/api/folders/{chain[0]}", json={"parent": place})) == "409 conflict"
        outside = await folder(web, "outside")
        assert await code(web.patch(f"/api/folders/{chain[0]}", json={"parent": outside})) == "409 conflict"
        assert await code(web.patch(f"/api/folders/{outside}", json={"parent": chain[30]})) == "ok"
        for round in range(10):
            one, two = await folder(web, f"one {round}"), await folder(web, f"two {round}")
            into = [
                web.patch(f"/api/folders/{one}", json={"parent": two}),
                web.patch(f"/api/folders/{two}", json={"parent": one}),
            ]
            assert sorted(answer.status_code for answer in await asyncio.gather(*into)) == [200, 409]


@pytest.mark.requirement("data.seen")
@scenario
async def test_another_ones_private_folder_is_nowhere_and_guests_have_their_own_alone(server: Any) -> None:
    away = await new_team(server)
    async with (
        cast(server, "member", "owner", "guest") as (author, owner, guest),
        someone(server, "owner", team=away) as other,
    ):
        private = await folder(author.web, "private", visibility="private")
        inner = await folder(author.web, "inner", private, visibility="team")
        assert (await author.web.get(f"/api/folders/{inner}")).json()["visibility"] == "private"
        teams = await folder(author.web, "the team's")
        asked = 0
        for who, hidden in ((owner, (private, inner)), (guest, (private, inner, teams)), (other, (private, teams))):
            for id in hidden:
                for work in (
                    who.web.get(f"/api/folders/{id}"),
                    who.web.patch(f"/api/folders/{id}", json={"name": "x"}),
                    who.web.delete(f"/api/folders/{id}"),
                    who.web.post("/api/folders", json={"name": "x", "parent": id}),
                    who.web.post("/api/items", json={"kind": "file", "name": "x", "folder": id}),
                ):
                    assert await code(work) == "404 not_found"
                    asked += 1
                mine = await store(who.web)
                assert await code(who.web.patch(f"/api/items/{mine['id']}", json={"folder": id})) == "404 not_found"
                assert id not in (await who.web.get("/api/folders", params={"everywhere": True})).text
                assert id not in (await who.web.get("/api/folders", params={"parent": private})).text
        item = await store(author.web, folder=private)
        assert item["folder"] == private
        assert (await owner.web.get(f"/api/items/{item['id']}")).json()["folder"] is None
        assert await code(author.web.patch(f"/api/folders/{teams}", json={"parent": private})) == "409 conflict"
        assert await code(author.web.patch(f"/api/folders/{private}", json={"parent": teams})) == "ok"
        own = await folder(guest.web, "the guest's")
        assert await paths(guest.web) == ["the guest's"]
        assert await code(guest.web.patch(f"/api/folders/{own}", json={"name": "renamed"})) == "ok"
        print(f"N = {asked} ways to ask for a folder that is not there for one")


@scenario
async def test_a_teams_folder_is_changed_by_whose_it_is_and_by_who_keeps_the_team(server: Any) -> None:
    async with cast(server, "member", "member", "admin") as (author, member, admin):
        for who, expected in ((member, "403 not_permitted"), (admin, "ok"), (author, "ok")):
            place = await folder(author.web, f"of the author {who.id[-6:]}")
            assert await code(who.web.patch(f"/api/folders/{place}", json={"name": f"x {who.id[-6:]}"})) == expected
            assert await code(who.web.delete(f"/api/folders/{place}")) == expected
