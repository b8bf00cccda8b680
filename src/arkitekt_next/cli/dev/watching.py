"""Noticing that the app was edited.

Only folders that hold Python files are watched, each for itself, so a folder full of images next to the app costs
nothing. The rule: a change counts when the contents differ, not when a file was merely touched.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

from arkitekt_next.cli.manifest import source_files
from arkitekt_next.cli.project import Project

_SETTINGS = "pyproject.toml"
_STEP_MS = 40
_LOOK_MS = 1000


def snapshot(project: Project) -> dict[Path, str]:
    """Give the contents of everything whose change means a reload, as digests."""
    found = {}
    for path in [*source_files(project), project.folder / _SETTINGS]:
        try:
            found[path] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        except OSError:  # removed while we look, or not there
            continue
    return found


def changed_names(before: dict[Path, str], after: dict[Path, str], folder: Path) -> list[str]:
    """Name the files that differ, relative to the app's folder."""
    paths = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return sorted(str(path.relative_to(folder)) for path in paths)


class Watcher:
    """Calls `changed` (from a thread of its own) whenever something in the app's folders may have changed."""

    def __init__(self, project: Callable[[], Project], changed: Callable[[], object]) -> None:
        self._project = project
        self._changed = changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dev-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; changes from here on are not told."""
        self._stop.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        from watchfiles import watch

        while not self._stop.is_set():
            folders = watched_folders(self._project())
            is_first = True
            for found in watch(
                *folders,
                recursive=False,
                step=_STEP_MS,
                stop_event=self._stop,
                watch_filter=_is_relevant,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
            ):
                # What changed while no watch stood is seen by looking once after each start.
                if found or is_first:
                    self._changed()
                is_first = False
                if watched_folders(self._project()) != folders:
                    break


def watched_folders(project: Project) -> list[Path]:
    """Give the folders that hold sources of the app, and the app's own."""
    return sorted({project.folder, *project.roots, *(path.parent for path in source_files(project))})


def _is_relevant(_: object, name: str) -> bool:
    path = Path(name)
    if path.name.startswith(".") or path.name == "__pycache__":
        return False
    return path.suffix == ".py" or path.name == _SETTINGS or path.is_dir()
