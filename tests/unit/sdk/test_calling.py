"""Calling: plain, awaited, streamed, submitted, with options, with errors, from inside other tasks."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from arkitekt_next import (
    App,
    Task,
    acall,
    afind,
    aiterate,
    asubmit,
    call,
    current_task,
    find,
    iterate,
    submit,
)
from arkitekt_next.errors import (
    InvalidValue,
    MissingArgument,
    NoAgent,
    NotFound,
    TaskCancelled,
    TaskFailed,
    TaskTimeout,
    TooLarge,
    UnknownArgument,
    WrongContext,
)
from tests.support.waiting import find_soon, until


class Broken(ValueError):
    """An exception of the author's own."""


@pytest.fixture
def app(local_app: App) -> App:
    @local_app.register
    def add(a: int, b: int = 1) -> int:
        """Add two numbers."""
        return a + b

    @local_app.register
    async def later(a: int) -> int:
        await asyncio.sleep(0)
        return a + 1

    @local_app.register
    def fails(text: str) -> None:
        raise Broken(text)

    @local_app.register
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    @local_app.register
    async def acount(n: int) -> AsyncIterator[int]:
        for value in range(n):
            yield value

    @local_app.register
    def halves(n: int) -> Iterator[int]:
        yield from range(n)
        raise Broken("at the end")

    @local_app.register
    def waits(timeout: float) -> float:
        return timeout

    @local_app.register
    def big(size: int) -> str:
        return "x" * size

    @local_app.register
    def big_stream(size: int) -> Iterator[str]:
        yield "small"
        yield "x" * size

    local_app.find("local.big_stream")
    return local_app


@pytest.mark.requirement("call.forms")
def test_a_plain_call_blocks_and_gives_the_value(app: App) -> None:
    assert find("local.add")(2, b=3) == 5
    assert call("local.add", 2) == 3
    assert call("local.later", 2) == 3


@pytest.mark.requirement("call.forms")
def test_the_async_form_gives_the_value_too(app: App) -> None:
    async def main() -> tuple[int, int, int]:
        found = await afind("local.add")
        return await found.acall(2, 3), await acall("local.later", 5), await acall(add_of(app), 7, b=2)

    assert asyncio.run(main()) == (5, 6, 9)


def read_into(seen: list[object], stream: Iterator[object]) -> None:
    """Keep what a stream gives, also when it fails in the middle."""
    for value in stream:
        seen.append(value)


def add_of(app: App):  # type: ignore[no-untyped-def]
    return app.registrations.functions["add"].function


def test_a_plain_call_works_in_a_loop_that_is_not_a_task(app: App) -> None:
    async def cell() -> int:
        return int(call("local.add", 1))

    assert asyncio.run(cell()) == 2


@pytest.mark.requirement("call.find")
def test_a_found_function_shows_signature_and_docs(app: App) -> None:
    found = find("local.add")
    assert str(inspect.signature(found)) == "(a: int, b: int = 1) -> int"
    assert "Add two numbers." in (found.__doc__ or "")
    assert found.__name__ == "add"


def test_a_registered_function_can_be_called_by_itself(app: App) -> None:
    assert call(add_of(app), 4) == 5


@pytest.mark.requirement("call.checked")
def test_a_value_that_does_not_fit_is_refused_before_it_is_sent(app: App) -> None:
    with pytest.raises(InvalidValue, match=r"add\.a: expected int, got str"):
        call("local.add", "x")
    with pytest.raises(MissingArgument):
        call("local.add")
    with pytest.raises(UnknownArgument):
        call("local.add", 1, c=2)


@pytest.mark.requirement("call.errors")
def test_a_remote_exception_is_of_its_own_class_and_says_where(app: App) -> None:
    with pytest.raises(Broken, match="no good") as caught:
        call("local.fails", "no good")
    error = caught.value
    assert isinstance(error, TaskFailed)
    assert error.task.startswith("task-")
    assert error.agent
    assert "raise Broken(text)" in error.remote_traceback
    assert "runner.py" not in error.remote_traceback


def test_an_unknown_action_is_not_found(app: App) -> None:
    with pytest.raises(NotFound, match=r"no action 'local\.nothing'"):
        find("local.nothing")


def test_an_option_may_be_given_as_a_keyword_unless_the_action_has_that_argument(app: App) -> None:
    assert call("local.add", 1, timeout=20.0) == 2
    assert call("local.waits", timeout=3.5) == 3.5
    assert find("local.waits").with_options(timeout=20.0)(timeout=2.5) == 2.5


def test_an_option_that_does_not_exist_is_refused(app: App) -> None:
    with pytest.raises(TypeError, match="speed"):
        find("local.add").with_options(speed=3)


@pytest.mark.requirement("call.waiting")
def test_nobody_to_run_it_can_be_an_error_at_once(app: App) -> None:
    found = find("local.add")
    found.action = "local.gone"
    with pytest.raises(NoAgent):
        found.with_options(wait_for_agent=False)(1)


