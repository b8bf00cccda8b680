"""What a function can say and ask while it runs as a task: `progress`, `log`, `pausepoint`, and which task it is.

Outside a task everything here does nothing (`log` writes to `logging`), so that a registered function stays plain
Python. The rule: the current task is a context variable, so what a task calls or awaits knows it, and no other task
does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import WrongContext

from .run import CURRENT, Run, refuse_blocking

if TYPE_CHECKING:
    from .app import App

_LOG = logging.getLogger("arkitekt_next.task")
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Task:
    """The task a function runs as; take it as a parameter (`task: Task`) or ask `current_task()`."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def id(self) -> str:
        """The hub's id of this task."""
        return self._run.task

    @property
    def root(self) -> str:
        """The task at the top of the tree of calls; `id` itself when nothing called it."""
        return self._run.root

    @property
    def parent(self) -> str | None:
        """The task on whose behalf this one was called."""
        return self._run.parent

    @property
    def person(self) -> str | None:
        """The id of the person who called."""
        return self._run.person

    @property
    def app(self) -> str | None:
        """The identifier of the app that called."""
        return self._run.app

    @property
    def attempt(self) -> int:
        """Which try this is, from 1."""
        return self._run.attempt

    @property
    def action(self) -> str:
        """The name of the function."""
        return self._run.action

    @property
    def is_cancelled(self) -> bool:
        """Whether the task was asked to stop."""
        return self._run.is_cancelled

    def progress(self, percent: float | None = None, message: str = "") -> None:
        """Say how far the task is, 0 to 100; raise `Cancelled` in a thread when it was asked to stop."""
        _say_progress(self._run, percent, message)

    def log(self, message: object, level: str = "info") -> None:
        """Add a line to the task's log: debug, info, warning or error."""
        _say(self._run, message, level)

    def pausepoint(self) -> None:
        """Stop here while somebody has paused the task; raise `Cancelled` when it was asked to stop."""
        refuse_blocking("pausepoint()", "await apausepoint()")
        self._run.pausepoint()

    async def apausepoint(self) -> None:
        """Stop here while somebody has paused the task, without blocking the loop."""
        await self._run.apausepoint()

    def __repr__(self) -> str:
        return f"<Task {self.id} of {self.action}>"


TaskContext = Task


def current_task() -> Task | None:
    """Give the task this code runs as, or None outside one."""
    run = CURRENT.get()
    return None if run is None else Task(run)


def this_task() -> Task:
    """Give the task this code runs as; raise `WrongContext` outside one."""
    found = current_task()
    if found is None:
        raise WrongContext(problem="there is no current task here", remedy="Call this inside a registered function")
    return found


def current_app_of_task() -> App | None:
    """Give the app whose function runs here, or None outside a task."""
    run = CURRENT.get()
    host: Any = None if run is None else run.host
    return None if host is None else host.app


def progress(percent: float | None = None, message: str = "") -> None:
    """Say how far the current task is, 0 to 100 percent, and in words.

    At most 20 a second travel; the last one always does. In a thread it raises `Cancelled` when the task was asked
    to stop.
    """
    run = CURRENT.get()
    if run is not None:
        _say_progress(run, percent, message)


async def aprogress(percent: float | None = None, message: str = "") -> None:
    """Say how far the current task is; see `progress`."""
    progress(percent, message)


def log(message: object, level: str = "info") -> None:
    """Add a line to the current task's log; level is debug, info, warning or error."""
    run = CURRENT.get()
    if run is None:
        _LOG.log(_LEVELS.get(level, 20), "%s", message)
    else:
        _say(run, message, level)


async def alog(message: object, level: str = "info") -> None:
    """Add a line to the current task's log; see `log`."""
    log(message, level)


def pausepoint() -> None:
    """Stop here while somebody has paused the task; raise `Cancelled` when it was asked to stop."""
    run = CURRENT.get()
    if run is not None:
        refuse_blocking("pausepoint()", "await apausepoint()")
        run.pausepoint()


async def apausepoint() -> None:
    """Stop here while somebody has paused the task, without blocking the loop."""
    run = CURRENT.get()
    if run is not None:
        await run.apausepoint()


def _say_progress(run: Run, percent: float | None, message: str) -> None:
    if not run.is_on_loop:
        run.check()
    run.say_progress(percent, message)


def _say(run: Run, message: object, level: str) -> None:
    if level not in _LEVELS:
        raise ValueError(f"log: expected a level of {', '.join(_LEVELS)}, got {level!r}")
    if not run.is_on_loop:
        run.check()
    run.say(level, str(message))
