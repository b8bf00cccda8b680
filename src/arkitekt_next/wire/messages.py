"""Every message of the websocket protocol, once, for both sides.

A frame is a JSON array of messages; each message is an object with a `kind`. Readers ignore unknown fields; any
other change of a message raises `PROTOCOL`. The prose twin of this file is docs/reference/protocol.md, and the JSON
Schema is generated from here. Times are UTC microseconds of the hub's clock (`*_us`), durations seconds (`*_s`).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

PROTOCOL = 1
OLDEST_PROTOCOL = 1
SUBPROTOCOL = "arkitekt.v1"

FRAME_LIMIT_BYTES = 256 * 1024
LEASE_S = 30.0
HEARTBEAT_S = 10.0
GRACE_S = 9.0

Name = Annotated[str, Field(min_length=1, max_length=256)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Digest = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[0-9A-Za-z:._-]+$")]
Seconds = Annotated[float, Field(ge=0, le=366 * 86400, allow_inf_nan=False)]


def _at_most(chars: int) -> tuple[AfterValidator, WithJsonSchema]:
    """Limit text of any code points, lone surrogates included, which pydantic's own constraint would refuse."""

    def check(text: str) -> str:
        if len(text) > chars:
            raise ValueError(f"expected at most {chars} characters, got {len(text)}")
        return text

    return AfterValidator(check), WithJsonSchema({"type": "string", "maxLength": chars})


Reason = Annotated[str, *_at_most(1024)]
Words = Annotated[str, *_at_most(4096)]
Line = Annotated[str, *_at_most(16_384)]


class Message(BaseModel):
    """The common ground of all messages; `volatile` ones may be merged or dropped for a slow reader."""

    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="strings")
    volatile: ClassVar[bool] = False


class ErrorBody(BaseModel):
    """One error as it travels: a stable code, a sentence, typed fields."""

    model_config = ConfigDict(extra="ignore")
    code: str
    message: str
    fields: dict[str, Any] = Field(default_factory=dict)


# -- opening, keeping, closing -------------------------------------------------------------------------------


class Release(BaseModel):
    """The version of the program that speaks."""

    model_config = ConfigDict(extra="ignore")
    version: str = Field(default="0", max_length=128)
    source_hash: str | None = Field(default=None, max_length=128)
    lock_hash: str | None = Field(default=None, max_length=128)
    python: str | None = Field(default=None, max_length=64)


class Hello(Message):
    """client → hub, first: which versions it speaks and which program and process it is."""

    kind: Literal["hello"] = "hello"
    protocol: tuple[int, int] = (OLDEST_PROTOCOL, PROTOCOL)
    capabilities: list[str] = Field(default_factory=list, max_length=64)
    session: Id
    app: Name
    release: Release = Field(default_factory=Release)
    sdk: str = Field(default="", max_length=128)
    host: str = Field(default="", max_length=256)


class Welcome(Message):
    """hub → client, the answer: the version both will speak, who the client is, and the limits."""

    kind: Literal["welcome"] = "welcome"
    protocol: int
    capabilities: list[str] = Field(default_factory=list)
    hub: str
    connection: str
    team: str
    person: str
    now_us: int
    lease_s: float
    heartbeat_s: float
    frame_limit_bytes: int


class Ping(Message):
    """either way: answered by `pong` with the same `number`; any frame renews the lease."""

    kind: Literal["ping"] = "ping"
    number: Count = 0


class Pong(Message):
    """either way: the answer to `ping`."""

    kind: Literal["pong"] = "pong"
    number: Count = 0


class Goodbye(Message):
    """either way, last: why the sender closes. From an agent: it is finished and will not come back."""

    kind: Literal["goodbye"] = "goodbye"
    reason: Reason = ""
    error: ErrorBody | None = None


class Unsupported(Message):
    """either way: the receiver does not know a message's kind, or the message does not fit its kind."""

    kind: Literal["unsupported"] = "unsupported"
    what: str
    error: ErrorBody


# -- calling -------------------------------------------------------------------------------------------------


class Lookup(Message):
    """caller → hub: give me an action's contract, by `app.name`, by definition hash, or by what it takes and gives."""

    kind: Literal["lookup"] = "lookup"
    request: Id
    action: Name | None = None
    definition: Id | None = None
    demand: dict[str, Any] | None = None


class Found(Message):
    """hub → caller: the contract that `lookup` asked for."""

    kind: Literal["found"] = "found"
    request: str
    action: str
    definition: dict[str, Any]
    signature_hash: str
    definition_hash: str
    agents_online: int


