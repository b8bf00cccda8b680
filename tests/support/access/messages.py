"""How the cells of the websocket's messages are asked, over a connection of the protocol's own, without the SDK.

Silence is an answer as well: a message that is not answered is followed by a `ping`, whose `pong` ends the waiting.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Callable
from typing import Any

import websockets

from tests.support.raw import DEADLINE_S, Message, RawClient, definition
from tests.support.waiting import soon

from .asking import CODES, Probe, Probes, checked, fill
from .catalogue import ACTIONS, TASKS, steering
from .stage import SECRET, Actor, Stage

_numbers = itertools.count(1)
OTHER_CODES = {"no_agent": "409", "conflict": "409", "bad_request": "400"}
ANSWERS = ("found", "accepted", "outcome", "done", "provided", "refused", "stale", "pong", "ack")


class Line:
    """One connection of an actor; it may be refused at the door."""

    def __init__(self, client: RawClient) -> None:
        self.client = client

    async def say(self, message: Message, *keys: str) -> Message:
        """Send a message; give the first answer that carries one of the keys, or the pong that came after it."""
        number, start = next(_numbers), len(self.client.seen)
        wanted = {*keys, *(str(message[name]) for name in ("request", "reference", "task") if name in message)}
        await self.client.send(message)
        if "request" not in message and "reference" not in message and "seq" not in message:
            wanted.add(message["kind"])
            await self.client.send({"kind": "ping", "number": number})

        def answered() -> Message | None:
            for seen in self.client.seen[start:]:
                if seen["kind"] == "pong" and seen["number"] == number:
                    return seen
                if seen["kind"] == "ack" and seen["seq"] >= message.get("seq", 2**60):
                    return seen
                named = {str(seen.get(name)) for name in ("request", "reference", "task")}
                if seen["kind"] in ANSWERS and named & wanted:
                    return seen
            return None

        return dict(await soon(answered, DEADLINE_S))


async def connect(stage: Stage, actor: Actor, app: str = "web", said: str | None = None) -> Line | str:
    """Open a connection for an app; give the word of a refusal where there is one."""
    token = actor.token if app == "web" else await stage.token(actor.name, app)
    client = RawClient(stage.server.url, token or "", said or app)
    try:
        await client.knock()
    except websockets.InvalidStatus as refused:
        return str(refused.response.status_code)
    stage.stack.push_async_callback(client.close)
    answer = await soon(lambda: client.of("welcome") or client.of("goodbye"), DEADLINE_S)
    return Line(client) if answer[0]["kind"] == "welcome" else word(answer[0])


async def line_of(stage: Stage, actor: Actor) -> Line | str:
    """Give the connection of an actor that the messages of the matrix share."""
    known = stage.lines.get(actor.name)
    if known is None:
        known = stage.lines[actor.name] = await connect(stage, actor)
    return known


def word(answer: Message) -> str:
    """Say how a message was answered."""
    error = answer.get("error") if answer["kind"] in ("refused", "goodbye") else None
    if error is None:
        return "stale" if answer["kind"] == "stale" else "ok"
    return {**CODES, **OTHER_CODES}.get(error["code"], error["code"])


def says(**message: Any) -> Probe:
    """Send a message that changes nothing and is answered."""

    async def probe(stage: Stage, actor: Actor) -> str:
        line = await line_of(stage, actor)
        if isinstance(line, str):
            return line
        sent = {name: _fill(value, stage) for name, value in message.items()}
        return word(await line.say({**sent, sent.pop("key", "request"): uuid.uuid4().hex}))

    return probe


def _fill(value: Any, stage: Stage) -> Any:
    if callable(value):
        return value(stage)
    return fill(value, stage) if isinstance(value, str) else value


# -- opening and closing -------------------------------------------------------------------------------------


async def _opens(stage: Stage, actor: Actor) -> str:
    line = await connect(stage, actor)
    return line if isinstance(line, str) else "ok"


async def _opens_as_another(stage: Stage, actor: Actor) -> str:
    line = await connect(stage, actor, said="another")
    return line if isinstance(line, str) else "ok"


async def _leaves(stage: Stage, actor: Actor) -> str:
    line = await connect(stage, actor)
    if isinstance(line, str):
        return line
    await line.client.send({"kind": "goodbye"})
    await line.client.socket.wait_closed()
    return "ok" if line.client.socket.close_code == 1000 else str(line.client.socket.close_code)


def _is_heard(**message: Any) -> Probe:
    """Send a message that nobody answers, and see that the connection goes on."""

    async def probe(stage: Stage, actor: Actor) -> str:
        line = await line_of(stage, actor)
        return line if isinstance(line, str) else word(await line.say(message))

    return probe


# -- reading and steering ------------------------------------------------------------------------------------


def _touches_reading(**message: Any) -> Probe:
    """Try to end or move on what somebody else reads; they have to get all of it."""

    async def probe(stage: Stage, actor: Actor) -> str:
        line = await line_of(stage, actor)
        if isinstance(line, str):
            return line
        task = await stage.hold("author", f"{stage.team.app}.hold")
        said = word(await line.say({**message, "task": task}))
        assert await stage.outcome("author", stage.team.provider, task) == "completed"
        return said

    return probe


def _touches_own_reading(**message: Any) -> Probe:
    """End or move on what one reads oneself, of a call of one's own."""

    async def probe(stage: Stage, actor: Actor) -> str:
        line = await line_of(stage, actor)
        if isinstance(line, str):
            return line
        call = {"kind": "submit", "reference": uuid.uuid4().hex, "action": stage.shared.action, "args": {"a": 1}}
        answer = await line.say(call)
        if answer["kind"] == "refused":
            return word(answer)
        return word(await line.say({**message, "task": answer["task"]}, message["kind"]))

    return probe


