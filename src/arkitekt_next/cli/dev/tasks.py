"""What the terminal is told about each task: its call in short, how long it took, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli import output
from arkitekt_next.cli.arguments import to_json
from arkitekt_next.wire.codec import dumps

if TYPE_CHECKING:
    from arkitekt_next.ports import Definition, Port
    from arkitekt_next.sdk.app import App
    from arkitekt_next.sdk.hosting import TaskEvent

_VALUE_CHARS = 24
_CALL_CHARS = 72


class TaskNews:
    """Tells of every task of an app, once when it comes in and once when it is over."""

    def __init__(self, app: App, tell: Callable[..., None]) -> None:
        self._functions = app.registrations.functions
        self._tell = tell
        self._calls: dict[str, str] = {}
        app.watchers.append(self._heard)

    def _heard(self, event: TaskEvent) -> None:
        if event.name == "assigned":
            call = self._calls[event.task] = self._call(event)
            self._tell("task_started", task=event.task, call=call)
        elif event.name == "ended":
            data = event.data
            self._tell(
                "task_ended",
                task=event.task,
                call=self._calls.pop(event.task, None) or f"{event.action}(…)",
                status=data["status"],
                error=_error(data.get("error")),
                ran_us=data.get("ran_us"),
                yields=data.get("yields"),
            )

    def _call(self, event: TaskEvent) -> str:
        known = self._functions.get(event.action.rpartition(".")[2])
        if known is None:
            return f"{event.action}(…)"
        return call_text(known.blueprint.definition, event.data.get("args") or {})


def call_text(definition: Definition, wire: Mapping[str, Any]) -> str:
    """Write a call on one short line."""
    ports = {port.key: port for port in definition.args}
    parts = [f"{key}={_value(ports[key], value)}" for key, value in wire.items() if key in ports]
    return output.shorten(f"{definition.name}({', '.join(parts)})", _CALL_CHARS)


def _value(port: Port, wire: Any) -> str:
    try:
        return output.shorten(dumps(to_json(port, wire)), _VALUE_CHARS)
    except (ValueError, TypeError, IndexError, KeyError):
        return "…"


def _error(raw: Any) -> str:
    """Name what a task ended with: the exception a function raised, else the sentence of an error of ours."""
    if not isinstance(raw, dict):
        return ""
    if "type" in raw:
        return f"{raw['type']}: {raw.get('message') or ''}".rstrip(": ")
    inner = raw.get("error", raw)
    return str(inner.get("message") or "") if isinstance(inner, dict) else ""
