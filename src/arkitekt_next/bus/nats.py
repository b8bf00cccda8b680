"""The bus over NATS core subjects. Reconnects for ever; what is lost meanwhile is read from the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from arkitekt_next.bus.contract import Bus, Handler
from arkitekt_next.errors import HubUnavailable

_CONNECT_S = 5
_QUEUE = 10_000


class NatsBus(Bus):
    """One connection; publishing goes through a bounded queue, the oldest payload is dropped when it is full."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(_QUEUE)
        self._sender = asyncio.get_running_loop().create_task(self._send(), name="arkitekt-bus")

    @classmethod
    async def connect(cls, url: str) -> NatsBus:
        """Connect. Raises `HubUnavailable` when no server answers."""
        try:
            client = await nats.connect(
                url,
                connect_timeout=_CONNECT_S,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.5,
                allow_reconnect=True,
                error_cb=_ignore,
            )
        except (TimeoutError, OSError, nats.errors.Error) as error:
            raise HubUnavailable(
                url=url, reason=f"no NATS server: {error}", remedy="Start nats-server or drop bus_url"
            ) from error
        return cls(client)

    def publish(self, subject: str, payload: bytes) -> None:
        """Queue a payload."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait((subject, payload))

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Listen from now on: the server has confirmed it when this returns."""
        await self._client.subscribe(subject, cb=_calling(handler))
        await self._client.flush(timeout=_CONNECT_S)

    async def close(self) -> None:
        """Send what is queued and disconnect."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
        await asyncio.wait([self._sender], timeout=_CONNECT_S)
        self._sender.cancel()
        await self._client.close()

    async def _send(self) -> None:
        while True:
            item = await self._queue.get()
            if item is None:
                if self._client.is_connected:
                    await self._client.flush(timeout=_CONNECT_S)
                return
            try:
                await self._client.publish(*item)
            except nats.errors.Error:
                continue  # the connection is down: at most once is the contract


def _calling(handler: Handler) -> Callable[[Msg], Awaitable[None]]:
    async def call(message: Msg) -> None:
        handler(message.data)

    return call


async def _ignore(error: Exception) -> None:
    """Reconnecting is automatic; the hub's health shows the state."""
