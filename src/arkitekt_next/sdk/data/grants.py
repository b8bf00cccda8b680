"""The rights an app holds at the store: asked for when needed, kept while they hold, renewed in time.

The rule: a grant reaches one item's prefix and nothing else; whatever is read or written goes by a grant.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from arkitekt_next.sdk.trust import is_pinned

if TYPE_CHECKING:
    from arkitekt_next.sdk.session import Session

_EARLY_S = 120.0
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to read or write the objects of one item, until a moment of the hub's clock."""

    id: str
    mode: str
    endpoint: str
    bucket: str
    region: str
    prefix: str
    access_key: str
    secret_key: str
    session_token: str
    expires_at_us: int

    @property
    def is_final(self) -> bool:
        """Whether what it opens never changes any more: to read is given for what is committed alone."""
        return self.mode == "read"

    @property
    def is_fresh(self) -> bool:
        """Whether it holds for a while yet."""
        return time.time() < self.expires_at_us / 1e6 - _EARLY_S


class Grants:
    """The grants of one app at one hub; usable from any thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Grant] = OrderedDict()

    def to_read(self, item: str) -> Grant:
        """Give a right to read an item; blocks. Raises `NotFound`, and `Conflict` for one in the trash."""
        with self._lock:
            held = self._held.get(item)
            if held is not None and held.is_fresh:
                self._held.move_to_end(item)
                return held
        grant = self.taken(self._session.ask("POST", f"/api/items/{item}/grants", {"mode": "read"}))
        with self._lock:
            self._held[item] = grant
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        return grant

    def to_write(self, item: str) -> Grant:
        """Give a right to go on writing an item; blocks."""
        return self.taken(self._session.ask("POST", f"/api/items/{item}/grants", {"mode": "write"}))

    def taken(self, given: Mapping[str, Any]) -> Grant:
        """Take a grant as the hub gave it.

        Where the hub is believed by a pin, its store is asked at the address that the pin is for: the name by which the
        hub calls itself may be another, which nobody has vouched for and this machine may not even know.
        """
        grant, address = Grant(**given), self._session.url
        return replace(grant, endpoint=address) if is_pinned(address) else grant
