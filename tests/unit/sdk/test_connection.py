"""What survives a broken connection, seen from the hub's end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from arkitekt_next import App, progress
from arkitekt_next.errors import AgentLost, HubBusy, HubUnavailable, TaskExpired, TaskFailed
from arkitekt_next.ports import define
from arkitekt_next.sdk.reporting import outbox_folder
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import error_body
from tests.support.scripted import ScriptedHub
from tests.support.waiting import until


def add(a: int, b: int = 1) -> int:
    return a + b


def count(n: int) -> Iterator[int]:
    yield from range(n)


def in_background(work):  # type: ignore[no-untyped-def]
    """Run a blocking call beside the script; give what waits for its result."""
    from concurrent.futures import Future

    future: Future[object] = Future()

    def main() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=main, daemon=True).start()
    return future


def found(scripted: ScriptedHub, app: App, function=add):  # type: ignore[no-untyped-def]
    """Let the app find a function that only the script provides."""
    finding = in_background(lambda: app.find("far.add"))
    asked = scripted.expect(m.Lookup)
    definition = define(function).definition
    scripted.say(
        m.Found(
            request=asked.request,
            action="far.add",
            definition=definition.to_json(),
            signature_hash=definition.signature_hash,
            definition_hash=definition.definition_hash,
            agents_online=1,
        )
    )
    return finding.result(5)


def outcome(task: str, **fields: object) -> m.Outcome:
    return m.Outcome(**{"task": task, "number": 9, "at_us": 0, "status": "completed", "returns": [3], **fields})  # type: ignore[arg-type]


@pytest.fixture
def caller(scripted: ScriptedHub) -> Iterator[App]:
    with scripted.app("caller") as app:
        yield app


# -- the caller --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("call.reference")
def test_a_submit_that_was_not_answered_is_sent_again_with_the_same_reference(
    scripted: ScriptedHub, caller: App
) -> None:
    found_add = found(scripted, caller)
    calling = in_background(lambda: found_add(2))
    first = scripted.expect(m.Submit)
    scripted.cut()
    again = scripted.expect(m.Submit)
    assert again == first
    scripted.say(outcome("t1", reference=again.reference))
    assert calling.result(5) == 3


@pytest.mark.requirement("agent.resume")
def test_an_accepted_task_is_attached_from_the_last_number_seen(scripted: ScriptedHub, caller: App) -> None:
    stream = found(scripted, caller, count).with_options(window=64).iterate(10)
    seen: list[int] = []
    reading = in_background(lambda: seen.extend(stream) or seen)  # type: ignore[func-returns-value]
    submit = scripted.expect(m.Submit)
    scripted.say(
        m.Accepted(reference=submit.reference, task="t1", status="queued", number=1),
        m.Values(task="t1", number=4, at_us=0, first=0, values=[[0], [1], [2]]),
    )
    until(lambda: seen == [0, 1, 2])
    scripted.cut()
    attach = scripted.expect(m.Attach)
    assert (attach.task, attach.after, attach.window) == ("t1", 4, 64)
    scripted.say(
        m.Done(request=attach.request),
        m.Values(task="t1", number=5, at_us=0, first=2, values=[[2], [3]]),
        outcome("t1", returns=[], yields=4),
    )
    assert reading.result(5) == [0, 1, 2, 3]


@pytest.mark.requirement("I5")
def test_a_gap_in_a_stream_is_asked_for_again(scripted: ScriptedHub, caller: App) -> None:
    stream = found(scripted, caller, count).iterate(10)
    reading = in_background(lambda: list(stream))
    submit = scripted.expect(m.Submit)
    scripted.say(
        m.Accepted(reference=submit.reference, task="t1", status="queued", number=1),
        m.Values(task="t1", number=4, at_us=0, first=2, values=[[2]]),
    )
    assert scripted.expect(m.Attach).after == 1
    scripted.say(
        m.Values(task="t1", number=3, at_us=0, first=0, values=[[0], [1]]),
        m.Values(task="t1", number=4, at_us=0, first=2, values=[[2]]),
        outcome("t1", returns=[], yields=3),
    )
    assert reading.result(5) == [0, 1, 2]


@pytest.mark.requirement("call.backpressure")
def test_a_reader_declares_what_it_took_every_half_window(scripted: ScriptedHub, caller: App) -> None:
    stream = found(scripted, caller, count).with_options(window=8).iterate(10)
    reading = in_background(lambda: list(stream))
    submit = scripted.expect(m.Submit)
    assert submit.window == 8
    scripted.say(m.Accepted(reference=submit.reference, task="t1", status="queued", number=1))
    scripted.say(m.Values(task="t1", number=2, at_us=0, first=0, values=[[n] for n in range(5)]))
    assert scripted.expect(m.Consumed).through in (4, 5)
    scripted.say(outcome("t1", returns=[], yields=5))
    assert reading.result(5) == [0, 1, 2, 3, 4]


@pytest.mark.requirement("bar.overload")
def test_a_busy_hub_is_asked_again_after_the_time_it_named(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    calling = in_background(lambda: found_add(2))
    first = scripted.expect(m.Submit)
    busy = error_body(HubBusy(reason="load", retry_after_s=0.05))
    refused_at = time.monotonic()
    scripted.say(m.Refused(request=first.reference, error=busy))
    again = scripted.expect(m.Submit)
    assert again == first
    assert time.monotonic() - refused_at >= 0.04
    scripted.say(outcome("t1", reference=again.reference))
    assert calling.result(5) == 3


def test_a_busy_hub_is_an_error_once_the_timeout_would_run_out(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    calling = in_background(lambda: found_add(2, timeout=0.5))
    submit = scripted.expect(m.Submit)
    scripted.say(m.Refused(request=submit.reference, error=error_body(HubBusy(reason="load", retry_after_s=3))))
    with pytest.raises(HubBusy, match="Try again in 3 s"):
        calling.result(5)


@pytest.mark.requirement("declare.compatibility")
def test_a_changed_signature_is_looked_up_once_and_called_if_the_arguments_still_fit(
    scripted: ScriptedHub, caller: App
) -> None:
    def add_more(a: int, b: int = 1, c: int = 1) -> int:
        return a

    found_add = found(scripted, caller)
    calling = in_background(lambda: found_add(2))
    submit = scripted.expect(m.Submit)
    changed = m.ErrorBody(code="definition_changed", message="it changed", fields={})
    scripted.say(m.Refused(request=submit.reference, error=changed))
    asked = scripted.expect(m.Lookup)
    definition = define(add_more, name="add").definition
    scripted.say(
        m.Found(
            request=asked.request,
            action="far.add",
            definition=definition.to_json(),
            signature_hash=definition.signature_hash,
            definition_hash=definition.definition_hash,
            agents_online=1,
        )
    )
    again = scripted.expect(m.Submit)
    assert again.signature_hash == definition.signature_hash
    assert again.reference != submit.reference
    scripted.say(outcome("t1", reference=again.reference))
    assert calling.result(5) == 3


@pytest.mark.requirement("call.errors")
@pytest.mark.parametrize(
    ("status", "error", "raised", "says"),
    [
        (
            "lost",
            {
                "code": "agent_lost",
                "message": "The agent a was lost (last progress: 40 %)",
                "fields": {"progress": "40 %"},
            },
            AgentLost,
            "last progress: 40 %",
        ),
        ("lost", {"error": {"code": "agent_lost", "message": "gone", "fields": {}}}, AgentLost, "gone"),
        ("expired", None, TaskExpired, "found no agent"),
        (
            "failed",
            {"type": "KeyError", "module": "builtins", "bases": ["builtins.KeyError"], "message": "k"},
            KeyError,
            "k",
        ),
        (
            "failed",
            {"type": "Odd", "module": "far", "bases": ["far.Odd", "builtins.OSError"], "message": "o"},
            OSError,
            "o",
        ),
        ("failed", {"type": "Odd", "module": "far", "bases": ["far.Odd"], "message": "o"}, TaskFailed, "o"),
    ],
)
def test_each_end_raises_its_own_error(  # type: ignore[no-untyped-def]
    scripted: ScriptedHub, caller: App, status: str, error, raised, says: str
) -> None:
    found_add = found(scripted, caller)
    calling = in_background(lambda: found_add(2))
    submit = scripted.expect(m.Submit)
    ended = outcome("t1", reference=submit.reference, status=status, returns=None, error=error, agent="a")
    scripted.say(ended)
    with pytest.raises(raised, match=says) as caught:
        calling.result(5)
    assert caught.value.task == "t1"


def test_closing_the_app_ends_the_wait_of_its_callers(scripted: ScriptedHub) -> None:
    app = scripted.app("caller")
    found_add = found(scripted, app)
    calling = in_background(lambda: found_add(2))
    scripted.expect(m.Submit)
    app.close()
    assert scripted.expect(m.Goodbye)
    with pytest.raises(HubUnavailable, match="was closed"):
        calling.result(5)


def test_what_threads_submit_together_travels_in_few_frames(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    before = len(scripted.frames)
    gate = threading.Barrier(32)

    def one(number: int) -> object:
        gate.wait(5)
        return found_add(number)

    calls = [in_background(lambda n=n: one(n)) for n in range(32)]
    submits = [scripted.expect(m.Submit) for _ in range(32)]
    assert len(scripted.frames) - before <= 32
    scripted.say(*(outcome(f"t{s.args['a']}", reference=s.reference, returns=[s.args["a"]]) for s in submits))
    assert [c.result(5) for c in calls] == list(range(32))


# -- the agent ---------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(scripted: ScriptedHub) -> App:
    app = scripted.app("agent", drain_s=0.1)
    app.register(add)
    app.register(count)
    return app


def serve(scripted: ScriptedHub, app: App):  # type: ignore[no-untyped-def]
    starting = in_background(app.run_detached)
    scripted.provided()
    return starting.result(5)


def stop(scripted: ScriptedHub, serving) -> None:  # type: ignore[no-untyped-def]
    """Stop an app, acknowledging everything it still says."""
    stopping = in_background(serving.stop)
    while not stopping.done():
        scripted.say(m.Ack(seq=10_000))
        time.sleep(0.005)
    stopping.result(1)


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
    stop(scripted, starting.result(5))


def test_a_function_registered_later_is_offered_too(scripted: ScriptedHub, agent: App) -> None:
    serving = serve(scripted, agent)

    def later() -> None: ...

    registering = in_background(lambda: agent.register(later))
    assert [o.definition["name"] for o in scripted.provided().offers] == ["add", "count", "later"]
    assert registering.result(5) is later
    stop(scripted, serving)


def test_an_action_that_is_not_provided_any_more_is_refused(scripted: ScriptedHub, agent: App) -> None:
    serving = serve(scripted, agent)
    scripted.assign("t1", "gone")
    ended = scripted.expect(m.Ended)
    assert (ended.status, (ended.error or {})["error"]["code"]) == ("failed", "not_permitted")
    stop(scripted, serving)


# -- the line ----------------------------------------------------------------------------------------------------


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


def test_a_hub_that_falls_silent_is_left_and_dialled_again() -> None:
    scripted = ScriptedHub(lease_s=0.4, heartbeat_s=0.1)
    scripted.answers_pings = False
    with scripted.app("caller") as app:
        app.link.ensure_open()
        scripted.expect(m.Hello)
        scripted.expect(m.Hello, within=3.0)
        assert len({h.session for h in scripted.heard if isinstance(h, m.Hello)}) == 1


def test_no_hub_at_the_first_try_is_an_error_with_the_remedy(scripted: ScriptedHub) -> None:
    scripted.refuse_dials = True
    with scripted.app("caller") as app, pytest.raises(HubUnavailable, match="the test wants it so"):
        app.find("far.add")


@pytest.mark.requirement("agent.resume")
def test_a_hub_that_is_gone_for_a_while_is_only_a_delay(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    scripted.refuse_dials = True
    scripted.cut()
    until(lambda: not caller.link.connection.is_open)
    calling = in_background(lambda: found_add(2))
    scripted.refuse_dials = False
    submit = scripted.expect(m.Submit)
    scripted.say(outcome("t1", reference=submit.reference))
    assert calling.result(5) == 3
