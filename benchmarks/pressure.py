"""A reader that stalls, and far more work than the hub can take.

python -m benchmarks.pressure stalled --pairs 10
python -m benchmarks.pressure overload --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import time
import urllib.error
import urllib.request
from typing import Any

from tests.support.raw import RawClient, client, definition

from benchmarks import stage
from benchmarks.calls import WORKER

P99_RATIO_BAR = 1.5
BUFFER_BAR_BYTES = 8 * 1024 * 1024
RSS_BAR_BYTES = 512 * 1024 * 1024


async def _echo(agent: RawClient) -> None:
    """Answer every assignment at once."""

    def answer(message: dict[str, Any]) -> None:
        if message["kind"] == "assign" and message["action"] == "add":
            ended = {"kind": "ended", "task": message["task"], "attempt": message["attempt"], "epoch": message["epoch"]}
            ended.update(seq=next(agent.seq), status="completed", returns=[message["args"]["a"]])
            sends.add(asyncio.ensure_future(agent.send(ended)))

    sends: set[asyncio.Future[None]] = set()
    agent.on_message = answer


async def _p99_ms(caller: RawClient, action: str, calls: int) -> float:
    times = []
    for number in range(calls):
        began = time.perf_counter()
        reference = f"{time.monotonic_ns()}"
        submit = {"kind": "submit", "reference": reference, "action": action, "args": {"a": number}, "watch": False}
        await caller.send(submit)
        await caller.expect("outcome")
        times.append((time.perf_counter() - began) * 1e3)
        caller.seen.clear()
    return statistics.quantiles(times, n=100)[98]


def _is_healthy(hub: stage.Hub) -> bool:
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(hub.url + "/health") as response:
        return bool(response.status == 200)
    return False


def _buffer_bytes(hub: stage.Hub) -> float:
    with urllib.request.urlopen(hub.url + "/metrics", timeout=10) as response:
        for line in response.read().decode().splitlines():
            if line.startswith("arkitekt_reader_buffer_bytes_max"):
                return float(line.split()[1])
    raise AssertionError("the hub tells no buffer size")


async def stalled(hub: stage.Hub, *, pairs: int, calls: int) -> dict[str, Any]:
    """Measure others' calls in turn without and with a reader that takes nothing of a heavy stream."""
    app = "pressure"
    ratios, buffers = [], [0.0]
    async with client(hub, app) as agent, client(hub, "healthy") as caller:
        await agent.provide(definition("add"), _text_stream())
        await _echo(agent)
        await _p99_ms(caller, f"{app}.add", calls)
        for _ in range(pairs):
            alone = await _p99_ms(caller, f"{app}.add", calls)
            async with client(hub, "stalled") as reader:
                task = await reader.submit(f"{app}.stream", {"a": 0})
                await agent.assigned(task)
                reader.socket.transport.pause_reading()
                feeding = asyncio.create_task(_feed(agent, task))
                while _buffer_bytes(hub) < 256 * 1024:
                    await asyncio.sleep(0.05)
                beside = await _p99_ms(caller, f"{app}.add", calls)
                buffers.append(_buffer_bytes(hub))
                feeding.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await feeding
                reader.drop()
            ratios.append(beside / alone)
    return {
        "pairs": pairs,
        "calls_each": calls,
        "p99_ratio_median": round(statistics.median(ratios), 2),
        "p99_ratio_max": round(max(ratios), 2),
        "buffer_bytes_max": max(buffers),
        "ok": statistics.median(ratios) <= P99_RATIO_BAR and max(buffers) <= BUFFER_BAR_BYTES,
    }


def _text_stream() -> dict[str, Any]:
    raw = definition("stream", generator=True)
    raw["returns"] = [{"key": "out", "kind": "string"}]
    return raw


async def _feed(agent: RawClient, task: str) -> None:
    """Yield 100 values of 8 kB a second, as far as the credit goes."""
    first = 0
    while True:
        credit = max([4096, *(m["through"] for m in agent.of("credit", task=task))])
        if first + 10 <= credit:
            await agent.report("yielded", task, first=first, values=[["x" * 8192]] * 10)
            first += 10
        await asyncio.sleep(0.1)


async def overload(hub: stage.Hub, *, seconds: float) -> dict[str, Any]:
    """Submit as fast as the socket takes it, ten connections at once, and count what is accepted and what refused."""
    counts = {"accepted": 0, "busy": 0, "other": 0}
    rss = hub.rss_bytes
    async with client(hub, "watcher") as watcher:
        while not watcher.of("found"):
            await watcher.send({"kind": "lookup", "request": "l", "action": "floor.add"})
            await asyncio.sleep(0.1)

        async def flood(number: int) -> None:
            async with client(hub, f"flood{number}") as caller:

                def count(message: dict[str, Any]) -> None:
                    if message["kind"] == "refused":
                        code = message["error"]["code"]
                        counts["busy" if code == "busy" else "other"] += 1
                        assert code != "busy" or message["error"]["fields"]["retry_after_s"] > 0
                    elif message["kind"] == "outcome":
                        counts["accepted"] += 1
                    caller.seen.clear()

                caller.on_message = count
                end = time.monotonic() + seconds
                turn = 0
                while time.monotonic() < end:
                    submits = [
                        {
                            "kind": "submit",
                            "reference": f"{turn}-{i}",
                            "action": "floor.add",
                            "args": {"a": i, "b": 1},
                            "watch": False,
                        }
                        for i in range(200)
                    ]
                    await caller.send(*submits)
                    turn += 1
                    await asyncio.sleep(0)

        floods = [asyncio.create_task(flood(n)) for n in range(10)]
        while not all(f.done() for f in floods):
            rss = max(rss, hub.rss_bytes)
            await asyncio.sleep(0.1)
        await asyncio.gather(*floods)
    healthy = False
    deadline = time.monotonic() + 30
    while not healthy and time.monotonic() < deadline:
        healthy = await asyncio.to_thread(_is_healthy, hub)
        await asyncio.sleep(0.1)
    return {
        "seconds": seconds,
        **counts,
        "rss_mb_max": rss >> 20,
        "healthy_after": healthy,
        "ok": rss <= RSS_BAR_BYTES and counts["busy"] > 0 and counts["other"] == 0 and healthy,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["stalled", "overload"])
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=10)
    chosen = parser.parse_args()
    with stage.hub() as hub, stage.app(hub, WORKER):
        work = (
            stalled(hub, pairs=chosen.pairs, calls=chosen.calls)
            if chosen.what == "stalled"
            else overload(hub, seconds=chosen.seconds)
        )
        print(json.dumps(asyncio.run(work)))


if __name__ == "__main__":
    main()
