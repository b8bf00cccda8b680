"""A hub over a million tasks: how fast lists, searches and single tasks are read, a call is made, and the hub starts.

    python -m benchmarks.million [--tasks 1000000] [--reads 60] [--folder FOLDER]

The tasks are ninety days of a lab: twenty actions of four apps, calls of two apps, one in ten a child, one in twenty
not completed, two hundred waiting, a few with events. A folder that is given is kept, and filled only the first time.
Prints one JSON line; `ok` when the 95th percentile of every read is at most 100 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx2
from tests.support.raw import client, definition, sign_in

from benchmarks import stage

LIMIT_MS = 100.0
APPS, ACTIONS = 4, 5
LIVE = 200
DAYS = 90
DAY_MS = 86_400_000

# Ids are made as the hub makes them (RFC 9562 §5.7), from the time of submission.
_FILL = """
WITH RECURSIVE
    counted(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i + 1 < :count),
    timed AS MATERIALIZED (SELECT i, :from_ms + i * :step_ms AS ms, abs(random()) AS dice,
        lower(hex(randomblob(10))) AS noise FROM counted),
    named AS (SELECT *, printf('%08x-%04x-7%s-8%s-%s%06x', ms >> 16, ms & 65535, substr(noise, 1, 3),
        substr(noise, 4, 3), substr(noise, 7, 6), i & 16777215) AS made, i % 10 = 9 AS is_child,
        CASE WHEN i >= :count - :live THEN 'queued' WHEN dice % 20 THEN 'completed' WHEN dice % 3 THEN 'failed'
        WHEN dice % 5 THEN 'cancelled' ELSE 'lost' END AS state FROM timed),
    nested AS (SELECT *, CASE WHEN is_child THEN lag(made, 1 + i % 9) OVER (ORDER BY i) END AS above FROM named)
INSERT INTO task (team_id, id, person_id, app, reference, action, status, parent_id, root_id, agent_id, attempt, epoch,
    yields, queued_at_us, assigned_at_us, started_at_us, ended_at_us, signature_hash, definition_hash, hub_id,
    origin_hub_id, args, options, timeline, returns, error)
SELECT :team, made, :person, CASE WHEN i % 3 THEN 'notebook' ELSE 'pipeline' END, noise || '-' || i, wanted.name,
    state, above, coalesce(above, made), :agent, 1, 1, 0, ms * 1000, ms * 1000 + 300, ms * 1000 + 400,
    CASE WHEN state != 'queued' THEN ms * 1000 + 250000 END, wanted.signature_hash, wanted.definition_hash, :hub, :hub,
    '{"a":' || i || ',"b":"' || hex(randomblob(dice % 200)) || '"}', '{}',
    '[[1,"queued",' || (ms * 1000) || ',0,null],[2,"assigned",' || (ms * 1000 + 300) || ',1,"' || :agent || '"],[3,"'
    || state || '",' || (ms * 1000 + 250000) || ',1,"' || :agent || '"]]',
    CASE state WHEN 'completed' THEN '[' || i || ']' END,
    CASE WHEN state NOT IN ('completed', 'queued') THEN '{"type":"ValueError","message":"cell ' || i || '"}' END
