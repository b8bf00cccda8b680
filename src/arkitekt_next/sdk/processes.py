"""`executor="process"`: functions in processes of their own, which can be killed for certain.

The two ends speak lines over pipes, a letter and JSON, never a pickle: to the worker `R` run, `X` cancel, `K`
credit, `Z` pause, `G` go on, `T` step, `M` a frame, `D` disconnected; from it `V` value, `P` progress, `L` log, `S`
paused, `E` ended, `M` a frame. One task a process at a time. The rule: a process that dies, whoever killed it, ends
its task.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from arkitekt_next.wire.codec import dumps, loads

from .relay import Relay
from .run import Run
from .runner import failed

if TYPE_CHECKING:
    from .app import App

_END_S = 2.0
_VERBS = {"pause": "Z", "resume": "G", "step": "T"}


class ProcessPool:
    """The worker processes of one app; `run` blocks a pool thread for as long as the task takes."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def run(self, run: Run) -> None:
        """Run a task in an idle worker, or a new one, and report what it says; `take_over` has been called before."""
        try:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None:
                worker = Worker(self._app)
        except OSError as refused:
            run.sink.ended(run, failed(run, refused))
            return
        run.began()
        try:
            worker.serve(run, _reins_of(run))
        finally:
            self._give_back(worker)

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            is_kept = worker.is_alive and not self._is_closed and len(self._idle) < (os.cpu_count() or 1)
            if is_kept:
                self._idle.append(worker)
        if not is_kept:
            worker.end()

    def take_over(self, run: Run) -> None:
        """Let a run be steered from here on, also before a process has it."""
        run.extra = _Reins(["Z"] + ["T"] * run.steps if run.is_pause_wanted else [])
        run.on_cancel = self.cancel

    def cancel(self, run: Run) -> None:
        """Ask the function to stop."""
        _reins_of(run).say(f"X{dumps(run.cancel_reason)}")

    def steer(self, run: Run, verb: str) -> None:
        """Pass on a pause, a step, or more credit."""
        if run.extra is None:
            return  # it waits for its turn; `take_over` looks at what is wanted by then
        _reins_of(run).say(f"K{run.credit}" if verb == "credit" else _VERBS[verb])

    def kill(self, run: Run) -> None:
        """Kill the process of a run."""
        _reins_of(run).kill()

    def close(self) -> None:
        """End the idle processes; busy ones end with their task."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()


def _reins_of(run: Run) -> _Reins:
    reins: _Reins = run.extra
    return reins


class _Reins:
    """What steers one run: lines that come before its process has the task wait for it, in order."""

    def __init__(self, early: list[str]) -> None:
        self._lock = threading.Lock()
        self._early: list[str] | None = early
        self._worker: Worker | None = None
        self._is_killed = False

    def say(self, line: str) -> None:
        """Pass a line on, now or as soon as a process has the task; nothing once it has ended."""
        with self._lock:
            if self._early is not None:
                self._early.append(line)
                return
            worker = self._worker
        if worker is not None:
            worker.say(line)

    def kill(self) -> None:
        """Kill the process, now or as soon as there is one; never waits for a pipe that nobody reads."""
        self._is_killed = True
        worker = self._worker
        if worker is not None:
            worker.kill()

    def take(self, worker: Worker, request: str) -> None:
        """Hand the task over, then all that is said meanwhile; the pipe may be slow, and nobody waits for it but us."""
        self._worker = worker
        if self._is_killed:
            worker.kill()
        worker.say(request)
        while True:
            with self._lock:
                early, self._early = self._early or [], []
                if not early:
                    self._early = None
                    return
            for line in early:
                worker.say(line)

    def drop(self) -> None:
        """The task has ended: what is said from here on concerns nobody."""
        with self._lock:
            self._worker = self._early = None


class Worker:
    """One worker process, at the parent's end."""

    def __init__(self, app: App) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "arkitekt_next.sdk.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="surrogatepass",
        )
        self._writing = threading.Lock()
        self._is_killed = False
        self._relay = Relay(app.link, lambda frame: self.say(f"M{frame}"), lambda: self.say("D"))
        self._app = app

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return not self._is_killed and self._process.poll() is None

    def say(self, line: str) -> None:
        """Send a line; a process that is gone is noticed by its reader."""
        pipe = self._process.stdin
        with self._writing, suppress(OSError, ValueError):
            assert pipe is not None
            pipe.write(f"{line}\n")
            pipe.flush()

    def serve(self, run: Run, reins: _Reins) -> None:
        """Hand over a run and report what the process says, until it has ended or the process is gone."""
        reins.take(self, f"R{dumps(_describe(run, self._app))}")
        pipe: IO[str] | None = self._process.stdout
        assert pipe is not None
        for line in pipe:
            letter, rest = line[0], line[1:-1]
            if letter == "E":
                reins.drop()
                run.sink.ended(run, rest)
                return
            self._take(run, letter, rest)
        reins.drop()
        code = self._process.wait()
        gone = ChildProcessError(f"the process that ran {run.action} ended with code {code}")
        run.sink.ended(run, failed(run, gone))

    def _take(self, run: Run, letter: str, rest: str) -> None:
        if letter == "V":
            run.yields += 1
            run.values.append(rest)
            if not run.is_announced:
                run.is_announced = True
                run.sink.yielded(run)
        elif letter == "P":
            run.say_progress(*loads(rest))
        elif letter == "L":
            run.say(*loads(rest))
        elif letter == "S":
            run.sink.paused(run, rest == "1")
        elif letter == "M":
            self._relay.received(rest)

    def kill(self) -> None:
        """End the process at once."""
        self._is_killed = True
        self._process.kill()

    def end(self) -> None:
        """Let the process end by itself, for a moment; then kill it."""
        self._relay.close()
        with self._writing, suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _describe(run: Run, app: App) -> dict[str, Any]:
    function = run.registration.function
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    return {
        "task": run.task,
        "attempt": run.attempt,
        "action": run.action,
        "args": run.args,
        "root": run.root,
        "parent": run.parent,
        "person": run.person,
        "app": run.app,
        "credit": run.credit,
        "identifier": app.identifier,
        "module": function.__module__,
        "qualname": function.__qualname__,
        "main_file": getattr(main, "__file__", None),
        "main_name": spec.name if spec is not None else None,
        "path": sys.path,
    }
