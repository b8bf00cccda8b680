"""What an agent has to do, checked with the kit's own caller and the tap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from arkitekt_next.testing.conformance.kit import Checks
from arkitekt_next.testing.conformance.raw import Failed, Followed, Message, RawCaller, expect
from arkitekt_next.testing.conformance.stage import Candidate, Hub
from arkitekt_next.testing.conformance.tap import Tap

_LONG_S = 60.0
_SHAPES: dict[str, tuple[str, list[tuple[str, str]], list[str], str]] = {
    "add": ("function", [("a", "int"), ("b", "int")], ["int"], "none"),
    "count": ("generator", [("n", "int")], ["int"], "none"),
    "echo": ("function", [("value", "json")], ["json"], "none"),
    "fail": ("function", [("message", "string")], [], "none"),
    "wait": ("function", [("seconds", "float")], ["string"], "unknown"),
    "slow": ("function", [("ms", "int")], ["int"], "repeatable"),
}


class AgentBench:
    """A hub, a tap before it, the candidate behind the tap, and a caller that is no part of it."""

    def __init__(self, command: str, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.tap = Tap(hub, folder / "agent-tap")
        options = ("--hub-folder", str(self.tap.folder), "--state", str(folder / "agent-state"))
        self.agent = Candidate("agent", command, folder, *options)
        self.caller = RawCaller(hub)

    async def start(self) -> None:
        """Open what the candidate will find."""
        await self.tap.start()
        await self.caller.open()

    async def stop(self) -> None:
        """End everything that was started."""
        await self.agent.stop()
        await self.caller.close()
        await self.tap.stop()

    async def restore(self) -> None:
        """See to it that the agent runs and is provided, and that nobody interferes."""
        tap = self.tap
        tap.twice = tap.noisy = tap.muted = tap.closed = False
        tap.drop = []
        if self.agent.process is None or self.agent.process.returncode is not None:
            await self.restart()
        if not self.caller.is_open:
            await self.caller.open()

    async def restart(self) -> None:
        """Start the agent's process and wait until the hub has taken its functions."""
        known = len(self.tap.orders("provided"))
        await self.agent.start()
        await self.provided(known + 1)

    async def provided(self, count: int) -> None:
        """Wait until the agent was told `provided` for the nth time."""
        await self.tap.news.until(lambda: len(self.tap.orders("provided")) >= count, "a `provide` the hub takes", 15)

    async def assigned(self, call: Followed) -> Message:
        """Wait until the agent was given a task; give the assignment."""
        tap = self.tap
        return (await tap.news.until(lambda: tap.orders("assign", call.task), f"the assignment of {call.task}"))[0]

    async def reconnected(self) -> None:
        """Cut the connection; wait until the agent is back."""
        known = len(self.tap.orders("provided"))
        await self.tap.cut()
        await self.provided(known + 1)

    def last_words(self) -> str:
        """Give what the agent last wrote to its standard error."""
        return self.agent.last_words()


check: Checks[AgentBench] = Checks("agent")


@check("signs in and provides its functions", 20)
async def _provides(bench: AgentBench) -> None:
    for name, (kind, args, returns, effects) in _SHAPES.items():
        found = await bench.caller.ask("lookup", action=f"conformance.{name}")
        expect(found["kind"] == "found", f"{name} is not there: {found.get('error')}")
        definition = found["definition"]
        seen = (
            definition.get("kind", "function"),
            [(port["key"], port["kind"]) for port in definition.get("args", [])],
            [port["kind"] for port in definition.get("returns", [])],
            definition.get("effects", "unknown"),
        )
        expect(seen == (kind, args, returns, effects), f"{name} is {seen}, expected {(kind, args, returns, effects)}")


@check("gives results, fills in defaults, counts in 64 bits")
async def _results(bench: AgentBench) -> None:
    for args, sum in (
        ({"a": 1, "b": 2}, 3),
        ({"a": 5}, 5),
        ({"a": 2**53 + 1, "b": 1}, 2**53 + 2),
        ({"a": 1 - 2**63, "b": 1}, 2 - 2**63),
    ):
        got = await bench.caller.returns("add", **args)
        expect(got == sum and isinstance(got, int), f"add({args}) gave {got!r}, expected {sum}")


