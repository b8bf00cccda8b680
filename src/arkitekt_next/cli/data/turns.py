"""One command after the other: content is not stored twice by two of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from arkitekt_next.cli import output

_LONGEST_WAIT_S = 24 * 3600.0
_SAID_AFTER_S = 1.0


@contextmanager
def taking_turns(hub: str, sha256: str) -> Iterator[None]:
    """Wait for other commands of this machine that store the same content at the same hub, and say so."""
    import hashlib

    from arkitekt_next.platform import FileLock, state_folder

    mark = hashlib.sha256(f"{hub}\0{sha256}".encode()).hexdigest()[:3]  # few files, though others wait now and then
    lock = FileLock(state_folder() / "storing" / f"{mark}.lock")
    try:
        lock.acquire(_SAID_AFTER_S)
    except TimeoutError:
        output.note("Another command is storing this just now. Waiting for it.")
        lock.acquire(_LONGEST_WAIT_S)
    try:
        yield
    finally:
        lock.release()