class Submit(Message):
    """caller → hub: run this action. The same `reference` again is the same task."""

    kind: Literal["submit"] = "submit"
    reference: Id
    action: Name
    signature_hash: Id | None = None
    args: dict[str, Any] = Field(default_factory=dict)
    parent: Id | None = None
    agent: Id | None = None
    labels: list[Name] = Field(default_factory=list, max_length=32)
    routing: Literal["least_busy", "round_robin", "sticky"] | None = None
    wait_for_agent: bool = True
    timeout_s: Seconds | None = None
    queue_timeout_s: Seconds | None = None
    retries: Annotated[int, Field(ge=0, le=100)] | None = None
    discreet: bool = False
    watch: bool = True
    window: Annotated[int, Field(ge=1, le=1_000_000)] = 4096


class Accepted(Message):
    """hub → caller: the task is on disk under this id. A call that ends at once may skip this and send `outcome`."""

    kind: Literal["accepted"] = "accepted"
    reference: str
    task: str
    status: str
    number: int = 0


class Refused(Message):
    """hub → client: the request was not carried out, and nothing of it was recorded."""

    kind: Literal["refused"] = "refused"
    request: str
    error: ErrorBody


class Done(Message):
    """hub → client: the request was carried out."""

    kind: Literal["done"] = "done"
    request: str


class Attach(Message):
    """caller → hub: send me the events of a task with a number above `after`."""

    kind: Literal["attach"] = "attach"
    request: Id
    task: Id
    after: Count = 0
    window: Annotated[int, Field(ge=1, le=1_000_000)] = 4096


class Detach(Message):
    """caller → hub: no more events of that task, please. The task goes on."""

    kind: Literal["detach"] = "detach"
    task: Id


class Consumed(Message):
    """caller → hub: I have taken yields up to (not including) `through`; the window moves on."""

    kind: Literal["consumed"] = "consumed"
    task: Id
    through: Count


class Event(Message):
    """hub → caller: something happened to a task. `number` 0 marks a passing one (progress) that is not kept."""

    kind: Literal["event"] = "event"
    task: str
    number: int
    name: str
    at_us: int
    data: dict[str, Any] = Field(default_factory=dict)


class Progressed(Event):
    """An `event` that may be merged or dropped for a slow reader."""

    volatile: ClassVar[bool] = True


class Values(Message):
    """hub → caller: yields `first`, `first`+1, … of a task, each a list with one entry a return port."""

    kind: Literal["values"] = "values"
    task: str
    number: int
    at_us: int
    first: int
    values: list[list[Any]]


class Outcome(Message):
    """hub → caller: the task's one terminal event; `reference` stands in for a skipped `accepted`."""

    kind: Literal["outcome"] = "outcome"
    task: str
    number: int
    status: str
    at_us: int
    reference: str | None = None
    returns: list[Any] | None = None
    error: dict[str, Any] | None = None
    yields: int = 0
    agent: str | None = None


class Control(Message):
    """caller → hub: cancel (cooperative, then by force at the deadline), interrupt, pause, resume or step a task."""

    kind: Literal["control"] = "control"
    request: Id
    task: Id
    verb: Literal["cancel", "interrupt", "pause", "resume", "step"]
    deadline_s: Seconds | None = None
    reason: Reason = ""


# -- providing -----------------------------------------------------------------------------------------------


class Offer(BaseModel):
    """One implementation: the definition and how this agent runs it."""

    model_config = ConfigDict(extra="ignore")
    definition: dict[str, Any]
    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    locks: list[Name] = Field(default_factory=list, max_length=64)
    function_hash: Digest | None = None


class Environment(BaseModel):
    """What a program runs in; packages as `name==version`, sorted, `omitted` of them left out of a list too long.

    `packages_hash` is over all of them.
    """

    model_config = ConfigDict(extra="ignore")
    python: str = Field(default="", max_length=64)
    implementation: str = Field(default="", max_length=64)
    platform: str = Field(default="", max_length=256)
    packages: list[Annotated[str, Field(max_length=256)]] = Field(default_factory=list, max_length=10_000)
    packages_hash: Digest | None = None
    omitted: Count = 0


class Held(BaseModel):
    """A task the agent runs, or whose last words it still keeps."""

    model_config = ConfigDict(extra="ignore")
    task: Id
    attempt: Count


