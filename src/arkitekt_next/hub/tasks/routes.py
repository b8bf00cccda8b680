"""Tasks over HTTP: submit, list, look at, follow, steer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Header, Path, Query, Request, Response

from arkitekt_next.errors import (
    Conflict,
    DefinitionChanged,
    HubBusy,
    InvalidValue,
    NoAgent,
    NotFound,
    NotPermitted,
    ReleaseNotRunning,
    StorageFull,
    UnknownArgument,
)
from arkitekt_next.hub.core.http import SafeJSON, context_of, reply
from arkitekt_next.hub.core.paging import IdInPath
from arkitekt_next.hub.core.policy import CALL, SEE, policy
from arkitekt_next.hub.core.route import Who, refusals
from arkitekt_next.hub.core.route import router as make_router

from . import access, listing, reads, requests
from . import views as v
from .stream import EventStream

router = make_router(prefix="/api/tasks", tag="tasks")

_TASK = "01a1fb9b-022b-7774-861b-fc7c8f838aa7"
_GONE = "It may have been removed by the retention rule"
_NO_TASK = refusals(NotFound(what="task", name=_TASK, remedy=_GONE))
_KEPT_BACK = NotPermitted(
    person="ada",
    verb="read",
    what="what this task was given and gave",
    remedy="Its caller kept it from the team's members: ask them, or an owner or admin",
)
_UNREADABLE = _NO_TASK | refusals(_KEPT_BACK)
_FULL = refusals(StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"))
_SUBMIT = refusals(
    NotFound(what="action", name="segment.nucle", remedy="Did you mean segment.nuclei?"),
    NoAgent(action="segment.nuclei", wishes=" with the label cuda"),
    DefinitionChanged(action="segment.nuclei", task="-", was="a0a0a0a0a0a0", now="b1b1b1b1b1b1"),
    Conflict(problem="The reference 'B3' already stands for another call", remedy="Use a new reference"),
    InvalidValue(where="segment.nuclei: sigma", expected="float ≥ 0", got="str 'two'"),
    UnknownArgument(action="segment.nuclei", argument="sgima", known="image, sigma"),
    HubBusy(reason="5001 writes wait for the disk", retry_after_s=0.25),
    StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"),
)
_AGAIN = refusals(
    NotFound(what="task", name=_TASK, remedy=_GONE),
    _KEPT_BACK,
    ReleaseNotRunning(
        task=_TASK,
        action="segment.nuclei",
        release="segment 1.2.0",
        source=None,
        remedy="Start that release, or run it with the current version",
    ),
    Conflict(
        problem="segment.nuclei is not what it was when task 01a1 ran: the argument 'sigma' was removed",
        remedy="Run the same version, or call it with arguments that fit",
    ),
    InvalidValue(where="segment.nuclei: sigma", expected="float ≥ 0", got="str 'two'"),
    HubBusy(reason="5001 writes wait for the disk", retry_after_s=0.25),
    StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"),
)
_STEER = refusals(
    NotFound(what="task", name=_TASK, remedy=_GONE),
    NotPermitted(
        person="ada", verb="steer", what="this task", remedy="Its caller can, and the team's owners and admins"
    ),
    Conflict(problem="The task has ended (completed)", remedy="Only a running task can be asked to pause"),
    StorageFull(reason="database or disk is full", folder="/var/lib/arkitekt"),
)
_WAITED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": v.Submitted,
        "description": "It ended while you waited; `outcome` says how.",
        "content": {"application/json": {"example": v.ENDED}},
    }
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events. `id` is the event number, `event` the kind of the message in `data`.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "description": "One event of the stream.",
                    "properties": {
                        "id": {"type": "string", "description": "The event number; not there for passing events."},
                        "event": {"enum": ["event", "values", "outcome"]},
                        "data": {"type": "string", "contentMediaType": "application/json"},
                    },
                    "required": ["event", "data"],
                },
                "example": 'id: 1\nevent: event\ndata: {"kind":"event","task":"01a1","number":1,"name":"queued"}\n\n',
            }
        },
    },
    204: {"description": "The task has ended and you have seen everything; a browser stops reconnecting."},
}


@router.post(
    "",
    summary="Submit a call",
    status_code=202,
    response_model=v.Submitted,
    responses=_SUBMIT | _WAITED,
)
@policy(CALL)
async def submit_task(
    request: Request,
    who: Who,
    form: v.TaskForm,
    wanted: Annotated[v.SubmitQuery, Query()],
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=64, description="The same as `reference` in the body.")
    ] = None,
) -> SafeJSON:
    """Record a call; it is on disk when this is answered. The same reference again is the same task."""
    board = context_of(request).board
    told = await requests.submit(board, who, form, key=idempotency_key, wait_s=wanted.wait)
    status = 202 if told.outcome is None else 200
    return reply(told, status=status, headers={"Location": f"/api/tasks/{told.task}"})


@router.get("", summary="List tasks", response_model=v.TaskPage)
@policy(SEE)
async def list_tasks(request: Request, who: Who, wanted: Annotated[v.TaskQuery, Query()]) -> SafeJSON:
    """Give the tasks that fit, the newest first."""
    return reply(await listing.list_tasks(context_of(request).database.engine, who, wanted))


@router.get("/{task}", summary="Show a task", response_model=v.TaskDetail, responses=_NO_TASK)
@policy(SEE)
async def get_task(request: Request, who: Who, task: IdInPath) -> SafeJSON:
    """Give everything known about a task but its events, and why it waits when it does."""
    return reply(await reads.get_task(context_of(request).board, who, task))


@router.get("/{task}/events", summary="Read a task's events", response_model=v.EventPage, responses=_UNREADABLE)
@policy(SEE)
async def list_events(request: Request, who: Who, task: IdInPath, wanted: Annotated[v.EventQuery, Query()]) -> SafeJSON:
    """Give what happened to a task after an event number, in order."""
    return reply(await reads.list_events(context_of(request).board, who, task, wanted))


@router.get("/{task}/yields", summary="Read a task's yields", response_model=v.YieldPage, responses=_UNREADABLE)
@policy(SEE)
async def list_yields(request: Request, who: Who, task: IdInPath, wanted: Annotated[v.YieldQuery, Query()]) -> SafeJSON:
    """Give the values a task yielded from a number on, in order."""
    return reply(await reads.list_yields(context_of(request).board, who, task, wanted))


@router.get(
    "/{task}/stream",
    summary="Follow a task",
    status_code=200,
    response_class=EventStream,
    responses=_UNREADABLE | _STREAM | refusals(HubBusy(reason="1000 event streams are open", retry_after_s=30)),
)
@policy(SEE)
async def stream_events(
    request: Request,
    who: Who,
    task: IdInPath,
    wanted: Annotated[v.StreamQuery, Query()],
    last_event_id: Annotated[
        int | None, Header(ge=0, le=2**53, description="The number of the last event seen; wins over `after`.")
    ] = None,
) -> Response:
    """Push a task's events as they happen, from an event number on, until the outcome."""
    board = context_of(request).board
    last = await reads.require(board, who, task)
    after = last_event_id if last_event_id is not None else wanted.after
    if last is not None and after >= last:
        return Response(status_code=204)
    return EventStream(board, who, task, after=after)


