"""A hub in which every place that holds words holds those of an attacker: names, notes, values, errors, files, people."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa

from arkitekt_next import Array, File, Image, Table
from arkitekt_next.auth.principal import Role, Scope
from tests.support.browsing import accounts, on_hub
from tests.support.items import METAS, put
from tests.support.payloads import PAYLOADS, fit
from tests.support.raw import Message, RawClient, sign_in

APP = "hostile"
FRAME = 200_000
CONTROL = "/" + "".join(map(chr, range(32)))
NAMES = fit(250)
TAGS = fit(64, without=CONTROL)
PRINTABLE = fit(60, printable=True)
CLEAN = fit(4000)
"""What a place without other limits takes: no NUL."""


@dataclass
class Content:
    """What was made, by its addresses."""

    items: dict[str, str] = field(default_factory=dict)  # by id, its name
    special: dict[str, str] = field(default_factory=dict)  # by what it is, its id
    tasks: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)  # by name, its label


def port(at: int, kind: str = "string", **more: Any) -> Message:
    """One port all of whose words are hostile."""
    text = CLEAN[at]
    widget = {"kind": "text", "placeholder": text, "choices": [{"value": text, "label": text, "description": text}]}
    return {"key": f"k{at}", "kind": kind, "label": text, "description": text, "unit": text, "widget": widget, **more}


def definitions() -> list[Message]:
    """One function for each payload, and one each with all of them among its arguments, choices, fields and groups."""
    every = range(len(PAYLOADS))
    choices = [{"value": text, "label": text, "description": text} for text in dict.fromkeys(CLEAN)]
    fields = [{"key": text, "kind": "string", "label": text} for text in dict.fromkeys(CLEAN)]
    groups = [{"key": text, "label": text, "description": text} for text in dict.fromkeys(CLEAN)]
    made: list[Message] = [
        {
            "name": f"f{at:03}", "label": text, "description": text, "long_description": text, "source": text,
            "version": text[:64], "args": [port(at)], "returns": [port(at)], "collections": [TAGS[at]],
        }
        for at, text in enumerate(CLEAN)
    ]  # fmt: skip
    made += [
        *({"name": f"wide{first}", "args": [port(at, group=CLEAN[at]) for at in every[first : first + 100]],
           "returns": [], "groups": groups[first : first + 100]} for first in every[::100]),
        {"name": "keyed", "args": [{**one, "required": False} for one in fields], "returns": fields},
        {"name": "chosen", "returns": [], "args": [
            {"key": "one", "kind": "literal", "choices": choices},
            {"key": "model", "kind": "model", "identifier": CLEAN[40], "children": fields},
            {"key": "struct", "kind": "structure", "identifier": "constructor", "label": CLEAN[41]},
        ]},
        {"name": "gives", "args": [], "returns": [
            {"key": "texts", "kind": "list", "children": [{"key": "0", "kind": "string"}]},
            {"key": "table", "kind": "dict", "children": [{"key": "0", "kind": "string"}, {"key": "1", "kind": "string"}]},
            {"key": "model", "kind": "model", "identifier": "M", "children": fields},
            {"key": "rows", "kind": "list", "children": [{"key": "0", "kind": "model", "identifier": "M", "children": fields[:40]}]},
            {"key": "free", "kind": "json"}, {"key": "item", "kind": "structure", "identifier": "data.image"},
        ]},
        {"name": "streams", "kind": "generator", "args": [], "returns": [{"key": "out", "kind": "string", "label": CLEAN[42]}]},
        {"name": "fails", "args": [{"key": "x", "kind": "string"}], "returns": []},
        {"name": "live", "args": [], "returns": []},
    ]  # fmt: skip
    return made


def returned() -> list[Any]:
    """What `gives` answers."""
    keyed = dict(zip(CLEAN, CLEAN, strict=True))
    rows = [dict(list(keyed.items())[:40])]
    return [CLEAN, keyed, keyed, rows, {"nested": [keyed, PAYLOADS]}, "constructor"]


class Agent:
    """An app that goes on in a thread of its own, and reports what one has it report."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.loop = asyncio.new_event_loop()
        self.thread = Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.raws: list[RawClient] = []
        self.by_action: dict[str, RawClient] = {}

    def do(self, work: Any, within: float = 60) -> Any:
        """Run something on its loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(within)

    async def connect(
        self, release: str = "1", host: str = "", offers: list[Message] | None = None, **more: Any
    ) -> RawClient:
        """Open a connection that says a release and a machine, and offers functions."""
        token = await asyncio.to_thread(sign_in, self.server.url, self.server.folder, APP)
        client = RawClient(self.server.url, token, APP, release={"version": release}, host=host)
        await client.open()
        await client.provide(*(offers or definitions()[:1]), **more)
        return client

    async def offer(self) -> None:
        """Offer all functions, by as many connections as it takes: a message has a greatest size."""
        frames: list[list[Message]] = [[]]
        for one in definitions():
            if len(json.dumps([*frames[-1], one])) > FRAME:
                frames.append([])
            frames[-1].append(one)
        for at, offers in enumerate(frames):
            client = await self.connect(CLEAN[at + 60][:120], CLEAN[at + 80][:250], offers)
            self.raws.append(client)
            self.by_action |= {str(one["name"]): client for one in offers}

    async def begin(self, action: str, args: Message | None = None) -> str:
        """Submit a call, and start it."""
        raw = self.by_action[action]
        task = await raw.submit(f"{APP}.{action}", args or {}, watch=False)
        await raw.assigned(task)
        await raw.report("started", task)
        return task

    async def say(self, task: str, text: str) -> None:
        """Report how far a call of `live` is, in words."""
        await self.by_action["live"].report("progress", task, percent=50, message=text)

    async def run(self, action: str, args: Message | None = None, **ending: Any) -> str:
        """Run a call to its end, which is as one says; give its id."""
        raw, task = self.by_action[action], await self.begin(action, args)
        for text in CLEAN:
            await raw.report("log", task, level="error", message=text)
        for first, part in enumerate(ending.pop("values", [])):
            await raw.report("yielded", task, first=first, values=[[part]])
        await raw.acknowledged(await raw.report("ended", task, **ending))
        return task

    def close(self) -> None:
        """End it."""
        for raw in self.raws:
            self.do(raw.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()


@contextmanager
def hostile(server: Any) -> Iterator[tuple[Content, Agent]]:
    """Fill a hub, of which somebody is the owner already. An `App` has to be entered around it."""
    content, agent = Content(), Agent(server)
    _add_people(server)
    for at in range(
        0, len(PAYLOADS), 8
    ):  # each a process that has been there, with another release, machine and labels
        labels = CLEAN[at : at + 8]
        gone = agent.do(agent.connect(CLEAN[at][:120], CLEAN[at][:250], labels=[text[:250] for text in labels]))
        agent.do(gone.close())
    agent.do(agent.offer())
    content.actions = {f"{APP}.{one['name']}": str(one.get("label", "")) for one in definitions()}
    token = sign_in(server.url, server.folder, "filler")
    with httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {token}"}, timeout=60) as web:
        _add_items(web, content)
        _add_programs(web)
    _add_special(content)
    _add_tasks(agent, content)
    try:
        yield content, agent
    finally:
        agent.close()


def _add_people(server: Any) -> None:
    hub = accounts(server)

    async def add(at: int, name: str) -> None:
        person = await hub.people.add(name=name, email=f"p{at}@lab.org")
        await hub.people.join(hub.team, person.id, Role.MEMBER)
        await hub.logins.begin(
            team=hub.team, person=hub.owner, app="robot", kind="device", scopes=[Scope.READ],
            version=CLEAN[at], machine=CLEAN[at],
        )  # fmt: skip
        await hub.audit.note("action.shared", team=hub.team, person=person.id, data={"action": CLEAN[at][:200]})

    for at, name in enumerate(PRINTABLE):
        on_hub(server, add(at, name))
    for name in PRINTABLE[:120]:
        on_hub(server, hub.people.create_team(name, hub.owner))


def _add_items(web: httpx2.Client, content: Content) -> None:
    files = fit(250, without="/\\" + CONTROL, printable=True)
    for at, name in enumerate(NAMES):
        file = {"name": files[at] if files[at] not in (".", "..") else "x", "content_type": "text/html"}
        kind = ("file", "image", "table", "array")[at % 4]
        meta = file if kind == "file" else METAS[kind]
        body = {"kind": kind, "name": name, "note": CLEAN[at], "meta": meta, "tags": [TAGS[at]]}
        made = web.post("/api/items", json=body)
        assert made.status_code == 201, (made.text, body)
        content.items[made.json()["item"]["id"]] = name
        put(made.json()["grant"], file["name"] if kind == "file" else "zarr.json", CLEAN[at].encode())
        web.post(f"/api/items/{made.json()['item']['id']}/commit", json={}).raise_for_status()
    folders = dict.fromkeys(fit(200, without=CONTROL))
    for name in folders:
        made = web.post("/api/folders", json={"name": name, "parent": None, "visibility": "team"})
        assert made.status_code == 201, (made.text, name)
        content.special["folder"] = made.json()["id"]
    answer = web.post(
        "/api/items", json={"kind": "file", "name": "noted", "note": "\n".join(CLEAN)[:20_000], "meta": METAS["file"]}
    )
    put(answer.json()["grant"], "a.bin", b"x")
    content.special["noted"] = answer.json()["item"]["id"]
    web.post(f"/api/items/{content.special['noted']}/commit", json={}).raise_for_status()
    tags = list(dict.fromkeys(TAGS))
    for part in (tags[at : at + 60] for at in range(0, len(tags), 60)):
        body = {"kind": "file", "name": "tagged", "meta": METAS["file"], "tags": part}
        answer = web.post("/api/items", json=body).json()
        put(answer["grant"], "a.bin", b"x")
        made = answer["item"]["id"]
        web.post(f"/api/items/{made}/commit", json={}).raise_for_status()
        content.special[f"tagged {part[0]}"] = made


def _add_programs(web: httpx2.Client) -> None:
    for name in PRINTABLE:
        body = {"name": name, "redirect_uris": ["http://127.0.0.1/callback"]}
        web.post("/api/clients", json=body).raise_for_status()


def _add_special(content: Content) -> None:
    """Store what is read in the page itself: pictures by their channels, tables by their cells, files by their text."""
    plain = list(dict.fromkeys(fit(200, printable=True)))
    some = np.zeros((len(plain), 4, 4), np.uint8)
    content.special["channels"] = Image.save(some, name="channels", axes="cyx", channels=plain).id
    axes = ("constructor", "__proto__", plain[60], plain[61], "y", "x")
    content.special["axes"] = Array.save(np.zeros((2, 2, 2, 2, 4, 4), np.uint8), name="axes", axes=axes).id
    columns = dict.fromkeys(CLEAN)
    table = pa.table({**{name: [name] * 3 for name in columns}})
    content.special["columns"] = Table.save(table, name="columns").id
    content.special["cells"] = Table.save(
        pa.table({"text": CLEAN, "list": [[text] for text in CLEAN]}), name="cells"
    ).id
    text = "\n".join(CLEAN)
    bodies = {"txt": text, "md": text, "xml": text, "json": json.dumps({one: one for one in PAYLOADS}), "html": text,
              "csv": "\n".join(f'"{one}",{one}' for one in CLEAN), "svg": f"<svg onload=__hit=1>{text}</svg>",
              "constructor": text, "png": text, "__proto__": text}  # fmt: skip
    for ending, body in bodies.items():
        content.special[f"file {ending}"] = File.save(io.BytesIO(body.encode()), name=f"a.{ending}").id


def _add_tasks(agent: Agent, content: Content) -> None:
    text = "\n".join(CLEAN)
    content.tasks["gives"] = agent.do(agent.run("gives", status="completed", returns=returned()))
    streamed = agent.run("streams", status="completed", values=CLEAN, yields=len(CLEAN))
    content.tasks["streams"] = agent.do(streamed)
    error = {"type": CLEAN[60], "bases": [], "message": text[:30_000], "traceback": text[:30_000]}
    content.tasks["fails"] = agent.do(agent.run("fails", {"x": text[:30_000]}, status="failed", error=error))
    content.tasks["live"] = agent.do(agent.begin("live"))
