"""Calling actions: how a call is begun, waited for and concluded, blocking or awaited.

The steps are the same for both faces; only what they wait with differs. The rule: values are dumped and loaded
where the caller stands, never on the transport loop, because structures run user code.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from arkitekt_next.errors import ArkitektError, DefinitionChanged, TaskCancelled, TaskTimeout, WrongContext
from arkitekt_next.wire.codec import dumps

from .calls import Call, CallOptions, write_submit
from .loop import user_thread
from .run import CURRENT, Run
from .waiting import AsyncLatch, Latch

if TYPE_CHECKING:
    from .app import App
    from .remote import RemoteFunction

BUSY_S = 60.0
DECLARE_S = 0.05
_TIMEOUT_SLACK_S = 0.05


class Codec(Protocol):
    """What turns arguments into wire values and results back: a `Blueprint` or a `PortCodec`."""

    @property
    def needs_await(self) -> bool: ...

    @property
    def dump_args(self) -> Callable[[Sequence[Any], Mapping[str, Any]], dict[str, Any]]: ...

    @property
    def load_return(self) -> Callable[[Any], Any]: ...

    @property
    def adump_args(self) -> Callable[[Sequence[Any], Mapping[str, Any]], Awaitable[dict[str, Any]]]: ...

    @property
    def aload_return(self) -> Callable[[Any], Awaitable[Any]]: ...


class Client:
    """The calls of one app."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._link = app.link
        self._connection = self._link.connection
        self._caller = self._link.caller

    # -- plain calls -----------------------------------------------------------------------------------------

    def call(self, target: RemoteFunction, options: CallOptions, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call and block until the value is there."""
        self._link.ensure_open()
        wire = dump_now(target.codec, args, kwargs)
        latch = Latch()
        call = self._begin(target, options, wire, latch, is_watched=False)
        self._wait(call, latch, options)
        failure = self._failure(call, options)
        if failure is not None:
            if isinstance(failure, DefinitionChanged) and not options.reference:
                renewed = target.renewed()
                if renewed is not None:
                    return self.call(renewed, options, args, kwargs)
            raise failure
        return load_now(target.codec, _returns(call))

    async def acall(
        self, target: RemoteFunction, options: CallOptions, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call and await the value; a cancelled await cancels the task."""
        await self._link.aensure_open()
        codec = target.codec
        wire = await codec.adump_args(args, kwargs) if codec.needs_await else codec.dump_args(args, kwargs)
        latch = AsyncLatch()
        call = self._begin(target, options, wire, latch, is_watched=False)
        await self._await(call, latch, options)
        failure = self._failure(call, options)
        if failure is not None:
            if isinstance(failure, DefinitionChanged) and not options.reference:
                renewed = await target.arenewed()
                if renewed is not None:
                    return await self.acall(renewed, options, args, kwargs)
            raise failure
        returns = _returns(call)
        return await codec.aload_return(returns) if codec.needs_await else codec.load_return(returns)

    # -- streams ---------------------------------------------------------------------------------------------

    def iterate(self, target: RemoteFunction, options: CallOptions, wire: dict[str, Any]) -> Iterator[Any]:
        """Start a stream and give its values; leaving it early cancels the task."""
        latch = Latch()
        call = self._begin(target, options, wire, latch, is_watched=True)
        yield from self.values(target, call, latch, options, owns=True)

    async def aiterate(self, target: RemoteFunction, options: CallOptions, wire: dict[str, Any]) -> AsyncIterator[Any]:
        """Start a stream and give its values; leaving it early cancels the task."""
        latch = AsyncLatch()
        call = self._begin(target, options, wire, latch, is_watched=True)
        async for value in self.avalues(target, call, latch, options, owns=True):
            yield value

    def values(
        self, target: RemoteFunction, call: Call, latch: Latch, options: CallOptions, *, owns: bool
    ) -> Iterator[Any]:
        """Give the values of a stream as they come, then raise what it ended with."""
        codec, values = target.codec, call.values
        deadline = _deadline(options)
        call.changed.append(latch.set)
        try:
            while True:
                while values:
                    wire = values.popleft()
                    self._took(call)
                    yield load_now(codec, wire)
                if call.is_settled:
                    if values:
                        continue
                    break
                soon = _sooner(call, deadline)
                if soon is None:
                    self._wait_some(call, latch, options, deadline)
                elif not self._wait_latch(call, latch, soon):
                    self._declare(call)
        finally:
            _remove(call, latch)
            if owns and not call.is_settled:
                self.abandon(call, "the reader left the stream")
        failure = self._failure(call, options)
        if failure is not None:
            raise failure

    async def avalues(
        self, target: RemoteFunction, call: Call, latch: AsyncLatch, options: CallOptions, *, owns: bool
    ) -> AsyncIterator[Any]:
        """Give the values of a stream as they come, then raise what it ended with."""
        codec, values = target.codec, call.values
        needs_await, load = codec.needs_await, codec.load_return
        deadline = _deadline(options)
        call.changed.append(latch.set)
        try:
            while True:
                while values:
                    wire = values.popleft()
                    self._took(call)
                    yield await codec.aload_return(wire) if needs_await else load(wire)
                if call.is_settled:
                    if values:
                        continue
                    break
                soon = _sooner(call, deadline)
                if not await latch.wait(_left(soon or deadline)):
                    if soon is None:
                        self._late(call, options)
                    self._declare(call)
        finally:
            _remove(call, latch)
            if owns and not call.is_settled:
                self.abandon(call, "the reader left the stream")
        failure = self._failure(call, options)
        if failure is not None:
            raise failure

    def _took(self, call: Call) -> None:
        call.taken += 1
        if call.taken - call.declared >= call.window >> 1:
            self._declare(call)

    def _declare(self, call: Call) -> None:
        call.declared = call.taken
        self._connection.post(self._caller.consume, call)

    # -- submitted tasks -------------------------------------------------------------------------------------

    def submit(self, target: RemoteFunction, options: CallOptions, wire: dict[str, Any]) -> Call:
        """Submit and block until the task is on disk at the hub; raise what it was refused with."""
        latch = Latch()
        call = self._begin(target, options, wire, latch, is_watched=True)
        call.changed.append(latch.set)
        deadline = _deadline(options)
        while call.task is None and not call.is_settled:
            self._wait_some(call, latch, options, deadline)
        _remove(call, latch)
        return self._submitted(call)

    async def asubmit(self, target: RemoteFunction, options: CallOptions, wire: dict[str, Any]) -> Call:
        """Submit and await that the task is on disk at the hub; raise what it was refused with."""
        latch = AsyncLatch()
        call = self._begin(target, options, wire, latch, is_watched=True)
        call.changed.append(latch.set)
        deadline = _deadline(options)
        while call.task is None and not call.is_settled:
            if not await latch.wait(_left(deadline)):
                self._late(call, options)
        _remove(call, latch)
        return self._submitted(call)

    def _submitted(self, call: Call) -> Call:
        call.settled = None
        if call.error is not None:
            raise call.error
        return call

    def wait(self, call: Call, timeout_s: float | None) -> bool:
        """Block until a call has ended; False when that takes longer."""
        latch = Latch()
        call.changed.append(latch.set)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not call.is_settled:
                if not self._wait_latch(call, latch, deadline):
                    return False
        finally:
            _remove(call, latch)
        return True

    async def await_(self, call: Call, timeout_s: float | None) -> bool:
        """Await that a call has ended; False when that takes longer."""
        latch = AsyncLatch()
        call.changed.append(latch.set)
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            while not call.is_settled:
                if not await latch.wait(_left(deadline)):
                    return False
        finally:
            _remove(call, latch)
        return True

    # -- requests --------------------------------------------------------------------------------------------

    def ask(self, fields: dict[str, Any]) -> Any:
        """Ask the hub something and block for the answer; raise what it refuses with."""
        self._link.ensure_open()
        latch, answer = Latch(), _Answer()
        self._connection.post(self._caller.request, fields, answer.take(latch))
        latch.wait()
        return answer.given()

    async def aask(self, fields: dict[str, Any]) -> Any:
        """Ask the hub something and await the answer; raise what it refuses with."""
        await self._link.aensure_open()
        latch, answer = AsyncLatch(), _Answer()
        self._connection.post(self._caller.request, fields, answer.take(latch))
        await latch.wait()
        return answer.given()

    def control(self, call: Call, verb: str, deadline_s: float | None, reason: str) -> None:
        """Steer a task and block until the hub has taken it."""
        latch, answer = Latch(), _Answer()
        self._connection.post(self._caller.control, call, verb, deadline_s, reason, answer.take(latch))
        latch.wait()
        answer.given()

    async def acontrol(self, call: Call, verb: str, deadline_s: float | None, reason: str) -> None:
        """Steer a task and await that the hub has taken it."""
        latch, answer = AsyncLatch(), _Answer()
        self._connection.post(self._caller.control, call, verb, deadline_s, reason, answer.take(latch))
        await latch.wait()
        answer.given()

    def abandon(self, call: Call, reason: str) -> None:
        """Cancel a task without waiting for anything."""
        self._connection.post(self._caller.control, call, "cancel", None, reason, _ignore)

    # -- steps -----------------------------------------------------------------------------------------------

    def _begin(
        self,
        target: RemoteFunction,
        options: CallOptions,
        wire: dict[str, Any],
        latch: Latch | AsyncLatch,
        *,
        is_watched: bool,
    ) -> Call:
        run = CURRENT.get()
        parent = run.task if run is not None and run.host is not None and run.host.app is self.app else None
        reference = options.reference or self._caller.new_name()
        constant = (
            target.constant if options is target.options else options.written(target.action, target.signature_hash)
        )
        text = write_submit(reference, constant, dumps(wire), parent, is_watched=is_watched)
        call = Call(target.action, reference, text, parent, is_watched=is_watched, window=options.window)
        call.busy_until = self._connection.now + (BUSY_S if options.timeout is None else options.timeout)
        call.settled = latch.set
        self._connection.post(self._caller.submit, call)
        return call

    def _wait(self, call: Call, latch: Latch, options: CallOptions) -> None:
        run = CURRENT.get()
        if run is None and options.timeout is None:
            try:
                latch.wait()
            except BaseException:
                self.abandon(call, "the caller was interrupted")
                raise
            return
        deadline = _deadline(options)
        while not call.is_settled:
            self._wait_some(call, latch, options, deadline)

    def _wait_some(self, call: Call, latch: Latch, options: CallOptions, deadline: float | None) -> None:
        if not self._wait_latch(call, latch, deadline):
            self._late(call, options)

    def _wait_latch(self, call: Call, latch: Latch, deadline: float | None) -> bool:
        """Wait once; the task this runs in, if any, may break the wait with its own cancel."""
        run = CURRENT.get()
        if run is None or run.is_on_loop:
            try:
                return latch.wait(_left(deadline))
            except BaseException:
                self.abandon(call, "the caller was interrupted")
                raise
        return self._wait_in_task(run, call, latch, deadline)

    def _wait_in_task(self, run: Run, call: Call, latch: Latch, deadline: float | None) -> bool:
        before, run.latch = run.latch, latch
        try:
            if run.is_cancel_due and not call.is_settled:
                self.abandon(call, "its parent was cancelled")
                raise run.cancelled()
            return latch.wait(_left(deadline))
        finally:
            run.latch = before

    async def _await(self, call: Call, latch: AsyncLatch, options: CallOptions) -> None:
        try:
            while not call.is_settled:
                if not await latch.wait(options.timeout):
                    self._late(call, options)
        except asyncio.CancelledError:
            self.abandon(call, "the caller was cancelled")
            raise

    def _late(self, call: Call, options: CallOptions) -> None:
        self.abandon(call, f"the caller's timeout of {options.timeout} s ran out")
        raise TaskTimeout(action=call.action, timeout_s=options.timeout, task=call.task or "not accepted yet")

    def _failure(self, call: Call, options: CallOptions) -> ArkitektError | None:
        failure = call.failure()
        if failure is None:
            return None
        run = CURRENT.get()
        if run is not None and run.is_cancel_due and isinstance(failure, TaskCancelled):
            raise run.cancelled()
        if (
            options.timeout is not None
            and isinstance(failure, TaskCancelled)
            and call.age_s >= options.timeout - _TIMEOUT_SLACK_S
        ):
            return TaskTimeout(action=call.action, timeout_s=options.timeout, task=call.task)
        return failure


class _Answer:
    """Takes one reply on the transport loop and hands it over."""

    __slots__ = ("_value",)

    def take(self, latch: Latch | AsyncLatch) -> Any:
        def reply(value: Any) -> None:
            self._value = value
            latch.set()

        return reply

    def given(self) -> Any:
        if isinstance(self._value, ArkitektError):
            raise self._value
        return self._value


def dump_now(codec: Codec, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Dump arguments in a blocking caller; async structures run on the SDK's user loop meanwhile."""
    return on_user_loop(codec.adump_args(args, kwargs)) if codec.needs_await else codec.dump_args(args, kwargs)


def load_now(codec: Codec, wire: Any) -> Any:
    """Load a result in a blocking caller."""
    return on_user_loop(codec.aload_return(wire)) if codec.needs_await else codec.load_return(wire)


def on_user_loop(work: Any) -> Any:
    """Block on a coroutine of structures; refuse where that could never end."""
    thread = user_thread()
    if thread.is_current:
        work.close()
        raise WrongContext(
            problem="a blocking form was used on the loop that it would wait for", remedy="Use the a-form"
        )
    return thread.run(work)


def _returns(call: Call) -> list[Any]:
    outcome = call.outcome
    return outcome.returns or [] if outcome is not None else []


def _deadline(options: CallOptions) -> float | None:
    return None if options.timeout is None else time.monotonic() + options.timeout


def _sooner(call: Call, deadline: float | None) -> float | None:
    """Say until when to wait for values before declaring what was taken, if anything was.

    Half a window is declared at once; less than that as soon as nothing more comes, so that a large batch, which may
    wait for room, finds the whole window.
    """
    if call.taken == call.declared:
        return None
    soon = time.monotonic() + DECLARE_S
    return soon if deadline is None or soon < deadline else None


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _remove(call: Call, latch: Latch | AsyncLatch) -> None:
    if latch.set in call.changed:
        call.changed.remove(latch.set)


def _ignore(answer: Any) -> None:
    """Nobody waits for this answer."""
