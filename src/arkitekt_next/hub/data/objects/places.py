"""Where a hub's blobs lie, by its settings, and whether that is where its rows say.

The rule: a hub never opens over rows whose blobs lie elsewhere; once they were copied over, it says so to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from arkitekt_next.errors import Conflict
from arkitekt_next.hub.core.ids import new_id
from arkitekt_next.storage import data_tables as d
from arkitekt_next.storage import tables as t
from arkitekt_next.storage.backup_objects import FOLDER, OBJECTS, PLACE
from arkitekt_next.storage.ledger import insert_or

from .bucket import Bucket, BucketBlobs
from .folder import FolderBlobs

if TYPE_CHECKING:
    from arkitekt_next.hub.core.config import HubSettings
    from arkitekt_next.storage.engine import Database

    from .blobs import Blobs

_NOTE_DOWN = insert_or(t.setting, ["name"], update=["value"])
_NAME = insert_or(t.setting, ["name"])
OWNER = "data owner"
"""The setting that names the rows, for the place where their blobs lie."""
_EVER_S = 1e9
_AT_ONCE = 100_000


def blobs_of(settings: HubSettings) -> Blobs:
    """Give the place that the settings name."""
    if settings.data_bucket is None or settings.data_key_id is None or settings.data_secret_key is None:
        return FolderBlobs(settings.folder / OBJECTS)
    name, _, prefix = settings.data_bucket.partition("/")
    endpoint, region = settings.data_endpoint, settings.data_region
    return BucketBlobs(Bucket(name, prefix, endpoint, region, settings.data_key_id, settings.data_secret_key))


async def settle_place(blobs: Blobs, database: Database) -> None:
    """Make sure that the blobs of the rows are here, and note it down. Raises `Conflict` when they are not."""
    is_folder = isinstance(blobs, FolderBlobs)
    await blobs.open("" if is_folder else await _owner(database))
    here = FOLDER if is_folder else blobs.place
    known = await _setting(database, PLACE) or FOLDER
    missing, count = await _missing(blobs, database) if known != here else ([], 0)
    if missing:
        raise Conflict(
            problem=f"The stored data lies in {_called(known)}, not in {_called(here)}: of {count} objects "
            f"{len(missing)} are not there, the first {missing[0]}",
            remedy=f"Copy all of it to {_called(here)} while the hub is stopped (`aws s3 sync` or `rclone copy`), or "
            "take back the settings data_*",
        )
    if known != here:
        await database.ledger.commit((_NOTE_DOWN, {"name": PLACE, "value": here}))


async def _setting(database: Database, name: str) -> str | None:
    async with database.engine.connect() as db:
        query = select(t.setting.c.value).where(t.setting.c.name == name)
        found: str | None = (await db.execute(query)).scalar_one_or_none()
        return found


async def _owner(database: Database) -> str:
    """Give the name of these rows, whichever hub serves them; a backup that was restored has the same."""
    await database.ledger.commit((_NAME, {"name": OWNER, "value": new_id()}))
    return await _setting(database, OWNER) or ""


async def _missing(blobs: Blobs, database: Database) -> tuple[list[str], int]:
    """Give the keys of objects whose blobs are not in a place, and how many objects there are."""
    there: set[str] = set()
    async for names in blobs.list_old(older_than_s=-_EVER_S, at_most=_AT_ONCE):
        there |= names
    missing: list[str] = []
    count = 0
    async with database.engine.connect() as db:
        for row in await db.execute(select(d.object.c.blob, d.object.c.key).order_by(d.object.c.key)):
            count += 1
            if row.blob not in there:
                missing.append(row.key)
    return missing, count


def _called(place: str) -> str:
    return "the folder 'objects' of the hub" if place == FOLDER else place
