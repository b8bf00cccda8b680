"""What is done to tasks over HTTP: submit and steer. Each is answered once what it did is on disk."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from sqlalchemy import select

from arkitekt_next.errors import ArkitektError, Conflict, RequestRefused
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.lifecycle import TERMINAL, Status
from arkitekt_next.wire.messages import Submit

from . import access, again, control, reads
from . import submit as calls
from . import views as v
from .stream import Patience

if TYPE_CHECKING:
    from arkitekt_next.auth.principal import Principal

    from .board import Board
    from .control import Verb
    from .live import LiveTask


async def submit(board: Board, who: Principal, form: v.TaskForm, *, key: str | None, wait_s: float) -> v.Submitted:
    """Record a call, and wait for its outcome when asked to. Raises what the wire's `submit` is refused with."""
    return await _submit(board, who, _message(form, key), wait_s=wait_s)


async def run_again(
    board: Board, who: Principal, task: str, form: v.AgainForm, *, key: str | None, wait_s: float
) -> v.Submitted:
    """Record a call that repeats a task, and wait for its outcome when asked to. Raises what `again.prepare` does."""
    reference = _reference(form.reference, key)
    repetition = await again.prepare(board, who, task, form, reference)
    return await _submit(board, who, repetition.wanted, wait_s=wait_s, repeats=repetition.again)


async def _submit(
    board: Board, who: Principal, wanted: Submit, *, wait_s: float, repeats: calls.Again | None = None
) -> v.Submitted:
    receipts: asyncio.Future[calls.Receipt] = board.loop.create_future()
    patience = Patience()

    def answered(result: calls.Receipt | ArkitektError) -> None:
        if receipts.done():
            return
        if isinstance(result, ArkitektError):
            receipts.set_exception(result)
        else:
            receipts.set_result(result)

    def prepare(task: LiveTask) -> None:
        if wait_s:
            patience.listen(task)

    calls.submit(board, who, wanted, answered, prepare=prepare, again=repeats)
    receipt = await receipts
    told = v.Submitted(task=receipt.task, reference=wanted.reference, status=Status(receipt.status))
    if not wait_s:
        return told
    if not patience.readers and receipt.live is not None and board.live.get(receipt.task) is receipt.live:
        patience.listen(receipt.live)
    if patience.readers:
        outcome = await patience.wait(board, wait_s)
    else:
        outcome = await reads.get_outcome(board.database.engine, who.team, receipt.task)
    if outcome is None:
        return told
    return told.model_copy(update={"outcome": outcome, "status": Status(outcome.status)})


def _message(form: v.TaskForm, key: str | None) -> Submit:
    return Submit(**{**form.model_dump(), "reference": _reference(form.reference, key)})


def _reference(said: str | None, key: str | None) -> str:
    reference = said or key or secrets.token_urlsafe(24)
    if key is not None and reference != key:
        raise RequestRefused(where="header Idempotency-Key", problem=f"expected '{said}' as in the body")
    return reference


async def steer(board: Board, who: Principal, task: str, verb: Verb, form: v.SteerForm) -> v.Steered:
    """Ask a task to stop, pause or go on. Raises `NotFound`, `NotPermitted`; `Conflict` for what makes no sense now."""
    team = who.team
    await access.steer(board, who, task)
    live = reads.live_task(board, team, task)
    if live is None:
        return await _steer_elsewhere(board, team, task, verb, form)
    control.steer(board, live, verb, deadline_s=form.deadline_s, reason=form.reason)
    await board.ledger.commit()  # behind whatever this has written
    return v.Steered(task=task, status=live.status)


async def _steer_elsewhere(board: Board, team: str, task: str, verb: Verb, form: v.SteerForm) -> v.Steered:
    query = select(t.task.c.status, t.task.c.hub_id).where(t.task.c.team_id == team, t.task.c.id == task)
    async with board.database.engine.connect() as db:
        row = (await db.execute(query)).first()
    if row is None:
        raise access.missing(task)
    status = Status(row.status)
    if status not in TERMINAL:
        board.relay.steer(row.hub_id, task, verb, form.deadline_s, form.reason)
    elif verb not in ("cancel", "interrupt"):
        raise Conflict(problem=f"The task has ended ({status})", remedy=f"Only a running task can be asked to {verb}")
    return v.Steered(task=task, status=status)
