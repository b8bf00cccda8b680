"""What an app would publish, as one JSON object; and the hashes that tell one release from another.

It reads files and imports nothing. The rule: the same sources give the same hash on every machine and in every folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli.project import Project

if TYPE_CHECKING:
    from arkitekt_next.cli.loading import LoadedApp

LOCK_FILES = ("uv.lock", "pixi.lock", "poetry.lock", "pdm.lock", "conda-lock.yml", "requirements.txt")
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "build", "dist", "src"}


def source_files(project: Project) -> Iterator[Path]:
    """Give the Python files that belong to an app, in a stable order.

    A folder counts when Python files lie in it, or when it is a root to import from; so neither environments nor
    folders of data next to the app are walked through.
    """
    for root in project.roots:
        yield from _files_below(root, is_root=True)


def _files_below(folder: Path, *, is_root: bool = False) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # removed while we look, or not ours to read
        return
    files = [entry for entry in entries if entry.name.endswith(".py") and entry.is_file()]
    if not files and not is_root:
        return
    yield from (Path(entry.path) for entry in files)
    for entry in entries:
        if is_source_folder(entry):
            yield from _files_below(Path(entry.path))


def is_source_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a folder that may hold sources of the app."""
    if entry.name.startswith(".") or entry.name in _SKIPPED or not entry.is_dir(follow_symlinks=False):
        return False
    return not os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def source_hash(project: Project) -> str:
    """Identify the sources of an app: their names and contents."""
    digest = hashlib.sha256()
    for path in source_files(project):
        name = path.relative_to(project.folder).as_posix().encode()
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(b"%d:%s:%d:" % (len(name), name, len(content)))
        digest.update(content)
    return digest.hexdigest()


def lock_hash(project: Project) -> str | None:
    """Identify the dependencies of an app by its lock file; None when there is none."""
    for name in LOCK_FILES:
        path = project.folder / name
        if path.is_file():
            return hashlib.sha256(path.read_bytes()).hexdigest()
    return None


def manifest_of(loaded: LoadedApp) -> dict[str, Any]:
    """Describe an app: who it is, which release, and every definition with its hashes."""
    from arkitekt_next import __version__

    project, identifier = loaded.project, loaded.app.identifier
    return {
        "identifier": identifier,
        "version": loaded.app.version or project.version,
        "release": {
            "source_hash": source_hash(project),
            "lock_hash": lock_hash(project),
            "python": platform.python_version(),
            "sdk": __version__,
        },
        "actions": [
            {
                "name": f"{identifier}.{name}",
                "definition_hash": definition.definition_hash,
                "signature_hash": definition.signature_hash,
                "definition": definition.to_json(),
            }
            for name, definition in loaded.definitions.items()
        ],
    }
