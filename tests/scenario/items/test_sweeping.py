"""What nobody needs goes by a stated rule, what a history needs stays, and nothing lies in the store without a row."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.data import sweep as sweeping
from arkitekt_next.hub.data.sweep import Swept
from arkitekt_next.hub.tasks import retention
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from tests.support.items import code, commit, ended, granted, listed, make, put, refusal, s3_of, store, works_on_files
from tests.support.raw import RawClient, client
from tests.support.rest import on_hub, rest
from tests.support.teams import sign_in_as
from tests.support.waiting import scenario, soon

pytestmark = pytest.mark.requirement("data.sweep")

HOUR_US = 3600 * 1_000_000
DAY_US = 24 * HOUR_US


@pytest.fixture(params=["sqlite", "postgres"])
def swept_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with serve(tmp_path / "hub", database_url=url, log_level="error") as running:
        yield running


async def sweep(server: Any, *, days: float = 0.0, files_s: float | None = None) -> Swept:
    """Sweep as if so many days had gone by; by default leave the files alone."""
    hub = server.app.state.hub
    at_us = now_us() + round(days * DAY_US)
    result: Swept = await on_hub(server, sweeping.sweep(hub, at_us=at_us, files_older_than_s=files_s))
    return result


async def retain(server: Any, *, days: float) -> int:
    board = server.app.state.hub.board
    removed = await on_hub(server, retention.sweep(board, at_us=now_us() + round(days * DAY_US)))
    return int(removed.tasks)


async def rows(server: Any, table: Any, column: Any) -> set[Any]:
    async def read() -> set[Any]:
        async with server.app.state.hub.database.engine.connect() as db:
            return {getattr(row, column.name) for row in await db.execute(table.select())}

    result: set[Any] = await on_hub(server, read())
    return result


async def change(server: Any, statement: Any) -> None:
    async def run() -> None:
        async with server.app.state.hub.database.engine.begin() as db:
            await db.execute(statement)

    await on_hub(server, run())


def files(server: Any) -> set[str]:
    folder: Path = server.app.state.hub.objects.blobs.path_of("00").parent.parent
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def blobs(server: Any) -> set[str]:
    return await rows(server, d.object, d.object.c.blob) | await rows(server, d.upload_part, d.upload_part.c.blob)


def begin_upload(grant: dict[str, Any]) -> None:
    s3, where = s3_of(grant), {"Bucket": grant["bucket"], "Key": f"{grant['prefix']}big"}
    begun = s3.create_multipart_upload(**where)
    for number in (1, 2):
        s3.upload_part(**where, UploadId=begun["UploadId"], PartNumber=number, Body=b"p" * 5000)


async def agent_of(server: Any, stack: list[RawClient]) -> tuple[RawClient, str, RawClient]:
    app = f"s{uuid.uuid4().hex[:10]}"
    opened = []
    for name in (app, "caller"):
        token = await on_hub(
            server,
            server.app.state.hub.accounts.issue(
                team=server.app.state.hub.accounts.team, person=server.app.state.hub.accounts.owner, app=name
            ),
        )
        opened.append(await RawClient(server.url, token[0], name).open())
    await opened[0].provide(works_on_files("work"), capacity=64)
    stack += opened
    return opened[0], app, opened[1]


@scenario
async def test_what_nobody_has_had_a_right_to_write_for_a_day_goes_with_all_of_it(swept_server: Any) -> None:
    server = swept_server
    async with rest(server) as web:
        idle, grant = await make(web, tags=["x"])
        await asyncio.to_thread(put, grant, "a", b"1" * 3000)
        await asyncio.to_thread(begin_upload, grant)
        busy, busy_grant = await make(web)
        await asyncio.to_thread(put, busy_grant, "a", b"1" * 3000)
        done = await store(web)
        assert (await sweep(server, days=0.9)).uncommitted == 0
        in_a_day = now_us() + round(1.1 * DAY_US)
        await change(
            server,
            d.data_grant.update().where(d.data_grant.c.item_id == busy["id"]).values(expires_at_us=in_a_day),
        )
        assert len(files(server)) == 5
        swept = await sweep(server, days=1.5)
        assert (swept.uncommitted, swept.forgotten) == (1, 1)
        assert await code(web.get(f"/api/items/{idle['id']}")) == "404 not_found"
        assert await code(web.get(f"/api/items/{busy['id']}")) == "ok"
        assert idle["id"] not in await rows(server, d.item, d.item.c.id)
        assert await rows(server, d.item_tag, d.item_tag.c.item_id) == set()
        assert await rows(server, d.upload, d.upload.c.id) == set()
        assert files(server) == await blobs(server)
        assert len(files(server)) == 2
        assert (await asyncio.to_thread(refusal, put, grant, "b", b"1")).startswith(("404", "403"))
        assert (await commit(web, busy["id"]))["objects"] == 1
        assert (await sweep(server, days=400)).uncommitted == 0
        assert await code(web.get(f"/api/items/{done['id']}")) == "ok"


@scenario
async def test_a_sign_in_that_ended_does_not_keep_what_it_wrote_and_a_live_one_does(swept_server: Any) -> None:
    server = swept_server
    hub = server.app.state.hub
    token = await sign_in_as(server, hub.accounts.owner)
    async with rest(server) as web, rest(server, token=token) as ending:
        item, _ = await make(ending)
        who = await on_hub(server, hub.accounts.identify(f"Bearer {token}"))
        far = now_us() + 30 * DAY_US
        c = d.data_grant.c
        await change(server, d.data_grant.update().where(c.item_id == item["id"]).values(expires_at_us=far))
        assert (await sweep(server, days=2)).uncommitted == 0
        await on_hub(server, hub.accounts.logins.revoke([who.login]))
        await change(server, d.data_grant.update().where(c.item_id == item["id"]).values(revoked_at_us=now_us()))
        assert (await sweep(server, days=0.9)).uncommitted == 0
        assert (await sweep(server, days=1.1)).uncommitted == 1
        assert await code(web.get(f"/api/items/{item['id']}")) == "404 not_found"


@scenario
async def test_values_of_calls_become_tombstones_unless_something_needs_them(swept_server: Any) -> None:
    server, opened = swept_server, []
    async with rest(server) as web:
        agent, app, caller = await agent_of(server, opened)
        value = await store(web, is_temporary=True, name="unused")
        named = await store(web, is_temporary=True)
        await web.patch(f"/api/items/{named['id']}", json={"is_temporary": False})
        labelled = await store(web, is_temporary=True)
        labels = await store(web, parent=labelled["id"])
        running_on = await store(web, is_temporary=True)
        running = await caller.submit(f"{app}.work", {"x": running_on["id"]})
        await agent.assigned(running)
        made_in = await store(web, is_temporary=True, task=running)
        used = await store(web, is_temporary=True)
        for item in (value, labelled, running_on, made_in, used):
            await change(
                server, d.item.update().where(d.item.c.id == item["id"]).values(used_at_us=now_us() - 31 * DAY_US)
            )
        await granted(web, used["id"])
        swept = await sweep(server)
        assert (swept.temporary, swept.trashed, swept.uncommitted) == (1, 0, 0)
        tomb = (await web.get(f"/api/items/{value['id']}")).json()
        assert tomb["removed_at_us"] is not None
        assert {**tomb, "removed_at_us": None} == value, "what is known of it stays"
        assert value["id"] not in await listed(web, temporary=True)
        assert value["id"] not in await listed(web, temporary=True, trashed=True)
        path = f"/api/items/{value['id']}"
        for work in (
            web.post(f"{path}/grants", json={"mode": "read"}),
            web.patch(path, json={"name": "x"}),
            web.post(f"{path}/trash"),
            web.put(f"{path}/tags/x"),
        ):
            assert await code(work) == "409 conflict"
        assert await code(web.post("/api/items", json={"kind": "file", "name": "x", "parent": value["id"]})) == (
            "404 not_found"
        )
        assert await code(web.post("/api/tasks", json={"action": f"{app}.work", "args": {"x": value["id"]}})) == (
            "404 not_found"
        )
        assert files(server) == await blobs(server)
        await agent.report("ended", running, status="completed", returns=[made_in["id"]])
        assert (await ended(caller, running))["status"] == "completed"
        await web.post(f"/api/items/{labels['id']}/trash")
        assert (await sweep(server)).temporary == 1, "what it was given was last used long ago, what it gave just now"
        assert (await sweep(server, days=29)).temporary == 0
        swept = await sweep(server, days=31)
        assert (swept.temporary, swept.trashed) == (2, 1)
        assert (await sweep(server, days=31)).temporary == 1, "what was attached to it is gone now"
        assert await listed(web, temporary=True) == [named["id"]]
        for one in opened:
            await one.close()


@scenario
async def test_the_trash_is_emptied_after_its_days_and_not_what_was_restored(swept_server: Any) -> None:
    server = swept_server
    async with rest(server) as web:
        gone, back, kept = [await store(web, tags=["x"]) for _ in range(3)]
        for item in (gone, back):
            await web.post(f"/api/items/{item['id']}/trash")
        await web.post(f"/api/items/{back['id']}/restore")
        assert (await sweep(server, days=29)).trashed == 0
        swept = await sweep(server, days=31)
        assert (swept.trashed, swept.forgotten) == (1, 0)
        assert (await web.get(f"/api/items/{gone['id']}")).json()["removed_at_us"] is not None
        assert await code(web.post(f"/api/items/{gone['id']}/restore")) == "409 conflict"
        assert set(await listed(web)) == {back["id"], kept["id"]}
        assert await listed(web, trashed=True) == []
        assert len(files(server)) == 2
        assert (await sweep(server, days=60)).forgotten == 0
        assert (await sweep(server, days=62)).forgotten == 1, "no history needs to know of it any longer"
        assert await code(web.get(f"/api/items/{gone['id']}")) == "404 not_found"


@scenario
async def test_files_that_no_row_names_go_once_they_are_old_and_those_being_written_stay(server: Any) -> None:
    async with rest(server) as web:
        item, grant = await make(web)
        await asyncio.to_thread(put, grant, "a", b"kept")
        blob = server.app.state.hub.objects.blobs
        old, young = blob.path_of("aa" * 16), blob.path_of("ab" * 16)
        for path in (old, young):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"orphan")
        two_hours = time.time() - 7200
        os.utime(old, (two_hours, two_hours))
        for name in await blobs(server):
            os.utime(blob.path_of(name), (two_hours, two_hours))
        swept = await sweep(server, files_s=3600)
        assert swept.files == 1
        assert (old.exists(), young.exists()) == (False, True)
        young.unlink()
        assert (await commit(web, item["id"]))["objects"] == 1
        metrics = (await web.get("/metrics")).text
        assert 'arkitekt_data_swept_total{kind="files"} 1.0' in metrics
        stored = [line for line in metrics.splitlines() if line.startswith("arkitekt_data_bytes ")]
        assert stored == ["arkitekt_data_bytes 4.0"]


@scenario
async def test_a_sweep_that_was_cut_off_is_finished_by_the_next_one(swept_server: Any) -> None:
    server = swept_server
    async with rest(server) as web:
        item = await store(web, body=b"x" * 100)
        await change(server, d.item.update().where(d.item.c.id == item["id"]).values(removed_at_us=now_us()))
        assert len(files(server)) == 1
        await sweep(server)
        assert files(server) == set()
        assert await rows(server, d.object, d.object.c.key) == set()


@scenario
async def test_many_items_are_swept_while_others_are_made(server: Any) -> None:
    count = 700
    async with rest(server) as web:
        seed = await store(web, is_temporary=True)

        async def copy() -> None:
            async with server.app.state.hub.database.engine.begin() as db:
                row = (await db.execute(d.item.select().where(d.item.c.id == seed["id"]))).mappings().one()
                old = now_us() - 40 * DAY_US
                await db.execute(
                    d.item.insert(),
                    [{**row, "id": f"{seed['id'][:-4]}{n:04x}", "used_at_us": old} for n in range(count)],
                )

        await on_hub(server, copy())
        working = asyncio.create_task(sweep(server))
        made, slowest = 0, 0.0
        while not working.done():
            began = time.monotonic()
            await make(web)
            made, slowest = made + 1, max(slowest, time.monotonic() - began)
        swept = await working
        print(f"N = {swept.temporary} items swept, {made} made beside it, the slowest in {slowest * 1000:.0f} ms")
        assert swept.temporary >= count - 1
        assert made >= 1


@pytest.mark.requirement("keep.retention", "data.history")
@scenario
async def test_tasks_that_the_history_of_an_item_needs_stay_for_as_long_as_it_does(swept_server: Any) -> None:
    server, opened = swept_server, []
    async with rest(server) as web:
        agent, app, caller = await agent_of(server, opened)

        async def run(x: str | None, *, name: str = "value", temporary: bool = True, parent: str | None = None) -> Any:
            who = agent if parent is not None else caller
            task = await who.submit(f"{app}.work", {"x": x}, **({"parent": parent} if parent else {}))
            await agent.assigned(task)
            item = await store(web, task=task, name=name, is_temporary=temporary)
            await agent.report("ended", task, status="completed", returns=[item["id"]])
            await ended(who, task)
            return task, item["id"]

        # raw → T1 → value → T2 (a child made another value for it) → result, which is named; and beside it T3 → value
        t1, value = await run(None)
        outer = await caller.submit(f"{app}.work", {"x": value})
        await agent.assigned(outer)
        child, inner = await run(value, parent=outer)
        result = await store(web, task=outer, name="result")
        await agent.report("ended", outer, status="completed", returns=[result["id"]])
        await ended(caller, outer)
        t3, beside = await run(None)
        plain = await caller.submit(f"{app}.work", {"x": None})
        await agent.assigned(plain)
        await agent.report("ended", plain, status="failed", error={"code": "remote", "message": "x", "fields": {}})
        await ended(caller, plain)

        tasks = t.task.c.id
        assert await retain(server, days=91) == 1, "only the one of which nothing came"
        assert await rows(server, t.task, tasks) == {t1, outer, child, t3}
        assert (await sweep(server, days=40)).temporary == 3
        assert await retain(server, days=91) == 1, "the value that nothing came of does not keep its task"
        assert await rows(server, t.task, tasks) == {t1, outer, child}
        assert (await web.get(f"/api/items/{value}")).json()["removed_at_us"] is not None
        assert (await sweep(server, days=100)).forgotten == 1
        assert await code(web.get(f"/api/items/{beside}")) == "404 not_found"
        assert {("input", value), ("output", value), ("output", inner), ("output", result["id"])} <= await links(server)
        await web.post(f"/api/items/{result['id']}/trash")
        assert await retain(server, days=91) == 0, "it can still be restored"
        assert (await sweep(server, days=31)).trashed == 1
        assert [await retain(server, days=91) for _ in range(3)] == [2, 1, 0], "then what explains it, step by step"
        assert await rows(server, t.task, tasks) == set()
        assert await links(server) == set()
        assert (await sweep(server, days=100)).forgotten == 3
        assert await rows(server, d.item, d.item.c.id) == set()
        for one in opened:
            await one.close()


async def links(server: Any) -> set[tuple[str, str]]:
    async def read() -> set[tuple[str, str]]:
        async with server.app.state.hub.database.engine.connect() as db:
            return {(row.role, row.item_id) for row in await db.execute(d.task_item.select())}

    result: set[tuple[str, str]] = await on_hub(server, read())
    return result


@scenario
async def test_a_hub_sweeps_as_it_starts(tmp_path: Path) -> None:
    def go(work: Any) -> None:
        with serve(tmp_path / "hub", log_level="error", data_temporary_days=0.000001) as running:
            asyncio.run(asyncio.wait_for(work(running), 40))

    kept: list[str] = []

    async def first(server: Any) -> None:
        async with rest(server) as web, client(server, "x"):
            kept.append((await store(web, is_temporary=True))["id"])

    async def second(server: Any) -> None:
        async with rest(server) as web:
            path = f"/api/items/{kept[0]}"
            await soon(lambda: files(server) == set())
            assert (await web.get(path)).json()["removed_at_us"] is not None

    await asyncio.to_thread(go, first)
    await asyncio.to_thread(go, second)
