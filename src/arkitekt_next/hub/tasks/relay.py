"""Several hubs over one database: tasks handed to the hub whose agent can run them, events passed back, heirs of
dead hubs.

A task has one home hub, named in its row; only the home changes it, and every change is conditional on still being
the home. What a hub hears over the bus is only ever a hint: it reads the truth from the database, and polls what it
follows, so a lost message costs seconds, never an event.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update

from arkitekt_next.errors import ArkitektError
from arkitekt_next.hub.catalog.providers import Agent, Implementation
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.hub.tasks import control, recovery, routing, statements, watch
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.history_tables import function_version
from arkitekt_next.storage.ledger import Statement
from arkitekt_next.wire.codec import dumps, encode, loads
from arkitekt_next.wire.lifecycle import Status
from arkitekt_next.wire.messages import Message

if TYPE_CHECKING:
    from arkitekt_next.bus import Bus
    from arkitekt_next.hub.tasks.board import Board
    from arkitekt_next.hub.tasks.live import LiveTask
    from arkitekt_next.hub.tasks.watch import Reader

_EVERYBODY = "arkitekt.hubs"
_POLL_S = 3.0

_DROP_HUB = Statement(
    "drop hub",
    delete(t.hub).where(t.hub.c.id == bindparam("b_hub"), t.hub.c.lease_expires_at_us == bindparam("b_lease")),
)
_INHERIT_AGENTS = Statement(
    "inherit agents",
    update(t.agent)
    .where(t.agent.c.hub_id == bindparam("b_hub"), t.agent.c.gone_at_us.is_(None))
    .values(hub_id=bindparam("heir")),
)
_INHERIT_TASKS = Statement(
    "inherit tasks",
    update(t.task)
    .where(t.task.c.hub_id == bindparam("b_hub"), t.task.c.ended_at_us.is_(None))
    .values(hub_id=bindparam("heir")),
)


@dataclass(slots=True, eq=False)
class Away:
    """A task that lives at another hub and has readers here; `told` is the last event number that came from there."""

    id: str
    team: str
    told: int
    readers: list[Reader] = field(default_factory=list)


class HubSink:
    """Another hub as the reader of tasks that live here."""

    def __init__(self, relay: Relay, hub: str) -> None:
        self.readers: dict[str, Reader] = {}
        self._relay = relay
        self._hub = hub

    @property
    def has_room(self) -> bool:
        """The bus drops what it can't carry; the other hub reads it from the database."""
        return True

    def send(self, message: Message) -> None:
        """Pass an event on."""
        self.send_text(encode(message))

    def send_text(self, text: str) -> None:
        """Pass a written event on."""
        self._relay.publish(self._hub, {"kind": "news", "text": text})


