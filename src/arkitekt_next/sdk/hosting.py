"""Hosting an app's functions: start-up, contexts, background work, running what is assigned, draining, shutdown.

A host belongs to one loop, the *user loop*, where async functions and hooks run; threads and processes are started
from here too. The rule: whatever was started is stopped again, in reverse order and each with a deadline, also when
starting fails half-way.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from arkitekt_next.errors import ArkitektError, HubUnavailable

from .agent import Agent
from .bars import bridge_tqdm
from .capture import OutputCapture
from .current import act_for_current_app
from .environment import describe_environment
from .hooks import Hooks
from .loop import mailbox_of, transport_thread
from .processes import ProcessPool
from .registration import Execution, Registration
from .run import Run, hosting_threads
from .runner import run_in_thread, run_on_loop
from .threads import ThreadPool
from .waiting import Latch

if TYPE_CHECKING:
    from .app import App

_LOG = logging.getLogger("arkitekt_next.host")

_PROVIDE_S = 30.0
_SETTLE_S = 5.0
_CUT_OFF_S = 3.0
_CHANGE_S = 5.0


class TaskEvent(NamedTuple):
    """Something that happened to a task that runs here:

    `assigned`, or `ended` with the inside of its last report as `data`.
    """

    name: str
    task: str
    action: str
    person: str | None
    app: str | None
    data: dict[str, Any]


class Host:
    """One app's functions, provided on its connection."""

    def __init__(self, app: App, *, mode: str, drain_s: float) -> None:
        act_for_current_app()
        self.app = app
        self.identifier = app.identifier
        self.mode = mode
        self.functions: dict[str, Registration] = app.registrations.functions
        self._drain_s = drain_s
        self._connection = app.link.connection
        self._loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self._mailbox = mailbox_of(self._loop)
        self._thread = threading.get_ident()
        transport = transport_thread().loop
        self._threads = ThreadPool(f"arkitekt-{app.identifier}", transport.call_later)
        self._processes = ProcessPool(app)
        self._hooks = Hooks(app.registrations, self._background_failed)
        self._capture = OutputCapture(captures_logging=app.captures_logging)
        self._agent: Agent | None = None
        self._stopping: asyncio.Event = asyncio.Event()
        self._failure: BaseException | None = None
        self.environment: dict[str, Any] | None = None

    # -- the user loop ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Enter contexts, run start-up hooks, then provide; raise what failed, with everything undone."""
        hosting_threads.add(self._thread)
        try:
            self.environment = await asyncio.to_thread(describe_environment)
            await self._hooks.start()
            self._capture.install()
            bridge_tqdm()
            await self._provide()
        except BaseException:
            await asyncio.shield(self._undo())
            raise
        self._hooks.start_backgrounds()
        self.app.registrations.changed.append(self._changed)

    async def wait(self) -> None:
        """Wait until `stop_soon` is called or a background function fails; raise its error then."""
        await self._stopping.wait()
        if self._failure is not None:
            raise self._failure

    def stop_soon(self) -> None:
        """Make `wait` return; callable on the user loop (see `ask_to_stop` for elsewhere)."""
        self._stopping.set()

    def fail(self, error: BaseException) -> None:
        """Make `wait` raise an error; callable from any thread."""
        with suppress(RuntimeError):
            self._mailbox.post(self._background_failed, error)

    def ask_to_stop(self) -> None:
        """Make `wait` return; callable from any thread."""
        with suppress(RuntimeError):
            self._mailbox.post(self._stopping.set)

    async def stop(self) -> None:
        """Drain, cut off what takes too long, run shutdown hooks, wait until the hub has everything."""
        with suppress(ValueError):
            self.app.registrations.changed.remove(self._changed)
        if self._agent is not None and self._connection.is_closed:  # nobody hears of what still runs
            await self._hooks.stop_backgrounds()
        elif self._agent is not None:
            self._connection.post(self._agent.drain)
            await self._hooks.stop_backgrounds()
            if not await self._settled(self._drain_s):
                self._connection.post(self._cancel_all)
                if not await self._settled(_CUT_OFF_S):
                    self._connection.post(self._interrupt_all)
            await self._settled(_SETTLE_S if self._connection.is_open else 0.2)
        await self._undo()

    async def _undo(self) -> None:
        hosting_threads.discard(self._thread)
        self._capture.remove()
        await self._hooks.stop()
        self._threads.close()
        self._processes.close()

    async def _provide(self) -> None:
        done: asyncio.Future[None] = self._loop.create_future()

        def told(error: ArkitektError | None) -> None:
            self._mailbox.post(_finish, done, error)

        self._connection.post(self._begin_providing, told)
        try:
            async with asyncio.timeout(_PROVIDE_S):
                await done
        except TimeoutError:
            url = self._connection.url
            raise HubUnavailable(url=url, reason="it did not take the functions", remedy="Look at its log") from None

    def _begin_providing(self, told: Callable[[ArkitektError | None], None]) -> None:
        self._agent = Agent(self._connection, self.app.link.caller, self)
        self._agent.provided.append(told)

    async def _settled(self, timeout_s: float) -> bool:
        settled = asyncio.Event()
        agent = self._agent
        assert agent is not None
        self._connection.post(agent.when_settled, lambda: self._mailbox.post(settled.set))
        try:
            async with asyncio.timeout(timeout_s):
                await settled.wait()
        except TimeoutError:
            return False
        return True

    def _background_failed(self, error: BaseException) -> None:
        self._failure = error
        self._stopping.set()

    # -- the transport loop ----------------------------------------------------------------------------------

    def provision(self) -> dict[str, Any]:
        """Give what the hub is told about this agent and its functions."""
        app = self.app
        fields: dict[str, Any] = {
            "offers": [registration.offer() for registration in list(self.functions.values())],
            "mode": self.mode,
            "labels": list(app.labels),
            "capacity": app.capacity,
        }
        if app.visibility is not None:
            fields["visibility"] = app.visibility
        if app.grace_s is not None:
            fields["grace_s"] = app.grace_s
        return fields

    def execute(self, run: Run) -> None:
        """Start a run where its function runs."""
        execution = run.registration.execution
        if execution is Execution.LOOP:
            run.on_cancel = self._cancel_on_loop
            try:
                self._mailbox.post(self._spawn, run)
            except RuntimeError:  # the user closed the loop under us; the hub settles what it held
                _LOG.error("the event loop of %s is closed: %s can't run", self.identifier, run.action)
        elif execution is Execution.THREAD:
            self._threads.submit(run_in_thread, run)
        else:
            self._processes.take_over(run)
            self._threads.submit(self._processes.run, run)

    def steer(self, run: Run, verb: str) -> None:
        """Pass a verb on to a run in another process."""
        if run.registration.execution is Execution.PROCESS:
            self._processes.steer(run, verb)

    def kill(self, run: Run) -> None:
        """Stop a run for certain, where that is possible; a thread is left to itself."""
        if run.registration.execution is Execution.PROCESS:
            self._processes.kill(run)
        elif run.registration.execution is Execution.LOOP:
            self._cancel_on_loop(run)

    def _cancel_all(self) -> None:
        assert self._agent is not None
        for run in self._agent.runs():
            run.cancel("the app is being stopped")

    def _interrupt_all(self) -> None:
        assert self._agent is not None
        for run in self._agent.runs():
            self._agent.interrupt(run, "the app is being stopped")

    def _changed(self) -> None:
        """Offer what was registered just now, and wait until the hub has it, so that the next line may call it."""
        agent = self._agent
        if agent is None or agent.is_draining:
            return
        if not self._connection.is_open or threading.get_ident() == self._thread or transport_thread().is_current:
            self._connection.post(agent.provide)
            return
        latch, answers = Latch(), list[ArkitektError | None]()

        def told(error: ArkitektError | None) -> None:
            agent.provided.remove(told)
            answers.append(error)
            latch.set()

        self._connection.post(agent.provided.append, told)
        self._connection.post(agent.provide)
        if latch.wait(_CHANGE_S) and answers[0] is not None:
            raise answers[0]

    @property
    def is_watched(self) -> bool:
        """Whether somebody wants to know of each task."""
        return bool(self.app.watchers)

    def tell(self, run: Run, name: str, data: dict[str, Any]) -> None:
        """Tell the app's watchers, on the user loop."""
        event = TaskEvent(name, run.task, run.action, run.person, run.app, data)
        with suppress(RuntimeError):
            for watcher in list(self.app.watchers):
                self._mailbox.post(watcher, event)

    # -- for functions ---------------------------------------------------------------------------------------

    def wait_on_user_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on the user loop and block this thread until it is done."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def object_of(self, hint: Any) -> Any:
        """Give the object that a context function provides for a type."""
        return self._hooks.object_of(hint)

    def _spawn(self, run: Run) -> None:
        run.loop_task = self._loop.create_task(run_on_loop(run), name=f"task {run.task}")

    def _cancel_on_loop(self, run: Run) -> None:
        with suppress(RuntimeError):
            self._mailbox.post(_cancel_task, run)

    def status(self) -> dict[str, Any]:
        """Say what is provided, what runs, and what holds which lock."""
        agent = self._agent
        if agent is None:
            return {"agent": None, "functions": sorted(self.functions), "tasks": [], "locks": {}, "unacknowledged": 0}
        return {
            "agent": agent.agent_id,
            "functions": sorted(self.functions),
            "tasks": [_describe(run) for run in agent.runs()],
            "locks": agent.locks(),
            "unacknowledged": agent.unacknowledged,
            "is_draining": agent.is_draining,
        }


def _describe(run: Run) -> dict[str, Any]:
    if run.is_abandoned:
        state = "abandoned"
    elif run.is_started:
        state = "cancelling" if run.is_cancelled else "running"
    else:
        state = "waiting"
    return {"task": run.task, "action": run.action, "state": state, "progress": run.progress}


def _cancel_task(run: Run) -> None:
    if run.loop_task is not None and run.is_started:  # before that, the run sees its flag when it begins
        run.loop_task.cancel(run.cancel_reason)


def _finish(done: asyncio.Future[None], error: ArkitektError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def in_daemon_thread(function: Callable[[], Any], name: str) -> asyncio.Future[Any]:
    """Run a plain function in a thread of its own that can't keep the process alive."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def main() -> None:
        try:
            result, error = function(), None
        except BaseException as raised:
            result, error = None, raised
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, future, result, error)

    threading.Thread(target=main, name=name, daemon=True).start()
    return future


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError(f"StopIteration: {error}"))
    else:
        future.set_exception(error)
