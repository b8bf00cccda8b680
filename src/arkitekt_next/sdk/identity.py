"""What an app is called, and which version it is.

The rule: what the author wrote wins over what can be guessed, and a guess is always a sound identifier.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from typing import Any

from arkitekt_next.errors import DeclarationError

IDENTIFIER = re.compile(r"[a-z][a-z0-9_-]*")


def check_identifier(identifier: str) -> str:
    """Give the identifier, or raise `DeclarationError` when it is none."""
    if not IDENTIFIER.fullmatch(identifier):
        raise DeclarationError(
            where="App",
            problem=f"{identifier!r} is no app identifier",
            remedy=f"Use small letters, digits, '_' and '-', such as {slug(identifier)!r}",
        )
    return identifier


def default_identifier(folder: Path) -> str:
    """Give the identifier of the nearest pyproject.toml, else the folder's name as one.

    `ARKITEKT_APP` wins over both.
    """
    chosen = os.environ.get("ARKITEKT_APP")
    if chosen:
        return check_identifier(chosen)
    found = _settings(folder).get("identifier")
    return check_identifier(str(found)) if found is not None else slug(folder.name)


def default_version(folder: Path) -> str:
    """Give the version of the nearest pyproject.toml, else "0"."""
    settings = _settings(folder)
    return str(settings.get("version") or settings.get("project_version") or "0")[:128]


def project_folder(folder: Path) -> Path | None:
    """Give the folder of the nearest pyproject.toml when that describes a program, by `[tool.arkitekt_next]` or
    `[project]`; else None.
    """
    place, whole = _nearest(folder)
    return place if "project" in whole or "arkitekt_next" in whole.get("tool", {}) else None


def _settings(folder: Path) -> dict[str, Any]:
    _, whole = _nearest(folder)
    own = dict(whole.get("tool", {}).get("arkitekt_next", {}))
    own["project_version"] = whole.get("project", {}).get("version")
    return own


def _nearest(folder: Path) -> tuple[Path, dict[str, Any]]:
    for place in (folder, *folder.parents):
        path = place / "pyproject.toml"
        if path.is_file():
            import tomllib

            try:
                return place, tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as broken:
                raise DeclarationError(
                    where=str(path), problem=f"it can't be read: {broken}", remedy="Correct it"
                ) from broken
    return folder, {}


def slug(name: str) -> str:
    """Bring any name into the form of an identifier."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    plain = re.sub(r"[^a-z0-9_-]+", "-", letters).strip("-_")
    return plain if plain and plain[0].isalpha() else f"app-{plain}".rstrip("-")
