"""Every error the project raises, with its stable code and the sentence it writes.

The text lives on the class: a caller gives typed fields, the class writes what was expected, what came, where,
and what to do about it. Each error becomes JSON (`to_json`) and comes back as its own class (`from_json`), so an
`except` works on either side of the wire. This module imports nothing of the project.
"""

from __future__ import annotations

import builtins
import sys
import traceback
from typing import Any, ClassVar

CODES: dict[str, type[ArkitektError]] = {}


class ArkitektError(Exception):
    """The root of everything this project raises; `code` is stable, the text is not."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    template: ClassVar[str] = "{message}"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "code" in cls.__dict__:
            CODES[cls.code] = cls

    def __init__(self, message: str | None = None, **fields: Any) -> None:
        self.fields = fields
        self.message = message if message is not None else self.template.format_map(_Lenient(fields))
        Exception.__init__(self, self.message)

    def __getattr__(self, name: str) -> Any:
        fields = self.__dict__.get("fields", {})
        if name in fields:
            return fields[name]
        raise AttributeError(name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_revive, (type(self), self.message, self.fields))

    def to_json(self) -> dict[str, Any]:
        """Give the form that travels: code, message, fields."""
        return {"code": self.code, "message": self.message, "fields": self.fields}

    @classmethod
    def from_json(cls, raw: dict[str, Any]) -> ArkitektError:
        """Rebuild the class that `code` names; an unknown code gives a plain `ArkitektError`."""
        kind = CODES.get(str(raw.get("code")), ArkitektError)
        return _revive(kind, str(raw.get("message", "")), dict(raw.get("fields") or {}))


def _revive(kind: type[ArkitektError], message: str, fields: dict[str, Any]) -> ArkitektError:
    error = kind.__new__(kind)
    ArkitektError.__init__(error, message, **fields)
    return error


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


# -- declaring -----------------------------------------------------------------------------------------------


class DeclarationError(ArkitektError, TypeError):
    """A function, class or option can't be published as it is written."""

    code = "declaration"
    status = 400
    template = "{where}: {problem}. {remedy}"


class UnsupportedType(DeclarationError):
    """A type hint has no port kind."""

    code = "unsupported_type"
    template = "{where}: parameter '{parameter}' has the type {type}, which can't travel: {reason}. {remedy}"


class DuplicateName(DeclarationError):
    """Two functions of one app ask for the same action name."""

    code = "duplicate_name"
    template = "{where}: the action '{name}' is already registered by {other}. Give one of them @register(name=...)"


# -- values --------------------------------------------------------------------------------------------------


class InvalidValue(ArkitektError, ValueError):
    """A value does not fit its port."""

    code = "invalid_value"
    status = 422
    template = "{where}: expected {expected}, got {got}"


class UnknownArgument(InvalidValue):
    """An argument the action does not have."""

    code = "unknown_argument"
    template = "{action} has no argument '{argument}'. It takes: {known}"


class MissingArgument(InvalidValue):
    """A required argument was not given."""

    code = "missing_argument"
    template = "{action} needs the argument '{argument}' ({expected})"


class TooLarge(InvalidValue):
    """A value or a frame is larger than may travel in a message."""

    code = "too_large"
    status = 413
    template = "{where}: {size_bytes} bytes, at most {limit_bytes} may travel in a message. {remedy}"


# -- finding and calling -------------------------------------------------------------------------------------


class NotFound(ArkitektError, LookupError):
    """The thing asked for does not exist, or not for this person."""

    code = "not_found"
    status = 404
    template = "There is no {what} '{name}'. {remedy}"


class Ambiguous(ArkitektError, LookupError):
    """More than one thing fits what was asked for."""

    code = "ambiguous"
    status = 409
    template = "More than one {what} fits '{name}': {candidates}. {remedy}"


class Conflict(ArkitektError):
    """The request contradicts what is already recorded."""

    code = "conflict"
    status = 409
    template = "{problem}. {remedy}"


class NoAgent(ArkitektError):
    """Nobody online provides the action, and the caller did not want to wait."""

    code = "no_agent"
    status = 409
    template = "No agent that provides {action}{wishes} is online. Start its app, or let the call wait for it"


class ReleaseNotRunning(ArkitektError):
    """The very release that ran a task is wanted again, and no agent of it is online."""

    code = "release_not_running"
    status = 409
    template = "Task {task} ran {action} of {release}, and no agent of that release is online. {remedy}"


