"""What watches of one folder have done, on this machine, so that a watch which begins again goes on.

A line of JSON for each file. The rule: it only saves asking again; whether content is stored already is asked of the
hub by its hash, so a lost journal makes nothing double.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeAlias

from arkitekt_next.platform import FileLock, make_private_folder, state_folder

Mark: TypeAlias = tuple[int, int]
"""The size of a file and the nanosecond of its last change."""


class Journal:
    """The files of one folder that one app has given to one team."""

    def __init__(self, team: str, app: str, folder: Path) -> None:
        key = hashlib.sha256(f"{team}\n{app}\n{folder}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
        place = make_private_folder(state_folder() / "watched")
        self._path = place / f"{key}.jsonl"
        self._read_bytes = 0
        self._known: dict[str, tuple[Mark, str]] = {}
        self.lock = FileLock(place / f"{key}.lock")
        """Held while one file is stored, so that two watches of a folder don't store it twice."""
        self.refresh()

    def refresh(self) -> None:
        """Read what was added since, by whichever process."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                text = file.read()
        except FileNotFoundError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for line in whole.splitlines():
            entry = _entry(line)
            if entry is not None:
                self._known[entry["path"]] = ((entry["size"], entry["mtime_ns"]), entry["item"])

    def item(self, name: str, mark: Mark) -> str | None:
        """Give the item that a file in this state was given as; None when it was not."""
        known = self._known.get(name)
        return known[1] if known is not None and known[0] == mark else None

    def names(self, item: str) -> list[str]:
        """Give the files that were given as this item last."""
        return [name for name, (_, given) in self._known.items() if given == item]

    def marks(self) -> dict[str, Mark]:
        """Give the state in which each file was given."""
        return {name: mark for name, (mark, _) in self._known.items()}

    def add(self, name: str, mark: Mark, item: str) -> None:
        """Note that a file was given as an item."""
        line = json.dumps({"path": name, "size": mark[0], "mtime_ns": mark[1], "item": item})
        with self._path.open("ab") as file:
            file.write(line.encode() + b"\n")
        self.refresh()


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
        return entry if {"path", "size", "mtime_ns", "item"} <= entry.keys() else None
    except (ValueError, AttributeError):  # half a line of a process that died
        return None