@router.get("/{task}/children", summary="List a task's children", response_model=v.TaskPage, responses=_NO_TASK)
@policy(SEE)
async def list_children(
    request: Request, who: Who, task: IdInPath, wanted: Annotated[v.ChildQuery, Query()]
) -> SafeJSON:
    """Give the tasks that were called on behalf of this one, the newest first."""
    board = context_of(request).board
    await access.see(board, who, task)
    query = v.TaskQuery(parent=task, cursor=wanted.cursor, limit=wanted.limit)
    return reply(await listing.list_tasks(board.database.engine, who, query))


@router.post(
    "/{task}/again",
    summary="Run a task again",
    status_code=202,
    response_model=v.Submitted,
    responses=_AGAIN | _WAITED,
)
@policy(CALL)
async def run_again(
    request: Request,
    who: Who,
    task: IdInPath,
    form: v.AgainForm,
    wanted: Annotated[v.SubmitQuery, Query()],
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=64, description="The same as `reference` in the body.")
    ] = None,
) -> SafeJSON:
    """Record a call with the same arguments, of the very release that ran or of the function as it is now.

    It is run, also where the function is pure; it is yours, and remembers which task it repeats.
    """
    board = context_of(request).board
    told = await requests.run_again(board, who, task, form, key=idempotency_key, wait_s=wanted.wait)
    status = 202 if told.outcome is None else 200
    return reply(told, status=status, headers={"Location": f"/api/tasks/{told.task}"})


@router.post("/{task}/{verb}", summary="Steer a task", response_model=v.Steered, responses=_STEER)
@policy(CALL)
async def steer_task(
    request: Request,
    who: Who,
    task: IdInPath,
    verb: Annotated[Literal["cancel", "interrupt", "pause", "resume", "step"], Path(description="What it is to do.")],
    form: v.SteerForm | None = None,
) -> SafeJSON:
    """Ask a task to stop, pause or go on; its children are included. Cancelling what has ended is no error."""
    hub = context_of(request)
    return reply(await requests.steer(hub.board, who, task, verb, form or v.SteerForm()))
