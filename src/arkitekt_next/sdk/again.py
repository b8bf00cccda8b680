"""Running a task again, seen from the caller: asked for over REST, followed like any call.

The rule: the repetition has a reference of its own from the start, so that asking twice can't run it twice.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Literal

from arkitekt_next.errors import WrongContext

from .calls import CallOptions
from .run import refuse_blocking

if TYPE_CHECKING:
    from .app import App
    from .handle import TaskHandle
    from .remote import RemoteFunction

Version = Literal["same", "current"]
"""Which version runs: the very release and function that ran then, or the function as it is now."""


def run_again(app: App, task: str, version: Version, *, discreet: bool | None = None) -> TaskHandle:
    """Have a task run again with the arguments it had; blocks until that is on disk at the hub.

    Raises `ReleaseNotRunning` when the same version is wanted and nobody runs it, `Conflict` when what it was given
    does not fit any more, `NotFound` and `NotPermitted` for a task that this person may not read.
    """
    from .handle import TaskHandle

    refuse_blocking("run_again()", "await arun_again()")
    app.link.ensure_open()
    reference = uuid.uuid4().hex
    form: dict[str, Any] = {"version": version, "reference": reference}
    if discreet is not None:
        form["discreet"] = discreet
    session = app.link.session
    told = session.ask("POST", f"/api/tasks/{task}/again", form)
    made = session.get(f"/api/tasks/{told['task']}")
    target = _target(app, made)
    options = CallOptions(reference=reference)
    return TaskHandle(app.client, target, app.client.submit(target, options, made["args"]), options)


def maker_of(item: Any) -> str:
    """Give the task that made an item. Raises `WrongContext` for one that was not made by a call."""
    if item.task is None:
        raise WrongContext(
            problem=f"{item!r} was not made by a call, so nothing can be run again",
            remedy="`provenance()` tells who stored it",
        )
    return str(item.task)


def _target(app: App, made: dict[str, Any]) -> RemoteFunction:
    target = app.find(made["action"])
    if target.signature_hash == made["signature_hash"]:
        return target
    return app.find(hash=made["definition_hash"])
