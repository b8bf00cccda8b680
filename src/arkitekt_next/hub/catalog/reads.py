"""What the catalogue is asked over HTTP. Names and what is live come from memory, records from the database.

The rule: everything is looked up inside one team, and what `Catalogue.sees` does not give does not exist.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select

from arkitekt_next.errors import NotFound
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads

from . import views as v

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from arkitekt_next.auth.principal import Principal

    from .providers import Implementation
    from .service import Catalogue, Contract

_RELEASES = 100
_VERSIONS = 20
_BREATH = 200


async def list_apps(engine: AsyncEngine, catalogue: Catalogue, who: Principal, wanted: v.AppQuery) -> v.AppPage:
    """Give the team's apps in the order of their identifiers."""
    after = wanted.cursor or ""
    seen = sorted({action.app for action in catalogue.seen_by(who) if action.app > after})[: wanted.limit + 1]
    is_mine = t.app.c.owner_id == who.person
    query = _apps(who).where(t.app.c.identifier > after, or_(is_mine, t.app.c.identifier.in_(seen)))
    query = query.order_by(t.app.c.identifier).limit(wanted.limit + 1)
    async with engine.connect() as db:
        rows = (await db.execute(query)).mappings().all()
    page = rows[: wanted.limit]
    online = _agents_by_app(catalogue, who)
    items = [v.App(**row, agents_online=len(online.get(row["identifier"], ()))) for row in page]
    return v.AppPage(items=items, next=items[-1].identifier if len(rows) > wanted.limit else None)


async def get_app(engine: AsyncEngine, catalogue: Catalogue, who: Principal, identifier: str) -> v.AppDetail:
    """Give an app with its newest releases and its actions. Raises `NotFound`."""
    query = _apps(who).where(t.app.c.identifier == identifier)
    actions = sorted(action.name for action in catalogue.seen_by(who) if action.app == identifier)
    if not actions:
        query = query.where(t.app.c.owner_id == who.person)
    releases = (
        select(t.release)
        .join(t.app, t.app.c.id == t.release.c.app_id)
        .where(t.release.c.team_id == who.team, t.app.c.team_id == who.team, t.app.c.identifier == identifier)
        .where(t.release.c.id.in_(_seen_releases(who)))
        .order_by(t.release.c.id.desc())
        .limit(_RELEASES)
    )
    async with engine.connect() as db:
        row = (await db.execute(query)).mappings().first()
        if row is None:
            raise NotFound(what="app", name=identifier, remedy="`GET /api/apps` lists what there is")
        found = (await db.execute(releases)).mappings().all()
    shown = [v.Release(**{name: r[name] for name in v.Release.model_fields}) for r in found]
    online = len(_agents_by_app(catalogue, who).get(identifier, ()))
    return v.AppDetail(**row, agents_online=online, releases=shown, actions=actions)


def _seen_releases(who: Principal) -> Any:
    """Give the ids of the releases that somebody knows of: those of agents which are not somebody else's in private."""
    is_seen = or_(t.agent.c.visibility == "team", t.agent.c.person_id == who.person)
    return select(t.agent.c.release_id).where(t.agent.c.team_id == who.team, is_seen)


def _apps(who: Principal) -> Any:
    team = who.team
    newest = (
        select(t.release.c.version)
        .where(t.release.c.team_id == team, t.release.c.app_id == t.app.c.id)
        .where(t.release.c.id.in_(_seen_releases(who)))
        .order_by(t.release.c.id.desc())
        .limit(1)
        .correlate(t.app)
        .scalar_subquery()
        .label("version")
    )
    return (
        select(t.app.c.identifier, t.person.c.name.label("owner"), t.app.c.created_at_us, newest)
        .join(t.person, t.person.c.id == t.app.c.owner_id)
        .where(t.app.c.team_id == team)
    )


def _agents_by_app(catalogue: Catalogue, who: Principal) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for action in catalogue.seen_by(who):
        for offer in catalogue.usable(who, action):
            found.setdefault(action.app, set()).add(offer.agent.id)
    return found


async def list_actions(catalogue: Catalogue, who: Principal, wanted: v.ActionQuery) -> v.ActionPage:
    """Give the team's actions in the order of their names.

    Whether one fits is asked of the few words that are kept of it, so that ten thousand are looked through in a moment.
    """
    after = wanted.cursor or ""
    names = sorted(name for team, name in catalogue.actions if team == who.team and name > after)
    words = sorted((wanted.q or "").casefold().split(), key=len, reverse=True)  # the longest is the rarest
    is_searched = bool(words) or wanted.collection is not None
    items: list[v.Action] = []
    for count, name in enumerate(names):
        if count % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)  # others have their turn
        action = catalogue.actions.get((who.team, name))
        if action is None or (wanted.app is not None and action.app != wanted.app):
            continue
        if wanted.online is not None and bool(catalogue.usable(who, action)) is not wanted.online:
            continue
        if is_searched and not any(_fits(contract, wanted, words) for contract in action.contracts.values()):
            continue
        if not catalogue.sees(who, action):
            continue
        contract = catalogue.bind(who, name)
        if is_searched and len(action.contracts) > 1 and not _fits(contract, wanted, words):
            continue
        if len(items) == wanted.limit:
            return v.ActionPage(items=items, next=items[-1].name)
        items.append(v.Action(**_fields(catalogue, contract, who)))
    return v.ActionPage(items=items, next=None)


