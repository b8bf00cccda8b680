"""Blobs as files in a folder. Reading, writing and hashing run in threads, in steps of 1 MiB."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from arkitekt_next.errors import StorageFull
from arkitekt_next.platform import IS_WINDOWS, make_private_folder

from .blobs import Blob, Blobs, path_of, refuse_changed, turn
from .contract import OBJECT_LIMIT_BYTES, Gone, Mismatch

T = TypeVar("T")

STEP_BYTES = 1024 * 1024
WRITERS = 16
READERS = 32
_THREADS = 8
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


class FolderBlobs(Blobs):
    """The files of one folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), called=str(folder), writers=WRITERS, readers=READERS)
        self._folder = make_private_folder(folder)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="arkitekt-blobs")

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run something in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    async def close(self) -> None:
        """Let the threads end once they have done what they were given."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def write(self, body: AsyncIterator[bytes], *, digest: str | None = None) -> Blob:
        """Write a file."""
        async with turn(self._writers):
            draft = await self._open_draft()
            try:
                blob = await self._fill(draft, body)
                refuse_changed(blob, digest)
                return blob
            except BaseException:
                self._discard(draft)
                raise

    async def _fill(self, draft: _Draft, body: AsyncIterator[bytes]) -> Blob:
        waiting: list[bytes] = []
        waiting_bytes = 0
        step: asyncio.Future[None] | None = None
        async for data in body:
            waiting.append(data)
            waiting_bytes += len(data)
            if waiting_bytes >= STEP_BYTES:
                if step is not None:
                    await self._checked(step)
                step = asyncio.ensure_future(self.run(draft.write, waiting))
                waiting, waiting_bytes = [], 0
        if step is not None:
            await self._checked(step)
        return await self._checked(self.run(draft.finish, waiting))

    async def write_all(self, contents: Sequence[bytes]) -> list[Blob]:
        """Write small files, in one go."""
        async with turn(self._writers):
            shard = secrets.token_hex(1)  # all in one folder, which is one folder to bring to the disk
            names = [self.new_name(shard) for _ in contents]
            writing = asyncio.ensure_future(self._checked(self.run(self._write_all, names, contents)))
            try:
                return await asyncio.shield(writing)
            except BaseException:
                await asyncio.shield(self._give_up(writing, names))
                raise

    def _write_all(self, names: Sequence[str], contents: Sequence[bytes]) -> list[Blob]:
        blobs = []
        for name, data in zip(names, contents, strict=True):
            draft = _Draft(name, self.path_of(name))
            try:
                blobs.append(draft.finish([data]))
            except OSError:
                draft.discard()
                raise
        self._sync(names)
        return blobs

    async def _give_up(self, writing: asyncio.Future[list[Blob]], names: Sequence[str]) -> None:
        await asyncio.wait([writing])
        await self.remove(names)

    async def _open_draft(self) -> _Draft:
        name = self.new_name()
        try:
            return await self._checked(self.run(_Draft, name, self.path_of(name)))
        except BaseException:
            self.in_flight.discard(name)
            raise

    async def join(self, names: Sequence[str]) -> Blob:
        """Write a file of the bytes of others."""
        async with turn(self._writers):
            draft = await self._open_draft()
            try:
                for name in names:
                    await self._checked(self.run(draft.append, self.path_of(name)))
                return await self._checked(self.run(draft.finish, []))
            except BaseException:
                self._discard(draft)
                raise

    def _discard(self, draft: _Draft) -> None:
        """Drop what was not finished, in a thread, after the step that may be running in another."""
        loop = asyncio.get_running_loop()
        try:
            future = self._pool.submit(draft.discard)
        except RuntimeError:  # the store is being closed
            draft.discard()
            self.in_flight.discard(draft.name)
            return

        def settle(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed, and the set of no use
                loop.call_soon_threadsafe(self.in_flight.discard, draft.name)

        future.add_done_callback(settle)

    async def _checked(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except OSError as error:
            if error.errno in _FULL:
                raise StorageFull(reason=error.strerror, folder=str(self._folder)) from error
            if error.errno == errno.ENOENT:
                name = Path(str(error.filename)).name  # not where it lies, which is nobody's business
                raise Gone(what="object", name=name, remedy="Somebody has just removed it") from error
            raise

    async def remove(self, names: Iterable[str]) -> int:
        """Remove files."""
        names = list(names)
        count = await self.run(self._remove, names) if names else 0
        self.in_flight.difference_update(names)
        return count

    def _remove(self, names: Sequence[str]) -> int:
        count = 0
        for name in names:
            with suppress(OSError):  # what is open on Windows, or gone already: the sweep looks again
                self.path_of(name).unlink()
                count += 1
        return count

    async def read(self, name: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """Give a range of a file in steps, reading the next one while the last is being sent."""
        async with turn(self._readers):
            file: BinaryIO = await self._checked(self.run(_open_at, self.path_of(name), start))
            left = stop - start
            step = self._pool.submit(_read, file, min(STEP_BYTES, left))
            try:
                while left > 0:
                    data = await asyncio.wrap_future(step)
                    if not data:
                        raise OSError(errno.EIO, "the file is shorter than its row says", name)
                    left -= len(data)
                    step = self._pool.submit(_read, file, min(STEP_BYTES, left))
                    yield data
            finally:
                step.add_done_callback(lambda _: file.close())

    async def sync(self, names: Sequence[str]) -> None:
        """Bring files and the folders they lie in to the disk."""
        await self._checked(self.run(self._sync, names))

    def _sync(self, names: Sequence[str]) -> None:
        folders = {self.path_of(name).parent for name in names}
        for name in names:
            with self.path_of(name).open("r+b") as file:
                os.fsync(file.fileno())
        if not IS_WINDOWS:
            for folder in (*folders, self._folder, self._folder.parent):
                _sync_folder(folder)

    async def list_old(self, *, older_than_s: float, at_most: int) -> AsyncIterator[set[str]]:
        """Give the names of files that are old."""
        before = time.time() - older_than_s
        batch: set[str] = set()
        for shard in await self.run(lambda: sorted(self._folder.iterdir())):
            batch |= await self.run(_names_in, shard, before)
            if len(batch) >= at_most:
                yield batch - self.in_flight
                batch = set()
        if batch:
            yield batch - self.in_flight

    def path_of(self, name: str) -> Path:
        """Give where a file lies."""
        return self._folder / path_of(name)


class _Draft:
    """A file that is being written. All of it runs in threads; the lock keeps one step after the other."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self._path = path
        self._lock = threading.Lock()
        self._digest = hashlib.sha256()
        self._size = 0
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        self._file: BinaryIO | None = os.fdopen(handle, "wb", buffering=0)

    def write(self, parts: Sequence[bytes]) -> None:
        with self._lock:
            for part in parts:
                self._write(part)

    def append(self, path: Path) -> None:
        with path.open("rb", buffering=0) as source:
            while data := source.read(STEP_BYTES):
                with self._lock:
                    self._write(data)

    def _write(self, data: bytes) -> None:
        if self._file is None:
            raise OSError(errno.ECANCELED, "the upload was given up")
        if self._size + len(data) > OBJECT_LIMIT_BYTES:
            problem = f"expected at most {OBJECT_LIMIT_BYTES} bytes, got more. Write it as several objects"
            raise Mismatch(where="body", problem=problem, reason="size")
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._size += len(data)

    def finish(self, parts: Sequence[bytes]) -> Blob:
        self.write(parts)
        with self._lock:
            assert self._file is not None
            self._file.close()
            return Blob(self.name, self._size, self._digest.hexdigest())

    def discard(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None
            with suppress(OSError):
                self._path.unlink()


def _open_at(path: Path, start: int) -> BinaryIO:
    file = path.open("rb", buffering=0)
    file.seek(start)
    return file


def _read(file: BinaryIO, size: int) -> bytes:
    return file.read(size) if size else b""


def _names_in(shard: Path, before: float) -> set[str]:
    return set(_old_names(shard, before)) if shard.is_dir() else set()


def _old_names(shard: Path, before: float) -> Iterator[str]:
    for entry in os.scandir(shard):
        with suppress(OSError):
            if entry.stat().st_mtime <= before:
                yield entry.name


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
