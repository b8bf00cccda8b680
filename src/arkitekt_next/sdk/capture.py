"""What a function prints becomes lines of its task's log, and is printed all the same.

The proxies look at the current task; outside one they only pass on. The rule: they are in place only while an app
is hosted, and go away in the order they came, so nothing of another's redirection is lost.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from .run import CURRENT, Run

_active: list[OutputCapture] = []


class _Proxy:
    """A text stream that also feeds the current task's log, a line at a time."""

    def __init__(self, stream: TextIO, level: str) -> None:
        self.stream = stream
        self._level = level
        self._parts: dict[Run, str] = {}

    def write(self, text: str) -> int:
        run = CURRENT.get()
        if run is not None and not run.is_ended:
            whole = self._parts.pop(run, "") + text
            *lines, rest = whole.split("\n")
            for line in lines:
                run.say(self._level, line.rpartition("\r")[2])
            if rest:
                self._parts[run] = rest[-65536:]
                if len(self._parts) > 64:
                    self._forget_ended()
        return self.stream.write(text)

    def _forget_ended(self) -> None:
        self._parts = {run: part for run, part in self._parts.items() if not run.is_ended}

    def finish(self, run: Run) -> None:
        """Log what a run printed without a line end."""
        if run not in self._parts:
            return
        rest = self._parts.pop(run)
        if rest.strip():
            run.say(self._level, rest.rpartition("\r")[2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class TaskLogHandler(logging.Handler):
    """Puts what is logged with `logging` inside a task into the task's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record in the current task, if there is one."""
        run = CURRENT.get()
        if run is not None and not record.name.startswith("arkitekt_next."):
            run.say(_level_of(record.levelno), self.format(record))


def _level_of(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


class OutputCapture:
    """Puts the proxies in place of `sys.stdout` and `sys.stderr`, and takes them away again."""

    def __init__(self, *, captures_logging: bool = False) -> None:
        self._handler = TaskLogHandler() if captures_logging else None

    def install(self) -> None:
        """Start capturing; a process captures once, however many apps it hosts."""
        _active.append(self)
        capture_output()
        if self._handler is not None:
            logging.getLogger().addHandler(self._handler)

    def remove(self) -> None:
        """Stop capturing, if no other app goes on; what somebody else put in place meanwhile stays."""
        if self not in _active:
            return
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
        _active.remove(self)
        if _active:
            return
        if isinstance(sys.stdout, _Proxy):
            sys.stdout = sys.stdout.stream
        if isinstance(sys.stderr, _Proxy):
            sys.stderr = sys.stderr.stream


def capture_output() -> None:
    """Put the proxies in place again, if somebody (a test runner, a notebook) has exchanged the streams."""
    if not _active:
        return
    if not isinstance(sys.stdout, _Proxy):
        sys.stdout = _Proxy(sys.stdout, "stdout")
    if not isinstance(sys.stderr, _Proxy):
        sys.stderr = _Proxy(sys.stderr, "stderr")


def finish_output(run: Run) -> None:
    """Log what a run printed without a line end, before its end is reported."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Proxy):
            stream.finish(run)
