"""Events of a task as server-sent events, and waiting for an outcome: two more places where a reader's messages go.

Both are fed by `watch`, as websockets are: pushed, never polled; a stream that does not keep up is fed from the
database. The `id` of each event is its number, so a browser that reconnects goes on where it was.
Source: HTML Living Standard §9.2.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import TYPE_CHECKING

from starlette.responses import Response

from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.core.telemetry import log
from arkitekt_next.wire.codec import encode, loads
from arkitekt_next.wire.messages import Outcome

from . import watch

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.wire.messages import Message

    from .board import Board
    from .live import LiveTask

STREAM_LIMIT = 1000
PERSON_STREAM_LIMIT = 200
"""One person's; others find room beside whoever opens as many as they can."""
_CHUNK_BYTES = 64 * 1024
_HEAD = re.compile(r'\{"kind": ?"(\w+)", ?"task": ?"[^"]*", ?"number": ?(\d+)')
_NO_WINDOW = 2**62


class EventStream(Response):
    """A response that lasts until the task has ended, or the client or the hub leaves."""

    media_type = "text/event-stream"

    def __init__(self, board: Board, who: Principal, task: str, *, after: int) -> None:
        if len(board.streams) >= STREAM_LIMIT:
            raise HubBusy(reason=f"{len(board.streams)} event streams are open", retry_after_s=30)
        mine = sum(stream.who.person == who.person for stream in board.streams)
        if mine >= PERSON_STREAM_LIMIT:
            raise HubBusy(reason=f"{mine} event streams of yours are open", retry_after_s=30)
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.readers: dict[str, watch.Reader] = {}
        self.who: Principal = who
        self._board = board
        self._heartbeat_s = board.settings.heartbeat_s
        self._limit_bytes = board.settings.reader_limit_bytes
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._wake = asyncio.Event()
        self._is_over = False
        self._reader = watch.Reader(self, who.team, task, _NO_WINDOW, told=after)

    @property
    def has_room(self) -> bool:
        """Whether it takes more just now."""
        return self._buffered_bytes < self._limit_bytes

    def send(self, message: Message) -> None:
        """Queue a message."""
        self.send_text(encode(message))

    def send_text(self, text: str) -> None:
        """Queue a message that is already written."""
        head = _HEAD.match(text)
        kind, number = (head[1], head[2]) if head is not None else ("event", "0")
        lines = [f"event: {kind}", f"data: {text}", "", ""]
        if number != "0":
            lines.insert(0, f"id: {number}")
        chunk = "\n".join(lines).encode()
        self._chunks.append(chunk)
        self._buffered_bytes += len(chunk)
        self._is_over = self._is_over or kind == "outcome"
        self._wake.set()

    def close(self) -> None:
        """End the response when what waits has been sent."""
        self._is_over = True
        self._wake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events for as long as it lasts."""
        self._board.streams.add(self)
        watch.attach(self._board, self._reader)
        try:
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(self._leave(receive))
                try:
                    await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                    if await self._pump(send):
                        await send({"type": "http.response.body", "body": b"", "more_body": False})
                finally:
                    leaving.cancel()
        finally:
            self._board.streams.discard(self)
            watch.detach(self._board, self._reader)

    async def _leave(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._chunks.clear()
        self.close()

    async def _pump(self, send: Send) -> bool:
        """Send until it is over; False when the client took nothing for too long, and the server has to cut it off."""
        self._chunks.appendleft(b"retry: 1000\n\n")
        while True:
            chunk = self._take()
            if not chunk:
                if self._is_over:
                    return True
                chunk = await self._await_news()
            if chunk:
                try:
                    async with asyncio.timeout(self._board.settings.reader_patience_s):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except TimeoutError:
                    self._board.metrics.dropped.inc()
                    log.warning("reader of an event stream too slow", task=self._reader.task)
                    return False
            if not self._chunks:
                watch.resume(self._board, self._reader)

    def _take(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while self._chunks and size < _CHUNK_BYTES:
            part = self._chunks.popleft()
            parts.append(part)
            size += len(part)
        self._buffered_bytes = max(0, self._buffered_bytes - size)
        return b"".join(parts)

    async def _await_news(self) -> bytes:
        """Wait for something to send; give a comment that keeps the connection alive when nothing comes for a while."""
        self._wake.clear()
        try:
            async with asyncio.timeout(self._heartbeat_s):
                await self._wake.wait()
        except TimeoutError:
            return b": still here\n\n"
        return b""


class Patience:
    """Somebody who waits for one outcome and nothing else."""

    has_room = True

    def __init__(self) -> None:
        self.readers: dict[str, watch.Reader] = {}
        self._outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def send(self, message: Message) -> None:
        """Take the outcome."""
        if isinstance(message, Outcome) and not self._outcome.done():
            self._outcome.set_result(message.model_copy())

    def send_text(self, text: str) -> None:
        """Take the outcome, already written."""
        raw = loads(text)
        if raw["kind"] == "outcome":
            self.send(Outcome.model_validate(raw))

    def listen(self, task: LiveTask) -> None:
        """Be told of the end of a task that is live here."""
        reader = watch.Reader(self, task.team, task.id, _NO_WINDOW, wants_all=False)
        self.readers[task.id] = reader
        task.readers.append(reader)

    async def wait(self, board: Board, seconds: float) -> Outcome | None:
        """Give the outcome, or None when it did not come in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._outcome
        except TimeoutError:
            return None
        finally:
            for reader in list(self.readers.values()):
                watch.detach(board, reader)