def _values() -> dict[str, Any]:
    nested: Any = "bottom"
    for depth in range(60):
        nested = [nested] if depth % 2 else {"down": nested}
    return {
        "null": None,
        "booleans and numbers": [True, False, 0, 1, -1, 0.1, -2.5, 1e300, 2**53 + 1, -(2**63), 2**63 - 1],
        "digits in texts": ["12345678901234567890", '"12345678901234567890"', "1e5", "\\"],
        "unicode": ["ü", "日本語", "😀", "\u2028\u2029", "e\u0301", "\u00e9", "\x7f"],
        "lone surrogates": ["\ud800", "a\udfffb", "\udc00\ud800"],
        "NUL and control characters": ["\0", "a\0b", "\x01\x1f\t\r\n"],
        "odd keys": {"": 1, "__proto__": {"x": 1}, "constructor": 2, "\ud83d": 3, "1": 4, "0": 5},
        "empty": [[], {}, ""],
        "nested": nested,
        "200 kB of text": "x" * 200_000,
        "200 kB of other letters": "ü日" * 40_000,
        "200 kB of small things": [{"n": number} for number in range(15_000)],
    }


@check("echoes JSON: unicode, surrogates, NUL, nested, large", 20)
async def _echo(bench: AgentBench) -> None:
    for name, value in _values().items():
        got = await bench.caller.returns("echo", value=value)
        expect(_same(got, value), f"{name}: {str(value)[:80]!r} came back as {str(got)[:80]!r}")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other and (type(one) is bool) == (type(other) is bool)


@check("streams 20,000 values without a gap", 20)
async def _stream(bench: AgentBench) -> None:
    call = await bench.caller.start("count", args={"n": 20_000})
    outcome = await bench.caller.ended(call, 20)
    expect(outcome["status"] == "completed", f"it ended {outcome['status']}: {outcome.get('error')}")
    expect(call.values == list(range(20_000)), f"{len(call.values)} values came, or others than were counted")
    expect(outcome["yields"] == 20_000, f"the outcome tells of {outcome['yields']} yields")
    expect(not any("credit" in problem for problem in bench.tap.problems), f"{bench.tap.problems[:2]}")


@check("stops at its credit and goes on when there is more", 20)
async def _credit(bench: AgentBench) -> None:
    call = await bench.caller.start("count", args={"n": 10_000}, window=100, hold=True)
    credit = (await bench.assigned(call))["credit"]
    await bench.tap.news.until(lambda: _yielded(bench, call.task) >= credit, f"{credit} yields")
    expect(await bench.caller.returns("wait", seconds=0.1), "it does nothing else while it waits for credit")
    expect(_yielded(bench, call.task) == credit, f"{_yielded(bench, call.task)} yields with a credit of {credit}")
    bench.caller.holding.discard(call.task)
    await bench.caller.take(call)
    outcome = await bench.caller.ended(call, 15)
    expect(outcome["status"] == "completed" and len(call.values) == 10_000, f"{len(call.values)} values came")


@check("goes on with the credit that came while it was away", 20)
async def _credit_away(bench: AgentBench) -> None:
    tap, caller = bench.tap, bench.caller
    call = await caller.start("count", args={"n": 6_000}, window=100, hold=True)
    credit = (await bench.assigned(call))["credit"]
    await tap.news.until(lambda: _yielded(bench, call.task) >= credit, f"{credit} yields")
    tap.closed = True
    await tap.cut()
    while (await caller.ask("lookup", action="conformance.count"))["agents_online"]:
        pass
    caller.holding.discard(call.task)
    await caller.take(call)
    await caller.news.until(lambda: len(call.values) >= credit, f"{credit} values")
    tap.closed = False
    outcome = await caller.ended(call, 12)
    expect(outcome["status"] == "completed" and len(call.values) == 6_000, f"{len(call.values)} values came")


