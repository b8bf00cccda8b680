"""How the cells of stored data are asked over REST. What a cell would spoil is made anew for it."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from arkitekt_next.storage import data_tables as d
from tests.support import items

from .asking import Probe, Probes, asks, checked, fill, shows, word_of
from .stage import Actor, Stage
from .stored import new_folder

ITEMS = {
    "team item": "{data.team}",
    "private item": "{data.private}",
    "the guest's item": "{data.guests}",
    "given to a task": "{data.given}",
    "to a discreet task": "{data.hushed}",
    "by the guest's task": "{data.gave}",
    "open item": "{data.open}",
    "trashed item": "{data.trashed}",
    "removed item": "{data.removed}",
}
FOLDERS = {
    "team folder": "{data.folder}",
    "private folder": "{data.drawer}",
    "the guest's folder": "{data.guests_folder}",
}


def _of(*subjects: str) -> dict[str, str]:
    return {name: ITEMS[name] for name in subjects}


async def _shows_hub(stage: Stage, actor: Actor) -> str:
    await stage.on_hub(stage.hub.quota.used_bytes())  # as the sweep counts it
    answer = await actor.web.get("/api/usage")
    word = word_of(answer)
    return word if word != "ok" else "hidden" if answer.json()["hub_bytes"] is None else "shown"


# -- what is made anew ---------------------------------------------------------------------------------------


async def _makes(stage: Stage, actor: Actor) -> str:
    name = uuid.uuid4().hex
    word = word_of(await actor.web.post("/api/items", json={"kind": "file", "name": name}))
    return checked(word, has_happened=await _is_there(stage, "item", "name", name))


def _makes_in(**fields: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        name = uuid.uuid4().hex
        body = {"kind": "file", "name": name, **{key: fill(value, stage) for key, value in fields.items()}}
        word = word_of(await actor.web.post("/api/items", json=body))
        return checked(word, has_happened=await _is_there(stage, "item", "name", name))

    return probe


async def _is_there(stage: Stage, table: str, column: str, value: str) -> bool:
    return await _value(stage, table, column, value, column) is not None


async def _value(stage: Stage, table: str, column: str, value: str, wanted: str) -> Any:
    found = getattr(d, table)

    async def read() -> Any:
        async with stage.hub.database.engine.connect() as db:
            row = (await db.execute(found.select().where(found.c[column] == value))).mappings().first()
            return row[wanted] if row is not None else None

    return await stage.on_hub(read())


def _spoils(whose: str, method: str, ending: str, body: Any, column: str, **fields: Any) -> Probe:
    """Change an item that is new for each cell, and see whether it has changed."""

    async def probe(stage: Stage, actor: Actor) -> str:
        tags = ["there"]
        item = (await items.store(stage.actors[whose].web, tags=tags, **fields))["id"]
        if ending == "/restore":
            assert (await stage.actors[whose].web.post(f"/api/items/{item}/trash")).status_code == 200
        before = await _state(stage, item, column)
        word = word_of(await actor.web.request(method, f"/api/items/{item}{ending}", json=body))
        return checked(word, has_happened=await _state(stage, item, column) != before)

    return probe


async def _state(stage: Stage, item: str, column: str) -> Any:
    if column != "tags":
        return await _value(stage, "item", "id", item, column)
    shown = await stage.on_hub(_tags(stage, item))
    return sorted(shown)


async def _tags(stage: Stage, item: str) -> list[str]:
    async with stage.hub.database.engine.connect() as db:
        rows = await db.execute(d.item_tag.select().where(d.item_tag.c.item_id == item))
        return [row.tag for row in rows]


def _spoiling(method: str, ending: str, body: Any, column: str) -> dict[str, Probe]:
    return {
        "team item": _spoils("author", method, ending, body, column),
        "private item": _spoils("author", method, ending, body, column, visibility="private"),
        "the guest's item": _spoils("guest", method, ending, body, column),
        "the guest's own": _spoils("guest", method, ending, body, column, visibility="private"),
        **{
            name: asks(f"/api/items/{it}{ending}", method, body)
            for name, it in _of("by the guest's task", "removed item").items()
        },
    }


def _writes(ending: str, method: str, column: str, body: Any = None) -> Probe:
    """Commit or give up an open item of the author's that is new for each cell."""

    async def probe(stage: Stage, actor: Actor) -> str:
        item, grant = await items.make(stage.actors["author"].web)
        await asyncio.to_thread(items.put, grant, "a", b"1")
        word = word_of(await actor.web.request(method, f"/api/items/{item['id']}{ending}", json=body))
        happened = await _value(stage, "item", "id", item["id"], column) is not None
        return checked(word, has_happened=happened)

    return probe


