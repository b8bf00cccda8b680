"""Migrates a database in child processes that die in the middle. Run as a module: address, folder of migrations.

Each line of standard input is a number: a child migrates and is killed just before its statement of that number. The
answer is `killed`, or `done` when it had fewer statements than that.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url
from sqlalchemy.engine import Engine

from arkitekt_next.storage.migrations import migrate, upgrade

assert upgrade  # loaded here, once, instead of in every child


def migrate_and_die(url: str, folder: Path, at: int) -> None:
    numbers = count(1)

    def die(*_: Any) -> None:
        if next(numbers) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    asyncio.run(migrate(make_url(url), folder=folder))
    os._exit(0)


def main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            migrate_and_die(url, folder, int(line))
        status = os.waitpid(child, 0)[1]
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else f"done {status}", flush=True)


if __name__ == "__main__":
    main()
