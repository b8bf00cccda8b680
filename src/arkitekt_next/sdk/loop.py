"""Event-loop threads, and mailboxes that hand them calls from other threads.

Two threads may be started, each lazily and once a process: the *transport* loop, which owns sockets, heartbeats and
the state of connections, and the *user* loop, for async user code that has no loop of its own. The rule: user code
never runs on the transport loop, so nothing a user writes can delay a heartbeat.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, WeakMethod

from arkitekt_next.platform import IS_WINDOWS, new_event_loop

T = TypeVar("T")

_STOP_S = 5.0
_SLICE_S = 0.2


class Mailbox:
    """Calls handed to a loop from any thread: one wake-up for everything that was posted since the last.

    `after` runs once behind each batch, which is where a connection flushes what the batch produced.
    """

    __slots__ = ("_after", "_is_armed", "_loop", "_queue")

    def __init__(self, loop: asyncio.AbstractEventLoop, after: Callable[[], None] | None = None) -> None:
        self._loop = loop
        self._after = after
        self._queue: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._is_armed = False

    def post(self, action: Callable[..., Any], *args: Any) -> None:
        """Run `action(*args)` on the loop, soon and in order; raise `RuntimeError` when the loop is closed."""
        self._queue.append((action, args))
        if not self._is_armed:
            self._is_armed = True
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        self._is_armed = False  # first: whoever posts from here on wakes the loop again
        queue = self._queue
        try:
            for _ in range(len(queue)):
                action, args = queue.popleft()
                action(*args)
        finally:
            if queue and not self._is_armed:
                self._is_armed = True
                self._loop.call_soon(self._drain)
            if self._after is not None:
                self._after()


_MAILBOXES: WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = WeakKeyDictionary()


def mailbox_of(loop: asyncio.AbstractEventLoop) -> Mailbox:
    """Give the one mailbox of a loop."""
    found = _MAILBOXES.get(loop)
    if found is None:
        found = _MAILBOXES[loop] = Mailbox(loop)
    return found


class LoopThread:
    """A daemon thread that runs an event loop until `stop`."""

    def __init__(self, name: str) -> None:
        self.loop = new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def is_current(self) -> bool:
        """Whether the caller runs in this very thread."""
        return threading.get_ident() == self._thread.ident

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop; give the future of its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the loop and block until it is done; a break of the wait cancels it."""
        if self.is_current:
            work.close()
            raise RuntimeError("a loop can't wait for itself")
        future = self.submit(work)
        try:
            return _wait_future(future, timeout_s)
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the loop and its thread, cancelling what still runs."""
        if self.loop.is_closed():
            return
        with suppress(Exception):
            self.submit(_cancel_all()).result(_STOP_S)
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_STOP_S)
        if not self._thread.is_alive():
            self.loop.close()


async def _cancel_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_STOP_S / 2)


def _wait_future(future: Future[T], timeout_s: float | None) -> T:
    if not IS_WINDOWS or timeout_s is not None:
        return future.result(timeout_s)
    while True:  # on Windows an untimed wait can't be broken by ctrl-c
        try:
            return future.result(_SLICE_S)
        except TimeoutError:
            if future.done():
                raise


class _Threads:
    """The loops of this process; a forked child starts with none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.transport: LoopThread | None = None
        self.user: LoopThread | None = None
        self.closers: list[Callable[[], None]] = []
        self.forgetters: list[WeakMethod[Callable[[], None]]] = []

    def close(self) -> None:
        for closer in list(self.closers):
            with suppress(Exception):
                closer()
        for thread in (self.user, self.transport):
            if thread is not None:
                thread.stop()
        self.transport = self.user = None

    def forget(self) -> None:
        self.lock = threading.Lock()
        self.transport = self.user = None
        for reference in self.forgetters:
            forgetter = reference()
            if forgetter is not None:
                forgetter()
        self.forgetters = []


_threads = _Threads()
atexit.register(_threads.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget)


def transport_thread() -> LoopThread:
    """Give the process's transport loop; start it at the first call."""
    if _threads.transport is None:
        with _threads.lock:
            if _threads.transport is None:
                _threads.transport = LoopThread("arkitekt-transport")
    return _threads.transport


def user_thread() -> LoopThread:
    """Give the loop for async user code that has no loop of its own; start it at the first call."""
    if _threads.user is None:
        with _threads.lock:
            if _threads.user is None:
                _threads.user = LoopThread("arkitekt-user")
    return _threads.user


def at_exit(closer: Callable[[], None]) -> None:
    """Run `closer` when the process ends, while the loops still run."""
    _threads.closers.append(closer)


def after_fork(forgetter: Callable[[], None]) -> None:
    """Run a bound method in a forked child, which shares no loop, socket or lock with its parent.

    Its object is not kept alive for that.
    """
    _threads.forgetters = [kept for kept in _threads.forgetters if kept() is not None]
    _threads.forgetters.append(WeakMethod(forgetter))
