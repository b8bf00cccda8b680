"""What a person may tick when they let an app in: which team, and which of the scopes it asks for.

The rule: what a role can't use is not offered, and not taken.
"""

from __future__ import annotations

from typing import Any

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.auth.rules import grantable

from . import words
from .visit import Visit


async def choices_of(
    visit: Visit,
    asked: frozenset[Scope],
    *,
    team: str = "",
    ticked: set[Scope] | None = None,
    only_team: str | None = None,
) -> dict[str, Any]:
    """Give what a form offers. `ticked` None: everything. `only_team`: the one an app belongs to."""
    people, who = visit.hub.accounts.people, visit.principal
    teams = [known for known in await people.teams(who.person) if only_team in (None, known.id)]
    roles = {known.id: people.role_of(known.id, who.person) or Role.GUEST for known in teams}
    offered = frozenset[Scope]().union(*(grantable(role) for role in roles.values())) & asked
    return {
        "teams": teams,
        "roles": roles,
        "team": team if team in roles else who.team,
        "scopes": [
            {
                "value": scope.value,
                "title": words.SCOPES[scope][0],
                "text": words.SCOPES[scope][1],
                "on": ticked is None or scope in ticked,
            }
            for scope in Scope
            if scope in offered
        ],
        "withheld": [words.SCOPES[scope][0] for scope in Scope if scope in asked - offered],
    }


def problem_with(role: Role | None, agreed: set[Scope]) -> str | None:
    """Say what keeps a person of this role from agreeing to these scopes, if anything does."""
    if role is None:
        return "You do not belong to this team."
    if not agreed:
        return "Tick at least one thing that it may do, or deny it."
    excess = [scope for scope in Scope if scope in agreed - grantable(role)]
    if excess:
        names = " and ".join(f"“{words.SCOPES[scope][0]}”" for scope in excess)
        return f"As {role} of this team you can't give {names} to an app. Take the tick away, or choose another team."
    return None
