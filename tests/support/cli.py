"""The command line in processes of its own, each test with a home of its own."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.support import warm

DEADLINE_S = 60.0
COMMAND = [sys.executable, "-m", "arkitekt_next"]


class Program:
    """A running command; what it prints is read line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: Queue[str | None] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def says(self, text: str, within: float = DEADLINE_S) -> str:
        """Wait for the next line that holds `text`; give it."""
        deadline = time.monotonic() + within
        while True:
            try:
                line = self._queue.get(timeout=max(0.01, deadline - time.monotonic()))
            except Empty:
                raise AssertionError(f"no {text!r} within {within} s; it said {self.lines}") from None
            assert line is not None, f"it ended without {text!r}; it said {self.lines}"
            if text in line:
                return line

    def end(self, within: float = DEADLINE_S) -> int:
        """Wait for the end; give the exit code."""
        return self.process.wait(within)


@dataclass
class Home:
    """A user of the command line: folders, environment, and everything that was started."""

    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    is_warm: bool = False
    """Whether `run` spares its processes to load libraries; see `warm`."""

    @property
    def hub_folder(self) -> Path:
        """Where this user's hub lies."""
        return self.folder / "hub"

    @property
    def environment(self) -> dict[str, str]:
        """What the processes see; nothing of the tests' own configuration reaches them."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ARKITEKT_") and name not in ("PYTHONDONTWRITEBYTECODE", "NO_COLOR", "FORCE_COLOR")
        }
        own = {
            "HOME": str(self.folder),
            "ARKITEKT_HUB_FOLDER": str(self.hub_folder),
            "ARKITEKT_STATE_FOLDER": str(self.folder / "state"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
        }
        return {**kept, **own, **self.more}

    def run(self, *arguments: str, at: Path | None = None, **environment: str) -> Done:
        """Run a command to its end."""
        began = time.monotonic()
        place, seen = at or self.folder, {**self.environment, **environment}
        if self.is_warm:
            done = warm.run(COMMAND[-1], list(arguments), cwd=place, env=seen, timeout=DEADLINE_S)
        else:
            done = subprocess.run(
                [*COMMAND, *arguments],
                cwd=place,
                env=seen,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
            )
        return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    @contextmanager
    def started(self, *arguments: str, at: Path | None = None, **environment: str) -> Iterator[Program]:
        """Run a command that goes on until the block ends."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=at or self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield Program(process)
        finally:
            end_group(process)

    def hub_process(self) -> int:
        """Give the process id of this user's hub."""
        return int(json.loads((self.hub_folder / "hub.json").read_text())["pid"])

    def end_hub(self) -> None:
        """Kill this user's hub if one runs."""
        with suppress(OSError, ValueError, KeyError):
            os.kill(self.hub_process(), signal.SIGKILL)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """What it printed, line by line."""
        return self.out.splitlines()


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process and whatever it started in its group: kindly first, so that it ends its own children."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Terminal:
    """A command with a person in front of it: a pseudo-terminal whose keys the test presses."""

    def __init__(self, arguments: list[str], *, at: Path, environment: Mapping[str, str]) -> None:
        self.shown = ""
        self.pid, self._handle = pty.fork()
        if self.pid == 0:
            os.chdir(at)
            os.execve(COMMAND[0], [*COMMAND, *arguments], {**environment, "TERM": "xterm", "COLUMNS": "100"})

    def until(self, text: str, within: float = DEADLINE_S) -> None:
        """Wait until a text has been shown."""
        deadline = time.monotonic() + within
        while text not in self.shown:
            assert time.monotonic() < deadline, f"no {text!r} in {self.shown!r}"
            if not self._read(0.1):
                assert text in self.shown, f"it ended without {text!r}: {self.shown!r}"

    def press(self, keys: str) -> None:
        """Type."""
        self.shown = ""
        os.write(self._handle, keys.encode())

    def end(self) -> int:
        """Read everything to the end; give the exit code."""
        deadline = time.monotonic() + DEADLINE_S
        while self._read(0.1):
            assert time.monotonic() < deadline, f"it does not end: {self.shown!r}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self, wait_s: float) -> bool:
        ready, _, _ = select.select([self._handle], [], [], wait_s)
        if not ready:
            return True
        try:
            got = os.read(self._handle, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += got.decode("utf-8", "replace")
        return bool(got)

    def close(self) -> None:
        """End it, if it has not."""
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._handle)


@contextmanager
def home_at(folder: Path, *, is_warm: bool = False) -> Iterator[Home]:
    """A user with an empty home; a hub that was started in it is ended."""
    folder.mkdir(parents=True, exist_ok=True)
    home = Home(folder, is_warm=is_warm)
    try:
        yield home
    finally:
        home.end_hub()


def write_app(folder: Path, text: str, identifier: str = "lab") -> Path:
    """Write an app of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(f'[tool.arkitekt_next]\nidentifier = "{identifier}"\n')
    (folder / "app.py").write_text(text)
    return folder
