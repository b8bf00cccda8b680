"""The state of the task service: what is live here, who waits in which queue, and the means to write and to tell.

Behaviour lives beside it: `submit` takes calls in, `routing` places them, `reports` hears agents, `control` steers,
`recovery` settles what broken connections leave, `watch` tells readers. The rule: state moves at once, but whatever
leaves the hub waits for the commit (`write`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from arkitekt_next.errors import HubBusy, StorageFull
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.wire.codec import dumps, encode
from arkitekt_next.wire.lifecycle import EventName
from arkitekt_next.wire.messages import Credit

from . import statements, watch
from .live import CREDIT, LiveTask
from .reducer import record
from .results import Results

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.agents.registry import Agents
    from arkitekt_next.hub.catalog.providers import Agent
    from arkitekt_next.hub.catalog.service import Catalogue
    from arkitekt_next.hub.core.config import HubSettings
    from arkitekt_next.hub.core.telemetry import Metrics
    from arkitekt_next.hub.tasks.relay import Relay
    from arkitekt_next.hub.tasks.stream import EventStream
    from arkitekt_next.storage.engine import Database
    from arkitekt_next.storage.ledger import Statement

QueueKey = tuple[str, str]

_SHARE = 0.8
"""What one person's arguments may take of the memory for all; the rest is for the others."""


@dataclass(slots=True)
class Load:
    """What one person's tasks that wait or run take of the hub."""

    tasks: int = 0
    bytes: int = 0


