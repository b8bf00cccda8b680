"""The REST face in the hands of a test: a signed-in client, a second team, an agent that does as it is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2

from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.storage import tables as t
from tests.support.raw import Message, RawClient, client, definition, sign_in

T = TypeVar("T")


@asynccontextmanager
async def rest(server: Any, app: str = "web", *, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    """Sign in and open a client."""
    token = token or await asyncio.to_thread(sign_in, server.url, server.folder, app)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(base_url=server.url, headers=headers, timeout=20) as opened:
        yield opened


async def on_hub(server: Any, work: Coroutine[Any, Any, T]) -> T:
    """Run something on the hub's own loop."""
    loop = server.app.state.hub.board.loop
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


async def another_team(server: Any, app: str = "web") -> str:
    """Put a second team with a person of its own into the database; give a token for it."""
    hub = server.app.state.hub

    async def make() -> str:
        team, person, now = new_id(), new_id(), now_us()
        async with hub.database.engine.begin() as db:
            await db.execute(t.team.insert().values(id=team, name="neighbours", created_at_us=now))
            await db.execute(t.person.insert().values(id=person, name="eve", os_user=None, created_at_us=now))
            row = {"team_id": team, "person_id": person, "role": "owner", "created_at_us": now}
            await db.execute(t.membership.insert().values(row))
        await hub.accounts.people.reload()
        token, _ = await hub.accounts.issue(team=team, person=person, app=app)
        return token

    return await on_hub(server, make())


OFFERS = (
    definition("add", effects="none"),
    definition("count", generator=True),
    definition("hold"),
)


class Worker:
    """An agent: `add` adds, `count` yields a values and says so, `hold` runs until it is steered or `let_go`."""

    def __init__(self, agent: RawClient, app: str) -> None:
        self.agent, self.app = agent, app
        self.id = agent.agent
        self.steered: list[Message] = []
        self._held: dict[str, asyncio.Event] = {}
        self._works: set[asyncio.Task[None]] = set()
        agent.on_message = self._hear

    def _hear(self, message: Message) -> None:
        if message["kind"] == "assign":
            task = asyncio.create_task(self._work(message))
            self._works.add(task)
            task.add_done_callback(self._works.discard)
        elif message["kind"] == "steer":
            self.steered.append(message)
            if message["verb"] in ("cancel", "interrupt"):
                self._held.setdefault(message["task"], asyncio.Event()).set()

    def let_go(self, task: str) -> None:
        """Let a `hold` end."""
        self._held.setdefault(task, asyncio.Event()).set()

    async def _work(self, assigned: Message) -> None:
        task, args, attempt = assigned["task"], assigned["args"], assigned["attempt"]
        report = self.agent.report
        if assigned["action"] == "add":
            await report("ended", task, attempt=attempt, status="completed", returns=[args["a"] + args.get("b", 0)])
            return
        if assigned["action"] == "count":
            await report("log", task, attempt=attempt, level="info", message="counting")
            for first in range(0, args["a"], 2):
                values = [[n] for n in range(first, min(first + 2, args["a"]))]
                await report("yielded", task, attempt=attempt, first=first, values=values)
            await report("ended", task, attempt=attempt, status="completed", yields=args["a"])
            return
        await report("started", task, attempt=attempt, seq=0)
        await report("progress", task, attempt=attempt, seq=0, percent=50.0, message="half way")
        await report("log", task, attempt=attempt, level="info", message="holding")
        await self._held.setdefault(task, asyncio.Event()).wait()
        status = "cancelled" if any(s["task"] == task for s in self.steered) else "completed"
        returns = [args["a"]] if status == "completed" else None
        await report("ended", task, attempt=attempt, status=status, returns=returns)


@asynccontextmanager
async def worker(server: Any, app: str | None = None, **provided: Any) -> AsyncIterator[Worker]:
    """An agent that provides `OFFERS`."""
    name = app or f"w{uuid.uuid4().hex[:10]}"
    async with client(server, name) as agent:
        await agent.provide(*OFFERS, **provided)
        yield Worker(agent, name)
