"""Items are found by everything that is known of them, a page at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.items import IMAGE, code, listed, store
from tests.support.rest import rest
from tests.support.teams import cast
from tests.support.waiting import scenario

pytestmark = pytest.mark.requirement("data.search")


@scenario
async def test_items_are_found_by_each_thing_that_is_known_of_them(server: Any) -> None:
    async with rest(server, "scope") as web, rest(server, "bench") as bench, cast(server, "member") as (member,):
        folder = (await web.post("/api/folders", json={"name": "search"})).json()["id"]
        image = await store(web, "image", name="HeLa Plate_3", note="über 100% grown", tags=["a", "b"], folder=folder)
        small = {**IMAGE, "shape": [3, 32, 48], "dtype": "uint8"}
        other = await store(bench, "image", name="embryo", tags=["a"], meta=small)
        labels = await store(bench, "image", name="labels", meta=small, parent=image["id"])
        array = await store(web, "array", name="trace")
        table = await store(web, "table", name="areas", visibility="private")
        theirs = await store(member.web, "file", name="protocol.pdf")
        value = await store(web, "array", name="value", is_temporary=True)
        every = [theirs, table, array, labels, other, image]

        async def finds(*expected: dict[str, Any], **params: Any) -> None:
            assert await listed(web, **params) == [item["id"] for item in expected], params

        await finds(*every)
        await finds(value, *every, temporary=True)
        await finds(labels, other, image, kind="image")
        await finds(theirs, kind="file")
        await finds(image, text="hela")
        await finds(image, text="100%")
        await finds(image, text="Über")
        await finds(image, text="plate_3")
        await finds(text="plateX3")
        await finds(other, image, tag="a")
        await finds(image, tag=["a", "b"])
        await finds(tag="c")
        await finds(image, shape="3,64,48")
        await finds(labels, other, image, shape="*,*,48")
        await finds(labels, other, image, shape="3,*,*")
        await finds(array, shape="*")
        await finds(shape="3,64")
        await finds(shape="*,64,48,*")
        await finds(labels, other, dtype="uint8")
        await finds(array, dtype="float32")
        await finds(theirs, person=member.id)
        await finds(labels, other, app="bench")
        await finds(labels, parent=image["id"])
        await finds(image, folder=folder)
        await finds(theirs, table, array, since_us=array["created_at_us"])
        await finds(image, until_us=image["created_at_us"])
        await finds(other, until_us=other["created_at_us"], since_us=other["created_at_us"])
        await finds(labels, kind="image", dtype="uint8", app="bench", shape="3,32,*", parent=image["id"], text="LABEL")
        assert await listed(member.web) == [item["id"] for item in every if item is not table]
        assert await code(web.post(f"/api/items/{other['id']}/trash")) == "ok"
        await finds(other, trashed=True)
        await finds(labels, image, kind="image")
        for params in ({"shape": "3,,4"}, {"shape": "%"}, {"dtype": "uint8'"}, {"kind": "pickle"}, {"limit": 0}):
            assert (await web.get("/api/items", params=params)).status_code == 422, params


@scenario
async def test_pages_come_one_after_the_other_without_a_gap_or_twice_the_same(server: Any) -> None:
    async with rest(server, "pager") as web:
        made = [(await store(web, "array" if n % 3 else "table", name=f"page {n}"))["id"] for n in range(11)]
        newest = list(reversed(made))
        for limit in (1, 2, 5, 11, 500):
            assert await listed(web, app="pager", limit=limit) == newest
        arrays = [id for n, id in enumerate(made) if n % 3]
        assert await listed(web, app="pager", kind="array", limit=2) == list(reversed(arrays))
        first = (await web.get("/api/items", params={"app": "pager", "limit": 4})).json()
        late = await store(web, "table", name="page late")
        rest_of = await listed(web, app="pager", limit=4, cursor=first["next"])
        assert [item["id"] for item in first["items"]] + rest_of == newest
        assert late["id"] not in rest_of
