"""How the cells of histories are asked: where items come from, what a task had to do with, running again, sources."""

from __future__ import annotations

import uuid
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t

from .asking import Probe, Probes, word_of
from .catalogue import TASKS
from .stage import SECRET, Actor, Stage

ITEMS = ("team item", "private item", "given discreetly", "given in private", "removed item")
FILE: dict[str, Any] = {"note": "", "is_temporary": False, "kind": "file", "app": "web", "meta": "{}", "objects": 1}


async def _add_item(stage: Stage, name: str, **fields: Any) -> str:
    """Put a committed file of the author's into the database; give its id."""
    id, now, author = new_id(), now_us(), stage.actors["author"].person
    row = {"id": id, "team_id": stage.home, "person_id": author, "by_id": author, "name": name, **FILE}
    row |= {"created_at_us": now, "used_at_us": now, "committed_at_us": now, "digest": "9f" * 32, **fields}

    async def add() -> None:
        async with stage.hub.database.engine.begin() as db:
            await db.execute(d.item.insert().values(**row))

    await stage.on_hub(add())
    return id


async def _link(stage: Stage, task: str, item: str, role: str) -> None:
    async def add() -> None:
        async with stage.hub.database.engine.begin() as db:
            row = {"team_id": stage.home, "task_id": task, "item_id": item, "role": role}
            await db.execute(d.task_item.insert().values(**row))

    await stage.on_hub(add())


async def _items(stage: Stage) -> dict[str, str]:
    """Give the items by what the matrix calls them, made when first asked for."""
    known = vars(stage).get("items")
    if known is not None:
        return dict(known)
    made = {
        "team item": await _add_item(stage, "team", visibility="team", task_id=stage.team.task),
        "private item": await _add_item(stage, "private", visibility="private"),
        "given discreetly": await _add_item(stage, "discreet", visibility="private"),
        "given in private": await _add_item(stage, "in private", visibility="private"),
        "removed item": await _add_item(stage, "removed", visibility="team", removed_at_us=now_us()),
    }
    await _link(stage, stage.team.task, made["team item"], "output")
    await _link(stage, stage.discreet, made["given discreetly"], "input")
    await _link(stage, stage.private.task, made["given in private"], "input")
    stage.items = made  # type: ignore[attr-defined]
    return made


def _traces(subject: str, ending: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        item = (await _items(stage))[subject]
        return word_of(await actor.web.get(f"/api/items/{item}/{ending}"))

    return probe


async def _argument(stage: Stage, actor: Actor) -> str:
    """Whether what a discreet task was given shows in the history of an item that came out of it."""
    if not hasattr(stage, "leaked"):
        stage.leaked = await _add_item(stage, "shared later", visibility="team", task_id=stage.discreet)
        await _link(stage, stage.discreet, stage.leaked, "output")
    answer = await actor.web.get(f"/api/items/{stage.leaked}/provenance")
    word = word_of(answer)
    if word != "ok":
        return word
    return "shown" if str(SECRET) in answer.text else "hidden"


async def _hidden_task(stage: Stage, actor: Actor) -> str:
    """Whether a private task shows in the history of an item that came out of it."""
    if not hasattr(stage, "escaped"):
        stage.escaped = await _add_item(stage, "shared later", visibility="team", task_id=stage.private.task)
    answer = await actor.web.get(f"/api/items/{stage.escaped}/provenance")
    word = word_of(answer)
    if word != "ok":
        return word
    nodes = {node["node"] for node in answer.json()["nodes"]}
    is_told = stage.private.task in answer.text or str(SECRET) in answer.text
    assert is_told != ("hidden" in nodes)
    return "shown" if is_told else "hidden"


def _of_task(ending: str, method: str = "GET", body: Any = None, *, of: str) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        path = TASKS[of].format(**vars(stage))
        return word_of(await actor.web.request(method, f"/api/tasks/{path}/{ending}", json=body))

    return probe


async def _release(stage: Stage) -> SimpleNamespace:
    """Give the author's app a release with sources of a hash of its own, and a file of theirs."""
    known = vars(stage).get("kept")
    if known is None:
        hash = uuid.uuid4().hex

        async def add() -> None:
            async with stage.hub.database.engine.begin() as db:
                app = (await db.execute(select(t.app.c.id).where(t.app.c.identifier == stage.team.app))).scalar_one()
                row = {"id": new_id(), "team_id": stage.home, "app_id": app, "version": "9", "source_hash": hash}
                await db.execute(t.release.insert().values(**row, created_at_us=now_us()))

        await stage.on_hub(add())
        item = await _add_item(stage, "sources", visibility="private")
        known = stage.kept = SimpleNamespace(hash=hash, item=item)  # type: ignore[attr-defined]
    return known


async def _keeps(stage: Stage, actor: Actor) -> str:
    kept = await _release(stage)
    path = f"/api/apps/{stage.team.app}/sources/{kept.hash}"
    return word_of(await actor.web.put(path, json={"item": kept.item}))


async def _finds(stage: Stage, actor: Actor) -> str:
    kept = await _release(stage)
    path = f"/api/apps/{stage.team.app}/sources/{kept.hash}"
    assert (await stage.actors["author"].web.put(path, json={"item": kept.item})).status_code == 200
    return word_of(await actor.web.get(path))


async def _reads_sources(stage: Stage, actor: Actor) -> str:
    """Whether somebody may trace, and so read, the file that keeps the sources."""
    kept = await _release(stage)
    path = f"/api/apps/{stage.team.app}/sources/{kept.hash}"
    assert (await stage.actors["author"].web.put(path, json={"item": kept.item})).status_code == 200
    return word_of(await actor.web.get(f"/api/items/{kept.item}/provenance"))


_READ = ("team task", "discreet task", "member's discreet", "private task", "the guest's task")

HISTORY: Probes = {
    "GET /api/items/{item}/provenance": {
        **{name: _traces(name, "provenance") for name in ITEMS},
        "a discreet argument": _argument,
        "a private task": _hidden_task,
        "kept sources": _reads_sources,
    },
    "GET /api/items/{item}/provenance.json": {
        "team item": _traces("team item", "provenance.json"),
        "private item": _traces("private item", "provenance.json?format=rocrate"),
    },
    "GET /api/tasks/{task}/provenance": {name: _of_task("provenance", of=name) for name in _READ},
    "GET /api/tasks/{task}/items": {name: _of_task("items", of=name) for name in _READ},
    "POST /api/tasks/{task}/again": {name: _of_task("again", "POST", {}, of=name) for name in _READ},
    "GET /api/apps/{identifier}/sources/{source_hash}": {"team app": _finds},
    "PUT /api/apps/{identifier}/sources/{source_hash}": {"team app": _keeps},
}
