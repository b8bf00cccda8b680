"""A submitted task in the caller's hands: its state, result, stream, log, and the levers to steer it.

Each blocking method has an async twin with an `a` in front and the same parameters. The rule: a handle only
watches; dropping it, or giving up waiting, leaves the task alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from arkitekt_next.errors import TaskTimeout, WrongContext

from .again import Version, run_again
from .calls import Call, CallOptions
from .client import Client, load_now
from .run import refuse_blocking
from .waiting import AsyncLatch, Latch

if TYPE_CHECKING:
    from .remote import RemoteFunction

CANCEL_S = 10.0


class Progress(NamedTuple):
    """How far a task is: 0 to 100 percent (None when unknown), and in words."""

    percent: float | None
    message: str


class LogLine(NamedTuple):
    """One line of a task's log; level is debug, info, warning, error, stdout or stderr."""

    level: str
    message: str


class TaskHandle:
    """One task, as its caller sees it."""

    def __init__(self, client: Client, target: RemoteFunction, call: Call, options: CallOptions) -> None:
        self._client = client
        self._target = target
        self._call = call
        self._options = options

    def __repr__(self) -> str:
        return f"<TaskHandle {self.id} {self.action} {self.status}>"

    @property
    def id(self) -> str:
        """The hub's id of the task."""
        return str(self._call.task)

    @property
    def action(self) -> str:
        """What was called, as `app.function`."""
        return self._call.action

    @property
    def reference(self) -> str:
        """The idempotency key it was submitted with."""
        return self._call.reference

    @property
    def status(self) -> str:
        """Where the task stands, as far as this process has heard (see `wire.lifecycle.Status`)."""
        return self._call.status

    @property
    def is_done(self) -> bool:
        """Whether the task has ended."""
        return self._call.is_settled

    @property
    def progress(self) -> Progress | None:
        """The last progress heard."""
        last = self._call.progress
        return None if last is None else Progress(*last)

    @property
    def logs(self) -> list[LogLine]:
        """The lines logged so far, the last ten thousand."""
        return [LogLine(level, message) for level, message in list(self._call.logs)]

    # -- results ---------------------------------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> Any:
        """Block until the task has ended; give its value or raise what it ended with.

        `timeout` limits the wait, not the task.
        """
        refuse_blocking("result()", "await handle.aresult()")
        self._refuse_stream("stream()")
        if not self._client.wait(self._call, timeout):
            raise self._too_slow(timeout)
        return load_now(self._target.codec, self._returns())

    async def aresult(self, timeout: float | None = None) -> Any:
        """Await the end of the task; give its value or raise what it ended with.

        `timeout` limits the wait, not the task.
        """
        self._refuse_stream("astream()")
        if not await self._client.await_(self._call, timeout):
            raise self._too_slow(timeout)
        codec, returns = self._target.codec, self._returns()
        return await codec.aload_return(returns) if codec.needs_await else codec.load_return(returns)

    def stream(self) -> Iterator[Any]:
        """Give the values of a stream as they come; each value is given once, to one reader."""
        refuse_blocking("stream()", "async for value in handle.astream()")
        self._require_stream()
        return self._client.values(self._target, self._call, Latch(), CallOptions(), owns=False)

    def astream(self) -> AsyncIterator[Any]:
        """Give the values of a stream as they come; each value is given once, to one reader."""
        self._require_stream()
        return self._client.avalues(self._target, self._call, AsyncLatch(), CallOptions(), owns=False)

    def events(self) -> Iterator[dict[str, Any]]:
        """Give what happens to the task, from the start to its end: name, number, at_us, data."""
        refuse_blocking("events()", "async for event in handle.aevents()")
        latch = Latch()
        self._call.changed.append(latch.set)
        seen = 0
        try:
            while True:
                is_last = self._call.is_settled
                fresh, seen = self._call.events_after(seen)
                yield from fresh
                if is_last:
                    return
                latch.wait()
        finally:
            self._call.changed.remove(latch.set)

    async def aevents(self) -> AsyncIterator[dict[str, Any]]:
        """Give what happens to the task, from the start to its end: name, number, at_us, data."""
        latch = AsyncLatch()
        self._call.changed.append(latch.set)
        seen = 0
        try:
            while True:
                is_last = self._call.is_settled
                fresh, seen = self._call.events_after(seen)
                for event in fresh:
                    yield event
                if is_last:
                    return
                await latch.wait()
        finally:
            self._call.changed.remove(latch.set)

    # -- levers ----------------------------------------------------------------------------------------------

    def cancel(self, deadline: float = CANCEL_S, reason: str = "") -> None:
        """Ask the task, and what it called, to stop; after `deadline` seconds it is cut off."""
        self._steer("cancel", deadline, reason)

    async def acancel(self, deadline: float = CANCEL_S, reason: str = "") -> None:
        """Ask the task, and what it called, to stop; after `deadline` seconds it is cut off."""
        await self._client.acontrol(self._call, "cancel", deadline, reason)

    def interrupt(self, reason: str = "") -> None:
        """Cut the task off at once."""
        self._steer("interrupt", None, reason)

    async def ainterrupt(self, reason: str = "") -> None:
        """Cut the task off at once."""
        await self._client.acontrol(self._call, "interrupt", None, reason)

    def pause(self) -> None:
        """Stop the task at its next pause point."""
        self._steer("pause", None, "")

    async def apause(self) -> None:
        """Stop the task at its next pause point."""
        await self._client.acontrol(self._call, "pause", None, "")

    def resume(self) -> None:
        """Let a paused task go on."""
        self._steer("resume", None, "")

    async def aresume(self) -> None:
        """Let a paused task go on."""
        await self._client.acontrol(self._call, "resume", None, "")

    def step(self) -> None:
        """Let a paused task go on to its next pause point."""
        self._steer("step", None, "")

    async def astep(self) -> None:
        """Let a paused task go on to its next pause point."""
        await self._client.acontrol(self._call, "step", None, "")

    # -- running again ---------------------------------------------------------------------------------------

    def run_again(self, version: Version = "same", *, discreet: bool | None = None) -> TaskHandle:
        """Have the task run again with the arguments it had: the very release that ran, or the `current` version.

        Raises `ReleaseNotRunning` when the same version is wanted and nobody runs it, `Conflict` when the arguments do
        not fit the current one any more.
        """
        return run_again(self._client.app, self.id, version, discreet=discreet)

    async def arun_again(self, version: Version = "same", *, discreet: bool | None = None) -> TaskHandle:
        """Have the task run again with the arguments it had: the very release that ran, or the `current` version.

        Raises `ReleaseNotRunning` when the same version is wanted and nobody runs it, `Conflict` when the arguments do
        not fit the current one any more.
        """
        return await asyncio.to_thread(self.run_again, version, discreet=discreet)

    # -- steps -----------------------------------------------------------------------------------------------

    def _steer(self, verb: str, deadline: float | None, reason: str) -> None:
        refuse_blocking(f"{verb}()", f"await handle.a{verb}()")
        self._client.control(self._call, verb, deadline, reason)

    def _returns(self) -> list[Any]:
        failure = self._call.failure()
        if failure is not None:
            raise failure
        outcome = self._call.outcome
        return outcome.returns or [] if outcome is not None else []

    def _too_slow(self, timeout: float | None) -> TaskTimeout:
        message = f"{self.action} has not ended within {timeout} s (task {self.id}); it goes on"
        return TaskTimeout(message, action=self.action, timeout_s=timeout, task=self.id)

    def _refuse_stream(self, reader: str) -> None:
        if self._target.is_stream:
            raise WrongContext(
                problem=f"{self.action} is a stream and has no single result", remedy=f"Read it with {reader}"
            )

    def _require_stream(self) -> None:
        if not self._target.is_stream:
            raise WrongContext(problem=f"{self.action} gives one value, it is no stream", remedy="Use result()")
