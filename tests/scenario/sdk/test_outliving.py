"""The SDK with a real hub, when something breaks: agents that are stopped, killed or frozen, a hub that goes."""

from __future__ import annotations

import signal
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next import App, easy
from arkitekt_next.embedded import serve
from arkitekt_next.errors import AgentLost
from tests.support.lab import SETTINGS, agent
from tests.support.scripts import Start
from tests.support.waiting import find_soon, until

# -- an agent that goes ------------------------------------------------------------------------------------------


@pytest.mark.requirement("run.drain")
def test_a_signal_lets_an_app_finish_what_it_runs(caller: App, start: Start) -> None:
    other = agent(start, "finisher")
    handle = find_soon("finisher.slow").submit(0.5)
    other.says("running")
    other.process.send_signal(signal.SIGTERM)
    assert handle.result(timeout=10) == 0.5
    other.says("stopped")
    other.says("left")
    assert other.end() == 0


@pytest.mark.requirement("I9")
def test_a_killed_agent_is_told_to_its_caller_with_the_last_progress(caller: App, start: Start) -> None:
    other = agent(start, "mortal")
    handle = find_soon("mortal.slow").submit(60.0)
    other.says("running")
    until(lambda: handle.progress)
    other.process.kill()
    with pytest.raises(AgentLost, match="a third"):
        handle.result(timeout=10)


@pytest.mark.requirement("declare.effects")
def test_repeatable_work_of_a_killed_agent_is_done_by_the_next(caller: App, start: Start, tmp_path: Path) -> None:
    first = agent(start, "phoenix")
    handle = find_soon("phoenix.careful").submit(str(tmp_path / "go"))
    first.says("running")
    first.process.kill()
    second = agent(start, "phoenix")
    second.says("running")
    (tmp_path / "go").touch()
    assert handle.result(timeout=10) == "done"


@pytest.mark.requirement("I6")
def test_a_frozen_agent_does_not_hang_its_caller(caller: App, start: Start) -> None:
    other = agent(start, "frozen")
    handle = find_soon("frozen.slow").submit(60.0)
    other.says("running")
    other.process.send_signal(signal.SIGSTOP)
    with pytest.raises(AgentLost):
        handle.result(timeout=15)


# -- a hub that goes and comes back ------------------------------------------------------------------------------


@pytest.fixture
def own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "own"))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "own-state"))
    return tmp_path / "own"


@pytest.mark.requirement("I1", "agent.resume")
def test_a_restart_of_the_hub_is_only_a_delay(own_hub: Path, start: Start, tmp_path: Path) -> None:
    with ExitStack() as late:
        with serve(own_hub, **SETTINGS):
            other = agent(start, "steady")
            app = late.enter_context(easy("patient"))
            stream = find_soon("steady.numbers").iterate(2000, str(tmp_path / "go"))
            seen = [next(stream) for _ in range(10)]
            handle = app.submit("steady.gated", str(tmp_path / "go"))
            other.says("half")
        until(lambda: not app.link.connection.is_open)
        (tmp_path / "go").touch()
        other.says("finished")
        with serve(own_hub, **SETTINGS):
            assert handle.result(timeout=20) == "done"
            assert seen + list(stream) == list(range(2000))
            app.close()


@pytest.mark.requirement("agent.outbox")
def test_a_result_of_a_process_that_died_while_the_hub_was_away_is_not_lost(
    own_hub: Path, start: Start, tmp_path: Path
) -> None:
    with ExitStack() as late:
        with serve(own_hub, **SETTINGS):
            first = agent(start, "heir")
            app = late.enter_context(easy("patient"))
            handle = find_soon("heir.gated").submit(str(tmp_path / "go"))
            first.says("running")
        (tmp_path / "go").touch()
        first.says("finished")
        outbox = tmp_path / "own-state" / "outbox"
        until(lambda: any('"done"' in path.read_text() for path in outbox.rglob("*.jsonl")))
        first.process.kill()
        first.end()
        with serve(own_hub, **SETTINGS):
            agent(start, "heir")
            assert handle.result(timeout=20) == "done"
            until(lambda: len(list(outbox.rglob("*.jsonl"))) == 1)
            app.close()


def test_an_app_that_is_left_before_what_it_hosts_is_stopped_goes_on_and_ends_at_once(hub: Any) -> None:
    app = App(f"nested-{uuid.uuid4().hex[:6]}", url=hub.url)

    @app.register
    def twice(n: int) -> int:
        return 2 * n

    began = time.monotonic()
    for _ in range(2):
        with app.run_detached(), app:
            assert app.call(f"{app.identifier}.twice", 2) == 4
        with app.run_detached() as serving:
            with app:
                assert app.call(f"{app.identifier}.twice", 3) == 6
            with App("another", url=hub.url) as other:
                assert other.call(f"{app.identifier}.twice", 4) == 8
            assert serving.is_running
            app.close()
    assert time.monotonic() - began < 8
