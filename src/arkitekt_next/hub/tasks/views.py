"""The shapes in which tasks are asked for and shown. Events look as they do on the websocket (`wire.messages`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from arkitekt_next.hub.core.http import Form, Strict
from arkitekt_next.hub.core.paging import Id, Name, Paged, Text, TimeUs
from arkitekt_next.wire.lifecycle import Status
from arkitekt_next.wire.messages import Event, Outcome, Seconds, Values

_TASK = "01a1fb9b-022b-7774-861b-fc7c8f838aa7"
_AGENT = "01a1fb9b-021e-7672-bd84-6116f37c3513"
_PERSON = "01a1fb9b-0001-7000-8000-000000000001"
_AT = 1795222602284847
_SUMMARY: dict[str, Any] = {
    "id": _TASK,
    "action": "segment.nuclei",
    "status": "completed",
    "visibility": "team",
    "is_discreet": False,
    "app": "acquire",
    "person": _PERSON,
    "parent": None,
    "root": _TASK,
    "agent": _AGENT,
    "attempt": 1,
    "again_of": None,
    "yields": 0,
    "progress": {"percent": 80.0, "message": "labelling"},
    "queued_at_us": _AT,
    "assigned_at_us": _AT + 90,
    "started_at_us": _AT + 400,
    "ended_at_us": _AT + 250_000,
}
_EVENTS: list[Any] = [
    {
        "kind": "event",
        "task": _TASK,
        "number": 3,
        "name": "log",
        "at_us": _AT + 500,
        "data": {"level": "info", "message": "42 nuclei"},
    },
    {"kind": "values", "task": _TASK, "number": 4, "at_us": _AT + 900, "first": 0, "values": [[17.5], [18.25]]},
    {
        "kind": "outcome",
        "task": _TASK,
        "number": 5,
        "status": "completed",
        "at_us": _AT + 250_000,
        "returns": [42],
        "yields": 2,
        "agent": _AGENT,
    },
]
ENDED: dict[str, Any] = {
    "task": _TASK,
    "reference": "plate-7-well-B3",
    "status": "completed",
    "outcome": _EVENTS[-1],
}


class TaskForm(Form):
    """A call: the action, its arguments, and how it is to be run."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "action": "segment.nuclei",
                    "args": {"image": _TASK, "sigma": 2.0},
                    "reference": "plate-7-well-B3",
                    "timeout_s": 600,
                }
            ]
        }
    )
    action: Annotated[Name, Field(description="`app.function`.")]
    args: dict[str, Any] = Field(default_factory=dict, description="Wire values by argument key.")
    reference: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            pattern=r"^[^\x00]+$",
            description="Your idempotency key, unique for your person and app; by default the hub makes one.",
        ),
    ] = None
    signature_hash: Annotated[
        Id | None, Field(description="Refuse the call unless the action still has this signature.")
    ] = None
    parent: Annotated[Id | None, Field(description="The task on whose behalf you call; one that you run.")] = None
    agent: Annotated[Id | None, Field(description="The agent that has to run it.")] = None
    labels: Annotated[list[Name], Field(max_length=32, description="Only agents that carry all of these.")] = Field(
        default_factory=list
    )
    routing: Literal["least_busy", "round_robin", "sticky"] | None = None
    wait_for_agent: Annotated[bool, Field(description="False: refuse with 409 when nobody provides it now.")] = True
    timeout_s: Annotated[Seconds | None, Field(description="Cancel it when it has not ended by then.")] = None
    queue_timeout_s: Annotated[Seconds | None, Field(description="End it `expired` when no agent took it by then.")] = (
        None
    )
    retries: Annotated[int | None, Field(ge=0, le=100, description="Run it again up to this often when it fails.")] = (
        None
    )
    discreet: Annotated[
        bool, Field(description="Keep arguments and result from the team's members; owners and admins read them.")
    ] = False


class AgainForm(Form):
    """How a task is to be run again, with the arguments it had."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "same"}]})
    version: Annotated[
        Literal["same", "current"],
        Field(description="`same`: the very release and function that ran; `current`: the function as it is now."),
    ] = "current"
    discreet: Annotated[
        bool | None,
        Field(description="Keep it from the team's members; by default, and always for another's, as it was."),
    ] = None
    reference: Annotated[
        str | None,
        Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$", description="Your idempotency key, as for a call."),
    ] = None


class SubmitQuery(Form):
    """How long the answer may take."""

    wait: Annotated[
        float, Field(ge=0, le=60, allow_inf_nan=False, description="Wait so many seconds for the outcome.")
    ] = 0.0


class Submitted(Strict):
    """The task is on disk under this id; `outcome` is there when you waited and it ended in time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"task": _TASK, "reference": "plate-7-well-B3", "status": "assigned", "outcome": None}]
        }
    )
    task: Id
    reference: str
    status: Status
    outcome: Outcome | None = None


class TaskQuery(Paged):
    """Which tasks are wanted."""

    status: Annotated[list[Status], Field(max_length=11, description="One or more; repeat the name for more.")] = Field(
        default_factory=list
    )
    action: Annotated[Name | None, Field(description="Calls of this action.")] = None
    app: Annotated[Name | None, Field(description="Calls made by this app.")] = None
    person: Annotated[Id | None, Field(description="Calls made by this person.")] = None
    parent: Annotated[Id | None, Field(description="Calls made on behalf of this task.")] = None
    root: Annotated[Id | None, Field(description="This task and everything below it.")] = None
    since_us: Annotated[TimeUs | None, Field(description="Submitted at this time or later.")] = None
    until_us: Annotated[TimeUs | None, Field(description="Submitted before this time.")] = None
    text: Annotated[Text | None, Field(description="Text in action, reference or error.")] = None


