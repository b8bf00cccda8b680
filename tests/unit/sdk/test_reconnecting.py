"""What of an agent's work survives a broken connection, seen from the hub's end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from arkitekt_next import App, progress
from arkitekt_next.sdk.reporting import outbox_folder
from arkitekt_next.wire import messages as m
from tests.support.scripted import ScriptedHub, add, count, in_background
from tests.support.waiting import until


@pytest.fixture
def agent(scripted: ScriptedHub) -> App:
    app = scripted.app("agent", drain_s=0.1)
    app.register(add)
    app.register(count)
    return app


def serve(scripted: ScriptedHub, app: App):  # type: ignore[no-untyped-def]
    starting = in_background(app.run_detached)
    scripted.provided()
    return starting.result(20)


def stop(scripted: ScriptedHub, serving) -> None:  # type: ignore[no-untyped-def]
    """Stop an app, acknowledging everything it still says."""
    stopping = in_background(serving.stop)
    while not stopping.done():
        scripted.say(m.Ack(seq=10_000))
        time.sleep(0.005)
    stopping.result(20)


@pytest.mark.requirement("agent.outbox")
def test_a_result_is_on_disk_before_it_is_sent_and_gone_after_the_acknowledgement(
    scripted: ScriptedHub, agent: App
) -> None:
    serving = serve(scripted, agent)
    scripted.assign("t1", "add", {"a": 1})
    ended = scripted.expect(m.Ended)
    assert (ended.status, ended.returns, ended.seq, ended.epoch) == ("completed", [2], 1, 1)
    folder = outbox_folder("scripted", "agent")
    assert '"returns":[2]' in next(folder.glob("*.jsonl")).read_text()
    assert agent.status()["unacknowledged"] == 1
    scripted.say(m.Ack(seq=1))
    assert until(lambda: agent.status()["unacknowledged"] == 0)
    stop(scripted, serving)
    assert list(folder.iterdir()) == []


def test_a_quick_function_is_not_said_to_have_started_and_a_slow_one_is(scripted: ScriptedHub, agent: App) -> None:
    go = threading.Event()

    @agent.register
    def slow() -> None:
        go.wait(5)

    serving = serve(scripted, agent)
    scripted.assign("t1", "add", {"a": 1})
    scripted.expect(m.Ended)
    scripted.assign("t2", "slow")
    assert scripted.expect(m.Started).task == "t2"
    go.set()
    scripted.expect(m.Ended)
    assert [h.task for h in scripted.heard if isinstance(h, m.Started)] == ["t2"]
    stop(scripted, serving)


@pytest.mark.requirement("agent.resume")
def test_unacknowledged_reports_are_sent_again_in_order_with_the_new_epoch(scripted: ScriptedHub, agent: App) -> None:
    serving = serve(scripted, agent)
    scripted.assign("t1", "count", {"n": 3})
    scripted.assign("t2", "add", {"a": 1})
    first = [scripted.expect(m.Ended), scripted.expect(m.Ended)]
    scripted.cut()
    offered = scripted.provided(epoch=2)
    assert {(h.task, h.attempt) for h in offered.held} == {("t1", 1), ("t2", 1)}
    said = [scripted.expect(m.Report) for _ in range(3)]
    assert [report.seq for report in said] == [1, 2, 3]
    assert {report.epoch for report in said} == {2}
    assert {e.task for e in said if isinstance(e, m.Ended)} == {e.task for e in first}
    stop(scripted, serving)


@pytest.mark.requirement("agent.resume")
def test_the_same_assignment_twice_runs_once(scripted: ScriptedHub, agent: App) -> None:
    runs: list[int] = []

    @agent.register
    def once() -> None:
        runs.append(1)

    serving = serve(scripted, agent)
    scripted.assign("t1", "once")
    scripted.assign("t1", "once")
    scripted.expect(m.Ended)
    scripted.assign("t1", "once")
    scripted.assign("t2", "add", {"a": 1})
    assert scripted.expect(m.Ended).task == "t2"
    assert runs == [1]
    stop(scripted, serving)


@pytest.mark.requirement("I3")
@pytest.mark.parametrize("how", ["stale", "drop"])
def test_a_task_that_is_not_ours_any_more_is_stopped_and_its_reports_forgotten(
    scripted: ScriptedHub, agent: App, how: str
) -> None:
    begun, stopped = threading.Event(), threading.Event()

    @agent.register
    def endless() -> Iterator[int]:
        try:
            yield 1
            begun.set()
            while True:
                progress(1)
                stopped.wait(0.001)
        finally:
            stopped.set()

    serving = serve(scripted, agent)
    scripted.assign("t1", "endless")
    scripted.expect(m.Yielded)
    assert begun.wait(5)
    if how == "stale":
        scripted.say(m.Stale(task="t1", attempt=1, reason="another agent has it"))
    else:
        scripted.cut()
        scripted.provided(drop=["t1"])
    assert stopped.wait(5)
    assert until(lambda: agent.status()["tasks"] == [])
    assert agent.status()["unacknowledged"] == 0
    assert not any(isinstance(h, m.Ended) for h in scripted.heard)
    stop(scripted, serving)


@pytest.mark.requirement("call.backpressure")
def test_a_stream_stops_at_its_credit_and_goes_on_when_there_is_more(scripted: ScriptedHub, agent: App) -> None:
    serving = serve(scripted, agent)
    scripted.assign("t1", "count", {"n": 10}, credit=4)
    yielded: list[int] = []
    while len(yielded) < 4:
        yielded += [value[0] for value in scripted.expect(m.Yielded).values]
    assert yielded == [0, 1, 2, 3]
    scripted.say(m.Credit(task="t1", attempt=1, through=10))
    while len(yielded) < 10:
        report = scripted.expect(m.Yielded)
        assert report.first == len(yielded)
        yielded += [value[0] for value in report.values]
    assert scripted.expect(m.Ended).yields == 10
    stop(scripted, serving)


@pytest.mark.requirement("agent.outbox")
def test_a_later_process_sends_what_a_dead_one_left_and_buries_it(scripted: ScriptedHub, agent: App) -> None:
    from arkitekt_next.sdk.outbox import Outbox

    folder: Path = outbox_folder("scripted", "agent")
    dead = Outbox(folder, "dead-session")
    dead.open()
    text = '{"kind":"ended","task":"old","attempt":2,"status":"completed","returns":[5],"yields":0'
    dead.write([dead.add("older", 1, text.replace("old", "older")).written(4), dead.add("old", 2, text).written(4)])
    dead.close(keep=True)
    starting = in_background(agent.run_detached)
    offered = scripted.provided()
    assert offered.inherits == ["dead-session"]
    assert offered.held == []
    said = [scripted.expect(m.Ended), scripted.expect(m.Ended)]
    assert [(e.task, e.attempt, e.seq, e.epoch) for e in said] == [("older", 2, 1, 4), ("old", 2, 2, 4)]
    assert scripted.expect(m.Bury).session == "dead-session"
    assert (folder / "dead-session.jsonl").exists()
    scripted.say(m.Ack(seq=2))
    assert until(lambda: not (folder / "dead-session.jsonl").exists())
    stop(scripted, starting.result(20))


def test_a_function_registered_later_is_offered_too(scripted: ScriptedHub, agent: App) -> None:
    serving = serve(scripted, agent)

    def later() -> None: ...

    registering = in_background(lambda: agent.register(later))
    assert [o.definition["name"] for o in scripted.provided().offers] == ["add", "count", "later"]
    assert registering.result(20) is later
    stop(scripted, serving)


def test_an_action_that_is_not_provided_any_more_is_refused(scripted: ScriptedHub, agent: App) -> None:
    serving = serve(scripted, agent)
    scripted.assign("t1", "gone")
    ended = scripted.expect(m.Ended)
    assert (ended.status, (ended.error or {})["error"]["code"]) == ("failed", "not_permitted")
    stop(scripted, serving)


@pytest.mark.requirement("declare.threads")
def test_heartbeats_go_on_while_functions_sleep_and_the_loop_is_hogged() -> None:
    scripted = ScriptedHub(lease_s=2.0, heartbeat_s=0.1)
    app = scripted.app("agent", drain_s=0.1)
    go = threading.Event()

    @app.register
    def sleeps() -> None:
        go.wait(10)

    @app.register(executor="loop")
    def hogs() -> None:
        go.wait(10)

    serving = serve(scripted, app)
    scripted.assign("t1", "sleeps")
    scripted.assign("t2", "hogs")
    assert until(lambda: scripted.pings >= 5, within=2.0)
    go.set()
    stop(scripted, serving)
