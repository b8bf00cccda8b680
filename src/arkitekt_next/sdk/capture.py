"""What a function prints becomes lines of its task's log, and is printed all the same.

The proxies look at the current task; outside one they only pass on. The rule: they are in place only while an app is hosted, and go away in
the order they came, so nothing of another's redirection is lost.
"""

from __future__ import annotations

import sys
from typing import Any, TextIO

from .run import CURRENT, Run

_installed: list[OutputCapture] = []


class _Proxy:
    """A text stream that also feeds the current task's log, a line at a time."""

    def __init__(self, stream: TextIO, level: str) -> None:
        self._stream = stream
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
        return self._stream.write(text)

    def _forget_ended(self) -> None:
        self._parts = {run: part for run, part in self._parts.items() if not run.is_ended}

    def finish(self, run: Run) -> None:
        """Log what a run printed without a line end."""
        rest = self._parts.pop(run, "")
        if rest.strip():
            run.say(self._level, rest.rpartition("\r")[2])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class OutputCapture:
    """Puts the proxies in place of `sys.stdout` and `sys.stderr`, and takes them away again."""

    def __init__(self) -> None:
        self._proxies: tuple[_Proxy, _Proxy] | None = None
        self._streams: tuple[TextIO, TextIO] | None = None

    def install(self) -> None:
        """Start capturing; a process captures once, however many apps it hosts."""
        _installed.append(self)
        if len(_installed) > 1:
            return
        self._streams = (sys.stdout, sys.stderr)
        self._proxies = (_Proxy(sys.stdout, "stdout"), _Proxy(sys.stderr, "stderr"))
        sys.stdout, sys.stderr = self._proxies

    def remove(self) -> None:
        """Stop capturing; what somebody else put in place meanwhile stays."""
        if self not in _installed:
            return
        _installed.remove(self)
        if self._proxies is None or self._streams is None:
            return
        if _installed:  # another app goes on with these proxies
            _installed[0]._proxies, _installed[0]._streams = self._proxies, self._streams
            self._proxies = self._streams = None
            return
        if sys.stdout is self._proxies[0]:
            sys.stdout = self._streams[0]
        if sys.stderr is self._proxies[1]:
            sys.stderr = self._streams[1]
        self._proxies = self._streams = None


def finish_output(run: Run) -> None:
    """Log what a run printed without a line end, before its end is reported."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Proxy):
            stream.finish(run)