class Provide(Message):
    """agent → hub: these are my functions, and these tasks I still hold from before the connection broke.

    Without `environment` it is the one that the same session said before.
    """

    kind: Literal["provide"] = "provide"
    request: Id
    offers: list[Offer] = Field(max_length=10_000)
    mode: Literal["dev", "prod"] = "prod"
    visibility: Literal["private", "team"] | None = None
    labels: list[Name] = Field(default_factory=list, max_length=64)
    capacity: Annotated[int, Field(ge=1, le=100_000)] = 256
    grace_s: Seconds | None = None
    held: list[Held] = Field(default_factory=list)
    inherits: list[Id] = Field(default_factory=list, max_length=1000)
    environment: Environment | None = None


class Provided(Message):
    """hub → agent: who you are and your epoch; `drop` names held tasks that are no longer yours."""

    kind: Literal["provided"] = "provided"
    request: str
    agent: str
    epoch: int
    actions: list[str]
    drop: list[str] = Field(default_factory=list)


class Drain(Message):
    """agent → hub: assign me nothing more; `done` says that no assignment is under way any more."""

    kind: Literal["drain"] = "drain"
    request: Id | None = None


class Bury(Message):
    """agent → hub: the process of that earlier session is dead, and its last reports have all been sent."""

    kind: Literal["bury"] = "bury"
    session: Id


class Assign(Message):
    """hub → agent: run this. The same (task, attempt) again is the same assignment; `above` names who waits for it."""

    kind: Literal["assign"] = "assign"
    task: str
    attempt: int
    epoch: int
    action: str
    args: dict[str, Any]
    root: str
    parent: str | None = None
    above: list[str] | None = None
    person: str | None = None
    app: str | None = None
    credit: int = 4096
    timeout_s: float | None = None


class Steer(Message):
    """hub → agent: cancel, interrupt, pause, resume or step a task it holds."""

    kind: Literal["steer"] = "steer"
    task: str
    attempt: int
    verb: Literal["cancel", "interrupt", "pause", "resume", "step"]
    deadline_s: float | None = None
    reason: str = ""


class Credit(Message):
    """hub → agent: the task may yield up to (not including) number `through`."""

    kind: Literal["credit"] = "credit"
    task: str
    attempt: int
    through: int


class Ack(Message):
    """hub → agent: every report up to `seq` is on disk, or was answered by `stale`."""

    kind: Literal["ack"] = "ack"
    seq: int


class Stale(Message):
    """hub → agent: a report was refused; the task is not yours (any more). Stop it and forget it."""

    kind: Literal["stale"] = "stale"
    task: str
    attempt: int
    reason: str


class Report(Message):
    """What every report of an agent carries; `seq` 0 marks a passing one that is not acknowledged."""

    task: Id
    attempt: Count
    epoch: Count
    seq: Count = 0


class Started(Report):
    """agent → hub: the function runs now. Left out when the end follows at once."""

    kind: Literal["started"] = "started"


class Progress(Report):
    """agent → hub: how far the task is, 0 to 100 percent, and in words."""

    kind: Literal["progress"] = "progress"
    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    message: Words = ""
    volatile: ClassVar[bool] = True


class Log(Report):
    """agent → hub: a line the function logged or printed."""

    kind: Literal["log"] = "log"
    level: Literal["debug", "info", "warning", "error", "stdout", "stderr"] = "info"
    message: Line = ""


class Yielded(Report):
    """agent → hub: the values number `first`, `first`+1, … of a stream."""

    kind: Literal["yielded"] = "yielded"
    first: Count
    values: list[list[Any]] = Field(min_length=1)


class Paused(Report):
    """agent → hub: the function stands at a pause point (`paused` true) or goes on."""

    kind: Literal["paused"] = "paused"
    paused: bool = True


class Ended(Report):
    """agent → hub: the function ended. `yields` says how many values it gave in all."""

    kind: Literal["ended"] = "ended"
    status: Literal["completed", "failed", "cancelled", "interrupted"]
    returns: list[Any] | None = None
    error: dict[str, Any] | None = None
    yields: Count = 0
    ran_us: Count | None = None


_EITHER_WAY = (Ping, Pong, Goodbye, Unsupported)
_FROM_CALLER = (Lookup, Submit, Attach, Detach, Consumed, Control)
_FROM_AGENT = (Provide, Drain, Bury, Started, Progress, Log, Yielded, Paused, Ended)
_TO_CALLER = (Found, Accepted, Refused, Done, Event, Values, Outcome)
_TO_AGENT = (Provided, Assign, Steer, Credit, Ack, Stale)
FROM_CLIENT = (Hello, *_EITHER_WAY, *_FROM_CALLER, *_FROM_AGENT)
FROM_HUB = (Welcome, *_EITHER_WAY, *_TO_CALLER, *_TO_AGENT)


def kind_of(message: type[Message]) -> str:
    """Give the `kind` a message class is written with."""
    return str(message.model_fields["kind"].default)