def _yielded(bench: AgentBench, task: str) -> int:
    return max((r["first"] + len(r["values"]) for r in bench.tap.reports("yielded", task)), default=0)


@check("tells a failure: type, bases, message, traceback")
async def _failure(bench: AgentBench) -> None:
    outcome = await bench.caller.call("fail", message="not like this \0 ü")
    error = outcome.get("error") or {}
    expect(outcome["status"] == "failed", f"it ended {outcome['status']}")
    expect(error.get("type") == "ValueError", f"the type is {error.get('type')!r}")
    expect(error.get("message") == "not like this \0 ü", f"the message is {error.get('message')!r}")
    expect(isinstance(error.get("traceback"), str) and error["traceback"], "there is no traceback")
    expect(isinstance(error.get("bases"), list), f"bases is {error.get('bases')!r}")
    expect(isinstance(error.get("module"), str), f"module is {error.get('module')!r}")


@check("reports progress")
async def _progress(bench: AgentBench) -> None:
    call = await bench.caller.start("wait", args={"seconds": 0.4})
    outcome = await bench.caller.ended(call)
    expect(outcome["status"] == "completed", f"it ended {outcome['status']}: {outcome.get('error')}")
    percents = [event["data"].get("percent") for event in call.named("progress")]
    expect(len(percents) >= 3, f"progress came {len(percents)} times in 0.4 s")
    expect(percents == sorted(percents) and percents[-1] > percents[0], f"the percents are {percents}")


@check("is cancelled, and interrupted at the deadline", 15)
async def _cancel(bench: AgentBench) -> None:
    for action, args, verb, deadline_s, status in (
        ("wait", {"seconds": _LONG_S}, "cancel", 5.0, "cancelled"),
        ("slow", {"ms": 60_000}, "cancel", 0.3, "interrupted"),
        ("wait", {"seconds": _LONG_S}, "interrupt", None, "interrupted"),
    ):
        call = await bench.caller.start(action, args=args)
        await bench.caller.news.until(lambda call=call: call.named("started"), f"{action} starts")  # type: ignore[misc]
        await bench.caller.control(call, verb, deadline_s=deadline_s, reason="enough")
        outcome = await bench.caller.ended(call, 3)
        expect(outcome["status"] == status, f"{verb} of {action} ended it {outcome['status']}, expected {status}")
        said = [report["status"] for report in bench.tap.reports("ended", call.task)]
        expect(said == [status], f"{verb} of {action}: the agent reported {said}, expected ['{status}']")


@check("pauses, steps and resumes")
async def _pause(bench: AgentBench) -> None:
    caller = bench.caller
    call = await caller.start("wait", args={"seconds": 0.5})
    await caller.news.until(lambda: call.named("progress"), "progress")
    await caller.control(call, "pause")
    await caller.news.until(lambda: call.named("paused"), "a `paused` event")
    stood = len(bench.tap.reports("progress", call.task))
    await caller.returns("wait", seconds=0.6)
    expect(len(bench.tap.reports("progress", call.task)) == stood, "it went on although it was paused")
    await caller.control(call, "step")
    await bench.tap.until_said("progress", call.task, stood + 1)
    await caller.returns("wait", seconds=0.3)
    moved = len(bench.tap.reports("progress", call.task)) - stood
    expect(moved == 1 and call.outcome is None, f"one step took it {moved} pause points further")
    await caller.control(call, "resume")
    outcome = await caller.ended(call)
    expect(outcome["status"] == "completed", f"it ended {outcome['status']}: {outcome.get('error')}")
    expect(call.named("resumed"), "there was no `resumed` event")


