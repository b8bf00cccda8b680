"""What the store answers or fails to, as errors of ours: not there, full, not permitted, refused, untrusted or away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from arkitekt_next.errors import ArkitektError, Conflict, HubBusy, HubUnavailable, NotFound, NotPermitted, StorageFull
from arkitekt_next.sdk.trust import doubts

if TYPE_CHECKING:
    from obstore.store import S3Store

_STATUS = re.compile(r"status code: (\d{3})")
_FULL = 507
_BUSY = 503


def refusal(status: int, key: str, said: str, endpoint: str) -> ArkitektError:
    """Say what a status means that the store answered about an object."""
    if status == 404:
        return NotFound(what="object or upload", name=key, remedy="Look whether the item was committed, or begin anew")
    if status == _FULL:
        return StorageFull(reason="the store is full", folder=endpoint)
    if status in (401, 403):
        text = f"The store does not permit it for '{key}': the right to it has ended, or the item is committed"
        return NotPermitted(text, person="", verb="use", what=key, remedy="Store it again, or ask for the item anew")
    return Conflict(problem=f"The store refused '{key}' with status {status}: {said[:500]}", remedy="Begin anew")


def explained(failed: Exception, store: S3Store, key: str) -> ArkitektError:
    """Say in our terms what obstore failed at. It may look at the hub's certificate, so it blocks."""
    from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

    said, endpoint = " ".join(str(failed).split())[:300], str(store.config["endpoint"])
    if isinstance(failed, FileNotFoundError):
        return refusal(404, key, said, endpoint)
    if isinstance(failed, PermissionDeniedError | UnauthenticatedError):
        return refusal(403, key, said, endpoint)
    found = _STATUS.search(str(failed))
    status = int(found.group(1)) if found is not None else 0
    if 400 <= status < 500 or status == _FULL:
        return refusal(status, key, said, endpoint)
    if status == _BUSY:
        reason = "the place where it keeps its data does not answer, or too much is under way"
        return HubBusy(reason=reason, retry_after_s=5)
    remedy = "Try again when the hub answers"
    return doubts(endpoint) or HubUnavailable(url=endpoint, reason=said, remedy=remedy)
