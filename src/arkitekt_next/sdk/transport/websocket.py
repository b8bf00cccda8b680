"""Frames over a websocket: the sans-I/O core of `websockets` on a plain asyncio protocol.

`websockets.asyncio.client` would do, but gives every frame a queue, a future and a task switch; here a frame is a
callback. The rule: nothing is buffered here beyond what the socket itself holds back.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from arkitekt_next.errors import HubUnavailable, NotAuthenticated, ProtocolError
from arkitekt_next.sdk.trust import context_for, untrusted
from arkitekt_next.wire.messages import FRAME_LIMIT_BYTES, SUBPROTOCOL

from . import Receiver, Transport

_OPEN_S = 10.0
_CLOSE_S = 3.0
_ABNORMAL = 1006
_START_HUB = "Start one with 'arkitekt-next hub start', or name another address with url= or ARKITEKT_URL"


async def dial(url: str, token: str, receiver: Receiver) -> Transport:
    """Open a websocket to the hub at `url` (http or https)."""
    address = "ws" + url.removeprefix("http").rstrip("/") + "/ws"
    uri = parse_uri(address)
    loop = asyncio.get_running_loop()
    context = await loop.run_in_executor(None, context_for, url) if uri.secure else None

    def make() -> WebsocketTransport:
        protocol = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=4 * FRAME_LIMIT_BYTES)
        return WebsocketTransport(loop, protocol, token, receiver)

    try:
        async with asyncio.timeout(_OPEN_S):
            _, transport = await loop.create_connection(make, uri.host, uri.port, ssl=context)
            await transport.opened
    except TimeoutError:
        raise HubUnavailable(url=url, reason=f"no answer within {_OPEN_S:g} s", remedy=_START_HUB) from None
    except InvalidStatus as refused:
        if refused.response.status_code == 401:
            raise NotAuthenticated(reason="the hub does not accept the token", remedy="Sign in again") from refused
        raise HubUnavailable(url=url, reason=str(refused), remedy=_START_HUB) from refused
    except InvalidHandshake as refused:
        raise ProtocolError(where=url, problem=f"this is no hub: {refused}") from refused
    except ssl.SSLCertVerificationError as doubted:
        raise untrusted(url, doubted) from doubted
    except OSError as failed:
        raise HubUnavailable(url=url, reason=failed.strerror or str(failed), remedy=_START_HUB) from failed
    if transport.subprotocol != SUBPROTOCOL:
        transport.abort()
        raise ProtocolError(where=url, problem=f"expected the subprotocol {SUBPROTOCOL}, got {transport.subprotocol}")
    return transport


class WebsocketTransport(asyncio.Protocol, Transport):
    """One websocket; `opened` is done when the handshake is."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, protocol: ClientProtocol, token: str, receiver: Receiver
    ) -> None:
        self.opened: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._protocol = protocol
        self._token = token
        self._receiver = receiver
        self._socket: asyncio.Transport | None = None
        self._write: Callable[[bytes], None] = _nowhere
        self._is_writable = True
        self._is_lost = False
        self._parts: list[bytes] = []
        self._closing: asyncio.TimerHandle | None = None

    @property
    def subprotocol(self) -> str | None:
        """What the hub chose to speak."""
        return self._protocol.subprotocol

    @property
    def is_writable(self) -> bool:
        return self._is_writable

    def send(self, frame: str) -> None:
        protocol = self._protocol
        if protocol.state is State.OPEN:
            protocol.send_text(frame.encode())
            for data in protocol.data_to_send():
                self._write(data)

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(code, reason)
            self._send_pending()
        if self._closing is None:
            self._closing = self._loop.call_later(_CLOSE_S, self.abort)

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    def forget(self) -> None:
        handle = self._socket.get_extra_info("socket") if self._socket is not None else None
        if handle is not None:
            with suppress(OSError):
                os.close(handle.fileno())

    # -- called by asyncio ---------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._socket = transport
        self._write = transport.write
        request = self._protocol.connect()
        request.headers["Authorization"] = f"Bearer {self._token}"
        self._protocol.send_request(request)
        self._send_pending()

    def data_received(self, data: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(data)
        self._send_pending()
        for event in protocol.events_received():
            if event.__class__ is Frame:
                self._take(event)
            elif isinstance(event, Response):
                self._answered()
        if protocol.state is not State.OPEN and protocol.close_expected() and self._closing is None:
            self._closing = self._loop.call_later(_CLOSE_S, self.abort)

    def _answered(self) -> None:
        if self.opened.done():
            return
        failed = self._protocol.handshake_exc
        if failed is None:
            self.opened.set_result(None)
        else:
            self.opened.set_exception(failed)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._receiver.received(bytes(frame.data))
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._parts.append(bytes(frame.data))
            if frame.fin:
                whole, self._parts = b"".join(self._parts), []
                self._receiver.received(whole)

    def _send_pending(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._write(data)
            elif self._socket is not None:
                with suppress(OSError, RuntimeError):
                    self._socket.write_eof() if self._socket.can_write_eof() else self._socket.close()

    def eof_received(self) -> None:
        self._protocol.receive_eof()
        self._send_pending()

    def pause_writing(self) -> None:
        self._is_writable = False

    def resume_writing(self) -> None:
        self._is_writable = True
        self._receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self._write = _nowhere
        with suppress(Exception):
            self._protocol.receive_eof()
        if self._closing is not None:
            self._closing.cancel()
        if not self.opened.done():
            reason = self._protocol.handshake_exc or exc or ConnectionError("the connection was closed at once")
            self.opened.set_exception(reason)
            return
        code, reason_text = self._protocol.close_code, self._protocol.close_reason
        self._receiver.closed(code or _ABNORMAL, reason_text or "")


def _nowhere(data: bytes) -> None:
    """Take what is written after the end."""
