"""What an agent has reported and the hub has not acknowledged, on disk before it is sent.

One append-only file a session: a line a report, and now and then a line `{"acked": n}`. It is locked while its
process lives, so a later process of the same app knows an orphan, sends what is in it and buries it. The rule: a
batch is written with one system call before its frame leaves. Nothing is synced: the outbox survives the process,
and the hub's ledger survives the machine.
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from arkitekt_next.platform import FileLock, make_private_folder
from arkitekt_next.wire.codec import loads

_LOG = logging.getLogger("arkitekt_next.outbox")

TRUNCATE_BYTES = 64 * 1024
REWRITE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """One report: its place in the sequence and its text up to the epoch.

    The epoch is that of the connection it is sent on, but for an inherited report, which keeps the one it was
    written with.
    """

    seq: int
    task: str
    attempt: int
    text: str
    epoch: int | None = None

    def written(self, epoch: int) -> str:
        """Give the whole message."""
        return f'{self.text},"epoch":{epoch if self.epoch is None else self.epoch}}}'


class Outbox:
    """The unacknowledged reports of one session. Belongs to the transport loop."""

    def __init__(self, folder: Path, session: str) -> None:
        self._path = folder / f"{session}.jsonl"
        self._lock = FileLock(folder / f"{session}.lock")
        self._handle: int | None = None
        self._size = 0
        self._seq = 0
        self._acked = 0
        self._is_ack_written = True
        self._is_broken = False
        self.unacked: deque[Report] = deque()
        self.unacked_bytes = 0

    def open(self) -> None:
        """Make the file and lock it; raise `OSError` when the folder can't be written."""
        make_private_folder(self._path.parent)
        if not self._lock.try_acquire():
            raise OSError(f"{self._path} belongs to another process")
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def is_open(self) -> bool:
        """Whether there is a file to write to."""
        return self._handle is not None

    def add(self, task: str, attempt: int, text: str, epoch: int | None = None) -> Report:
        """Number a report and keep it until it is acknowledged; `write` brings it to disk."""
        self._seq += 1
        report = Report(self._seq, task, attempt, f'{text},"seq":{self._seq}', epoch)
        self.unacked.append(report)
        self.unacked_bytes += len(text)
        return report

    def write(self, lines: list[str]) -> None:
        """Append written reports in one system call."""
        if self._handle is None:
            return
        if not self._is_ack_written:
            self._is_ack_written = True
            lines = [f'{{"acked":{self._acked}}}', *lines]
        data = ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
        try:
            while data:
                done = os.write(self._handle, data)
                self._size += done
                data = data[done:]
        except OSError as failed:
            if not self._is_broken:  # the process still has everything; only its own crash would lose something now
                self._is_broken = True
                _LOG.error("the outbox %s can't be written (%s): reports are kept in memory only", self._path, failed)

    def ack(self, seq: int) -> None:
        """Forget every report up to `seq`."""
        unacked = self.unacked
        while unacked and unacked[0].seq <= seq:
            self.unacked_bytes -= len(unacked.popleft().text)
        self._acked = max(self._acked, seq)
        self._is_ack_written = False
        if not unacked:
            self.unacked_bytes = 0
            if self._size > TRUNCATE_BYTES:
                self._truncate()
        elif self._size > REWRITE_BYTES and self.unacked_bytes * 2 < self._size:
            self._rewrite()

    def drop(self, task: str, attempt: int | None = None) -> None:
        """Forget the reports of a task that is not ours any more."""
        if not any(report.task == task for report in self.unacked):
            return
        kept = deque(r for r in self.unacked if r.task != task or (attempt is not None and r.attempt != attempt))
        self.unacked = kept
        self.unacked_bytes = sum(len(report.text) for report in kept)

    def held(self) -> set[tuple[str, int]]:
        """Give the attempts that still have something unacknowledged."""
        return {(report.task, report.attempt) for report in self.unacked}

    def close(self, *, keep: bool) -> None:
        """Close the file; unless `keep`, or when something is still unacknowledged, it is removed."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        os.close(handle)
        if not keep and not self.unacked:
            remove_outbox(self._path)
        self._lock.release()

    def abandon(self) -> None:
        """Let go without a trace: in a forked child the outbox belongs to the parent."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
        self._lock.abandon()

    def _truncate(self) -> None:
        if self._handle is not None:
            with suppress(OSError):
                os.ftruncate(self._handle, 0)
                self._size = 0
                self._is_broken = False

    def _rewrite(self) -> None:
        if self._handle is None:
            return
        draft = self._path.with_suffix(".draft")
        try:
            data = "".join(f"{report.written(0)}\n" for report in self.unacked).encode("utf-8", "surrogatepass")
            draft.write_bytes(data)
            os.replace(draft, self._path)
            os.close(self._handle)
            self._handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            self._size = len(data)
        except OSError as failed:
            _LOG.warning("the outbox %s can't be rewritten: %s", self._path, failed)
            self._size = 0


@dataclass(slots=True)
class Orphan:
    """The outbox of a process that is dead, held by this one until it is buried."""

    session: str
    path: Path
    lock: FileLock
    reports: list[dict[str, Any]] = field(default_factory=list)
    last_seq: int | None = None

    def bury(self) -> None:
        """Remove it: the hub has everything."""
        remove_outbox(self.path)
        self.lock.release()

    def release(self) -> None:
        """Leave it to the next process."""
        self.lock.release()


def find_orphans(folder: Path, own_session: str) -> Iterator[Orphan]:
    """Take over the outboxes of dead processes of this app."""
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        session = path.stem
        if session == own_session:
            continue
        lock = FileLock(path.with_suffix(".lock"))
        if not lock.try_acquire():
            continue
        if not path.exists():
            lock.release()
            continue
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError:
            lock.release()
            continue
        yield Orphan(session, path, lock, list(_unacked(lines)))


def _unacked(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    kept: dict[int, dict[str, Any]] = {}
    for line in lines:
        try:
            entry = loads(line)
        except ValueError:  # the process died while it wrote its last line
            continue
        if not isinstance(entry, dict):
            continue
        if "acked" in entry:
            kept = {seq: report for seq, report in kept.items() if seq > entry["acked"]}
        elif isinstance(entry.get("seq"), int) and "task" in entry and isinstance(entry.get("attempt"), int):
            kept[entry["seq"]] = entry
    yield from (kept[seq] for seq in sorted(kept))


def write_inherited(entry: dict[str, Any]) -> str:
    """Write a dead session's report again, without what `Outbox.add` and `Report.written` put behind it."""
    body = {key: value for key, value in entry.items() if key not in ("seq", "epoch")}
    return json.dumps(body, separators=(",", ":"))[:-1]


def remove_outbox(path: Path) -> None:
    """Remove an outbox and its lock file."""
    for victim in (path, path.with_suffix(".lock")):
        with suppress(OSError):
            victim.unlink()
