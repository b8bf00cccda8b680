"""What an app would publish, as one JSON object; and which files belong to it.

It reads files and imports nothing. The rule: the hashes of a release are those of `sdk.sources`, so an app says the
same of itself whether this command line or its own main script starts it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.cli.project import Project
from arkitekt_next.sdk.sources import hash_lock, hash_sources, is_source_folder

if TYPE_CHECKING:
    from arkitekt_next.cli.loading import LoadedApp


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
        if entry.name != "src" and is_source_folder(entry):  # src is a root of its own
            yield from _files_below(Path(entry.path))


def manifest_of(loaded: LoadedApp) -> dict[str, Any]:
    """Describe an app: who it is, which release, and every definition with its hashes."""
    from arkitekt_next import __version__

    project, identifier = loaded.project, loaded.app.identifier
    return {
        "identifier": identifier,
        "version": loaded.app.version or project.version,
        "release": {
            "source_hash": hash_sources(project.folder),
            "lock_hash": hash_lock(project.folder),
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
