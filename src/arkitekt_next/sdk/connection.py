"""One connection to a hub, kept up for ever: dialling, handshake, heartbeats, reconnecting, batching.

A connection carries *roles* (the caller, the agent), which own what is said. Everything here runs on the transport
loop but `post`, `open` and `close`, which may be called from any thread. The rule: what one turn produced leaves as
one frame, and roles are told of every welcome, because nothing that was sent before it may have arrived.
"""

from __future__ import annotations

import asyncio
import os
import platform
import random
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from arkitekt_next.errors import ArkitektError, HubUnavailable, NotAuthenticated, ProtocolError, SignInNeeded
from arkitekt_next.wire.messages import Goodbye, Hello, Message, Release, Unsupported, Welcome
from arkitekt_next.wire.session import Session, client_session

from .login import Access
from .loop import Mailbox, after_fork, transport_thread
from .transport import Dial, Transport

_WELCOME_S = 10.0
_BACKOFF_S = 0.1
_BACKOFF_LIMIT_S = 5.0
_NOT_AUTHENTICATED = 4401
_TAKEN_OVER = 4409
_PROTOCOL_BROKEN = 4400
_ABNORMAL = 1006

SDK = "python/0.1.0"


class Role(Protocol):
    """One side of the protocol that lives on a connection; every call comes on the transport loop."""

    @property
    def handlers(self) -> dict[type[Message], Callable[[Any], None]]:
        """What takes which message."""

    def opened(self, welcome: Welcome) -> None:
        """A (new) connection stands: say again whatever may have been lost."""

    def lost(self) -> None:
        """The connection broke; another one will be tried."""

    def turn_ends(self) -> None:
        """Everything of this turn has been given: write and send what was gathered."""

    def closed(self, error: ArkitektError) -> None:
        """The connection is over for good."""


