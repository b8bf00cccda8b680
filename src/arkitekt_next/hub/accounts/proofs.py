"""Which sessions of browsers have only just proven who they are. A passkey is added by one of these alone.

Kept in memory: after a restart, and at another hub over the same database, a person proves it again. The rule: going
on with a session proves nothing, so a stolen one does not become fresh by changing the team.
"""

from __future__ import annotations

from arkitekt_next.hub.core.ids import monotonic

FRESH_S = 600.0


class Proofs:
    """When sign-ins were proven, by their ids."""

    def __init__(self) -> None:
        self._proven: dict[str, float] = {}

    def note(self, login: str) -> None:
        """A person has just proven who they are, and this sign-in began."""
        now = monotonic()
        self._proven = {known: at for known, at in self._proven.items() if at > now - FRESH_S}
        self._proven[login] = now

    def pass_on(self, old: str, new: str) -> None:
        """A sign-in goes on as another one, no fresher than it was."""
        if old in self._proven:
            self._proven[new] = self._proven.pop(old)

    def is_fresh(self, login: str) -> bool:
        """Whether the person has proven who they are within the last ten minutes."""
        at = self._proven.get(login)
        return at is not None and at > monotonic() - FRESH_S
