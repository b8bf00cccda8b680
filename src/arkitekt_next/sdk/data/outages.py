"""What the store answers or fails to, as errors of ours: full, away, or refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from arkitekt_next.errors import ArkitektError, HubUnavailable, NotPermitted, StorageFull

if TYPE_CHECKING:
    from .grants import Grant


@contextmanager
def translated(grant: Grant) -> Iterator[None]:
    """Raise what the store refuses while an item is written as `StorageFull`, `NotPermitted` or `HubUnavailable`."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except BaseError as failed:
        raise _ours(
            failed, grant, is_refused=isinstance(failed, PermissionDeniedError | UnauthenticatedError)
        ) from failed


def _ours(failed: Exception, grant: Grant, *, is_refused: bool) -> ArkitektError:
    said = str(failed)
    if "StorageFull" in said or " 507 " in said:
        return StorageFull(reason="the store is full", folder=grant.endpoint)
    if is_refused:
        text = "The store does not take it any more: the right to write the item has ended. Store it again"
        return NotPermitted(text, person="", verb="write", what="the item", remedy="Store it again")
    reason = " ".join(said.split())[:300]
    return HubUnavailable(url=grant.endpoint, reason=reason, remedy="Store it again when the hub answers")
