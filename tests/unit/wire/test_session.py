"""The session: whatever is sent comes out once, in order, in frames within the limit; leases, heartbeats, handshake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from arkitekt_next.errors import ProtocolError, TooLarge
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import encode
from arkitekt_next.wire.session import Session, client_session, hub_session, negotiate

SEED = 20261121
LIMIT = m.FRAME_LIMIT_BYTES
HELLO = m.Hello(session="s", app="a")
WELCOME = m.Welcome(
    protocol=1,
    hub="h",
    connection="c",
    team="t",
    person="p",
    now_us=0,
    lease_s=30,
    heartbeat_s=10,
    frame_limit_bytes=LIMIT,
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.builds(lambda c, n: c * n, st.sampled_from(["x", "µ", "\U0001f52c", "\ud800", "\x00"]), st.integers(0, 30_000)),
    st.builds(lambda n: "x" * (LIMIT - n), st.integers(60, 400)),
)


def opened() -> tuple[Session, Session]:
    """A client and a hub that have shaken hands."""
    client, hub = client_session(HELLO, now=0.0), hub_session(now=0.0)
    assert hub.receive(client.next_frame(0.0), 0.0) == [HELLO]
    hub.send(WELCOME)
    assert client.receive(hub.next_frame(0.0), 0.0) == [WELCOME]
    return client, hub


@seed(SEED)
@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.one_of(TEXTS, st.none()), max_size=12))
def test_whatever_is_sent_arrives_once_and_in_order_in_frames_within_the_limit(script: list[str | None]) -> None:
    client, hub = opened()
    said: list[str] = []
    heard: list[str] = []

    def deliver() -> None:
        for frame in client.frames(1.0):
            assert len(frame.encode()) <= LIMIT
            heard.extend(message.args["t"] for message in hub.receive(frame, 1.0) if isinstance(message, m.Submit))
        assert client.buffered_bytes == 0

    for text in script:
        if text is None:
            deliver()
            continue
        message = m.Submit(reference="r", action="a.b", args={"t": text})
        try:
            size = client.send(message)
        except TooLarge:
            assert len(encode(message).encode()) > LIMIT - 2
            continue
        assert size == len(encode(message).encode())
        said.append(text)
    deliver()
    assert heard == said


def test_everything_said_in_one_turn_is_one_frame() -> None:
    client, _ = opened()
    for number in range(500):
        client.send(m.Detach(task=str(number)))
    frames = list(client.frames(1.0))
    assert len(frames) == 1
    assert [message["task"] for message in json.loads(frames[0])] == [str(n) for n in range(500)]
    assert client.next_frame(1.0) == ""


def test_the_hub_may_pass_on_what_a_client_just_fitted_into_one_frame() -> None:
    client, hub = opened()
    text = "x" * (LIMIT - 160)
    client.send(m.Submit(reference="r", action="a.b", args={"t": text}))
    (submit,) = hub.receive(client.next_frame(1.0), 1.0)
    assert isinstance(submit, m.Submit)
    hub.send(m.Assign(task="t" * 36, attempt=1, epoch=1, action="b", args=submit.args, root="t" * 36, person="p" * 36))
    (assign,) = client.receive(hub.next_frame(1.0), 1.0)
    assert isinstance(assign, m.Assign)
    assert assign.args == {"t": text}


def test_a_frame_that_is_too_long_is_refused() -> None:
    client, hub = opened()
    with pytest.raises(TooLarge):
        hub.receive("x" * (LIMIT + 1), 1.0)
    with pytest.raises(TooLarge):
        client.receive("x" * (2 * LIMIT + 1), 1.0)


def test_a_message_that_fits_no_frame_leaves_the_queue_as_it_was() -> None:
    client, hub = opened()
    client.send(m.Detach(task="before"))
    with pytest.raises(TooLarge) as refused:
        client.send(m.Submit(reference="r", action="a.b", args={"t": "x" * LIMIT}))
    assert refused.value.limit_bytes == LIMIT
    client.send(m.Detach(task="after"))
    assert [message.task for message in hub.receive(client.next_frame(1.0), 1.0)] == ["before", "after"]


def test_a_ping_is_answered_with_its_number_and_never_reaches_the_layer_above() -> None:
    client, hub = opened()
    client.send(m.Ping(number=41))
    client.send(m.Detach(task="t"))
    assert [type(message) for message in hub.receive(client.next_frame(1.0), 1.0)] == [m.Detach]
    assert json.loads(hub.next_frame(1.0)) == [{"kind": "pong", "number": 41}]
    assert client.receive('[{"kind":"pong","number":41}]', 1.0) == []


def test_silence_is_broken_by_a_heartbeat_and_not_before() -> None:
    _, hub = opened()
    assert hub.tick(9.9)
    assert hub.next_frame(9.9) == ""
    assert hub.tick(10.0)
    assert json.loads(hub.next_frame(10.0)) == [{"kind": "ping", "number": 1}]
    assert hub.tick(19.0)
    assert hub.next_frame(19.0) == ""
    assert hub.tick(20.5)
    assert json.loads(hub.next_frame(20.5)) == [{"kind": "ping", "number": 2}]


def test_whoever_has_just_spoken_sends_no_heartbeat() -> None:
    client, _ = opened()
    client.send(m.Detach(task="t"))
    client.next_frame(9.0)
    client.tick(12.0)
    assert client.next_frame(12.0) == ""


def test_any_frame_renews_the_lease_and_silence_ends_it() -> None:
    _, hub = opened()
    assert hub.tick(29.9)
    hub.receive('[{"kind":"nonsense"}]', 29.9)
    assert hub.tick(59.8)
    assert not hub.tick(59.91)


@pytest.mark.parametrize(
    "frame",
    [
        "[]",
        '[{"kind":"ping","number":1}]',
        '[{"kind":"submit","reference":"r","action":"a.b"}]',
        '[{"kind":"nonsense"}]',
        '[{"kind":"ping"},{"kind":"hello","session":"s","app":"a"}]',
        '[{"kind":"hello"}]',
    ],
)
def test_a_hub_hears_nobody_who_did_not_say_hello_first(frame: str) -> None:
    with pytest.raises(ProtocolError):
        hub_session(now=0.0).receive(frame, 0.0)


def test_a_client_hears_no_hub_that_did_not_say_welcome_first() -> None:
    with pytest.raises(ProtocolError):
        client_session(HELLO, now=0.0).receive('[{"kind":"ack","seq":1}]', 0.0)
    (goodbye,) = client_session(HELLO, now=0.0).receive('[{"kind":"goodbye","reason":"full"}]', 0.0)
    assert isinstance(goodbye, m.Goodbye)


@pytest.mark.parametrize("frame", ["", "null", "{}", '"x"', "[1", "[" * 5000, '{"kind":"ping"}', b"\xff\xfe", "NaN"])
def test_a_frame_that_is_no_array_breaks_the_connection(frame: Any) -> None:
    _, hub = opened()
    with pytest.raises(ProtocolError):
        hub.receive(frame, 1.0)


def test_bad_messages_are_answered_one_by_one_and_the_others_of_the_frame_count() -> None:
    client, hub = opened()
    frame = json.dumps(
        [
            {"kind": "detach", "task": "first"},
            {"kind": "nonsense", "request": "r1"},
            {"kind": "submit", "reference": "r2"},
            7,
            {"kind": "log", "task": "t", "attempt": -1, "epoch": 0},
            {"kind": "detach", "task": "last"},
        ]
    )
    assert [message.task for message in hub.receive(frame, 1.0)] == ["first", "last"]
    answers = client.receive(hub.next_frame(1.0), 1.0)
    assert [type(answer) for answer in answers] == [m.Unsupported] * 4
    assert [answer.what for answer in answers] == ["r1", "r2", "3", "log"]
    assert {answer.error.code for answer in answers} == {"protocol"}


@pytest.mark.parametrize(
    ("offered", "served", "spoken"),
    [((1, 1), (1, 1), 1), ((1, 3), (2, 4), 3), ((2, 9), (1, 2), 2), ((0, 1), (1, 1), 1)],
)
def test_both_speak_the_highest_version_they_share(
    offered: tuple[int, int], served: tuple[int, int], spoken: int
) -> None:
    assert negotiate(offered, served) == spoken


@pytest.mark.parametrize(("offered", "served"), [((2, 3), (1, 1)), ((1, 1), (2, 3)), ((3, 2), (2, 3))])
def test_without_a_common_version_the_older_side_is_told_to_update(
    offered: tuple[int, int], served: tuple[int, int]
) -> None:
    with pytest.raises(ProtocolError, match="Update the older side"):
        negotiate(offered, served)
