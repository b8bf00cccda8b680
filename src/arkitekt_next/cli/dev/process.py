"""The parent's side: one child process, what it is told and what it tells.

Its output and its end are read by threads and handed to the loop. The rule: the end is reported last, once, and however
it came about.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any

from arkitekt_next.cli.project import Project
from arkitekt_next.platform import IS_WINDOWS

_MODULE = "arkitekt_next.cli.dev.child"
_LAST_WORDS_S = 0.5

News = Callable[["ChildProcess", dict[str, Any]], None]


class ChildProcess:
    """A child; `news` is called on the loop with every event, and with `exited` when it is gone."""

    def __init__(self, number: int, news: News, environment: Mapping[str, str]) -> None:
        self.number = number
        self.identifier = ""
        self.is_loaded = False
        self.actions: dict[str, dict[str, str]] = {}
        self.is_told_to_stop = False
        self._news = news
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            # In a session of its own a Ctrl-C reaches the parent only, which lets the child finish its work.
            start_new_session=not IS_WINDOWS,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._commands: IO[bytes] = self._process.stdin
        reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(reader,), daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self._exited.is_set()

    def load(self, project: Project) -> None:
        """Let it import the app."""
        given = {
            "folder": str(project.folder),
            "module": project.module,
            "identifier": project.identifier,
            "version": project.version,
            "is_declared": project.is_declared,
        }
        self._say({"do": "load", "project": given})

    def serve(self, *, is_shared: bool, keeps_sources: bool, url: str | None) -> None:
        """Let it connect; shared: so that the team may see and call it."""
        self._say({"do": "serve", "is_shared": is_shared, "keeps_sources": keeps_sources, "url": url})

    async def stop(self, patience_s: float) -> None:
        """Let it drain and end; kill it when that takes too long."""
        self.is_told_to_stop = True
        self._say({"do": "stop"})
        try:
            async with asyncio.timeout(patience_s):
                await self._exited.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once."""
        self.is_told_to_stop = True
        self._process.kill()
        await self._exited.wait()

    def _say(self, command: dict[str, Any]) -> None:
        with suppress(OSError, ValueError):  # it has ended; `exited` says so
            self._commands.write((json.dumps(command) + "\n").encode())
            self._commands.flush()

    def _read(self, events: IO[bytes]) -> None:
        for line in events:
            with suppress(ValueError):
                self._post(self._news, json.loads(line))

    def _wait(self, reader: threading.Thread) -> None:
        code = self._process.wait()
        reader.join(_LAST_WORDS_S)
        self._post(self._over, {"event": "exited", "code": code})

    def _over(self, _: ChildProcess, event: dict[str, Any]) -> None:
        self._exited.set()
        self._news(self, event)

    def _post(self, news: News, event: dict[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody wants to know any more
            self._loop.call_soon_threadsafe(news, self, event)
