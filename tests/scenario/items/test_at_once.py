"""Small items that come with all that they hold: there as a whole or not at all, in a folder and in a bucket."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from arkitekt_next.auth.principal import Principal, Role
from arkitekt_next.embedded import serve
from arkitekt_next.errors import StorageFull
from arkitekt_next.hub.data.items import NewItem
from arkitekt_next.hub.data.objects.blobs import Blob
from tests.support import buckets
from tests.support.buckets import s3_server
from tests.support.items import FILE, IMAGE, code, commit, fetch, granted, listed, make, put, store
from tests.support.rest import on_hub, rest
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.items")

GONE = NewItem(kind="file", name="gone", meta=FILE)
"""What is never there."""


@pytest.fixture(scope="module", params=["folder", "bucket"])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "folder":
        with serve(log_level="error") as running:
            yield running
        return
    with s3_server() as others, serve(**others.settings(data_bucket=f"{buckets.BUCKET}/hub/at-once")) as running:
        yield running


def packed(**contents: bytes) -> dict[str, str]:
    return {path.replace("__", "/"): base64.b64encode(data).decode() for path, data in contents.items()}


@scenario
async def test_a_small_item_may_come_with_all_that_it_holds(server: Any) -> None:
    body = bytes(range(256)) * 2000
    async with rest(server, "cam") as web:
        slow, grant = await make(web, "image", name="slow")
        await asyncio.to_thread(put, grant, "zarr", b"{}")
        await asyncio.to_thread(put, grant, "0/c", body)
        wanted = await commit(web, slow["id"])
        form = {"kind": "image", "name": "quick", "meta": IMAGE, "objects": packed(zarr=b"{}", **{"0__c": body})}
        answer = await web.post("/api/items", json=form)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["grant"] is None
        differing = {"id", "name", "created_at_us", "committed_at_us"}
        assert {name: value for name, value in made["item"].items() if name not in differing} == {
            name: value for name, value in wanted.items() if name not in differing
        }
        assert made["item"]["id"] in await listed(web)
        read = await granted(web, made["item"]["id"])
        assert await asyncio.to_thread(fetch, read, "0/c") == body
        assert await code(web.post(f"/api/items/{made['item']['id']}/grants", json={"mode": "write"})) == "409 conflict"


@scenario
async def test_storing_at_once_that_is_stopped_as_it_is_committed_says_so_and_keeps_what_is_committed(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    items, ledger = server.app.state.hub.data.items, server.app.state.hub.database.ledger
    commit = ledger.commit

    async def stopped(*steps: Any) -> None:
        await commit(*steps)
        raise asyncio.CancelledError

    async with rest(server, "cam") as web:
        stored = await store(web)
        login = (await web.get("/api/me")).json()
        who = Principal(login["team"]["id"], login["person"]["id"], "", frozenset(), "cam", 0, Role.OWNER)
        monkeypatch.setattr(ledger, "commit", stopped)
        wanted = NewItem(kind="file", name="stopped", meta=FILE)
        with pytest.raises(asyncio.CancelledError):
            await on_hub(server, items.create_whole(who, wanted, {"a": b"x"}))
        monkeypatch.undo()
        found = (await web.get("/api/items", params={"text": "stopped"})).json()["items"]
        assert [(item["objects"], item["id"] != stored["id"]) for item in found] == [(1, True)]


@scenario
async def test_what_can_not_be_stored_at_once_leaves_nothing(server: Any) -> None:
    async with rest(server, "cam") as web:
        before = await on_hub(server, server.app.state.hub.quota.used_bytes())
        for objects, said in (
            (packed(**{"..__up": b"x"}), "objects.0"),
            ({"a": "no base64!"}, "objects"),
            ({}, "objects"),
            ({str(number): "eA==" for number in range(17)}, "objects"),
            (packed(a=b"x" * 900_000), "1048576"),
        ):
            refused = await web.post(
                "/api/items", json={"kind": "file", "name": "no", "meta": FILE, "objects": objects}
            )
            assert refused.status_code in (400, 413, 422), refused.text
            assert said in refused.text
        wrong = {"kind": "image", "name": "no", "meta": {"shape": [3]}, "objects": packed(a=b"x")}
        assert (await web.post("/api/items", json=wrong)).status_code == 422
        assert not [item for item in await listed(web) if item == "no"]
        assert await on_hub(server, server.app.state.hub.quota.used_bytes()) == before
        assert (await web.get("/api/items", params={"text": "no", "limit": 5})).json()["items"] == []


async def somebody(web: Any) -> Principal:
    login = (await web.get("/api/me")).json()
    return Principal(login["team"]["id"], login["person"]["id"], "", frozenset(), "cam", 0, Role.OWNER)


async def blobs_of(server: Any) -> set[str]:
    """Name everything that lies in the store."""
    blobs = server.app.state.hub.objects.blobs
    assert not blobs.in_flight

    async def names() -> set[str]:
        return {name async for batch in blobs.list_old(older_than_s=-10, at_most=1000) for name in batch}

    return await on_hub(server, names())


@asynccontextmanager
async def nothing_stays(server: Any) -> AsyncIterator[tuple[Any, Principal]]:
    """Give somebody's requests, and who they are; what the block tried to store has left nothing at its end."""
    async with rest(server, "cam") as web:
        before = await blobs_of(server)
        yield web, await somebody(web)
        assert await blobs_of(server) == before
        assert not (await web.get("/api/items", params={"text": GONE.name})).json()["items"]


