"""Agents: who provides what, under which epoch, and what happens when a connection breaks.

A session names a process. The same session back again resumes under a new epoch; whatever an older connection still
says is stale. The rule: memory and ledger change in the same turn, so no report of the old epoch can be recorded
after the fence.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import ArkitektError, DefinitionChanged, DuplicateName, InvalidValue, RequestRefused
from arkitekt_next.hub.catalog.providers import Agent, Implementation
from arkitekt_next.hub.core.ids import new_id, now_us
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.hub.tasks import control, ending, recovery, retry, routing, statements
from arkitekt_next.hub.tasks.reducer import judge_loss
from arkitekt_next.ports import Definition
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement, Step, insert_or
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.lifecycle import EventName, Status
from arkitekt_next.wire.messages import Credit, Provided, Steer

from . import versions

if TYPE_CHECKING:
    from arkitekt_next.hub.catalog.service import Contract
    from arkitekt_next.hub.tasks.board import Board
    from arkitekt_next.hub.tasks.live import LiveTask
    from arkitekt_next.wire.messages import Provide, Release

    from .peer import Peer
    from .versions import Version

_UPSERT_AGENT = insert_or(
    t.agent,
    ["team_id", "person_id", "app_id", "session"],
    update=[
        "release_id",
        "hub_id",
        "epoch",
        "mode",
        "visibility",
        "labels",
        "host",
        "environment_hash",
        "capacity",
        "grace_us",
        "connected_at_us",
        "lease_expires_at_us",
        "disconnected_at_us",
        "gone_at_us",
    ],
)
_UPSERT_IMPLEMENTATION = insert_or(
    t.implementation,
    ["agent_id", "action_id"],
    update=["definition_hash", "signature_hash", "version_id", "concurrency", "active"],
)
_RETIRE_IMPLEMENTATIONS = Statement(
    "retire implementations",
    update(t.implementation).where(t.implementation.c.agent_id == bindparam("b_agent")).values(active=False),
)
_DISCONNECT = Statement(
    "disconnect",
    update(t.agent)
    .where(t.agent.c.id == bindparam("b_agent"), t.agent.c.epoch == bindparam("b_epoch"))
    .values(disconnected_at_us=bindparam("disconnected_at_us")),
)
_GONE = Statement(
    "gone",
    update(t.agent)
    .where(t.agent.c.id == bindparam("b_agent"), t.agent.c.epoch == bindparam("b_epoch"))
    .values(gone_at_us=bindparam("gone_at_us"), disconnected_at_us=bindparam("disconnected_at_us")),
)

SessionKey = tuple[str, str, str, str]
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)


class Agents:
    """The agents whose lease this hub keeps."""

    def __init__(self, board: Board) -> None:
        self.board = board
        board.agents = self
        self.by_session: dict[SessionKey, Agent] = {}
        self._grace: dict[Agent, asyncio.TimerHandle] = {}

    def online(self) -> int:
        """How many are connected here."""
        return sum(agent.peer is not None for agent in self.by_session.values())

    def remember(self, agent: Agent) -> None:
        """Keep an agent in memory."""
        self.by_session[(agent.team, agent.person, agent.app, agent.session)] = agent

    def forget(self, agent: Agent) -> None:
        """Drop an agent from memory: it is gone, or another hub's."""
        self._stop_grace(agent)
        self.by_session.pop((agent.team, agent.person, agent.app, agent.session), None)
        self.board.catalogue.detach(agent)

    # -- coming --------------------------------------------------------------------------------------------------

    async def provide(self, peer: Peer, wanted: Provide) -> None:
        """Publish an agent's functions and give it a new epoch. Raises for definitions that make no sense."""
        async with peer.providing:
            hello = peer.hello
            assert hello is not None
            definitions = _parse(wanted)
            who = peer.principal
            app_id, release_id, contracts = await self.board.catalogue.publish(
                who,
                app=hello.app,
                release=hello.release,
                definitions=definitions,
                visibility=_visibility(wanted),
            )
            agent = await self._recall(peer, app_id)
            if peer.close_code is not None:
                return
            self._adopt(agent, peer, wanted)
            noted, notes = _note_versions(agent, wanted, contracts, hello.release, release_id)
            steps = [*notes, *self._bind(agent, wanted, contracts, noted, app_id, release_id)]
            fence = {"b_agent": agent.id, "epoch": agent.epoch, "hub_id": self.board.hub}
            ledger = self.board.ledger
            ledger.write([(_RETIRE_IMPLEMENTATIONS, {"b_agent": agent.id})], lambda _: None)
            await ledger.commit(*steps, (statements.FENCE, fence), kept=True)
            await recovery.take_back(self.board, t.task.c.agent_id == agent.id)
            if agent.peer is peer:
                self._resume(agent, peer, wanted)
                self.board.relay.announce(agent)

    async def _recall(self, peer: Peer, app_id: str) -> Agent:
        who, hello = peer.principal, peer.hello
        assert hello is not None
        key = (who.team, who.person, hello.app, hello.session)
        agent = self.by_session.get(key)
        if agent is None:
            query = select(t.agent.c.id, t.agent.c.epoch).where(
                t.agent.c.team_id == who.team,
                t.agent.c.person_id == who.person,
                t.agent.c.app_id == app_id,
                t.agent.c.session == hello.session,
            )
            async with self.board.database.engine.connect() as db:
                row = (await db.execute(query)).first()
            agent = self.by_session.get(key)
        if agent is None:
            agent = Agent(
                id=row.id if row is not None else new_id(),
                team=who.team,
                person=who.person,
                app=hello.app,
                session=hello.session,
                hub=self.board.hub,
                epoch=row.epoch if row is not None else 0,
                mode="prod",
                visibility="private",
                release=hello.release.version,
                labels=frozenset(),
                capacity=1,
                grace_s=self.board.settings.grace_s,
            )
            self.remember(agent)
        return agent

    def _adopt(self, agent: Agent, peer: Peer, wanted: Provide) -> None:
        """Make this connection the agent's only one; fence what an older one still says."""
        if agent.peer is not peer:
            agent.epoch += 1
            if agent.peer is not None:
                agent.peer.speaks_for.pop(agent, None)
                agent.peer.close(4409)
            agent.peer = peer
            peer.agent = agent
            peer.speaks_for[agent] = False
            for task in agent.tasks.values():
                task.epoch = agent.epoch
        self._stop_grace(agent)
        assert peer.hello is not None
        agent.mode, agent.capacity, agent.host = wanted.mode, wanted.capacity, peer.hello.host
        agent.visibility = _visibility(wanted)
        agent.labels = frozenset(wanted.labels)
        agent.release = peer.hello.release.version
        agent.is_draining = True  # no work before the fence is on disk
        if wanted.grace_s is not None:
            agent.grace_s = wanted.grace_s
        for session in wanted.inherits:
            self._inherit(peer, session)

    def _inherit(self, peer: Peer, session: str) -> None:
        who, hello = peer.principal, peer.hello
        assert hello is not None
        dead = self.by_session.get((who.team, who.person, hello.app, session))
        if dead is None or dead.peer is peer:
            return
        if dead.peer is not None:
            dead.peer.close(4409)
            dead.peer.speaks_for.pop(dead, None)
            dead.peer = None
        self._stop_grace(dead)
        peer.speaks_for[dead] = True

    def _bind(
        self,
        agent: Agent,
        wanted: Provide,
        contracts: list[Contract],
        noted: list[Version],
        app_id: str,
        release_id: str,
    ) -> list[Step]:
        self.board.catalogue.detach(agent)
        running = {name: offer.running for name, offer in agent.offers.items()}
        agent.offers = {}
        agent.program = new_id()
        now = now_us()
        lease_us = round(self.board.settings.lease_s * 1e6)
        steps: list[Step] = [
            (
                _UPSERT_AGENT,
                {
                    "id": agent.id,
                    "team_id": agent.team,
                    "person_id": agent.person,
                    "app_id": app_id,
                    "release_id": release_id,
                    "session": agent.session,
                    "hub_id": self.board.hub,
                    "epoch": agent.epoch,
                    "mode": agent.mode,
                    "visibility": agent.visibility,
                    "labels": dumps(sorted(agent.labels)),
                    "host": agent.host,
                    "environment_hash": agent.environment,
                    "capacity": agent.capacity,
                    "grace_us": round(agent.grace_s * 1e6),
                    "connected_at_us": now,
                    "lease_expires_at_us": now + lease_us,
                    "disconnected_at_us": None,
                    "gone_at_us": None,
                },
            )
        ]
        for contract, offer, version in zip(contracts, wanted.offers, noted, strict=True):
            name = contract.action.short_name
            agent.offers[name] = Implementation(
                agent, contract, offer.concurrency, running.get(name, 0), frozenset(offer.locks), *version
            )
            steps.append(
                (
                    _UPSERT_IMPLEMENTATION,
                    {
                        "agent_id": agent.id,
                        "action_id": contract.action.id,
                        "team_id": agent.team,
                        "definition_hash": contract.definition_hash,
                        "signature_hash": contract.signature_hash,
                        "version_id": version.id,
                        "concurrency": offer.concurrency,
                        "active": True,
                    },
                )
            )
        for task in agent.tasks.values():
            task.offer = agent.offers.get(task.contract.action.short_name)
        self.board.catalogue.attach(agent)
        return steps

    def _resume(self, agent: Agent, peer: Peer, wanted: Provide) -> None:
        """Settle what both sides hold: drop what is not the agent's, send what it never got."""
        agent.is_draining = False
        held = {(h.task, h.attempt) for h in wanted.held}
        mine = {(task.id, task.attempt) for other in peer.speaks_for for task in other.tasks.values()}
        ours = {task for task, _ in mine}
        dropped = sorted({task for task, _ in held if task not in ours})  # an old attempt is answered by `stale`
        actions = [offer.contract.action.name for offer in agent.offers.values()]
        peer.send(Provided(request=wanted.request, agent=agent.id, epoch=agent.epoch, actions=actions, drop=dropped))
        for task in list(agent.tasks.values()):
            if (task.id, task.attempt) not in held and task.is_stored:
                routing.send_assignment(self.board, task)
            elif task.contract.definition.kind == "generator":
                peer.send(Credit(task=task.id, attempt=task.attempt, through=task.credit))
            if task.status is Status.DISCONNECTED:
                self.board.move(task, EventName.RECONNECTED)
            if task.cancel_reason is not None:
                deadline_s = self.board.settings.cancel_deadline_s
                steering = Steer(
                    task=task.id,
                    attempt=task.attempt,
                    verb="cancel",
                    deadline_s=deadline_s,
                    reason=task.cancel_reason,
                )
                peer.send(steering)
        log.info("agent online", agent=agent.id, app=agent.app, epoch=agent.epoch, actions=len(actions))
        for offer in agent.offers.values():
            self._settle_changed(offer)
        routing.refill(self.board, agent)

    def _settle_changed(self, offer: Implementation) -> None:
        """End the tasks that wait for a signature which another one has just replaced."""
        action = offer.contract.action
        offered = {other.contract.signature_hash for other in action.implementations.values()}
        for key in [key for key in self.board.queues if key[0] == action.id and key[1] not in offered]:
            for task in list(self.board.queues[key]):
                if task.status is Status.QUEUED and task.is_stored:
                    was, now = task.contract.signature_hash[:12], offer.contract.signature_hash[:12]
                    error = DefinitionChanged(action=action.name, task=task.id, was=was, now=now)
                    ending.end(self.board, task, EventName.FAILED, error=error)

    def take_back(self, agent: Agent) -> None:
        """Let others run what was placed with an agent and not sent to it."""
        for task in list(agent.tasks.values()):
            if task.is_stored and not task.is_delivered and not task.has_ended:
                retry.try_again(self.board, task, failed=False)

    # -- going ---------------------------------------------------------------------------------------------------

    def lose(self, peer: Peer) -> None:
        """A connection is gone: what it ran is disconnected, and settled after the grace (at once after a goodbye)."""
        for agent in list(peer.speaks_for):
            if agent.peer is peer:
                agent.peer = None
                self._disconnect(agent)
            elif agent.peer is not None:
                continue
            if peer.has_left:
                self.settle(agent)
            else:
                self.start_grace(agent, agent.grace_s)
        peer.speaks_for.clear()

    def _disconnect(self, agent: Agent) -> None:
        for task in list(agent.tasks.values()):
            if not task.has_ended and task.is_delivered and task.is_stored:
                self.board.move(task, EventName.DISCONNECTED)
        row = {"b_agent": agent.id, "b_epoch": agent.epoch, "disconnected_at_us": now_us()}
        self.board.ledger.write([(_DISCONNECT, row)], lambda _: self.board.relay.announce(agent))

    def start_grace(self, agent: Agent, grace_s: float) -> None:
        """Settle the agent unless it is back by then."""
        self._stop_grace(agent)
        self._grace[agent] = self.board.loop.call_later(grace_s, self.settle, agent)

    def _stop_grace(self, agent: Agent) -> None:
        timer = self._grace.pop(agent, None)
        if timer is not None:
            timer.cancel()

    def settle(self, agent: Agent) -> None:
        """The agent will not come back: every task it held goes its way."""
        if agent.peer is not None:
            return
        self.forget(agent)
        for task in list(agent.tasks.values()):
            self._settle_task(agent, task)
        now = now_us()
        row = {"b_agent": agent.id, "b_epoch": agent.epoch, "gone_at_us": now, "disconnected_at_us": now}
        self.board.ledger.write([(_GONE, row)], lambda _: self.board.relay.announce(agent))
        log.info("agent gone", agent=agent.id, app=agent.app)

    def _settle_task(self, agent: Agent, task: LiveTask) -> None:
        if task.has_ended:
            return
        verdict = judge_loss(task, agent=f"{agent.app} ({agent.id})", max_attempts=self.board.settings.max_attempts)
        if verdict.again:
            retry.try_again(self.board, task, failed=False)
            return
        ending.end(self.board, task, verdict.event, error=verdict.error)
        for child in list(task.children):
            deadline_s = self.board.settings.cancel_deadline_s
            control.cancel(self.board, child, deadline_s=deadline_s, reason="its parent was lost")

    def bury(self, peer: Peer, session: str) -> None:
        """The heir has sent everything a dead process left."""
        for agent, is_inherited in list(peer.speaks_for.items()):
            if is_inherited and agent.session == session:
                del peer.speaks_for[agent]
                self.settle(agent)

    async def close(self) -> None:
        """Stop the timers."""
        for timer in self._grace.values():
            timer.cancel()
        self._grace.clear()


