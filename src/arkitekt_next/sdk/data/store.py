"""What an app stores at its hub, and reads there: items made, written by S3 and committed, in one go.

The rule: an item that could not be written to its end is given up, so that nobody ever meets half of one.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import ArkitektError, InvalidValue
from arkitekt_next.ports.acting import ItemStore
from arkitekt_next.ports.holders import OURS
from arkitekt_next.sdk.run import CURRENT

from .grants import Grant, Grants
from .outages import translated

if TYPE_CHECKING:
    from obstore.store import S3Store

    from arkitekt_next.sdk.session import Session

    from .progress import Progress

Record = dict[str, Any]
"""An item as the hub's REST face shows it."""
Fill = Callable[["S3Store"], Mapping[str, Any]]
"""Writes the objects of an item and gives the metadata it is committed with."""

_COMMIT_S = 60.0


class HubItems(ItemStore):
    """The items of one hub, for one app. Everything but `put` and `get` blocks, and may be used from any thread."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.grants = Grants(session)

    async def put(self, value: Any, identifier: str) -> str:
        """Store a value of a call as an unnamed item, or give the id of what is stored already."""
        return await asyncio.to_thread(self._put, value, identifier)

    async def get(self, id: str, holder: str) -> Any:
        """Fetch an item into the class of this qualified name. Raises `NotFound`, `InvalidValue` for another kind."""
        return await asyncio.to_thread(self._get, id, holder)

    def _put(self, value: Any, identifier: str) -> str:
        from .containers import kind_of, writer_of

        stored = getattr(value, "id", None) if identifier in OURS and _is_ours(value) else None
        if isinstance(stored, str):
            return stored
        kind = kind_of(identifier)
        wanted = {"kind": kind, "name": "value", "is_temporary": True}
        if kind == "file" and isinstance(value, os.PathLike):
            return str(self.write_file(wanted, Path(value))["id"])
        return str(self.write(wanted, writer_of(value, kind))["id"])

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
            grant = Grant(**made["grant"])
            with translated(grant):
                meta = fill(self._open(grant, lambda: self.grants.to_write(id)))
            return self.commit(id, meta)
        except BaseException:
            with suppress(ArkitektError):
                self.session.ask("DELETE", f"/api/items/{id}")
            raise

    def write_file(self, wanted: Mapping[str, Any], path: Path, progress: Progress | None = None) -> Record:
        """Store a file as an item; a large one goes in parts, and on from where it was stopped."""
        from . import files, resuming

        name = files.checked(path).name
        if path.stat().st_size <= resuming.PART_BYTES:
            return self.write(wanted, lambda store: files.write(store, path, progress))
        return resuming.save(self, for_this_task(wanted), path, name, files.type_of(name), progress)

    def commit(self, id: str, meta: Mapping[str, Any]) -> Record:
        """Commit what was written of an item; asked again while the hub is away, since twice is as good as once."""
        deadline = time.monotonic() + _COMMIT_S
        while True:
            try:
                return self.session.ask("POST", f"/api/items/{id}/commit", {"meta": dict(meta)})
            except ConnectionError:  # committing it once more changes nothing
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def open(self, id: str) -> S3Store:
        """Open the objects of an item for reading; the right is renewed while it is used."""
        return self._open(self.grants.to_read(id), lambda: self.grants.to_read(id))

    def _open(self, first: Grant, renew: Callable[[], Grant]) -> S3Store:
        from obstore.store import S3Store

        held = [first]

        def provide() -> Any:
            if not held[0].is_fresh:
                held[0] = renew()
            grant = held[0]
            return {
                "access_key_id": grant.access_key,
                "secret_access_key": grant.secret_key,
                "token": grant.session_token,
                "expires_at": datetime.fromtimestamp(grant.expires_at_us / 1e6, UTC),
            }

        return S3Store(
            first.bucket,
            prefix=first.prefix.rstrip("/"),
            endpoint=first.endpoint,
            region=first.region,
            virtual_hosted_style_request=False,
            unsigned_payload=True,  # the store hashes what comes; twice would take longer than the way
            credential_provider=provide,
            client_options={"allow_http": first.endpoint.startswith("http://"), "timeout": "300s"},
        )


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
