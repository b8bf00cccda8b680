"""Reads `matrix.txt`, which says by hand what everybody gets of everything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACTORS = (
    *("hub", "owner", "admin", "author", "member", "guest", "other"),
    *("anon", "revoked", "expired", "read", "call", "provide", "manage"),
)
NOT_ASKED = "-"


@dataclass(frozen=True)
class Row:
    """What everybody gets of one thing by one route or message."""

    section: str
    what: str
    subject: str
    cells: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.what}  {self.subject}"


def read_rows() -> list[Row]:
    """Read the rows. Raises `ValueError` for a line that is none, or is there twice."""
    rows: dict[str, Row] = {}
    section, what = "", ""
    text = Path(__file__).with_name("matrix.txt").read_text()
    for line in text[text.index("\n== ") :].splitlines():
        if line.startswith("== "):
            section = line[3:]
        elif tuple(line.split()) == ACTORS or not line:
            continue
        elif not line.startswith(" "):
            what = line
        else:
            row = Row(section, what, *_read(line))
            if str(row) in rows:
                raise ValueError(f"{row}: expected it once, got it twice")
            rows[str(row)] = row
    return list(rows.values())


def _read(line: str) -> tuple[str, dict[str, str]]:
    found = re.fullmatch(rf"  (\S.*?)((?: +\S+){{{len(ACTORS)}}})", line)
    if found is None:
        raise ValueError(f"expected a subject and {len(ACTORS)} cells, got {line!r}")
    return found[1].strip(), dict(zip(ACTORS, found[2].split(), strict=True))
