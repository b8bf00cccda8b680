"""Watched from outside: whatever the hub acknowledges was written to its log and synced to disk before.

strace records what the hub process writes, syncs and sends. Every call carries words of its own: one in its reference,
one in its result. The word has to be in a write to the log, a sync of the log has to return after that, and only then
may a frame with the acknowledgement begin to leave.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from benchmarks import stage

from tests.support.raw import RawClient, client

CALLS = 200
AT_ONCE = 8
RECORD = "strace.txt"
_WRITE = re.compile(r"^(?P<thread>\d+) +(?P<call>pwrite64|pwritev|write|writev|sendto|sendmsg)\(\d+<(?P<file>[^>]*)>")
_SYNC = re.compile(r"^(?P<thread>\d+) +(?:fdatasync|fsync)\(\d+<(?P<file>[^>]*)>(?P<rest>.*)")
_RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. (?:fdatasync|fsync) resumed>")
_ANSWER = re.compile(r'\{\\"kind\\":\\"(accepted|outcome)\\"')
_ACK = re.compile(r'\{\\"kind\\":\\"ack\\",\\"seq\\":(\d+)\}')


@contextmanager
def traced_hub(folder: Path, durability: str) -> Iterator[stage.Hub]:
    """Run a hub and record what it does until the block ends."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace (Debian's package of that name)")
    hub = stage.Hub(folder, durability=durability)
    hub.start()
    assert hub.process is not None
    calls = "trace=pwrite64,pwritev,write,writev,sendto,sendmsg,fdatasync,fsync"
    options = ["-f", "-y", "-s", "70000", "-e", calls, "-e", "signal=none", "-o", str(folder / RECORD)]
    watcher = subprocess.Popen([strace, *options, "-p", str(hub.process.pid)], stderr=subprocess.PIPE, text=True)
    try:
        assert watcher.stderr is not None
        said = watcher.stderr.readline()
        if "attached" not in said:
            pytest.skip(f"strace may not trace here: {said.strip()}")
        yield hub
    finally:
        watcher.send_signal(signal.SIGINT)
        watcher.communicate(timeout=30)
        hub.stop()


@dataclass
class Trace:
    """When each word was first written to the log, when the log was synced, when each acknowledgement began to leave.

    Times are line numbers of the record.
    """

    written: dict[str, int] = field(default_factory=dict)
    synced: list[int] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)

    def is_durable(self, word: str, acknowledgement: str) -> bool:
        """Whether a sync of the log returned between the write of a word and what acknowledges it."""
        return any(self.written[word] < at < self.sent[acknowledgement] for at in self.synced)


def read_trace(record: Path, words: set[str]) -> Trace:
    """Find the words in a record. Outcomes and `accepted` go by their word, acks by `ack <seq>`."""
    trace, syncing = Trace(), {}
    some_word = re.compile("|".join(words))
    for number, line in enumerate(record.open(errors="replace")):
        if (sync := _SYNC.match(line)) is not None and sync["file"].endswith("hub.db-wal"):
            if "unfinished" in sync["rest"]:
                syncing[sync["thread"]] = number
            else:
                trace.synced.append(number)
        elif (resumed := _RESUMED.match(line)) is not None:
            if syncing.pop(resumed["thread"], None) is not None:
                trace.synced.append(number)
        elif (write := _WRITE.match(line)) is not None:
            if write["file"].endswith("hub.db-wal"):
                for word in some_word.findall(line):
                    trace.written.setdefault(word, number)
            elif "socket" in write["file"] or "TCP" in write["file"]:
                _take_frame(trace, line, number, some_word)
    return trace


def _take_frame(trace: Trace, line: str, number: int, some_word: re.Pattern[str]) -> None:
    for message in re.split(r'(?=\{\\"kind\\":)', line):
        kind = _ANSWER.match(message)
        for word in some_word.findall(message) if kind is not None else ():
            trace.sent.setdefault(f"{kind[1]} {word}", number)
    for seq in _ACK.findall(line):
        trace.sent.setdefault(f"ack {seq}", number)


@dataclass
class Work:
    """Calls made of a traced hub: the words of each, and the number its report had."""

    references: list[str] = field(default_factory=list)
    results: dict[str, int] = field(default_factory=dict)


async def call_all(hub: stage.Hub) -> Work:
    work = Work()
    echo = {
        "name": "echo",
        "args": [{"key": "text", "kind": "string"}],
        "returns": [{"key": "out", "kind": "string"}],
        "effects": "none",
    }
    async with client(hub, "app") as agent, client(hub, "caller") as caller:
        await agent.provide(echo, capacity=AT_ONCE)

        async def lane(count: int) -> None:
            for _ in range(count):
                await one_call(agent, caller, work)

        await asyncio.gather(*(lane(CALLS // AT_ONCE) for _ in range(AT_ONCE)))
    return work


async def one_call(agent: RawClient, caller: RawClient, work: Work) -> None:
    reference, result = uuid.uuid4().hex, uuid.uuid4().hex
    work.references.append(reference)
    sent: dict[str, Any] = {"kind": "submit", "reference": reference, "action": "app.echo", "args": {"text": "x"}}
    await caller.send(sent)
    accepted = await caller.expect("accepted", reference=reference)
    await agent.assigned(accepted["task"])
    seq = await agent.report("ended", accepted["task"], status="completed", returns=[result])
    work.results[result] = seq
    outcome = await caller.expect("outcome", task=accepted["task"])
    assert outcome["returns"] == [result]
    await agent.acknowledged(seq)


def judge(work: Work, trace: Trace) -> tuple[int, int]:
    """Count the acknowledgements that were durable when they left, and those that were not."""
    pairs = [(reference, f"accepted {reference}") for reference in work.references]
    pairs += [(result, f"outcome {result}") for result in work.results]
    # A later ack covers an earlier report; the first one that does is what acknowledged it.
    acks = sorted(int(name.removeprefix("ack ")) for name in trace.sent if name.startswith("ack "))
    for result, seq in work.results.items():
        pairs.append((result, f"ack {next(ack for ack in acks if ack >= seq)}"))
    durable = sum(trace.is_durable(word, acknowledgement) for word, acknowledgement in pairs)
    return durable, len(pairs) - durable


def run_traced(folder: Path, durability: str) -> tuple[int, int, int]:
    with traced_hub(folder, durability) as hub:
        work = asyncio.run(asyncio.wait_for(call_all(hub), 120))
    trace = read_trace(folder / RECORD, {*work.references, *work.results})
    return (*judge(work, trace), len(trace.synced))


@pytest.mark.requirement("I10")
def test_a_sync_to_disk_precedes_every_acknowledgement(tmp_path: Path) -> None:
    durable, hasty, syncs = run_traced(tmp_path, "full")
    print(f"bar: N={durable + hasty} acknowledgements of {CALLS} calls, {hasty} precede their sync; {syncs} syncs")
    assert durable == 3 * CALLS
    assert hasty == 0


def test_the_watcher_sees_acknowledgements_that_no_sync_precedes(tmp_path: Path) -> None:
    _durable, hasty, syncs = run_traced(tmp_path, "normal")
    print(f"bar: with durability=normal {hasty} of {3 * CALLS} acknowledgements precede a sync; {syncs} syncs")
    assert hasty > 2 * CALLS
