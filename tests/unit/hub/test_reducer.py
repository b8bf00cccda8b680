"""The rules of a task: which event gets which number, which report counts, what becomes of work whose agent is gone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from arkitekt_next.errors import AgentLost, Poisoned, TaskInterrupted
from arkitekt_next.hub.catalog.providers import Agent
from arkitekt_next.hub.catalog.service import Action, Contract
from arkitekt_next.hub.tasks.live import LiveTask, Options
from arkitekt_next.hub.tasks.reducer import describe_progress, judge_loss, may_retry, new_values, record, why_stale
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.lifecycle import TERMINAL, EventName, Status
from arkitekt_next.wire.messages import Ended, Started

SEED = 20261121
REPEATABLE = ("none", "repeatable")


def agent(name: str = "agent-1") -> Agent:
    return Agent(
        id=name,
        team="t",
        person="p",
        app="a",
        session=name,
        hub="h",
        epoch=3,
        mode="prod",
        visibility="team",
        release="1",
        labels=frozenset(),
        capacity=1,
        grace_s=1.0,
    )


def task(*, effects: str = "unknown", retries: int = 0, **fields: Any) -> LiveTask:
    action = Action("action-1", "t", "a", "a.f")
    body = dumps({"name": "f", "effects": effects})
    made = LiveTask(
        id="task-1",
        team="t",
        person="p",
        app="a",
        reference="r",
        contract=Contract(action, body, "d", "s", 0, "team"),
        args={},
        root="task-1",
        origin="h",
        queued_at_us=0,
        options=Options(retries=retries),
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.requirement("I2")
@seed(SEED)
@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.sampled_from(list(EventName)), max_size=40))
def test_any_sequence_of_events_has_growing_numbers_and_at_most_one_end(script: list[EventName]) -> None:
    made = task()
    given_numbers: list[int] = []
    ends = 0
    for at, name in enumerate(script):
        before = (made.status, made.number, list(made.timeline))
        number = record(made, name, at)
        if number is None:
            assert (made.status, made.number, made.timeline) == before
            continue
        assert before[0] not in TERMINAL
        given_numbers.append(number)
        ends += made.status in TERMINAL
    assert given_numbers == list(range(1, len(given_numbers) + 1))
    assert ends <= 1
    passing = {"progress", "log", "yield"}
    assert not passing & {entry[1] for entry in made.timeline}
    assert [entry[0] for entry in made.timeline] == sorted({entry[0] for entry in made.timeline})


def test_a_life_cycle_event_remembers_attempt_and_agent() -> None:
    made = task(attempt=2, agent=agent(), status=Status.ASSIGNED)
    assert record(made, EventName.STARTED, 17) == 1
    assert made.timeline == [[1, "started", 17, 2, "agent-1"]]
    assert made.status is Status.RUNNING


def report(attempt: int = 1, epoch: int = 3) -> Started:
    return Started(task="task-1", attempt=attempt, epoch=epoch)


@pytest.mark.requirement("I3")
def test_a_report_counts_when_agent_attempt_and_epoch_are_the_newest() -> None:
    mine = agent()
    held = task(agent=mine, attempt=1, epoch=3, status=Status.RUNNING)
    assert why_stale(held, report(), {mine: False}) is None
    assert "attempt 0 is over, attempt 1 counts" in (why_stale(held, report(attempt=0), {mine: False}) or "")
    assert "attempt 2 is over" in (why_stale(held, report(attempt=2), {mine: False}) or "")
    assert "epoch 2 is over, epoch 3 counts" in (why_stale(held, report(epoch=2), {mine: False}) or "")


def test_an_heir_reports_with_the_epoch_of_the_dead() -> None:
    dead = agent()
    held = task(agent=dead, attempt=1, epoch=3, status=Status.DISCONNECTED)
    assert why_stale(held, report(epoch=1), {dead: True}) is None
    assert why_stale(held, report(epoch=1, attempt=0), {dead: True}) is not None


@pytest.mark.requirement("I4")
def test_who_does_not_hold_a_task_is_not_told_whether_it_exists() -> None:
    mine, other = agent("mine"), agent("other")
    theirs = task(agent=other, attempt=1, epoch=3, status=Status.RUNNING)
    queued = task()
    answers = {why_stale(found, report(), {mine: False}) for found in (theirs, queued, None)}
    assert len(answers) == 1
    assert None not in answers


@pytest.mark.requirement("I2")
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_nothing_counts_after_the_end(status: Status) -> None:
    mine = agent()
    ended = task(agent=mine, attempt=1, epoch=3, status=status)
    late = Ended(task="task-1", attempt=1, epoch=3, status="completed")
    assert why_stale(ended, late, {mine: False}) is not None


@pytest.mark.requirement("I5")
@pytest.mark.parametrize(
    ("known", "first", "values", "new"),
    [
        (0, 0, [[1], [2]], [[1], [2]]),
        (2, 0, [[1], [2]], []),
        (2, 0, [[1], [2], [3]], [[3]]),
        (2, 1, [[2], [3]], [[3]]),
        (2, 2, [[3]], [[3]]),
        (2, 3, [[4]], None),
        (0, 1, [[2]], None),
        (9, 0, [[1]], []),
    ],
)
def test_yields_are_taken_once_and_without_a_gap(known: int, first: int, values: Any, new: Any) -> None:
    assert new_values(task(yields=known), first, values) == new


@pytest.mark.requirement("I5")
@seed(SEED)
@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), max_size=20))
def test_however_often_batches_are_sent_again_the_stream_is_gapless(batches: list[tuple[int, int]]) -> None:
    made = task()
    stored: list[list[int]] = []
    for first, count in batches:
        new = new_values(made, first, [[n] for n in range(first, first + count)])
        if new is None:
            assert first > len(stored)
            continue
        stored += new
        made.yields += len(new)
    assert stored == [[n] for n in range(len(stored))]


# -- what becomes of work whose agent is gone ----------------------------------------------------------------


@pytest.mark.parametrize("effects", ["none", "repeatable", "unknown", "irreversible"])
def test_what_was_never_delivered_is_run_again_whatever_it_does(effects: str) -> None:
    verdict = judge_loss(task(effects=effects, attempt=9, is_delivered=False), agent="a", max_attempts=3)
    assert (verdict.again, verdict.event, verdict.error) == (True, EventName.QUEUED, None)


@pytest.mark.requirement("I9", "declare.effects")
@pytest.mark.parametrize("effects", ["unknown", "irreversible"])
def test_what_is_not_declared_repeatable_is_lost_with_its_last_progress(effects: str) -> None:
    gone = task(effects=effects, attempt=1, is_delivered=True, progress={"percent": 40.0, "message": "tile 4"})
    verdict = judge_loss(gone, agent="microscope (agent-1)", max_attempts=3)
    assert (verdict.again, verdict.event) == (False, EventName.LOST)
    assert isinstance(verdict.error, AgentLost)
    assert (verdict.error.progress, verdict.error.agent) == ("40 % tile 4", "microscope (agent-1)")


@pytest.mark.requirement("declare.effects")
@pytest.mark.parametrize("effects", REPEATABLE)
def test_what_is_repeatable_is_run_again_until_it_took_down_its_agent_too_often(effects: str) -> None:
    for attempt, again in [(1, True), (2, True), (3, False), (4, False)]:
        verdict = judge_loss(task(effects=effects, attempt=attempt, is_delivered=True), agent="a", max_attempts=3)
        assert verdict.again is again
        if not again:
            assert verdict.event is EventName.FAILED
            assert isinstance(verdict.error, Poisoned)


@pytest.mark.parametrize("is_delivered", [True, False])
@pytest.mark.parametrize("effects", ["none", "unknown"])
def test_what_was_being_cancelled_ends_interrupted(effects: str, is_delivered: bool) -> None:
    gone = task(effects=effects, is_delivered=is_delivered, cancel_reason="wrong plate")
    verdict = judge_loss(gone, agent="a", max_attempts=3)
    assert (verdict.again, verdict.event) == (False, EventName.INTERRUPTED)
    assert isinstance(verdict.error, TaskInterrupted)
    assert verdict.error.reason == "wrong plate"


@pytest.mark.parametrize(
    ("progress", "yields", "words"),
    [
        (None, 0, "none reported"),
        (None, 3, "3 values streamed"),
        ({"percent": 12.5, "message": ""}, 0, "12.5 %"),
        ({"percent": None, "message": "warming up"}, 0, "warming up"),
        ({"percent": None, "message": ""}, 0, "none reported"),
    ],
)
def test_the_last_progress_is_put_into_words(progress: Any, yields: int, words: str) -> None:
    assert describe_progress(task(progress=progress, yields=yields)) == words


@pytest.mark.requirement("declare.retries")
@pytest.mark.parametrize("effects", ["none", "repeatable", "unknown", "irreversible"])
def test_a_failure_is_tried_again_only_as_often_as_asked_for_and_only_if_that_is_harmless(effects: str) -> None:
    is_harmless = effects in REPEATABLE
    assert may_retry(task(effects=effects, retries=2, failures=1), Status.FAILED) is is_harmless
    assert not may_retry(task(effects=effects, retries=2, failures=2), Status.FAILED)
    assert not may_retry(task(effects=effects, retries=0), Status.FAILED)
    assert not may_retry(task(effects=effects, retries=2, cancel_reason="stop"), Status.FAILED)
    for status in (Status.COMPLETED, Status.CANCELLED, Status.INTERRUPTED):
        assert not may_retry(task(effects=effects, retries=2), status)
