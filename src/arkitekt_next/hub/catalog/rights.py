"""Who may provide an app besides its owner, and with which guests an action is shared: checked, recorded, shown.

The rule: an app or action that somebody does not see is one that there is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from arkitekt_next.auth.principal import Role
from arkitekt_next.auth.rules import Visibility, may_consent, may_share
from arkitekt_next.errors import Conflict, NotFound, NotPermitted
from arkitekt_next.storage import tables as t

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.accounts.people import People

    from .service import Action, Catalogue


async def app_to_consent(
    engine: AsyncEngine, catalogue: Catalogue, people: People, who: Principal, identifier: str
) -> str:
    """Give the id of an app that `who` may let others provide. Raises `NotFound`, `NotPermitted`."""
    app_id, owner = await find_app(engine, catalogue, who, identifier)
    if not may_consent(who, app_owner=owner, has_owner=people.membership(who.team, owner) is not None):
        raise NotPermitted(
            person=who.person,
            verb="let others provide",
            what=f"the app '{identifier}'",
            remedy="Ask the person it belongs to",
        )
    return app_id


async def find_app(engine: AsyncEngine, catalogue: Catalogue, who: Principal, identifier: str) -> tuple[str, str]:
    """Give the id of an app that somebody sees, and whose it is. Raises `NotFound`."""
    query = select(t.app.c.id, t.app.c.owner_id).where(t.app.c.team_id == who.team, t.app.c.identifier == identifier)
    async with engine.connect() as db:
        row = (await db.execute(query)).first()
    is_seen = row is not None and (
        row.owner_id == who.person or any(action.app == identifier for action in catalogue.seen_by(who))
    )
    if row is None or not is_seen:
        raise NotFound(what="app", name=identifier, remedy="`GET /api/apps` lists what there is")
    return row.id, row.owner_id


def action_to_share(catalogue: Catalogue, who: Principal, name: str) -> Action:
    """Give an action that `who` may share. Raises `NotFound`, `NotPermitted`, `Conflict`."""
    action = catalogue.find(who, name)
    offers = catalogue.usable(who, action)
    provides = action.owner == who.person or any(offer.agent.person == who.person for offer in offers)
    if not may_share(who, provides=provides):
        raise NotPermitted(
            person=who.person, verb="share", what=f"'{name}'", remedy="Ask whoever provides it, or an admin of the team"
        )
    if not any(contract.visibility == Visibility.TEAM for contract in action.contracts.values()):
        remedy = "Provide it with `run prod`, or with `run dev --share`, first"
        raise Conflict(problem=f"'{name}' is private: not even the team sees it yet", remedy=remedy)
    return action


def check_provider(people: People, who: Principal, person: str) -> None:
    """Refuse a consent for somebody who may not provide at all. Raises `NotFound`, `Conflict`."""
    role = _role(people, who, person)
    if role is Role.GUEST:
        raise Conflict(problem="A guest provides nothing", remedy="Make them a member of the team first")


def check_guest(people: People, who: Principal, person: str) -> None:
    """Refuse to share with somebody who is no guest of the team. Raises `NotFound`, `Conflict`."""
    role = _role(people, who, person)
    if role is not Role.GUEST:
        raise Conflict(problem=f"This person is {role} in the team", remedy="They see all that the team shares already")


def _role(people: People, who: Principal, person: str) -> Role:
    role = people.membership(who.team, person)
    if role is None:
        raise NotFound(what="member", name=person, remedy="Invite them into the team first")
    return role