class ChildQuery(Paged):
    """Which children are wanted."""


class Progress(Strict):
    """How far a task is."""

    percent: float | None
    message: str


class Task(Strict):
    """A task as a list shows it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SUMMARY]})
    id: Id
    action: str
    status: Status
    visibility: Literal["private", "team"] = Field(description="`private`: only the person who called knows of it.")
    is_discreet: bool = Field(description="True: members see that it ran, not what it was given and gave.")
    app: str = Field(description="The app that called.")
    person: Id = Field(description="The person who called.")
    parent: Id | None
    root: Id
    agent: Id | None = Field(description="The agent that has it, or had it last.")
    attempt: int
    again_of: Id | None = Field(description="The task that somebody had run again by it.")
    yields: int = Field(description="How many values it has yielded.")
    progress: Progress | None = Field(description="The last it reported.")
    queued_at_us: TimeUs
    assigned_at_us: TimeUs | None
    started_at_us: TimeUs | None
    ended_at_us: TimeUs | None


class TaskPage(Strict):
    """Tasks, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_SUMMARY], "next": None}]})
    items: list[Task]
    next: str | None = Field(
        description="The `cursor` of the next page; null on the last. While it is set there may be more, even "
        "when this page is short: filters look at a bounded number of tasks a request."
    )


class Moment(Strict):
    """One life-cycle event."""

    number: int
    name: str
    at_us: TimeUs
    attempt: int
    agent: Id | None


class Waiting(Strict):
    """Why a queued task waits."""

    reason: Literal["no_agent", "signature", "agent", "version", "labels", "private", "busy", "placing"]
    message: str
    ahead: int = Field(description="How many tasks stand before it in its queue, counted up to 10,000.")


class TaskDetail(Task):
    """A task with everything known about it but its events."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_SUMMARY,
                    "is_readable": True,
                    "reference": "plate-7-well-B3",
                    "signature_hash": "a0" * 32,
                    "definition_hash": "3f" * 32,
                    "args": {"image": _TASK, "sigma": 2.0},
                    "options": {"timeout_s": 600.0},
                    "timeline": [
                        {"number": 1, "name": "queued", "at_us": _AT, "attempt": 0, "agent": None},
                        {"number": 2, "name": "assigned", "at_us": _AT + 90, "attempt": 1, "agent": _AGENT},
                        {"number": 5, "name": "completed", "at_us": _AT + 250_000, "attempt": 1, "agent": _AGENT},
                    ],
                    "failures": 0,
                    "returns": [42],
                    "error": None,
                    "children": 0,
                    "waiting": None,
                }
            ]
        }
    )
    is_readable: bool = Field(description="False: you may know that it ran; what it was given and gave is left out.")
    reference: str | None
    signature_hash: str
    definition_hash: str
    args: dict[str, Any] | None
    options: dict[str, Any] = Field(description="What the caller asked for beside the arguments.")
    timeline: list[Moment]
    failures: int = Field(description="How many attempts failed and were tried again.")
    returns: list[Any] | None = Field(description="One entry a return port, of a completed function.")
    error: dict[str, Any] | None
    children: int = Field(description="How many tasks were called on its behalf, counted up to 10,000.")
    waiting: Waiting | None


class EventQuery(Form):
    """Which events are wanted."""

    after: Annotated[int, Field(ge=0, le=2**53, description="Events with a number above this one.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="The most events a page holds.")] = 200


class EventPage(Strict):
    """What happened to a task, in order; each event is a message as the websocket sends it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": _EVENTS, "after": 5, "has_ended": True}]},
    )
    items: list[Annotated[Event | Values | Outcome, Field(discriminator="kind")]]
    after: int = Field(description="What to ask for next.")
    has_ended: bool = Field(description="Whether the outcome is among the items: nothing will follow.")


class YieldQuery(Form):
    """Which yields are wanted."""

    first: Annotated[int, Field(ge=0, le=2**53, alias="from", description="The number of the first yield, from 0.")] = 0
    limit: Annotated[int, Field(ge=1, le=10_000, description="The most yields a page holds.")] = 1000


class YieldPage(Strict):
    """Values a task yielded, in order; each is a list with one entry a return port."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"first": 0, "items": [[17.5], [18.25]], "next": None, "total": 2}]},
    )
    first: int = Field(description="The number of the first item.")
    items: list[list[Any]]
    next: int | None = Field(description="The `from` of the next page; null when the task has ended and this is all.")
    total: int = Field(description="How many it has yielded until now.")


class StreamQuery(Form):
    """Where a stream begins."""

    after: Annotated[int, Field(ge=0, le=2**53, description="Events with a number above this one.")] = 0


class SteerForm(Form):
    """How a wish is to be carried out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"deadline_s": 5.0, "reason": "wrong plate"}]})
    deadline_s: Annotated[
        Seconds | None, Field(description="How long a cancelled function may clean up before it is interrupted.")
    ] = None
    reason: Annotated[str, Field(max_length=1024)] = ""


class Steered(Strict):
    """The wish was taken; where the task stands now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task": _TASK, "status": "running"}]})
    task: Id
    status: Status
