"""Running a function for a task: load the arguments, inject, call, stream, dump the result, describe the failure.

Two twins, one for a thread and one for an event loop; they differ only in what they wait with. The rule: whatever a
user's code raises becomes a report, and nothing it does reaches the transport loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

from arkitekt_next.errors import describe_exception
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES

from .calls import check_size
from .capture import capture_output, finish_output
from .context import Task
from .run import CURRENT, Run

_OWN_FRAMES = 1
_BREATHER = 128


def run_in_thread(run: Run) -> None:
    """Run a plain function; the calling thread is the function's own for as long as it takes."""
    CURRENT.set(run)
    capture_output()
    run.began()
    registration = run.registration
    blueprint = registration.blueprint
    try:
        run.check()
        if registration.needs_await:
            values = run.host.wait_on_user_loop(blueprint.aload_args(run.args))
        else:
            values = blueprint.load_args(run.args)
        args, kwargs = arrange(run, values)
        result = registration.function(*args, **kwargs)
        if registration.is_generator:
            drive(run, iter(result))
            _end(run, _completed(run, "[]"))
            return
        if registration.needs_await:
            wire = run.host.wait_on_user_loop(blueprint.adump_return(result))
        else:
            wire = blueprint.dump_return(result)
        _end(run, _completed(run, written(wire, f"{run.action} returns")))
    except BaseException as error:
        _end(run, failed(run, error))


async def run_on_loop(run: Run) -> None:
    """Run an async function (or a plain one that asked for it) on the app's own loop."""
    CURRENT.set(run)
    capture_output()
    run.began()
    registration = run.registration
    blueprint = registration.blueprint
    try:
        run.check()
        if registration.needs_await:
            values = await blueprint.aload_args(run.args)
        else:
            values = blueprint.load_args(run.args)
        args, kwargs = arrange(run, values)
        result = registration.function(*args, **kwargs)
        if registration.is_generator:
            await adrive(run, result)
            _end(run, _completed(run, "[]"))
            return
        if registration.is_async:
            result = await result
        wire = await blueprint.adump_return(result) if registration.needs_await else blueprint.dump_return(result)
        _end(run, _completed(run, written(wire, f"{run.action} returns")))
    except BaseException as error:
        _end(run, failed(run, error))
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise


def _end(run: Run, fields: str) -> None:
    finish_output(run)
    run.sink.ended(run, fields)


def arrange(run: Run, values: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Add what is injected to the loaded arguments, in the form the function is called with."""
    registration = run.registration
    for name, hint in registration.injected.items():
        values[name] = Task(run) if hint is Task else run.host.object_of(hint)
    return registration.blueprint.arrange(values)


def written(wire: Any, where: str) -> str:
    """Write a result; raise `TooLarge` when it fits no frame."""
    text = dumps(wire)
    check_size(text, where)
    return text


def drive(run: Run, source: Iterator[Any]) -> None:
    """Pull a generator to its end, one value as soon as the caller has room for it."""
    blueprint = run.registration.blueprint
    needs_await, where = run.registration.needs_await, f"{run.action} yields"
    for value in source:
        try:
            wire = (
                run.host.wait_on_user_loop(blueprint.adump_return(value))
                if needs_await
                else blueprint.dump_return(value)
            )
            text = written(wire, where)
            while not run.give(text):
                run.wait_credit()
        except BaseException as refused:
            _throw(source, refused)


def _throw(source: Iterator[Any], error: BaseException) -> None:
    throw = getattr(source, "throw", None)
    if throw is None:
        raise error
    with suppress(StopIteration):
        throw(error)
    raise error


async def adrive(run: Run, source: Any) -> None:
    """Pull an async (or plain) generator to its end on the loop, letting others run in between."""
    blueprint = run.registration.blueprint
    needs_await, where = run.registration.needs_await, f"{run.action} yields"
    values: AsyncIterator[Any] = source if run.registration.is_async else _as_async(source)
    async for value in values:
        try:
            wire = await blueprint.adump_return(value) if needs_await else blueprint.dump_return(value)
            text = written(wire, where)
            while not run.give(text):
                await run.await_credit()
            if not run.yields % _BREATHER:
                await asyncio.sleep(0)
        except BaseException as refused:
            await _athrow(values, refused)


async def _athrow(source: Any, error: BaseException) -> None:
    throw = getattr(source, "athrow", None)
    if throw is None:
        raise error
    with suppress(StopAsyncIteration):
        await throw(error)
    raise error


async def _as_async(source: Any) -> AsyncIterator[Any]:
    for value in source:
        yield value


def _completed(run: Run, returns: str) -> str:
    return f'"status":"completed","returns":{returns},"yields":{run.yields},"ran_us":{run.ran_us}'


def failed(run: Run, error: BaseException) -> str:
    """Write the end of a run that raised: cancelled when it was asked to stop, else failed, with type and traceback."""
    tail = f'"yields":{run.yields},"ran_us":{run.ran_us}'
    if isinstance(error, asyncio.CancelledError):
        reason = run.cancel_reason or "the function cancelled itself"
        body = {
            "code": "task_cancelled",
            "message": f"Task {run.task} was cancelled: {reason}",
            "fields": {"reason": reason},
        }
        return f'"status":"cancelled","error":{dumps({"error": body})},{tail}'
    described = describe_exception(error, skip_frames=_OWN_FRAMES)
    text = _safely(described)
    if len(text) > FRAME_LIMIT_BYTES // 2:
        kept = {"message": described["message"][:4000], "traceback": "(too large to send)"}
        described.pop("error", None)
        text = _safely({**described, **kept})
    return f'"status":"failed","error":{text},{tail}'


def _safely(described: dict[str, Any]) -> str:
    try:
        return dumps(described)
    except (TypeError, ValueError, RecursionError):  # an error of ours with fields that are no JSON
        described.pop("error", None)
        return dumps(described)
