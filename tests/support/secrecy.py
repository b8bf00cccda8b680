"""Watches over a whole run that no secret a hub has given out lies in its folder: database, log, backups, whatever.

Every secret that is made in this process is remembered; when a hub of it stops, all its files are searched for them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SECRET_BYTES = 32
KEPT_ON_PURPOSE = frozenset({"local.key", "master.key", "key.pem"})


class Secrecy:
    """What was given out, and how much was searched."""

    def __init__(self) -> None:
        self.secrets: list[str] = []
        self.files = 0
        self.size_bytes = 0
        self.found: list[str] = []

    def search(self, folder: Path, since: int = 0) -> None:
        """Search every file of a folder for the secrets that were made since."""
        wanted = [secret.encode() for secret in self.secrets[since:]]
        for path in sorted(folder.rglob("*")) if wanted else ():
            if not path.is_file() or path.name in KEPT_ON_PURPOSE:
                continue
            data = path.read_bytes()
            self.files += 1
            self.size_bytes += len(data)
            for secret in wanted:
                if secret in data:
                    self.found.append(f"{path.name} holds {secret.decode()[:6]}…")


@contextmanager
def watching() -> Iterator[Secrecy]:
    """Remember secrets, and search the folder of every hub that stops in this process."""
    from arkitekt_next.hub.accounts.keys import Keys
    from arkitekt_next.hub.server import ThreadedServer

    secrecy, began = Secrecy(), dict[int, int]()
    make, sign, start, stop = secrets.token_urlsafe, Keys.sign, ThreadedServer.start, ThreadedServer.stop

    def made(nbytes: int | None = None) -> str:
        text = make(nbytes)
        if nbytes == SECRET_BYTES:
            secrecy.secrets.append(text)
        return text

    async def signed(self: Keys, claims: dict[str, Any]) -> str:
        text = await sign(self, claims)
        secrecy.secrets.append(text)
        return text

    def started(self: ThreadedServer, *arguments: Any, **options: Any) -> ThreadedServer:
        began[id(self)] = len(secrecy.secrets)
        return start(self, *arguments, **options)

    def stopped(self: ThreadedServer) -> None:
        stop(self)
        secrecy.search(self.folder, began.pop(id(self), 0))

    secrets.token_urlsafe, Keys.sign = made, signed  # type: ignore[method-assign]
    ThreadedServer.start, ThreadedServer.stop = started, stopped  # type: ignore[method-assign]
    try:
        yield secrecy
    finally:
        secrets.token_urlsafe, Keys.sign = make, sign  # type: ignore[method-assign]
        ThreadedServer.start, ThreadedServer.stop = start, stop  # type: ignore[method-assign]
