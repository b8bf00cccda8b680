"""Who a request acts for: exactly one person, one team, one app, with scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a token allows."""

    READ = "read"
    CALL = "call"
    PROVIDE = "provide"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Principal:
    """The person, team and app behind a token."""

    team: str
    person: str
    app: str
    scopes: frozenset[Scope]
    token: str
    expires_at_us: int

    def may(self, scope: Scope) -> bool:
        """Whether the token carries the scope."""
        return scope in self.scopes
