"""Conformance checks for clients in any language: what docs/reference/protocol.md promises, tried for real.

    python -m arkitekt_next.testing.conformance --agent "node agent.mjs" --caller "node caller.mjs"

A hub runs in a process of its own over a temporary folder and is killed on the way. The candidates are started with
`--hub-folder PATH` (sign in there, as section 1 says). One line a check, a summary, exit code 0 when all passed.

**The agent** also gets `--state PATH`, a folder of its own that outlives it. It provides, as app `conformance`:
`add(a: int, b: int = 0) -> int`, `count(n: int) -> stream of int` (0, 1, …), `echo(value: json) -> json`,
`fail(message: string)` which fails with the type `ValueError` (all with effects `none`), `wait(seconds: float) ->
string` which takes notice of cancel and pause and reports progress with percent every 50 ms, `slow(ms: int) -> int`
(effects `repeatable`) which gives `ms` and takes no notice of being cancelled. It runs at least 16 tasks at once. On
SIGTERM it drains, says goodbye and exits with 0.

**The caller** reads commands on its standard input, one JSON object a line, and prints one JSON object a line; each
has the `id` of its command and an `event`. It exits with 0 once its input has ended and everything has been answered.

- `{"id", "do": "call", "action", "args", "timeout_s"?}`, `"stream"` (the same, with the values) and `"submit"` (with a
  `reference`) print `accepted {task}`, `event {name, data}`, `values {number, first, values}` and `outcome {task,
  status, returns?, error?}`, or `refused {error}`. With `"hold": true` values count as taken only when `take` says so.
- `{"id", "do": "take", "of": id, "through"}`: the values of that command up to this number were taken; prints nothing.
- `{"id", "do": "cancel", "of": id, "deadline_s"?}` prints `done` or `refused {error}`.
- `{"id", "do": "lookup", "action"}` prints `found {definition, agents_online, …}` or `refused {error}`.
- `{"id", "do": "attach", "task", "after"}` prints what happened after that number, as above.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from arkitekt_next.testing.conformance import agent_checks, caller_checks
from arkitekt_next.testing.conformance.kit import Report
from arkitekt_next.testing.conformance.stage import Hub

__all__ = ["Report", "run"]

_PARTING_S = 30.0


async def run(*, agent: str | None = None, caller: str | None = None) -> Report:
    """Check the candidates that are given, each by the command that starts it; give what came of it."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="arkitekt-conformance-") as folder:
        if agent is not None:
            await _run_agent(agent, Path(folder), report)
        if caller is not None:
            await _run_caller(caller, Path(folder), report)
    report.line(report.summary())
    return report


async def _run_agent(command: str, folder: Path, report: Report) -> None:
    hub = Hub(folder / "agent-hub")
    await hub.start()
    bench = agent_checks.AgentBench(command, hub, folder)
    try:
        await bench.start()
        await report.run(agent_checks.check.all, bench)
    finally:
        async with asyncio.timeout(_PARTING_S):
            await bench.stop()
            await hub.stop()


async def _run_caller(command: str, folder: Path, report: Report) -> None:
    hub = Hub(folder / "caller-hub")
    await hub.start()
    bench = caller_checks.CallerBench(command, hub, folder)
    try:
        await bench.start()
        await report.run(caller_checks.check.all, bench)
    finally:
        async with asyncio.timeout(_PARTING_S):
            await bench.stop()
            await hub.stop()
