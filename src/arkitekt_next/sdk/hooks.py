"""Start-up, shutdown, background and context functions: order, deadlines, injection, failures.

Contexts are entered first, in the order they were declared, then start-up hooks run; leaving goes the other way
round. All of it happens on the user loop; plain functions get a thread. The rule: a failing hook is raised where
the app was started, never swallowed.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from arkitekt_next.errors import WrongContext

from .registration import Hook, Registrations

_LOG = logging.getLogger("arkitekt_next.hooks")

STARTUP_S = 120.0
SHUTDOWN_S = 10.0


class Hooks:
    """The hooks of one hosted app while it runs."""

    def __init__(self, registrations: Registrations, failed: Callable[[BaseException], None]) -> None:
        self._registrations = registrations
        self._failed = failed
        self._objects: dict[Any, Any] = {}
        self._exits: list[tuple[Hook, Callable[[], Awaitable[None]]]] = []
        self._backgrounds: list[asyncio.Task[None]] = []
        self._is_started = False

    async def start(self) -> None:
        """Enter the contexts and run the start-up hooks; raise the first failure."""
        for hook in self._registrations.contexts:
            await self._within(hook, STARTUP_S, self._enter(hook))
        self._is_started = True
        for hook in self._registrations.startups:
            await self._within(hook, STARTUP_S, self._invoke(hook))

    def start_backgrounds(self) -> None:
        """Start the background functions; each runs until it ends or the app stops."""
        loop = asyncio.get_running_loop()
        for hook in self._registrations.backgrounds:
            self._backgrounds.append(loop.create_task(self._background(hook), name=f"background {hook.name}"))

    async def stop_backgrounds(self) -> None:
        """Cancel the background functions and wait for them, at most ten seconds."""
        tasks, self._backgrounds = self._backgrounds, []
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=SHUTDOWN_S)
            for task in late:
                _LOG.error("%s did not stop within %g s", task.get_name(), SHUTDOWN_S)

    async def stop(self) -> None:
        """Run the shutdown hooks and leave the contexts, last first.

        A failure is logged and does not stop the rest.
        """
        await self.stop_backgrounds()
        if self._is_started:
            for hook in reversed(self._registrations.shutdowns):
                await self._leniently(hook, self._invoke(hook))
        while self._exits:
            hook, leave = self._exits.pop()
            await self._leniently(hook, leave())
        self._objects.clear()

    def object_of(self, hint: Any) -> Any:
        """Give the object a context provides for this type."""
        try:
            return self._objects[hint]
        except KeyError:
            name = getattr(hint, "__name__", str(hint))
            raise WrongContext(
                problem=f"no context has provided a {name} yet", remedy=f"Add a @context function that returns {name}"
            ) from None

    async def _within(self, hook: Hook, default_s: float, work: Awaitable[None]) -> None:
        limit = hook.timeout_s or default_s
        try:
            await asyncio.wait_for(work, limit)
        except TimeoutError as late:
            raise TimeoutError(f"{hook.name} did not finish within {limit:g} s") from late

    async def _leniently(self, hook: Hook, work: Awaitable[None]) -> None:
        try:
            await asyncio.shield(self._within(hook, SHUTDOWN_S, work))
        except Exception:
            _LOG.exception("%s failed while the app was stopping", hook.name)

    async def _background(self, hook: Hook) -> None:
        try:
            await self._invoke(hook)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            _LOG.error("the background function %s failed: %s: %s", hook.name, type(error).__name__, error)
            if hook.stops_app:
                self._failed(error)

    async def _invoke(self, hook: Hook) -> Any:
        from .hosting import in_daemon_thread

        injected = {name: self.object_of(hint) for name, hint in hook.injected.items()}
        call = functools.partial(hook.function, **injected)
        if inspect.iscoroutinefunction(inspect.unwrap(hook.function)):
            return await call()
        return await in_daemon_thread(call, f"hook {hook.name}")

    async def _enter(self, hook: Hook) -> None:
        from .hosting import in_daemon_thread

        injected = {name: self.object_of(hint) for name, hint in hook.injected.items()}
        plain = inspect.unwrap(hook.function)
        if inspect.isasyncgenfunction(plain):
            asource = hook.function(**injected)
            self._objects[hook.provides] = await anext(asource)

            async def leave_async() -> None:
                with suppress(StopAsyncIteration):
                    await anext(asource)

            self._exits.append((hook, leave_async))
        elif inspect.isgeneratorfunction(plain):
            source = hook.function(**injected)
            self._objects[hook.provides] = await in_daemon_thread(
                functools.partial(_first, source, hook), f"context {hook.name}"
            )

            async def leave() -> None:
                await in_daemon_thread(lambda: next(source, None), f"context {hook.name}")

            self._exits.append((hook, leave))
        else:
            self._objects[hook.provides] = await self._invoke(hook)


def _first(source: Any, hook: Hook) -> Any:
    for value in source:
        return value
    raise WrongContext(problem=f"the context {hook.name} yielded nothing", remedy="Yield the object it provides")
