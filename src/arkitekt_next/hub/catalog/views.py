"""The shapes in which the catalogue is shown."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from arkitekt_next.hub.core.http import Form, Strict
from arkitekt_next.hub.core.paging import Id, Name, Paged, Text, TimeUs

_HASH = "3f" * 32
_AGENT = "01a1fb9b-021e-7672-bd84-6116f37c3513"
DEFINITION: dict[str, Any] = {
    "name": "nuclei",
    "label": "Segment nuclei",
    "description": "Find the nuclei in an image.",
    "args": [
        {"key": "image", "kind": "structure", "identifier": "image"},
        {"key": "sigma", "kind": "float", "required": False, "default": 1.0, "constraints": {"ge": 0}},
    ],
    "returns": [{"key": "return0", "kind": "int"}],
    "effects": "none",
    "collections": ["segmentation"],
}
_APP: dict[str, Any] = {
    "identifier": "segment",
    "owner": "ada",
    "created_at_us": 1795222602284847,
    "version": "1.2.0",
    "agents_online": 1,
}
_ACTION: dict[str, Any] = {
    "name": "segment.nuclei",
    "app": "segment",
    "label": "Segment nuclei",
    "description": "Find the nuclei in an image.",
    "kind": "function",
    "effects": "none",
    "collections": ["segmentation"],
    "definition_hash": _HASH,
    "signature_hash": "a0" * 32,
    "offered_at_us": 1795222602284847,
    "agents_online": 1,
    "is_released": True,
}
_RECORDED: dict[str, Any] = {
    "definition_hash": _HASH,
    "signature_hash": "a0" * 32,
    "created_at_us": 1795222602284847,
    "offered_at_us": 1795222602284847,
}


class AppQuery(Paged):
    """Which apps are wanted."""


class ActionQuery(Paged):
    """Which actions are wanted."""

    q: Annotated[
        Text | None,
        Field(description="Words that name, label, description or collections all have to contain."),
    ] = None
    app: Annotated[Name | None, Field(description="Only actions of this app.")] = None
    collection: Annotated[Name | None, Field(description="Only actions with this tag.")] = None
    online: Annotated[
        bool | None, Field(description="Only those that an agent provides now (or only those that none does).")
    ] = None


class DefinitionQuery(Paged):
    """Which definitions of an action are wanted."""


class App(Strict):
    """An app: a program with an identifier, and its newest release."""

    model_config = ConfigDict(json_schema_extra={"examples": [_APP]})
    identifier: str
    owner: str = Field(description="The name of the person the identifier belongs to.")
    created_at_us: TimeUs
    version: str | None = Field(description="The version of the newest release.")
    agents_online: int


class AppPage(Strict):
    """Apps in the order of their identifiers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_APP], "next": "segment"}]})
    items: list[App]
    next: str | None


class Release(Strict):
    """One version of an app; the hashes tell what exactly ran."""

    id: Id
    version: str
    source_hash: str
    lock_hash: str
    python: str
    created_at_us: TimeUs


class AppDetail(App):
    """An app with its newest releases and all its actions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_APP,
                    "releases": [
                        {
                            "id": _AGENT,
                            "version": "1.2.0",
                            "source_hash": "9c41",
                            "lock_hash": "77ab",
                            "python": "3.12.4",
                            "created_at_us": 1795222602284847,
                        }
                    ],
                    "actions": ["segment.nuclei"],
                }
            ]
        }
    )
    releases: list[Release] = Field(description="The newest first, at most 100.")
    actions: list[str]


class Action(Strict):
    """An action as a list shows it; kind to hashes are those of the definition a call would get now."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ACTION]})
    name: str
    app: str
    label: str | None
    description: str | None
    kind: str
    effects: str
    collections: list[str]
    definition_hash: str
    signature_hash: str
    offered_at_us: TimeUs
    agents_online: int = Field(description="How many agents would run it for you now.")
    is_released: bool = Field(description="Whether any but a development agent has ever provided it.")


class ActionPage(Strict):
    """Actions in the order of their names."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ACTION], "next": None}]})
    items: list[Action]
    next: str | None


class Recorded(Strict):
    """One definition that an action had or has."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECORDED]})
    definition_hash: str
    signature_hash: str
    created_at_us: TimeUs
    offered_at_us: TimeUs = Field(description="When an agent last offered it.")


class RecordedPage(Strict):
    """Definitions of an action, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_RECORDED], "next": None}]})
    items: list[Recorded]
    next: str | None


class Provider(Strict):
    """An agent that provides an action now."""

    agent: Id
    release: str
    mode: str
    host: str
    labels: list[str]
    definition_hash: str
    signature_hash: str
    running: int = Field(description="How many calls of this action it runs.")
    concurrency: int | None = Field(description="How many calls of this action it runs at once; null: no limit.")
    load: int = Field(description="How many tasks it holds in all.")
    capacity: int


class ActionDetail(Action):
    """An action with the definition a call would get now, who provides it, and its newest definitions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_ACTION,
                    "definition": DEFINITION,
                    "providers": [
                        {
                            "agent": _AGENT,
                            "release": "1.2.0",
                            "mode": "prod",
                            "host": "gpu-box",
                            "labels": ["cuda"],
                            "definition_hash": _HASH,
                            "signature_hash": "a0" * 32,
                            "running": 0,
                            "concurrency": 4,
                            "load": 1,
                            "capacity": 256,
                        }
                    ],
                    "versions": [_RECORDED],
                }
            ]
        }
    )
    definition: dict[str, Any]
    providers: list[Provider]
    versions: list[Recorded] = Field(description="The newest first, at most 20.")


class DefinitionDetail(Strict):
    """A definition and the actions that offered it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "definition_hash": _HASH,
                    "signature_hash": "a0" * 32,
                    "definition": DEFINITION,
                    "actions": ["segment.nuclei"],
                }
            ]
        }
    )
    definition_hash: str
    signature_hash: str
    definition: dict[str, Any]
    actions: list[str]


class CheckForm(Form):
    """Arguments to be checked without calling anything."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"args": {"image": "01a1fb9b-022b-7774-861b-fc7c8f838aa7", "sigma": 2.0}}]}
    )
    args: dict[str, Any] = Field(default_factory=dict, description="Wire values by argument key.")
    definition_hash: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{64}$", description="Check against this definition of the action.")
    ] = None


class Checked(Strict):
    """The arguments fit this definition."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"action": "segment.nuclei", "definition_hash": _HASH, "signature_hash": "a0" * 32}]
        }
    )
    action: str
    definition_hash: str
    signature_hash: str