def _changes_folder(method: str, body: Any, **fields: Any) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        folder = await new_folder(stage.actors["author"].web, **fields)
        before = await _value(stage, "folder", "id", folder, "name")
        sent = {name: value.replace("NEW", uuid.uuid4().hex) for name, value in body.items()} if body else None
        word = word_of(await actor.web.request(method, f"/api/folders/{folder}", json=sent))
        return checked(word, has_happened=await _value(stage, "folder", "id", folder, "name") != before)

    return probe


async def _makes_folder(stage: Stage, actor: Actor, **fields: str) -> str:
    name = uuid.uuid4().hex
    body = {"name": name, **{key: fill(value, stage) for key, value in fields.items()}}
    word = word_of(await actor.web.post("/api/folders", json=body))
    return checked(word, has_happened=await _is_there(stage, "folder", "name", name))


def _makes_folder_in(**fields: str) -> Probe:
    return lambda stage, actor: _makes_folder(stage, actor, **fields)


READ, WRITE = {"mode": "read"}, {"mode": "write"}

DATA: Probes = {
    "POST /api/items": {
        "an item": _makes,
        "in a team folder": _makes_in(folder="{data.folder}"),
        "in a private folder": _makes_in(folder="{data.drawer}"),
        "to a private item": _makes_in(parent="{data.private}"),
        "in a task": _makes_in(task="{team.running}"),
    },
    "GET /api/items": {
        **{name: shows("/api/items?limit=500&temporary=true", it) for name, it in ITEMS.items()},
        "the trash": shows("/api/items?limit=500&trashed=true", "{data.trashed}"),
        "private, by person": shows("/api/items?limit=500&text=file", "{data.private}"),
    },
    "GET /api/usage": {"the author's": shows("/api/usage", "{actors[author].person}"), "of all teams": _shows_hub},
    "GET /api/items/{item}": {name: asks(f"/api/items/{it}") for name, it in ITEMS.items()},
    "PATCH /api/items/{item}": _spoiling("PATCH", "", {"name": "changed"}, "name"),
    "DELETE /api/items/{item}": {
        "open item": _writes("", "DELETE", "removed_at_us"),
        "team item": asks("/api/items/{data.team}", "DELETE"),
        "private item": asks("/api/items/{data.private}", "DELETE"),
    },
    "POST /api/items/{item}/commit": {
        "open item": _writes("/commit", "POST", "committed_at_us", {"meta": items.FILE}),
        "team item": asks("/api/items/{data.team}/commit", "POST", {}),
        "private item": asks("/api/items/{data.private}/commit", "POST", {}),
    },
    "POST /api/items/{item}/grants": {
        **{name: asks(f"/api/items/{it}/grants", "POST", READ) for name, it in ITEMS.items()},
        "open item, to write": asks("/api/items/{data.open}/grants", "POST", WRITE),
        "team item, to write": asks("/api/items/{data.team}/grants", "POST", WRITE),
        "private, to write": asks("/api/items/{data.private}/grants", "POST", WRITE),
    },
    "POST /api/items/{item}/links": {
        name: asks(f"/api/items/{it}/links", "POST", {"paths": ["a.bin"]}) for name, it in ITEMS.items()
    },
    "GET /api/items/{item}/thumbnail": {
        "team image": asks("/api/items/{data.picture}/thumbnail"),
        "private image": asks("/api/items/{data.private_picture}/thumbnail"),
        "the guest's image": asks("/api/items/{data.guests_picture}/thumbnail"),
        "team file": asks("/api/items/{data.team}/thumbnail"),
    },
    "POST /api/items/{item}/trash": _spoiling("POST", "/trash", None, "trashed_at_us"),
    "POST /api/items/{item}/restore": _spoiling("POST", "/restore", None, "trashed_at_us"),
    "PUT /api/items/{item}/tags/{tag}": _spoiling("PUT", "/tags/new", None, "tags"),
    "DELETE /api/items/{item}/tags/{tag}": _spoiling("DELETE", "/tags/there", None, "tags"),
    "GET /api/folders": {name: shows("/api/folders?limit=500", it) for name, it in FOLDERS.items()},
    "POST /api/folders": {
        "a folder": _makes_folder_in(),
        "in the team's": _makes_folder_in(parent="{data.folder}"),
        "in a private one": _makes_folder_in(parent="{data.drawer}"),
    },
    "GET /api/folders/{folder}": {name: asks(f"/api/folders/{it}") for name, it in FOLDERS.items()},
    "PATCH /api/folders/{folder}": {
        "team folder": _changes_folder("PATCH", {"name": "NEW"}),
        "private folder": _changes_folder("PATCH", {"name": "NEW"}, visibility="private"),
    },
    "DELETE /api/folders/{folder}": {
        "team folder": _changes_folder("DELETE", None),
        "private folder": _changes_folder("DELETE", None, visibility="private"),
    },
}
