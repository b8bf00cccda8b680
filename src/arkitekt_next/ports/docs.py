"""Docstrings read into what ports need; Google, NumPy and reST styles come out the same.

The one rule: a docstring never breaks a declaration; what can't be parsed is kept as the description.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Docs:
    """What a docstring says."""

    summary: str | None = None
    details: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    returns: tuple[tuple[str | None, str | None], ...] = ()
    yields: tuple[tuple[str | None, str | None], ...] = ()


def read_docs(documented: Any) -> Docs:
    """Read the docstring of a function or class; its own, never an inherited one."""
    text = getattr(documented, "__doc__", None)
    if not isinstance(text, str) or not text.strip():
        return Docs()
    return parse_docs(inspect.cleandoc(text))


def parse_docs(text: str) -> Docs:
    """Parse a docstring."""
    import docstring_parser

    try:
        parsed = docstring_parser.parse(text)
    except docstring_parser.ParseError:
        summary, _, details = text.partition("\n")
        return Docs(_clean(summary), _clean(details))
    found = parsed.many_returns or ([parsed.returns] if parsed.returns else [])
    pairs = [(r.is_generator, (_clean(r.return_name), _clean(r.description))) for r in found]
    return Docs(
        summary=_one_line(parsed.short_description),
        details=_clean(parsed.long_description),
        params={p.arg_name.lstrip("*"): said for p in parsed.params if (said := _one_line(p.description))},
        returns=tuple(pair for is_yield, pair in pairs if not is_yield),
        yields=tuple(pair for is_yield, pair in pairs if is_yield),
    )


def _clean(text: str | None) -> str | None:
    return (text or "").strip().encode("utf-8", "replace").decode() or None


def _one_line(text: str | None) -> str | None:
    return " ".join((_clean(text) or "").split()) or None
