"""The providing side of a connection: offers, assignments, reports, and what survives a reconnect or a crash.

It lives on the transport loop and never runs a user's code: functions go to threads, processes or the app's own
loop, and come back as posted reports. The rule: a report that counts is numbered, then written to the outbox, then
sent, and kept until it is acknowledged.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import ArkitektError, NotPermitted, SignInNeeded
from arkitekt_next.wire.codec import dumps, loads
from arkitekt_next.wire.messages import Ack, Assign, Credit, Message, Provided, Stale, Steer, Welcome

from .admission import Admission
from .connection import Connection
from .loop import after_fork
from .reporting import Reports
from .run import PROGRESS_INTERVAL_S, Cancelled, Run, Sink
from .runner import failed

if TYPE_CHECKING:
    from .caller import Caller
    from .hosting import Host

_LOG = logging.getLogger("arkitekt_next.agent")

STARTED_AFTER_S = 0.02
VALUES_PER_REPORT = 1024
REPORT_BYTES = 96 * 1024
LINES_UNDER_WAY = 2048
OUTBOX_LIMIT_BYTES = 64 * 1024 * 1024


class Agent(Sink):
    """The functions that one app provides on one connection, and the tasks it holds."""

    def __init__(self, connection: Connection, caller: Caller, host: Host) -> None:
        self._connection = connection
        self._caller = caller
        self._host = host
        self._runs: dict[tuple[str, int], Run] = {}
        self._by_task: dict[str, Run] = {}
        self._finished: dict[tuple[str, int], None] = {}
        self._parents: dict[str, str] = {}
        self._admission = Admission(self._start, self._refuse)
        self._admission.parents = [self._parents, caller.parent_of]
        caller.child_known = self._child_known
        self._reports = Reports(connection)
        self._starting: deque[tuple[float, Run]] = deque()
        self._is_watching_starts = False
        self._held_up: list[Run] = []
        self._settled: list[Callable[[], None]] = []
        self.agent_id = ""
        self.actions: list[str] = []
        self.provided: list[Callable[[ArkitektError | None], None]] = []
        self.is_draining = False
        self._is_drained = False
        self._knows_environment = False
        self.handlers: dict[type[Message], Callable[[Any], None]] = {
            Assign: self._assigned,
            Steer: self._steered,
            Credit: self._credited,
            Ack: self._acked,
            Stale: self._stale,
        }
        after_fork(self.forget)
        connection.add(self)

    # -- the role --------------------------------------------------------------------------------------------

    def opened(self, welcome: Welcome) -> None:
        self._reports.open(welcome.hub, self._host.identifier)
        self._knows_environment = False
        self.provide()

    def lost(self) -> None:
        self._reports.suspend()
        self._let_on()

    def closed(self, error: ArkitektError) -> None:
        for listener in tuple(self.provided):
            listener(error)
        self._reports.close()
        if isinstance(error, SignInNeeded):
            self._host.fail(error)

    def turn_ends(self) -> None:
        self._reports.flush()

    # -- providing -------------------------------------------------------------------------------------------

    def provide(self) -> None:
        """Tell the hub which functions there are; it replaces what it was told before."""
        if not self._connection.is_open:
            return
        own = {key for key, run in self._runs.items() if not run.is_abandoned} | self._reports.held()
        fields: dict[str, Any] = {
            "kind": "provide",
            **self._host.provision(),
            "held": [{"task": task, "attempt": attempt} for task, attempt in own],
            "inherits": self._reports.inherited,
        }
        if not self._knows_environment:
            fields["environment"] = self._host.environment
            self._knows_environment = True
        self._caller.request(fields, self._was_provided)

    def _was_provided(self, answer: Any) -> None:
        if isinstance(answer, Provided):
            self.agent_id, self.actions = answer.agent, answer.actions
            for task in answer.drop:
                self._forget(task, None, "the hub has given it to another agent")
            if self._reports.resume(answer.epoch):
                self._mention_again()
            self._reports.send_inherited()
            if self.is_draining:
                self._ask_to_drain()
        failure = answer if isinstance(answer, ArkitektError) else None
        if failure is not None:
            _LOG.error("the hub refused the functions of %s: %s", self._host.identifier, failure)
        for listener in tuple(self.provided):
            listener(failure)

    def _mention_again(self) -> None:
        for run in self._runs.values():
            if run.progress is not None and not run.is_ended:
                self._tell_progress(run)

    # -- what the hub says -----------------------------------------------------------------------------------

    def _assigned(self, message: Assign) -> None:
        key = (message.task, message.attempt)
        if key in self._runs or key in self._finished:
            return
        name = message.action.rpartition(".")[2]
        registration = self._host.functions.get(name)
        if registration is None:
            self._never_ran(
                message,
                NotPermitted(person="the hub", verb="run", what=name, remedy="It is not provided here any more"),
            )
            return
        run = Run(
            task=message.task,
            attempt=message.attempt,
            action=name,
            args=message.args,
            registration=registration,
            sink=self,
            host=self._host,
            root=message.root,
            parent=message.parent,
            person=message.person,
            app=message.app,
            credit=message.credit,
            above=message.above or (),
        )
        self._runs[key] = run
        self._by_task[run.task] = run
        if message.parent is not None:
            self._parents[run.task] = message.parent
        if self._host.is_watched:
            self._host.tell(run, "assigned", {"args": run.args})
        self._admission.enter(run)

    def _never_ran(self, message: Assign, error: ArkitektError) -> None:
        head = f'"task":"{message.task}","attempt":{message.attempt}'
        body = dumps({"error": error.to_json()})
        self._reports.add(
            message.task, message.attempt, f'{{"kind":"ended",{head},"status":"failed","error":{body},"yields":0'
        )

    def _start(self, run: Run) -> None:
        self._starting.append((self._connection.now + STARTED_AFTER_S, run))
        if not self._is_watching_starts:
            self._is_watching_starts = True
            self._connection.soon(self._tell_starts, after_s=STARTED_AFTER_S)
        self._host.execute(run)

    def _tell_starts(self) -> None:
        now, starting = self._connection.now, self._starting
        late: list[tuple[float, Run]] = []
        while starting and starting[0][0] <= now + 0.001:
            _, run = starting.popleft()
            if run.is_ended:
                continue
            if not run.is_started:
                late.append((now + STARTED_AFTER_S, run))
            elif not run.is_reported:
                run.is_reported = True
                self._reports.mention(f'{{"kind":"started",{run.head},"epoch":{self._reports.epoch},"seq":0}}')
        starting.extend(late)
        self._is_watching_starts = bool(starting)
        if starting:
            self._connection.soon(self._tell_starts, after_s=max(0.001, starting[0][0] - now))

    def _steered(self, message: Steer) -> None:
        run = self._runs.get((message.task, message.attempt))
        if run is None or run.is_ended or run.is_abandoned:
            return
        if message.verb == "cancel":
            self.cancel(run, message.reason, message.deadline_s)
        elif message.verb == "interrupt":
            run.cancel(message.reason)
            self.interrupt(run, message.reason)
        elif message.verb == "pause":
            run.is_pause_wanted = True
            run.steps = 0
            self._host.steer(run, "pause")
        elif message.verb == "step":
            run.steps += 1
            self._host.steer(run, "step")
            run.wake()
        else:
            run.is_pause_wanted = False
            self._host.steer(run, "resume")
            run.wake()

    def cancel(self, run: Run, reason: str, deadline_s: float | None) -> None:
        """Ask a run to stop; at the deadline it is cut off."""
        if self._admission.withdraw(run):
            run.is_cancelled, run.cancel_reason = True, reason
            self._conclude(run, failed(run, Cancelled("cancelled before it started")))
            self._release(run)
            return
        run.cancel(reason)
        if deadline_s is not None and not run.is_ended:
            self._connection.soon(self.interrupt, run, reason, after_s=deadline_s)

    def interrupt(self, run: Run, reason: str) -> None:
        """Cut a run off: report it interrupted.

        A thread can't be stopped, so its place and locks stay taken until it ends.
        """
        if run.is_ended or run.is_abandoned:
            return
        self._flush_values(run)
        run.is_abandoned = True
        error = {
            "code": "task_interrupted",
            "message": f"Task {run.task} did not stop in time and was interrupted",
            "fields": {"reason": reason},
        }
        body = f'"status":"interrupted","error":{dumps({"error": error})},"yields":{run.yields},"ran_us":{run.ran_us}'
        self._reports.add(run.task, run.attempt, f'{{"kind":"ended",{run.head},{body}')
        if self._admission.withdraw(run):
            self._release(run)
        else:
            self._host.kill(run)

    def _credited(self, message: Credit) -> None:
        run = self._runs.get((message.task, message.attempt))
        if run is not None and message.through > run.credit:
            run.credit = message.through
            self._host.steer(run, "credit")
            run.wake()

    def _acked(self, message: Ack) -> None:
        self._reports.ack(message.seq)
        if self._held_up:
            self._let_on()
        if self._settled:
            self._check_settled()

    def _stale(self, message: Stale) -> None:
        self._forget(message.task, message.attempt, message.reason)

    def _forget(self, task: str, attempt: int | None, reason: str) -> None:
        self._reports.drop(task, attempt)
        run = self._by_task.get(task)
        if run is None or (attempt is not None and run.attempt != attempt) or run.is_abandoned:
            return
        run.is_abandoned = True
        if self._admission.withdraw(run):
            self._release(run)
            return
        run.cancel(f"the task is not this agent's any more: {reason}")
        self._host.kill(run)

    # -- what functions report: posted from their threads ----------------------------------------------------

    def yielded(self, run: Run) -> None:
        self._connection.post(self._flush_values, run)

    def progressed(self, run: Run) -> None:
        self._connection.post(self._progress_due, run)

    def logged(self, run: Run) -> None:
        self._connection.post(self._flush_lines, run)

    def paused(self, run: Run, is_paused: bool) -> None:
        self._connection.post(self._paused, run, is_paused)

    def ended(self, run: Run, fields: str) -> None:
        self._connection.post(self._end, run, fields)

    # -- on the transport loop again -------------------------------------------------------------------------

    def _flush_values(self, run: Run) -> None:
        texts = run.take_values()
        if not texts or run.is_abandoned:
            return
        first = run.yields_told
        run.yields_told += len(texts)
        start, size = 0, 0
        for index, text in enumerate(texts):
            size += len(text)
            if size > REPORT_BYTES or index - start >= VALUES_PER_REPORT:
                if index > start:
                    self._report_values(run, first + start, texts[start:index])
                    start = index
                size = len(text)
        self._report_values(run, first + start, texts[start:])

    def _report_values(self, run: Run, first: int, texts: list[str]) -> None:
        joined = ",".join(texts)
        self._reports.add(run.task, run.attempt, f'{{"kind":"yielded",{run.head},"first":{first},"values":[{joined}]')

    def _progress_due(self, run: Run) -> None:
        wait_s = run.told_at + PROGRESS_INTERVAL_S - self._connection.now
        if wait_s > 0.001:
            self._connection.soon(self._progress_due, run, after_s=wait_s)
        elif run.is_progress_due and not run.is_ended:
            self._tell_progress(run)

    def _tell_progress(self, run: Run) -> None:
        run.is_progress_due = False
        run.told_at = self._connection.now
        if run.progress is not None and not run.is_abandoned:
            percent, message = run.progress
            said = "" if percent is None else f',"percent":{percent!r}'
            self._reports.mention(
                f'{{"kind":"progress",{run.head},"epoch":{self._reports.epoch},"seq":0,"message":{dumps(message)}{said}}}'
            )

    def _flush_lines(self, run: Run) -> None:
        if run.is_abandoned or run.is_ended:
            return
        if self._reports.is_live and self._reports.unacknowledged > LINES_UNDER_WAY:
            self._held_up.append(run)  # its thread waits, too, once it has logged a little more
        else:
            self._report_lines(run)

    def _report_lines(self, run: Run) -> None:
        for level, message in run.take_lines():
            if self._reports.unacknowledged_bytes > OUTBOX_LIMIT_BYTES:
                run.lines_dropped += 1
                continue
            text = f'{{"kind":"log",{run.head},"level":"{level}","message":{dumps(message)}'
            self._reports.add(run.task, run.attempt, text)

    def _let_on(self) -> None:
        held_up, self._held_up = self._held_up, []
        for run in held_up:
            self._flush_lines(run)

    def _paused(self, run: Run, is_paused: bool) -> None:
        if not run.is_abandoned and not run.is_ended:
            self._reports.add(run.task, run.attempt, f'{{"kind":"paused",{run.head},"paused":{str(is_paused).lower()}')

    def _end(self, run: Run, fields: str) -> None:
        self._conclude(run, fields)
        self._admission.leave(run)
        self._release(run)

    def _conclude(self, run: Run, fields: str) -> None:
        run.is_ended = True
        if self._host.is_watched:
            self._host.tell(run, "ended", loads(f"{{{fields}}}"))
        if run.is_abandoned:
            return
        if run.values:
            self._flush_values(run)
        if run.lines:
            self._report_lines(run)
        if run.is_progress_due:
            self._tell_progress(run)
        self._reports.add(run.task, run.attempt, f'{{"kind":"ended",{run.head},{fields}')

    def _refuse(self, run: Run, error: Exception) -> None:
        self._end(run, failed(run, error))

    def _release(self, run: Run) -> None:
        key = (run.task, run.attempt)
        if self._runs.pop(key, None) is None:
            return
        if self._by_task.get(run.task) is run:
            del self._by_task[run.task]
        self._parents.pop(run.task, None)
        self._finished[key] = None
        if len(self._finished) > 4096:
            del self._finished[next(iter(self._finished))]
        if self._settled:
            self._check_settled()

    def _child_known(self) -> None:
        if self._admission.has_waiting:
            self._admission.recheck()

    # -- ending ----------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Take nothing more; what the hub has sent already still runs."""
        self.is_draining = True
        self._ask_to_drain()

    def _ask_to_drain(self) -> None:
        self._is_drained = False
        self._caller.request({"kind": "drain"}, self._was_drained)

    def _was_drained(self, answer: Any) -> None:
        """No assignment is under way any more (or nobody is there to send one)."""
        self._is_drained = True
        if self._settled:
            self._check_settled()

    def when_settled(self, then: Callable[[], None]) -> None:
        """Call `then` once nothing runs and everything is acknowledged."""
        self._settled.append(then)
        self._check_settled()

    def _check_settled(self) -> None:
        if self.is_draining and not self._is_drained:
            return
        if any(not run.is_abandoned for run in self._runs.values()):
            return
        if self._reports.unacknowledged:
            return
        settled, self._settled = self._settled, []
        for then in settled:
            then()

    def runs(self) -> list[Run]:
        """Give the runs that are not over, abandoned ones included."""
        return list(self._runs.values())

    def locks(self) -> dict[str, str]:
        """Give which lock is held by which task."""
        return self._admission.held()

    @property
    def unacknowledged(self) -> int:
        """How many reports the hub has not confirmed."""
        return self._reports.unacknowledged

    def forget(self) -> None:
        """In a forked child: the outbox belongs to the parent."""
        self._reports.forget()
