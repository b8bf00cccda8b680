"""The websocket: signs a connection in, reads its frames, hands each message to whom it concerns.

Every message kind stands in one table with its policy. The rule: a bad message harms nobody but its sender, and
nothing a connection does keeps another one waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from arkitekt_next.errors import (
    ArkitektError,
    HubBusy,
    InternalError,
    NotAuthenticated,
    NotPermitted,
    ProtocolError,
    RequestRefused,
    TooLarge,
)
from arkitekt_next.hub.core.http import answer
from arkitekt_next.hub.core.ids import monotonic, new_id, now_us
from arkitekt_next.hub.core.policy import CALL, PROVIDE, PUBLIC, SEE, Policy, policy
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.hub.tasks import access, control, reports, submit, watch
from arkitekt_next.wire import messages as m
from arkitekt_next.wire.codec import error_body, loads
from arkitekt_next.wire.session import negotiate

from .peer import Peer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.core.context import HubContext
    from arkitekt_next.hub.tasks.live import LiveTask

_FRAMES_A_TURN = 2
_MESSAGES_A_TURN = 32
_UNDER_WAY_LIMIT = 256


@policy(SEE)
async def endpoint(websocket: WebSocket) -> None:
    """Serve one connection from upgrade to close."""
    hub: HubContext = websocket.app.state.hub
    try:
        _check_origin(websocket)
        principal = await _identify(hub, websocket)
    except ArkitektError as error:
        await websocket.send_denial_response(answer(error))
        return
    peer = Peer(new_id(), websocket, principal, reader_limit_bytes=hub.settings.reader_limit_bytes)
    peer.session.lease_s, peer.session.heartbeat_s = hub.settings.lease_s, hub.settings.heartbeat_s
    hub.peers.add(peer)  # before anything is waited for, so that a sign-in which is revoked meanwhile closes it, too
    offered = websocket.scope.get("subprotocols") or []
    try:
        await websocket.accept(subprotocol=m.SUBPROTOCOL if m.SUBPROTOCOL in offered else None)
    except BaseException:
        hub.peers.discard(peer)
        raise
    pump = asyncio.create_task(peer.pump(hub.on_drained))
    reader = asyncio.create_task(_read(hub, peer, websocket))
    try:
        await asyncio.wait({pump, reader}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.peers.discard(peer)
        if _has_failed(peer, pump) or _has_failed(peer, reader):
            peer.close_code = peer.close_code or 1011
        elif peer.close_code is None:
            peer.close_code = 1000
        for task in (pump, reader):
            task.cancel()
        for old in list(peer.readers.values()):
            watch.detach(hub.board, old)
        hub.agents.lose(peer)
        await asyncio.gather(pump, reader, return_exceptions=True)
        await _say_goodbye(peer, websocket)


def _has_failed(peer: Peer, work: asyncio.Task[None]) -> bool:
    """Whether one half of a connection ended by a defect, which is logged, and not because the other side left."""
    error = work.exception() if work.done() and not work.cancelled() else None
    if error is None or isinstance(error, (WebSocketDisconnect, OSError)):
        return False
    log.error("connection failed", connection=peer.id, exc_info=error)
    return True


def _check_origin(websocket: WebSocket) -> None:
    origin = websocket.headers.get("origin")
    if origin is not None and _authority_of(origin) != websocket.headers.get("host"):
        raise NotPermitted(person="a page", verb="connect from", what=origin[:200], remedy="Use the hub's own address")


async def _identify(hub: HubContext, websocket: WebSocket) -> Principal:
    """Give who connects: a program by the header, or a browser that shows our page by its session."""
    authorization = websocket.headers.get("authorization")
    session = hub.cookies.session_of(websocket) if authorization is None else None
    if session is None:
        return await hub.accounts.identify(authorization)
    origin = websocket.headers.get("origin", "")
    if not hub.cookies.owns(origin, websocket):
        raise NotPermitted(person="a page", verb="connect from", what=origin[:200], remedy="Use the hub's own address")
    return await hub.accounts.logins.identify_token(session, kind="page")


def _authority_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


async def _say_goodbye(peer: Peer, websocket: WebSocket) -> None:
    if (
        websocket.application_state is WebSocketState.DISCONNECTED
        or websocket.client_state is WebSocketState.DISCONNECTED
    ):
        return
    with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect, asyncio.TimeoutError):
        async with asyncio.timeout(2):
            if peer.close_code != 1013:
                for frame in peer.session.frames(monotonic()):
                    await websocket.send_text(frame)
            await websocket.close(peer.close_code or 1000)


async def _read(hub: HubContext, peer: Peer, websocket: WebSocket) -> None:
    count = 0
    while peer.close_code is None:
        received = await websocket.receive()
        if received["type"] == "websocket.disconnect":
            return
        frame = received.get("text") or received.get("bytes") or ""
        try:
            messages = peer.session.receive(frame, monotonic())
        except TooLarge as error:
            _part(peer, error, 1009)
            return
        except ProtocolError as error:
            _part(peer, error, 4400)
            return
        peer.wake()
        for index, message in enumerate(messages, 1):
            handle(hub, peer, message)
            if peer.close_code is not None:
                return  # it has left, or may not come in: what else the frame says does not count
            if index % _MESSAGES_A_TURN == 0:
                await asyncio.sleep(0)  # the ledger and the agents begin with what is here, while the rest is read
        count += 1
        if count % _FRAMES_A_TURN == 0:
            await asyncio.sleep(0)  # frames that are already here must not keep others waiting


def _part(peer: Peer, error: ArkitektError, code: int) -> None:
    peer.send(m.Goodbye(reason=error.message[:1000], error=error_body(error)))
    peer.close(code)


def handle(hub: HubContext, peer: Peer, message: m.Message) -> None:
    """Do what one message asks; whatever goes wrong is answered to its sender alone."""
    entry = MESSAGES.get(message.__class__)
    if entry is None:
        return
    rule, act = entry
    try:
        rule.check(peer.principal)
        act(hub, peer, message)
    except Exception as error:
        _refuse(hub, peer, message, error)


def _refuse(hub: HubContext, peer: Peer, message: m.Message, error: Exception) -> None:
    """Tell the sender why its message was not carried out; a defect of ours is logged under a number, not shown."""
    if not isinstance(error, ArkitektError):
        incident = secrets.token_hex(4)
        log.error("message failed", incident=incident, kind=m.kind_of(message.__class__), exc_info=error)
        error = InternalError(incident=incident)
    hub.metrics.refused.labels(error.code).inc()
    request = _request_of(message)
    try:
        peer.send(m.Refused(request=request, error=error_body(error)))
    except TooLarge:  # it quotes what was sent
        short = m.ErrorBody(code=error.code, message=f"{error.message[:1000]}…")
        peer.send(m.Refused(request=request, error=short))


async def _in_background(hub: HubContext, peer: Peer, message: m.Message, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:
        _refuse(hub, peer, message, error)
    finally:
        peer.under_way -= 1


def _spawn(hub: HubContext, peer: Peer, message: m.Message, work: Coroutine[Any, Any, None]) -> None:
    """Carry out what has to wait for the database; a connection may have so many under way."""
    if peer.under_way >= _UNDER_WAY_LIMIT:
        work.close()
        raise HubBusy(reason=f"{peer.under_way} requests of this connection are under way", retry_after_s=0.1)
    peer.under_way += 1
    hub.board.spawn(_in_background(hub, peer, message, work))


def _request_of(message: m.Message) -> str:
    for name in ("request", "reference", "task", "kind"):
        value = getattr(message, name, None)
        if value:
            return str(value)
    return ""


# -- what each message does ----------------------------------------------------------------------------------


def _hello(hub: HubContext, peer: Peer, hello: m.Hello) -> None:
    if peer.hello is not None:
        raise ProtocolError(where="hello", problem="expected it once, got it twice")
    try:
        _refuse_nul(hello)
        version = negotiate(hello.protocol, (m.OLDEST_PROTOCOL, m.PROTOCOL))
        if hello.app != peer.principal.app:
            raise NotAuthenticated(
                reason=f"The token is for the app '{peer.principal.app}', not '{hello.app}'",
                remedy="Sign in as this app",
            )
    except ArkitektError as error:
        _part(peer, error, 4400 if isinstance(error, ProtocolError) else 4401)
        return
    peer.hello = hello
    peer.send(
        m.Welcome(
            protocol=version,
            capabilities=[],
            hub=hub.id,
            connection=peer.id,
            team=peer.principal.team,
            person=peer.principal.person,
            now_us=now_us(),
            lease_s=peer.session.lease_s,
            heartbeat_s=peer.session.heartbeat_s,
            frame_limit_bytes=m.FRAME_LIMIT_BYTES,
        )
    )


def _refuse_nul(hello: m.Hello) -> None:
    """These go into columns of text, which PostgreSQL keeps free of NUL."""
    release = hello.release
    texts = (hello.session, hello.app, hello.host, release.version, release.source_hash, release.lock_hash)
    if any(text is not None and "\0" in text for text in (*texts, release.python)):
        raise ProtocolError(where="hello", problem="expected text without NUL")


def _goodbye(hub: HubContext, peer: Peer, message: m.Goodbye) -> None:
    peer.has_left = True
    peer.close(1000)


def _ignore(hub: HubContext, peer: Peer, message: m.Message) -> None:
    log.info("a peer did not understand us", what=str(getattr(message, "what", ""))[:64])


def _lookup(hub: HubContext, peer: Peer, message: m.Lookup) -> None:
    who, catalogue = peer.principal, hub.catalogue
    if message.definition is not None:
        contract = catalogue.by_definition(who, message.definition)
    elif message.demand is not None:
        contract = catalogue.by_demand(who, message.demand)
    elif message.action is not None:
        contract = catalogue.bind(who, message.action)
    else:
        raise ProtocolError(where="lookup", problem="expected one of action, definition and demand")
    peer.send(
        m.Found(
            request=message.request,
            action=contract.action.name,
            definition=loads(contract.body),
            signature_hash=contract.signature_hash,
            definition_hash=contract.definition_hash,
            agents_online=len(catalogue.usable(who, contract.action)),
        )
    )


def _submit(hub: HubContext, peer: Peer, message: m.Submit) -> None:
    if "\0" in message.reference:
        raise RequestRefused(where="reference", problem="expected text without NUL")
    reader: watch.Reader | None = None

    def prepare(task: LiveTask) -> None:
        nonlocal reader
        reader = watch.Reader(
            peer,
            task.team,
            task.id,
            message.window,
            is_owner=message.watch,
            wants_all=message.watch,
            is_behind=False,
        )
        peer.readers[task.id] = reader
        task.readers.append(reader)

    def answered(result: submit.Receipt | ArkitektError) -> None:
        if isinstance(result, ArkitektError):
            _refuse(hub, peer, message, result)
            return
        accepted = watch.Unsaid(message.reference, result.status, result.number)
        if reader is not None and reader.task == result.task:
            reader.told = result.number
            if message.watch:
                peer.send(accepted.of(result.task))
            else:
                peer.hold_back(reader, accepted)
            return
        peer.send(accepted.of(result.task))  # known before: tell it from the start
        again = watch.Reader(
            peer,
            peer.principal.team,
            result.task,
            message.window,
            is_owner=message.watch,
            wants_all=message.watch,
        )
        watch.attach(hub.board, again)

    submit.submit(hub.board, peer.principal, message, answered, prepare=prepare)


def _attach(hub: HubContext, peer: Peer, message: m.Attach) -> None:
    async def check_and_attach() -> None:
        who = peer.principal
        task = await access.read(hub.board, who, message.task)
        peer.send(m.Done(request=message.request))
        is_owner = task.person == who.person
        reader = watch.Reader(peer, who.team, message.task, message.window, told=message.after, is_owner=is_owner)
        watch.attach(hub.board, reader)

    _spawn(hub, peer, message, check_and_attach())


def _detach(hub: HubContext, peer: Peer, message: m.Detach) -> None:
    reader = peer.readers.get(message.task)
    if reader is not None:
        watch.detach(hub.board, reader)


def _consumed(hub: HubContext, peer: Peer, message: m.Consumed) -> None:
    reader = peer.readers.get(message.task)
    if reader is not None:
        watch.consume(hub.board, reader, message.through)


def _control(hub: HubContext, peer: Peer, message: m.Control) -> None:
    who = peer.principal
    standing = access.see_live(hub.board, who, message.task)
    if standing is not None:
        access.refuse_steering(who, standing)
        task = hub.board.live[message.task]
        control.steer(hub.board, task, message.verb, deadline_s=message.deadline_s, reason=message.reason)
        peer.send(m.Done(request=message.request))
        return

    async def pass_on() -> None:
        home = (await access.steer(hub.board, who, message.task)).hub
        if home != hub.id:
            hub.relay.steer(home, message.task, message.verb, message.deadline_s, message.reason)
        peer.send(m.Done(request=message.request))

    _spawn(hub, peer, message, pass_on())


def _provide(hub: HubContext, peer: Peer, message: m.Provide) -> None:
    _spawn(hub, peer, message, hub.agents.provide(peer, message))


def _drain(hub: HubContext, peer: Peer, message: m.Drain) -> None:
    agent = peer.agent
    if agent is not None:
        agent.is_draining = True

    def settled(_: object) -> None:
        if agent is not None and agent.is_draining:
            hub.agents.take_back(agent)
        if message.request is not None:
            peer.send(m.Done(request=message.request))

    hub.board.ledger.write([], settled)


def _bury(hub: HubContext, peer: Peer, message: m.Bury) -> None:
    hub.board.ledger.write([], lambda _: hub.agents.bury(peer, message.session))


def _report(hub: HubContext, peer: Peer, message: m.Report) -> None:
    reports.hear(hub.board, peer, message)


MESSAGES: dict[type[m.Message], tuple[Policy, Any]] = {
    m.Hello: (PUBLIC, _hello),
    m.Goodbye: (PUBLIC, _goodbye),
    m.Unsupported: (PUBLIC, _ignore),
    m.Lookup: (SEE, _lookup),
    m.Submit: (CALL, _submit),
    m.Attach: (SEE, _attach),
    m.Detach: (PUBLIC, _detach),  # these two reach only what the connection was let read before, be it as a caller
    m.Consumed: (PUBLIC, _consumed),
    m.Control: (CALL, _control),
    m.Provide: (PROVIDE, _provide),
    m.Drain: (PROVIDE, _drain),
    m.Bury: (PROVIDE, _bury),
    m.Started: (PROVIDE, _report),
    m.Progress: (PROVIDE, _report),
    m.Log: (PROVIDE, _report),
    m.Yielded: (PROVIDE, _report),
    m.Paused: (PROVIDE, _report),
    m.Ended: (PROVIDE, _report),
}
