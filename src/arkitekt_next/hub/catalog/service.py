"""The catalogue in memory: every action of every team, its definitions, and who implements it now.

Rows are loaded at the start and written through the ledger before anything here changes. A definition is parsed, and
its check compiled, when first used. The rule: lookups happen inside one team.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from arkitekt_next.auth.principal import Role
from arkitekt_next.auth.rules import Visibility, may_provide, sees_offer
from arkitekt_next.errors import Ambiguous, NotFound, NotPermitted, RequestRefused
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.ports import Definition, compile_check
from arkitekt_next.ports.references import compile_references
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import insert_or
from arkitekt_next.wire.codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.ports.references import Walk
    from arkitekt_next.storage.engine import Database
    from arkitekt_next.wire.messages import Release

    from .consents import Consents
    from .providers import Agent, Implementation
    from .shares import Shares

_INSERT_APP = insert_or(t.app, ["team_id", "identifier"])
_INSERT_RELEASE = insert_or(t.release, ["team_id", "app_id", "version", "source_hash", "lock_hash", "python"])
_INSERT_ACTION = insert_or(t.action, ["team_id", "name"])
_DEFINITION_KEY = ["team_id", "action_id", "definition_hash"]
_INSERT_DEFINITION = insert_or(t.definition, _DEFINITION_KEY, update=["offered_at_us"])
_SHARE_DEFINITION = insert_or(t.definition, _DEFINITION_KEY, update=["offered_at_us", "visibility"])

_RELEASED = (
    select(t.implementation.c.action_id)
    .join(t.agent, t.agent.c.id == t.implementation.c.agent_id)
    .where(t.agent.c.mode == "prod")
    .distinct()
)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a definition: `text` without upper case, and its tags."""

    text: str
    collections: tuple[str, ...]


class Contract:
    """One definition of an action, as published; `private` until somebody offers it to the team."""

    def __init__(
        self, action: Action, body: str, definition_hash: str, signature_hash: str, offered_at_us: int, visibility: str
    ) -> None:
        self.action = action
        self.body = body
        self.definition_hash = definition_hash
        self.signature_hash = signature_hash
        self.offered_at_us = offered_at_us
        self.visibility = visibility

    @cached_property
    def definition(self) -> Definition:
        """The parsed definition."""
        return Definition.from_json(loads(self.body))

    @cached_property
    def found_by(self) -> Words:
        """What a search looks at, without the definition being parsed."""
        raw = loads(self.body)
        collections = tuple(raw.get("collections") or ())
        parts = (self.action.name, raw.get("label") or "", raw.get("description") or "", *collections)
        return Words(text=" ".join(parts).casefold(), collections=collections)

    @cached_property
    def check(self) -> Callable[[Mapping[str, Any]], None]:
        """Refuses arguments that do not fit."""
        return compile_check(self.definition.args, where=self.action.name)

    @cached_property
    def items_given(self) -> Walk | None:
        """Gives the ids of the items in arguments; None when there can be none."""
        return compile_references(self.definition.args)

    @cached_property
    def items_returned(self) -> Walk | None:
        """Gives the ids of the items in one return or yield; None when there can be none."""
        return compile_references(self.definition.returns)


@dataclass(slots=True, eq=False)
class Action:
    """A typed contract under one name. `owner` is the person whose app it belongs to.

    `is_released` once an agent that was no development one has provided it.
    """

    id: str
    team: str
    app: str
    name: str
    contracts: dict[str, Contract] = field(default_factory=dict)
    implementations: dict[str, Implementation] = field(default_factory=dict)
    owner: str = ""
    turn: int = 0
    is_released: bool = False

    @property
    def short_name(self) -> str:
        """The name without the app."""
        return self.name.partition(".")[2]

    def online(self) -> list[Implementation]:
        """Who could run it now."""
        return [i for i in self.implementations.values() if i.agent.is_online]


