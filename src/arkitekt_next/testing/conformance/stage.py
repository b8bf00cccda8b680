"""The processes of a conformance run: a hub that can be killed, and the candidates.

The rule: every process that is started here is ended here, whatever happened in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from arkitekt_next.testing.conformance.raw import DEADLINE_S, Failed, News

_HUB = (
    "import sys, json; from pathlib import Path; from arkitekt_next.hub.core.config import HubSettings;"
    "from arkitekt_next.hub.server import run;"
    "run(HubSettings(folder=Path(sys.argv[1]), **json.loads(sys.argv[2])), on_ready=lambda url: print(url, flush=True))"
)
HUB_SETTINGS: dict[str, Any] = {
    "log_level": "warning",
    "lease_s": 4.0,
    "heartbeat_s": 1.0,
    "grace_s": 20.0,
    "durability": "normal",
}
_START_S = 30.0
_END_S = 5.0


class Hub:
    """A hub in a process of its own; after a kill it starts again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "hub.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _HUB, str(self.folder), json.dumps(HUB_SETTINGS)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = await self._process.stdout.readline()
        if not line:
            raise Failed(f"the hub did not start: {(self.folder / 'hub.log').read_text()[-1000:]}")
        self.url = line.decode().strip()

    async def kill(self) -> None:
        """Kill it without warning."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and see to it."""
        await end(self._process)


class Candidate:
    """A client under test. What it prints is read line by line; its standard error goes to a file."""

    def __init__(self, name: str, command: str, folder: Path, *options: str) -> None:
        self.name = name
        self.lines: list[dict[str, Any]] = []
        self.news = News()
        self.process: asyncio.subprocess.Process | None = None
        self._command = [*shlex.split(command), *options]
        self._log = folder / f"{name}.log"
        self._reader: asyncio.Task[None] | None = None

    async def start(self, **environment: str) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, **environment},
                limit=16 * 1024 * 1024,
            )
        self._reader = asyncio.create_task(self._read(self.process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if isinstance(said, dict):
                    self.lines.append(said)
                    self.news.notify()
        self.news.notify()

    async def command(self, **fields: Any) -> None:
        """Write one command on its standard input."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(fields).encode() + b"\n")
        await self.process.stdin.drain()

    async def kill(self) -> None:
        """Kill it without warning."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    def terminate(self) -> None:
        """Ask it to end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    async def exited(self, within: float = DEADLINE_S) -> int:
        """Wait for its end; give the exit code."""
        assert self.process is not None
        try:
            async with asyncio.timeout(within):
                return await self.process.wait()
        except TimeoutError:
            raise Failed(f"the process did not end within {within:g} s") from None

    async def stop(self) -> None:
        """End it if it still runs."""
        await end(self.process)
        if self._reader is not None:
            await self._reader

    def last_words(self) -> str:
        """Give the end of what it wrote to its standard error."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return text[-400:].strip()


async def end(process: asyncio.subprocess.Process | None) -> None:
    """Ask a process to end; kill it when it does not."""
    if process is None or process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
