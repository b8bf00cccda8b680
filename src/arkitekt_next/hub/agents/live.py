"""Agents as the hub holds them in memory: who is connected, what it can do, how busy it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arkitekt_next.hub.catalog.service import Contract
    from arkitekt_next.hub.tasks.live import LiveTask

    from .peer import Peer


@dataclass(slots=True, eq=False)
class Agent:
    """One running instance of a release. `peer` is None while it is disconnected or connected to another hub."""

    id: str
    team: str
    person: str
    app: str
    session: str
    hub: str
    epoch: int
    mode: str
    release: str
    labels: frozenset[str]
    capacity: int
    grace_s: float
    host: str = ""
    peer: Peer | None = None
    is_draining: bool = False
    offers: dict[str, Implementation] = field(default_factory=dict)
    tasks: dict[str, LiveTask] = field(default_factory=dict)
    is_remote: bool = False

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
    """One function of one agent."""

    agent: Agent
    contract: Contract
    concurrency: int | None
    running: int = 0

    def has_room(self) -> bool:
        """Whether the agent takes one more task of this function now."""
        agent = self.agent
        return (
            agent.peer is not None
            and not agent.is_draining
            and len(agent.tasks) < agent.capacity
            and (self.concurrency is None or self.running < self.concurrency)
        )
