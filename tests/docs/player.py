"""Carries out the steps of a page as a reader would: Python in one process, commands in a shell, in an empty folder.

The rule: what goes on for ever (`run dev`, a hub in the foreground, the demo) is started, awaited by the output that
the page shows, and stopped at the end.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.docs.pages import ROOT, Command, Step, commands, missing_line

DEADLINE_S = 60.0
_RUN = re.compile(r"(arkitekt-next|make|python|mkdir|cd|cat|curl)\b|[A-Z_]+=\S+ (arkitekt-next|make)\b")
_FOR_EVER = re.compile(r"arkitekt-next (app )?run (dev|prod)\b|arkitekt-next hub start\b(?!.*--background)|make demo\b")
_NEVER_HERE = re.compile(r"make (test|bench|bars|chaos|lock|clean|format|docs|lint|types|contracts|unit)\b")


class Player:
    """One page being followed. `hub` is the folder of a hub that runs; without it the page starts its own, if any."""

    def __init__(self, name: str, home: Path, hub: Path | None) -> None:
        self.name = name
        self._home = home
        self.place = home / "lab"
        self.place.mkdir()
        self.environment = surroundings(home, hub)
        self._printed = ""
        self._session: subprocess.Popen[str] | None = None
        self._running: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []

    def play(self, steps: list[Step]) -> None:
        """Carry out steps; raise `AssertionError` at the first that goes otherwise than the page says."""
        for step in steps:
            if step.directive is not None:
                self._write(step)
            elif step.kind == "console":
                for command in commands(step):
                    self._command(command, step.line)
            elif step.kind == "output":
                self._compare(step)
            else:
                self._python(step)

    def _write(self, step: Step) -> None:
        assert step.directive is not None
        path = self.place / step.directive[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.text, encoding="utf-8")

    # -- Python ----------------------------------------------------------------------------------------------

    def _python(self, step: Step) -> None:
        answer = self._ask({"kind": step.kind, "text": step.text, "line": step.line})
        self._printed = answer["printed"]
        assert answer["failure"] is None, f"{self.name}:{step.line}: {answer['failure']}\n{self._printed}"

    def _ask(self, request: dict[str, object]) -> dict[str, str]:
        if self._session is None:
            self._session = subprocess.Popen(
                [sys.executable, "-m", "tests.docs.session", self.name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.place,
                env={**self.environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *_python_path()])},
                encoding="utf-8",
            )
        session = self._session
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write(json.dumps(request) + "\n")
        session.stdin.flush()
        line = session.stdout.readline()
        assert line, f"{self.name}: the page's process ended with {session.wait(5)}"
        answer: dict[str, str] = json.loads(line)
        return answer

    def _compare(self, step: Step) -> None:
        missing = missing_line(step.text.splitlines(), self._printed)
        assert missing is None, f"{self.name}:{step.line}: expected {missing!r} in\n{self._printed}"

    # -- commands --------------------------------------------------------------------------------------------

    def _command(self, command: Command, line: int) -> None:
        if not _RUN.match(command.text):
            return
        where = f"{self.name}:{line}: $ {command.text}"
        if _NEVER_HERE.match(command.text):
            self._finish(Command(f"make --dry-run {command.text[5:]}", (), 0), where, ROOT)
        elif _FOR_EVER.search(command.text):
            self._start(command, where)
        else:
            self._finish(command, where, self.place)

    def _finish(self, command: Command, where: str, folder: Path) -> None:
        script = f"{command.text}\ncode=$?; printf '\\0%s' \"$PWD\"; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE_S,
            encoding="utf-8",
        )
        got, _, place = done.stdout.partition("\0")
        if folder == self.place and place:
            self.place = Path(place)
        assert done.returncode == command.code, f"{where}: exit code {done.returncode}\n{got}"
        missing = missing_line(command.expected, got)
        assert missing is None, f"{where}: expected {missing!r} in\n{got}"

    def _start(self, command: Command, where: str) -> None:
        assert command.expected, f"{where}: it goes on for ever, so the page has to show what it prints"
        folder = ROOT if command.text.startswith("make") or " make " in command.text else self.place
        path = self.place / f".output-{len(self._running)}"
        log = path.open("wb")
        self._logs.append(log)
        process = subprocess.Popen(
            ["bash", "-c", f"exec {_as_exec(command.text)}"],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.append(process)
        deadline = time.monotonic() + DEADLINE_S
        while (missing := missing_line(command.expected, path.read_text(errors="replace"))) is not None:
            got = path.read_text(errors="replace")
            assert process.poll() is None, f"{where}: it ended with {process.returncode}\n{got}"
            assert time.monotonic() < deadline, f"{where}: expected {missing!r} in\n{got}"
            time.sleep(0.02)

    # -- the end ---------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            assert self._session.stdin is not None
            self._session.stdin.close()
            _wait(self._session)
            assert self._session.stdout is not None
            self._session.stdout.close()
        for process in reversed(self._running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            _wait(process)
        for log in self._logs:
            log.close()
        if (self._home / "hub" / "hub.json").exists():
            subprocess.run(["arkitekt-next", "hub", "stop"], env=self.environment, capture_output=True, timeout=30)


def surroundings(home: Path, hub: Path | None) -> dict[str, str]:
    """Give the environment of a page: this installation first on the path, nothing of the user's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ARKITEKT_")}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
        "ARKITEKT_HUB_FOLDER": str(hub or home / "hub"),
        "ARKITEKT_STATE_FOLDER": str(home / "state"),
        "VENV": str(_environment_for_make(home)),
        "NO_COLOR": "1",
        "COLUMNS": "120",
    }


def _environment_for_make(home: Path) -> Path:
    """Make a virtual environment for the Makefile that is this one and counts as installed."""
    made = home / "venv"
    made.mkdir()
    for name in ("bin", "lib", "lib64", "include", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (made / name).symlink_to(Path(sys.prefix) / name)
    (made / ".installed").touch()
    return made


def _as_exec(text: str) -> str:
    return f"env {text}" if re.match(r"[A-Z_]+=", text) else text


def _wait(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
