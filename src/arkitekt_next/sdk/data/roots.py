"""The root group of what one item stores, and how it is opened. Format 3 is written; 2 is read of others' files.

What the hub keeps is of format 3 alone, whose codecs can be held to bounds.
"""

from __future__ import annotations

from typing import Any

import zarr
from zarr.abc.store import Store
from zarr.errors import ContainsArrayError, ContainsGroupError
from zarr.storage import LocalStore, MemoryStore

from arkitekt_next.errors import Conflict, InvalidMetadata, NotFound

from .bounds import checked, packed_limit
from .decoding import bounded


def new_root(store: Store) -> zarr.Group:
    """Make the root group. Raises `Conflict` when there is one already: what is stored is never changed."""
    try:
        return zarr.create_group(store=store, zarr_format=3, overwrite=False)
    except (ContainsGroupError, ContainsArrayError) as error:
        raise Conflict(
            problem=f"{store} holds a zarr {'group' if isinstance(error, ContainsGroupError) else 'array'} already",
            remedy="Write to a new item or an empty folder",
        ) from error


def open_root(store: Store) -> zarr.Group:
    """Open the root group for reading. Raises `NotFound` where there is none."""
    try:
        try:
            return zarr.open_group(store=store, mode="r", zarr_format=3, use_consolidated=False)
        except FileNotFoundError:  # asking for both at once would be four requests for every image
            if not isinstance(store, LocalStore | MemoryStore):
                raise
            return zarr.open_group(store=store, mode="r", zarr_format=2, use_consolidated=False)
    except (FileNotFoundError, ContainsArrayError) as error:
        raise NotFound(
            what="zarr group", name=str(store), remedy="Look whether the path is right and the item was committed"
        ) from error


def array_in(root: zarr.Group, path: str) -> zarr.Array[Any] | None:
    """Give an array of a group, to be read within bounds; None where there is none. Raises `InvalidMetadata`."""
    try:
        found = root.get(path)
    except (ValueError, KeyError) as unknown:  # as zarr calls codecs that it does not know
        problem = f"expected codecs that are known to be safe, got {str(unknown)[:120]!r}. Open it with zarr"
        raise InvalidMetadata(where=ascii(path)[:80], problem=problem) from unknown
    if not isinstance(found, zarr.Array):
        return None
    sizes = getattr(root.store, "sizes", None)
    if sizes is not None:
        sizes.allow(found.path, packed_limit(found))
    return bounded(checked(found, path))