@pytest.mark.requirement("call.reference")
def test_a_reference_given_twice_is_one_task(app: App) -> None:
    first = submit("local.add", 1, reference="only-once")
    second = submit("local.add", 1, reference="only-once")
    assert first.id == second.id
    assert (first.result(), second.result()) == (2, 2)


def test_a_value_too_large_is_an_error_where_it_was_made(app: App) -> None:
    with pytest.raises(TooLarge, match="arguments"):
        call("local.fails", "x" * 300_000)
    with pytest.raises(TooLarge, match="big returns"):
        call("local.big", 300_000)
    seen: list[object] = []
    with pytest.raises(TooLarge, match="big_stream yields") as caught:
        read_into(seen, iterate("local.big_stream", 300_000))
    assert seen == ["small"]
    assert 'yield "x" * size' in caught.value.remote_traceback


# -- streams -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("declare.streams")
@pytest.mark.parametrize("action", ["count", "acount"])
def test_a_stream_gives_every_value_once_and_in_order(app: App, action: str) -> None:
    assert list(iterate(f"local.{action}", 10_000)) == list(range(10_000))


@pytest.mark.requirement("declare.streams")
def test_an_async_reader_gets_every_value_once_and_in_order(app: App) -> None:
    async def main() -> list[int]:
        return [value async for value in aiterate("local.count", 10_000)]

    assert asyncio.run(main()) == list(range(10_000))


def test_a_stream_that_fails_gives_its_values_first(app: App) -> None:
    seen: list[object] = []
    with pytest.raises(Broken, match="at the end"):
        read_into(seen, iterate("local.halves", 3))
    assert seen == [0, 1, 2]


def test_a_stream_is_not_called_and_a_function_is_not_iterated(app: App) -> None:
    with pytest.raises(WrongContext, match="iterate"):
        find("local.count")(3)
    with pytest.raises(WrongContext, match="no stream"):
        find("local.add").iterate(3)


def test_a_bad_argument_of_a_stream_is_refused_before_the_first_value(app: App) -> None:
    with pytest.raises(InvalidValue):
        iterate("local.count", "many")


# -- submitted ---------------------------------------------------------------------------------------------------


@pytest.mark.requirement("call.submit")
def test_a_submitted_task_has_an_id_and_a_result(app: App) -> None:
    handle = submit("local.add", 5)
    assert handle.id.startswith("task-")
    assert handle.result(timeout=5) == 6
    assert (handle.status, handle.is_done) == ("completed", True)


@pytest.mark.requirement("call.submit")
def test_a_submitted_stream_can_be_read_later(app: App) -> None:
    handle = submit("local.count", 5)
    assert list(handle.stream()) == [0, 1, 2, 3, 4]
    with pytest.raises(WrongContext, match="stream"):
        handle.result()


@pytest.mark.requirement("call.submit")
def test_the_async_handle_does_the_same(app: App) -> None:
    async def main() -> tuple[int, list[int], list[str]]:
        handle = await asubmit("local.add", 5)
        stream = await asubmit("local.count", 3)
        values = [value async for value in stream.astream()]
        names = [event["name"] async for event in handle.aevents()]
        return await handle.aresult(timeout=5), values, names

    result, values, names = asyncio.run(main())
    assert (result, values) == (6, [0, 1, 2])
    assert names[0] == "assigned"


def test_a_wait_that_is_too_short_leaves_the_task_alone(local_app: App) -> None:
    import threading

    go = threading.Event()

    @local_app.register
    def gated() -> int:
        go.wait(10)
        return 1

    handle = find_soon("local.gated").submit()
    with pytest.raises(TaskTimeout, match="it goes on"):
        handle.result(timeout=0.05)
    go.set()
    assert handle.result(timeout=5) == 1


@pytest.mark.requirement("call.timeout")
def test_a_timeout_raises_about_then_and_cancels_the_task(local_app: App) -> None:
    import threading

    stopped = threading.Event()

    @local_app.register
    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    found = find_soon("local.forever")
    began = time.monotonic()
    with pytest.raises(TaskTimeout, match=r"did not end within 0\.3 s"):
        found(timeout=0.3)
    assert 0.25 < time.monotonic() - began < 1.0
    assert stopped.wait(5)


@pytest.mark.requirement("call.cancel")
def test_a_cancelled_await_cancels_the_task(local_app: App) -> None:
    import threading

    begun, stopped = threading.Event(), threading.Event()

    @local_app.register
    async def forever() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    found = find_soon("local.forever")

    async def main() -> None:
        waiting = asyncio.ensure_future(found.acall())
        await asyncio.to_thread(begun.wait, 5)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    assert stopped.wait(5)


