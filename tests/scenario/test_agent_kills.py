"""kill -9 of an agent at every moment that matters: nothing hangs, repeatable work finishes once, the rest is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks import stage

import arkitekt_next
from arkitekt_next.errors import AgentLost

pytestmark = pytest.mark.requirement("bar.kill-agent")

APP = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
import arkitekt_next

gates = Path(sys.argv[1])
app = arkitekt_next.App("victim", grace_s=float(sys.argv[2]))

def wait_for(name):
    while not (gates / name).exists():
        time.sleep(0.01)

@app.register(effects="repeatable")
def again(a: int) -> int:
    arkitekt_next.progress(40, "halfway")
    with open(gates / "runs", "a") as runs:
        runs.write("x")
    wait_for("go")
    return a

@app.register
def once(a: int) -> int:
    arkitekt_next.progress(40, "halfway")
    with open(gates / "runs", "a") as runs:
        runs.write("x")
    wait_for("go")
    return a

@app.register(effects="repeatable")
def count(items: int) -> Iterator[int]:
    for number in range(items):
        yield number
        if number == 4:
            with open(gates / "runs", "a") as runs:
                runs.write("x")
            wait_for("go")

app.run()
"""


@pytest.fixture
def hub() -> Iterator[stage.Hub]:
    with stage.hub(grace_s=1.0, restart_grace_s=20.0) as running:
        yield running


@pytest.fixture
def caller(hub: stage.Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in stage.surroundings(hub).items():
        monkeypatch.setenv(name, value)
    with arkitekt_next.App("caller") as app:
        yield app


class Victim:
    """An app process that can be killed and started again."""

    def __init__(self, hub: stage.Hub, gates: Path, grace_s: float = 1.0) -> None:
        self.gates, self.hub, self.grace_s = gates, hub, grace_s
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", APP, str(self.gates), str(self.grace_s)],
            env={**os.environ, **stage.surroundings(self.hub)},
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def runs(self) -> int:
        path = self.gates / "runs"
        return len(path.read_text()) if path.exists() else 0


@pytest.fixture
def victim(hub: stage.Hub, tmp_path: Path) -> Iterator[Victim]:
    running = Victim(hub, tmp_path)
    yield running
    running.kill()


def until(condition: Callable[[], bool], deadline_s: float = 30.0) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def found(caller: Any, name: str) -> Any:
    def try_find() -> bool:
        try:
            caller.find(name)
        except LookupError:
            return False
        return True

    until(try_find)
    return caller.find(name)


def test_work_that_was_killed_before_it_began_is_done_by_the_next_process(caller: Any, victim: Victim) -> None:
    function = found(caller, "victim.once")
    victim.kill()
    handle = function.submit(7)
    (victim.gates / "go").touch()
    victim.start()
    assert handle.result(timeout=30) == 7
    assert victim.runs == 1


@pytest.mark.requirement("declare.effects")
def test_repeatable_work_killed_in_the_middle_finishes_in_the_next_process(caller: Any, victim: Victim) -> None:
    handle = found(caller, "victim.again").submit(7)
    until(lambda: victim.runs == 1)
    victim.kill()
    (victim.gates / "go").touch()
    victim.start()
    assert handle.result(timeout=30) == 7
    assert victim.runs == 2


@pytest.mark.requirement("I9")
def test_other_work_killed_in_the_middle_is_lost_with_its_last_progress(caller: Any, victim: Victim) -> None:
    handle = found(caller, "victim.once").submit(7)
    until(lambda: handle.progress is not None and handle.progress.percent == 40)
    began = time.monotonic()
    victim.kill()
    with pytest.raises(AgentLost, match="40 % halfway"):
        handle.result(timeout=30)
    assert time.monotonic() - began <= 10


@pytest.mark.requirement("agent.outbox")
def test_a_result_that_was_not_acknowledged_yet_is_told_by_the_next_process(
    hub: stage.Hub, caller: Any, tmp_path: Path
) -> None:
    victim = Victim(hub, tmp_path, grace_s=30.0)
    try:
        handle = found(caller, "victim.once").submit(7)
        until(lambda: victim.runs == 1)
        hub.kill()
        (tmp_path / "go").touch()
        outboxes = hub.folder / "state" / "outbox"
        until(lambda: any('"ended"' in path.read_text() for path in outboxes.rglob("*.jsonl")))
        victim.kill()
        hub.start()
        victim.start()
        assert handle.result(timeout=30) == 7
        assert victim.runs == 1
    finally:
        victim.kill()


@pytest.mark.requirement("I5")
def test_a_repeatable_stream_killed_in_the_middle_has_no_gap_and_no_duplicate(caller: Any, victim: Victim) -> None:
    seen: list[int] = []
    stream = found(caller, "victim.count").submit(10)
    values = stream.stream()
    for value in values:
        seen.append(value)
        if value == 4:
            until(lambda: victim.runs == 1)
            victim.kill()
            (victim.gates / "go").touch()
            victim.start()
    assert seen == list(range(10))
