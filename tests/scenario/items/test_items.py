"""An item's life over REST and the gateway: made, written, committed, described, trashed, restored, given up."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from arkitekt_next.data.keys import prefix_of
from tests.support.items import (
    FILE,
    IMAGE,
    METAS,
    code,
    commit,
    fetch,
    granted,
    listed,
    make,
    put,
    refusal,
    s3_of,
    store,
)
from tests.support.rest import on_hub, rest
from tests.support.teams import cast, new_team, someone
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.items")


@scenario
async def test_an_item_is_made_written_committed_and_read_back_as_it_was(server: Any) -> None:
    body = bytes(range(256)) * 999
    async with rest(server, "cam") as web:
        item, grant = await make(web, "image", name="HeLa", note="plate 3", tags=["control", "hela", "control"])
        assert (item["committed_at_us"], item["size_bytes"], item["objects"], item["digest"]) == (None, 0, 0, None)
        assert (item["app"], item["tags"], item["visibility"]) == ("cam", ["control", "hela"], "team")
        assert (await web.get(f"/api/items/{item['id']}")).json() == item, "whoever writes it sees how it stands"
        assert item["id"] not in await listed(web)
        await asyncio.to_thread(put, grant, "zarr.json", b"{}")
        await asyncio.to_thread(put, grant, "0/c/0", body)
        done = await commit(web, item["id"])
        assert (done["size_bytes"], done["objects"]) == (len(body) + 2, 2)
        lines = "".join(
            f"{path}\0{hashlib.sha256(data).hexdigest()}\n" for path, data in (("0/c/0", body), ("zarr.json", b"{}"))
        )
        assert done["digest"] == hashlib.sha256(lines.encode()).hexdigest()
        assert done["meta"] == {**IMAGE, "scale": {}, "units": {}, "channels": [], "levels": 1, "role": "intensity"}
        assert (await web.get(f"/api/items/{item['id']}")).json() == done
        read = await granted(web, item["id"])
        assert await asyncio.to_thread(fetch, read, "0/c/0") == body
        assert await asyncio.to_thread(refusal, put, grant, "0/c/1", b"more") == "403 AccessDenied"
        assert await code(web.post(f"/api/items/{item['id']}/grants", json={"mode": "write"})) == "409 conflict"


@scenario
async def test_what_is_committed_is_committed_once_and_again_only_as_the_same(server: Any) -> None:
    async with rest(server) as web:
        item = await store(web, body=b"abc")
        path = f"/api/items/{item['id']}/commit"
        assert await commit(web, item["id"]) == item
        assert await commit(web, item["id"], meta=FILE, digest=item["digest"]) == item
        assert await code(web.post(path, json={"digest": "0" * 64})) == "409 conflict"
        assert await code(web.post(path, json={"meta": {**FILE, "name": "b.bin"}})) == "409 conflict"
        assert await code(web.delete(f"/api/items/{item['id']}")) == "409 conflict"
        assert (await web.get(f"/api/items/{item['id']}")).json() == item
        many = await asyncio.gather(*(web.post(path, json={}) for _ in range(20)))
        assert [answer.status_code for answer in many] == [200] * 20


@scenario
async def test_twenty_commits_at_once_of_an_open_item_give_one_and_the_same(server: Any) -> None:
    async with rest(server) as web:
        item, grant = await make(web)
        await asyncio.to_thread(put, grant, "a", b"1")
        path = f"/api/items/{item['id']}/commit"
        many = await asyncio.gather(*(web.post(path, json={}) for _ in range(20)))
        assert [answer.status_code for answer in many] == [200] * 20
        assert len({answer.json()["committed_at_us"] for answer in many}) == 1


@scenario
async def test_nothing_written_another_digest_and_other_metadata_than_the_kind_says_commit_nothing(server: Any) -> None:
    async with rest(server) as web:
        item, grant = await make(web, "file", meta={})
        path = f"/api/items/{item['id']}/commit"
        assert await code(web.post(path, json={"meta": FILE})) == "409 conflict"
        await asyncio.to_thread(put, grant, "a", b"1")
        assert await code(web.post(path, json={"meta": FILE, "digest": "ab" * 32})) == "409 conflict"
        said = await web.post(path, json={})
        assert (said.status_code, said.json()["code"]) == (422, "invalid_metadata")
        assert said.json()["message"] == "meta.name: expected a value, got none. Add the field"
        assert (await web.get(f"/api/items/{item['id']}")).json()["committed_at_us"] is None
        assert (await commit(web, item["id"], meta=FILE))["meta"] == FILE


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("image", {**IMAGE, "axes": ["y", "x", "c"]}),
    ("image", {**IMAGE, "shape": [3, 64]}),
    ("image", {**IMAGE, "shape": [3, 0, 48]}),
    ("image", {**IMAGE, "shape": [3, 64, 2**60]}),
    ("image", {**IMAGE, "shape": [True, 64, 48]}),
    ("image", {**IMAGE, "dtype": "object"}),
    ("image", {**IMAGE, "sizes": 3}),
    ("image", {**IMAGE, "scale": {"x": -0.5}}),
    ("image", {**IMAGE, "units": {"x": "furlong"}}),
    ("image", {**IMAGE, "channels": [{"name": "DAPI"}]}),
    ("array", {"shape": [7], "dtype": "float32"}),
    ("array", {"shape": "7", "dtype": "float32", "axes": ["i"]}),
    ("array", {"shape": [7] * 40, "dtype": "float32", "axes": [f"a{n}" for n in range(40)]}),
    ("table", {"columns": [{"name": "a", "type": "int64"}, {"name": "a", "type": "int64"}]}),
    ("table", {"rows": 3}),
    ("file", {"name": "../a"}),
    ("file", {"name": "a\x00b"}),
    ("file", {"name": "a", "sha256": "x"}),
    ("file", {"name": "a", "content_type": "text/html\r\nx: y"}),
    ("file", {"name": "a", "deep": {"er": [[[[]]]]}}),
]


@pytest.mark.requirement("data.meta")
@scenario
async def test_metadata_that_does_not_fit_the_kind_is_refused_at_its_making_and_at_its_commit(server: Any) -> None:
    async with rest(server) as web:
        for kind, meta in WRONG:
            answer = await web.post("/api/items", json={"kind": kind, "name": "x", "meta": meta})
            assert answer.status_code == 422, (kind, meta, answer.text)
            assert answer.json()["code"] == "invalid_metadata", (kind, meta, answer.text)
            assert answer.json()["message"].startswith("meta"), answer.text
            item, grant = await make(web, kind, meta={})
            await asyncio.to_thread(put, grant, "a", b"1")
            answer = await web.post(f"/api/items/{item['id']}/commit", json={"meta": meta})
            assert answer.status_code == 422, (kind, meta, answer.text)
            assert (await commit(web, item["id"], meta=METAS[kind]))["committed_at_us"] is not None
        long = {"columns": [{"name": f"{'n' * 200} {n}", "type": "int64"} for n in range(1000)]}
        answer = await web.post("/api/items", json={"kind": "table", "name": "x", "meta": long})
        assert answer.status_code == 413, answer.text
        print(f"N = {len(WRONG) + 1} kinds of wrong metadata, each twice")


def begin_put(grant: dict[str, Any], path: str, size: int, first: bytes) -> tuple[socket.socket, str]:
    """Begin a PUT by a presigned address and send the first bytes of its body."""
    where = s3_of(grant).generate_presigned_url(
        "put_object", Params={"Bucket": grant["bucket"], "Key": f"{grant['prefix']}{path}"}, ExpiresIn=600
    )
    parts = urlsplit(where)
    sending = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=20)
    head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: {size}\r\n\r\n"
    sending.sendall(head.encode() + first)
    return sending, where


@scenario
async def test_a_write_that_is_going_on_while_it_is_committed_counts_as_a_whole_or_not_at_all(server: Any) -> None:
    half = b"h" * 300_000
    async with rest(server) as web:
        for ends_first in (True, False):
            item, grant = await make(web)
            await asyncio.to_thread(put, grant, "a", b"1")
            sending, _ = await asyncio.to_thread(begin_put, grant, "b", 2 * len(half), half)
            if ends_first:
                await asyncio.to_thread(sending.sendall, half)
                assert (await asyncio.to_thread(sending.recv, 65536)).startswith(b"HTTP/1.1 200")
            done = await commit(web, item["id"])
            if not ends_first:
                await asyncio.to_thread(sending.sendall, half)
                assert (await asyncio.to_thread(sending.recv, 65536)).startswith(b"HTTP/1.1 403")
            sending.close()
            assert done["objects"] == (2 if ends_first else 1)
            read = await granted(web, item["id"])
            there = await asyncio.to_thread(
                lambda grant=read: s3_of(grant).list_objects_v2(Bucket=grant["bucket"], Prefix=grant["prefix"])
            )
            assert there["KeyCount"] == done["objects"]


@scenario
async def test_writes_that_race_a_commit_never_leave_what_the_commit_did_not_count(server: Any) -> None:
    counted, rounds = 0, 12
    async with rest(server) as web:
        for _ in range(rounds):
            item, grant = await make(web)
            await asyncio.to_thread(put, grant, "first", b"1")
            writes = [asyncio.to_thread(refusal, put, grant, f"w{n}", b"%d" % n) for n in range(12)]
            committing = [web.post(f"/api/items/{item['id']}/commit", json={}) for _ in range(2)]
            *said, one, two = await asyncio.gather(*writes, *committing)
            assert {one.status_code, two.status_code} <= {200, 409}
            done = await commit(web, item["id"])
            written = said.count("done")
            assert set(said) <= {"done", "403 AccessDenied"}
            assert done["objects"] == 1 + written
            counted += written
    print(f"N = {rounds} commits raced by {rounds * 12} writes, of which {counted} counted")


@scenario
async def test_what_is_given_up_is_gone_with_all_that_was_written(server: Any) -> None:
    hub = server.app.state.hub
    async with rest(server) as web:
        item, grant = await make(web)
        await asyncio.to_thread(put, grant, "a", b"1" * 5000)
        begun = await asyncio.to_thread(
            lambda: s3_of(grant).create_multipart_upload(Bucket=grant["bucket"], Key=f"{grant['prefix']}big")
        )
        await asyncio.to_thread(
            lambda: s3_of(grant).upload_part(
                Bucket=grant["bucket"],
                Key=f"{grant['prefix']}big",
                UploadId=begun["UploadId"],
                PartNumber=1,
                Body=b"2" * 6000,
            )
        )
        blobs = hub.objects.blobs.path_of("00").parent.parent
        before = sum(1 for path in blobs.rglob("*") if path.is_file())
        assert await code(web.delete(f"/api/items/{item['id']}")) == "ok"
        assert sum(1 for path in blobs.rglob("*") if path.is_file()) == before - 2
        assert await on_hub(server, hub.objects.list(prefix_of(hub.accounts.team, item["id"]))) == []
        for work in (
            web.get(f"/api/items/{item['id']}"),
            web.delete(f"/api/items/{item['id']}"),
            web.post(f"/api/items/{item['id']}/commit", json={}),
            web.post(f"/api/items/{item['id']}/grants", json={"mode": "write"}),
        ):
            assert await code(work) == "404 not_found"
        assert (await asyncio.to_thread(refusal, put, grant, "b", b"1")).startswith("404")


@scenario
async def test_an_item_is_named_noted_filed_tagged_trashed_and_restored(server: Any) -> None:
    async with rest(server) as web:
        folder = (await web.post("/api/folders", json={"name": "plates"})).json()["id"]
        item = await store(web, tags=["one"])
        path = f"/api/items/{item['id']}"
        said = {"name": "renamed", "note": "a note", "folder": folder, "visibility": "private"}
        changed = (await web.patch(path, json=said)).json()
        assert {name: changed[name] for name in said} == said
        assert {**changed, **{name: item[name] for name in said}} == item, "nothing else has changed"
        assert (await web.patch(path, json={})).json() == changed
        assert (await web.patch(path, json={"folder": None})).json()["folder"] is None
        assert (await web.put(f"{path}/tags/two")).json()["tags"] == ["one", "two"]
        assert (await web.put(f"{path}/tags/two")).json()["tags"] == ["one", "two"]
        for leads_elsewhere in (".", ".."):  # in an address they would be another item's, or all items
            wrong = {"kind": "array", "name": "x", "tags": [leads_elsewhere]}
            assert (await web.post("/api/items", json=wrong)).status_code == 422
            assert (await web.post("/api/folders", json={"name": leads_elsewhere})).status_code == 422
        for tag in ("...", "..a", ".a", "a.", " "):
            assert (await web.post("/api/items", json={"kind": "array", "name": "x", "tags": [tag]})).status_code == 201
        assert await code(web.delete(f"{path}/tags/one")) == "ok"
        assert await code(web.delete(f"{path}/tags/one")) == "404 not_found"
        assert (await web.post(f"{path}/trash")).json()["trashed_at_us"] is not None
        assert item["id"] not in await listed(web)
        assert item["id"] in await listed(web, trashed=True)
        assert await code(web.post(f"{path}/grants", json={"mode": "read"})) == "409 conflict"
        restored = (await web.post(f"{path}/restore")).json()
        assert (restored["trashed_at_us"], restored["tags"], restored["name"]) == (None, ["two"], "renamed")
        assert await asyncio.to_thread(fetch, await granted(web, item["id"]), "a.bin") == b"x"


@scenario
async def test_two_people_who_change_different_things_do_not_undo_each_other(server: Any) -> None:
    async with rest(server) as web:
        item = await store(web)
        path = f"/api/items/{item['id']}"
        for round in range(10):
            bodies = ({"name": f"n{round}"}, {"note": f"t{round}"}, {"visibility": ("team", "private")[round % 2]})
            await asyncio.gather(*(web.patch(path, json=body) for body in bodies))
            now = (await web.get(path)).json()
            assert (now["name"], now["note"]) == (f"n{round}", f"t{round}")
            assert now["visibility"] == ("team", "private")[round % 2]


@scenario
async def test_an_item_carries_64_tags_and_no_more(server: Any) -> None:
    async with rest(server) as web:
        item = await store(web, tags=[f"t{n}" for n in range(64)])
        path = f"/api/items/{item['id']}/tags"
        assert await code(web.put(f"{path}/t0")) == "ok"
        assert await code(web.put(f"{path}/one-more")) == "409 conflict"
        assert await code(web.delete(f"{path}/t0")) == "ok"
        assert await code(web.put(f"{path}/one-more")) == "ok"


@scenario
async def test_others_change_what_is_the_teams_only_when_they_keep_the_team(server: Any) -> None:
    async with cast(server, "member", "member", "admin", "owner") as (author, member, admin, owner):
        for who, expected in ((member, "403 not_permitted"), (admin, "ok"), (owner, "ok"), (author, "ok")):
            item = await store(author.web, tags=["mine"])
            path = f"/api/items/{item['id']}"
            said = [
                await code(who.web.patch(path, json={"name": "theirs"})),
                await code(who.web.put(f"{path}/tags/x")),
                await code(who.web.delete(f"{path}/tags/mine")),
                await code(who.web.post(f"{path}/trash")),
                await code(who.web.post(f"{path}/restore")),
            ]
            assert said == [expected] * 5
            now = (await author.web.get(path)).json()
            assert (now["name"] == "theirs") is (now["tags"] == ["x"]) is (expected == "ok")


@pytest.mark.requirement("data.seen")
@scenario
async def test_who_hides_an_item_from_themselves_hears_how_it_became_and_sees_it_no_more(server: Any) -> None:
    async with cast(server, "member", "admin") as (author, admin):
        path = f"/api/items/{(await store(author.web))['id']}"
        hidden = await admin.web.patch(path, json={"visibility": "private", "name": "kept"})
        assert (hidden.status_code, hidden.json()["visibility"], hidden.json()["name"]) == (200, "private", "kept")
        assert await code(admin.web.get(path)) == "404 not_found"
        assert (await author.web.get(path)).json() == hidden.json()


@pytest.mark.requirement("data.seen")
@scenario
async def test_what_is_another_ones_alone_is_nowhere(server: Any) -> None:
    away = await new_team(server)
    async with (
        cast(server, "member", "owner", "guest") as (author, owner, guest),
        someone(server, "owner", team=away) as other,
    ):
        item = await store(author.web, visibility="private", name="nobody's business")
        open_item, grant = await make(author.web, name="still being written")
        await asyncio.to_thread(put, grant, "a", b"1")
        asked = 0
        for who in (owner, guest, other):
            for id in (item["id"], open_item["id"]):
                path = f"/api/items/{id}"
                for work in (
                    who.web.get(path),
                    who.web.patch(path, json={"name": "x"}),
                    who.web.delete(path),
                    who.web.post(f"{path}/commit", json={}),
                    who.web.post(f"{path}/grants", json={"mode": "read"}),
                    who.web.post(f"{path}/grants", json={"mode": "write"}),
                    who.web.post(f"{path}/trash"),
                    who.web.post(f"{path}/restore"),
                    who.web.put(f"{path}/tags/x"),
                    who.web.delete(f"{path}/tags/x"),
                    who.web.post("/api/items", json={"kind": "file", "name": "x", "parent": id}),
                ):
                    assert await code(work) == "404 not_found"
                    asked += 1
                for params in ({}, {"text": "nobody"}, {"person": author.id}, {"trashed": True}, {"temporary": True}):
                    assert id not in await listed(who.web, **params)
                    asked += 1
        assert (await author.web.get(f"/api/items/{item['id']}")).json() == item
        print(f"N = {asked} ways to ask for what is another one's alone")