class NotAuthenticated(ArkitektError, PermissionError):
    """The hub does not know who is asking."""

    code = "not_authenticated"
    status = 401
    template = "{reason}. {remedy}"


class SignInNeeded(NotAuthenticated):
    """The app is not signed in at the hub, or its sign-in has ended: a person has to sign it in."""

    code = "sign_in_needed"


class NotPermitted(ArkitektError, PermissionError):
    """The person may not do this."""

    code = "not_permitted"
    status = 403
    template = "{person} may not {verb} {what}. {remedy}"


class RequestRefused(ArkitektError):
    """The request itself is malformed: wrong shape, unknown field, bad JSON."""

    code = "bad_request"
    status = 400
    template = "{where}: {problem}"


class HubBusy(ArkitektError):
    """The hub takes no more work just now; nothing of this request was recorded."""

    code = "busy"
    status = 429
    template = "The hub is busy ({reason}). Try again in {retry_after_s} s"


class StorageFull(ArkitektError):
    """The disk that holds the ledger is full; reads work, nothing new is accepted."""

    code = "storage_full"
    status = 507
    template = "The hub's disk is full: {reason}. Free space in {folder}; the hub goes on by itself"


class HubUnavailable(ArkitektError, ConnectionError):
    """No hub answers at the address."""

    code = "hub_unavailable"
    status = 503
    template = "No hub answers at {url}: {reason}. {remedy}"


class HubUntrusted(ArkitektError, ConnectionError):
    """The certificate of a hub is neither vouched for by this system nor the one that was pinned."""

    code = "hub_untrusted"
    status = 502
    template = "The certificate of {url} is not trusted: {reason}. {remedy}"


class ProtocolError(ArkitektError):
    """The other side speaks another protocol, or breaks ours."""

    code = "protocol"
    status = 400
    template = "{where}: {problem}"


class InternalError(ArkitektError):
    """A defect of ours; the log has the details under `incident`."""

    code = "internal"
    status = 500
    template = "Something went wrong inside the hub (incident {incident}). The hub's log has the details"


# -- how a task can end --------------------------------------------------------------------------------------


class TaskError(ArkitektError):
    """A task did not complete; `task` is its id, `agent` who ran it."""

    code = "task"
    status = 409


class TaskFailed(TaskError):
    """The function raised. `remote_type`, `remote_traceback`, `task` and `agent` say what and where."""

    code = "task_failed"
    template = "{remote_type}: {remote_message}"


class TaskCancelled(TaskError):
    """The task was cancelled before it completed."""

    code = "task_cancelled"
    template = "Task {task} was cancelled: {reason}"


class TaskInterrupted(TaskError):
    """The task did not stop when asked and was cut off; its thread may still run."""

    code = "task_interrupted"
    template = "Task {task} did not stop within its deadline and was interrupted: {reason}"


class TaskExpired(TaskError):
    """The task waited for an agent longer than it was allowed to."""

    code = "task_expired"
    template = "Task {task} found no agent within {waited_s} s"


class TaskTimeout(TaskError, TimeoutError):
    """The caller's `timeout=` ran out."""

    code = "task_timeout"
    template = "{action} did not end within {timeout_s} s (task {task}); it is being cancelled"


class AgentLost(TaskError):
    """The agent died in the middle of the task; `progress` is the last it reported."""

    code = "agent_lost"
    template = "The agent {agent} was lost while it ran task {task} (last progress: {progress}). {remedy}"


class DefinitionChanged(TaskError):
    """The action changed its signature while the task waited for it."""

    code = "definition_changed"
    template = "{action} changed its signature while task {task} waited: it was {was}, it is {now}. Call it again"


class Poisoned(TaskError):
    """The task took its agent down every time it was tried."""

    code = "poisoned"
    template = "Task {task} lost its agent {attempts} times and will not be tried again"


# -- the SDK's own rules -------------------------------------------------------------------------------------


class WrongContext(ArkitektError, RuntimeError):
    """A form was used where it can't work (a blocking call in an async function, a task helper outside a task)."""

    code = "wrong_context"
    template = "{problem}. {remedy}"


class LockReentered(ArkitektError, RuntimeError):
    """A task asked for a lock or a place that those who wait for it hold: it would wait for ever."""

    code = "lock_reentered"
    template = "{action} needs {what}, which its caller {holder} holds: it would wait for ever. {remedy}"


# -- stored data ---------------------------------------------------------------------------------------------


class InvalidMetadata(InvalidValue):
    """What is said of an item is not what items of its kind say."""

    code = "invalid_metadata"
    template = "{where}: {problem}"


