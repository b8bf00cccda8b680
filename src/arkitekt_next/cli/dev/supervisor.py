"""The parent of `run dev`: decides which version of the app serves, and keeps one serving.

Three things can happen: the sources change, a child tells something, the user stops it. They come in through one queue
and are dealt with one after the other; only a handover takes its time beside them. The rule: the serving version is
touched only when a newer one has been imported without a fault.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from arkitekt_next.cli.dev.entering import DevSignIn
from arkitekt_next.cli.dev.hub import DevHub
from arkitekt_next.cli.dev.process import ChildProcess
from arkitekt_next.cli.dev.screen import Screen
from arkitekt_next.cli.dev.watching import Watcher, changed_names, snapshot
from arkitekt_next.cli.project import Project, find_project, require_source
from arkitekt_next.errors import ArkitektError

DRAIN_S = 10.0
_STOP_S = DRAIN_S + 20.0
_BACKOFF_S = (0.2, 1.0, 2.0, 5.0, 10.0)
_PROVEN_S = 30.0
_LONG_S = 0.5
_IMPORT_S = 10.0

Event = tuple[str, Any, dict[str, Any]]


@dataclass(slots=True)
class Options:
    """How `run dev` was asked for."""

    folder: Path
    module: str | None
    is_shared: bool
    is_headless: bool = False
    keeps_sources: bool = False

    def project(self) -> Project:
        """Read what `pyproject.toml` says now."""
        return find_project(self.folder, self.module)


@dataclass(slots=True)
class Attempt:
    """The newest version that was tried: its files, when it began, and why."""

    files: dict[Path, str] = field(default_factory=dict)
    began: float = 0.0
    is_broken: bool = False
    reason: str = "start"


class Supervisor:
    """One `run dev`."""

    def __init__(self, options: Options, hub: DevHub, screen: Screen) -> None:
        self._options = options
        self._hub = hub
        self._screen = screen
        self._project = options.project()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._serving: ChildProcess | None = None
        self._candidate: ChildProcess | None = None
        self._handover: asyncio.Task[None] | None = None
        self._attempt = Attempt()
        self._is_dirty = False
        self._has_failed = False
        self._count = 0
        self._crashes = 0
        self._served_since = 0.0
        self._last: dict[str, dict[str, str]] | None = None
        self._identifier = ""
        self._tasks: dict[str, asyncio.TimerHandle] = {}
        self._stops = 0
        self._background: set[asyncio.Task[Any]] = set()
        self._sign_in = DevSignIn(headless=options.is_headless)

    async def run(self) -> None:
        """Serve until the user stops it."""
        require_source(self._project)
        loop = asyncio.get_running_loop()
        watcher = Watcher(lambda: self._project, partial(loop.call_soon_threadsafe, self._put, "changed"))
        with self._signals(loop):
            self._begin("start")
            watcher.start()
            try:
                await self._until_stopped()
            finally:
                watcher.stop()
                kept = await self._end()
        self._screen.stopped(hub_kept=kept)

    async def _until_stopped(self) -> None:
        opening = asyncio.create_task(self._hub.open(), name="dev hub")
        opening.add_done_callback(self._hub_opened)
        while True:
            name, child, event = await self._events.get()
            if name == "stop":
                return
            if event.get("error") is not None and name in ("hub", "sign_in"):
                raise event["error"]
            if name == "hub":
                self._hub.show(self._screen)
                self._hand_over_if_ready()
            elif name == "changed":
                self._changed()
            elif name == "again":
                self._begin_again()
            elif name == "child":
                self._heard(child, event)

    def _hub_opened(self, done: asyncio.Task[None]) -> None:
        if not done.cancelled():
            self._put("hub", error=done.exception())

    def _begin_again(self) -> None:
        """Start anew after a crash, unless an edit has done so meanwhile."""
        if self._candidate is None and self._handover is None and not self._is_serving:
            self._begin("crash")

    @contextlib.contextmanager
    def _signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels the main task instead
            for number in numbers:
                loop.add_signal_handler(number, self._stop_wanted)
        try:
            yield
        finally:
            with contextlib.suppress(NotImplementedError):
                for number in numbers:
                    loop.remove_signal_handler(number)

    def _stop_wanted(self) -> None:
        self._stops += 1
        if self._stops == 1:
            self._put("stop")
        elif self._serving is not None:
            self._beside(self._serving.kill())

    def _beside(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    # -- versions --------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        files = snapshot(self._project)
        if files == self._attempt.files and not self._attempt.is_broken:
            return
        if self._handover is not None:
            self._is_dirty = True
            return
        self._screen.reloading(changed_names(self._attempt.files, files, self._project.folder))
        self._begin("edit")

    def _begin(self, reason: str) -> None:
        """Start importing what lies on the disk now; whatever is being imported is out of date."""
        if self._candidate is not None:
            self._beside(self._candidate.kill())
            self._candidate = None
        try:
            self._project = self._options.project()
        except ArkitektError as refused:
            self._attempt = Attempt(snapshot(self._project), time.monotonic(), True, reason)
            self._screen.broken(refused.message, "", is_serving=self._is_serving)
            return
        self._attempt = Attempt(snapshot(self._project), time.monotonic(), False, reason)
        self._count += 1
        environment = {"ARKITEKT_APP": self._project.identifier, **self._hub.environment}
        self._candidate = ChildProcess(self._count, self._child_told, environment)
        self._candidate.load(self._project)
        asyncio.get_running_loop().call_later(_IMPORT_S, self._check_import, self._candidate)

    def _check_import(self, candidate: ChildProcess) -> None:
        if candidate is self._candidate and not candidate.is_loaded:
            self._screen.importing()

    @property
    def _is_serving(self) -> bool:
        return self._serving is not None and self._serving.is_alive

    def _child_told(self, child: ChildProcess, event: dict[str, Any]) -> None:
        self._events.put_nowait(("child", child, event))

    def _put(self, name: str, **fields: Any) -> None:
        self._events.put_nowait((name, None, fields))

    def _hand_over_if_ready(self) -> None:
        candidate = self._candidate
        if candidate is None or not candidate.is_loaded or not self._hub.is_open or self._handover is not None:
            return
        self._handover = asyncio.create_task(self._hand_over(candidate), name="dev handover")

    async def _hand_over(self, candidate: ChildProcess) -> None:
        """Let the serving version finish what it does, then let the new one begin."""
        if self._serving is not None and self._serving.is_alive:
            self._screen.finishing(len(self._tasks))
            await self._serving.stop(_STOP_S)
        self._serving, self._candidate, self._handover = candidate, None, None
        self._has_failed = False
        if not candidate.is_alive:
            self._died(candidate, -signal.SIGKILL)
            return
        options = self._options
        candidate.serve(is_shared=options.is_shared, keeps_sources=options.keeps_sources, url=self._hub.given_url)
        if self._is_dirty:
            self._is_dirty = False
            self._put("changed")

    # -- what children tell ----------------------------------------------------------------------------------

    def _heard(self, child: ChildProcess, event: dict[str, Any]) -> None:
        name = event["event"]
        if name == "task_started":
            self._task_started(event)
        elif name == "task_ended":
            self._task_ended(event)
        elif child is self._candidate:
            self._heard_candidate(child, event)
        elif child is self._serving:
            self._heard_serving(child, event)

    def _heard_candidate(self, child: ChildProcess, event: dict[str, Any]) -> None:
        name = event["event"]
        if name == "loaded":
            child.is_loaded, child.identifier, child.actions = True, event["identifier"], event["actions"]
            self._hand_over_if_ready()
        elif name in ("broken", "exited") and self._handover is None:
            self._candidate, self._attempt.is_broken = None, True
            message = event.get("message") or f"importing the app ended its process with code {event.get('code')}"
            self._screen.broken(message, event.get("trace", ""), is_serving=self._is_serving)

    def _heard_serving(self, child: ChildProcess, event: dict[str, Any]) -> None:
        name, screen = event["event"], self._screen
        if name == "serving":
            self._serves(child)
        elif name == "waiting":
            self._hub.missed(screen, str(event["reason"]))
        elif name == "disconnected":
            screen.disconnected(event["url"])
            self._beside(self._hub.bring_back(screen))
        elif name == "reconnected":
            self._hub.is_missed = False
            screen.reconnected()
        elif name == "not_kept":
            screen.not_kept(str(event["reason"]))
        elif name == "sign_in_needed":
            self._has_failed = True
            if not self._sign_in.is_under_way:
                self._beside(self._signed_in(event))
        elif name == "failed":
            self._has_failed = self._attempt.is_broken = True
            screen.failed(event["message"], event.get("trace", ""))
        elif name == "exited":
            self._died(child, int(event["code"]))

    async def _signed_in(self, needed: dict[str, Any]) -> None:
        """Let a person sign the app in, then start it again; when nobody does, this run ends with why."""
        if needed.get("has_ended"):
            self._screen.signed_out(str(needed["reason"]))
        try:
            await self._sign_in.ask(needed)
        except ArkitektError as failed:
            self._put("sign_in", error=failed)
        else:
            self._put("again")

    def _serves(self, child: ChildProcess) -> None:
        self._served_since = time.monotonic()
        self._hub.is_missed = False
        if self._last is None or child.identifier != self._identifier:
            source = self._project.source or self._project.folder
            self._screen.app(child.identifier, source, child.actions, is_shared=self._options.is_shared)
        elif self._attempt.reason == "crash":
            self._screen.restarted()
        else:
            self._screen.reloaded(self._last, child.actions, self._served_since - self._attempt.began)
        self._last, self._identifier = child.actions, child.identifier

    def _died(self, child: ChildProcess, code: int) -> None:
        for timer in self._tasks.values():
            timer.cancel()
        self._tasks.clear()
        self._serving = None
        if child.is_told_to_stop or self._has_failed or self._candidate is not None:
            return
        is_proven = time.monotonic() - self._served_since > _PROVEN_S
        self._crashes = 0 if is_proven else self._crashes
        again_s = _BACKOFF_S[min(self._crashes, len(_BACKOFF_S) - 1)]
        self._crashes += 1
        self._screen.crashed(code, again_s)
        asyncio.get_running_loop().call_later(again_s, self._put, "again")

    # -- tasks -----------------------------------------------------------------------------------------------

    def _task_started(self, event: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        self._tasks[event["task"]] = loop.call_later(_LONG_S, self._screen.task_runs, event["call"])

    def _task_ended(self, event: dict[str, Any]) -> None:
        timer = self._tasks.pop(event["task"], None)
        if timer is not None:
            timer.cancel()
        self._screen.task_ended(event)

    # -- the end ---------------------------------------------------------------------------------------------

    async def _end(self) -> str | None:
        """Let the serving version finish, end everything else at once; give what stops the hub that is kept."""
        await self._sign_in.give_up()
        if self._handover is not None:
            self._handover.cancel()
        others = [child for child in (self._candidate,) if child is not None and child.is_alive]
        stops = [child.kill() for child in others]
        if self._serving is not None and self._serving.is_alive:
            self._screen.finishing(len(self._tasks), "Ctrl-C again ends it now")
            stops.append(self._serving.stop(_STOP_S))
        await asyncio.gather(*stops)
        self._show_what_is_left()
        return await self._hub.close()

    def _show_what_is_left(self) -> None:
        while not self._events.empty():
            name, _, event = self._events.get_nowait()
            if name == "child" and event["event"] == "task_ended":
                self._task_ended(event)
