"""Agents as the hub holds them in memory: who is connected, what it can do, how busy it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arkitekt_next.auth.rules import Visibility

if TYPE_CHECKING:
    from arkitekt_next.hub.agents.peer import Peer
    from arkitekt_next.hub.tasks.live import LiveTask

    from .service import Contract


VersionKey = tuple[tuple[int, int | str], ...]


@dataclass(slots=True, eq=False)
class Agent:
    """One running instance of a release. `peer` is None while it is disconnected or connected to another hub.

    `program` names what it offers: a new name each time it says so anew; `environment` is the hash of what it runs in.
    What is `private` its own person alone may see and call.
    """

    id: str
    team: str
    person: str
    app: str
    session: str
    hub: str
    epoch: int
    mode: str
    visibility: str
    release: str
    labels: frozenset[str]
    capacity: int
    grace_s: float
    host: str = ""
    environment: str | None = None
    program: str = ""
    peer: Peer | None = None
    is_draining: bool = False
    offers: dict[str, Implementation] = field(default_factory=dict)
    tasks: dict[str, LiveTask] = field(default_factory=dict)
    is_remote: bool = False
    _version_key: tuple[str, VersionKey] | None = None

    @property
    def version_key(self) -> VersionKey:
        """What orders releases: numbers as numbers, and those before words."""
        known = self._version_key
        if known is None or known[0] != self.release:
            known = self._version_key = (self.release, _version_key(self.release))
        return known[1]

    def serves(self, person: str) -> bool:
        """Whether it runs tasks of a person, who was let in by the rules when they called."""
        return self.visibility == Visibility.TEAM or self.person == person

    @property
    def load(self) -> int:
        """How many tasks it holds."""
        return len(self.tasks)

    @property
    def is_online(self) -> bool:
        """Whether it may be given work, here or by the hub it is connected to."""
        return (self.peer is not None or self.is_remote) and not self.is_draining


@dataclass(slots=True, eq=False)
class Implementation:
    """One function of one agent. `locks` are held while it runs, and shared with other functions of the agent.

    `version` is the row that says what exactly it is; those with one `code_hash` run the same code, `""` is unknown.
    """

    agent: Agent
    contract: Contract
    concurrency: int | None
    running: int = 0
    locks: frozenset[str] = frozenset()
    version: str | None = None
    code_hash: str = ""

    @property
    def rank(self) -> tuple[bool, VersionKey, int]:
        """What a caller is bound to first: production before development, the newest release, the newest offer."""
        return (self.agent.mode == "prod", self.agent.version_key, self.contract.offered_at_us)

    def has_room(self) -> bool:
        """Whether the agent takes one more task of this function now."""
        agent = self.agent
        return (
            agent.peer is not None
            and not agent.is_draining
            and len(agent.tasks) < agent.capacity
            and (self.concurrency is None or self.running < self.concurrency)
        )


def _version_key(version: str) -> VersionKey:
    parts = version.replace("-", ".").replace("+", ".").split(".")
    return tuple((1, int(part)) if part.isdigit() else (0, part) for part in parts)
