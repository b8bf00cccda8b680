"""The ledger: group commit for everything that is acknowledged.

`write` queues a unit (statements that belong together); everything that arrived while the last transaction ran goes
into the next one; `done` is called on the event loop after the commit, in the order of `write`. The rule: nothing that
depends on a unit may leave the hub before its `done`.

A unit that is `kept` (an agent's report: work that was done) is tried again until it is on disk. One that is not (a
submit: nothing is promised yet) fails with `StorageFull` at once while the disk takes nothing, so it may be answered
before kept ones that were written earlier. A unit whose own statements fail gets the error; the others of its batch are
committed. `close` commits what is queued; what the disk does not take by then fails with `StorageFull`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from arkitekt_next.errors import StorageFull

from .statement import Statement, insert_or

__all__ = ["Done", "Ledger", "Statement", "Step", "Unit", "insert_or"]

Done = Callable[[Sequence[int] | Exception], None]
Step = tuple[Statement, Mapping[str, Any]]
Result = Sequence[int] | Exception


@dataclass(slots=True)
class Unit:
    """Statements that are committed together; `done` gets their row counts, or the error.

    A step that changes no row guards the ones after it: they are skipped and count 0.
    """

    steps: Sequence[Step]
    done: Done
    kept: bool


class Ledger(ABC):
    """What both databases do alike: collect a turn's units, hand them over, call back.

    `backlog` counts the units that are not on disk, `commits` the transactions; `full_reason` says why nothing can be
    written just now. `close_within_s` is how long `close` waits for rows that another connection holds.
    """

    close_within_s = 20.0

    def __init__(self, place: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._place = place
        self._turn: list[Unit] = []
        self.backlog = 0
        self.commits = 0
        self.full_reason: str | None = None
        self._is_closed = False

    def write(self, steps: Sequence[Step], done: Done, *, kept: bool = True) -> None:
        """Queue a unit. Call on the event loop; never blocks."""
        if not self._turn:
            self._loop.call_soon(self._end_turn)
        self._turn.append(Unit(steps, done, kept))
        self.backlog += 1

    async def commit(self, *steps: Step, kept: bool = False) -> Sequence[int]:
        """Write a unit and wait for it; give the row counts. A cancelled caller's unit is committed all the same."""
        future: asyncio.Future[Sequence[int]] = self._loop.create_future()

        def done(result: Sequence[int] | Exception) -> None:
            if future.done():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.write(steps, done, kept=kept)
        return await future

    async def close(self) -> None:
        """Commit what is queued and stop; bounded also when the disk takes nothing. What is written later fails."""
        self._end_turn()
        self._is_closed = True
        await self._stop()

    def _end_turn(self) -> None:
        turn, self._turn = self._turn, []
        if turn and self._is_closed:
            self._finish([(unit, self._full("the ledger is closed")) for unit in turn])
        elif turn:
            self._hand_over(turn)

    def _finish(self, results: Sequence[tuple[Unit, Result]]) -> None:
        """Call back, on the loop; a callback that raises does not keep the others from being called."""
        self.backlog -= len(results)
        for unit, result in results:
            try:
                unit.done(result)
            except Exception as error:
                self._loop.call_exception_handler({"message": "a callback of the ledger failed", "exception": error})

    def _full(self, reason: str) -> StorageFull:
        return StorageFull(reason=reason, folder=self._place)

    @abstractmethod
    def _hand_over(self, units: list[Unit]) -> None:
        """Take the units of one loop turn."""

    @abstractmethod
    async def _stop(self) -> None:
        """Commit what was handed over, and stop."""