@scenario
async def test_what_is_not_committed_leaves_no_bytes(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = server.app.state.hub
    async with nothing_stays(server) as (web, who):
        folder = (await web.post("/api/folders", json={"name": "going"})).json()["id"]

        async def full(*steps: Any) -> None:
            raise StorageFull(reason="no space left", folder="here")

        monkeypatch.setattr(hub.database.ledger, "commit", full)
        with pytest.raises(StorageFull):
            await on_hub(server, hub.data.items.create_whole(who, GONE, {"a": b"x" * 3000, "b/c": b"y"}))
        monkeypatch.undo()

        write_all = hub.objects.blobs.write_all

        async def and_then_the_folder_goes(data: Any) -> list[Blob]:
            blobs: list[Blob] = await write_all(data)
            assert (await hub.data.folders.remove(who, folder)) is None
            return blobs

        monkeypatch.setattr(hub.objects.blobs, "write_all", and_then_the_folder_goes)
        filed = {"kind": "file", "name": GONE.name, "meta": FILE, "folder": folder, "objects": packed(a=b"x")}
        assert await code(web.post("/api/items", json=filed)) == "404 not_found"
        monkeypatch.undo()


@scenario
async def test_bytes_of_which_some_can_not_be_written_all_go(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    items, blobs = server.app.state.hub.data.items, server.app.state.hub.objects.blobs
    async with nothing_stays(server) as (_, who):
        written: list[str] = []

        async def torn(names: Any) -> None:
            written.extend(names)
            raise StorageFull(reason="no space left", folder="here")

        def torn_in_a_thread(names: Any) -> None:
            written.extend(names)
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(blobs, *(("_sync", torn_in_a_thread) if hasattr(blobs, "_sync") else ("sync", torn)))
        with pytest.raises(StorageFull, match=r"[Nn]o space left"):
            await on_hub(server, items.create_whole(who, GONE, {"a": b"x", "b": b"y"}))
        monkeypatch.undo()
        assert len(written) == 2


@scenario
async def test_who_goes_away_while_it_is_written_leaves_no_bytes(server: Any) -> None:
    hub = server.app.state.hub
    async with nothing_stays(server) as (_, who):

        async def given_up() -> None:
            work = asyncio.ensure_future(hub.data.items.create_whole(who, GONE, {"a": b"x" * 500_000, "b": b"y"}))
            while not hub.objects.blobs.in_flight:
                await asyncio.sleep(0)
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work

        await on_hub(server, given_up())
        async with asyncio.timeout(20):
            while hub.objects.blobs.in_flight:
                await asyncio.sleep(0.01)
