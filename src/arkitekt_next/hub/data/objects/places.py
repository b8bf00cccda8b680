"""Where a hub's blobs lie, by its settings, and whether that is where its rows say.

The rule: a hub never opens over rows whose blobs lie elsewhere; once they were copied over, it says so to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from arkitekt_next.errors import Conflict
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
_SAMPLE = 100


def blobs_of(settings: HubSettings) -> Blobs:
    """Give the place that the settings name."""
    if settings.data_bucket is None or settings.data_key_id is None or settings.data_secret_key is None:
        return FolderBlobs(settings.folder / OBJECTS)
    name, _, prefix = settings.data_bucket.partition("/")
    endpoint, region = settings.data_endpoint, settings.data_region
    return BucketBlobs(Bucket(name, prefix, endpoint, region, settings.data_key_id, settings.data_secret_key))


async def settle_place(blobs: Blobs, database: Database) -> None:
    """Make sure that the blobs of the rows are here, and note it down. Raises `Conflict` when they are not."""
    await blobs.open()
    here = FOLDER if isinstance(blobs, FolderBlobs) else blobs.place
    query = select(t.setting.c.value).where(t.setting.c.name == PLACE)
    named = select(d.object.c.blob, d.object.c.key).order_by(func.random()).limit(_SAMPLE)
    async with database.engine.connect() as db:
        known = (await db.execute(query)).scalar_one_or_none() or FOLDER
        rows = [] if known == here else (await db.execute(named)).all()
    missing = [row.key for row in rows if not await blobs.holds(row.blob)]
    if missing:
        raise Conflict(
            problem=f"The stored data lies in {_called(known)}, not in {_called(here)}: of {len(rows)} objects that "
            f"were looked for {len(missing)} are not there, the first {missing[0]}",
            remedy=f"Copy all of it to {_called(here)} while the hub is stopped (`aws s3 sync` or `rclone copy`), or "
            "take back the settings data_*",
        )
    if known != here:
        await database.ledger.commit((_NOTE_DOWN, {"name": PLACE, "value": here}))


def _called(place: str) -> str:
    return "the folder 'objects' of the hub" if place == FOLDER else place
