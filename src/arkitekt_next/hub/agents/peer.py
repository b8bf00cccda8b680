"""One open websocket on the hub's side: what waits to be sent, what was acknowledged, whom it speaks for.

Everything one loop turn produced goes out as one frame. The rule: what waits for a reader is bounded by the readers'
own accounting (`watch`), and one that takes nothing for too long is disconnected.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.websockets import WebSocketDisconnect

from arkitekt_next.hub.core.ids import monotonic
from arkitekt_next.hub.tasks import watch
from arkitekt_next.wire.messages import Ack
from arkitekt_next.wire.session import hub_session

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.catalog.providers import Agent
    from arkitekt_next.hub.tasks.watch import Reader, Unsaid
    from arkitekt_next.wire.messages import Hello, Message

_ACCEPT_DELAY_S = 0.05
_ACK_DELAY_S = 0.005
HARD_LIMIT_BYTES = 8 * 1024 * 1024


class Peer:
    """A connection. `speaks_for` maps the agents it reports for to whether it merely inherited them."""

    def __init__(self, id: str, websocket: WebSocket, principal: Principal, *, reader_limit_bytes: int) -> None:
        self.id = id
        self.principal = principal
        self.reader_limit_bytes = reader_limit_bytes
        self.session = hub_session(now=monotonic())
        self.hello: Hello | None = None
        self.agent: Agent | None = None
        self.speaks_for: dict[Agent, bool] = {}
        self.readers: dict[str, Reader] = {}
        self.has_left = False
        self.under_way = 0
        self.under_check = 0
        self.providing = asyncio.Lock()
        self.close_code: int | None = None
        self.stuck_since: float | None = None
        self._websocket = websocket
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._heard = 0
        self._acknowledged = 0
        self._is_ack_due = False
        self._held_back: list[Reader] = []

    @property
    def has_room(self) -> bool:
        """Whether little enough waits for this connection that readers may be fed from memory."""
        return self.session.buffered_bytes < self.reader_limit_bytes

    def send(self, message: Message) -> None:
        """Queue a message."""
        self.session.send(message)
        self._wake.set()

    def send_text(self, text: str) -> None:
        """Queue a message that is already written."""
        self.session.send_text(text)
        self._wake.set()

    def wake(self) -> None:
        """Send what the session queued by itself."""
        self._wake.set()

    def acknowledge(self, seq: int) -> None:
        """Tell the agent that everything up to `seq` is on disk: with the next frame to it, or in a moment."""
        if seq > self._heard:
            self._heard = seq
            if not self._is_ack_due:
                self._is_ack_due = True
                self._loop.call_later(_ACK_DELAY_S, self._ack_is_due)

    def _ack_is_due(self) -> None:
        self._is_ack_due = False
        if self._heard > self._acknowledged:
            self._wake.set()

    def hold_back(self, reader: Reader, accepted: Unsaid) -> None:
        """Send an `accepted` in a moment, unless the outcome is faster."""
        reader.pending = accepted
        if not self._held_back:
            self._loop.call_later(_ACCEPT_DELAY_S, self._accept_all)
        self._held_back.append(reader)

    def _accept_all(self) -> None:
        held, self._held_back = self._held_back, []
        for reader in held:
            watch.accept(reader)

    async def pump(self, on_drained: Any) -> None:
        """Send for as long as the connection lives; `on_drained` is called whenever everything went out."""
        send = self._websocket.send_text
        session = self.session
        while self.close_code is None:
            await self._wake.wait()
            self._wake.clear()
            while self.close_code is None:
                if self._heard > self._acknowledged:
                    self._acknowledged = self._heard
                    session.send(Ack(seq=self._heard))
                frame = session.next_frame(monotonic())
                if not frame:
                    break
                self.stuck_since = self.stuck_since or monotonic()
                try:
                    await send(frame)
                except RuntimeError as refused:  # so uvicorn says that the other side has closed a moment ago
                    if "close" not in str(refused):
                        raise
                    raise WebSocketDisconnect(1006) from refused
                self.stuck_since = None
            if self.readers:
                on_drained(self)

    def close(self, code: int) -> None:
        """Ask for the connection to be closed."""
        if self.close_code is None:
            self.close_code = code
            self._wake.set()

    def is_stuck(self, now: float, patience_s: float) -> bool:
        """Whether it has taken nothing for too long, or far too much waits for it."""
        if self.session.buffered_bytes > HARD_LIMIT_BYTES:
            return True
        return self.stuck_since is not None and now - self.stuck_since > patience_s