def _fits(contract: Contract, wanted: v.ActionQuery, words: list[str]) -> bool:
    """Whether what is published of a definition has all the words, and the tag."""
    found = contract.found_by
    if wanted.collection is not None and wanted.collection not in found.collections:
        return False
    return all(word in found.text for word in words)


def _fields(catalogue: Catalogue, contract: Contract, who: Principal) -> dict[str, Any]:
    action, definition = contract.action, contract.definition
    return {
        "name": action.name,
        "app": action.app,
        "label": definition.label,
        "description": definition.description,
        "kind": definition.kind.value,
        "effects": definition.effects.value,
        "collections": list(definition.collections),
        "definition_hash": contract.definition_hash,
        "signature_hash": contract.signature_hash,
        "offered_at_us": contract.offered_at_us,
        "agents_online": len(catalogue.usable(who, action)),
        "is_released": action.is_released,
    }


async def get_action(engine: AsyncEngine, catalogue: Catalogue, who: Principal, name: str) -> v.ActionDetail:
    """Give an action, the definition a call would get now, and who provides it. Raises `NotFound`."""
    contract = catalogue.bind(who, name)
    versions = await list_definitions(engine, catalogue, who, name, v.DefinitionQuery(limit=_VERSIONS))
    providers = [_provider(offer) for offer in catalogue.usable(who, contract.action)]
    return v.ActionDetail(
        **_fields(catalogue, contract, who),
        definition=loads(contract.body),
        providers=sorted(providers, key=lambda p: p.agent),
        versions=versions.items,
    )


def _provider(offer: Implementation) -> v.Provider:
    agent = offer.agent
    return v.Provider(
        agent=agent.id,
        release=agent.release,
        mode=agent.mode,
        host=agent.host,
        labels=sorted(agent.labels),
        definition_hash=offer.contract.definition_hash,
        signature_hash=offer.contract.signature_hash,
        running=offer.running,
        concurrency=offer.concurrency,
        load=agent.load,
        capacity=agent.capacity,
    )


async def list_definitions(
    engine: AsyncEngine, catalogue: Catalogue, who: Principal, name: str, wanted: v.DefinitionQuery
) -> v.RecordedPage:
    """Give the definitions an action had, the newest first. Raises `NotFound`."""
    action = catalogue.find(who, name)
    d = t.definition.c
    query = (
        select(d.id, d.definition_hash, d.signature_hash, d.created_at_us, d.offered_at_us)
        .where(d.team_id == who.team, d.action_id == action.id)
        .order_by(d.id.desc())
        .limit(wanted.limit + 1)
    )
    if action.owner != who.person:
        query = query.where(d.visibility == "team")
    if wanted.cursor is not None:
        query = query.where(d.id < wanted.cursor)
    async with engine.connect() as db:
        rows = (await db.execute(query)).mappings().all()
    page = rows[: wanted.limit]
    items = [v.Recorded(**{field: row[field] for field in v.Recorded.model_fields}) for row in page]
    return v.RecordedPage(items=items, next=page[-1]["id"] if len(rows) > wanted.limit else None)


def get_definition(catalogue: Catalogue, who: Principal, definition_hash: str) -> v.DefinitionDetail:
    """Give a definition by its hash, and which actions offered it. Raises `NotFound`."""
    known = [action.contracts.get(definition_hash) for action in catalogue.seen_by(who)]
    found = [contract for contract in known if contract is not None and catalogue.sees_contract(who, contract)]
    if not found:
        raise NotFound(what="definition", name=definition_hash, remedy="`GET /api/actions` lists what there is")
    return v.DefinitionDetail(
        definition_hash=definition_hash,
        signature_hash=found[0].signature_hash,
        definition=loads(found[0].body),
        actions=sorted(contract.action.name for contract in found)[:_RELEASES],
    )


def check(catalogue: Catalogue, who: Principal, name: str, form: v.CheckForm) -> v.Checked:
    """Check arguments as a call would. Raises `InvalidValue`, or `NotFound` for action and definition."""
    contract = catalogue.bind(who, name)
    if form.definition_hash is not None and form.definition_hash != contract.definition_hash:
        known = contract.action.contracts.get(form.definition_hash)
        if known is None or not catalogue.sees_contract(who, known):
            remedy = f"`GET /api/actions/{name}/definitions` lists what there is"
            raise NotFound(what="definition", name=form.definition_hash, remedy=remedy)
        contract = known
    contract.check(form.args)
    return v.Checked(action=name, definition_hash=contract.definition_hash, signature_hash=contract.signature_hash)
