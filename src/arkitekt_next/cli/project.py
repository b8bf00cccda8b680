"""The app of a folder: its identifier, its module and its version, as `pyproject.toml` says, else by default.

It reads and writes `[tool.arkitekt_next]` and imports nothing of the app. The rule: a `pyproject.toml` is only ever
changed by adding lines or replacing one, and only when the result reads back as intended.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arkitekt_next.errors import Conflict, NotFound, RequestRefused

TABLE = "arkitekt_next"
IDENTIFIER = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
IDENTIFIER_RULE = "a lower-case letter, then letters, digits, '-' or '_' (64 at most)"
DEFAULT_MODULE = "app"
_HEADER = re.compile(r"^\s*\[\s*tool\s*\.\s*(?:arkitekt_next|\"arkitekt_next\"|'arkitekt_next')\s*\]\s*(?:#.*)?$")
_ANY_HEADER = re.compile(r"^\s*\[")
_LINE = re.compile(r"^\s*identifier\s*=")


@dataclass(frozen=True, slots=True)
class Project:
    """An app on disk. `folder` is where its module is looked up; `is_declared` says whether a table names it."""

    folder: Path
    module: str
    identifier: str
    version: str
    is_declared: bool

    @property
    def source(self) -> Path | None:
        """Give the file or package folder of the module, or None when there is none."""
        for root in self.roots:
            place = root.joinpath(*self.module.split("."))
            if place.with_suffix(".py").is_file():
                return place.with_suffix(".py")
            if (place / "__init__.py").is_file():
                return place
        return None

    @property
    def roots(self) -> tuple[Path, ...]:
        """Give the folders that importing the module has to know, the first one first."""
        src = self.folder / "src"
        return (self.folder, src) if src.is_dir() else (self.folder,)


def slug(name: str) -> str:
    """Make an identifier out of any name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    kept = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    if not kept:
        return "app"
    return (kept if kept[0].isalpha() else f"app-{kept}")[:64].rstrip("-_")


def check_identifier(text: str) -> str:
    """Give an identifier back; raise `RequestRefused` when it is none."""
    if IDENTIFIER.fullmatch(text):
        return text
    raise RequestRefused(
        where="identifier", problem=f"expected {IDENTIFIER_RULE}, got '{text}'. For example: {slug(text)}"
    )


def find_project(folder: Path | None = None, module: str | None = None) -> Project:
    """Find the app of a folder: the nearest `pyproject.toml` with a table, upwards; else the folder itself."""
    start = (folder or Path.cwd()).resolve()
    for place in (start, *start.parents):
        document = read_pyproject(place)
        table = _table(document)
        if table is not None:
            return _project(place, document, table, module)
    return _project(start, read_pyproject(start), None, module)


def require_source(project: Project) -> Path:
    """Give the file or package of the app; raise `NotFound` with what to do when there is none."""
    source = project.source
    if source is None:
        raise NotFound(
            f"There is no {project.module.replace('.', '/')}.py in {project.folder}. "
            "Make one with `arkitekt-next init`, or name your module with --module",
            what="module",
            name=project.module,
        )
    return source


def _project(folder: Path, document: dict[str, Any], table: dict[str, Any] | None, module: str | None) -> Project:
    given = table or {}
    packaged = document.get("project")
    version = given.get("version") or (packaged.get("version") if isinstance(packaged, dict) else None)
    identifier = given.get("identifier") or slug(folder.name)
    return Project(
        folder=folder,
        module=_module_name(str(module or given.get("module") or DEFAULT_MODULE)),
        identifier=check_identifier(str(identifier)),
        version=str(version or "0"),
        is_declared=table is not None,
    )


def _module_name(text: str) -> str:
    name = text.removesuffix(".py").replace("\\", "/").removeprefix("./").replace("/", ".")
    if not all(part.isidentifier() for part in name.split(".")):
        raise RequestRefused(where="--module", problem=f"expected a module such as app or lab.cells, got '{text}'")
    return name


def read_pyproject(folder: Path) -> dict[str, Any]:
    """Read a folder's `pyproject.toml`; empty when there is none. Raises `RequestRefused` for bad TOML."""
    path = folder / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise RequestRefused(where=str(path), problem=f"expected TOML: {broken}") from broken
    except OSError as refused:
        raise RequestRefused(where=str(path), problem=f"it can't be read: {refused.strerror}") from refused


def _table(document: dict[str, Any]) -> dict[str, Any] | None:
    tool = document.get("tool")
    found = tool.get(TABLE) if isinstance(tool, dict) else None
    return found if isinstance(found, dict) else None


def has_table(folder: Path) -> bool:
    """Say whether a folder's `pyproject.toml` names an app."""
    return _table(read_pyproject(folder)) is not None


def with_identifier(text: str, identifier: str) -> str:
    """Write an identifier into the text of a `pyproject.toml`; everything else stays, comments included.

    Raises `Conflict` when the file spells its table in a way that can't be changed line by line.
    """
    lines = text.splitlines(keepends=True)
    header = next((i for i, line in enumerate(lines) if _HEADER.match(line)), None)
    end = "\r\n" if "\r\n" in text else "\n"
    entry = f'identifier = "{identifier}"{end}'
    if header is None:
        gap = "" if not text.strip() else end if text.endswith("\n") else end + end
        changed = f"{text}{gap}[tool.{TABLE}]{end}{entry}"
    else:
        changed = "".join(_replace(lines, header, entry))
    _verify(text, changed, identifier)
    return changed


def _replace(lines: list[str], header: int, entry: str) -> list[str]:
    if not lines[header].endswith("\n"):
        lines[header] += entry[len(entry.rstrip()) :]
    for i in range(header + 1, len(lines)):
        if _ANY_HEADER.match(lines[i]):
            break
        if _LINE.match(lines[i]):
            return [*lines[:i], entry, *lines[i + 1 :]]
    return [*lines[: header + 1], entry, *lines[header + 1 :]]


def _verify(text: str, changed: str, identifier: str) -> None:
    wanted = tomllib.loads(text)
    tool = wanted.setdefault("tool", {})
    tool[TABLE] = {**(tool.get(TABLE) or {}), "identifier": identifier}
    try:
        found = tomllib.loads(changed)
    except tomllib.TOMLDecodeError:
        found = {}
    if found != wanted:
        raise Conflict(
            problem="This pyproject.toml can't be extended without rewriting it",
            remedy=f'Write it yourself: [tool.{TABLE}] with identifier = "{identifier}"',
        )
