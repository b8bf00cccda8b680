"""What each route and message asks of whoever uses it. An undeclared one fails the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from arkitekt_next.hub.accounts.principal import Scope

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Policy:
    """`scope` None means: no sign-in needed, and at most `burst` requests a minute and route from one address."""

    name: str
    scope: Scope | None
    burst: int = 600


PUBLIC = Policy("public", None)
SIGN_IN = Policy("sign in", None, burst=60)
SEE = Policy("see", Scope.READ)
CALL = Policy("call", Scope.CALL)
PROVIDE = Policy("provide", Scope.PROVIDE)
MANAGE = Policy("manage", Scope.MANAGE)


def policy(rule: Policy) -> Callable[[F], F]:
    """Declare the policy of a route's function."""

    def mark(function: F) -> F:
        function.policy = rule  # type: ignore[attr-defined]
        return function

    return mark
