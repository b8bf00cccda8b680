"""One-time doors: a session in a browser of this machine, for who has signed in here already (`hub open`).

Kept in memory alone, as digests: whoever asks for a door goes through it within two minutes, at the same hub.
"""

from __future__ import annotations

from dataclasses import dataclass

from arkitekt_next.auth.secrets import digest_of, new_secret
from arkitekt_next.hub.core.ids import monotonic

DOOR_S = 120.0
_OPEN_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Door:
    """Whose session it begins."""

    team: str
    person: str
    closes_at: float


class Doors:
    """The open doors of one hub."""

    def __init__(self) -> None:
        self._open: dict[bytes, Door] = {}

    def open(self, *, team: str, person: str) -> str:
        """Open a door for a person; give its secret."""
        now = monotonic()
        self._open = {digest: door for digest, door in self._open.items() if door.closes_at > now}
        while len(self._open) >= _OPEN_LIMIT:
            del self._open[next(iter(self._open))]
        secret = new_secret()
        self._open[digest_of(secret)] = Door(team, person, now + DOOR_S)
        return secret

    def use(self, secret: str) -> Door | None:
        """Go through a door, which closes it; None when it is closed."""
        door = self._open.pop(digest_of(secret), None)
        return door if door is not None and door.closes_at > monotonic() else None
