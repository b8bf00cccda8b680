"""What a caller has to do, checked with an agent that is known to be good."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any

from arkitekt_next.testing.conformance.kit import Checks
from arkitekt_next.testing.conformance.raw import DEADLINE_S, Failed, Message, RawCaller, expect
from arkitekt_next.testing.conformance.stage import Candidate, Hub
from arkitekt_next.testing.conformance.tap import Tap

_START_S = 20.0
_REFERENCE = """
import asyncio
from collections.abc import AsyncIterator
import arkitekt_next

app = arkitekt_next.App("conformance")

@app.register(effects="none")
def add(a: int, b: int = 0) -> int:
    return a + b

@app.register(effects="none")
async def count(n: int) -> AsyncIterator[int]:
    for number in range(n):
        yield number
        if number % 100 == 99:
            await asyncio.sleep(0)

@app.register(effects="none")
def fail(message: str) -> None:
    raise ValueError(message)

@app.register
async def wait(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "waited"

app.run()
"""


class CallerBench:
    """A hub, a good agent, a tap before the hub, and the candidate behind the tap."""

    def __init__(self, command: str, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.judge = RawCaller(hub)
        self.tap = Tap(hub, folder / "caller-tap")
        self.caller = Candidate("caller", command, folder, "--hub-folder", str(self.tap.folder))
        (folder / "reference.py").write_text(_REFERENCE)
        self.reference = Candidate("reference", sys.executable, folder, str(folder / "reference.py"))
        self._state = folder / "reference-state"
        self._ids = itertools.count(1)

    async def start(self) -> None:
        """Start the good agent and wait until it can be called."""
        await self.tap.start()
        await self.judge.open()
        places = {"ARKITEKT_HUB_FOLDER": str(self.hub.folder), "ARKITEKT_STATE_FOLDER": str(self._state)}
        await self.reference.start(**places)
        call = self.judge.post("add", args={"a": 1})
        await self._wait_for_reference()
        await self.judge.send(self.judge.pending[call[0]])
        await self.judge.ended(call[1], 20)

    async def _wait_for_reference(self) -> None:
        async with asyncio.timeout(_START_S):
            while (await self.judge.ask("lookup", action="conformance.wait")).get("agents_online") != 1:
                process = self.reference.process
                ended = process is not None and process.returncode is not None
                expect(not ended, f"the good agent ended: {self.reference.last_words()}")
                await asyncio.sleep(0.02)  # what is not published yet can't be waited for over the wire

    async def stop(self) -> None:
        """End everything that was started."""
        await self.caller.stop()
        await self.reference.stop()
        await self.judge.close()
        await self.tap.stop()

    async def restore(self) -> None:
        """See to it that the caller runs."""
        self.tap.noisy = False
        if self.caller.process is None or self.caller.process.returncode is not None:
            await self.caller.start()

    def last_words(self) -> str:
        """Give what the caller last wrote to its standard error."""
        return self.caller.last_words()

    async def command(self, do: str, **fields: Any) -> int:
        """Give the candidate a command; give the id under which it will answer."""
        id = next(self._ids)
        await self.caller.command(id=id, do=do, **fields)
        return id

    def said(self, id: int, event: str) -> list[Message]:
        """Give the lines of an event of a command."""
        return [line for line in self.caller.lines if line.get("id") == id and line.get("event") == event]

    async def until(self, id: int, *events: str, within: float = DEADLINE_S) -> Message:
        """Wait for the first line of one of these events of a command."""

        def look() -> list[Message]:
            return [line for event in events for line in self.said(id, event)]

        return (await self.caller.news.until(look, f"`{' or '.join(events)}` of command {id}", within))[0]

    async def outcome(self, id: int, within: float = DEADLINE_S) -> Message:
        """Wait for the end of a command's task."""
        line = await self.until(id, "outcome", "refused", within=within)
        if line["event"] == "refused":
            raise Failed(f"it was refused: {line.get('error')}")
        return line

    def values(self, id: int) -> list[Any]:
        """Give the yields of a command's task; what is missing or doubled is a failure."""
        values: list[Any] = []
        for line in self.said(id, "values"):
            expect(line["first"] == len(values), f"values from {line['first']} on came after {len(values)} values")
            values += [value[0] for value in line["values"]]
        return values


check: Checks[CallerBench] = Checks("caller")


@check("calls and gives the result", 20)
async def _call(bench: CallerBench) -> None:
    for args, sum in (({"a": 1, "b": 2}, 3), ({"a": 7}, 7), ({"a": 2**53 + 1, "b": 1}, 2**53 + 2)):
        outcome = await bench.outcome(await bench.command("call", action="conformance.add", args=args), 15)
        expect(outcome["status"] == "completed", f"it ended {outcome['status']}: {outcome.get('error')}")
        expect(outcome.get("returns") == [sum], f"add({args}) gave {outcome.get('returns')}")


@check("calls many at once")
async def _many(bench: CallerBench) -> None:
    ids = [await bench.command("call", action="conformance.add", args={"a": number}) for number in range(200)]
    for number, id in enumerate(ids):
        outcome = await bench.outcome(id)
        expect(outcome.get("returns") == [number], f"call {number} gave {outcome}")


@check("follows a stream of 20,000 values", 20)
async def _stream(bench: CallerBench) -> None:
    id = await bench.command("stream", action="conformance.count", args={"n": 20_000})
    outcome = await bench.outcome(id, 20)
    expect(outcome["status"] == "completed", f"it ended {outcome['status']}: {outcome.get('error')}")
    expect(bench.values(id) == list(range(20_000)), "other values came than were counted")


@check("cancels, and lets a time-out cancel")
async def _cancel(bench: CallerBench) -> None:
    id = await bench.command("call", action="conformance.wait", args={"seconds": 60})
    await bench.until(id, "accepted")
    cancelling = await bench.command("cancel", of=id, deadline_s=3)
    await bench.until(cancelling, "done")
    outcome = await bench.outcome(id)
    expect(outcome["status"] == "cancelled", f"it ended {outcome['status']}")
    code = ((outcome.get("error") or {}).get("error") or {}).get("code")
    timed = await bench.command("call", action="conformance.wait", args={"seconds": 60}, timeout_s=0.3)
    outcome = await bench.outcome(timed)
    expect(outcome["status"] == "cancelled", f"after its time-out it ended {outcome['status']} ({code})")


@check("gives an error with type and traceback")
async def _error(bench: CallerBench) -> None:
    outcome = await bench.outcome(await bench.command("call", action="conformance.fail", args={"message": "broken"}))
    error = outcome.get("error") or {}
    expect(outcome["status"] == "failed", f"it ended {outcome['status']}")
    expect(error.get("type") == "ValueError", f"the type is {error.get('type')!r}")
    expect(error.get("message") == "broken", f"the message is {error.get('message')!r}")
    expect("ValueError: broken" in str(error.get("traceback")), f"the traceback is {error.get('traceback')!r}")


@check("gives refusals with their code")
async def _refused(bench: CallerBench) -> None:
    for action, args, expected in (
        ("conformance.add", {"a": 1, "zebra": 2}, "unknown_argument"),
        ("conformance.add", {}, "missing_argument"),
        ("conformance.add", {"a": "one"}, "invalid_value"),
        ("conformance.nothing", {}, "not_found"),
    ):
        line = await bench.until(await bench.command("call", action=action, args=args), "refused", "outcome")
        expect(line["event"] == "refused", f"{action}({args}) was not refused: {line}")
        code = (line.get("error") or {}).get("code")
        expect(code == expected, f"{action}({args}) was refused with {code!r}, expected {expected!r}")


@check("looks actions up")
async def _lookup(bench: CallerBench) -> None:
    found = await bench.until(await bench.command("lookup", action="conformance.add"), "found", "refused")
    expect(found["event"] == "found", f"it was not found: {found}")
    expect(found["definition"]["name"] == "add" and found["agents_online"] == 1, f"{found}")
    refused = await bench.until(await bench.command("lookup", action="conformance.nothing"), "found", "refused")
    expect(refused.get("error", {}).get("code") == "not_found", f"what is not there was answered by {refused}")


@check("submits a reference twice: one task; with other arguments: conflict")
async def _reference(bench: CallerBench) -> None:
    submit = {"action": "conformance.add", "args": {"a": 1, "b": 1}, "reference": "the same one"}
    first = await bench.command("submit", **submit)
    one = await bench.outcome(first)
    again = await bench.command("submit", **submit)
    two = await bench.outcome(again)
    expect(one["task"] == two["task"], f"two tasks: {one['task']} and {two['task']}")
    expect(two.get("returns") == [2], f"the second time it gave {two.get('returns')}")
    other = await bench.command("submit", **{**submit, "args": {"a": 2}})
    line = await bench.until(other, "refused", "outcome")
    expect((line.get("error") or {}).get("code") == "conflict", f"other arguments gave {line}")


@check("attaches from a number")
async def _attach(bench: CallerBench) -> None:
    id = await bench.command("stream", action="conformance.count", args={"n": 5_000})
    outcome = await bench.outcome(id)
    whole = await bench.command("attach", task=outcome["task"], after=0)
    await bench.outcome(whole)
    expect(bench.values(whole) == list(range(5_000)), "from the start other values came")
    batches = bench.said(whole, "values")
    middle = batches[len(batches) // 2 - 1]
    seen = middle["first"] + len(middle["values"])
    rest = await bench.command("attach", task=outcome["task"], after=middle["number"])
    await bench.outcome(rest)
    got = [value[0] for line in bench.said(rest, "values") for value in line["values"]]
    expect(got == list(range(seen, 5_000)), f"from number {middle['number']} on {len(got)} values came")
    missing = await bench.until(await bench.command("attach", task="nothing", after=0), "refused", "outcome")
    expect((missing.get("error") or {}).get("code") == "not_found", f"a task that is not there gave {missing}")


@check("takes a stream no faster than it wants", 20)
async def _window(bench: CallerBench) -> None:
    id = await bench.command("stream", action="conformance.count", args={"n": 12_000}, window=64, hold=True)
    await bench.until(id, "values")
    await bench.outcome(await bench.command("call", action="conformance.wait", args={"seconds": 0.2}))
    task = (await bench.until(id, "accepted"))["task"]
    expect(not bench.tap.reports("consumed", task), "it said `consumed` although nothing was taken")
    expect(not bench.said(id, "outcome"), "the whole stream came although nothing was taken")
    while not bench.said(id, "outcome"):
        seen = len(bench.values(id))
        await bench.command("take", of=id, through=seen)

        def more(seen: int = seen) -> bool:
            return len(bench.values(id)) > seen or bool(bench.said(id, "outcome"))

        await bench.caller.news.until(more, f"more than {seen} values")
    expect(bench.values(id) == list(range(12_000)), "other values came than were counted")


@check("ignores unknown messages and unknown fields")
async def _noise(bench: CallerBench) -> None:
    bench.tap.noisy = True
    id = await bench.command("stream", action="conformance.count", args={"n": 3_000})
    expect((await bench.outcome(id))["status"] == "completed", "a stream did not end well")
    expect(bench.values(id) == list(range(3_000)), "other values came than were counted")


@check("answers heartbeats")
async def _heartbeats(bench: CallerBench) -> None:
    tap = bench.tap
    await tap.say({"kind": "ping", "number": 880_001})
    await tap.news.until(lambda: any(p["number"] == 880_001 for p in tap.reports("pong")), "a `pong`", 1.5)
    await tap.until_said("ping", count=len(tap.reports("ping")) + 1, within=4)


@check("follows a stream over kill -9 of the hub, and submits again what was not accepted", 30)
async def _hub_killed(bench: CallerBench) -> None:
    id = await bench.command("stream", action="conformance.count", args={"n": 20_000}, window=1_000, hold=True)
    late = await bench.command("call", action="conformance.wait", args={"seconds": 0.5})
    await bench.until(late, "accepted")
    await bench.caller.news.until(lambda: bench.values(id), "the first values")
    connection = bench.tap.connections
    await bench.hub.kill()
    unsent = [await bench.command("call", action="conformance.add", args={"a": number}) for number in range(5)]
    await bench.hub.start()
    await bench.tap.news.until(lambda: bench.tap.connections > connection, "a new connection", 15)
    while not bench.said(id, "outcome"):
        seen = len(bench.values(id))
        await bench.command("take", of=id, through=seen)

        def more(seen: int = seen) -> bool:
            return len(bench.values(id)) > seen or bool(bench.said(id, "outcome"))

        await bench.caller.news.until(more, f"more than {seen} values")
    expect(bench.values(id) == list(range(20_000)), "other values came than were counted")
    for number, call in enumerate(unsent):
        outcome = await bench.outcome(call)
        expect(outcome.get("returns") == [number], f"call {number} gave {outcome}")
    expect((await bench.outcome(late))["status"] == "completed", "what ran when the hub was killed did not end well")


@check("ends when its input ends")
async def _end(bench: CallerBench) -> None:
    process = bench.caller.process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    await bench.tap.until_said("goodbye")
    code = await bench.caller.exited()
    expect(code == 0, f"the exit code is {code}")
    if bench.tap.problems:
        raise Failed("; ".join(bench.tap.problems[:5]))
