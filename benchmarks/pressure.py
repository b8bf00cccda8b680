"""A reader that stalls, and far more work than the hub can take.

python -m benchmarks.pressure stalled --pairs 10
python -m benchmarks.pressure overload --seconds 10
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import statistics
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
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
    """Measure others' calls in turn: alone, beside a heavy stream that is read, beside one whose reader stalls.

    The stream's two ends have a process of their own: what is measured is the hub, not a client that shares its loop.
    """
    app = "pressure"
    ratios, stream_ratios, buffers = [], [], [0.0]
    async with client(hub, app) as agent, client(hub, "healthy") as caller:
        await agent.provide(definition("add"))
        await _echo(agent)
        await _p99_ms(caller, f"{app}.add", calls)
        for _ in range(pairs):
            alone = await _p99_ms(caller, f"{app}.add", calls)
            async with _stream(hub, stalls=False):
                read = await _p99_ms(caller, f"{app}.add", calls)
            async with _stream(hub, stalls=True):
                while _buffer_bytes(hub) < 256 * 1024:
                    await asyncio.sleep(0.05)
                beside = await _p99_ms(caller, f"{app}.add", calls)
                buffers.append(_buffer_bytes(hub))
            ratios.append(beside / alone)
            stream_ratios.append(read / alone)
    return {
        "pairs": pairs,
        "calls_each": calls,
        "p99_ratio_median": round(statistics.median(ratios), 2),
        "p99_ratio_max": round(max(ratios), 2),
        "p99_ratio_median_when_read": round(statistics.median(stream_ratios), 2),
        "buffer_bytes_max": max(buffers),
        "ok": statistics.median(ratios) <= P99_RATIO_BAR and max(buffers) <= BUFFER_BAR_BYTES,
    }


@asynccontextmanager
async def _stream(hub: stage.Hub, *, stalls: bool) -> AsyncIterator[None]:
    """Have another process stream and read, or not read, until the block is left."""
    spawn = multiprocessing.get_context("spawn")
    is_under_way = spawn.Event()
    process = spawn.Process(target=_stream_here, args=(hub.url, hub.folder, stalls, is_under_way), daemon=True)
    process.start()
    try:
        if not await asyncio.to_thread(is_under_way.wait, stage.DEADLINE_S):
            raise AssertionError("the stream did not begin")
        yield
    finally:
        process.kill()
        await asyncio.to_thread(process.join)


def _stream_here(url: str, folder: Path, stalls: bool, is_under_way: Any) -> None:
    async def work() -> None:
        hub = SimpleNamespace(url=url, folder=folder)
        async with client(hub, "streaming") as agent, client(hub, "reading") as reader:
            await agent.provide(_text_stream())
            task = await reader.submit("streaming.stream", {"a": 0})
            await agent.assigned(task)
            if stalls:
                reader.socket.transport.pause_reading()
            else:
                reader.on_message = lambda message: reader.seen.clear()
            is_under_way.set()
            await _feed(agent, task)

    asyncio.run(work())


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
    parser.add_argument("--calls", type=int, default=1000)
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
