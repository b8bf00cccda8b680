"""What an agent tells the hub: numbered reports that are kept until acknowledged, and passing ones that are not.

It belongs to the transport loop. The rule: a numbered report is written to the outbox before it is sent, once a
turn for all of them, and what was sent before a break is sent again, in order, before anything new.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.platform import state_folder

from .outbox import Orphan, Outbox, Report, find_orphans, write_inherited

if TYPE_CHECKING:
    from .connection import Connection

_LOG = logging.getLogger("arkitekt_next.agent")


class Reports:
    """The reports of one session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._outbox: Outbox | None = None
        self._orphans: list[Orphan] = []
        self._batch: list[Report] = []
        self._passing: list[str] = []
        self._is_live = False
        self.epoch = 0

    def open(self, hub: str, app: str) -> None:
        """Open the outbox towards a hub, and take over what dead processes of the app left."""
        if self._outbox is not None:
            return
        folder = outbox_folder(hub, app)
        self._outbox = Outbox(folder, self._connection.session_id)
        try:
            self._outbox.open()
            self._orphans = list(find_orphans(folder, self._connection.session_id))
        except OSError as refused:
            _LOG.error(
                "no outbox can be kept in %s (%s): what isn't acknowledged dies with this process", folder, refused
            )

    @property
    def is_live(self) -> bool:
        """Whether reports are sent, not only written."""
        return self._is_live

    def close(self) -> None:
        """Close the outbox; it stays on disk only if something in it is unacknowledged."""
        if self._outbox is not None:
            self._outbox.close(keep=False)
        for orphan in self._orphans:
            orphan.release()
        self._orphans = []

    # -- reporting -------------------------------------------------------------------------------------------

    def add(self, task: str, attempt: int, text: str) -> None:
        """Report something that counts; `text` is the message without seq, epoch and closing brace."""
        if self._outbox is not None:
            self._batch.append(self._outbox.add(task, attempt, text))

    def mention(self, text: str) -> None:
        """Report something passing: a whole message, lost if there is no connection now."""
        self._passing.append(text)

    def flush(self) -> None:
        """Write and send what this turn produced, passing reports first: they are older than the end they precede."""
        if self._passing:
            passing, self._passing = self._passing, []
            if self._is_live:
                for text in passing:
                    self._connection.send(text)
        if self._batch:
            self._write()

    def _write(self) -> None:
        batch, self._batch = self._batch, []
        epoch = self.epoch
        lines = [report.written(epoch) for report in batch]
        if self._outbox is not None:
            self._outbox.write(lines)
        if self._is_live:
            for line in lines:
                self._connection.send(line)

    # -- connections come and go -----------------------------------------------------------------------------

    def suspend(self) -> None:
        """Note that the connection broke: reports are only written until `resume`."""
        self._is_live = False

    def resume(self, epoch: int) -> bool:
        """Go on under an epoch: say again what is unacknowledged. False when there was no break."""
        self.epoch = epoch
        was_live, self._is_live = self._is_live, True
        if not was_live and self._outbox is not None:
            unwritten = {report.seq for report in self._batch}
            for report in self._outbox.unacked:
                if report.seq not in unwritten:
                    self._connection.send(report.written(epoch))
        return not was_live

    def ack(self, seq: int) -> None:
        """Forget what is on disk at the hub."""
        if self._outbox is not None:
            self._outbox.ack(seq)
            if self._orphans:
                self._settle_orphans(seq)

    def drop(self, task: str, attempt: int | None) -> None:
        """Forget the reports of a task that is not ours any more."""
        if self._outbox is not None:
            self._batch = [r for r in self._batch if r.task != task or (attempt is not None and r.attempt != attempt)]
            self._outbox.drop(task, attempt)

    def held(self) -> set[tuple[str, int]]:
        """Give the attempts with unacknowledged reports of this process's own."""
        inherited = {(entry["task"], entry["attempt"]) for orphan in self._orphans for entry in orphan.reports}
        return (self._outbox.held() if self._outbox is not None else set()) - inherited

    @property
    def unacknowledged(self) -> int:
        """How many reports the hub has not confirmed."""
        return len(self._outbox.unacked) if self._outbox is not None else 0

    @property
    def unacknowledged_bytes(self) -> int:
        """How large they are together."""
        return self._outbox.unacked_bytes if self._outbox is not None else 0

    # -- the dead --------------------------------------------------------------------------------------------

    @property
    def inherited(self) -> list[str]:
        """The sessions whose last reports this process speaks for."""
        return [orphan.session for orphan in self._orphans]

    def send_inherited(self) -> None:
        """Report what dead processes could not, then let the hub settle their tasks."""
        for orphan in self._orphans:
            if orphan.last_seq is None:
                orphan.last_seq = 0
                for report in self._adopt(orphan):
                    self._batch.append(report)
                    orphan.last_seq = report.seq
                self._write()
            self._connection.send(f'{{"kind":"bury","session":"{orphan.session}"}}')
        self._settle_orphans(0)

    def _adopt(self, orphan: Orphan) -> Iterator[Report]:
        assert self._outbox is not None
        for entry in orphan.reports:
            epoch: Any = entry.get("epoch", 0)
            yield self._outbox.add(str(entry["task"]), int(entry["attempt"]), write_inherited(entry), int(epoch))

    def _settle_orphans(self, acked: int) -> None:
        for orphan in [o for o in self._orphans if o.last_seq is not None and o.last_seq <= acked]:
            self._orphans.remove(orphan)
            orphan.bury()

    def forget(self) -> None:
        """In a forked child: the outbox belongs to the parent."""
        if self._outbox is not None:
            self._outbox.abandon()


def outbox_folder(hub: str, identifier: str) -> Path:
    """Give the folder of an app's outboxes towards one hub."""
    safe = "".join(char if char.isalnum() or char in "-_." else "_" for char in hub) or "hub"
    return state_folder() / "outbox" / safe / identifier
