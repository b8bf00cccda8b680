"""What an app stores at its hub, and reads there: items made, written by S3 and committed, in one go.

The rule: an item that could not be written to its end is given up, so that nobody ever meets half of one.
"""

from __future__ import annotations

import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import ArkitektError, HubUntrusted, InvalidValue
from arkitekt_next.ports.acting import ItemStore
from arkitekt_next.ports.holders import OURS
from arkitekt_next.sdk.run import CURRENT
from arkitekt_next.sdk.trust import is_pinned

from .grants import Grant, Grants
from .requests import Connections, Requests

if TYPE_CHECKING:
    from arkitekt_next.sdk.session import Session

    from .containers import Packed
    from .objects import Objects
    from .progress import Progress

Record = dict[str, Any]
"""An item as the hub's REST face shows it."""
Fill = Callable[["Objects"], Mapping[str, Any]]
"""Writes the objects of an item and gives the metadata it is committed with."""

_COMMIT_S = 60.0
AT_ONCE_BYTES = 640 * 1024
"""What goes with the request that makes an item: with base64 it stays below the hub's limit of 1 MiB for a body."""


class HubItems(ItemStore):
    """The items of one hub, for one app. Everything but `put` and `get` blocks, and may be used from any thread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.grants = Grants(session)
        self._connections = Connections()

    def close(self) -> None:
        """Let go of the connections to the store; what is read later opens new ones."""
        self._connections.close()

    async def put(self, value: Any, identifier: str) -> str:
        """Store a value of a call as an unnamed item, or give the id of what is stored already."""
        return await asyncio.to_thread(self._put, value, identifier)

    async def get(self, id: str, holder: str) -> Any:
        """Fetch an item into the class of this qualified name. Raises `NotFound`, `InvalidValue` for another kind."""
        return await asyncio.to_thread(self._get, id, holder)

    def _put(self, value: Any, identifier: str) -> str:
        from .containers import kind_of, packed, writer_of

        stored = getattr(value, "id", None) if identifier in OURS and _is_ours(value) else None
        if isinstance(stored, str):
            return stored
        kind = kind_of(identifier)
        wanted = {"kind": kind, "name": "value", "is_temporary": True}
        if kind == "file" and isinstance(value, os.PathLike):
            return str(self.write_file(wanted, Path(value))["id"])
        if (small := packed(value, kind)) is not None and small.size_bytes <= AT_ONCE_BYTES:
            return str(self._write_at_once(wanted, small)["id"])
        return str(self.write(wanted, writer_of(value, kind) if small is None else small.put)["id"])

    def _get(self, id: str, holder: str) -> Any:
        from .containers import reader_of

        record = self.record(id)
        return reader_of(holder, record)(self, record)

    def record(self, id: str) -> Record:
        """Ask for what is known of an item. Raises `NotFound`."""
        return self.session.ask("GET", f"/api/items/{id}")

    def write(self, wanted: Mapping[str, Any], fill: Fill) -> Record:
        """Make an item, let `fill` write it, and commit it; inside a task it is made for that task."""
        body = for_this_task(wanted)
        made = self.session.ask("POST", "/api/items", body)
        id = str(made["item"]["id"])
        try:
            meta = fill(self._open(self.grants.taken(made["grant"]), lambda: self.grants.to_write(id)))
            return self.commit(id, meta)
        except BaseException:
            with suppress(ArkitektError):
                self.session.ask("DELETE", f"/api/items/{id}")
            raise

    def _write_at_once(self, wanted: Mapping[str, Any], small: Packed) -> Record:
        objects = {key: b64encode(data).decode("ascii") for key, data in small.objects.items()}
        body = {**for_this_task(wanted), "meta": small.meta, "objects": objects}
        record: Record = self.session.ask("POST", "/api/items", body)["item"]
        return record

    def write_file(self, wanted: Mapping[str, Any], path: Path, progress: Progress | None = None) -> Record:
        """Store a file as an item; a large one goes in parts, and on from where it was stopped."""
        from . import files, resuming

        name = files.checked(path).name
        if path.stat().st_size <= resuming.PART_BYTES:
            return self.write(wanted, lambda objects: files.write(objects, path, progress))
        return resuming.save(self, for_this_task(wanted), path, name, files.type_of(name), progress)

    def commit(self, id: str, meta: Mapping[str, Any]) -> Record:
        """Commit what was written of an item; asked again while the hub is away, since twice is as good as once."""
        deadline = time.monotonic() + _COMMIT_S
        while True:
            try:
                return self.session.ask("POST", f"/api/items/{id}/commit", {"meta": dict(meta)})
            except HubUntrusted:
                raise
            except ConnectionError:  # committing it once more changes nothing
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def open(self, id: str) -> Objects:
        """Open the objects of an item for reading; the right is renewed while it is used."""
        return self._open(self.grants.to_read(id), lambda: self.grants.to_read(id))

    def requests(self, first: Grant, renew: Callable[[], Grant]) -> Requests:
        """Give the means to make single requests about the objects that a grant reaches."""
        return Requests(first, renew, self._connections)

    def _open(self, first: Grant, renew: Callable[[], Grant]) -> Objects:
        if is_pinned(first.endpoint):
            from .pinned import PinnedObjects

            return PinnedObjects(self.requests(first, renew))
        from .s3 import S3Objects

        return S3Objects(first, renew)


def for_this_task(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Say, of a new item, which task it is made in, if any."""
    run = CURRENT.get()
    return {**wanted, "task": run.task} if run is not None else dict(wanted)


def _is_ours(value: Any) -> bool:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}" in OURS.values()


def refuse_kind(record: Record, wanted: str) -> InvalidValue:
    """Say that an item is not what a function wants."""
    return InvalidValue(where=f"item {record['id']}", expected=wanted, got=f"{record['kind']} '{record['name']}'")
