"""What a caller sees of a broken connection, a busy hub and a task's end, seen from the hub's end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from arkitekt_next import App
from arkitekt_next.errors import AgentLost, HubBusy, HubUnavailable, TaskExpired, TaskFailed
from arkitekt_next.ports import define
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import error_body
from tests.support.scripted import ScriptedHub, count, found, in_background, outcome
from tests.support.waiting import until


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
    assert calling.result(20) == 3


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
    assert reading.result(20) == [0, 1, 2, 3]


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
    assert reading.result(20) == [0, 1, 2]


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
    assert reading.result(20) == [0, 1, 2, 3, 4]


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
    assert calling.result(20) == 3


@pytest.mark.requirement("bar.overload", "agent.resume")
def test_a_task_that_a_busy_hub_cannot_tell_of_yet_is_attached_again(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    submitting = in_background(lambda: found_add.submit(2))
    submit = scripted.expect(m.Submit)
    scripted.say(m.Accepted(reference=submit.reference, task="t1", status="queued", number=1))
    handle = submitting.result(20)
    scripted.cut()
    first = scripted.expect(m.Attach)
    busy = error_body(HubBusy(reason="load", retry_after_s=0.05))
    scripted.say(m.Refused(request=first.request, error=busy))
    again = scripted.expect(m.Attach)
    assert (again.task, again.after) == ("t1", 1)
    scripted.say(m.Done(request=again.request), outcome("t1"))
    assert handle.result(20) == 3


@pytest.mark.requirement("bar.overload")
def test_a_request_that_a_busy_hub_has_no_room_for_is_made_again(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    submitting = in_background(lambda: found_add.submit(2))
    submit = scripted.expect(m.Submit)
    scripted.say(m.Accepted(reference=submit.reference, task="t1", status="queued", number=1))
    cancelling = in_background(submitting.result(20).cancel)
    first = scripted.expect(m.Control)
    busy = error_body(HubBusy(reason="load", retry_after_s=0.05))
    scripted.say(m.Refused(request=first.request, error=busy))
    again = scripted.expect(m.Control)
    assert again == first
    scripted.say(m.Done(request=again.request))
    cancelling.result(20)


def test_a_busy_hub_is_an_error_once_the_timeout_would_run_out(scripted: ScriptedHub, caller: App) -> None:
    found_add = found(scripted, caller)
    calling = in_background(lambda: found_add(2, timeout=0.5))
    submit = scripted.expect(m.Submit)
    scripted.say(m.Refused(request=submit.reference, error=error_body(HubBusy(reason="load", retry_after_s=3))))
    with pytest.raises(HubBusy, match="Try again in 3 s"):
        calling.result(20)


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
    assert calling.result(20) == 3


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
        calling.result(20)
    assert caught.value.task == "t1"


def test_closing_the_app_ends_the_wait_of_its_callers(scripted: ScriptedHub) -> None:
    app = scripted.app("caller")
    found_add = found(scripted, app)
    calling = in_background(lambda: found_add(2))
    scripted.expect(m.Submit)
    app.close()
    assert scripted.expect(m.Goodbye)
    with pytest.raises(HubUnavailable, match="was closed"):
        calling.result(20)


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
    assert [c.result(20) for c in calls] == list(range(32))


# -- the line ----------------------------------------------------------------------------------------------------


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
    assert calling.result(20) == 3
