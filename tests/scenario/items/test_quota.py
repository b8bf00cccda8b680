"""A store with a limit takes nothing beyond it, says so with 507, and goes on once there is room."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from tests.support.items import FILE, code, make, put, refusal, s3_of, store
from tests.support.rest import on_hub, rest
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.quota")

LIMIT = 1_000_000


@pytest.fixture
def small() -> Iterator[Any]:
    with serve(log_level="error", data_quota_bytes=LIMIT) as running:
        yield running


def send_part(grant: dict[str, Any], size: int) -> None:
    s3, where = s3_of(grant), {"Bucket": grant["bucket"], "Key": f"{grant['prefix']}big"}
    begun = s3.create_multipart_upload(**where)
    s3.upload_part(**where, UploadId=begun["UploadId"], PartNumber=1, Body=b"p" * size)


@scenario
async def test_beyond_the_limit_nothing_is_taken_and_what_goes_makes_room(small: Any) -> None:
    async with rest(small) as web:
        first, grant = await make(web)
        await asyncio.to_thread(put, grant, "a", b"x" * 700_000)
        assert await asyncio.to_thread(refusal, put, grant, "b", b"x" * 400_000) == "507 StorageFull"
        assert await asyncio.to_thread(refusal, send_part, grant, 400_000) == "507 StorageFull"
        assert await asyncio.to_thread(refusal, put, grant, "b", b"x" * 299_000) == "done"
        assert await asyncio.to_thread(refusal, put, grant, "c", b"x" * 1_000) == "done"
        assert await asyncio.to_thread(refusal, put, grant, "d", b"x") == "507 StorageFull"
        refused = await web.post("/api/items", json={"kind": "file", "name": "x"})
        assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
        assert "data_quota_bytes" in refused.json()["message"]
        assert await code(web.get(f"/api/items/{first['id']}")) == "ok"
        assert (await web.post(f"/api/items/{first['id']}/commit", json={})).json()["size_bytes"] == LIMIT
        quota = small.app.state.hub.quota
        assert await on_hub(small, quota.used_bytes()) == LIMIT
        second = None
        await on_hub(small, small.app.state.hub.objects.clear(small.app.state.hub.accounts.team, first["id"]))
        async with asyncio.timeout(10):
            while second is None or second.status_code == 507:
                second = await web.post("/api/items", json={"kind": "file", "name": "x"})
        assert second.status_code == 201
        assert (await store(web, body=b"y" * 900_000))["size_bytes"] == 900_000


@scenario
async def test_many_writers_at_once_do_not_get_past_the_limit_together(small: Any) -> None:
    async with rest(small) as web:
        _, grant = await make(web)
        sizes = [150_000] * 12
        works = [asyncio.to_thread(refusal, put, grant, f"p{n}", b"x" * size) for n, size in enumerate(sizes)]
        said = await asyncio.gather(*works)
        used = await on_hub(small, small.app.state.hub.quota.used_bytes())
        print(f"N = {len(sizes)} writers at once, {said.count('done')} got in, {used} of {LIMIT} bytes used")
        assert set(said) == {"done", "507 StorageFull"}
        assert used == 150_000 * said.count("done") <= LIMIT
        assert (await web.get("/health")).status_code == 200


@scenario
async def test_what_parts_are_joined_into_needs_room_beside_them(small: Any) -> None:
    async with rest(small) as web:
        _, grant = await make(web)
        s3, quota = s3_of(grant), small.app.state.hub.quota
        for name, size, said in (("a", 400_000, "done"), ("b", 301_000, "507 StorageFull"), ("c", 299_000, "done")):
            where = {"Bucket": grant["bucket"], "Key": f"{grant['prefix']}{name}"}
            completed = await asyncio.to_thread(begin, s3, where, size)
            assert await asyncio.to_thread(refusal, partial(s3.complete_multipart_upload, **completed)) == said, name
            if said != "done":
                await asyncio.to_thread(partial(s3.abort_multipart_upload, **where, UploadId=completed["UploadId"]))
            await asyncio.sleep(0.6)  # what has gone is noticed
        assert await on_hub(small, quota.used_bytes()) == 699_000
        assert await asyncio.to_thread(refusal, put, grant, "d", b"x" * 301_000) == "done"
        assert await on_hub(small, quota.used_bytes()) == LIMIT


def begin(s3: Any, where: dict[str, str], size: int) -> dict[str, Any]:
    """Begin an upload of one part; give what completes it; blocks."""
    upload = s3.create_multipart_upload(**where)["UploadId"]
    etag = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"p" * size)["ETag"]
    return {**where, "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}


@scenario
async def test_what_comes_with_all_it_holds_is_counted_and_leaves_nothing_when_it_does_not_fit(small: Any) -> None:
    async with rest(small) as web:
        body = {
            "kind": "file",
            "name": "whole",
            "meta": FILE,
            "objects": {"a": base64.b64encode(b"x" * 600_000).decode()},
        }
        assert await code(web.post("/api/items", json=body)) == "ok"
        assert await code(web.post("/api/items", json=body)) == "507 storage_full"
        assert len((await web.get("/api/items", params={"limit": 5})).json()["items"]) == 1
        assert await on_hub(small, small.app.state.hub.quota.used_bytes()) == 600_000