def _note_versions(
    agent: Agent, wanted: Provide, contracts: list[Contract], release: Release, release_id: str
) -> tuple[list[Version], list[Step]]:
    """Give what exactly an agent is about to offer, in the order of its offers, and the steps that write it down."""
    steps: list[Step] = []
    if wanted.environment is not None:
        agent.environment, step = versions.note_environment(agent.team, wanted.environment)
        steps.append(step)
    noted: list[Version] = []
    for contract, offer in zip(contracts, wanted.offers, strict=True):
        version, step = versions.note_version(
            agent.team, contract, offer, release, release_id=release_id, environment=agent.environment
        )
        noted.append(version)
        steps.append(step)
    return noted, steps


def _visibility(wanted: Provide) -> str:
    """Give who sees what is provided: in development its author alone, unless they say otherwise."""
    return wanted.visibility or (Visibility.PRIVATE if wanted.mode == "dev" else Visibility.TEAM)


def _parse(wanted: Provide) -> list[Definition]:
    from arkitekt_next.ports import compile_check

    definitions: list[Definition] = []
    seen: set[str] = set()
    for index, offer in enumerate(wanted.offers):
        where = f"offers.{index}.definition"
        try:
            definition = Definition.from_json(offer.definition)
            compile_check(definition.args, where=definition.name)
        except ArkitektError:
            raise
        except (ValueError, TypeError, RecursionError) as error:
            raise InvalidValue(where=where, expected="a definition", got=str(error)[:300]) from None
        if not _NAME.fullmatch(definition.name):
            raise RequestRefused(where=f"{where}.name", problem="expected up to 128 letters, digits, _ or -")
        if definition.name in seen:
            raise DuplicateName(where=where, name=definition.name, other="an earlier offer")
        seen.add(definition.name)
        definitions.append(definition)
    return definitions