async def _control(stage: Stage, actor: Actor, task: str, verb: str) -> str:
    line = await line_of(stage, actor)
    if isinstance(line, str):
        return line
    return word(await line.say({"kind": "control", "request": uuid.uuid4().hex, "task": task, "verb": verb}))


def _calls_at_private_agent(stage: Stage) -> str:
    return str(stage.draft.id)


# -- providing -----------------------------------------------------------------------------------------------


def _provides(app: Callable[[Stage, Actor], Any]) -> Probe:
    async def probe(stage: Stage, actor: Actor) -> str:
        name = await app(stage, actor)
        line = await connect(stage, actor, name)
        if isinstance(line, str):
            return line
        offers = [{"definition": definition("add")}]
        said = word(await line.say({"kind": "provide", "request": uuid.uuid4().hex, "offers": offers}))
        eye = actor if actor.name == "other" else stage.actors["owner"]
        shown = (await eye.web.get(f"/api/agents?app={name}&online=true")).json()["items"]
        await line.client.close()
        return checked(said, has_happened=len(shown) == 1)

    return probe


async def _own_app(stage: Stage, actor: Actor) -> str:
    return f"own-{uuid.uuid4().hex[:8]}"


async def _authors_app(stage: Stage, actor: Actor) -> str:
    name = f"lent-{uuid.uuid4().hex[:8]}"
    provider = await stage.provide("author", name, "add")
    await provider.agent.send({"kind": "goodbye"})
    await provider.agent.close()
    author = stage.actors["author"].web

    async with asyncio.timeout(DEADLINE_S):
        while (await author.get(f"/api/agents?app={name}&online=true")).json()["items"]:
            await asyncio.sleep(0.01)
    return name


async def _consented_app(stage: Stage, actor: Actor) -> str:
    name = await _authors_app(stage, actor)
    if actor.team == stage.home and actor.name not in ("author", "guest"):
        answer = await stage.actors["author"].web.put(f"/api/apps/{name}/providers/{actor.person}")
        assert answer.status_code == 200, answer.text
    return name


def _touches_agent(**message: Any) -> Probe:
    """Try to put the author's agent out of work; it has to go on working."""

    async def probe(stage: Stage, actor: Actor) -> str:
        line = await line_of(stage, actor)
        if isinstance(line, str):
            return line
        said = word(await line.say({name: _fill(value, stage) for name, value in message.items()}))
        await stage.call("author", stage.team.action)
        shown = (await stage.actors["author"].web.get(f"/api/agents/{stage.team.agent}")).json()
        assert shown["state"] == "online"
        return said

    return probe


