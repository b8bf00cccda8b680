"""The calling side of a connection: submits, look-ups, streams, controls, and what survives a reconnect.

Everything here runs on the transport loop. The rule: what the hub has not answered is said again after every
welcome, and what it has accepted is attached again from the last number seen; so a broken connection is only a
delay.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from arkitekt_next.errors import ArkitektError, ProtocolError
from arkitekt_next.wire.codec import dumps
from arkitekt_next.wire.messages import (
    Accepted,
    Done,
    ErrorBody,
    Event,
    Found,
    Message,
    Outcome,
    Provided,
    Refused,
    Unsupported,
    Values,
    Welcome,
)

from .calls import Call
from .connection import Connection, process_token

Reply = Callable[[Any], None]


class Caller:
    """The calls and requests of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pending: dict[str, Call] = {}
        self._behind: dict[str, deque[Call]] = {}
        self._tasks: dict[str, Call] = {}
        self._requests: dict[str, tuple[str, Reply]] = {}
        self._attaches: dict[str, Call] = {}
        self._prefix = process_token()
        self._numbers = itertools.count(1)
        self.parent_of: dict[str, str] = {}
        self.child_known: Callable[[], None] | None = None
        self.relays: list[Callable[[Message], bool]] = []
        self.handlers: dict[type[Message], Callable[[Any], None]] = {
            Accepted: self._accepted,
            Outcome: self._outcome,
            Values: self._values,
            Event: self._event,
            Refused: self._refused,
            Found: self._replied,
            Done: self._replied,
            Provided: self._replied,
            Unsupported: self._unsupported,
        }
        connection.add(self)

    def new_name(self) -> str:
        """Make a reference or request id; callable from any thread."""
        return f"{self._prefix}.{next(self._numbers):x}"

    @property
    def open_calls(self) -> int:
        """How many calls have not ended."""
        return len(self._pending) + len(self._tasks) + sum(map(len, self._behind.values()))

    # -- what a client asks for ------------------------------------------------------------------------------

    def submit(self, call: Call) -> None:
        """Send a call until it is answered; one whose reference was sent just now waits for that answer."""
        if self._connection.is_closed:
            call.error = ProtocolError(where="submit", problem="the connection was closed")
            self._settle(call)
        elif call.reference in self._pending:
            self._behind.setdefault(call.reference, deque()).append(call)
        else:
            self._pending[call.reference] = call
            self._connection.send(call.text)

    def _answered(self, reference: str) -> Call | None:
        """Take the call that an answer is for; the next one with its reference is sent now."""
        call = self._pending.pop(reference, None)
        behind = self._behind.get(reference)
        if call is not None and behind:
            following = self._pending[reference] = behind.popleft()
            if not behind:
                del self._behind[reference]
            self._connection.send(following.text)
        return call

    def attach(self, call: Call, after: int = 0) -> None:
        """Follow a task that is known by its id only."""
        call.number = after
        self._tasks[str(call.task)] = call
        self._attach(call)

    def request(self, fields: dict[str, Any], reply: Reply) -> None:
        """Ask something that may be asked twice; `reply` gets the message or the error.

        A hub that is busy is asked again like one that is away: only so many requests of a connection are under way
        there at once, and each of them ends.
        """
        name = self.new_name()
        text = dumps({**fields, "request": name})
        self._requests[name] = (text, reply)
        self._connection.send(text)

    def consume(self, call: Call) -> None:
        """Tell how far a stream was taken, when that is half a window further than last told."""
        if call.task is not None and not call.is_settled:
            call.declared = call.taken
            self._connection.send(f'{{"kind":"consumed","task":"{call.task}","through":{call.taken}}}')

    def control(self, call: Call, verb: str, deadline_s: float | None, reason: str, reply: Reply) -> None:
        """Steer a task; one that has not been accepted yet is steered as soon as it is."""
        if call.is_settled:
            reply(None)
        elif call.task is None:
            call.changed.append(_once(call, lambda: self._posted_control(call, verb, deadline_s, reason, reply)))
        else:
            fields: dict[str, Any] = {"kind": "control", "task": call.task, "verb": verb, "reason": reason}
            if deadline_s is not None:
                fields["deadline_s"] = deadline_s
            self.request(fields, reply)

    def _posted_control(self, *args: Any) -> None:
        self._connection.post(self.control, *args)

    # -- the role --------------------------------------------------------------------------------------------

    def opened(self, welcome: Welcome) -> None:
        for call in self._pending.values():
            self._connection.send(call.text)
        for call in self._tasks.values():
            self._attach(_hindmost(call))
        for text, _ in list(self._requests.values()):
            self._connection.send(text)

    def lost(self) -> None:
        self._attaches.clear()

    def turn_ends(self) -> None:
        pass

    def closed(self, error: ArkitektError) -> None:
        behind = [call for calls in self._behind.values() for call in calls]
        self._behind.clear()
        for call in [*self._pending.values(), *self._tasks.values(), *behind]:
            call.error = error
            self._settle(call)
        requests, self._requests = self._requests, {}
        for _, reply in requests.values():
            reply(error)

    def _attach(self, call: Call) -> None:
        name = self.new_name()
        self._attaches[name] = call
        fields = {"kind": "attach", "request": name, "task": call.task, "after": call.number, "window": call.window}
        self._connection.send(dumps(fields))
        if call.taken:
            self.consume(call)

    # -- what the hub says -----------------------------------------------------------------------------------

    def _accepted(self, message: Accepted) -> None:
        call = self._answered(message.reference)
        if call is None:
            self._relay(message)
            return
        call.task = message.task
        call.status = message.status
        twin = self._tasks.get(message.task)
        if twin is not None:  # the same reference given twice: both follow the task, this one from its start
            call.twin = twin
            self._tasks[message.task] = call
            self._attach(call)
        else:
            call.number = max(call.number, message.number)
            self._tasks[message.task] = call
        if call.parent is not None:
            self.parent_of[message.task] = call.parent
            if self.child_known is not None:
                self.child_known()
        call.tell()

    def _outcome(self, message: Outcome) -> None:
        call = self._tasks.pop(message.task, None)
        if call is None and message.reference is not None:
            call = self._answered(message.reference)
        if call is None:
            self._relay(message)
            return
        if call.parent is not None:
            self.parent_of.pop(message.task, None)
        while call is not None:
            call.task = message.task
            call.number = message.number
            call.status = message.status
            call.outcome = message
            if call.settled is not None:
                call.settled()
            if call.changed:
                call.tell()
            call = call.twin

    def _values(self, message: Values) -> None:
        call = self._tasks.get(message.task)
        if call is None:
            self._relay(message)
            return
        while call is not None:
            known = call.received - message.first
            if known < 0:  # a gap: ask again from what is known to be whole
                self._attach(call)
                return
            call.number = max(call.number, message.number)
            values = message.values
            call.values.extend(values[known:] if known else values)
            call.received = max(call.received, message.first + len(values))
            call.tell()
            call = call.twin

    def _event(self, message: Event) -> None:
        call = self._tasks.get(message.task)
        if call is None:
            self._relay(message)
            return
        while call is not None:
            if not message.number or message.number > call.number:
                self._note(call, message)
            call = call.twin

    def _note(self, call: Call, message: Event) -> None:
        name, data = message.name, message.data
        if message.number:
            call.number = message.number
        if name == "progress":
            call.progress = (data.get("percent"), str(data.get("message", "")))
        elif name == "log":
            call.logs.append((str(data.get("level", "info")), str(data.get("message", ""))))
        else:
            call.status = _STATUS_AFTER.get(name, call.status)
        call.note({"name": name, "number": message.number, "at_us": message.at_us, "data": data})
        call.tell()

    def _refused(self, message: Refused) -> None:
        self._deny(message.request, message.error, message)

    def _unsupported(self, message: Unsupported) -> None:
        self._deny(message.what, message.error, message)

    def _deny(self, name: str, body: ErrorBody, message: Message) -> None:
        error = ArkitektError.from_json(body.model_dump())
        pause_s = min(float(error.fields.get("retry_after_s") or 0.5), 5.0) if error.code == "busy" else None
        if name in self._requests:
            if pause_s is not None:
                self._connection.soon(self._ask_again, name, after_s=pause_s)
            else:
                self._requests.pop(name)[1](error)
            return
        attached = self._attaches.pop(name, None)
        if attached is not None and pause_s is not None:  # its task goes on, whatever the hub has no time to tell
            self._connection.soon(self._attach_again, attached, after_s=pause_s)
            return
        call = attached or self._pending.get(name)
        if call is None:
            self._relay(message)
            return
        if pause_s is not None and call.task is None and self._connection.now + pause_s < call.busy_until:
            self._connection.soon(self._submit_again, call, after_s=pause_s)
            return
        call.error = error
        self._settle(call)

    def _ask_again(self, name: str) -> None:
        request = self._requests.get(name)
        if request is not None:
            self._connection.send(request[0])

    def _attach_again(self, call: Call) -> None:
        if not call.is_settled and str(call.task) in self._tasks:
            self._attach(call)

    def _submit_again(self, call: Call) -> None:
        if self._pending.get(call.reference) is call:
            self._connection.send(call.text)

    def _replied(self, message: Any) -> None:
        request = self._requests.pop(message.request, None)
        if request is not None:
            request[1](message)
        elif self._attaches.pop(message.request, None) is None:
            self._relay(message)

    def _relay(self, message: Message) -> None:
        for relay in self.relays:
            if relay(message):
                return

    def _settle(self, call: Call) -> None:
        if self._pending.get(call.reference) is call:
            self._answered(call.reference)
        if call.twin is not None:
            twin, call.twin = call.twin, None
            twin.error = call.error
            self._settle(twin)
        if call.task is not None:
            self._tasks.pop(call.task, None)
            self.parent_of.pop(call.task, None)
        if call.settled is not None:
            call.settled()
        call.tell()


def _hindmost(call: Call) -> Call:
    """Give the one among the followers of a task that has seen the least."""
    last = call
    while call.twin is not None:
        call = call.twin
        last = call if call.number < last.number else last
    return last


def _once(call: Call, action: Callable[[], None]) -> Callable[[], None]:
    def listener() -> None:
        if listener in call.changed:
            call.changed.remove(listener)
            action()

    return listener


_STATUS_AFTER = {
    "queued": "queued",
    "assigned": "assigned",
    "started": "running",
    "paused": "paused",
    "resumed": "running",
    "disconnected": "disconnected",
    "reconnected": "running",
}
