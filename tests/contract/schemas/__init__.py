"""The schema of every release as SQL text, with a row in each table: what `test_upgrades` starts from.

    python -m tests.contract.schemas

writes the texts of the newest revision. The rule: the text of a released revision is never written again.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def revisions() -> list[str]:
    """Name the revisions there are texts of, oldest first."""
    return sorted({path.name.partition(".")[0] for path in FOLDER.glob("*.sql")})


def text_of(revision: str, kind: str) -> str:
    """Give the text of a revision for a kind of database."""
    return (FOLDER / f"{revision}.{kind}.sql").read_text()
