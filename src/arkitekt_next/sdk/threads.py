"""Threads for plain functions: reused, daemonic, and woken no more than needed.

A burst of short calls is faster on one thread than on many that fight for the interpreter lock, and a blocking call
must not hold up the next. So one thread, the leader, works through what arrives. A leader that is still in the same
call after a tick of 2 ms leads no more, and everyone who waited gets a thread; a leader that gets on, but not fast
enough, is given helpers: 1, 2, 4 … a tick. The rule: an abandoned thread never blocks the exit of the process, nor
a call that comes after it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any

Job = tuple[Callable[[Any], None], Any]

TICK_S = 0.002
_IDLE_S = 30.0


class ThreadPool:
    """Threads that run jobs; `submit` and the ticks belong to the transport loop.

    `later` arms a timer on that loop: `later(seconds, callback)`.
    """

    def __init__(self, name: str, later: Callable[[float, Callable[[], None]], Any]) -> None:
        self._name = name
        self._later = later
        self._jobs: deque[Job] = deque()
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._leader: _Worker | None = None
        self._seen = 0
        self._helpers = 1
        self._started = 0
        self._is_ticking = False
        self._is_closed = False

    def submit(self, function: Callable[[Any], None], argument: Any) -> None:
        """Run `function(argument)` in a thread, in a context of its own."""
        with self._lock:
            self._jobs.append((function, argument))
            is_led = self._leader is not None
        if not is_led:
            self._wake(1, leads=True)
        if not self._is_ticking:
            self._is_ticking = True
            self._helpers = 1
            self._later(TICK_S, self._tick)

    def _tick(self) -> None:
        leader, waiting = self._leader, len(self._jobs)
        if leader is None and not waiting:
            self._is_ticking = False
            return
        if leader is None or leader.count == self._seen:
            self._wake(waiting, leads=False)
            self._leader = None
        elif waiting:
            self._wake(min(waiting, self._helpers), leads=False)
            self._helpers *= 2
        else:
            self._helpers = 1
        self._seen = leader.count if leader is not None else 0
        self._later(TICK_S, self._tick)

    def close(self) -> None:
        """Let idle threads end; busy ones end after their job."""
        self._is_closed = True
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.wake()

    def _wake(self, count: int, *, leads: bool) -> None:
        for _ in range(count):
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            is_new = worker is None
            if worker is None:
                self._started += 1
                worker = _Worker(self, f"{self._name}-{self._started}")
            if leads:
                self._leader = worker
            if is_new:
                worker.start()
            else:
                worker.wake()

    def next_job(self, worker: _Worker) -> Job | None:
        """Give the next job, or note that the worker is idle."""
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            if self._leader is worker:
                self._leader = None
            if not self._is_closed:
                self._idle.append(worker)
        return None

    def retire(self, worker: _Worker) -> bool:
        """Let a worker end that was idle for long; False when it has just been woken."""
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                return True
        return False

    @property
    def is_closed(self) -> bool:
        """Whether no more jobs will come."""
        return self._is_closed


class _Worker:
    """One thread of a pool; `count` says how many jobs it has begun."""

    __slots__ = ("_lock", "_pool", "_thread", "count")

    def __init__(self, pool: ThreadPool, name: str) -> None:
        self.count = 0
        self._pool = pool
        self._lock = threading.Lock()
        self._lock.acquire()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._lock.release()

    def _main(self) -> None:
        pool = self._pool
        while True:
            job = pool.next_job(self)
            if job is not None:
                self.count += 1
                function, argument = job
                Context().run(function, argument)
                del job, function, argument
            elif pool.is_closed:
                return
            elif not self._lock.acquire(timeout=_IDLE_S):
                if pool.retire(self):
                    return
                self._lock.acquire()  # it is being woken just now