class Catalogue:
    """All teams' actions. `shares` and `consents` say what was shared with whom, and who may provide whose app."""

    def __init__(self, database: Database, shares: Shares, consents: Consents) -> None:
        self._database = database
        self._shares = shares
        self._consents = consents
        self.actions: dict[tuple[str, str], Action] = {}

    async def load(self) -> None:
        """Read the newest definition of every action."""
        async with self._database.engine.connect() as db:
            rows = await db.execute(select(t.app.c.id, t.app.c.identifier, t.app.c.owner_id))
            apps = {row.id: row for row in rows}
            by_id: dict[str, Action] = {}
            for row in await db.execute(select(t.action)):
                app = apps[row.app_id]
                action = Action(row.id, row.team_id, app.identifier, row.name, owner=app.owner_id)
                by_id[row.id] = self.actions[(row.team_id, row.name)] = action
            for row in await db.execute(select(t.definition)):
                action = by_id[row.action_id]
                action.contracts[row.definition_hash] = _contract(action, row)
            for id in (await db.execute(_RELEASED)).scalars():
                by_id[id].is_released = True
        for key in [key for key, action in self.actions.items() if not action.contracts]:
            del self.actions[key]

    async def contract(self, action_id: str, definition_hash: str) -> Contract:
        """Give a definition by its row, reading what another hub has published since."""
        for action in self.actions.values():
            if action.id == action_id and definition_hash in action.contracts:
                return action.contracts[definition_hash]
        async with self._database.engine.connect() as db:
            row = (await db.execute(select(t.action).where(t.action.c.id == action_id))).one()
        await self.learn(row.team_id, row.name, again=True)
        return self.actions[(row.team_id, row.name)].contracts[definition_hash]

    async def learn(self, team: str, name: str, *, again: bool = False) -> None:
        """Read an action that is not known here (`again`: also one that is) with all its definitions."""
        if not again and (team, name) in self.actions:
            return
        query = (
            select(t.definition, t.action.c.id.label("of"), t.app.c.identifier, t.app.c.owner_id)
            .join(t.action, t.action.c.id == t.definition.c.action_id)
            .join(t.app, t.app.c.id == t.action.c.app_id)
            .where(t.action.c.team_id == team, t.action.c.name == name)
        )
        async with self._database.engine.connect() as db:
            rows = (await db.execute(query)).all()
            of = rows[0].of if rows else ""
            is_released = (await db.execute(_RELEASED.where(t.implementation.c.action_id == of))).first() is not None
        for row in rows:
            fresh = Action(row.of, team, row.identifier, name, owner=row.owner_id)
            action = self.actions.setdefault((team, name), fresh)
            action.is_released = action.is_released or is_released
            known = action.contracts.setdefault(row.definition_hash, _contract(action, row))
            known.visibility = row.visibility

    def find(self, who: Principal, name: str) -> Action:
        """Give the action of that name, if somebody sees it. Raises `NotFound` with the nearest names there are."""
        action = self.actions.get((who.team, name))
        if action is None or not action.contracts or not self.sees(who, action):
            raise NotFound(what="action", name=name, remedy=self._hint(who, name))
        return action

    def seen_by(self, who: Principal) -> list[Action]:
        """List what somebody sees."""
        return [action for (team, _), action in self.actions.items() if team == who.team and self.sees(who, action)]

    def sees(self, who: Principal, action: Action) -> bool:
        """Whether somebody sees an action: one of its definitions."""
        return any(self.sees_contract(who, contract) for contract in action.contracts.values())

    def sees_contract(self, who: Principal, contract: Contract) -> bool:
        """Whether somebody sees a definition: one of their own app, or that is, or was, offered to them."""
        action = contract.action
        is_shared = self._is_shared(who, action)
        if sees_offer(who, visibility=contract.visibility, person=action.owner, is_shared=is_shared):
            return True
        return any(offer.contract is contract for offer in self.usable(who, action))

    def usable(self, who: Principal, action: Action) -> list[Implementation]:
        """List who could run an action for somebody now, rooms aside."""
        is_shared = self._is_shared(who, action)
        found = []
        for offer in action.implementations.values():
            agent = offer.agent
            if agent.is_online and sees_offer(
                who, visibility=agent.visibility, person=agent.person, is_shared=is_shared
            ):
                found.append(offer)
        return found

    def _is_shared(self, who: Principal, action: Action) -> bool:
        return who.role is Role.GUEST and self._shares.is_shared(action.id, who.person)

    def _hint(self, who: Principal, name: str) -> str:
        from difflib import get_close_matches

        seen = self.seen_by(who)
        names = [action.name for action in seen if action.is_released or self.usable(who, action)]
        near = get_close_matches(name, names, n=3, cutoff=0.6)
        if near:
            return f"Did you mean {', '.join(near)}?"
        return "Is its app running? `arkitekt-next inspect` lists what there is"

    def bind(self, who: Principal, name: str) -> Contract:
        """Give the definition a caller gets: the newest live one that is not a development one, else the person's own.

        When nobody is online: the one that was offered last. Raises `NotFound` for what somebody does not see.
        """
        action = self.actions.get((who.team, name))
        offers = self.usable(who, action) if action is not None else []
        if len(offers) == 1:
            return offers[0].contract
        if offers:
            return max(offers, key=lambda offer: offer.rank).contract
        action = self.find(who, name)
        seen = [contract for contract in action.contracts.values() if self.sees_contract(who, contract)]
        return max(seen, key=lambda contract: contract.offered_at_us)

    def by_definition(self, who: Principal, definition_hash: str) -> Contract:
        """Give the action that offers exactly this definition."""
        fits = [
            contract
            for action in self.seen_by(who)
            for contract in action.contracts.values()
            if contract.definition_hash == definition_hash and self.sees_contract(who, contract)
        ]
        return _only(fits, "definition", definition_hash)

    def by_demand(self, who: Principal, demand: Mapping[str, Any]) -> Contract:
        """Give the one live action whose ports are of the kinds asked for."""
        args, returns = demand.get("args"), demand.get("returns")
        if not _is_port_list(args) or not _is_port_list(returns):
            raise RequestRefused(
                where="demand", problem="expected lists of {kind, key?, identifier?} under args and returns"
            )
        fits = []
        for action in self.seen_by(who):
            if self.usable(who, action):
                contract = self.bind(who, action.name)
                definition = contract.definition
                if _fits(args, definition.args) and _fits(returns, definition.returns):
                    fits.append(contract)
        return _only(fits, "action", f"demand {dumps(demand)[:200]}")

    async def publish(
        self, who: Principal, *, app: str, release: Release, definitions: Iterable[Definition], visibility: str
    ) -> tuple[str, str, list[Contract]]:
        """Record app, release and definitions; give the ids of app and release, and the contracts in order.

        Raises `NotPermitted` when the app belongs to somebody else.
        """
        team = who.team
        app_id, owner = await self._claim_app(who, app)
        release_id = await self._record_release(team, app_id, release)
        contracts: list[Contract] = []
        steps = []
        now = now_us()
        for definition in definitions:
            name = f"{app}.{definition.name}"
            action = self.actions.get((team, name)) or await self._record_action(team, app_id, app, name, owner)
            body = dumps(definition.to_json())
            contract = action.contracts.get(definition.definition_hash)
            if contract is None:
                hashes = definition.definition_hash, definition.signature_hash
                contract = Contract(action, body, *hashes, now, visibility)
            contract.offered_at_us = now
            contracts.append(contract)
            row = {
                "id": new_id(),
                "team_id": team,
                "action_id": action.id,
                "definition_hash": contract.definition_hash,
                "signature_hash": contract.signature_hash,
                "visibility": visibility,
                "body": body,
                "created_at_us": now,
                "offered_at_us": now,
            }
            steps.append((_SHARE_DEFINITION if visibility == Visibility.TEAM else _INSERT_DEFINITION, row))
        if steps:
            await self._database.ledger.commit(*steps)
        for contract in contracts:
            if visibility == Visibility.TEAM:
                contract.visibility = visibility
            contract.action.contracts[contract.definition_hash] = contract
            self.actions[(team, contract.action.name)] = contract.action
        return app_id, release_id, contracts

    async def _claim_app(self, who: Principal, identifier: str) -> tuple[str, str]:
        team, person = who.team, who.person
        row = {
            "id": new_id(),
            "team_id": team,
            "identifier": identifier,
            "owner_id": person,
            "created_at_us": now_us(),
        }
        await self._database.ledger.commit((_INSERT_APP, row))
        query = select(t.app.c.id, t.app.c.owner_id).where(t.app.c.team_id == team, t.app.c.identifier == identifier)
        async with self._database.engine.connect() as db:
            found = (await db.execute(query)).one()
        if not may_provide(who, app_owner=found.owner_id, has_consent=self._consents.has(found.id, person)):
            raise NotPermitted(
                person=person,
                verb="provide",
                what=f"the app '{identifier}'",
                remedy="Its owner has to consent, or choose another identifier",
            )
        return str(found.id), str(found.owner_id)

    async def _record_release(self, team: str, app_id: str, release: Release) -> str:
        key = {
            "team_id": team,
            "app_id": app_id,
            "version": release.version,
            "source_hash": release.source_hash or "",
            "lock_hash": release.lock_hash or "",
            "python": release.python or "",
        }
        await self._database.ledger.commit((_INSERT_RELEASE, {"id": new_id(), "created_at_us": now_us(), **key}))
        query = select(t.release.c.id).where(*(t.release.c[name] == value for name, value in key.items()))
        async with self._database.engine.connect() as db:
            return str((await db.execute(query)).scalar_one())

    async def _record_action(self, team: str, app_id: str, app: str, name: str, owner: str) -> Action:
        row = {"id": new_id(), "team_id": team, "app_id": app_id, "name": name, "created_at_us": now_us()}
        await self._database.ledger.commit((_INSERT_ACTION, row))
        query = select(t.action.c.id).where(t.action.c.team_id == team, t.action.c.name == name)
        async with self._database.engine.connect() as db:
            return Action(str((await db.execute(query)).scalar_one()), team, app, name, owner=owner)

    def attach(self, agent: Agent) -> None:
        """List what an agent implements."""
        for offer in agent.offers.values():
            action = offer.contract.action
            action.implementations[agent.id] = offer
            action.is_released = action.is_released or agent.mode == "prod"

    def detach(self, agent: Agent) -> None:
        """Unlist it."""
        for offer in agent.offers.values():
            offer.contract.action.implementations.pop(agent.id, None)


def _contract(action: Action, row: Any) -> Contract:
    return Contract(action, row.body, row.definition_hash, row.signature_hash, row.offered_at_us, row.visibility)


def _is_port_list(value: object) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(v, dict) for v in value))


def _fits(wanted: Any, ports: Iterable[Any]) -> bool:
    if wanted is None:
        return True
    ports = list(ports)
    return len(wanted) == len(ports) and all(
        want.get("kind", port.kind) == port.kind
        and want.get("key", port.key) == port.key
        and want.get("identifier", port.identifier) == port.identifier
        for want, port in zip(wanted, ports, strict=True)
    )


def _only(fits: list[Contract], what: str, name: str) -> Contract:
    if not fits:
        raise NotFound(what=what, name=name, remedy="`arkitekt-next inspect` lists what there is")
    if len(fits) > 1:
        candidates = ", ".join(sorted(c.action.name for c in fits)[:5])
        raise Ambiguous(what=what, name=name, candidates=candidates, remedy="Call it by name")
    return fits[0]
