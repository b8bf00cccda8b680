"""What one hub is made of, opened in order and closed in reverse. Backends are chosen here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, update

from arkitekt_next.auth.principal import Role
from arkitekt_next.auth.rules import Verb, may, reads_task
from arkitekt_next.bus import Bus, open_bus
from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.accounts.keys import load_or_make_master
from arkitekt_next.hub.accounts.local import LocalSignIn, load_or_make_key
from arkitekt_next.hub.accounts.oidc.attempts import Attempts
from arkitekt_next.hub.accounts.oidc.provider import Provider
from arkitekt_next.hub.accounts.service import Accounts
from arkitekt_next.hub.agents.registry import Agents
from arkitekt_next.hub.catalog.consents import Consents
from arkitekt_next.hub.catalog.service import Catalogue
from arkitekt_next.hub.catalog.shares import Shares
from arkitekt_next.hub.data import sweep
from arkitekt_next.hub.data.grants import Grants
from arkitekt_next.hub.data.objects.places import blobs_of, settle_place
from arkitekt_next.hub.data.objects.store import HubObjects
from arkitekt_next.hub.data.objects.uploads import HubUploads
from arkitekt_next.hub.data.quota import Quota
from arkitekt_next.hub.data.service import DataService
from arkitekt_next.hub.data.transfers import Transfers
from arkitekt_next.hub.data.usage import Usage
from arkitekt_next.hub.tasks import recovery, retention, statements, watch
from arkitekt_next.hub.tasks.board import Board
from arkitekt_next.hub.tasks.relay import Relay
from arkitekt_next.platform import write_private
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.engine import Database, open_database, sqlite_url
from arkitekt_next.storage.ledger import Statement, insert_or
from arkitekt_next.wire.codec import dumps

from .cookies import Cookies
from .ids import monotonic, new_id, now_us
from .telemetry import Metrics, log

if TYPE_CHECKING:
    from fastapi import Request

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.agents.peer import Peer
    from arkitekt_next.hub.catalog.consents import Consent

    from .config import HubSettings

_TICK_S = 0.5
_RENEW_S = 10.0
_HEAR_S = 2.0
_PUBLIC_WINDOW_S = 60.0
_LOCAL_FACTOR = 20

_UPSERT_HUB = insert_or(t.hub, ["id"], update=["url", "started_at_us", "lease_expires_at_us"])
_RENEW_HUB = Statement(
    "renew hub",
    update(t.hub).where(t.hub.c.id == bindparam("b_hub")).values(lease_expires_at_us=bindparam("lease_expires_at_us")),
)
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

    def __init__(self, settings: HubSettings, database: Database, bus: Bus, id: str, url: str) -> None:
        self.id = id
        self.settings = settings
        self.database = database
        self.metrics = Metrics(database.ledger)
        self.url = url
        master = load_or_make_master(settings.folder)
        self.accounts = Accounts(database, master=master, issuer=url, access_s=settings.access_token_s)
        self.cookies = Cookies(master, url)
        self.provider = Provider.of(settings, url)
        self.attempts = Attempts(master)
        self.local = LocalSignIn(load_or_make_key(settings.folder))
        self.consents = Consents(database)
        self.consents.on_withdrawn = self._part_with_provider
        self.shares = Shares(database)
        self.catalogue = Catalogue(database, self.shares, self.consents)
        self.grants = Grants(database, master=master, holds=self._lets_on)
        blobs = blobs_of(settings)
        self.quota = Quota(database, settings.data_quota_bytes, place=blobs.called)
        self.usage = Usage(database)
        self.objects = HubObjects(blobs, database, self.quota)
        self.uploads = HubUploads(self.objects)
        self.transfers = Transfers(readers=blobs.readers, writers=blobs.writers)
        self.data = DataService(
            database, self.objects, self.grants, self.quota, endpoint=url, role_of=self.accounts.people.role_of
        )
        self.board = Board(hub=id, settings=settings, database=database, catalogue=self.catalogue, metrics=self.metrics)
        self.board.check_items = self.data.items.check_usable
        self.agents = Agents(self.board)
        self.relay = Relay(self.board, bus)
        self.peers: set[Peer] = set()
        self.started_at_us = now_us()
        self.loop_lag_s = 0.0
        self.is_closing = False
        self.on_evicted: Callable[[], None] = self.part_with_all
        self._public: dict[tuple[str, str], deque[float]] = {}
        self.accounts.logins.on_revoked = self._part_with_logins
        self.accounts.people.on_change = self._on_person_changed
        self.accounts.on_left = self._forget_rights
        self._heard_others_at = 0.0

    def guard_public(self, request: Request, route: str, burst: int) -> None:
        """Hold one address to a burst of requests a minute on a route that needs no sign-in. Raises `HubBusy`."""
        address = request.client.host if request.client is not None else "-"
        now = monotonic()
        times = self._public.setdefault((address, route), deque())
        while times and times[0] < now - _PUBLIC_WINDOW_S:
            times.popleft()
        limit = burst * (_LOCAL_FACTOR if address in ("127.0.0.1", "::1") else 1)
        if len(times) >= limit:
            wait_s = max(1.0, times[0] + _PUBLIC_WINDOW_S - now)
            raise HubBusy(reason="too many requests from this address", retry_after_s=round(wait_s, 1))
        times.append(now)
        if len(self._public) > 10_000:
            self._public.clear()

    def _lets_on(self, team: str, person: str, login: str) -> bool:
        """Whether somebody is still of the team, and a sign-in of theirs has not ended, as far as is known here."""
        return self.accounts.people.role_of(team, person) is not None and not self.accounts.logins.has_ended(login)

    def _part_with_logins(self, logins: set[str]) -> None:
        """Close the sockets of sign-ins that have ended; what their agents run is settled as if they had gone."""
        for peer in list(self.peers):
            if peer.principal.login in logins:
                peer.close(4401)
        for stream in list(self.board.streams):
            if stream.who.login in logins:
                stream.close()

    def _on_person_changed(self, team: str | None, person: str) -> None:
        """A role or an account has changed: connections go on with what is right now, or close.

        One that provides or reads what the person may not any more closes as well: it comes back, and is asked anew.
        """
        self.accounts.logins.forget_person(person)
        people = self.accounts.people
        if team is not None:
            self.board.spawn(self.data.end_unreadable(team, person=person))
        for peer in list(self.peers):
            who = peer.principal
            if who.person == person and team in (None, who.team):
                role = people.role_of(who.team, person)
                if role is None:
                    peer.close(4401)
                else:
                    peer.principal = replace(who, role=role, is_hub_owner=people.is_hub_owner(person))
                    if not self._may_go_on(peer):
                        peer.close(1012)
        for stream in list(self.board.streams):
            if stream.who.person == person and team in (None, stream.who.team):
                stream.close()

    def _may_go_on(self, peer: Peer) -> bool:
        """Whether a connection provides and reads nothing but what its person still may."""
        if peer.speaks_for and not may(peer.principal, Verb.PROVIDE):
            return False
        return all(self._may_read_on(peer.principal, reader) for reader in peer.readers.values())

    def _may_read_on(self, who: Principal, reader: watch.Reader) -> bool:
        if reader.is_owner or not reader.wants_all:  # a call of their own
            return True
        task = self.board.live.get(reader.task)  # of one that is not here too little is known: it is asked anew
        return task is not None and reads_task(
            who, visibility=task.visibility, is_discreet=task.is_discreet, person=task.person
        )

    def _part_with_latecomers(self) -> None:
        """Close what was being let in just while its sign-in ended, or its role changed, and so was not told of it."""
        logins, people = self.accounts.logins, self.accounts.people
        for peer in list(self.peers):
            who = peer.principal
            if logins.has_ended(who.login):
                peer.close(4401)
            elif people.role_of(who.team, who.person) is not who.role:
                self._on_person_changed(who.team, who.person)
        for stream in list(self.board.streams):
            who = stream.who
            if logins.has_ended(who.login) or people.role_of(who.team, who.person) is not who.role:
                stream.close()

    def _part_with_provider(self, consent: Consent) -> None:
        """A consent has ended: who provides the app by it is asked anew when they come back."""
        for peer in list(self.peers):
            agent = peer.agent
            provides = agent is not None and (agent.team, agent.app) == (consent.team, consent.app)
            if provides and peer.principal.person == consent.person:
                peer.close(1012)

    async def _forget_rights(self, team: str, person: str) -> None:
        """Somebody has left a team: what they had and gave by name in it ends, also should they return."""
        await self.consents.forget(team, person)
        await self.shares.forget(team, person)

    async def _hear_others(self) -> None:
        """Learn what hubs beside this one have changed about who may come in, and what they may."""
        await self.consents.load()
        await self.shares.load()
        for team, person in await self.accounts.hear_others():
            self._on_person_changed(team, person)

    def on_drained(self, peer: Peer) -> None:
        """A socket has taken everything: its readers that are behind may go on."""
        for reader in list(peer.readers.values()):
            if reader.is_behind:
                watch.resume(self.board, reader)

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
            self._part_with_latecomers()
            self._keep_progress()
            self.relay.tick(now)
            if self.database.kind != "sqlite" and now >= self._heard_others_at + _HEAR_S:
                self._heard_others_at = now
                self.board.spawn(self._hear_others())
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
        expires = now_us() + self.board.clock_offset_us + round(self.settings.lease_s * 1e6)
        row = {"b_hub": self.id, "lease_expires_at_us": expires}
        self.database.ledger.write([(_RENEW_HUB, row)], self._renewed)
        self.database.ledger.write([(_RENEW_AGENTS, row)], lambda _: None)

    def _renewed(self, result: Sequence[int] | Exception) -> None:
        if not isinstance(result, Exception) and result[0] == 0 and not self.is_closing:
            log.error("another hub took over from this one, which was silent for too long")
            self.on_evicted()

    async def register(self, url: str) -> None:
        """Enter this hub among those that share the database."""
        await self.board.measure_clock()
        now = now_us() + self.board.clock_offset_us
        lease_us = round(self.settings.lease_s * 1e6)
        row = {"id": self.id, "url": url, "started_at_us": now, "lease_expires_at_us": now + lease_us}
        await self.database.ledger.commit((_UPSERT_HUB, row), kept=True)

    def part_with_all(self) -> None:
        """Close all connections, so that the server can stop; what runs goes on at the agents."""
        self.is_closing = True
        for peer in list(self.peers):
            peer.close(1012)
        for stream in list(self.board.streams):
            stream.close()

    async def close(self) -> None:
        """Stop everything; nothing on disk changes."""
        self.part_with_all()
        row = {"b_hub": self.id, "lease_expires_at_us": now_us() + self.board.clock_offset_us}
        self.database.ledger.write([(_RENEW_HUB, row)], lambda _: None)
        await self.agents.close()
        await self.board.close()
        await self.objects.close()


async def _identity(settings: HubSettings, database: Database) -> str:
    """Give the hub's id, which lives in its folder. The only hub of a SQLite file takes everything in it over."""
    path = settings.folder / "hub.id"
    if not path.exists():
        write_private(path, new_id())
    id = path.read_text().strip()
    if database.kind == "sqlite":
        async with database.engine.begin() as db:
            await db.execute(
                update(t.task).where(t.task.c.ended_at_us.is_(None), t.task.c.hub_id != id).values(hub_id=id)
            )
            await db.execute(
                update(t.agent).where(t.agent.c.gone_at_us.is_(None), t.agent.c.hub_id != id).values(hub_id=id)
            )
            await db.execute(delete(t.hub).where(t.hub.c.id != id))
    return id


@asynccontextmanager
async def open_hub(settings: HubSettings, address: str) -> AsyncIterator[HubContext]:
    """Open a hub over its folder and database, take back what it held, and keep it going until closed.

    `address` is the one people reach it by.
    """
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = settings.database_url or sqlite_url(settings.folder / "hub.db")
    async with AsyncExitStack() as stack:
        database = await open_database(url, durability=settings.durability)
        stack.push_async_callback(database.close)
        bus = await open_bus(settings.bus_url)
        stack.push_async_callback(bus.close)
        hub = HubContext(settings, database, bus, await _identity(settings, database), address)
        await settle_place(hub.objects.blobs, database)
        await hub.accounts.open(settings.team)
        if settings.oidc_team is not None:
            await hub.accounts.identities.welcome(settings.oidc_team, Role(settings.oidc_role))
        await hub.consents.load()
        await hub.shares.load()
        await hub.catalogue.load()
        await hub.register(address)
        await recovery.recover(hub.board)
        await hub.relay.open()
        hub.board.spawn(retention.keep_forever(hub.board))
        hub.board.spawn(sweep.keep_forever(hub))
        ticking = asyncio.create_task(hub.tick_forever())
        try:
            yield hub
        finally:
            await hub.close()
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
