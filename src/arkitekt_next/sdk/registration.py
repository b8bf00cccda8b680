"""What an app has been given to host: functions with the way each is to be run, and hooks.

It leaves reading hints to `ports` and running to `runner`. The rule: everything that can be wrong with a
declaration is refused here, at the decorator, never later in a running app.
"""

from __future__ import annotations

import builtins
import inspect
import os
import sys
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import DeclarationError, DuplicateName

from .function_text import hash_function

if TYPE_CHECKING:
    from arkitekt_next.ports.blueprint import Blueprint

MARK = "__arkitekt__"


class Execution(StrEnum):
    """Where a function runs: a thread of this process, a process of its own, or the app's event loop."""

    THREAD = "thread"
    PROCESS = "process"
    LOOP = "loop"


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """One function and how this app runs it."""

    blueprint: Blueprint
    function: Callable[..., Any]
    execution: Execution
    concurrency: int | None
    locks: tuple[str, ...]
    is_async: bool
    is_generator: bool
    is_on_loop: bool
    needs_await: bool
    injected: dict[str, Any]
    loaded_by: object = None
    function_hash: str | None = None

    @property
    def name(self) -> str:
        """The action's name, without the app."""
        return str(self.blueprint.definition.name)

    @property
    def origin(self) -> str:
        """Where the function was defined, as module:qualname."""
        return origin_of(self.function)

    def offer(self) -> dict[str, Any]:
        """Give the form in which the hub is told of it."""
        offer: dict[str, Any] = {"definition": self.blueprint.definition.to_json()}
        if self.concurrency is not None:
            offer["concurrency"] = self.concurrency
        if self.locks:
            offer["locks"] = list(self.locks)
        if self.function_hash is not None:
            offer["function_hash"] = self.function_hash
        return offer


def _stands_beside(known: Registration, other: Registration) -> bool:
    """Whether one run of one file defined both, so that the second would silently replace the first.

    A reload has another spec; cells are no files, and IPython may run a script again.
    """
    if known.loaded_by is not other.loaded_by or hasattr(builtins, "__IPYTHON__"):
        return False
    first, second = (getattr(inspect.unwrap(one.function), "__code__", None) for one in (known, other))
    if first is None or second is None or first.co_filename != second.co_filename:
        return False
    return first.co_firstlineno != second.co_firstlineno and os.path.isfile(first.co_filename)


def _loader_of(function: Callable[..., Any]) -> object:
    """Give what stands for one run of a function's module: its spec, which a reload makes anew."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    return getattr(module, "__spec__", None)


def origin_of(function: Callable[..., Any]) -> str:
    """Name where a function was defined."""
    plain = inspect.unwrap(function)
    return f"{getattr(plain, '__module__', '?')}:{getattr(plain, '__qualname__', repr(plain))}"


@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """A start-up, shutdown, background or context function."""

    function: Callable[..., Any]
    injected: dict[str, Any]
    timeout_s: float | None = None
    provides: Any = None
    stops_app: bool = True

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return getattr(self.function, "__qualname__", repr(self.function))


@dataclass(slots=True, eq=False)
class Registrations:
    """Everything one app was given; `changed` is called after each change of the functions."""

    functions: dict[str, Registration] = field(default_factory=dict)
    startups: list[Hook] = field(default_factory=list)
    shutdowns: list[Hook] = field(default_factory=list)
    backgrounds: list[Hook] = field(default_factory=list)
    contexts: list[Hook] = field(default_factory=list)
    changed: list[Callable[[], None]] = field(default_factory=list)

    def add(self, registration: Registration) -> None:
        """Take a function; the same one defined again (a notebook cell, a reload) replaces itself."""
        known = self.functions.get(registration.name)
        if known is not None and (known.origin != registration.origin or _stands_beside(known, registration)):
            raise DuplicateName(
                where=where_of(registration.function), name=registration.name, other=where_of(known.function)
            )
        self.functions[registration.name] = registration
        for listener in tuple(self.changed):
            listener()

    def add_hook(self, hooks: list[Hook], hook: Hook) -> None:
        """Take a hook; the same one defined again replaces itself."""
        origin = origin_of(hook.function)
        for index, known in enumerate(hooks):
            if origin_of(known.function) == origin:
                hooks[index] = hook
                return
        hooks.append(hook)

    def provider_of(self, hint: Any) -> Hook | None:
        """Give the context function whose object has this type."""
        for hook in self.contexts:
            if hook.provides is hint:
                return hook
        return None

    def injections_of(self, hook: Callable[..., Any]) -> dict[str, Any]:
        """Give what a hook's parameters are filled with, by name; raise when nothing provides one that needs it."""
        plain = inspect.unwrap(hook)
        hints = hints_of(plain)
        found = {}
        for name, parameter in inspect.signature(plain).parameters.items():
            if self.provider_of(hints.get(name)) is not None:
                found[name] = hints[name]
            elif parameter.default is parameter.empty:
                problem = f"nothing provides the parameter '{name}' of this hook"
                raise DeclarationError(
                    where=where_of(plain), problem=problem, remedy="Declare its @context function first"
                )
        return found