FROM nested JOIN wanted ON wanted.number = dice % :actions
"""
_EVENTS = """
INSERT INTO event (team_id, task_id, number, name, attempt, first, count, at_us, data)
WITH RECURSIVE counted(i) AS (SELECT 4 UNION ALL SELECT i + 1 FROM counted WHERE i < 23)
SELECT team_id, id, i, 'log', 1, NULL, NULL, queued_at_us + i, '{"level":"info","message":"step ' || i || '"}'
FROM task, counted WHERE id IN (SELECT id FROM task WHERE status = 'completed' ORDER BY reference LIMIT 2000)
"""


def fill(path: Path, tasks: int) -> float:
    """Put the tasks into the database of a hub that has run; give how long that took, in seconds."""
    began = time.perf_counter()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-400000")
        db.execute(
            "CREATE TEMP TABLE wanted AS SELECT row_number() OVER (ORDER BY name) - 1 AS number, name, signature_hash, "
            "definition_hash FROM action JOIN definition ON definition.action_id = action.id"
        )
        now_ms = time.time_ns() // 1_000_000
        values = {
            "count": tasks,
            "live": min(LIVE, tasks // 10),
            "step_ms": (DAYS - 1) * DAY_MS // tasks,
            "from_ms": now_ms - (DAYS - 1) * DAY_MS,
            "actions": APPS * ACTIONS,
            "team": db.execute("SELECT id FROM team").fetchone()[0],
            "person": db.execute("SELECT id FROM person").fetchone()[0],
            "agent": db.execute("SELECT id FROM agent").fetchone()[0],
            "hub": (path.parent / "hub.id").read_text().strip(),
        }
        db.execute(_FILL, values)
        db.execute(_EVENTS)
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return time.perf_counter() - began


async def provide_all(hub: stage.Hub) -> None:
    """Publish every action, so that the catalogue is full."""
    for number in range(APPS):
        async with client(hub, f"app{number}") as agent:
            await agent.provide(*(definition(f"step{index}", effects="none") for index in range(ACTIONS)))


def known(path: Path, seeded: random.Random, count: int) -> dict[str, list[Any]]:
    """Choose tasks and roots to ask for."""
    with closing(sqlite3.connect(path)) as db:
        first, last = db.execute("SELECT min(id), max(id) FROM task").fetchone()
        low, high = (int(id.replace("-", "")[:12], 16) for id in (first, last))
        tasks, roots = [], []
        for _ in range(count):
            digits = f"{seeded.randrange(low, high):012x}"
            beyond = f"{digits[:8]}-{digits[8:]}"
            tasks.append(db.execute("SELECT id FROM task WHERE id >= ? ORDER BY id LIMIT 1", (beyond,)).fetchone()[0])
            child = "SELECT parent_id FROM task WHERE id >= ? AND parent_id IS NOT NULL ORDER BY id LIMIT 1"
            roots.append(db.execute(child, (beyond,)).fetchone()[0])
        events = [id for (id,) in db.execute("SELECT DISTINCT task_id FROM event LIMIT ?", (count,))]
        times = [seeded.randrange(low, high) * 1000 for _ in range(count)]
    return {"tasks": tasks, "roots": roots, "events": events, "times": times}


Read = Callable[[int], tuple[str, dict[str, Any]]]


def reads(found: dict[str, list[Any]]) -> dict[str, Read]:
    """Give the reads a page or a script makes; each takes the number of the repetition."""
    tasks, roots, events, times = (found[name] for name in ("tasks", "roots", "events", "times"))

    def lists(make: Callable[[int], dict[str, Any]]) -> Read:
        return lambda i: ("/api/tasks", make(i))

    def action(i: int) -> str:
        return f"app{i % APPS}.step{i % ACTIONS}"

    return {
        "newest": lists(lambda i: {}),
        "newest 500": lists(lambda i: {"limit": 500}),
        "page from the middle": lists(lambda i: {"cursor": tasks[i]}),
        "by action": lists(lambda i: {"action": action(i)}),
        "by action, from the middle": lists(lambda i: {"action": action(i), "cursor": tasks[i]}),
        "failed": lists(lambda i: {"status": "failed"}),
        "failed of an action": lists(lambda i: {"status": "failed", "action": action(i)}),
        "lost or cancelled": lists(lambda i: {"status": ["lost", "cancelled"]}),
        "waiting": lists(lambda i: {"status": "queued"}),
        "running (none)": lists(lambda i: {"status": "running"}),
        "by app": lists(lambda i: {"app": "pipeline"}),
        "by an app that never called": lists(lambda i: {"app": "nobody"}),
        "of a day": lists(lambda i: {"since_us": times[i], "until_us": times[i] + DAY_MS * 1000}),
        "text": lists(lambda i: {"text": f"cell {i}"}),
        "text that is nowhere": lists(lambda i: {"text": "nothing like it"}),
        "below a root": lists(lambda i: {"root": roots[i]}),
        "children": lambda i: (f"/api/tasks/{roots[i]}/children", {}),
        "one task": lambda i: (f"/api/tasks/{tasks[i]}", {}),
        "events": lambda i: (f"/api/tasks/{events[i % len(events)]}/events", {}),
        "actions": lambda i: ("/api/actions", {}),
    }


@asynccontextmanager
async def web(hub: stage.Hub) -> AsyncIterator[httpx2.AsyncClient]:
    """Sign in over REST."""
    token = await asyncio.to_thread(sign_in, hub.url, hub.folder, "notebook")
    async with httpx2.AsyncClient(base_url=hub.url, headers={"authorization": f"Bearer {token}"}, timeout=60) as opened:
        yield opened


async def measure(hub: stage.Hub, count: int, seed: int) -> dict[str, tuple[float, float]]:
    """Time every read, in turn; give the median and the 95th percentile of each, in milliseconds."""
    wanted = reads(known(hub.folder / "hub.db", random.Random(seed), count))
    times: dict[str, list[float]] = {name: [] for name in wanted}
    async with web(hub) as opened:
        for number in range(count):
            for name, read in wanted.items():
                path, query = read(number)
                began = time.perf_counter()
                answer = await opened.get(path, params=query)
                times[name].append((time.perf_counter() - began) * 1000)
                if answer.status_code != 200:
                    raise RuntimeError(f"{name}: {answer.status_code} {answer.text[:300]}")
        form = {"action": "app0.step0", "args": {"a": 1}}
        times["submit"] = []
        for _ in range(count):
            began = time.perf_counter()
            (await opened.post("/api/tasks", json=form)).raise_for_status()
            times["submit"].append((time.perf_counter() - began) * 1000)
    return {name: (statistics.median(taken), percentile(taken, 95)) for name, taken in times.items()}


def percentile(values: list[float], share: int) -> float:
    """Give the nearest-rank percentile."""
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


@contextlib.contextmanager
def filled(folder: Path | None, tasks: int) -> Iterator[tuple[stage.Hub, float, float]]:
    """Run a hub over so many tasks; give it, the seconds it took to fill its database, and to start over it."""
    with contextlib.ExitStack() as stack:
        if folder is None:
            hub = stack.enter_context(stage.hub())
        else:
            folder.mkdir(parents=True, exist_ok=True)
            hub = stage.Hub(folder)
            hub.start()
            stack.callback(hub.stop)
        taken = 0.0
        if not (hub.folder / "filled").exists():
            asyncio.run(provide_all(hub))
            hub.stop()
            taken = fill(hub.folder / "hub.db", tasks)
            (hub.folder / "filled").touch()
        else:
            hub.stop()
        yield hub, taken, hub.start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--reads", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with filled(asked.folder, asked.tasks) as (hub, fill_s, ready_s):
        figures = asyncio.run(measure(hub, asked.reads, asked.seed))
        size = (hub.folder / "hub.db").stat().st_size
    for name, (median, p95) in sorted(figures.items(), key=lambda entry: -entry[1][1]):
        print(f"{name:32} median {median:7.1f} ms   p95 {p95:7.1f} ms")
    slowest = max(figures, key=lambda name: figures[name][1])
    result = {
        "ok": figures[slowest][1] <= LIMIT_MS,
        "tasks": asked.tasks,
        "seed": asked.seed,
        "reads": asked.reads * len(figures),
        "slowest": slowest,
        "p95_ms": round(figures[slowest][1], 1),
        "hub_ready_s": round(ready_s, 2),
        "bytes_a_task": round(size / asked.tasks),
        "fill_s": round(fill_s, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
