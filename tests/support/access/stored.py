"""What is stored on the stage of the matrix, once for each: items and folders of the author and of the guest."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx2

from arkitekt_next.storage import data_tables as d
from tests.support import items
from tests.support.raw import RawClient

if TYPE_CHECKING:
    from .stage import Stage


async def set_up(stage: Stage) -> None:
    """Store what the rows are about, once for a stage."""
    author, guest = stage.actors["author"].web, stage.actors["guest"].web
    data = stage.data = SimpleNamespace()
    data.team = (await items.store(author, name="of the team"))["id"]
    data.private = (await items.store(author, visibility="private"))["id"]
    data.guests = (await items.store(guest))["id"]
    data.picture = (await items.store_image(author))["id"]
    data.private_picture = (await items.store_image(author, visibility="private"))["id"]
    data.guests_picture = (await items.store_image(guest))["id"]
    data.open = (await items.make(author))[0]["id"]
    data.trashed = (await items.store(author))["id"]
    assert (await author.post(f"/api/items/{data.trashed}/trash")).status_code == 200
    data.folder, data.drawer = await new_folder(author), await new_folder(author, visibility="private")
    data.guests_folder = await new_folder(guest, visibility="private")
    data.removed = (await items.store(author))["id"]
    await _set_up_tasks(stage)
    await stage.on_hub(_remove(stage, data.removed))


async def _set_up_tasks(stage: Stage) -> None:
    """Let an agent of the author's be given what is private, by its caller, a discreet one, and a guest."""
    author, guest, data = stage.actors["author"], stage.actors["guest"], stage.data
    app = f"files-{uuid.uuid4().hex[:8]}"
    agent = await RawClient(stage.server.url, await stage.token("author", app) or "", app).open()
    stage.stack.push_async_callback(agent.close)
    await agent.provide(items.works_on_files("work"), capacity=64)
    assert (await author.web.put(f"/api/actions/{app}.work/shares/{guest.person}")).status_code == 200

    async def run(caller: str, given: str | None, **fields: Any) -> str:
        socket = stage.sockets[caller]
        task = await socket.submit(f"{app}.work", {"x": given}, **fields)
        await agent.assigned(task)
        made: dict[str, Any] = await items.store(author.web, task=task, is_temporary=True)
        await agent.report("ended", task, status="completed", returns=[made["id"]])
        await socket.expect("outcome", task=task)
        return str(made["id"])

    data.given = (await items.store(author.web, visibility="private"))["id"]
    await run("author", data.given)
    data.hushed = (await items.store(author.web, visibility="private"))["id"]
    await run("author", data.hushed, discreet=True)
    data.gave = await run("guest", None, discreet=True)


async def _remove(stage: Stage, item: str) -> None:
    async with stage.hub.database.engine.begin() as db:
        await db.execute(d.item.update().where(d.item.c.id == item).values(removed_at_us=1, cleared_at_us=1))


async def new_folder(web: httpx2.AsyncClient, **fields: Any) -> str:
    made = await web.post("/api/folders", json={"name": uuid.uuid4().hex, **fields})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])
