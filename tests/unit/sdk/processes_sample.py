"""Functions that the tests run in processes of their own."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator

from arkitekt_next import App, acall, call, current_task, log, pausepoint, progress

app = App("proc")


@app.register(executor="process")
def pid(x: int) -> tuple[int, int]:
    return os.getpid(), x


@app.register(executor="process")
def tells(x: int) -> str:
    progress(50, "half")
    log("a line")
    print("printed")
    sys.stderr.write("written\n")
    task = current_task()
    assert task is not None
    return f"{task.id} {task.root}"


@app.register(executor="process")
def count(n: int) -> Iterator[int]:
    yield from range(n)


@app.register(executor="process")
async def acount(n: int) -> AsyncIterator[int]:
    for value in range(n):
        await asyncio.sleep(0)
        yield value


@app.register(executor="process")
def raises(x: int) -> int:
    raise ValueError(f"{x} is not for me")


@app.register(executor="process")
def dies(x: int) -> int:
    os._exit(x)


@app.register(executor="process")
def spins() -> None:
    print("spinning", flush=True)
    while True:
        time.sleep(0.01)


@app.register(executor="process")
def stops_when_asked() -> None:
    while True:
        progress(1)
        time.sleep(0.001)


@app.register(executor="process")
async def awaits_for_ever() -> None:
    log("waiting")
    await asyncio.Event().wait()


@app.register(executor="process")
def stands() -> None:
    while True:
        pausepoint()
        time.sleep(0.001)


@app.register
def double(x: int) -> int:
    return 2 * x


@app.register
def who() -> list[str]:
    task = current_task()
    assert task is not None
    return [task.root, task.parent or "-"]


@app.register(executor="process")
def calls(x: int) -> int:
    return int(call("proc.double", x))


@app.register(executor="process")
async def acalls(x: int) -> int:
    return int(await acall("proc.double", x))


@app.register(executor="process")
def family() -> list[str]:
    task = current_task()
    assert task is not None
    return [task.id, *call("proc.who")]
