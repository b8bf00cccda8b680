"""Durable calls and streams through hub and SDK in three processes: the figures `floor.py` gives for its relay.

    python -m benchmarks.calls --durability full

Prints one JSON line with the floor's keys. As in the floor, every loop is uvloop's where it is installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from typing import Any

from arkitekt_next.platform import new_event_loop
from benchmarks import stage

IN_FLIGHT = 64

WORKER = """
from collections.abc import AsyncIterator
import arkitekt_next

app = arkitekt_next.App("floor")

@app.register
async def add(a: int, b: int) -> int:
    return a + b

@app.register
async def count(items: int) -> AsyncIterator[int]:
    for number in range(items):
        yield number

app.run()
"""


async def measure(hub: stage.Hub, calls: int, items: int) -> dict[str, Any]:
    """Give the figures, in the caller's process."""
    import arkitekt_next

    async with arkitekt_next.App("caller") as caller:
        add = await _find(caller, "floor.add")
        count = await _find(caller, "floor.count")
        for _ in range(200):
            await add.acall(a=1, b=2)
        times = []
        cpu_s = hub.cpu_s
        for i in range(calls):
            start = time.perf_counter()
            assert await add.acall(a=i, b=1) == i + 1
            times.append((time.perf_counter() - start) * 1e6)
        cut = statistics.quantiles(times, n=100)

        async def lane(n: int) -> None:
            for i in range(n):
                await add.acall(a=i, b=1)

        per_lane = max(20, calls * 4 // IN_FLIGHT)
        start = time.perf_counter()
        await asyncio.gather(*(lane(per_lane) for _ in range(IN_FLIGHT)))
        rate = per_lane * IN_FLIGHT / (time.perf_counter() - start)
        cpu_us = (hub.cpu_s - cpu_s) * 1e6 / (calls + per_lane * IN_FLIGHT)
        start = time.perf_counter()
        seen = 0
        async for value in count.aiterate(items=items):
            assert value == seen
            seen += 1
        assert seen == items
        stream = items / (time.perf_counter() - start)
    return {
        "p50_us": round(cut[49], 1),
        "p95_us": round(cut[94], 1),
        "p99_us": round(cut[98], 1),
        "calls_per_s": round(rate),
        "items_per_s": round(stream),
        "hub_cpu_us": round(cpu_us, 1),
    }


async def _find(caller: Any, name: str) -> Any:
    from arkitekt_next.errors import NotFound

    deadline = time.monotonic() + stage.DEADLINE_S
    while True:
        try:
            return await caller.afind(name)
        except NotFound:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


def run(durability: str, calls: int, items: int, *, signed_in: bool = False) -> dict[str, Any]:
    """Measure once, over a fresh hub; `signed_in`: both apps by OAuth, not as this machine's own user."""
    with stage.hub(durability=durability) as hub:
        worker = stage.unattended(hub, "floor") if signed_in else {}
        os.environ.update(stage.unattended(hub, "caller") if signed_in else stage.surroundings(hub))
        with stage.app(hub, WORKER, **worker), asyncio.Runner(loop_factory=new_event_loop) as runner:
            figures = runner.run(measure(hub, calls, items))
        return {"durability": durability, **figures, "hub_rss_mb": hub.rss_bytes >> 20}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--durability", choices=["normal", "full"], default="full")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--items", type=int, default=20000)
    parser.add_argument("--signed-in", action="store_true", help="sign both apps in by OAuth")
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.durability, chosen.calls, chosen.items, signed_in=chosen.signed_in)))
