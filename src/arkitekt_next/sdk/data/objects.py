"""Zarr's view of an item's objects: each is put as a whole.

Sent in parts, as it would be by itself from five MiB on, a shard would be written and hashed twice by the hub.
"""

from __future__ import annotations

import obstore
from obstore.store import S3Store
from zarr.core.buffer import Buffer
from zarr.storage import ObjectStore


class WholeObjects(ObjectStore[S3Store]):
    """An object store that never sends an object in parts."""

    async def set(self, key: str, value: Buffer) -> None:
        """Put one object."""
        self._check_writable()
        await obstore.put_async(self.store, key, value.as_buffer_like(), use_multipart=False)
