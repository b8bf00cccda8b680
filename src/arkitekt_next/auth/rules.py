"""The one place that says who may do what: role x scope x visibility. Everybody else asks here.

Source: the table in docs/explanation/trust.md, which tests/scenario/test_access_matrix.py spells out cell by cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from .principal import Principal, Role, Scope


class Verb(StrEnum):
    """What somebody wants to do."""

    SEE = "see"
    CALL = "call"
    STORE = "store data"
    PROVIDE = "provide"
    SHARE = "share"
    OWN = "manage own sign-ins"
    MANAGE = "manage the team"
    KEEP = "keep the hub"


class Visibility(StrEnum):
    """Who sees a thing: its person alone, or everybody in the team but guests, who see what is shared with them."""

    PRIVATE = "private"
    TEAM = "team"


_EVERYBODY = frozenset(Role)
_MEMBERS = frozenset({Role.OWNER, Role.ADMIN, Role.MEMBER})
_HEADS = frozenset({Role.OWNER, Role.ADMIN})

ROLES: Mapping[Verb, frozenset[Role]] = MappingProxyType(
    {
        Verb.SEE: _EVERYBODY,
        Verb.CALL: _EVERYBODY,
        Verb.STORE: _EVERYBODY,
        Verb.OWN: _EVERYBODY,
        Verb.PROVIDE: _MEMBERS,
        Verb.SHARE: _MEMBERS,
        Verb.MANAGE: _HEADS,
        Verb.KEEP: _EVERYBODY,
    }
)
"""Which roles may at all; what they then reach is up to the functions below. The hub's owner is no role of a team."""

SCOPES: Mapping[Verb, Scope] = MappingProxyType(
    {
        Verb.SEE: Scope.READ,
        Verb.CALL: Scope.CALL,
        Verb.STORE: Scope.CALL,
        Verb.PROVIDE: Scope.PROVIDE,
        Verb.SHARE: Scope.MANAGE,
        Verb.OWN: Scope.MANAGE,
        Verb.MANAGE: Scope.MANAGE,
        Verb.KEEP: Scope.MANAGE,
    }
)
"""Which scope a token needs for it."""


def may(who: Principal, verb: Verb) -> bool:
    """Whether somebody may do this at all, by role; the token's scope is asked for separately."""
    if verb is Verb.KEEP:
        return who.is_hub_owner
    return who.role in ROLES[verb]


def grantable(role: Role) -> frozenset[Scope]:
    """Give the scopes that a person of this role may hand to an app that signs in for them."""
    return frozenset(Scope) if role in ROLES[Verb.PROVIDE] else frozenset({Scope.READ, Scope.CALL})


def sees_offer(who: Principal, *, visibility: str, person: str, is_shared: bool) -> bool:
    """Whether somebody sees, and so may call, what an agent of `person` provides. `is_shared`: with them, by name."""
    if person == who.person:
        return True
    if visibility == Visibility.PRIVATE:
        return False
    return who.role is not Role.GUEST or is_shared


def sees_task(who: Principal, *, visibility: str, person: str) -> bool:
    """Whether somebody may know that a task exists. Private ones are their caller's alone, and guests see their own."""
    return person == who.person or (visibility != Visibility.PRIVATE and who.role is not Role.GUEST)


def reads_task(who: Principal, *, visibility: str, is_discreet: bool, person: str) -> bool:
    """Whether somebody may read arguments, results, stream and log of a task that they see."""
    if person == who.person:
        return True
    if visibility == Visibility.PRIVATE or who.role is Role.GUEST:
        return False
    return who.role in _HEADS or not is_discreet


def steers_task(who: Principal, *, visibility: str, person: str) -> bool:
    """Whether somebody may stop or pause a task: the caller, and those who manage the team."""
    return person == who.person or (visibility != Visibility.PRIVATE and who.role in _HEADS)


def changes_item(who: Principal, *, visibility: str, person: str) -> bool:
    """Whether somebody may name, tag, file or trash an item: who made it, and those who manage the team."""
    return person == who.person or (visibility != Visibility.PRIVATE and who.role in _HEADS)


def may_provide(who: Principal, *, app_owner: str, has_consent: bool) -> bool:
    """Whether somebody may provide an app that belongs to `app_owner`."""
    return who.role in ROLES[Verb.PROVIDE] and (app_owner == who.person or has_consent)


def may_consent(who: Principal, *, app_owner: str, has_owner: bool) -> bool:
    """Whether somebody may let others provide an app: its owner, or who manages the team when the owner has left it."""
    return who.role in ROLES[Verb.SHARE] and (app_owner == who.person or (not has_owner and who.role in _HEADS))


def may_share(who: Principal, *, provides: bool) -> bool:
    """Whether somebody may share a team-visible action with a guest: who provides it, and those who manage the team."""
    return who.role in ROLES[Verb.SHARE] and (provides or who.role in _HEADS)


def may_give_role(who: Principal, role: Role) -> bool:
    """Whether somebody may invite with a role, or give it: admins everything below owner."""
    return role in givable(who.role)


def givable(own: Role) -> frozenset[Role]:
    """Give the roles that somebody of this role may invite with, or give."""
    if own not in _HEADS:
        return frozenset()
    return frozenset(Role) if own is Role.OWNER else frozenset(Role) - {Role.OWNER}


def may_manage_member(who: Principal, *, role: Role) -> bool:
    """Whether somebody may revoke sign-ins of, remove, or change a person of this role: admins not owners."""
    return role in givable(who.role)
