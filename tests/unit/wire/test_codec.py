"""Text and back: whatever JSON can hold comes back equal, and what is written can always be read."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from arkitekt_next.errors import ProtocolError
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import Decoder, dumps, encode, loads

SEED = 20261121
TEXT = st.text(st.characters(), max_size=12)  # lone surrogates and NUL included
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)  # of arguments, which Python has to spell
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), TEXT
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4))
CLIENT = Decoder(m.FROM_CLIENT)


@seed(SEED)
@settings(max_examples=250, deadline=None, database=None)
@given(JSON)
def test_any_json_comes_back_equal(value: Any) -> None:
    text = dumps(value)
    assert same(loads(text), value)
    text.encode()  # holds in any UTF-8 store


@seed(SEED)
@settings(max_examples=150, deadline=None, database=None)
@given(st.dictionaries(NAMES, JSON, max_size=3), TEXT)
def test_any_arguments_and_any_printed_line_travel_in_a_message(args: dict[str, Any], line: str) -> None:
    sent: list[m.Message] = [
        m.Submit(reference="r", action="a.b", args=args),
        m.Log(task="t", attempt=1, epoch=1, message=line),
    ]
    read, refused = CLIENT.decode("[" + ",".join(encode(message) for message in sent) + "]")
    assert refused == []
    assert [type(message) for message in read] == [m.Submit, m.Log]
    assert same(read[0].args, args)
    assert read[1].message == line


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("companion", ["plain", "\ud800"])
@pytest.mark.parametrize(
    ("number", "text"), [(math.nan, '"NaN"'), (math.inf, '"Infinity"'), (-math.inf, '"-Infinity"')]
)
def test_what_is_no_json_number_is_written_as_text_whatever_stands_beside_it(
    number: float, text: str, companion: str
) -> None:
    written = dumps({"x": [number], "beside": companion})
    assert f"[{text}]" in written
    assert loads(written) == {"x": [text.strip('"')], "beside": companion}
    goodbye = m.Goodbye(error=m.ErrorBody(code="c", message=companion, fields={"x": number}))
    (read,), _ = CLIENT.decode(f"[{encode(goodbye)}]")
    assert isinstance(read, m.Goodbye)
    assert read.error is not None
    assert read.error.fields == {"x": text.strip('"')}


@pytest.mark.parametrize(
    "text", ["", "NaN", "Infinity", "{'a': 1}", "[1,]", '"\\ud800', "01", "nul", b"\xff", '{"a":1}x']
)
def test_what_is_no_json_is_refused(text: Any) -> None:
    with pytest.raises(ValueError):
        loads(text)


@pytest.mark.parametrize("leaf", ["1", '"\\ud800"'])
def test_nesting_is_bounded_on_both_paths(leaf: str) -> None:
    assert loads("[" * 190 + leaf + "]" * 190)
    for depth in (201, 1000, 50_000):
        with pytest.raises(ValueError):
            loads("[" * depth + leaf + "]" * depth)


def test_a_lone_surrogate_in_one_message_does_not_change_how_the_others_are_read() -> None:
    plain = {"kind": "submit", "reference": "r", "action": "a.b", "args": {"n": 2**60, "f": 1.0, "s": "µ"}}
    strange = {"kind": "submit", "reference": "q", "action": "a.b", "args": {"s": "\ud800"}}
    (fast,), _ = CLIENT.decode(json.dumps([plain]))
    (slow, other), refused = CLIENT.decode(json.dumps([plain, strange]))
    assert refused == []
    assert fast == slow
    assert isinstance(other, m.Submit)
    assert other.args == {"s": "\ud800"}


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ({"kind": "submit", "reference": "\ud800", "action": "a.b"}, "reference"),
        ({"kind": "submit", "reference": "r", "action": "a.b", "window": 0}, "window"),
        ({"kind": "submit", "reference": "r" * 65, "action": "a.b"}, "reference"),
        ({"kind": "submit", "reference": "r", "action": "a.b", "timeout_s": 1e999}, "timeout_s"),
        ({"kind": "control", "request": "c", "task": "t", "verb": "explode"}, "verb"),
        ({"kind": "ended", "task": "t", "attempt": 1, "epoch": 1, "status": "queued"}, "status"),
        ({"kind": "yielded", "task": "t", "attempt": 1, "epoch": 1, "first": 0, "values": []}, "values"),
        ({"kind": "progress", "task": "t", "attempt": 1, "epoch": 1, "percent": 101}, "percent"),
        ({"kind": "log", "task": "t", "attempt": 1, "epoch": 1, "message": "x" * 16_385}, "message"),
        ({"kind": "log", "task": "t", "attempt": 2**53 + 1, "epoch": 1}, "attempt"),
    ],
)
def test_a_message_that_does_not_fit_is_refused_by_the_name_of_its_field(message: dict[str, Any], named: str) -> None:
    text = json.dumps([message]).replace("Infinity", "1e999")
    sound, (refused,) = CLIENT.decode(text)
    assert sound == []
    assert named in refused.error.message
    assert refused.what == encode_safe(str(message.get("request") or message.get("reference") or message["kind"]))


def encode_safe(text: str) -> str:
    return text[:64].encode("utf-8", "replace").decode()


def test_a_frame_of_anything_but_messages_is_refused_as_a_whole() -> None:
    for frame in ("{}", "3", '"x"', "[", ""):
        with pytest.raises(ProtocolError):
            CLIENT.decode(frame)


def test_text_does_not_grow_because_a_lone_surrogate_stands_beside_it() -> None:
    for text in ("µ" * 1000, "\U0001f52c" * 1000, "\x7f\u2028" * 500):
        assert len(dumps([text, "\ud800"]).encode()) == len(dumps([text, "......"]).encode())
