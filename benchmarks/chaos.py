"""Kills hubs and agents under load and counts what was lost, doubled, changed or skipped. All counts have to be 0.

    python -m benchmarks.chaos --agents 50 --kills 20 --rate 100 --seed 7 [--database postgresql://… | embedded]

`embedded` starts a PostgreSQL of its own. Prints one JSON line; exits with 1 when a bar was missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmarks import stage

READY_BAR_S = 5.0
AGENTS_BAR_S = 15.0

AGENT = """
import asyncio
from collections.abc import AsyncIterator
import arkitekt_next

app = arkitekt_next.App("chaos")

@app.register(effects="unknown")
async def add(a: int, b: int) -> int:
    return a + b

@app.register(effects="unknown")
def slow(a: int, pause_s: float) -> int:
    import time
    time.sleep(pause_s)
    return a

@app.register(effects="unknown")
async def count(items: int) -> AsyncIterator[int]:
    for number in range(items):
        yield number
        if number % 10 == 0:
            await asyncio.sleep(0.01)

app.run()
"""


@dataclass
class Tally:
    """What came back. Everything but the first three has to stay 0."""

    submitted: int = 0
    completed: int = 0
    values: int = 0
    lost: int = 0
    wrong: int = 0
    gaps: int = 0
    changed: int = 0
    failures: Counter[str] = field(default_factory=Counter)


async def load(caller: Any, tally: Tally, rate: float, rng: random.Random, stop: asyncio.Event) -> None:
    """Submit at a steady rate until told to stop, then wait for every outcome."""
    add, slow, count = [await _find(caller, f"chaos.{name}") for name in ("add", "slow", "count")]
    waiting: set[asyncio.Task[None]] = set()
    began = time.monotonic()

    async def one(number: int) -> None:
        try:
            kind = rng.random()
            if kind < 0.8:
                tally.wrong += await add.acall(a=number, b=1) != number + 1
            elif kind < 0.9:
                tally.wrong += await slow.acall(a=number, pause_s=rng.uniform(0, 0.5)) != number
            else:
                items = rng.randrange(1, 60)
                seen = [value async for value in count.aiterate(items=items)]
                tally.gaps += seen != list(range(items))
                tally.values += len(seen)
            tally.completed += 1
        except Exception as error:
            tally.failures[f"{type(error).__name__}: {str(error)[:120]}"] += 1

    while not stop.is_set():
        number = tally.submitted
        tally.submitted += 1
        task = asyncio.create_task(one(number))
        waiting.add(task)
        task.add_done_callback(waiting.discard)
        await asyncio.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
    async with asyncio.timeout(120):
        while waiting:
            await asyncio.wait(set(waiting))


async def _find(caller: Any, name: str) -> Any:
    from arkitekt_next.errors import NotFound

    async with asyncio.timeout(stage.DEADLINE_S):
        while True:
            try:
                return await caller.afind(name)
            except NotFound:
                await asyncio.sleep(0.05)


async def kill_hubs(hub: stage.Hub, agents: int, kills: int, rng: random.Random) -> tuple[list[float], list[float]]:
    """Kill the hub again and again; give how long it took to be ready, and to have all agents back, in seconds."""
    ready, back = [], []
    for _ in range(kills):
        await asyncio.sleep(rng.uniform(0.5, 2.0))
        hub.kill()
        began = time.monotonic()
        await asyncio.to_thread(hub.start)
        ready.append(time.monotonic() - began)
        await asyncio.to_thread(wait_for_agents, hub, agents)
        back.append(time.monotonic() - began)
    return ready, back


def wait_for_agents(hub: stage.Hub, agents: int, deadline_s: float = 120.0) -> None:
    """Wait until that many agents are online."""
    deadline = time.monotonic() + deadline_s
    online = -1
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(hub.url + "/health", timeout=5) as response:
                online = json.load(response)["agents"]
        except OSError:
            pass
        if online >= agents:
            return
        time.sleep(0.05)
    raise TimeoutError(f"expected {agents} agents online, got {online}")


def audit(hub: stage.Hub, database_url: str | None) -> dict[str, int]:
    """Read the ledger: tasks that hang, terminals that are doubled, yields with gaps."""
    from sqlalchemy import create_engine, text

    if database_url:
        url = database_url.replace("postgresql://", "postgresql+asyncpg://")
        return asyncio.run(_audit_async(url))
    engine = create_engine(f"sqlite:///{hub.folder / 'hub.db'}")
    with engine.connect() as db:
        tasks = db.execute(text("SELECT id, status, timeline, yields, ended_at_us FROM task")).all()
        events = db.execute(
            text("SELECT task_id, first, count FROM event WHERE name = 'yield' ORDER BY task_id, number")
        ).all()
    return count_faults(tasks, events)


async def _audit_async(url: str) -> dict[str, int]:
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(url)
    async with engine.connect() as db:
        tasks = (await db.execute(text("SELECT id, status, timeline, yields, ended_at_us FROM task"))).all()
        events = (
            await db.execute(
                text("SELECT task_id, first, count FROM event WHERE name = 'yield' ORDER BY task_id, number")
            )
        ).all()
    await engine.dispose()
    return count_faults(tasks, events)


def count_faults(tasks: Any, events: Any) -> dict[str, int]:
    """Count what must not be there."""
    terminal = {"completed", "failed", "cancelled", "interrupted", "lost", "expired"}
    hanging = sum(task.ended_at_us is None for task in tasks)
    doubled = 0
    for task in tasks:
        ends = [entry for entry in json.loads(task.timeline) if entry[1] in terminal]
        doubled += len(ends) > 1 or (bool(ends) and ends[-1][1] != task.status)
    expected: dict[str, int] = {}
    gaps = 0
    for event in events:
        gaps += event.first != expected.get(event.task_id, 0)
        expected[event.task_id] = event.first + event.count
    gaps += sum(task.yields != expected.get(task.id, 0) for task in tasks)
    return {
        "recorded": len(tasks),
        "hanging": hanging,
        "doubled": doubled,
        "recorded_gaps": gaps,
        "ended_lost": sum(task.status == "lost" for task in tasks),
    }


def run(*, agents: int, kills: int, rate: float, seed: int, database: str | None = None) -> dict[str, Any]:
    """Run the hub part once and give the counts."""
    rng = random.Random(seed)
    settings: dict[str, Any] = {"database_url": database} if database else {}
    with ExitStack() as stack:
        hub = stack.enter_context(stage.hub(**settings))
        for _ in range(agents):
            stack.enter_context(stage.app(hub, AGENT))
        os.environ.update(stage.surroundings(hub))
        wait_for_agents(hub, agents)
        tally, ready, back, took_s = asyncio.run(_drive(hub, agents, kills, rate, rng))
        result = {
            "seed": seed,
            "agents": agents,
            "kills": kills,
            "database": "postgresql" if database else "sqlite",
            "submitted": tally.submitted,
            "submits_per_s": round(tally.submitted / took_s, 1),
            "completed": tally.completed,
            "stream_values": tally.values,
            "wrong": tally.wrong,
            "gaps": tally.gaps,
            "failures": dict(tally.failures),
            "ready_s_max": round(max(ready), 2),
            "agents_back_s_max": round(max(back), 2),
            **audit(hub, database),
        }
    result["ok"] = (
        tally.completed == tally.submitted == result["recorded"]
        and not any(result[name] for name in ("wrong", "gaps", "hanging", "doubled", "recorded_gaps", "ended_lost"))
        and result["ready_s_max"] <= READY_BAR_S
        and result["agents_back_s_max"] <= AGENTS_BAR_S
    )
    return result


async def _drive(
    hub: stage.Hub, agents: int, kills: int, rate: float, rng: random.Random
) -> tuple[Tally, list[float], list[float], float]:
    import arkitekt_next

    tally, stop = Tally(), asyncio.Event()
    async with arkitekt_next.App("chaos-caller") as caller:
        loading = asyncio.create_task(load(caller, tally, rate, rng, stop))
        began = time.monotonic()
        ready, back = await kill_hubs(hub, agents, kills, rng)
        stop.set()
        took_s = time.monotonic() - began
        await loading
    return tally, ready, back, took_s


@contextmanager
def _database(wanted: str | None) -> Iterator[str | None]:
    if wanted != "embedded":
        yield wanted
        return
    from arkitekt_next.testing.database import postgres_server

    with postgres_server() as server:
        yield server.new_database()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=float, default=110.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--database", default=None)
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**6)
    with _database(chosen.database) as database:
        result = run(agents=chosen.agents, kills=chosen.kills, rate=chosen.rate, seed=seed, database=database)
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
