"""Holds guessing back: so many tries at once, then one a minute, for an account and for an address alike.

Counted in memory, so hubs that share a database count each for itself.
"""

from __future__ import annotations

from collections import OrderedDict

from arkitekt_next.errors import HubBusy
from arkitekt_next.hub.core.ids import monotonic

_KEYS_LIMIT = 50_000


class Throttle:
    """Buckets by key. A try takes a token; tokens come back one by one; a success gives all back."""

    def __init__(self, *, burst: int = 10, every_s: float = 60.0) -> None:
        self.burst = burst
        self.every_s = every_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, *keys: str) -> None:
        """Count a try under each key. Raises `HubBusy`, counting nothing, when one of them has none left."""
        now = monotonic()
        left = {key: self._left(key, now) for key in keys}
        shortest = min(left.values())
        if shortest < 1:
            wait_s = max(1.0, (1 - shortest) * self.every_s)
            raise HubBusy(reason="too many tries", retry_after_s=round(wait_s, 1))
        for key, tokens in left.items():
            self._buckets[key] = (tokens - 1, now)
            self._buckets.move_to_end(key)
        while len(self._buckets) > _KEYS_LIMIT:
            self._buckets.popitem(last=False)

    def give_back(self, *keys: str) -> None:
        """Take a try back, which was none; the failures before it still count."""
        now = monotonic()
        for key in keys:
            if key in self._buckets:
                self._buckets[key] = (min(float(self.burst), self._left(key, now) + 1), now)

    def _left(self, key: str, now: float) -> float:
        tokens, at = self._buckets.get(key, (float(self.burst), now))
        return min(float(self.burst), tokens + (now - at) / self.every_s)
