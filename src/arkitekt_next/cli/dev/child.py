"""The process that holds the app in development: imports it, waits for its turn, serves, drains.

It is told `load`, `serve` and `stop`. The rule: until `serve` nothing of the app runs but its import, so the former
version can keep what only one may hold.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from arkitekt_next.cli.dev.channel import Channel
from arkitekt_next.cli.dev.tasks import TaskNews
from arkitekt_next.cli.loading import LoadedApp, broken, load_app
from arkitekt_next.cli.project import Project
from arkitekt_next.errors import ArkitektError, DeclarationError, SignInNeeded

_ORPHAN_S = 5.0
_BROKEN = 6


class Child:
    """One version of the app, in this process."""

    def __init__(self) -> None:
        self._channel = Channel()
        self._loaded: LoadedApp | None = None
        self._is_stopping = False
        self._commands = self._channel.commands()

    def main(self) -> int:
        """Do what the parent says; give the exit code."""
        for command in self._commands:
            if command["do"] == "load" and not self._load(command):
                return self._leave(_BROKEN)
            if command["do"] == "serve":
                threading.Thread(target=self._listen, name="dev-commands", daemon=True).start()
                return self._leave(self._serve(command))
            if command["do"] == "stop":
                break
        return self._leave(0)

    def _leave(self, code: int) -> int:
        self._channel.close()
        return code

    def _load(self, command: dict[str, Any]) -> bool:
        from arkitekt_next.cli.dev.fresh import import_fresh
        from arkitekt_next.cli.serving import identify

        given = command["project"]
        project = Project(
            folder=Path(given["folder"]),
            module=given["module"],
            identifier=given["identifier"],
            version=given["version"],
            is_declared=given["is_declared"],
        )
        import_fresh(project.roots)
        began = time.perf_counter()
        try:
            self._loaded = load_app(project)
            identify(self._loaded.app, project)
            described = _describe(self._loaded)
        except DeclarationError as refused:
            self._channel.tell("broken", message=refused.message, trace=refused.fields.get("trace") or "")
            return False
        except ArkitektError as refused:
            self._channel.tell("broken", message=refused.message, trace="")
            return False
        self._channel.tell("loaded", took_s=time.perf_counter() - began, **described)
        return True

    def _serve(self, command: dict[str, Any]) -> int:
        from arkitekt_next.cli.serving import keep_sources, serve

        loaded = self._loaded
        assert loaded is not None
        app = loaded.app
        if command.get("url"):
            app.url = command["url"]
        if command.get("is_shared"):
            app.visibility = "team"
        TaskNews(app, self._channel.tell)

        def tell(event: str, **fields: Any) -> None:
            self._channel.tell(event, **fields)
            if event == "serving" and command.get("keeps_sources"):
                keep_sources(app, loaded.project, self._channel.tell)

        try:
            serve(app, mode="dev", tell=tell, is_stopping=lambda: self._is_stopping)
        except SignInNeeded as needed:
            # Without an address it is a token somebody gave that the hub does not take; no person can mend that here.
            asked = {"app": app.identifier, **needed.fields, "reason": needed.message}
            self._channel.tell("sign_in_needed", **{"url": "", "version": app.release().version, **asked})
            return 1
        except Exception as failed:
            described = broken(failed, loaded.project)
            text = str(failed) if isinstance(failed, ArkitektError) else f"{type(failed).__name__}: {failed}"
            self._channel.tell("failed", message=text, trace=described.fields["trace"])
            return 1
        return 0

    def _listen(self) -> None:
        for command in self._commands:
            if command["do"] == "stop":
                self._stop()
        # The parent is gone: nobody can stop this process any more, so it stops itself.
        self._stop()
        time.sleep(_ORPHAN_S)
        os._exit(1)

    def _stop(self) -> None:
        assert self._loaded is not None
        self._is_stopping = True
        host = self._loaded.app.host
        if host is not None:
            host.ask_to_stop()


def _describe(loaded: LoadedApp) -> dict[str, Any]:
    from arkitekt_next.cli.describe import signature

    return {
        "identifier": loaded.app.identifier,
        "actions": {
            name: {"signature": signature(definition), "definition_hash": definition.definition_hash}
            for name, definition in loaded.definitions.items()
        },
    }


def main() -> int:
    """Run the child; Ctrl-C is for the parent, which then tells us."""
    signal.signal(signal.SIGINT, lambda *_: None)
    return Child().main()


if __name__ == "__main__":
    # Threads of user code that never end must not keep a stopped version alive.
    os._exit(main())