class Relay:
    """What one hub knows of the others."""

    def __init__(self, board: Board, bus: Bus) -> None:
        self.board = board
        board.relay = self
        self.bus = bus
        self.away: dict[str, Away] = {}
        self.remote: dict[str, Agent] = {}
        self._sinks: dict[str, HubSink] = {}
        self._polled_at = 0.0

    async def open(self) -> None:
        """Listen, and learn who is connected elsewhere."""
        await self.bus.subscribe(f"arkitekt.hub.{self.board.hub}", self._hear)
        await self.bus.subscribe(_EVERYBODY, self._hear)
        async with self.board.database.engine.connect() as db:
            query = select(t.agent.c.id).where(
                t.agent.c.hub_id != self.board.hub,
                t.agent.c.gone_at_us.is_(None),
                t.agent.c.disconnected_at_us.is_(None),
            )
            agents = (await db.execute(query)).scalars().all()
        for agent in agents:
            await self._refresh(agent)

    def publish(self, hub: str | None, body: dict[str, Any]) -> None:
        """Tell one hub, or everybody."""
        subject = _EVERYBODY if hub is None else f"arkitekt.hub.{hub}"
        self.bus.publish(subject, dumps({"from": self.board.hub, **body}).encode())

    def announce(self, agent: Agent) -> None:
        """Tell everybody that an agent has come or gone."""
        self.publish(None, {"kind": "agent", "agent": agent.id})

    def _hear(self, payload: bytes) -> None:
        try:
            body = loads(payload)
            if body["from"] == self.board.hub:
                return
            _HEAR[body["kind"]](self, body)
        except (ValueError, KeyError, TypeError, ArkitektError) as error:
            log.warning("a bus message was not understood", error=str(error)[:200])

    # -- agents of other hubs ------------------------------------------------------------------------------------

    def _hear_agent(self, body: dict[str, Any]) -> None:
        self.board.spawn(self._refresh(str(body["agent"])))

    async def _refresh(self, agent_id: str) -> None:
        """Read an agent's row: list it when it is connected to another hub, else drop it."""
        query = (
            select(t.agent, t.app.c.identifier, t.release.c.version)
            .join(t.app, t.app.c.id == t.agent.c.app_id)
            .join(t.release, t.release.c.id == t.agent.c.release_id)
            .where(t.agent.c.id == agent_id)
        )
        async with self.board.database.engine.connect() as db:
            row = (await db.execute(query)).mappings().first()
            offers_query = (
                select(t.implementation, function_version.c.code_hash)
                .outerjoin(function_version, function_version.c.id == t.implementation.c.version_id)
                .where(t.implementation.c.agent_id == agent_id, t.implementation.c.active.is_(True))
            )
            offers = (await db.execute(offers_query)).mappings().all()
        old = self.remote.pop(agent_id, None)
        if old is not None:
            self.board.catalogue.detach(old)
        if row is None or row["hub_id"] == self.board.hub:
            return
        self._let_go(row)
        if row["gone_at_us"] is not None or row["disconnected_at_us"] is not None:
            return
        agent = recovery.agent_of(row)
        agent.is_remote = True
        for offer in offers:
            contract = await self.board.catalogue.contract(offer["action_id"], offer["definition_hash"])
            agent.offers[contract.action.short_name] = Implementation(
                agent,
                contract,
                offer["concurrency"],
                version=offer["version_id"],
                code_hash=offer["code_hash"] or "",
            )
        self.remote[agent_id] = agent
        self.board.catalogue.attach(agent)
        self._offer_queued(agent)

    def _let_go(self, row: Any) -> None:
        """An agent that was ours has gone over to another hub: forget it here, without a word to the ledger."""
        key = (row["team_id"], row["person_id"], row["identifier"], row["session"])
        mine = self.board.agents.by_session.get(key)
        if mine is not None:
            self.board.agents.forget(mine)
            for task in list(mine.tasks.values()):
                self.board.abandon(task)

    def _offer_queued(self, agent: Agent) -> None:
        for offer in agent.offers.values():
            queue = self.board.queues.get((offer.contract.action.id, offer.contract.signature_hash), ())
            for task in list(queue):
                if task.status is Status.QUEUED and task.is_stored and self.elsewhere(task) is agent:
                    self.hand_over(task, agent)

    # -- tasks that go elsewhere ---------------------------------------------------------------------------------

    def elsewhere(self, task: LiveTask) -> Agent | None:
        """Give an agent of another hub that could run the task, when nobody here could."""
        fits = [o.agent for o in task.contract.action.implementations.values() if routing.fits(task, o)]
        if not fits or any(not agent.is_remote for agent in fits):
            return None
        return min(fits, key=lambda agent: agent.id)

    def hand_over(self, task: LiveTask, agent: Agent) -> None:
        """Make the hub of `agent` the home of a waiting task."""
        if task.is_leaving:
            return
        task.is_leaving = True
        row = {
            **self.board.key(task),
            "status": task.status.value,
            "timeline": dumps(task.timeline),
            "attempt": task.attempt,
            "failures": task.failures,
            "epoch": task.epoch,
            "agent_id": None,
            "version_id": None,
            "hub_id": agent.hub,
            "assigned_at_us": None,
            "started_at_us": None,
        }

        def settled() -> None:
            self.board.abandon(task)
            self.publish(agent.hub, {"kind": "take", "task": task.id})

        self.board.write(task, [(statements.PLACE, row)], settled)

    def _hear_take(self, body: dict[str, Any]) -> None:
        self.board.spawn(self._take(str(body["task"])))

    async def _take(self, task_id: str) -> None:
        if task_id not in self.board.live:
            await recovery.take_back(self.board, t.task.c.id == task_id)

    # -- following tasks that live elsewhere -----------------------------------------------------------------------

    def follow(self, reader: Reader) -> bool:
        """Feed a reader that has read everything from its task's home; False when it has to read on first."""
        away = self.away.get(reader.task)
        if away is None:
            away = self.away[reader.task] = Away(reader.task, reader.team, reader.told)
            self.board.spawn(self._ask_home(away))
        if reader.told < away.told:
            return False
        reader.is_behind = False
        if reader not in away.readers:
            away.readers.append(reader)
        return True

    def forget(self, reader: Reader) -> None:
        """A reader has left."""
        away = self.away.get(reader.task)
        if away is not None and reader in away.readers:
            away.readers.remove(reader)
            if not away.readers:
                del self.away[reader.task]

    async def _ask_home(self, away: Away) -> None:
        """Ask the home to pass on what happens; read the end from the database when it has come already."""
        query = select(t.task.c.hub_id, t.task.c.ended_at_us).where(
            t.task.c.team_id == away.team, t.task.c.id == away.id
        )
        async with self.board.database.engine.connect() as db:
            row = (await db.execute(query)).first()
        if self.away.get(away.id) is not away:
            return
        if row is None or row.ended_at_us is not None or row.hub_id == self.board.hub:
            self.welcome_back(away.id)
        else:
            self.publish(row.hub_id, {"kind": "follow", "task": away.id, "team": away.team, "after": away.told})

    def welcome_back(self, task: str) -> None:
        """The task has ended or lives here now: its readers read on from the database."""
        away = self.away.pop(task, None)
        for reader in away.readers if away is not None else ():
            reader.is_behind = True
            watch.resume(self.board, reader)

    def _hear_follow(self, body: dict[str, Any]) -> None:
        hub, task = str(body["from"]), str(body["task"])
        sink = self._sinks.setdefault(hub, HubSink(self, hub))
        reader = watch.Reader(sink, str(body["team"]), task, window=2**53, told=int(body["after"]))
        if task in self.board.live:
            watch.attach(self.board, reader)

    def _hear_news(self, body: dict[str, Any]) -> None:
        text = body["text"]
        message = loads(text)
        away = self.away.get(message["task"])
        if away is None:
            return
        number = message["number"]
        if message["kind"] == "outcome":
            self.away.pop(away.id)
            watch.tell_outcome(away, text)
        elif number == 0:
            watch.tell_passing(away, text)
        elif number == away.told + 1:
            away.told = number
            watch.tell(away, number, text, first=message.get("first", 0), values=len(message.get("values", ())))
            for reader in away.readers:
                watch.resume(self.board, reader)
        elif number > away.told:
            self.welcome_back(away.id)  # something was lost on the way

    def steer(self, home: str, task: str, verb: str, deadline_s: float | None, reason: str) -> None:
        """Pass a wish to the home of a task."""
        body = {"kind": "steer", "task": task, "verb": verb, "deadline_s": deadline_s, "reason": reason}
        self.publish(home, body)

    def _hear_steer(self, body: dict[str, Any]) -> None:
        task = self.board.live.get(str(body["task"]))
        if task is not None:
            control.steer(self.board, task, body["verb"], deadline_s=body["deadline_s"], reason=str(body["reason"]))

    # -- by the clock ----------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Look after followed tasks and dead hubs, every few seconds."""
        if now - self._polled_at >= _POLL_S:
            self._polled_at = now
            for away in list(self.away.values()):
                self.board.spawn(self._ask_home(away))
            if self.board.database.kind != "sqlite":
                self.board.spawn(self.inherit_dead())

    async def inherit_dead(self) -> None:
        """Take over from hubs whose lease has run out; exactly one heir wins each."""
        await self.board.measure_clock()
        query = select(t.hub.c.id, t.hub.c.lease_expires_at_us).where(
            t.hub.c.id != self.board.hub, t.hub.c.lease_expires_at_us < now_us() + self.board.clock_offset_us
        )
        async with self.board.database.engine.connect() as db:
            dead = (await db.execute(query)).all()
        for row in dead:
            await self.inherit(row.id, row.lease_expires_at_us)

    async def inherit(self, hub: str, lease_us: int) -> None:
        """Take over one hub's agents and tasks."""
        ledger = self.board.ledger
        counts = await ledger.commit((_DROP_HUB, {"b_hub": hub, "b_lease": lease_us}))
        if counts[0] == 0:
            return
        heir = {"b_hub": hub, "heir": self.board.hub}
        await ledger.commit((_INHERIT_TASKS, heir), kept=True)
        await ledger.commit((_INHERIT_AGENTS, heir), kept=True)
        for agent in [agent for agent in self.remote.values() if agent.hub == hub]:
            del self.remote[agent.id]
            self.board.catalogue.detach(agent)
        log.warning("another hub is dead, its work is taken over", hub=hub)
        await recovery.recover(self.board, downtime_s=0.0)


_HEAR = {
    "agent": Relay._hear_agent,
    "take": Relay._hear_take,
    "follow": Relay._hear_follow,
    "news": Relay._hear_news,
    "steer": Relay._hear_steer,
}
