"""Who a request acts for: exactly one person, in one team, through one app, by one sign-in with its scopes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a token allows its app to do for the person; never more than the person may."""

    READ = "read"
    CALL = "call"
    PROVIDE = "provide"
    MANAGE = "manage"


class Role(StrEnum):
    """What a person is in a team."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Principal:
    """The person, team and app behind a token. `login` is the sign-in that it belongs to, which can be revoked."""

    team: str
    person: str
    app: str
    scopes: frozenset[Scope]
    login: str
    expires_at_us: int
    role: Role = Role.MEMBER
    is_hub_owner: bool = False
    is_page: bool = False

    def has(self, scope: Scope) -> bool:
        """Whether the token carries the scope."""
        return scope in self.scopes
