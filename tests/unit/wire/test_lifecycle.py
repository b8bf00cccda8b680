"""The life of a task as a table: no way out of an end, an end within reach of everything, and nothing forgotten."""

from __future__ import annotations

import pytest

from arkitekt_next.wire.lifecycle import HELD, TERMINAL, TRANSITIONS, EventName, Status, follow

ENDS = {
    EventName.COMPLETED: Status.COMPLETED,
    EventName.FAILED: Status.FAILED,
    EventName.CANCELLED: Status.CANCELLED,
    EventName.INTERRUPTED: Status.INTERRUPTED,
    EventName.LOST: Status.LOST,
    EventName.EXPIRED: Status.EXPIRED,
}
LIVE = [Status.QUEUED, Status.ASSIGNED, Status.RUNNING, Status.PAUSED, Status.DISCONNECTED]


def test_the_statuses_are_those_that_are_documented() -> None:
    assert {status.value for status in TERMINAL} == {
        "completed",
        "failed",
        "cancelled",
        "interrupted",
        "lost",
        "expired",
    }
    assert set(Status) == TERMINAL | set(LIVE)
    assert {Status.ASSIGNED, Status.RUNNING, Status.PAUSED, Status.DISCONNECTED} == HELD


@pytest.mark.requirement("I2")
@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_nothing_leads_out_of_an_end(status: Status) -> None:
    assert [follow(status, event) for event in EventName] == [None] * len(EventName)


@pytest.mark.parametrize("status", LIVE)
def test_an_end_is_one_step_away_from_everything_that_lives(status: Status) -> None:
    reachable = {follow(status, event) for event in EventName}
    assert reachable & TERMINAL


def test_every_status_can_be_reached_from_the_beginning() -> None:
    seen = {Status.QUEUED}
    edge = [Status.QUEUED]
    while edge:
        status = edge.pop()
        for event in EventName:
            after = follow(status, event)
            if after is not None and after not in seen:
                seen.add(after)
                edge.append(after)
    assert seen == set(Status)


def test_an_event_that_is_an_end_leads_to_the_status_of_its_name_and_no_other_does() -> None:
    for (_, event), after in TRANSITIONS.items():
        assert (event in ENDS) == (after in TERMINAL), event
        if event in ENDS:
            assert after is ENDS[event]


def test_a_task_nobody_has_can_not_run_pause_or_be_lost() -> None:
    for event in EventName:
        after = follow(Status.QUEUED, event)
        expected = {
            EventName.ASSIGNED: Status.ASSIGNED,
            EventName.CANCELLED: Status.CANCELLED,
            EventName.EXPIRED: Status.EXPIRED,
            EventName.FAILED: Status.FAILED,
        }
        assert after is expected.get(event), event


@pytest.mark.parametrize("status", sorted(HELD))
def test_a_held_task_may_be_queued_again_cancelled_cut_off_and_lost(status: Status) -> None:
    assert follow(status, EventName.QUEUED) is Status.QUEUED
    assert follow(status, EventName.CANCELLED) is Status.CANCELLED
    assert follow(status, EventName.INTERRUPTED) is Status.INTERRUPTED
    assert follow(status, EventName.LOST) is Status.LOST
    assert follow(status, EventName.EXPIRED) is None
    assert follow(status, EventName.ASSIGNED) is None


@pytest.mark.parametrize("status", [Status.ASSIGNED, Status.RUNNING, Status.PAUSED])
def test_a_held_task_may_lose_its_agent_and_only_then_get_it_back(status: Status) -> None:
    assert follow(status, EventName.DISCONNECTED) is Status.DISCONNECTED
    assert follow(status, EventName.RECONNECTED) is None
    assert follow(Status.DISCONNECTED, EventName.RECONNECTED) is Status.RUNNING


def test_asking_to_cancel_changes_no_status() -> None:
    for status in HELD:
        assert follow(status, EventName.CANCELLING) is status
    assert follow(Status.QUEUED, EventName.CANCELLING) is None


def test_what_a_function_says_while_it_runs_keeps_it_where_it_is() -> None:
    for event in (EventName.PROGRESS, EventName.LOG, EventName.YIELD):
        assert follow(Status.ASSIGNED, event) is Status.RUNNING
        assert follow(Status.RUNNING, event) is Status.RUNNING
        assert follow(Status.PAUSED, event) is Status.PAUSED
    assert follow(Status.PAUSED, EventName.RESUMED) is Status.RUNNING
    assert follow(Status.RUNNING, EventName.RESUMED) is None
