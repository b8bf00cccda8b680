"""Runs a task again, with the arguments it had: the very release that ran, or the function as it is now.

The rule: a repetition is as private and as discreet as what it repeats, and what exactly ran is never guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from arkitekt_next.auth.rules import Visibility
from arkitekt_next.errors import Conflict, ReleaseNotRunning
from arkitekt_next.ports.compatibility import compatibility
from arkitekt_next.storage import history_tables as h
from arkitekt_next.storage import tables as t
from arkitekt_next.wire.codec import loads
from arkitekt_next.wire.messages import Submit

from . import access
from .submit import Again

if TYPE_CHECKING:
    from arkitekt_next.auth.principal import Principal
    from arkitekt_next.hub.catalog.service import Contract

    from . import views as v
    from .board import Board

_t = t.task.c
_v = h.function_version.c
_r = t.release.c
_s = h.release_source.c


@dataclass(frozen=True, slots=True)
class Repetition:
    """A call that repeats another: what is submitted, and what it has to keep to."""

    wanted: Submit
    again: Again


async def prepare(board: Board, who: Principal, task: str, form: v.AgainForm, reference: str) -> Repetition:
    """Make the call that repeats a task.

    Raises `NotFound`, `NotPermitted` for one that may not be read, `ReleaseNotRunning`, and `Conflict` where it is not
    known what ran, or what it was given does not fit any more.
    """
    await access.read(board, who, task)
    row = await _row(board, who, task)
    await board.catalogue.learn(who.team, row.action)
    contract = _same(board, who, row) if form.version == "same" else _current(board, who, row)
    is_somebody_elses = row.person_id != who.person
    is_discreet = row.is_discreet if form.discreet is None or is_somebody_elses else form.discreet
    options: dict[str, Any] = loads(row.options)
    kept = {name: options[name] for name in ("labels", "timeout_s") if name in options}
    wanted = Submit(
        reference=reference,
        action=row.action,
        args=loads(row.args),
        discreet=is_discreet or bool(form.discreet),
        **kept,
    )
    is_private = row.visibility == Visibility.PRIVATE
    code = row.code_hash if form.version == "same" else None
    return Repetition(wanted, Again(task=task, contract=contract, code_hash=code, is_private=is_private))


async def _row(board: Board, who: Principal, task: str) -> Any:
    query = (
        select(
            *(_t[name] for name in ("id", "action", "args", "options", "person_id", "visibility", "is_discreet")),
            _t.definition_hash,
            _v.definition_hash.label("ran_definition_hash"),
            _v.code_hash,
            _r.version.label("release"),
            _s.item_id.label("source"),
        )
        .outerjoin(h.function_version, and_(_v.team_id == _t.team_id, _v.id == _t.version_id))
        .outerjoin(t.release, _r.id == _v.release_id)
        .outerjoin(h.release_source, and_(_s.app_id == _r.app_id, _s.source_hash == _r.source_hash))
        .where(_t.team_id == who.team, _t.id == task)
    )
    async with board.database.engine.connect() as db:
        row = (await db.execute(query)).first()
    if row is None:
        raise access.missing(task)
    return row


def _same(board: Board, who: Principal, row: Any) -> Contract:
    """Give the definition of the very code that ran, as somebody offers it now."""
    if not row.code_hash:
        raise Conflict(
            problem=f"It is not known which sources task {row.id} ran: its agent gave no hash of them, or it never ran",
            remedy="Run it with the current version",
        )
    for offer in board.catalogue.usable(who, board.catalogue.find(who, row.action)):
        if offer.code_hash == row.code_hash and offer.agent.is_online:
            return offer.contract
    app = row.action.rpartition(".")[0]
    kept = f"Its sources are kept in item {row.source}: start" if row.source is not None else "Start"
    raise ReleaseNotRunning(
        task=row.id,
        action=row.action,
        release=f"{app} {row.release}",
        source=row.source,
        remedy=f"{kept} that release, or run it with the current version",
    )


def _current(board: Board, who: Principal, row: Any) -> Contract:
    """Give the definition that a caller gets now, where what the task was given still fits it."""
    contract = board.catalogue.bind(who, row.action)
    old = contract.action.contracts.get(row.ran_definition_hash or row.definition_hash)
    if old is None or old.signature_hash == contract.signature_hash:
        return contract
    breaking = compatibility(old.definition, contract.definition).breaking
    if breaking:
        raise Conflict(
            problem=f"{row.action} is not what it was when task {row.id} ran: {'; '.join(breaking[:5])}",
            remedy="Run the same version, or call it with arguments that fit",
        )
    return contract
