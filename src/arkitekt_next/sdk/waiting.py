"""What a thread or a coroutine waits on while the transport loop works for it.

A latch may be set from any thread, any number of times; each wait takes one setting. The rule for whoever waits:
install the latch first, look at the state second, wait third, so that nothing can happen in between unseen.
"""

from __future__ import annotations

import asyncio
import threading

from arkitekt_next.platform import IS_WINDOWS

from .loop import mailbox_of

_SLICE_S = 0.2


class Latch:
    """Blocks a thread; several times cheaper than a `threading.Event`."""

    __slots__ = ("_lock",)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let the thread go on."""
        try:
            self._lock.release()
        except RuntimeError:  # it is set already
            pass

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until it is set; give False when that takes longer than `timeout_s`."""
        if timeout_s is not None:
            return self._lock.acquire(timeout=max(0.0, timeout_s))
        if not IS_WINDOWS:
            return self._lock.acquire()
        while not self._lock.acquire(timeout=_SLICE_S):  # there, ctrl-c can't break an untimed wait
            pass
        return True


class AsyncLatch:
    """Suspends a coroutine of the loop it was made on."""

    __slots__ = ("_future", "_is_posted", "_is_set", "_loop", "_mailbox")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._mailbox = mailbox_of(self._loop)
        self._future: asyncio.Future[bool] | None = None
        self._is_set = False
        self._is_posted = False

    def set(self) -> None:
        """Let the coroutine go on; nothing happens when its loop is closed."""
        if not self._is_posted:
            self._is_posted = True
            try:
                self._mailbox.post(self._arrive)
            except RuntimeError:
                pass

    def _arrive(self) -> None:
        self._is_posted = False
        future = self._future
        if future is not None and not future.done():
            future.set_result(True)
        else:
            self._is_set = True

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Suspend until it is set; give False when that takes longer than `timeout_s`."""
        if self._is_set:
            self._is_set = False
            return True
        future = self._future = self._loop.create_future()
        timer = None
        if timeout_s is not None:
            timer = self._loop.call_later(max(0.0, timeout_s), _give_up, future)
        try:
            is_set: bool = await future
            return is_set
        finally:
            self._future = None
            if timer is not None:
                timer.cancel()


def _give_up(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