class UnreadableFile(ArkitektError, ValueError):
    """A file of pixels can't be read as what it says it is: broken, cut off, or of a kind nothing here reads."""

    code = "unreadable_file"
    status = 422
    template = "{path}: expected {expected}, got {got}. {remedy}"


class UnknownFormat(UnreadableFile):
    """Nothing here reads files with this content."""

    code = "unknown_format"


class SuspiciousFile(UnreadableFile):
    """A file declares far more pixels than it can hold, or names files beside it that are none of its business."""

    code = "suspicious_file"


class MissingExtra(ArkitektError, ImportError):
    """A package that reads or writes this is not installed."""

    code = "missing_extra"
    status = 501
    template = "{what} needs the package {package}, which is not installed. Install it: {remedy}"


# -- foreign exceptions across the wire ----------------------------------------------------------------------

_REBUILDABLE = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning)
}
_LIMIT_CHARS = 32_000


def describe_exception(error: BaseException, *, skip_frames: int = 0) -> dict[str, Any]:
    """Describe any exception for the wire: type, bases, message, traceback; project errors keep their fields.

    `bases` lists the qualified names of the classes between the exception and `Exception`, most derived first,
    so the other side can pick the nearest class it knows.
    """
    lines = traceback.format_exception(type(error), error, _skip(error.__traceback__, skip_frames))
    described: dict[str, Any] = {
        "type": type(error).__qualname__,
        "module": type(error).__module__,
        "bases": [f"{k.__module__}.{k.__qualname__}" for k in type(error).__mro__ if issubclass(k, BaseException)],
        "message": _text(error),
        "traceback": "".join(lines)[-_LIMIT_CHARS:],
    }
    if isinstance(error, ArkitektError):
        described["error"] = error.to_json()
    return described


def _skip(tb: Any, count: int) -> Any:
    for _ in range(count):
        if tb is None or tb.tb_next is None:
            break
        tb = tb.tb_next
    return tb


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_LIMIT_CHARS]
    except Exception as broken:
        return f"<the message could not be written: {type(broken).__name__}>"


_BUILT: dict[type[BaseException], type[TaskFailed]] = {}


def rebuild_exception(described: dict[str, Any], **fields: Any) -> TaskFailed:
    """Rebuild a remote exception: always a `TaskFailed`, and of the nearest class known here too.

    Only classes that are already imported here are used (nothing is imported by a name that came over the wire),
    and their constructors are not run. `fields` (task, agent, action) are added to what the error carries.
    """
    kind = _nearest([str(b) for b in described.get("bases") or []])
    inner = described.get("error")
    extra = dict((inner or {}).get("fields") or {}) if isinstance(inner, dict) else {}
    message = str(described.get("message", ""))
    name = str(described.get("type", "Exception"))
    error = _combine(kind).__new__(_combine(kind))
    shown = message if message else name
    ArkitektError.__init__(
        error,
        shown,
        **{
            **extra,
            **fields,
            "remote_type": name,
            "remote_message": message,
            "remote_traceback": str(described.get("traceback", "")),
        },
    )
    error.args = (shown,)
    if error.remote_traceback:
        error.add_note(f"\nRemote traceback ({fields.get('agent', 'agent')}):\n{error.remote_traceback}")
    return error


def _nearest(bases: list[str]) -> type[BaseException]:
    for qualified in bases:
        module, _, name = qualified.rpartition(".")
        found = _REBUILDABLE.get(name) if module == "builtins" else getattr(sys.modules.get(module), name, None)
        if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, BaseExceptionGroup):
            return found
    return Exception


def _combine(kind: type[BaseException]) -> type[TaskFailed]:
    if kind in (Exception, BaseException) or issubclass(TaskFailed, kind):
        return TaskFailed
    built = _BUILT.get(kind)
    if built is None:
        try:
            named = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__str__": lambda self: self.message}
            built = type(kind.__name__, (TaskFailed, kind), named)
        except TypeError:  # layouts of C-level bases that can't be mixed
            built = TaskFailed
        _BUILT[kind] = built
    return built


def as_error(error: BaseException) -> ArkitektError:
    """Give `error` itself if it is one of ours, else an `InternalError` that hides it."""
    return error if isinstance(error, ArkitektError) else InternalError(incident="-")


__all__ = [name for name, kind in list(globals().items()) if isinstance(kind, type) and issubclass(kind, Exception)]
__all__ += ["CODES", "as_error", "describe_exception", "rebuild_exception"]
