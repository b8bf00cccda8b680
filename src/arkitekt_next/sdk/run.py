"""One assigned task while it runs here: what it was asked, how far it is, and how it is told to stop.

A `Run` is shared by two threads: the transport loop decides (credit, cancel, pause), the thread or loop of the
function reports. Each field has one writer. The rule: flags are set before `wake`, and whoever waits looks at them
after it was woken.
"""

from __future__ import annotations

import asyncio
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import InvalidValue, WrongContext

from .waiting import AsyncLatch, Latch

if TYPE_CHECKING:
    from .registration import Registration

PROGRESS_INTERVAL_S = 0.05
LOG_LIMIT_CHARS = 16_000
LINES_LIMIT = 512


class Cancelled(asyncio.CancelledError):
    """The task was asked to stop.

    Like `asyncio.CancelledError` it passes `except Exception` by; clean up and let it through.
    """


class Sink(ABC):
    """Where a run's reports go; callable from the thread of the function. Order within one run is kept."""

    @abstractmethod
    def yielded(self, run: Run) -> None:
        """`run.values` has become non-empty."""

    @abstractmethod
    def progressed(self, run: Run) -> None:
        """`run.progress` has changed; how often that is told is up to the sink."""

    @abstractmethod
    def logged(self, run: Run) -> None:
        """`run.lines` has become non-empty: the function logged or printed."""

    @abstractmethod
    def paused(self, run: Run, is_paused: bool) -> None:
        """The function stands at a pause point, or goes on."""

    @abstractmethod
    def ended(self, run: Run, fields: str) -> None:
        """The function ended; `fields` is the written inside of the `ended` report."""


