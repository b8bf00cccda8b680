"""A hub small enough for a unit test: in memory, in this process, speaking the real protocol.

It routes, streams, cancels, replays and acknowledges as docs/reference/protocol.md says, and keeps nothing: no
disk, no retries, no queue time-outs, one team. What a test sees through it are the real SDK and the real messages.
The rule: where it can't do what the protocol promises it refuses, it never pretends.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from arkitekt_next.errors import ArkitektError, NoAgent, NotFound
from arkitekt_next.ports import Definition, compile_check
from arkitekt_next.sdk.app import App
from arkitekt_next.sdk.login import Access
from arkitekt_next.sdk.loop import transport_thread
from arkitekt_next.sdk.transport import Receiver, Transport
from arkitekt_next.sdk.transport.memory import MemoryTransport, pair
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import error_body
from arkitekt_next.wire.session import Session, hub_session

CANCEL_S = 10.0


@dataclass(eq=False)
class LocalTask:
    """One task of the local hub: what was asked, who runs it, and everything that happened."""

    id: str
    submit: m.Submit
    caller: Peer | None
    session: str
    agent: Peer | None = None
    agent_session: str = ""
    status: str = "queued"
    number: int = 0
    yields: int = 0
    consumed: int = 0
    history: list[m.Message] = field(default_factory=list)
    outcome: m.Outcome | None = None


class Peer:
    """The hub's end of one connection."""

    def __init__(self, hub: LocalHub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._loop = loop
        self._session: Session = hub_session(now=loop.time())
        self._is_flushing = False
        self.transport: MemoryTransport
        self.hello: m.Hello
        self.is_draining = False
        self.received_kinds: list[str] = []

    def send(self, message: m.Message) -> None:
        """Queue a message for the end of this turn."""
        self._session.send(message)
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flushing = False
        for frame in self._session.frames(self._loop.time()):
            self.transport.send(frame)

    def received(self, frame: str | bytes) -> None:
        for message in self._session.receive(frame, self._loop.time()):
            self.received_kinds.append(str(getattr(message, "kind", "?")))
            self._hub.take(self, message)
        if self._session.buffered_bytes:
            self._flush()

    def writable(self) -> None:
        self._flush()

    def closed(self, code: int, reason: str) -> None:
        self._hub.left(self)


class LocalHub:
    """The hub. Everything but `app`, `disconnect` and `tasks` happens on the transport loop."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._offers: dict[str, tuple[Peer, Definition, dict[str, Any]]] = {}
        self._peers: list[Peer] = []
        self._epochs: dict[str, int] = {}
        self._by_reference: dict[tuple[str, str], LocalTask] = {}
        self.tasks: dict[str, LocalTask] = {}
        self._handlers: dict[type[m.Message], Callable[[Peer, Any], None]] = {
            m.Hello: self._hello,
            m.Lookup: self._lookup,
            m.Submit: self._submit,
            m.Attach: self._attach,
            m.Detach: self._detach,
            m.Consumed: self._consumed,
            m.Control: self._control,
            m.Provide: self._provide,
            m.Drain: self._drain,
            m.Started: self._started,
            m.Progress: self._progress,
            m.Log: self._log,
            m.Paused: self._paused,
            m.Yielded: self._yielded,
            m.Ended: self._ended,
        }

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop everything here runs on."""
        return transport_thread().loop

    # -- for tests -------------------------------------------------------------------------------------------

    def app(self, identifier: str = "local", **options: Any) -> App:
        """Make an app that speaks to this hub."""
        return App(identifier, dial=self.dial, access=lambda: Access("memory://hub", "local"), **options)

    async def dial(self, url: str, token: str, receiver: Receiver) -> Transport:
        """Open a way to this hub; what `App(dial=…)` takes."""
        loop = asyncio.get_running_loop()
        peer = Peer(self, loop)
        client, peer.transport = pair(loop, receiver, loop, peer)
        return client

    def disconnect(self, app: str) -> None:
        """Break the connections of an app, as a network would; it comes back by itself."""
        for peer in list(self._peers):
            if peer.hello.app == app:
                peer.transport.close(1006)

    def kinds_from(self, app: str) -> list[str]:
        """Give the kinds of the messages an app has sent on its connections, oldest first."""
        return [kind for peer in self._peers if peer.hello.app == app for kind in peer.received_kinds]

    # -- messages --------------------------------------------------------------------------------------------

    def take(self, peer: Peer, message: m.Message) -> None:
        """Act on a message; an error of ours refuses the request it came with."""
        handler = self._handlers.get(type(message))
        if handler is None:
            return
        try:
            handler(peer, message)
        except ArkitektError as refused:
            name = getattr(message, "request", None) or getattr(message, "reference", "")
            peer.send(m.Refused(request=str(name), error=error_body(refused)))

    def left(self, peer: Peer) -> None:
        """Note that a connection is gone; its tasks wait for the same session to come back."""
        if peer in self._peers:
            self._peers.remove(peer)
        for task in self.tasks.values():
            if task.caller is peer:
                task.caller = None
            if task.agent is peer:
                task.agent = None
        self._offers = {name: offer for name, offer in self._offers.items() if offer[0] is not peer}

    def _hello(self, peer: Peer, hello: m.Hello) -> None:
        peer.hello = hello
        self._peers.append(peer)
        peer.send(
            m.Welcome(
                protocol=m.PROTOCOL,
                hub="local",
                connection=str(next(self._numbers)),
                team="local",
                person="you",
                now_us=_now_us(),
                lease_s=m.LEASE_S,
                heartbeat_s=m.HEARTBEAT_S,
                frame_limit_bytes=m.FRAME_LIMIT_BYTES,
            )
        )

    def _lookup(self, peer: Peer, asked: m.Lookup) -> None:
        for name, (_, definition, raw) in self._offers.items():
            if name == asked.action or definition.definition_hash == asked.definition:
                peer.send(
                    m.Found(
                        request=asked.request,
                        action=name,
                        definition=raw,
                        signature_hash=definition.signature_hash,
                        definition_hash=definition.definition_hash,
                        agents_online=1,
                    )
                )
                return
        wanted = asked.action or asked.definition or "that demand"
        raise NotFound(what="action", name=wanted, remedy=f"There are: {', '.join(self._offers) or 'none'}")

    def _submit(self, peer: Peer, submit: m.Submit) -> None:
        key = (peer.hello.app, submit.reference)
        task = self._by_reference.get(key)
        if task is None:
            offer = self._offers.get(submit.action)
            if offer is None and not submit.wait_for_agent:
                raise NoAgent(action=submit.action, wishes="")
            if offer is not None:
                compile_check(offer[1].args, where=submit.action)(submit.args)
            task = LocalTask(f"task-{next(self._numbers)}", submit, peer, peer.hello.session)
            self._by_reference[key] = self.tasks[task.id] = task
        task.caller = peer
        peer.send(m.Accepted(reference=submit.reference, task=task.id, status=task.status, number=task.number))
        if task.outcome is not None:
            peer.send(task.outcome)
        elif task.agent is None and not task.agent_session:
            self._assign(task)

    def _assign(self, task: LocalTask) -> None:
        offer = self._offers.get(task.submit.action)
        if offer is None or offer[0].is_draining:
            return
        agent = offer[0]
        task.agent, task.agent_session, task.status = agent, agent.hello.session, "assigned"
        self._tell(task, "assigned", {"agent": agent.hello.session})
        parent = self.tasks.get(task.submit.parent or "")
        agent.send(
            m.Assign(
                task=task.id,
                attempt=1,
                epoch=self._epochs[agent.hello.session],
                action=task.submit.action.rpartition(".")[2],
                args=task.submit.args,
                root=self._root(task).id,
                parent=parent.id if parent else None,
                person="you",
                app=task.submit.action.partition(".")[0] if task.caller is None else task.caller.hello.app,
                credit=task.consumed + task.submit.window,
            )
        )
        if task.submit.timeout_s is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(task.submit.timeout_s, self._cancel, task, CANCEL_S, "its timeout ran out")

    def _root(self, task: LocalTask) -> LocalTask:
        while task.submit.parent in self.tasks:
            task = self.tasks[task.submit.parent]
        return task

    def _attach(self, peer: Peer, asked: m.Attach) -> None:
        task = self._task(asked.task)
        task.caller = peer
        peer.send(m.Done(request=asked.request))
        for message in task.history:
            if getattr(message, "number", 0) > asked.after:
                peer.send(message)

    def _detach(self, peer: Peer, asked: m.Detach) -> None:
        self._task(asked.task).caller = None

    def _consumed(self, peer: Peer, said: m.Consumed) -> None:
        task = self._task(said.task)
        task.consumed = max(task.consumed, said.through)
        self._grant(task)

    def _grant(self, task: LocalTask) -> None:
        through = task.consumed + task.submit.window
        if task.agent is not None:
            task.agent.send(m.Credit(task=task.id, attempt=1, through=through))

    def _control(self, peer: Peer, asked: m.Control) -> None:
        task = self._task(asked.task)
        if task.outcome is None:
            if asked.verb in ("cancel", "interrupt"):
                deadline = 0.0 if asked.verb == "interrupt" else asked.deadline_s
                self._cancel(task, CANCEL_S if deadline is None else deadline, asked.reason)
            elif task.agent is not None:
                task.agent.send(m.Steer(task=task.id, attempt=1, verb=asked.verb))
        peer.send(m.Done(request=asked.request))

    def _cancel(self, task: LocalTask, deadline_s: float, reason: str) -> None:
        if task.outcome is not None:
            return
        if task.agent is None:
            self._finish(task, "cancelled", error={"code": "task_cancelled", "message": "cancelled", "fields": {}})
            return
        self._tell(task, "cancelling", {})
        verb: Any = "cancel" if deadline_s > 0 else "interrupt"
        task.agent.send(m.Steer(task=task.id, attempt=1, verb=verb, deadline_s=deadline_s, reason=reason))
        for child in list(self.tasks.values()):
            if child.submit.parent == task.id:
                self._cancel(child, deadline_s, reason)

    def _provide(self, peer: Peer, provide: m.Provide) -> None:
        session = peer.hello.session
        self._epochs[session] = self._epochs.get(session, 0) + 1
        self._offers = {name: offer for name, offer in self._offers.items() if offer[0] is not peer}
        for offer in provide.offers:
            definition = Definition.from_json(offer.definition)
            self._offers[f"{peer.hello.app}.{definition.name}"] = (peer, definition, offer.definition)
        held = {one.task for one in provide.held}
        drop = [
            task for task in held if self.tasks[task].outcome is not None or self.tasks[task].agent_session != session
        ]
        names = [name for name, offer in self._offers.items() if offer[0] is peer]
        epoch = self._epochs[session]
        peer.send(m.Provided(request=provide.request, agent=session, epoch=epoch, actions=names, drop=drop))
        for task in list(self.tasks.values()):
            if task.id in held and task.id not in drop:
                task.agent = peer
                self._grant(task)
            elif task.outcome is None and task.agent_session in ("", session):  # what it never got, it gets (again)
                self._assign(task)

    def _drain(self, peer: Peer, drain: m.Drain) -> None:
        peer.is_draining = True
        if drain.request is not None:
            peer.send(m.Done(request=drain.request))

    # -- reports ---------------------------------------------------------------------------------------------

    def _reported(self, peer: Peer, report: m.Report) -> LocalTask | None:
        if report.seq:
            peer.send(m.Ack(seq=report.seq))
        task = self.tasks.get(report.task)
        if task is None or task.outcome is not None or task.agent is not peer:
            peer.send(m.Stale(task=report.task, attempt=report.attempt, reason="it is not yours"))
            return None
        return task

    def _started(self, peer: Peer, report: m.Started) -> None:
        task = self._reported(peer, report)
        if task is not None and task.status == "assigned":
            task.status = "running"
            self._tell(task, "started", {})

    def _progress(self, peer: Peer, report: m.Progress) -> None:
        task = self._reported(peer, report)
        if task is not None and task.caller is not None:
            data = {"percent": report.percent, "message": report.message}
            task.caller.send(m.Progressed(task=task.id, number=0, name="progress", at_us=_now_us(), data=data))

    def _log(self, peer: Peer, report: m.Log) -> None:
        task = self._reported(peer, report)
        if task is not None:
            self._tell(task, "log", {"level": report.level, "message": report.message})

    def _paused(self, peer: Peer, report: m.Paused) -> None:
        task = self._reported(peer, report)
        if task is not None:
            self._tell(task, "paused" if report.paused else "resumed", {})

    def _yielded(self, peer: Peer, report: m.Yielded) -> None:
        task = self._reported(peer, report)
        if task is None or report.first != task.yields:
            return
        task.yields += len(report.values)
        task.number += 1
        values = m.Values(task=task.id, number=task.number, at_us=_now_us(), first=report.first, values=report.values)
        self._say(task, values)

    def _ended(self, peer: Peer, report: m.Ended) -> None:
        task = self._reported(peer, report)
        if task is not None:
            self._finish(task, report.status, report.returns, report.error)

    def _finish(
        self, task: LocalTask, status: str, returns: list[Any] | None = None, error: dict[str, Any] | None = None
    ) -> None:
        task.status = status
        task.number += 1
        task.outcome = m.Outcome(
            task=task.id,
            number=task.number,
            status=status,
            at_us=_now_us(),
            returns=returns,
            error=error,
            yields=task.yields,
            agent=task.agent_session,
        )
        task.history.append(task.outcome)
        if task.caller is not None:
            task.caller.send(task.outcome)

    def _tell(self, task: LocalTask, name: str, data: dict[str, Any]) -> None:
        task.number += 1
        self._say(task, m.Event(task=task.id, number=task.number, name=name, at_us=_now_us(), data=data))

    def _say(self, task: LocalTask, message: m.Message) -> None:
        task.history.append(message)
        if task.caller is not None and task.submit.watch:
            task.caller.send(message)

    def _task(self, name: str) -> LocalTask:
        task = self.tasks.get(name)
        if task is None:
            raise NotFound(what="task", name=name, remedy="Look at its id")
        return task


@contextmanager
def local_app(app: App | None = None, *, identifier: str = "local") -> Iterator[App]:
    """Run an app against a local hub and make it the current one: `call`, `iterate`, `submit` reach its own functions.

    With an app given, its functions and hooks are used; without one, those registered globally.
    """
    from arkitekt_next.sdk.current import default_app

    registrations = (app or default_app()).registrations
    name = app._identifier if app is not None and app._identifier else identifier
    here = LocalHub().app(name, registrations=registrations)
    with here, here.run_detached():
        yield here


def _now_us() -> int:
    return time.time_ns() // 1000