@check("ignores an assignment it has already")
async def _twice(bench: AgentBench) -> None:
    bench.tap.twice = True
    call = await bench.caller.start("slow", args={"ms": 150})
    outcome = await bench.caller.ended(call)
    expect(outcome["returns"] == [150], f"it gave {outcome.get('returns')}")
    await bench.tap.say(*bench.tap.orders("assign", call.task)[:1])
    await bench.caller.returns("slow", ms=200)
    ends = bench.tap.reports("ended", call.task)
    expect(len(ends) == 1, f"it ran {len(ends)} times")


@check("answers heartbeats while it is busy, and sends its own when idle")
async def _heartbeats(bench: AgentBench) -> None:
    tap = bench.tap
    stream = await bench.caller.start("count", args={"n": 20_000})
    slow = await bench.caller.start("slow", args={"ms": 500})
    for number in (770_001, 770_002, 770_003):
        await tap.say({"kind": "ping", "number": number})
        await tap.news.until(
            lambda number=number: any(pong["number"] == number for pong in tap.reports("pong")),  # type: ignore[misc]
            "a `pong` while it works",
            1.5,
        )
    await bench.caller.ended(stream)
    await bench.caller.ended(slow)
    await tap.until_said("ping", count=len(tap.reports("ping")) + 1, within=4)


@check("ignores unknown messages and unknown fields")
async def _noise(bench: AgentBench) -> None:
    bench.tap.noisy = True
    connection = bench.tap.connections
    call = await bench.caller.start("count", args={"n": 6_000})
    expect(await bench.caller.returns("add", a=20, b=22) == 42, "add gave something else")
    outcome = await bench.caller.ended(call)
    expect(outcome["status"] == "completed", f"it ended {outcome['status']}: {outcome.get('error')}")
    await bench.reconnected()
    expect(await bench.caller.returns("add", a=1) == 1, "add gave something else after a reconnect")
    expect(bench.tap.connections == connection + 1, "the connection broke")


@check("sends unacknowledged reports again after a reconnect, with the new epoch")
async def _resend(bench: AgentBench) -> None:
    tap = bench.tap
    stream = await bench.caller.start("count", args={"n": 20_000})
    await bench.caller.news.until(lambda: len(stream.values) >= 2_000, "2,000 values")
    tap.muted = True
    call = await bench.caller.start("wait", args={"seconds": 0.1})
    await tap.until_said("ended", call.task)
    tap.muted = False
    await bench.reconnected()
    outcome = await bench.caller.ended(call)
    expect(outcome["status"] == "completed", f"it ended {outcome['status']}")
    first, *again = tap.reports("ended", call.task)
    expect(again, "the report was not sent again")
    expect(again[-1]["seq"] == first["seq"], f"seq was {first['seq']} and is now {again[-1]['seq']}")
    expect(again[-1]["epoch"] > first["epoch"], f"the epoch is still {again[-1]['epoch']}")
    outcome = await bench.caller.ended(stream, 10)
    expect(stream.values == list(range(20_000)), f"the stream gave {len(stream.values)} values, {outcome['status']}")


@check("lets go of what is stale or dropped", 15)
async def _letting_go(bench: AgentBench) -> None:
    for way in ("stale", "drop"):
        call = await bench.caller.start("wait", args={"seconds": _LONG_S})
        await bench.tap.until_said("progress", call.task)
        if way == "stale":
            await bench.tap.say({"kind": "stale", "task": call.task, "attempt": 1, "reason": "not yours"})
        else:
            bench.tap.drop = [call.task]
            await bench.reconnected()
        await bench.caller.returns("wait", seconds=0.2)
        about = len(_about(bench, call.task))
        await bench.caller.returns("wait", seconds=0.2)
        expect(len(_about(bench, call.task)) == about, f"after {way} it still reports about the task")
        await bench.caller.control(call, "cancel", deadline_s=0)
        await bench.caller.ended(call)


def _about(bench: AgentBench, task: str) -> list[Message]:
    return [said.message for said in bench.tap.heard if said.message.get("task") == task]