def where_of(function: Callable[..., Any]) -> str:
    """Say where a function stands, as file:line in name()."""
    plain = inspect.unwrap(function)
    code = getattr(plain, "__code__", None)
    name = getattr(plain, "__name__", repr(plain))
    return f"{code.co_filename}:{code.co_firstlineno} in {name}()" if code is not None else name


def make_registration(
    function: Callable[..., Any],
    blueprint: Blueprint,
    *,
    executor: str | None,
    concurrency: int | None,
    locks: Iterable[str],
) -> Registration:
    """Check how a function is to be run; raise `DeclarationError` for what can't work."""
    plain = inspect.unwrap(function)
    is_async = inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)
    is_generator = blueprint.definition.kind == "generator"
    execution = _execution(plain, executor, is_async)
    if execution is Execution.PROCESS:
        _check_importable(plain, blueprint)
    if concurrency is not None and concurrency < 1:
        raise DeclarationError(
            where=where_of(plain),
            problem=f"concurrency={concurrency} would never run it",
            remedy="Use 1 or more, or None",
        )
    return Registration(
        blueprint=blueprint,
        function=function,
        execution=execution,
        concurrency=concurrency,
        locks=tuple(sorted({locks} if isinstance(locks, str) else set(locks))),
        is_async=is_async,
        is_generator=is_generator,
        is_on_loop=is_async or execution is Execution.LOOP,
        needs_await=blueprint.needs_await,
        injected=dict(blueprint.injected),
        loaded_by=_loader_of(plain),
        function_hash=hash_function(plain),
    )


def _execution(function: Any, executor: str | None, is_async: bool) -> Execution:
    if executor is None:
        return Execution.LOOP if is_async else Execution.THREAD
    try:
        chosen = Execution(executor)
    except ValueError:
        raise DeclarationError(
            where=where_of(function),
            problem=f"executor={executor!r} is unknown",
            remedy="Choose 'thread', 'process' or 'loop'",
        ) from None
    if is_async and chosen is Execution.THREAD:
        raise DeclarationError(
            where=where_of(function),
            problem="an async function runs on an event loop, not in a thread",
            remedy="Drop executor='thread', or write def instead of async def",
        )
    return chosen


def _check_importable(function: Any, blueprint: Blueprint) -> None:
    where = where_of(function)
    if "<locals>" in function.__qualname__ or "." in function.__qualname__:
        problem = "executor='process' imports the function by name, and this one is defined inside another"
        raise DeclarationError(where=where, problem=problem, remedy="Define it at the top of a module")
    if function.__module__ == "__main__" and not hasattr(_main_module(), "__file__"):
        problem = "executor='process' imports the function, and a notebook or prompt can't be imported"
        raise DeclarationError(where=where, problem=problem, remedy="Move the function to a module")
    if any(not _is_task(hint) for hint in blueprint.injected.values()):
        problem = "an object of a context can't follow a function into another process"
        raise DeclarationError(where=where, problem=problem, remedy="Drop executor='process' or the injected parameter")


def _is_task(hint: Any) -> bool:
    from .context import Task

    return hint is Task


def _main_module() -> Any:
    return sys.modules.get("__main__")


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Give the type hints of a hook, names of the functions it is declared inside included."""
    names: dict[str, Any] = {}
    frame = sys._getframe(1)
    outer = set(function.__qualname__.split(".")[:-1]) - {"<locals>"}
    while frame is not None and outer:
        if frame.f_code.co_name in outer and frame.f_code.co_filename == function.__code__.co_filename:
            names = {**frame.f_locals, **names}
        frame = frame.f_back  # type: ignore[assignment]
    try:
        return typing.get_type_hints(function, localns=names)
    except NameError as missing:
        raise DeclarationError(
            where=where_of(function), problem=f"a hint names what is not defined: {missing}", remedy="Import it first"
        ) from missing


def provided_type(function: Callable[..., Any]) -> Any:
    """Give the type of the object that a context function provides; raise when it doesn't say."""
    plain = inspect.unwrap(function)
    hint = hints_of(plain).get("return")
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        inner = typing.get_args(hint)
        hint = inner[0] if inner else None
    if hint is None or hint is type(None) or hint is Any:
        raise DeclarationError(
            where=where_of(plain),
            problem="a context function has to say which type it provides",
            remedy="Write it as the return type, such as `-> Camera` or `-> Iterator[Camera]`",
        )
    return hint
