"""Where operating systems differ: folders, private files, file locks, the event loop.

Everything else leaves `fcntl`, `msvcrt`, file modes, `os.name` and uvloop to this module. The rule: a file written by
`write_private` is never visible half written, nor to another user.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

IS_WINDOWS = os.name == "nt"

HUB_FOLDER = "ARKITEKT_HUB_FOLDER"
STATE_FOLDER = "ARKITEKT_STATE_FOLDER"


def hub_folder() -> Path:
    """Give the folder of this user's embedded hub; it need not exist."""
    return _folder(HUB_FOLDER, "hub")


def state_folder() -> Path:
    """Give the folder in which this user's clients keep outboxes and credentials; it need not exist."""
    return _folder(STATE_FOLDER, "state")


def _folder(variable: str, name: str) -> Path:
    chosen = os.environ.get(variable)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("arkitekt-next", appauthor=False)) / name


def make_private_folder(path: Path) -> Path:
    """Make a folder, parents included, that only this user can enter."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file at once (never half written), readable by this user only."""
    make_private_folder(path.parent)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def make_private_file(path: Path) -> None:
    """Let only this user read and write a file, which is made if it is not there; one of somebody else's stays so."""
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        path.chmod(0o600)


class FileLock:
    """An advisory lock on a file between processes; it is freed when its holder dies.

    The file itself stays: removing it would let two holders lock two different files of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._handle is not None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; give whether it is held now."""
        if self._handle is not None:
            return True
        make_private_folder(self._path.parent)
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if not _lock(handle):
            os.close(handle)
            return False
        self._handle = handle
        return True

    def acquire(self, timeout_s: float) -> None:
        """Wait for the lock; raise `TimeoutError` when it isn't free in time."""
        deadline = time.monotonic() + timeout_s
        while not self.try_acquire():
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{self._path} is still locked by another process after {timeout_s} s")
            time.sleep(0.02)

    def release(self) -> None:
        """Give the lock back; nothing happens when it isn't held."""
        handle, self._handle = self._handle, None
        if handle is not None:
            _unlock(handle)
            os.close(handle)

    def abandon(self) -> None:
        """Forget the lock without freeing it: in a forked child it belongs to the parent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def __enter__(self) -> Self:
        self.acquire(10.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


def claim_port(bound: socket.socket) -> None:
    """Let nobody else listen where this socket is about to; a port that was in use just now is no hindrance."""
    if IS_WINDOWS:  # SO_REUSEADDR means there that anybody may take the port over
        bound.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", 0), 1)
    else:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop, uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def install_uvloop() -> bool:
    """Make uvloop the loop of `asyncio.run` from here on; give whether it is installed."""
    try:
        import uvloop
    except ImportError:
        return False
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    return True
