"""What one hub is made of, opened in order and closed in reverse. Backends are chosen here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, update

from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.accounts.local import LocalSignIn, load_or_make_key
from arkitekt_next.hub.accounts.service import Accounts
from arkitekt_next.hub.agents.registry import Agents
from arkitekt_next.hub.catalog.service import Catalogue
from arkitekt_next.hub.tasks import recovery, statements, watch
from arkitekt_next.hub.tasks.board import Board
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.engine import Database, open_database, sqlite_url
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps

from .ids import monotonic, new_id, now_us
from .telemetry import Metrics, log

if TYPE_CHECKING:
    from fastapi import Request

    from arkitekt_next.hub.agents.peer import Peer

    from .config import HubSettings

_TICK_S = 0.5
_RENEW_S = 10.0
_PUBLIC_BURST = 60
_PUBLIC_WINDOW_S = 60.0

_UPSERT_SETTING = insert_or(t.setting, ["name"], update=["value"])
_UPSERT_HUB = insert_or(t.hub, ["id"], update=["url", "started_at_us", "lease_expires_at_us"])
_RENEW_AGENTS = Statement(
    "renew agents",
    update(t.agent)
    .where(
        t.agent.c.hub_id == bindparam("b_hub"),
        t.agent.c.gone_at_us.is_(None),
        t.agent.c.disconnected_at_us.is_(None),
    )
    .values(lease_expires_at_us=bindparam("lease_expires_at_us")),
)


class HubContext:
    """One hub: its settings, its database, and the services over it."""

    def __init__(self, settings: HubSettings, database: Database, id: str) -> None:
        self.id = id
        self.settings = settings
        self.database = database
        self.metrics = Metrics()
        self.accounts = Accounts(database)
        self.local = LocalSignIn(load_or_make_key(settings.folder))
        self.catalogue = Catalogue(database)
        self.board = Board(hub=id, settings=settings, database=database, catalogue=self.catalogue, metrics=self.metrics)
        self.agents = Agents(self.board)
        self.peers: set[Peer] = set()
        self.started_at_us = now_us()
        self.loop_lag_s = 0.0
        self.is_closing = False
        self._public: dict[str, deque[float]] = {}

    def guard_public(self, request: Request) -> None:
        """Hold one address to a burst of requests a minute on routes that need no sign-in. Raises `HubBusy`."""
        address = request.client.host if request.client is not None else "-"
        now = monotonic()
        times = self._public.setdefault(address, deque())
        while times and times[0] < now - _PUBLIC_WINDOW_S:
            times.popleft()
        limit = _PUBLIC_BURST * (20 if address in ("127.0.0.1", "::1") else 1)
        if len(times) >= limit:
            wait_s = max(1.0, times[0] + _PUBLIC_WINDOW_S - now)
            raise HubBusy(reason="too many sign-ins from this address", retry_after_s=round(wait_s, 1))
        times.append(now)
        if len(self._public) > 10_000:
            self._public.clear()

    def on_drained(self, peer: Peer) -> None:
        """A socket has taken everything: its readers that are behind may go on."""
        for reader in list(peer.readers.values()):
            if reader.is_behind:
                watch.resume(self.board, reader)

    async def tasks_owner(self, team: str, task: str) -> str | None:
        """Give the person a task belongs to, or None when the team has no such task."""
        query = select(t.task.c.person_id).where(t.task.c.team_id == team, t.task.c.id == task)
        async with self.database.engine.connect() as db:
            owner = (await db.execute(query)).scalar()
        return str(owner) if owner is not None else None

    async def tick_forever(self) -> None:
        """Heartbeats, leases, slow readers, last progress: everything that happens by the clock."""
        due = monotonic() + _TICK_S
        renew_at = 0.0
        while True:
            await asyncio.sleep(max(0.0, due - monotonic()))
            now = monotonic()
            self.loop_lag_s = late_s = max(0.0, now - due)
            self.metrics.loop_lag.observe(late_s)
            for peer in list(self.peers):
                self._tick_peer(peer, now, late_s)
            self._keep_progress()
            if now >= renew_at:
                renew_at = now + min(_RENEW_S, self.settings.lease_s / 3)
                self._renew()
            due = monotonic() + _TICK_S

    def _tick_peer(self, peer: Peer, now: float, late_s: float) -> None:
        if late_s > _TICK_S:  # we slept ourselves: frames may lie unread, nobody's lease runs meanwhile
            peer.session.heard_at += late_s
        if not peer.session.tick(now):
            log.info("lease ran out", connection=peer.id, app=peer.principal.app)
            peer.close(1001)
        elif peer.is_stuck(now, self.settings.reader_patience_s):
            self.metrics.dropped.inc()
            log.warning("reader too slow", connection=peer.id, waiting_bytes=peer.session.buffered_bytes)
            peer.close(1013)
        elif peer.session.buffered_bytes:
            peer.wake()

    def _keep_progress(self) -> None:
        for task in self.board.live.values():
            if not task.is_progress_stored and task.is_stored and not task.has_ended:
                task.is_progress_stored = True
                row = {
                    **self.board.key(task),
                    "status": task.status.value,
                    "timeline": dumps(task.timeline),
                    "started_at_us": task.started_at_us,
                    "progress": dumps(task.progress),
                }
                self.board.write(task, [(statements.MOVE, row)], lambda: None)

    def _renew(self) -> None:
        expires = now_us() + round(self.settings.lease_s * 1e6)
        self.database.ledger.write(
            [(_RENEW_AGENTS, {"b_hub": self.id, "lease_expires_at_us": expires})], lambda _: None
        )

    def part_with_all(self) -> None:
        """Close all connections, so that the server can stop; what runs goes on at the agents."""
        self.is_closing = True
        for peer in list(self.peers):
            peer.close(1012)

    async def close(self) -> None:
        """Stop everything; nothing on disk changes."""
        self.part_with_all()
        await self.agents.close()
        await self.board.close()


async def _identity(database: Database) -> str:
    """Give the hub's id, which lives as long as its database (one hub a folder)."""
    async with database.engine.connect() as db:
        known = (await db.execute(select(t.setting.c.value).where(t.setting.c.name == "hub_id"))).scalar()
    if known is not None:
        return str(known)
    made = new_id()
    await database.ledger.commit((_UPSERT_SETTING, {"name": "hub_id", "value": made}))
    return made


@asynccontextmanager
async def open_hub(settings: HubSettings) -> AsyncIterator[HubContext]:
    """Open a hub over its folder and database, take back what it held, and keep it going until closed."""
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = settings.database_url or sqlite_url(settings.folder / "hub.db")
    database = await open_database(url, durability=settings.durability)
    try:
        hub = HubContext(settings, database, await _identity(database))
        await hub.accounts.open(settings.team)
        await hub.catalogue.load()
        await recovery.recover(hub.board)
        ticking = asyncio.create_task(hub.tick_forever())
        try:
            yield hub
        finally:
            await hub.close()
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
    finally:
        await database.close()
