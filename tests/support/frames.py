"""A relay between programs and a hub that measures what passes, the frames of websockets above all; it changes nothing.

Source of the framing: RFC 6455 §5.2.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Frames:
    """What passed: how many frames, the largest payload, and what was sent to the hub by other requests.

    `target` is where the hub is; it may be said later than the relay begins.
    """

    target: str = ""
    url: str = ""
    count: int = 0
    largest_bytes: int = 0
    sent_bytes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, size: int) -> None:
        """Count one frame."""
        with self.lock:
            self.count += 1
            self.largest_bytes = max(self.largest_bytes, size)

    def note_sent(self, size: int) -> None:
        """Count what a request that is no websocket's sends."""
        with self.lock:
            self.sent_bytes += size


class _Reader:
    """Follows one direction of a websocket connection through its bytes."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._buffer = bytearray()
        self._skip = 0
        self._is_open = False

    def feed(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            del self._buffer[: end + 4]
            self._is_open = True
        while self._step():
            pass

    def _step(self) -> bool:
        dropped = min(self._skip, len(self._buffer))
        del self._buffer[:dropped]
        self._skip -= dropped
        if self._skip or len(self._buffer) < 2:
            return False
        length, is_masked = self._buffer[1] & 0x7F, bool(self._buffer[1] & 0x80)
        extra = {126: 2, 127: 8}.get(length, 0)
        head = 2 + extra + (4 if is_masked else 0)
        if len(self._buffer) < head:
            return False
        size = int.from_bytes(self._buffer[2 : 2 + extra], "big") if extra else length
        self._frames.note(size)
        self._skip = head + size
        return True


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, see: Callable[[bytes], None]) -> None:
    try:
        while data := await reader.read(256 * 1024):
            see(data)
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


@contextmanager
def measured(url: str = "") -> Iterator[Frames]:
    """Serve a way to the hub at `url` that measures what takes it."""
    frames = Frames(target=url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = urlsplit(frames.target)
        try:
            first = await reader.read(64 * 1024)
            there_reader, there_writer = await asyncio.open_connection(target.hostname, target.port)
        except OSError:  # the hub is away, and so is the way to it
            writer.close()
            return
        if first.startswith(b"GET /ws"):
            up, down = _Reader(frames).feed, _Reader(frames).feed
        else:
            up, down = (lambda data: frames.note_sent(len(data))), (lambda data: None)
        up(first)
        there_writer.write(first)
        await asyncio.gather(_pipe(reader, there_writer, up), _pipe(there_reader, writer, down))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    frames.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield frames
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Let nothing go on that was begun: what is left waiting is complained of in whichever test runs by then."""
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