class Board:
    """The tasks whose home is this hub."""

    def __init__(
        self, *, hub: str, settings: HubSettings, database: Database, catalogue: Catalogue, metrics: Metrics
    ) -> None:
        self.hub = hub
        self.settings = settings
        self.database = database
        self.ledger = database.ledger
        self.catalogue = catalogue
        self.metrics = metrics
        self.agents: Agents
        self.relay: Relay
        self.check_items: Callable[[Principal, Sequence[str], str | None], Awaitable[None]]
        self.streams: set[EventStream] = set()
        self.live: dict[str, LiveTask] = {}
        self.live_bytes = 0
        self.loads: dict[str, Load] = {}
        self.by_reference: dict[tuple[str, str, str, str], LiveTask] = {}
        self.queues: dict[QueueKey, deque[LiveTask]] = {}
        self.queued = 0
        self.results = Results()
        self.sticky: dict[tuple[str, str, str], str] = {}
        self.clock_offset_us = 0
        self.loop = asyncio.get_running_loop()
        self._spawned: set[asyncio.Task[None]] = set()

    def full_reason(self) -> HubBusy | StorageFull | None:
        """Give why no new work is taken, or None while it is."""
        ledger, settings = self.ledger, self.settings
        if ledger.full_reason is not None:
            return StorageFull(reason=ledger.full_reason, folder=str(settings.folder))
        if ledger.backlog > settings.max_backlog:
            return HubBusy(reason=f"{ledger.backlog} writes wait for the disk", retry_after_s=0.25)
        if len(self.live) >= settings.max_live_tasks:
            return HubBusy(reason=f"{len(self.live)} tasks wait or run", retry_after_s=5.0)
        if self.live_bytes > settings.max_live_bytes:
            size = f"{self.live_bytes / 2**20:.1f} MiB"
            return HubBusy(reason=f"the arguments of waiting and running tasks take {size}", retry_after_s=5.0)
        return None

    def limit_reason(self, person: str) -> HubBusy | None:
        """Give why a person may not have one more task, or None: what they have must leave room for the others."""
        load, limit = self.loads.get(person), self.settings.max_live_tasks_per_person
        if load is None:
            return None
        if load.tasks >= limit:
            return HubBusy(
                reason=f"you have {load.tasks} tasks that wait or run, and {limit} is the most", retry_after_s=5.0
            )
        if load.bytes > _SHARE * self.settings.max_live_bytes:
            reason = f"the arguments of your waiting and running tasks take {load.bytes / 2**20:.1f} MiB"
            return HubBusy(reason=reason, retry_after_s=5.0)
        return None

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something off the hot path; its failure is logged, never lost."""
        task = self.loop.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._spawned.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("background work failed", exc_info=task.exception())

    async def measure_clock(self) -> None:
        """Learn how far the database's clock is ahead of ours; leases between hubs count by the database's."""
        if self.database.kind == "sqlite":
            return
        query = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
        async with self.database.engine.connect() as db:
            self.clock_offset_us = int((await db.execute(query)).scalar_one()) - now_us()

    async def close(self) -> None:
        """Stop timers and background work; tasks stay as they are on disk."""
        for task in self.live.values():
            task.stop_timers()
        for spawned in list(self._spawned):
            spawned.cancel()
        if self._spawned:
            await asyncio.wait(list(self._spawned), timeout=5)

    # -- writing -----------------------------------------------------------------------------------------------

    def write(
        self,
        task: LiveTask,
        steps: Sequence[tuple[Statement, Mapping[str, Any]]],
        then: Callable[[], None],
    ) -> None:
        """Write a change of a task; call `then` once it is on disk and was really ours to make."""
        number = task.number

        def done(result: Sequence[int] | Exception) -> None:
            if isinstance(result, Exception):
                log.error("a write failed", task=task.id, exc_info=result)
                return
            if 0 in result:
                log.warning("a change was fenced off", task=task.id, statements=[s.name for s, _ in steps])
                self.abandon(task)
                return
            if number > task.settled:
                task.settled = number
            then()

        self.ledger.write(steps, done)

    def key(self, task: LiveTask) -> dict[str, Any]:
        """Give the condition under which a row may be changed: this attempt, this epoch."""
        return {
            "b_team": task.team,
            "b_id": task.id,
            "b_attempt": task.attempt,
            "b_epoch": task.epoch,
            "b_hub": self.hub,
        }

    def move(self, task: LiveTask, name: EventName) -> bool:
        """Let a life-cycle event happen, write it, tell the readers. False when it may not happen now."""
        at_us = now_us()
        number = record(task, name, at_us)
        if number is None:
            return False
        row = {
            **self.key(task),
            "status": task.status.value,
            "timeline": dumps(task.timeline),
            "started_at_us": task.started_at_us,
            "progress": dumps(task.progress) if task.progress else None,
        }
        entry = task.timeline[-1]
        self.write(task, [(statements.MOVE, row)], lambda: self.tell_life(task, entry))
        return True

    def tell_life(self, task: LiveTask, entry: Sequence[Any]) -> None:
        """Tell the readers of a settled life-cycle event."""
        if task.readers:
            watch.tell(task, entry[0], encode(watch.life_event(task.id, *entry)))

    def abandon(self, task: LiveTask) -> None:
        """Another hub holds this task now: forget it here; its readers go on from the database."""
        self.forget(task)
        readers, task.readers = task.readers, []
        for reader in readers:
            if reader.sink.readers.get(task.id) is reader:
                watch.attach(self, reader)

    # -- memory ------------------------------------------------------------------------------------------------

    def remember(self, task: LiveTask) -> None:
        """Take a task into memory."""
        self.live[task.id] = task
        self.live_bytes += len(task.args)
        load = self.loads.get(task.person)
        if load is None:
            load = self.loads[task.person] = Load()
        load.tasks += 1
        load.bytes += len(task.args)
        self.by_reference[(task.team, task.person, task.app, task.reference)] = task
        parent = self.live.get(task.parent) if task.parent else None
        if parent is not None:
            parent.children.add(task)

    def forget(self, task: LiveTask) -> None:
        """Drop a task from memory and free what it held."""
        task.stop_timers()
        if self.live.pop(task.id, None) is not None:
            self.live_bytes -= len(task.args)
            load = self.loads[task.person]
            load.tasks -= 1
            load.bytes -= len(task.args)
            if not load.tasks:
                del self.loads[task.person]
        self.by_reference.pop((task.team, task.person, task.app, task.reference), None)
        parent = self.live.get(task.parent) if task.parent else None
        if parent is not None:
            parent.children.discard(task)
        self.release(task)

    def release(self, task: LiveTask) -> Agent | None:
        """Take a task off its agent; give the agent."""
        agent, offer = task.agent, task.offer
        if agent is not None and agent.tasks.pop(task.id, None) is not None and offer is not None:
            offer.running -= 1
        task.offer = None
        return agent

    def extend_credit(self, task: LiveTask) -> None:
        """Let the source yield on, as far as the disk and the owner's reader have come."""
        taken = task.settled_yields
        for reader in task.readers:
            if reader.is_owner and reader.wants_all and reader.sent >= 0 and reader.consumed < taken:
                taken = reader.consumed
        through = taken + CREDIT
        if through - task.credit >= CREDIT // 2:
            task.credit = through
            if task.agent is not None and task.agent.peer is not None and not task.has_ended:
                task.agent.peer.send(Credit(task=task.id, attempt=task.attempt, through=through))
