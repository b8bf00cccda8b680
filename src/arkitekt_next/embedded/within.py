"""A hub in a thread of this process: for tests, notebooks and demos."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arkitekt_next.hub.server import ThreadedServer


@contextmanager
def serve(folder: Path | None = None, **settings: Any) -> Iterator[ThreadedServer]:
    """Serve a hub on 127.0.0.1 for as long as the block runs; without a folder its data goes when it ends.

    `settings` are fields of `HubSettings`. Gives the server: `.url`, `.folder`, `.stop()`. Raises `Conflict` when
    another hub runs over the folder.
    """
    from arkitekt_next.hub.core.config import HubSettings
    from arkitekt_next.hub.server import ThreadedServer

    if folder is None:
        with (
            tempfile.TemporaryDirectory(prefix="arkitekt-hub-") as temporary,
            serve(Path(temporary), **settings) as server,
        ):
            yield server
        return
    server = ThreadedServer(HubSettings.load(folder=folder, **settings)).start()
    try:
        yield server
    finally:
        server.stop()
