"""Watching a call from the command line: its values as they come, its progress, its log, and Ctrl-C.

The rule: a reader of standard output sees complete lines of values; all else goes to standard error.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from _thread import interrupt_main
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli import output
from arkitekt_next.cli.arguments import read_arguments, returns_to_json
from arkitekt_next.cli.progress import Bar, bar
from arkitekt_next.errors import TaskCancelled, TaskTimeout

if TYPE_CHECKING:
    from arkitekt_next.ports import Definition
    from arkitekt_next.sdk.handle import TaskHandle
    from arkitekt_next.sdk.registration import Registration
    from arkitekt_next.sdk.remote import RemoteFunction

_CANCEL_S = 5.0
_SUBMIT_S = 2.0
_SLACK_S = 0.1


def detach(target: RemoteFunction, wire: dict[str, Any], *, as_json: bool) -> None:
    """Submit and say which task it is."""
    handle = target.submit(**target.codec.load_args(wire))  # type: ignore[attr-defined]
    if as_json:
        output.print_json({"task": handle.id, "reference": handle.reference, "status": handle.status})
    else:
        output.say(handle.id)


def follow(target: RemoteFunction, wire: dict[str, Any], *, timeout_s: float | None, as_json: bool) -> None:
    """Submit, show what happens, print what comes out; raise what the task ended with."""
    values = target.codec.load_args(wire)  # type: ignore[attr-defined]
    began = time.monotonic()
    with _interrupts_held_back() as interrupts, bar(target.action, wanted=not as_json) as shown:
        handle = target.submit(**values)
        if handle.status == "queued" and not as_json:
            shown.remark(_waiting(target))
        watcher = threading.Thread(target=_watch, args=(handle, shown, as_json), daemon=True)
        watcher.start()
        try:
            interrupts.let_through()
            _print_results(target, handle, shown, as_json=as_json)
        except KeyboardInterrupt:
            _cancel(handle, as_json=as_json)
            raise
        except TaskCancelled as ended:
            if timeout_s is not None and time.monotonic() - began >= timeout_s - _SLACK_S:
                raise TaskTimeout(action=target.action, timeout_s=timeout_s, task=handle.id) from ended
            raise
        finally:
            if handle.is_done:
                watcher.join(_CANCEL_S)


def _waiting(target: RemoteFunction) -> str:
    options = target.options
    named = [f"--agent {options.agent}"] if options.agent else []
    wishes = ", ".join([*named, *(f"--label {label}" for label in options.labels)])
    fitting = f" and fits {wishes}" if wishes else ""
    text = f"It waits for an agent that provides {target.action}{fitting} and has room. (--no-wait fails instead)"
    return output.paint(output.clean(text), "yellow")


@contextmanager
def _interrupts_held_back() -> Iterator[_Interrupts]:
    """Note a Ctrl-C instead of raising it, for a moment: a task must not be left behind half submitted."""
    held = _Interrupts()
    before = signal.signal(signal.SIGINT, held.note)
    try:
        yield held
    finally:
        held.stop_waiting()
        signal.signal(signal.SIGINT, before)


class _Interrupts:
    """Ctrl-C while a task is being submitted; the second one, or one that waits for long, is raised all the same."""

    def __init__(self) -> None:
        self._count = 0
        self._is_held = True
        self._timers: list[threading.Timer] = []

    def note(self, number: int, _: object) -> None:
        """Take the signal."""
        self._count += 1
        if not self._is_held or self._count > 1:
            raise KeyboardInterrupt
        timer = threading.Timer(_SUBMIT_S, interrupt_main)
        timer.daemon = True
        timer.start()
        self._timers.append(timer)

    def let_through(self) -> None:
        """Raise what was held back, and hold back nothing more: from here on somebody answers to it."""
        self._is_held = False
        self.stop_waiting()
        if self._count:
            raise KeyboardInterrupt

    def stop_waiting(self) -> None:
        """Forget the timers."""
        for timer in self._timers:
            timer.cancel()


def _print_results(target: RemoteFunction, handle: TaskHandle, shown: Bar, *, as_json: bool) -> None:
    results: Iterator[Any] = handle.stream() if target.is_stream else iter([handle.result()])
    for result in results:
        wire = target.codec.dump_return(result)  # type: ignore[attr-defined]
        for line in result_lines(target.definition, wire, as_json=as_json):
            shown.write(line)


def _watch(handle: TaskHandle, shown: Bar, as_json: bool) -> None:
    for event in handle.events():
        name, data = event["name"], event.get("data") or {}
        if name == "progress":
            percent, message = data.get("percent"), str(data.get("message") or "")
            total = None if percent is None else 100
            shown.show(percent or 0, total, f"{handle.action} {message}".strip())
        elif name == "log" and not as_json:
            shown.remark(_log_line(str(data.get("level", "info")), str(data.get("message", ""))))
        elif name == "disconnected" and not as_json:
            shown.remark(output.paint("Its app lost the connection; waiting for it to come back.", "yellow"))


_COLOURS = {"warning": "yellow", "error": "red", "stderr": "yellow"}


def _log_line(level: str, message: str) -> str:
    sign = "|" if level in ("stdout", "stderr", "info") else f"{level}:"
    colour = _COLOURS.get(level)
    return output.paint(f"{sign} {output.clean(message)}", colour, dim=colour is None)


def _cancel(handle: TaskHandle, *, as_json: bool) -> None:
    if not as_json:
        output.note(f"\nCancelling task {handle.id} (Ctrl-C again leaves it running).")
    handle.cancel(deadline=_CANCEL_S, reason="cancelled at the command line")
    deadline = time.monotonic() + _CANCEL_S + 1
    for _ in handle.events():
        if handle.is_done or time.monotonic() > deadline:
            break


def print_local(registration: Registration, values: Sequence[str], given: Any, *, as_json: bool) -> None:
    """Run a function of this process through its ports, and print what comes out."""
    from arkitekt_next.sdk.offline import local

    blueprint = registration.blueprint
    definition = blueprint.definition
    arguments = _load(blueprint, read_arguments(definition, definition.name, values, given))
    run = local(registration.function)
    out = sys.stdout
    with redirect_stdout(sys.stderr):  # what the function prints is no result
        results = run(**arguments) if registration.is_generator else iter([run(**arguments)])
        for result in results:
            wire = _dump(blueprint, result)
            with redirect_stdout(out):
                for line in result_lines(definition, wire, as_json=as_json):
                    output.say(line)


def _load(blueprint: Any, wire: dict[str, Any]) -> dict[str, Any]:
    if not blueprint.needs_await:
        return dict(blueprint.load_args(wire))
    import asyncio

    return dict(asyncio.run(blueprint.aload_args(wire)))


def _dump(blueprint: Any, result: Any) -> list[Any]:
    if not blueprint.needs_await:
        return list(blueprint.dump_return(result))
    import asyncio

    return list(asyncio.run(blueprint.adump_return(result)))


def result_lines(definition: Definition, wire: Sequence[Any], *, as_json: bool) -> Iterator[str]:
    """Write one result, or one value of a stream: as JSON on one line, or the way a person reads it."""
    value = returns_to_json(definition, wire)
    if as_json:
        yield json.dumps(value, ensure_ascii=False)
        return
    if value is None and not definition.returns:
        return
    if isinstance(value, dict) and (definition.returns_tuple or len(definition.returns) > 1):
        yield from (output.clean(f"{key}: {_plain(item)}") for key, item in value.items())
        return
    yield from output.clean(_plain(value, indent=2)).splitlines() or [""]


def _plain(value: Any, indent: int | None = None) -> str:
    if isinstance(value, str):
        return value
    is_small = not isinstance(value, dict | list) or len(json.dumps(value, ensure_ascii=False)) <= 80
    return json.dumps(value, ensure_ascii=False, indent=None if is_small else indent)
