"""What is written from parts is what is written from the model."""

from __future__ import annotations

from typing import Any

import pytest

from arkitekt_next.wire.codec import Decoder, dumps, encode
from arkitekt_next.wire.messages import FROM_HUB, Assign, Message, Outcome
from arkitekt_next.wire.writing import with_reference, write_assign, write_outcome

HUB = Decoder(FROM_HUB)


def read(text: str) -> Message:
    messages, refused = HUB.decode(f"[{text}]")
    assert refused == []
    return messages[0]


@pytest.mark.parametrize(("parent", "above"), [(None, None), ("0198-parent", None), ("0198-parent", ["t1", "t2"])])
@pytest.mark.parametrize("timeout_s", [None, 0.25, 1.0, 86400.0])
def test_an_assignment(parent: str | None, above: list[str] | None, timeout_s: float | None) -> None:
    args = {"a": 1, 'quote"': ["\ud800", "\0", "ü", 1e300], "none": None}
    fields: dict[str, Any] = {
        "task": "0198-task",
        "attempt": 2,
        "epoch": 3,
        "action": 'na"me',
        "root": "0198-root",
        "parent": parent,
        "above": above,
        "person": "0198-person",
        "app": "an app\n",
        "credit": 4096,
        "timeout_s": timeout_s,
    }
    text = write_assign(**fields, args=dumps(args))
    assert read(text) == Assign(**fields, args=args)
    assert text == encode(Assign(**fields, args=args))


@pytest.mark.parametrize("returns", [None, [], [1, "x\ud800", {"y": None}]])
@pytest.mark.parametrize("error", [None, {"type": 'Value"Error', "message": "no\n"}])
@pytest.mark.parametrize("agent", [None, "0198-agent"])
def test_an_outcome(returns: list[Any] | None, error: dict[str, Any] | None, agent: str | None) -> None:
    fields: dict[str, Any] = {
        "task": "0198-task",
        "number": 7,
        "status": "completed",
        "at_us": 1_795_000_000_000_000,
        "yields": 3,
        "agent": agent,
    }
    text = write_outcome(
        **fields,
        returns=None if returns is None else dumps(returns),
        error=None if error is None else dumps(error),
    )
    expected = Outcome(**fields, returns=returns, error=error)
    assert read(text) == expected
    assert text == encode(expected)
    assert read(with_reference(text, 'my "reference"')) == expected.model_copy(update={"reference": 'my "reference"'})
