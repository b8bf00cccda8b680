"""Apps that the tests of the SDK call: one of this process with a bit of everything, one in a process of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

from arkitekt_next import App, Task, progress
from tests.support.scripts import Program, Start

SETTINGS: dict[str, Any] = {"grace_s": 0.5, "lease_s": 3.0, "heartbeat_s": 1.0, "log_level": "error"}


class Nucleus:
    id: str

    def __init__(self, id: str) -> None:
        self.id = id

    async def shrink(self) -> str:
        return self.id

    @classmethod
    async def expand(cls, value: str) -> Nucleus:
        return cls(value)


def make_lab() -> App:
    """Make an app with a bit of everything."""
    app = App("lab", labels=["gpu"])

    @app.register
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @app.register
    async def aadd(a: int, b: int = 1) -> int:
        return a + b

    @app.register
    def fails(text: str) -> None:
        progress(40, "nearly half")
        raise ValueError(text)

    @app.register
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    @app.register
    async def forever(task: Task) -> None:
        await asyncio.Event().wait()

    @app.register
    def stuck(seconds: float) -> None:
        threading.Event().wait(seconds)

    @app.register
    def size_of(ref: Nucleus) -> int:
        return len(ref.id)

    @app.register
    async def ref_to(name: str) -> Nucleus:
        return Nucleus(name)

    @app.register
    def talks() -> None:
        print("a line")

    return app


AGENT = """
import sys, threading, time
from collections.abc import Iterator
from pathlib import Path
from arkitekt_next import App, progress
app = App({name!r}, drain_s=5)

@app.register
def slow(seconds: float) -> float:
    progress(30, "a third")
    print("running", flush=True)
    time.sleep(seconds)
    return seconds

@app.register(effects="repeatable")
def careful(flag: str) -> str:
    print("running", flush=True)
    while not Path(flag).exists():
        time.sleep(0.01)
    return "done"

@app.register
def gated(flag: str) -> str:
    print("running", flush=True)
    while not Path(flag).exists():
        time.sleep(0.01)
    print("finished", flush=True)
    return "done"

@app.register
def numbers(n: int, flag: str) -> Iterator[int]:
    for number in range(n):
        yield number
        if number == n // 2:
            print("half", flush=True)
            while not Path(flag).exists():
                time.sleep(0.01)

@app.startup
def started() -> None:
    print("starting", flush=True)

@app.shutdown
def stopped() -> None:
    print("stopped", flush=True)

app.run()
print("left", flush=True)
"""


def agent(start: Start, name: str) -> Program:
    running = start(AGENT.format(name=name))
    running.says("starting")
    return running
