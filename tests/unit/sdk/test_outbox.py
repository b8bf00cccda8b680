"""The outbox: what is on disk, when it goes away, and what a later process makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from arkitekt_next.sdk.outbox import TRUNCATE_BYTES, Outbox, find_orphans


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    made = Outbox(tmp_path, "session-1")
    made.open()
    return made


def report(outbox: Outbox, task: str, size: int = 1) -> str:
    return outbox.add(task, 1, f'{{"kind":"log","task":"{task}","attempt":1,"message":"{"x" * size}"').written(7)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_reports_are_numbered_over_all_tasks(outbox: Outbox, tmp_path: Path) -> None:
    outbox.write([report(outbox, "a"), report(outbox, "b")])
    assert [(e["task"], e["seq"], e["epoch"]) for e in lines(tmp_path / "session-1.jsonl")] == [
        ("a", 1, 7),
        ("b", 2, 7),
    ]


@pytest.mark.requirement("agent.outbox")
def test_an_acknowledgement_is_noted_with_the_next_batch(outbox: Outbox, tmp_path: Path) -> None:
    outbox.write([report(outbox, "a"), report(outbox, "b")])
    outbox.ack(1)
    outbox.write([report(outbox, "c")])
    assert lines(tmp_path / "session-1.jsonl")[2] == {"acked": 1}
    assert [r.seq for r in outbox.unacked] == [2, 3]


def test_a_large_file_is_emptied_once_everything_is_acknowledged(outbox: Outbox, tmp_path: Path) -> None:
    outbox.write([report(outbox, "a", TRUNCATE_BYTES)])
    assert (tmp_path / "session-1.jsonl").stat().st_size > TRUNCATE_BYTES
    outbox.ack(1)
    assert (tmp_path / "session-1.jsonl").stat().st_size == 0
    outbox.write([report(outbox, "b")])
    assert [e.get("seq") for e in lines(tmp_path / "session-1.jsonl")] == [None, 2]


def test_a_dropped_task_leaves_nothing_to_send(outbox: Outbox) -> None:
    report(outbox, "a")
    report(outbox, "b")
    outbox.drop("a")
    assert [(r.task, r.seq) for r in outbox.unacked] == [("b", 2)]
    assert outbox.held() == {("b", 1)}


@pytest.mark.requirement("agent.outbox")
def test_a_closed_outbox_leaves_no_file_unless_something_is_unacknowledged(tmp_path: Path) -> None:
    for session, acked in (("clean", 1), ("unclean", 0)):
        outbox = Outbox(tmp_path, session)
        outbox.open()
        outbox.write([report(outbox, "a")])
        outbox.ack(acked)
        outbox.close(keep=False)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["unclean.jsonl", "unclean.lock"]


def test_the_outbox_of_a_living_process_is_nobodys_orphan(outbox: Outbox, tmp_path: Path) -> None:
    outbox.write([report(outbox, "a")])
    assert list(find_orphans(tmp_path, "session-2")) == []


@pytest.mark.requirement("agent.outbox")
def test_an_orphan_gives_what_was_not_acknowledged_even_if_its_last_line_is_torn(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, "dead")
    outbox.open()
    outbox.write([report(outbox, "a"), report(outbox, "b")])
    outbox.ack(1)
    outbox.write([report(outbox, "c")])
    with (tmp_path / "dead.jsonl").open("a") as file:
        file.write('{"kind":"log","task":"d","att')
    outbox.close(keep=True)
    (orphan,) = find_orphans(tmp_path, "session-2")
    assert orphan.session == "dead"
    assert [(r["task"], r["seq"]) for r in orphan.reports] == [("b", 2), ("c", 3)]
    assert list(find_orphans(tmp_path, "session-3")) == []
    orphan.bury()
    assert list(tmp_path.iterdir()) == []


def test_a_lone_surrogate_survives_on_disk(outbox: Outbox, tmp_path: Path) -> None:
    from arkitekt_next.wire.codec import dumps, loads

    text = '{"kind":"log","task":"a","attempt":1,"message":' + dumps("\ud800 \x00")
    outbox.write([outbox.add("a", 1, text).written(1)])
    assert loads((tmp_path / "session-1.jsonl").read_bytes().splitlines()[0])["message"] == "\ud800 \x00"
