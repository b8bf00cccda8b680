"""Who acts in the matrix and what they act on, set up once: a team of every role, its apps, tasks and accounts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx2

from arkitekt_next.auth.principal import Role, Scope
from arkitekt_next.auth.secrets import digest_of
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.storage import tables as t
from tests.support.raw import RawClient, definition
from tests.support.rest import Worker, on_hub
from tests.support.teams import new_team

from . import stored
from .table import ACTORS

SECRET = 40_711_081
"""An argument that stands for what a task was given, and comes back as what it gave."""
ROLES = {"hub": "owner", "owner": "owner", "admin": "admin", "author": "member", "member": "member", "guest": "guest"}
NARROW = {scope.value: [scope] for scope in Scope}


@dataclass(frozen=True)
class Actor:
    """One of those who ask."""

    name: str
    person: str
    team: str
    token: str | None
    web: httpx2.AsyncClient


class Provider(Worker):
    """A worker that fails on `fail`, with its argument in the error."""

    async def _work(self, assigned: dict[str, Any]) -> None:
        if assigned["action"] == "fail":
            error = {"code": "remote", "message": f"it was {assigned['args']['a']}", "fields": {}}
            await self.agent.report(
                "ended", assigned["task"], attempt=assigned["attempt"], status="failed", error=error
            )
            return
        await super()._work(assigned)


class Stage:
    """One hub with everybody and everything on it. What a probe changes it makes anew, with the functions below."""

    def __init__(self, server: Any, stack: AsyncExitStack) -> None:
        self.server = server
        self.hub = server.app.state.hub
        self.home: str = self.hub.accounts.team
        self.stack = stack
        self.actors: dict[str, Actor] = {}
        self.sockets: dict[str, RawClient] = {}
        self.lines: dict[str, Any] = {}

    # -- people ------------------------------------------------------------------------------------------------

    async def on_hub(self, work: Any) -> Any:
        """Run something on the hub's own loop."""
        return await on_hub(self.server, work)

    async def newcomer(self, role: str = "member", team: str | None = None) -> str:
        """Make a person of a team; give their id."""
        people = self.hub.accounts.people

        async def make() -> str:
            name = f"{role} {uuid.uuid4().hex[:10]}"
            person = await people.add(name=name, email=f"{name.replace(' ', '-')}@lab.org")
            await people.join(team or self.home, person.id, Role(role))
            return str(person.id)

        return str(await self.on_hub(make()))

    async def fresh(self, name: str) -> Actor:
        """Make somebody who is like one of the actors, and may be spoilt."""
        if name == "other":
            team = await new_team(self.server)
            return await self.actor(name, await self.newcomer("owner", team), team)
        person = await self.newcomer(ROLES.get(name, "owner"))
        if ROLES.get(name) is None or name == "hub":
            await self.on_hub(self.hub.accounts.people.set_hub_owner(person, True))
        return await self.actor(name, person, self.home)

    async def token(
        self, name: str, app: str = "web", *, person: str | None = None, team: str = "", kind: str = "device"
    ) -> str | None:
        """Sign an actor in for an app; give the token, which is as good or bad as the actor's name says."""
        if name == "anon":
            return None
        logins = self.hub.accounts.logins
        known = self.actors.get(name)
        person = person or (known.person if known else self.hub.accounts.owner)
        team = team or (known.team if known else self.home)
        scopes = NARROW.get(name, list(Scope))
        issued = logins.issue(team=team, person=person, app=app, kind=kind, scopes=scopes)
        token, who = await self.on_hub(issued)
        if name == "revoked":
            await self.on_hub(logins.revoke([who.login]))
        if name == "expired":
            await self.on_hub(self._age(token))
            self.hub.accounts.logins.forget_person(person)
        return str(token)

    async def _age(self, token: str) -> None:
        past = t.token.update().where(t.token.c.digest == digest_of(token)).values(expires_at_us=now_us() - 1)
        async with self.hub.database.engine.begin() as db:
            assert (await db.execute(past)).rowcount == 1

    async def actor(self, name: str, person: str, team: str) -> Actor:
        """Sign a person in as one of the actors."""
        token = await self.token(name, person=person, team=team)
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        web = httpx2.AsyncClient(base_url=self.server.url, headers=headers, timeout=20)
        return Actor(name, person, team, token, await self.stack.enter_async_context(web))

    # -- what they act on --------------------------------------------------------------------------------------

    async def provide(self, owner: str, app: str, *names: str, **fields: Any) -> Provider:
        """Connect an agent of an actor that offers functions of these names, with a hash of their own."""
        agent = await RawClient(self.server.url, await self.token(owner, app) or "", app).open()
        self.stack.push_async_callback(agent.close)
        offers = [{**definition(name), "description": f"{name} of {app}"} for name in names]
        ports = {**definition("ports"), "args": [{"key": "x", "kind": "structure", "identifier": f"{app}/x"}]}
        await agent.provide(*offers, ports, **fields)
        return Provider(agent, app)

    async def call(self, caller: str, action: str, *, a: int = SECRET, wait: int = 20, **fields: Any) -> str:
        """Submit a task for an actor, and wait until it has ended; give its id."""
        body = {"action": action, "args": {"a": a}, **fields}
        answer = await self.actors[caller].web.post(f"/api/tasks?wait={wait}", json=body)
        assert answer.status_code in (200, 202), answer.text
        return str(answer.json()["task"])

    async def hold(self, caller: str, action: str, **fields: Any) -> str:
        """Submit a task that runs until it is let go or steered; give its id once it runs."""
        socket = self.sockets[caller]
        task = await socket.submit(action, {"a": SECRET}, **fields)
        await socket.expect("event", task=task, name="started")
        return task

    async def outcome(self, caller: str, provider: Provider, task: str) -> str:
        """Let a held task go; give the status that it ends with."""
        provider.let_go(task)
        return str((await self.sockets[caller].expect("outcome", task=task))["status"])

    async def count(self, table: Any) -> int:
        """Count the rows of a table."""
        async with self.hub.database.engine.connect() as db:
            return len((await db.execute(table.select())).all())


