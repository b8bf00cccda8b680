"""A remote exception arrives as its own type with its own message, whatever its class asks for when it is made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from arkitekt_next.errors import TaskFailed, describe_exception, rebuild_exception


class NoFrame(Exception):
    def __init__(self, camera: str, after_ms: int) -> None:
        super().__init__(f"{camera} gave no frame within {after_ms} ms")


def no_frame() -> None:
    raise NoFrame("left", 40)


def several() -> None:
    raise ExceptionGroup("two wells failed", [ValueError("B3"), KeyError("B4")])


def travelled(function: Callable[[], Any]) -> tuple[BaseException, TaskFailed]:
    try:
        function()
    except BaseException as error:
        return error, rebuild_exception(json.loads(json.dumps(describe_exception(error))), task="t", agent="a")
    raise AssertionError("it was to raise")


@pytest.mark.requirement("call.errors")
@pytest.mark.parametrize(
    "function",
    [
        no_frame,
        lambda: b"\xff".decode(),
        lambda: compile("a b", "well.py", "exec"),
        lambda: __import__("no_such_module"),
        lambda: os.stat("no/such/file"),
        lambda: {}["well"],
        lambda: json.loads("{"),
    ],
)
def test_type_and_message_are_kept(function: Callable[[], Any]) -> None:
    original, rebuilt = travelled(function)
    assert isinstance(rebuilt, type(original))
    assert str(rebuilt) == str(original)


def test_a_group_of_exceptions_arrives_as_a_failed_task() -> None:
    _, rebuilt = travelled(several)
    assert type(rebuilt) is TaskFailed
    assert str(rebuilt) == "two wells failed (2 sub-exceptions)"
    assert "KeyError: 'B4'" in rebuilt.remote_traceback