class Connection:
    """The way from one app of this process to one hub.

    `sign_in` may block and runs in a thread; it is asked before the first dial, and whenever the token has expired or
    the hub no longer takes it; `refuse` is told of such a token, and why. When `sign_in` needs a person
    (`SignInNeeded`), the connection ends.
    """

    def __init__(
        self,
        *,
        app: str,
        release: Release,
        sign_in: Callable[[], Access],
        dial: Dial,
        refuse: Callable[[str, str], None] = lambda token, reason: None,
    ) -> None:
        self._app = app
        self._release = release
        self._sign_in = sign_in
        self._refuse = refuse
        self._dial = dial
        self._thread = transport_thread()
        self._loop = self._thread.loop
        self._mailbox = Mailbox(self._loop, self._end_turn)
        self.post = self._mailbox.post
        self.session_id = uuid.uuid4().hex
        self._roles: list[Role] = []
        self._handlers: dict[type[Message], Callable[[Any], None]] = {}
        self._line: _Line | None = None
        self._life: asyncio.Task[None] | None = None
        self._waiting: list[asyncio.Future[Welcome]] = []
        self._stopped = asyncio.Event()
        self._access: Access | None = None
        self.welcome: Welcome | None = None
        self.is_closed = False
        self._ended: SignInNeeded | None = None
        self.problem = ""
        after_fork(self._forget)

    # -- any thread ----------------------------------------------------------------------------------------

    def open(self) -> Future[Welcome]:
        """Bring the connection up if it isn't; the future fails with the reason of the first attempt that fails."""
        return self._thread.submit(self._opened())

    def close(self, reason: str = "") -> Future[None]:
        """Say goodbye and close for good; done when the socket is gone."""
        return self._thread.submit(self._close(reason))

    @property
    def url(self) -> str:
        """The address in use, empty before the first sign-in."""
        return self._access.url if self._access is not None else ""

    # -- the transport loop --------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The loop's clock, in seconds."""
        return self._loop.time()

    @property
    def is_open(self) -> bool:
        """Whether the hub has said welcome and the line stands."""
        return self._line is not None

    @property
    def backlog_bytes(self) -> int:
        """How much waits for a socket that does not take more."""
        return self._line.session.buffered_bytes if self._line is not None else 0

    def add(self, role: Role) -> None:
        """Let a role take part; it is told at once if the connection stands."""
        self._roles.append(role)
        self._handlers.update(role.handlers)
        if self._line is not None and self.welcome is not None:
            role.opened(self.welcome)

    def remove(self, role: Role) -> None:
        """Let a role take no more part; its handlers must not be needed by another."""
        if role in self._roles:
            self._roles.remove(role)
            for kind in role.handlers:
                self._handlers.pop(kind, None)

    def send(self, text: str) -> None:
        """Queue a written message for the end of this turn; without a line it is dropped (see `Role.opened`)."""
        if self._line is not None:
            self._line.session.send_text(text)

    def soon(self, action: Callable[..., Any], *args: Any, after_s: float = 0.0) -> asyncio.TimerHandle:
        """Run a callback later on the transport loop, in a turn of its own."""
        return self._loop.call_later(after_s, self._in_turn, action, args)

    def _in_turn(self, action: Callable[..., Any], args: tuple[Any, ...]) -> None:
        try:
            action(*args)
        finally:
            self._end_turn()

    def _end_turn(self) -> None:
        for role in self._roles:
            role.turn_ends()
        line = self._line
        if line is not None and line.session.buffered_bytes:
            line.flush()

    async def _opened(self) -> Welcome:
        if self._ended is not None:  # whoever comes later has to hear of it too, not that something was closed
            raise self._ended.with_traceback(None)
        if self.is_closed:
            raise HubUnavailable(url=self.url, reason="the connection was closed", remedy="Open a new one")
        if self._line is not None and self.welcome is not None:
            return self.welcome
        waiting: asyncio.Future[Welcome] = self._loop.create_future()
        self._waiting.append(waiting)
        if self._life is None:
            self._life = self._loop.create_task(self._live())
        return await waiting

    async def _live(self) -> None:
        tries = 0
        while not self.is_closed:
            try:
                line = await self._connect()
                tries = 0
                code, _ = await line.gone
            except SignInNeeded as ended:
                self._ended = ended
                self._finish(ended)
                return
            except ArkitektError as failed:
                self.problem = failed.message
                self._tell(failed)
            except Exception as failed:
                self._tell(ProtocolError(where="connection", problem=f"{type(failed).__name__}: {failed}"))
            else:
                if code == _TAKEN_OVER:
                    self._finish(ProtocolError(where="connection", problem="another connection took over this session"))
                    return
                if code == _NOT_AUTHENTICATED:
                    self._drop_access("its sign-in was ended")
            delay = min(_BACKOFF_S * 2**tries, _BACKOFF_LIMIT_S) * random.uniform(0.5, 1.5)
            tries = min(tries + 1, 16)
            await self._pause(delay)

    async def _pause(self, delay_s: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), delay_s)
        except TimeoutError:
            pass

    async def _connect(self) -> _Line:
        try:
            return await self._attempt()
        except SignInNeeded:
            raise
        except NotAuthenticated as refused:
            if self._access is None:
                raise
            self._drop_access(refused.message)  # it may only be out of date: a new one is tried before anybody is told
            return await self._attempt()

    async def _attempt(self) -> _Line:
        if self._access is None or self._access.has_expired:
            self._access = None
            self._access = await self._loop.run_in_executor(None, self._sign_in)
        url = self._access.url
        line = _Line(self, self._loop)
        hello = Hello(
            session=self.session_id, app=self._app, release=self._release, sdk=SDK, host=platform.node()[:256]
        )
        line.session = client_session(hello, now=self._loop.time())
        try:
            line.transport = await self._dial(url, self._access.token, line)
        except HubUnavailable:
            self._access = None  # the hub may have come back elsewhere
            raise
        line.flush()
        try:
            async with asyncio.timeout(_WELCOME_S):
                await line.welcomed
        except TimeoutError:
            line.transport.abort()
            raise HubUnavailable(url=url, reason=f"no welcome within {_WELCOME_S:g} s", remedy="Try again") from None
        return line

    def _drop_access(self, reason: str) -> None:
        access, self._access = self._access, None
        if access is not None:
            self._refuse(access.token, reason)

    def begin(self, line: _Line, welcome: Welcome) -> None:
        """Use a line from here on: the hub has said welcome on it."""
        if self.is_closed:
            line.transport.close()
            return
        self.welcome = welcome
        self.problem = ""
        self._line = line
        for role in self._roles:
            role.opened(welcome)
        self._end_turn()
        line.tick()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(welcome)
        self._waiting.clear()

    def _tell(self, failed: ArkitektError) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(failed)
        self._waiting.clear()

    def dispatch(self, line: _Line, messages: list[Message]) -> None:
        """Hand messages to the roles; a handler that breaks harms only its own message."""
        handlers = self._handlers
        for message in messages:
            handler = handlers.get(message.__class__)
            if handler is None:
                continue
            try:
                handler(message)
            except Exception as broken:
                context = {"message": f"arkitekt_next: handling {message.__class__.__name__}", "exception": broken}
                self._loop.call_exception_handler(context)
        self._end_turn()

    def cut(self) -> None:
        """Break the line as a network would; it comes back by itself. For tests and for those who moved networks."""
        if self._line is not None:
            self._line.transport.abort()

    def line_lost(self, line: _Line) -> None:
        """Note that a line is gone."""
        if self._line is line:
            self._line = None
            for role in self._roles:
                role.lost()
            self._end_turn()

    async def _close(self, reason: str) -> None:
        if self.is_closed:
            return
        line = self._line
        if line is not None:
            line.session.send(Goodbye(reason=reason))
            self._end_turn()
            line.transport.close()
        self._finish(HubUnavailable(url=self.url, reason="the connection was closed", remedy="Open a new one"))
        if line is not None:
            await asyncio.wait([line.gone], timeout=_WELCOME_S)
        if self._life is not None:
            self._life.cancel()

    def _finish(self, error: ArkitektError) -> None:
        self.is_closed = True
        self._stopped.set()
        self._tell(error)
        for role in self._roles:
            role.closed(error)

    def _forget(self) -> None:
        line, self._line = self._line, None
        self.is_closed = True
        if line is not None:
            line.transport.forget()