async def _set_up(stage: Stage) -> None:
    mark = uuid.uuid4().hex[:8]
    hub = stage.hub
    for name in ACTORS:
        person = hub.accounts.owner
        if name in ROLES and name != "hub":
            person = await stage.newcomer(ROLES[name])
        team = stage.home
        if name == "other":
            team = await new_team(stage.server)
            person = await stage.newcomer("owner", team)
            stage.away = team
        stage.actors[name] = await stage.actor(name, person, team)
    for name in ("author", "guest", "member"):
        opened = await RawClient(stage.server.url, stage.actors[name].token or "", "web").open()
        stage.stack.push_async_callback(opened.close)
        stage.sockets[name] = opened
    await _set_up_apps(stage, mark)
    await _set_up_tasks(stage)


async def _set_up_apps(stage: Stage, mark: str) -> None:
    author, guest = stage.actors["author"], stage.actors["guest"]
    for name, app, mode in (("team", "bench", "prod"), ("private", "desk", "dev"), ("shared", "open", "prod")):
        app = f"{app}-{mark}"
        provider = await stage.provide("author", app, "add", "hold", "fail", "unshared", mode=mode)
        assert (await author.web.get(f"/api/agents/{provider.id}")).status_code == 200
        hashes = {}
        for action in ("add", "unshared"):
            shown = (await author.web.get(f"/api/actions/{app}.{action}")).json()
            hashes[action] = shown["definition_hash"]
        thing = SimpleNamespace(app=app, provider=provider, agent=provider.id, hash=hashes["add"])
        thing.action, thing.unshared, thing.unshared_hash = f"{app}.add", f"{app}.unshared", hashes["unshared"]
        thing.ports = [{"kind": "structure", "identifier": f"{app}/x"}]
        setattr(stage, name, thing)
    stage.draft = await stage.provide("author", stage.shared.app, "add", "draft", mode="dev")
    for action in ("add", "hold", "ports"):
        answer = await author.web.put(f"/api/actions/{stage.shared.app}.{action}/shares/{guest.person}")
        assert answer.status_code == 200, answer.text


async def _set_up_tasks(stage: Stage) -> None:
    team, private, shared = stage.team, stage.private, stage.shared
    stage.reference, stage.failure_text = f"reference-{uuid.uuid4().hex}", f"it was {SECRET}"
    team.task = await stage.call("author", team.action)
    private.task = await stage.call("author", private.action)
    shared.task = await stage.call("author", shared.action)
    stage.guests = await stage.call("guest", shared.action)
    stage.discreet = await stage.call("author", team.action, discreet=True, reference=stage.reference)
    stage.failure = await stage.call("author", f"{team.app}.fail", discreet=True)
    stage.members = await stage.call("member", team.action, discreet=True)
    team.running = await stage.hold("author", f"{team.app}.hold")
    private.running = await stage.hold("author", f"{private.app}.hold")
    stage.running = await stage.hold("author", f"{team.app}.hold", discreet=True)
    child = await team.provider.agent.submit(private.action, {"a": SECRET}, parent=team.running)
    stage.child = child
    await team.provider.agent.expect("outcome", task=child)


@asynccontextmanager
async def open_stage(server: Any) -> AsyncIterator[Stage]:
    """Set everything up on a hub that serves."""
    async with AsyncExitStack() as stack:
        stage = Stage(server, stack)
        await _set_up(stage)
        await stored.set_up(stage)
        yield stage