@check("survives kill -9 of the hub: no loss, no gap, nothing twice", 30)
async def _hub_killed(bench: AgentBench) -> None:
    caller = bench.caller
    streams = [await caller.start("count", args={"n": 20_000}) for _ in range(2)]
    slow = [await caller.start("slow", args={"ms": 300 + 20 * number}) for number in range(8)]
    once = await caller.start("wait", args={"seconds": 0.7})
    await caller.news.until(lambda: len(streams[0].values) >= 2_500, "2,500 values")
    await bench.hub.kill()
    unsent = [caller.post("add", args={"a": number})[1] for number in range(5)]
    await bench.hub.start()
    await caller.open()
    for stream in streams:
        outcome = await caller.ended(stream, 20)
        expect(outcome["status"] == "completed", f"a stream ended {outcome['status']}: {outcome.get('error')}")
        expect(stream.values == list(range(20_000)), f"a stream gave {len(stream.values)} values")
    for number, call in enumerate(slow):
        outcome = await caller.ended(call)
        expect(outcome.get("returns") == [300 + 20 * number], f"a call ended {outcome}")
    for number, call in enumerate(unsent):
        outcome = await caller.ended(call)
        expect(outcome.get("returns") == [number], f"a call ended {outcome}")
    outcome = await caller.ended(once)
    expect(outcome["status"] == "completed", f"wait ended {outcome['status']}: {outcome.get('error')}")


@check("kill -9 of the agent: its heir tells the result and buries it", 20)
async def _agent_killed(bench: AgentBench) -> None:
    tap, caller = bench.tap, bench.caller
    tap.muted = True
    done = await caller.start("wait", args={"seconds": 0.1})
    streamed = await caller.start("count", args={"n": 50})
    left = await caller.start("wait", args={"seconds": _LONG_S})
    await tap.until_said("progress", left.task)
    await tap.until_said("ended", done.task)
    await tap.until_said("ended", streamed.task)
    await bench.agent.kill()
    tap.muted = False
    await bench.restart()
    expect((await caller.ended(done))["status"] == "completed", f"the result was lost: {done.outcome}")
    outcome = await caller.ended(streamed)
    expect(outcome["status"] == "completed", f"the stream ended {outcome['status']}: {outcome.get('error')}")
    expect(streamed.values == list(range(50)), f"the stream gave {streamed.values}")
    expect(len(tap.orders("assign", done.task)) == 1, "what was done was done again")
    outcome = await caller.ended(left, 5)
    expect(outcome["status"] == "lost", f"what ran in the dead process ended {outcome['status']}, not lost")
    expect(await caller.returns("add", a=2, b=2) == 4, "the heir does not work")


@check("drains on SIGTERM: finishes, takes nothing new, says goodbye", 15)
async def _drain(bench: AgentBench) -> None:
    tap, caller = bench.tap, bench.caller
    running = await caller.start("slow", args={"ms": 600})
    await caller.news.until(lambda: running.named("started"), "the `started` event")
    bench.agent.terminate()
    await tap.until_said("drain")
    late = await caller.start("add", args={"a": 1})
    outcome = await caller.ended(running)
    expect(outcome.get("returns") == [600], f"what ran ended {outcome['status']}: {outcome.get('error')}")
    await tap.until_said("goodbye")
    code = await bench.agent.exited()
    expect(code == 0, f"the exit code is {code}")
    expect(not tap.orders("assign", late.task), "it was given something new after `drain`")
    await caller.control(late, "cancel")
    await caller.ended(late)


@check("says nothing that the protocol does not allow")
async def _sound(bench: AgentBench) -> None:
    if bench.tap.problems:
        raise Failed("; ".join(bench.tap.problems[:5]))
    seqs: dict[str, list[int]] = {}
    session = ""
    for said in bench.tap.heard:
        session = said.message.get("session", session) if said.message["kind"] == "hello" else session
        if said.message.get("seq"):
            seqs.setdefault(session, []).append(said.message["seq"])
    for numbers in seqs.values():
        expect(sorted(set(numbers)) == list(range(1, max(numbers) + 1)), "seq does not count 1, 2, 3, …")