class _Line:
    """One websocket's worth of a connection."""

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._is_welcome = False
        self._timer: asyncio.TimerHandle | None = None
        self.session: Session
        self.transport: Transport
        self.welcomed: asyncio.Future[Welcome] = loop.create_future()
        self.gone: asyncio.Future[tuple[int, str]] = loop.create_future()

    def received(self, frame: str | bytes) -> None:
        try:
            messages = self.session.receive(frame, self._loop.time())
        except ArkitektError as broken:
            self.transport.close(_PROTOCOL_BROKEN, broken.message[:100])
            return
        if not self._is_welcome:
            messages = self._greet(messages)
        self._connection.dispatch(self, messages)

    def _greet(self, messages: list[Message]) -> list[Message]:
        first = messages[0] if messages else None
        if isinstance(first, Welcome):
            self._is_welcome = True
            self.session.lease_s, self.session.heartbeat_s = first.lease_s, first.heartbeat_s
            self._connection.begin(self, first)
            if not self.welcomed.done():
                self.welcomed.set_result(first)
            return messages[1:]
        if not self.welcomed.done():
            body = first.error if isinstance(first, (Goodbye, Unsupported)) else None
            problem = ProtocolError(where="welcome", problem="the hub did not say welcome")
            self.welcomed.set_exception(ArkitektError.from_json(body.model_dump()) if body else problem)
            self.transport.close()
        return []

    def writable(self) -> None:
        self.flush()

    def flush(self) -> None:
        """Send what is queued, as long as the socket takes it."""
        session, transport = self.session, self.transport
        while session.buffered_bytes and transport.is_writable:
            transport.send(session.next_frame(self._loop.time()))

    def tick(self) -> None:
        """Keep the heartbeat going; a silent hub is dropped."""
        if self.gone.done():
            return
        if not self.session.tick(self._loop.time()):
            self.transport.abort()
            return
        self.flush()
        self._timer = self._loop.call_later(self.session.next_tick_s, self.tick)

    def closed(self, code: int, reason: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self.welcomed.done():
            url = self._connection.url
            text = reason or f"it closed the connection with code {code or _ABNORMAL}"
            self.welcomed.set_exception(HubUnavailable(url=url, reason=text, remedy="Try again"))
            self.welcomed.exception()
        if not self.gone.done():
            self.gone.set_result((code, reason))
        self._connection.line_lost(self)


def process_token() -> str:
    """Make a name for this process that no other has, short enough to prefix references with."""
    return f"{os.getpid():x}.{uuid.uuid4().hex[:20]}"