def _reports(kind: str, **fields: Any) -> Probe:
    """Report on a task that the author's agent holds; the task has to be as it was."""

    async def probe(stage: Stage, actor: Actor) -> str:
        line = await line_of(stage, actor)
        if isinstance(line, str):
            return line
        path = f"/api/tasks/{stage.team.running}"
        web = stage.actors["author"].web
        before = (await web.get(path)).json(), (await web.get(f"{path}/events")).json()
        assigned = stage.team.provider.agent.of("assign", task=stage.team.running)[0]
        named = {name: assigned[name] for name in ("task", "attempt", "epoch")}
        answer = await line.say({"kind": kind, **named, "seq": next(line.client.seq), **fields})
        after = (await web.get(path)).json(), (await web.get(f"{path}/events")).json()
        return checked(word(answer), has_happened=before != after)

    return probe


MESSAGE_PROBES: Probes = {
    "ws hello": {"oneself": _opens, "as another app": _opens_as_another},
    "ws ping": {"the hub": _is_heard(kind="ping", number=0)},
    "ws pong": {"the hub": _is_heard(kind="pong", number=0)},
    "ws unsupported": {
        "the hub": _is_heard(kind="unsupported", what="x", error={"code": "unsupported", "message": "x"})
    },
    "ws goodbye": {"the hub": _leaves},
    "ws lookup": {
        **{name: says(kind="lookup", action=it) for name, it in ACTIONS.items()},
        "team definition": says(kind="lookup", definition="{team.hash}"),
        "private definition": says(kind="lookup", definition="{private.hash}"),
        "shared definition": says(kind="lookup", definition="{shared.hash}"),
        "unshared definition": says(kind="lookup", definition="{shared.unshared_hash}"),
        "team ports": says(kind="lookup", demand=lambda stage: {"args": stage.team.ports}),
        "private ports": says(kind="lookup", demand=lambda stage: {"args": stage.private.ports}),
        "shared ports": says(kind="lookup", demand=lambda stage: {"args": stage.shared.ports}),
    },
    "ws submit": {
        **{name: says(kind="submit", key="reference", action=it, args={"a": 1}) for name, it in ACTIONS.items()},
        "below private task": says(
            kind="submit", key="reference", action="{team.action}", args={"a": 1}, parent="{private.running}"
        ),
        "at a private agent": says(
            kind="submit",
            key="reference",
            action="{shared.action}",
            args={"a": 1},
            agent=_calls_at_private_agent,
            wait_for_agent=False,
        ),
    },
    "ws attach": {
        **{name: says(kind="attach", task=it) for name, it in TASKS.items() if name != "discreet failure"},
        "running discreet": says(kind="attach", task="{running}"),
        "running private": says(kind="attach", task="{private.running}"),
    },
    "ws detach": {
        "another's reading": _touches_reading(kind="detach"),
        "one's own reading": _touches_own_reading(kind="detach"),
    },
    "ws consumed": {
        "another's reading": _touches_reading(kind="consumed", through=1),
        "one's own reading": _touches_own_reading(kind="consumed", through=1),
    },
    "ws control": steering(_control),
    "ws provide": {
        "an app of one's own": _provides(_own_app),
        "the author's app": _provides(_authors_app),
        "with consent": _provides(_consented_app),
    },
    "ws drain": {"the author's agent": _touches_agent(kind="drain", request="d")},
    "ws bury": {
        "the author's agent": _touches_agent(kind="bury", session=lambda stage: stage.team.provider.agent.session)
    },
    "ws started": {"the author's task": _reports("started")},
    "ws progress": {"the author's task": _reports("progress", percent=99)},
    "ws log": {"the author's task": _reports("log", message="forged")},
    "ws yielded": {"the author's task": _reports("yielded", first=0, values=[[1]])},
    "ws paused": {"the author's task": _reports("paused")},
    "ws ended": {"the author's task": _reports("ended", status="completed", returns=[SECRET])},
}
