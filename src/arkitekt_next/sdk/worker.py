"""The process at the other end of `executor="process"`: it imports the function, runs it, and says what it does.

It is started by `processes` as `python -m arkitekt_next.sdk.worker` and speaks the lines described there. The rule:
what a function prints goes to the log of its task and to the standard error, never between the lines.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
import queue
import sys
import threading
from collections.abc import Coroutine
from typing import IO, Any

from arkitekt_next.platform import new_event_loop
from arkitekt_next.wire.codec import dumps, loads

from .app import App
from .capture import OutputCapture
from .login import Access
from .loop import transport_thread, user_thread
from .registration import MARK, Registration
from .run import Run, Sink
from .runner import failed, run_in_thread, run_on_loop
from .transport import Receiver, Transport

_MAIN = "__arkitekt_main__"


class PipeSink(Sink):
    """Writes what a run reports to the parent, line by line."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Write one line."""
        with self._lock:
            self._pipe.write(f"{line}\n")
            self._pipe.flush()

    def yielded(self, run: Run) -> None:
        for text in run.take_values():
            self.say(f"V{text}")

    def progressed(self, run: Run) -> None:
        run.is_progress_due = False
        self.say(f"P{dumps(list(run.progress or (None, '')))}")

    def logged(self, run: Run) -> None:
        for level, message in run.take_lines():
            self.say(f"L{dumps([level, message])}")

    def paused(self, run: Run, is_paused: bool) -> None:
        self.say(f"S{int(is_paused)}")

    def ended(self, run: Run, fields: str) -> None:
        run.is_ended = True
        self.say(f"E{fields}")


class PipeTransport(Transport):
    """Frames to the parent, which passes them on over its own connection."""

    def __init__(self, sink: PipeSink, receiver: Receiver) -> None:
        self._sink = sink
        self.receiver = receiver

    @property
    def is_writable(self) -> bool:
        return True

    def send(self, frame: str) -> None:
        self._sink.say(f"M{frame}")

    def close(self, code: int = 1000, reason: str = "") -> None:
        transport_thread().loop.call_soon_threadsafe(self.receiver.closed, code, reason)

    def abort(self) -> None:
        self.close(1006)


class WorkerHost:
    """What a run here asks of its host."""

    def __init__(self, app: App) -> None:
        self.app = app

    def wait_on_user_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine on this process's user loop and block until it is done."""
        return user_thread().run(work)


class WorkerProcess:
    """The state of this process: the task it runs, and the lines that steer it."""

    def __init__(self, source: IO[str], pipe: IO[str]) -> None:
        self._source = source
        self._sink = PipeSink(pipe)
        self._requests: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._current: Run | None = None
        self._early: list[str] = []
        self._transport: PipeTransport | None = None
        self._hosts: dict[str, WorkerHost] = {}
        self._lock = threading.Lock()

    def main(self) -> None:
        """Run tasks in this (the main) thread until the parent closes the pipe."""
        threading.Thread(target=self._read, name="arkitekt-worker-reader", daemon=True).start()
        while (request := self._requests.get()) is not None:
            self._serve(request)

    def _read(self) -> None:
        for line in self._source:
            letter, rest = line[0], line[1:-1]
            if letter == "R":
                with self._lock:  # the main thread may still be about to let go of the task before
                    self._current = None
                    self._early.clear()
                self._requests.put(loads(rest))
            elif letter in "MD":
                self._network(letter, rest)
            else:
                with self._lock:
                    run = self._current
                    if run is None:
                        self._early.append(letter + rest)
                if run is not None:
                    _steer(run, letter, rest)
        self._requests.put(None)

    def _network(self, letter: str, rest: str) -> None:
        transport = self._transport
        if transport is None:
            return
        loop = transport_thread().loop
        if letter == "M":
            loop.call_soon_threadsafe(transport.receiver.received, rest)
        else:
            loop.call_soon_threadsafe(transport.receiver.closed, 1006, "the parent's connection broke")

    def _serve(self, request: dict[str, Any]) -> None:
        run = _make_run(request, self._sink)
        try:
            sys.path[:] = request["path"]
            registration = _find(request)
            run.registration = registration
            run.host = self._host(request["identifier"])
        except BaseException as error:
            self._sink.ended(run, failed(run, error))
            return
        with self._lock:
            self._current = run
            early, self._early = self._early, []
        for line in early:
            _steer(run, line[0], line[1:])
        try:
            if registration.is_async:
                run.on_cancel = _cancel_on_loop
                with asyncio.Runner(loop_factory=new_event_loop) as runner:
                    runner.run(_run_async(run))
            else:
                run_in_thread(run)
        finally:
            with self._lock:
                if self._current is run:
                    self._current = None

    def _host(self, identifier: str) -> WorkerHost:
        host = self._hosts.get(identifier)
        if host is None:
            app = App(identifier, dial=self._dial, access=lambda: Access("parent", ""))
            host = self._hosts[identifier] = WorkerHost(app)
        return host

    async def _dial(self, url: str, token: str, receiver: Receiver) -> Transport:
        self._transport = PipeTransport(self._sink, receiver)
        return self._transport


def _make_run(request: dict[str, Any], sink: Sink) -> Run:
    names = ("task", "attempt", "action", "args", "root", "parent", "person", "app", "credit")
    nothing: Any = None
    return Run(registration=nothing, sink=sink, host=None, **{name: request[name] for name in names})


def _steer(run: Run, letter: str, rest: str) -> None:
    if letter == "X":
        run.cancel(loads(rest))
        return
    if letter == "K":
        run.credit = max(run.credit, int(rest))
    elif letter == "Z":
        run.is_pause_wanted, run.steps = True, 0
    elif letter == "G":
        run.is_pause_wanted = False
    elif letter == "T":
        run.steps += 1
    run.wake()


async def _run_async(run: Run) -> None:
    run.loop_task = asyncio.current_task()
    run.extra = asyncio.get_running_loop()
    try:
        await run_on_loop(run)
    except asyncio.CancelledError:
        pass


def _cancel_on_loop(run: Run) -> None:
    if run.extra is not None and run.loop_task is not None:
        run.extra.call_soon_threadsafe(run.loop_task.cancel, run.cancel_reason)


def _find(request: dict[str, Any]) -> Registration:
    module = _module(request)
    function: Any = module
    for part in request["qualname"].split("."):
        function = getattr(function, part)
    mark = getattr(function, MARK, None)
    if mark is None:
        App(request["identifier"]).register(name=request["action"])(function)
        mark = getattr(function, MARK)
    registration: Registration = mark[1]
    return registration


def _module(request: dict[str, Any]) -> Any:
    if request["module"] != "__main__":
        return importlib.import_module(request["module"])
    if request["main_name"]:
        return importlib.import_module(request["main_name"])
    if _MAIN in sys.modules:
        return sys.modules[_MAIN]
    spec = importlib.util.spec_from_file_location(_MAIN, request["main_file"])
    if spec is None or spec.loader is None:
        raise ImportError(f"{request['main_file']} can't be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MAIN] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Take over the pipes, then serve."""
    source = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="surrogatepass")
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.dup2(2, 1)
    OutputCapture().install()
    WorkerProcess(source, pipe).main()


if __name__ == "__main__":
    main()
