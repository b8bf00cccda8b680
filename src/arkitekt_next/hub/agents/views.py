"""The shapes in which agents are shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from arkitekt_next.hub.core.http import Strict
from arkitekt_next.hub.core.paging import Id, Name, Paged, TimeUs

_AGENT: dict[str, Any] = {
    "id": "01a1fb9b-021e-7672-bd84-6116f37c3513",
    "app": "segment",
    "release": "1.2.0",
    "person": "ada",
    "mode": "prod",
    "host": "gpu-box",
    "labels": ["cuda"],
    "state": "online",
    "tasks": 1,
    "capacity": 256,
    "connected_at_us": 1795222602284847,
    "disconnected_at_us": None,
    "gone_at_us": None,
}


class AgentQuery(Paged):
    """Which agents are wanted."""

    app: Annotated[Name | None, Field(description="Only agents of this app.")] = None
    online: Annotated[
        bool | None, Field(description="Only those that are connected now (or only those that are not).")
    ] = None


class Agent(Strict):
    """An agent: a running, or once running, instance of a release."""

    model_config = ConfigDict(json_schema_extra={"examples": [_AGENT]})
    id: Id
    app: str
    release: str
    person: str = Field(description="The name of the person it runs for.")
    mode: Literal["dev", "prod"] = Field(description="`dev` agents are seen and used by their own person only.")
    host: str
    labels: list[str]
    state: Literal["online", "draining", "disconnected", "gone"] = Field(
        description="`draining` takes no more work; `disconnected` is waited for; `gone` will not come back."
    )
    tasks: int = Field(description="How many tasks it holds.")
    capacity: int
    connected_at_us: TimeUs
    disconnected_at_us: TimeUs | None
    gone_at_us: TimeUs | None


class AgentPage(Strict):
    """Agents, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_AGENT], "next": None}]})
    items: list[Agent]
    next: str | None


class Implementation(Strict):
    """A function the agent provides."""

    action: str
    definition_hash: str
    signature_hash: str
    concurrency: int | None


class AgentDetail(Agent):
    """An agent and what it provides."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_AGENT,
                    "implementations": [
                        {
                            "action": "segment.nuclei",
                            "definition_hash": "3f" * 32,
                            "signature_hash": "a0" * 32,
                            "concurrency": 4,
                        }
                    ],
                }
            ]
        }
    )
    implementations: list[Implementation]
