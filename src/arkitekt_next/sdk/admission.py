"""When an assigned task may start: limits per function and named locks shared by functions.

Everything here runs on the transport loop, so no lock of Python's is needed. Locks are taken one by one in sorted
order, first come first served, so two tasks can't wait for each other. The rule: whoever asks for a lock that a
task above it in the tree of calls holds is refused, because it would wait for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from arkitekt_next.errors import LockReentered

from .run import Run


class Admission:
    """The queues in front of an app's functions. `start` is called for each run that may begin.

    `parents` knows the edges of the tree of calls that this process can see, as task → parent.
    """

    def __init__(self, start: Callable[[Run], None], refuse: Callable[[Run, Exception], None]) -> None:
        self._start = start
        self._refuse = refuse
        self._running: dict[str, int] = {}
        self._placed: set[str] = set()
        self._queued: dict[str, deque[Run]] = {}
        self._holders: dict[str, Run] = {}
        self._waiting: dict[str, deque[Run]] = {}
        self._taken: dict[str, list[str]] = {}
        self.parents: list[Mapping[str, str]] = []

    def enter(self, run: Run) -> None:
        """Start a run, now or when a place and its locks are free."""
        registration = run.registration
        for name in registration.locks:
            if name in self._holders and self._is_below(run, self._holders[name]):
                self._deny(run, name)  # before it takes a place, which would be held for ever, too
                return
        limit = registration.concurrency
        if limit is not None:
            running = self._running.get(registration.name, 0)
            if running >= limit:
                self._queued.setdefault(registration.name, deque()).append(run)
                return
            self._running[registration.name] = running + 1
            self._placed.add(_key(run))
        if registration.locks:
            self._proceed(run)
        else:
            self._start(run)

    def leave(self, run: Run) -> None:
        """Give back what a run held; it has really ended."""
        for name in self._taken.pop(_key(run), []):
            self._free(name, run)
        registration = run.registration
        if _key(run) not in self._placed:
            return
        self._placed.discard(_key(run))
        self._running[registration.name] -= 1
        queued = self._queued.get(registration.name)
        if queued:
            self.enter(queued.popleft())

    def withdraw(self, run: Run) -> bool:
        """Take a run out that has not started; give whether it was still waiting."""
        queued = self._queued.get(run.registration.name)
        if queued is not None and run in queued:
            queued.remove(run)
            return True
        for waiting in self._waiting.values():
            if run in waiting:
                waiting.remove(run)
                self.leave(run)
                return True
        return False

    @property
    def has_waiting(self) -> bool:
        """Whether somebody waits for a lock."""
        return any(self._waiting.values())

    def recheck(self) -> None:
        """Look again for re-entrancy: an edge of the tree of calls has become known."""
        for name, waiting in list(self._waiting.items()):
            for run in list(waiting):
                if self._is_below(run, self._holders[name]):
                    waiting.remove(run)
                    self._deny(run, name)

    def held(self) -> dict[str, str]:
        """Give which lock is held by which task."""
        return {name: run.task for name, run in self._holders.items()}

    def _proceed(self, run: Run) -> None:
        taken = self._taken.setdefault(_key(run), [])
        for name in run.registration.locks[len(taken) :]:
            holder = self._holders.get(name)
            if holder is None:
                self._holders[name] = run
                taken.append(name)
            elif self._is_below(run, holder):
                self._deny(run, name)
                return
            else:
                self._waiting.setdefault(name, deque()).append(run)
                return
        self._start(run)

    def _free(self, name: str, run: Run) -> None:
        if self._holders.get(name) is not run:
            return
        del self._holders[name]
        waiting = self._waiting.get(name)
        if waiting:
            following = waiting.popleft()
            self._holders[name] = following
            self._taken[_key(following)].append(name)
            self._proceed(following)

    def _deny(self, run: Run, name: str) -> None:
        holder = self._holders[name]
        error = LockReentered(
            action=run.action,
            what=f"the lock '{name}'",
            holder=f"{holder.action} (task {holder.task})",
            remedy="Call the plain Python function instead, or give the two functions different locks",
        )
        self._refuse(run, error)

    def _is_below(self, run: Run, holder: Run) -> bool:
        if run.root == holder.task or holder.task in run.above:
            return True
        return any(task == holder.task for task in self._ancestors(run))

    def _ancestors(self, run: Run) -> Iterator[str]:
        task = run.parent
        for _ in range(1000):
            if task is None:
                return
            yield task
            known: str | None = None
            for edges in self.parents:
                known = edges.get(task) or known
            task = known


def _key(run: Run) -> str:
    return f"{run.task}/{run.attempt}"
