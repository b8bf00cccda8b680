"""What each route and message asks of whoever uses it. An undeclared one fails the tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from arkitekt_next.auth.principal import Principal
from arkitekt_next.auth.rules import SCOPES, Verb, may
from arkitekt_next.errors import NotPermitted

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Policy:
    """`verb` None means: no sign-in needed, and at most `burst` requests a minute and route from one address."""

    name: str
    verb: Verb | None
    burst: int = 600

    def check(self, who: Principal) -> None:
        """Refuse a token whose scopes, or a person whose role, do not reach. Raises `NotPermitted`."""
        verb = self.verb
        if verb is None:
            return
        scope = SCOPES[verb]
        if scope not in who.scopes:
            raise self._refusal(
                who, f"{who.app} was let in without '{scope}': sign it in anew (login --reauth) and leave it that right"
            )
        if not may(who, verb):
            keeper = "the owner of the hub" if verb is Verb.KEEP else "an owner or admin"
            role = "no owner of the hub" if verb is Verb.KEEP else f"{who.role} in this team"
            raise self._refusal(who, f"You are {role}: ask {keeper}")

    def _refusal(self, who: Principal, remedy: str) -> NotPermitted:
        action, _, what = self.name.partition(" ")
        text = f"You may not {action} {what or 'this'}. {remedy}"
        return NotPermitted(text, person=who.person, verb=action, what=what or "this", remedy=remedy)


PUBLIC = Policy("public", None)
SIGN_IN = Policy("sign in", None, burst=60)
SEE = Policy("see", Verb.SEE)
CALL = Policy("call", Verb.CALL)
STORE = Policy("store data", Verb.STORE)
PROVIDE = Policy("provide", Verb.PROVIDE)
SHARE = Policy("share", Verb.SHARE)
OWN = Policy("manage own sign-ins", Verb.OWN)
MANAGE = Policy("manage the team", Verb.MANAGE)
KEEP = Policy("keep the hub", Verb.KEEP)


def policy(rule: Policy) -> Callable[[F], F]:
    """Declare the policy of a route's function."""

    def mark(function: F) -> F:
        function.policy = rule  # type: ignore[attr-defined]
        return function

    return mark
