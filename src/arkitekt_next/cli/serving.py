"""Serving an app from the command line: the first connection, what happens to it later, and stopping.

`sdk.serving` runs the app. The rule: a hub that is not there is waited for, for ever, unless the user said otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli.reach import no_hub
from arkitekt_next.errors import HubUnavailable

if TYPE_CHECKING:
    from arkitekt_next.cli.project import Project
    from arkitekt_next.sdk.app import App, Mode

_LOOK_S = 0.2
_PAUSE_S = 0.5

Tell = Callable[..., None]


def identify(app: App, project: Project) -> None:
    """Let an app say which release it is: its version, and the hashes of its sources and of its lock file."""
    import platform

    from arkitekt_next.sdk.sources import hash_lock, hash_sources
    from arkitekt_next.wire.messages import Release

    release = Release(
        version=app.version or project.version,
        source_hash=hash_sources(project.folder),
        lock_hash=hash_lock(project.folder),
        python=platform.python_version(),
    )
    app.release = lambda: release  # type: ignore[method-assign]


def keep_sources(app: App, project: Project, tell: Tell) -> None:
    """Keep the sources of this release at the hub, in the background and once; tells `kept` or `not_kept`.

    Nothing that goes wrong here keeps the app from serving.
    """

    def keep() -> None:
        from arkitekt_next.errors import ArkitektError
        from arkitekt_next.sdk.source_archive import keep_release

        try:
            found = keep_release(app, project.folder)
        except (ArkitektError, OSError, ImportError) as failed:
            tell("not_kept", reason=failed.message if isinstance(failed, ArkitektError) else str(failed))
        else:
            tell("kept", item=found.item, is_new=found.is_new)

    threading.Thread(target=keep, name="keep-sources", daemon=True).start()


def serve(app: App, *, mode: Mode, tell: Tell, is_stopping: Callable[[], bool], fail_fast: bool = False) -> None:
    """Serve until stopped. Tells `waiting`, `serving`, `disconnected` and `reconnected`; raises what ends it otherwise.

    Blocks the main thread; SIGINT, SIGTERM, or `app.host.ask_to_stop()` end it, once everything under way is finished.
    """
    over = threading.Event()
    threading.Thread(target=_watch, args=(app, tell, over), name="serve-watch", daemon=True).start()
    try:
        while not is_stopping():
            try:
                app.run(mode=mode)
                return
            except HubUnavailable as absent:
                problem = absent if absent.fields.get("url") else no_hub()
                if fail_fast:
                    raise problem from absent
                tell("waiting", reason=problem.message)
                over.wait(_PAUSE_S)
    finally:
        over.set()


def _watch(app: App, tell: Tell, over: threading.Event) -> None:
    was_provided, was_connected, url = False, False, ""
    told = {""}  # what has kept it from coming back in this outage: each is said once
    while not over.wait(_LOOK_S if was_provided else _LOOK_S / 10):
        said = _status(app)
        if said is None:
            continue
        if not was_provided and said.get("agent"):
            was_provided = was_connected = True
            url = said["url"]
            tell("serving", identifier=said["app"], url=url, functions=said["functions"])
        elif was_provided and said["is_connected"] is not was_connected:
            was_connected = bool(said["is_connected"])
            url = said["url"] or url
            tell("reconnected" if was_connected else "disconnected", url=url)
            told = {""}
        elif was_provided and not was_connected and said["problem"] not in told:
            told.add(said["problem"])
            tell("waiting", reason=said["problem"])


def _status(app: App) -> dict[str, Any] | None:
    try:
        return app.status()
    except RuntimeError:  # it changed while it was read
        return None