@pytest.mark.requirement("call.cancel")
def test_leaving_a_stream_early_cancels_its_task(local_app: App) -> None:
    import threading

    stopped = threading.Event()

    @local_app.register
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            stopped.set()

    stream = find_soon("local.endless").iterate()
    assert next(stream) == 1
    stream.close()  # type: ignore[attr-defined]
    assert stopped.wait(5)


@pytest.mark.requirement("call.backpressure")
def test_a_reader_that_takes_nothing_pauses_the_source(local_app: App) -> None:
    made: list[int] = []

    @local_app.register
    def endless() -> Iterator[int]:
        while True:
            made.append(1)
            yield len(made)

    stream = find_soon("local.endless").with_options(window=16).iterate()
    assert next(stream) == 1
    until(lambda: len(made) >= 17)
    assert len(made) <= 18
    assert [next(stream) for _ in range(40)] == list(range(2, 42))
    stream.close()  # type: ignore[attr-defined]


# -- inside tasks ------------------------------------------------------------------------------------------------


@pytest.mark.requirement("call.children")
def test_a_nested_call_is_a_child_of_the_task_that_made_it(local_app: App) -> None:
    def describe(task: Task | None) -> list[str]:
        assert task is not None
        return [task.id, task.root, task.parent or "-"]

    @local_app.register
    async def leaf(task: Task) -> list[str]:
        return describe(task)

    @local_app.register
    def middle() -> list[str]:
        return describe(current_task()) + call("local.leaf")

    @local_app.register
    async def top() -> list[str]:
        return describe(current_task()) + await acall("local.middle")

    top_id, top_root, no_parent, middle_id, middle_root, middle_parent, _, leaf_root, leaf_parent = find_soon(
        "local.top"
    )()
    assert (top_root, no_parent) == (top_id, "-")
    assert (middle_root, middle_parent) == (top_id, top_id)
    assert (leaf_root, leaf_parent) == (top_id, middle_id)


@pytest.mark.requirement("call.forms")
@pytest.mark.parametrize("form", ["call", "find", "iterate", "submit"])
def test_a_blocking_form_in_an_async_function_names_the_async_one(local_app: App, form: str) -> None:
    import arkitekt_next

    @local_app.register
    async def wrong() -> None:
        getattr(arkitekt_next, form)("local.wrong")

    with pytest.raises(WrongContext, match=f"inside the async function 'wrong'.* a{form}"):
        find_soon("local.wrong")()


def test_a_thread_of_an_async_function_may_block(local_app: App) -> None:
    @local_app.register
    def one() -> int:
        return 1

    @local_app.register
    async def right() -> int:
        return await asyncio.to_thread(call, "local.one")

    assert find_soon("local.right")() == 1


@pytest.mark.requirement("call.cancel", "I7")
def test_a_cancel_reaches_the_children(local_app: App) -> None:
    import threading

    begun, stopped = threading.Event(), threading.Event()

    @local_app.register
    async def child() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    @local_app.register
    def parent() -> None:
        call("local.child")

    handle = find_soon("local.parent").submit()
    assert begun.wait(5)
    handle.cancel()
    with pytest.raises(TaskCancelled):
        handle.result(timeout=5)
    assert stopped.wait(5)


@pytest.mark.requirement("call.reference")
@pytest.mark.parametrize("reference", ['a"b', "\\", "ü\n", "x" * 64])
def test_any_reference_is_one_task(app: App, reference: str) -> None:
    add = find("local.add").with_options(reference=reference)
    first, second = add.submit(1), add.submit(1)
    assert (first.id, first.reference) == (second.id, reference)
    assert (first.result(timeout=5), second.result(timeout=5)) == (2, 2)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("reference", "x" * 65, "option reference: expected .*64"),
        ("reference", "", "option reference: expected"),
        ("agent", "x" * 65, "option agent"),
        ("labels", ["ok", 3], "option labels.1"),
        ("labels", [f"l{n}" for n in range(33)], "option labels"),
        ("routing", "fastest", "option routing: expected 'least_busy', 'round_robin' or 'sticky', got 'fastest'"),
        ("timeout", -1, "option timeout: expected greater than or equal to 0, got -1"),
        ("timeout", float("nan"), "option timeout"),
        ("queue_timeout", "soon", "option queue_timeout"),
        ("retries", 101, "option retries"),
        ("window", 0, "option window"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_before_anything_is_sent(
    app: App, option: str, value: object, says: str
) -> None:
    with pytest.raises(InvalidValue, match=says):
        find("local.add").with_options(**{option: value})
    with pytest.raises(InvalidValue, match=says):
        call("local.add", 1, **{option: value})


def test_a_single_label_is_no_list_of_letters(app: App) -> None:
    assert find("local.add").with_options(labels="cuda").options.labels == ("cuda",)
    assert App("gpu-box", labels="cuda").labels == ("cuda",)
