"""The child's side of the line to its parent.

Standard input and output belong to the line; what user code prints goes to standard error, and what it reads is
empty. The rule: telling never waits, so a terminal that stands still can't stop an app.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from typing import Any

_LIMIT = 10_000


class Channel:
    """Commands in, events out."""

    def __init__(self) -> None:
        self._commands = os.fdopen(os.dup(0), "r", encoding="utf-8")
        self._events = os.dup(1)
        _take_streams_away()
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="dev-events", daemon=True)
        self._writer.start()

    def commands(self) -> Iterator[dict[str, Any]]:
        """Give what the parent says, until it is gone."""
        for line in self._commands:
            yield json.loads(line)

    def tell(self, event: str, **fields: Any) -> None:
        """Tell the parent something; from any thread. News of tasks are dropped when it does not listen."""
        if event.startswith("task") and self._queue.qsize() > _LIMIT:
            return
        self._queue.put((json.dumps({"event": event, **fields}, default=str) + "\n").encode())

    def close(self) -> None:
        """Tell everything that is left, for at most a second."""
        self._queue.put(None)
        self._writer.join(1.0)

    def _write(self) -> None:
        while (line := self._queue.get()) is not None:
            view = memoryview(line)
            try:
                while view:
                    view = view[os.write(self._events, view) :]
            except OSError:  # the parent is gone; the end of the commands says so too
                return


def _take_streams_away() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
