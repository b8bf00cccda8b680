"""Calling a registered function with no hub: through its ports, as if it had travelled.

Arguments are dumped, written as JSON, read and loaded; results go the same way back. What works here works over the
wire. The rule: nothing is skipped that a real call does to a value.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

from arkitekt_next.errors import ArkitektError, WrongContext, rebuild_exception
from arkitekt_next.ports.acting import ActingCodec
from arkitekt_next.wire.codec import dumps, loads

from .client import dump_now, load_now, on_user_loop
from .loop import user_thread
from .registration import MARK, Registration, make_registration
from .run import Run, Sink
from .runner import run_in_thread, run_on_loop
from .waiting import AsyncLatch, Latch

L = TypeVar("L", Latch, AsyncLatch)

Objects = Mapping[Any, Any]


_WINDOW = 64


class Record(Sink):
    """Keeps what a run reports; `changed` is told of every report."""

    def __init__(self) -> None:
        self.values: deque[str] = deque()
        self.progress: list[tuple[float | None, str]] = []
        self.logs: list[tuple[str, str]] = []
        self.end: str | None = None
        self.changed: Callable[[], None] = _nothing

    def yielded(self, run: Run) -> None:
        self.values.extend(run.take_values())
        self.changed()

    def progressed(self, run: Run) -> None:
        run.is_progress_due = False
        if run.progress is not None:
            self.progress.append(run.progress)

    def logged(self, run: Run) -> None:
        self.logs.extend(run.take_lines())

    def paused(self, run: Run, is_paused: bool) -> None:
        """Nobody pauses a run offline."""

    def ended(self, run: Run, fields: str) -> None:
        run.is_ended = True
        self.end = fields
        self.changed()


def _nothing() -> None:
    """Nobody waits."""


class _Host:
    """What an offline run asks of its host."""

    app = None

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def wait_on_user_loop(self, work: Any) -> Any:
        return on_user_loop(work)

    def object_of(self, hint: Any) -> Any:
        if hint not in self._objects:
            name = getattr(hint, "__name__", str(hint))
            raise WrongContext(
                problem=f"the function needs a {name}", remedy=f"Give one: local(f, objects={{{name}: …}})"
            )
        return self._objects[hint]


def local(function: Callable[..., Any], *, objects: Objects | None = None) -> Callable[..., Any]:
    """Give the function as a caller sees it, run here: `local(f)(2)` blocks and gives the value, a stream gives an
    iterator.

    `objects` are given for injected parameters, by type. Errors come back as they would over the wire.
    """
    plain = registration_of(function)

    def call(*args: Any, **kwargs: Any) -> Any:
        registration = _keeping(plain)
        text = dumps(dump_now(registration.blueprint, args, kwargs))
        if registration.is_generator:
            return _stream(_Offline(registration, objects or {}, text, Latch()))
        run = _Offline(registration, objects or {}, text, Latch())
        run.start()
        while not run.is_over:
            run.latch.wait()
        return load_now(registration.blueprint, run.returns())

    return call


def alocal(function: Callable[..., Any], *, objects: Objects | None = None) -> Callable[..., Any]:
    """Give the function as an async caller sees it, run here:

    `await alocal(f)(2)`; a stream gives an async iterator.
    """
    plain = registration_of(function)

    async def call(*args: Any, **kwargs: Any) -> Any:
        registration = _keeping(plain)
        blueprint = registration.blueprint
        run = _Offline(registration, objects or {}, dumps(await blueprint.adump_args(args, kwargs)), AsyncLatch())
        run.start()
        while not run.is_over:
            await run.latch.wait()
        return await blueprint.aload_return(run.returns())

    async def stream(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        registration = _keeping(plain)
        blueprint = registration.blueprint
        run = _Offline(registration, objects or {}, dumps(await blueprint.adump_args(args, kwargs)), AsyncLatch())
        run.start()
        try:
            while not run.is_over or run.record.values:
                while run.record.values:
                    yield await blueprint.aload_return(run.take())
                if not run.is_over:
                    await run.latch.wait()
        finally:
            run.leave()
        run.returns()

    return stream if plain.is_generator else call


def _stream(run: _Offline[Latch]) -> Iterator[Any]:
    run.start()
    try:
        while not run.is_over or run.record.values:
            while run.record.values:
                yield load_now(run.registration.blueprint, run.take())
            if not run.is_over:
                run.latch.wait()
    finally:
        run.leave()
    run.returns()


def _keeping(registration: Registration) -> Registration:
    """Give a registration whose arrays, tables and files stay in memory for one call."""
    if not registration.needs_await:
        return registration
    from .data.shelf import Shelf

    shelf = Shelf()
    blueprint: Any = ActingCodec(registration.blueprint, lambda: shelf)
    return replace(registration, blueprint=blueprint)


def registration_of(function: Callable[..., Any]) -> Registration:
    """Give how a function is hosted; one that isn't registered is read as `@register` would."""
    mark = getattr(function, MARK, None)
    if mark is not None:
        found: Registration = mark[1]
        return found
    from arkitekt_next.ports.inspect import define

    from .context import Task

    blueprint = define(function, inject=lambda hint: hint is Task)
    return make_registration(function, blueprint, executor=None, concurrency=None, locks=())


class _Offline(Generic[L]):
    """One run with no hub: started beside the caller, who waits on the latch."""

    def __init__(self, registration: Registration, objects: Objects, text: str, latch: L) -> None:
        self.registration = registration
        self.latch: L = latch
        self.record = Record()
        self.record.changed = latch.set
        self._run = Run(
            task="offline",
            attempt=1,
            action=registration.name,
            args=loads(text),
            registration=registration,
            sink=self.record,
            host=_Host(objects),
            credit=_WINDOW,
        )

    def start(self) -> None:
        """Start it, on the SDK's user loop or in a thread."""
        if self.registration.is_async or self.registration.is_on_loop:
            user_thread().submit(run_on_loop(self._run))
        else:
            threading.Thread(target=run_in_thread, args=(self._run,), name="arkitekt-offline", daemon=True).start()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.record.end is not None

    def take(self) -> list[Any]:
        """Take the next value and make room for another."""
        self._run.credit += 1
        self._run.wake()
        wire: list[Any] = loads(self.record.values.popleft())
        return wire

    def leave(self) -> None:
        """Stop it, when its reader goes before its end."""
        if not self.is_over:
            self._run.cancel("the reader left the stream")

    def returns(self) -> list[Any]:
        """Give the wire form of what it returned, or raise what it raised, as a caller would get it."""
        end = loads(f"{{{self.record.end}}}")
        if end["status"] == "completed":
            returns: list[Any] = end["returns"]
            return returns
        error = end.get("error") or {}
        if "type" in error:
            raise rebuild_exception(error, task="offline", agent="offline", action=self.registration.name)
        raise ArkitektError.from_json(error.get("error", error))