class Run:
    """The state of one attempt at one task."""

    __slots__ = (
        "_alatch",
        "above",
        "action",
        "app",
        "args",
        "attempt",
        "cancel_reason",
        "credit",
        "extra",
        "head",
        "host",
        "is_abandoned",
        "is_announced",
        "is_cancel_told",
        "is_cancelled",
        "is_ended",
        "is_logging",
        "is_pause_wanted",
        "is_progress_due",
        "is_reported",
        "is_started",
        "latch",
        "lines",
        "lines_dropped",
        "loop_task",
        "on_cancel",
        "parent",
        "person",
        "progress",
        "registration",
        "root",
        "sink",
        "started_at",
        "steps",
        "task",
        "told_at",
        "values",
        "yields",
        "yields_told",
    )

    def __init__(
        self,
        *,
        task: str,
        attempt: int,
        action: str,
        args: dict[str, Any],
        registration: Registration,
        sink: Sink,
        host: Any,
        root: str | None = None,
        parent: str | None = None,
        person: str | None = None,
        app: str | None = None,
        credit: int = 4096,
        above: Sequence[str] = (),
    ) -> None:
        self.task = task
        self.attempt = attempt
        self.action = action
        self.args = args
        self.registration = registration
        self.sink = sink
        self.host = host
        self.root = root or task
        self.parent = parent
        self.above = above
        self.person = person
        self.app = app
        self.credit = credit
        self.head = f'"task":"{task}","attempt":{attempt}'
        self.is_cancelled = False
        self.is_cancel_told = False
        self.cancel_reason = ""
        self.is_pause_wanted = False
        self.steps = 0
        self.is_started = False
        self.is_reported = False
        self.is_ended = False
        self.is_abandoned = False
        self.is_announced = False
        self.is_progress_due = False
        self.yields = 0
        self.yields_told = 0
        self.values: deque[str] = deque()
        self.lines: deque[tuple[str, str]] = deque()
        self.is_logging = False
        self.lines_dropped = 0
        self.progress: tuple[float | None, str] | None = None
        self.told_at = 0.0
        self.started_at = 0.0
        self.latch: Latch | None = None
        self._alatch: AsyncLatch | None = None
        self.loop_task: asyncio.Task[Any] | None = None
        self.on_cancel: Any = None
        self.extra: Any = None

    # -- the transport loop ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let the function look at its flags, if it waits."""
        if self.latch is not None:
            self.latch.set()
        if self._alatch is not None:
            self._alatch.set()

    def cancel(self, reason: str) -> None:
        """Ask the function to stop: at its next await, pause point, progress, log line or yield."""
        if self.is_cancelled or self.is_ended:
            return
        self.cancel_reason = reason
        self.is_cancelled = True
        if self.on_cancel is not None:
            self.on_cancel(self)
        self.wake()

    def take_values(self) -> list[str]:
        """Take what was yielded since the last time."""
        self.is_announced = False
        values = self.values
        return [values.popleft() for _ in range(len(values))]

    def take_lines(self) -> list[tuple[str, str]]:
        """Take what was logged since the last time."""
        self.is_logging = False
        lines = self.lines
        taken = [lines.popleft() for _ in range(len(lines))]
        if self.lines_dropped:
            taken.append(("warning", f"[{self.lines_dropped} lines were dropped: they came too fast]"))
            self.lines_dropped = 0
        if len(taken) >= LINES_LIMIT:
            self.wake()
        return taken

    # -- the function's side ---------------------------------------------------------------------------------

    @property
    def is_cancel_due(self) -> bool:
        """Whether the function was asked to stop and does not know yet."""
        return self.is_cancelled and not self.is_cancel_told

    def check(self) -> None:
        """Raise `Cancelled` when the task was asked to stop: once, so that cleaning up may log and call."""
        if self.is_cancel_due:
            raise self.cancelled()

    def cancelled(self) -> Cancelled:
        """Make the error that tells the function to stop."""
        self.is_cancel_told = True
        return Cancelled(self.cancel_reason or "the task was cancelled")

    def say_progress(self, percent: float | None, message: str) -> None:
        """Note how far the task is."""
        if percent is not None and not 0 <= percent <= 100:
            raise InvalidValue(where="progress", expected="percent between 0 and 100", got=repr(percent))
        if self.is_ended:
            return
        self.progress = (None if percent is None else float(percent), str(message)[:4096])
        if not self.is_progress_due:
            self.is_progress_due = True
            self.sink.progressed(self)

    def say(self, level: str, message: str) -> None:
        """Log a line.

        A thread that logs faster than lines get away is held up, a loop loses lines, and that is said.
        """
        if self.is_ended or self.is_abandoned:
            return
        if len(self.lines) >= LINES_LIMIT:
            if self.is_on_loop:
                self.lines_dropped += 1
                return
            self._wait_for_lines()
        self.lines.append((level, message[:LOG_LIMIT_CHARS]))
        if not self.is_logging:
            self.is_logging = True
            self.sink.logged(self)

    def _wait_for_lines(self) -> None:
        latch = self._own_latch()
        while len(self.lines) >= LINES_LIMIT and not self.is_ended and not self.is_abandoned:
            if self.is_cancel_due:
                self.lines_dropped += 1
                self.lines.popleft()
                return
            latch.wait()

    def give(self, text: str) -> bool:
        """Yield a written value if there is credit; give False when the caller has to wait for some."""
        self.check()
        if self.yields >= self.credit:
            return False
        self.yields += 1
        self.values.append(text)
        if not self.is_announced:
            self.is_announced = True
            self.sink.yielded(self)
        return True

    def wait_credit(self) -> None:
        """Block the function's thread until it may yield again."""
        latch = self._own_latch()
        while self.yields >= self.credit:
            self.check()
            latch.wait()

    async def await_credit(self) -> None:
        """Suspend the function until it may yield again."""
        latch = self._own_async_latch()
        while self.yields >= self.credit:
            self.check()
            await latch.wait()

    def pausepoint(self) -> None:
        """Block here while a pause is wanted."""
        self.check()
        if not self.is_pause_wanted:
            return
        latch = self._own_latch()
        self.sink.paused(self, True)
        while self.is_pause_wanted and not self.steps and not self.is_cancelled:
            latch.wait()
        self._go_on()

    async def apausepoint(self) -> None:
        """Suspend here while a pause is wanted."""
        if not self.is_pause_wanted:
            return
        latch = self._own_async_latch()
        self.sink.paused(self, True)
        while self.is_pause_wanted and not self.steps and not self.is_cancelled:
            await latch.wait()
        self._go_on()

    def _go_on(self) -> None:
        self.steps = max(0, self.steps - 1)
        self.sink.paused(self, False)
        self.check()

    def _own_latch(self) -> Latch:
        if self.latch is None:
            self.latch = Latch()
        return self.latch

    def _own_async_latch(self) -> AsyncLatch:
        if self._alatch is None:
            self._alatch = AsyncLatch()
        return self._alatch

    @property
    def is_on_loop(self) -> bool:
        """Whether the function runs on an event loop, where nothing may block."""
        return self.registration.is_on_loop

    def began(self) -> None:
        """Note that the function starts now."""
        self.started_at = time.perf_counter()
        self.is_started = True

    @property
    def ran_us(self) -> int:
        """How long it has run."""
        return int((time.perf_counter() - self.started_at) * 1e6) if self.is_started else 0


CURRENT: ContextVar[Run | None] = ContextVar("arkitekt_next_task", default=None)


hosting_threads: set[int] = set()
"""The threads whose loop hosts an app: whoever blocks one stops the functions it waits for."""


def refuse_blocking(form: str, remedy: str) -> None:
    """Raise `WrongContext` when a blocking form is used where it would stop the loop that hosts functions."""
    run = CURRENT.get()
    if run is not None and run.is_on_loop and _is_loop_running():
        problem = f"{form} blocks, and was called inside the async function '{run.action}'"
        raise WrongContext(problem=problem, remedy=f"Use {remedy}")
    if hosting_threads and threading.get_ident() in hosting_threads and _is_loop_running():
        raise WrongContext(
            problem=f"{form} blocks, and was called on the event loop that hosts your functions",
            remedy=f"Use {remedy}",
        )


def _is_loop_running() -> bool:
    return asyncio._get_running_loop() is not None
