"""Scopes as OAuth writes them: one text with spaces. Those of OpenID Connect are taken, and carry no rights."""

from __future__ import annotations

from collections.abc import Iterable

from arkitekt_next.auth.principal import Scope

OPENID = "openid"
WITHOUT_RIGHTS = frozenset({OPENID, "profile", "offline_access"})
SUPPORTED = (*(scope.value for scope in Scope), *sorted(WITHOUT_RIGHTS))


def read_scopes(text: str | None, default: Iterable[Scope]) -> frozenset[Scope]:
    """Give the rights that a text asks for; `default` when it names no scope at all. Raises `ValueError`."""
    names = set((text or "").split())
    if not names:
        return frozenset(default)
    return frozenset(Scope(name) for name in names - WITHOUT_RIGHTS)


def wants_identity(text: str | None) -> bool:
    """Whether a text asks for an ID token."""
    return OPENID in (text or "").split()


def write_scopes(scopes: Iterable[Scope], *, with_identity: bool = False) -> str:
    """Write scopes as one text, in one order."""
    names = sorted(scope.value for scope in scopes)
    return " ".join([*names, OPENID] if with_identity else names)
