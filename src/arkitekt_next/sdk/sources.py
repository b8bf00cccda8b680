"""Which sources and which locked dependencies a program runs with, as hashes that tell one release from another.

Which folder is the project's is left to `identity`. The rule: a hash covers all of the sources or there is none, and
nothing is walked but a folder whose pyproject.toml describes a program.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from arkitekt_next.errors import DeclarationError

from .identity import project_folder

LOCK_FILES = (
    "uv.lock",
    "pixi.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "conda-lock.yml",
    "requirements.lock",
    "requirements.txt",
)
MOST_FILES = 2_000
MOST_BYTES = 20_000_000
MOST_ENTRIES = 50_000
_SKIPPED = {"__pycache__", "node_modules", "site-packages", "build", "dist"}
_INSTALLED = {"site-packages", "dist-packages"}


def hash_program() -> tuple[str | None, str | None]:
    """Identify the sources of this program, and its dependencies; None for what can't be told.

    The sources are those of the project around the current folder: the one whose pyproject.toml also gives identifier
    and version. Without a project they are the file of the main script alone, never the folder it lies in, which may
    be somebody's home; without that too (a prompt, a notebook, an installed command) there are none. Looked at once
    per process: what is saved later is not what runs here.
    """
    try:
        folder = project_folder(Path.cwd())
    except (OSError, DeclarationError):  # who asks for identifier or version is told; who gave both needs neither
        return None, None
    if folder is not None:
        return _hash_project(folder)
    script = main_script()
    return (None if script is None else _hash_script(script)), None


@functools.cache
def _hash_project(folder: Path) -> tuple[str | None, str | None]:
    return hash_sources(folder), hash_lock(folder)


@functools.cache
def _hash_script(script: Path) -> str | None:
    return hash_script(script)


def hash_sources(folder: Path) -> str | None:
    """Identify a source tree: the names and contents of its Python files, and of its pyproject.toml.

    The same tree gives the same hash in any folder and with any line ends. Hidden folders, environments, caches and
    what builds leave behind do not count, nor do links out of the tree. None when there is nothing, when a file can't
    be read, or when there is more than can be hashed in passing (`MOST_FILES`, `MOST_BYTES`; `MOST_ENTRIES` looked at,
    data included).
    """
    try:
        files = source_files(folder)
        return None if files is None else _digest(files)
    except OSError:
        return None


def source_files(folder: Path) -> list[tuple[str, Path]] | None:
    """Give the files that `hash_sources` is over, each with its name in the tree, or None where it gives none.

    Raises `OSError` for what can't be looked at.
    """
    entries = list(itertools.islice(_entries(folder), MOST_ENTRIES + 1))
    paths = [Path(entry.path) for entry in entries if _is_source(entry)]
    settings = folder / "pyproject.toml"
    paths += [settings] if settings.is_file() else []
    if not paths or len(entries) > MOST_ENTRIES or len(paths) > MOST_FILES:
        return None
    top = folder.resolve()
    inside = (path for path in paths if path.resolve().is_relative_to(top))
    return sorted((path.relative_to(folder).as_posix(), path) for path in inside)


def hash_script(script: Path) -> str | None:
    """Identify a program of a single file, as if it lay alone in a folder; None when it can't be read."""
    try:
        return _digest([(script.name, script)])
    except OSError:
        return None


def hash_lock(folder: Path) -> str | None:
    """Identify locked dependencies by the first lock file of a folder; None when there is none, or none readable."""
    path = lock_file(folder)
    if path is None:
        return None
    try:
        content = _read(path, MOST_BYTES)
    except OSError:
        return None
    return None if content is None else hashlib.sha256(content).hexdigest()


def lock_file(folder: Path) -> Path | None:
    """Give the first lock file of a folder; None when there is none."""
    return next((path for path in (folder / name for name in LOCK_FILES) if path.is_file()), None)


def main_script() -> Path | None:
    """Give the file that this process was started with; None when there is none, or when it is an installed one."""
    named = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(named, str):
        return None
    path = Path(named)
    is_installed = not _INSTALLED.isdisjoint(path.parts) or path.is_relative_to(Path(os.__file__).parent)
    return path if path.suffix == ".py" and path.is_file() and not is_installed else None


def is_source_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a folder that may hold sources of a program."""
    if entry.name.startswith(".") or entry.name in _SKIPPED or not entry.is_dir(follow_symlinks=False):
        return False
    return not os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _is_source(entry: os.DirEntry[str]) -> bool:
    return entry.name.endswith(".py") and entry.is_file()


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Give everything below a folder, in no order, as far as it may hold sources."""
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    yield entry
                    if is_source_folder(entry):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # what can't be listed can't be imported from either: a database's folder, one just removed


def _digest(files: Iterable[tuple[str, Path]]) -> str | None:
    digest, left = hashlib.sha256(), MOST_BYTES
    for name, path in sorted(files):
        content = _read(path, left)
        if content is None:
            return None
        left -= len(content)
        content = content.replace(b"\r\n", b"\n")
        named = name.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%s:%d:" % (len(named), named, len(content)))
        digest.update(content)
    return digest.hexdigest()


def _read(path: Path, most: int) -> bytes | None:
    with path.open("rb") as file:
        return file.read() if os.fstat(file.fileno()).st_size <= most else None
