"""Removes what can open nothing any more: expired tokens, codes and links, and sign-ins that ended long ago.

It never touches the audit log. The rule: a row goes only when, by its own times, no request could be let in by it, nor
be recognized as a thief's; and a few at a time, so that calls go on beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Table, bindparam, delete, exists, literal_column, select

from arkitekt_next.storage import tables as t
from arkitekt_next.storage.ledger import Statement

if TYPE_CHECKING:
    from arkitekt_next.storage.engine import Database

_DAY_US = 86_400 * 1_000_000
_ASKED_US = 3_600_000_000
_SPENT_US = _DAY_US
_ENDED_US = 30 * _DAY_US
_PAGES_US = 90 * _DAY_US
_AT_ONCE: ColumnElement[int] = literal_column("500")
_NONE: ColumnElement[int] = literal_column("0")


def _prune(table: Table, condition: ColumnElement[bool]) -> Statement:
    """Delete the next few rows that a condition names; `b_before` is the time it is about."""
    (key,) = table.primary_key
    few = select(key).where(condition).limit(_AT_ONCE).offset(_NONE)
    return Statement(f"prune {table.name}", delete(table).where(key.in_(few)))


def _before(column: ColumnElement[int]) -> ColumnElement[bool]:
    return column < bindparam("b_before")


def _ended(table: Table) -> ColumnElement[bool]:
    """Rows of sign-ins that were revoked long ago."""
    c = t.login.c
    return table.c.login_id.in_(select(c.id).where(c.revoked_at_us.is_not(None), _before(c.revoked_at_us)))


_l = t.login.c
_IS_UNUSED = ~(
    exists().where(t.token.c.login_id == _l.id)
    | exists().where(t.authorization_code.c.login_id == _l.id)
    | exists().where(t.device_code.c.login_id == _l.id)
)
_PAGE: ColumnElement[str] = literal_column("'page'")

# In this order: what names a sign-in goes before it.
_RULES: tuple[tuple[Statement, int], ...] = (
    (_prune(t.token, _before(t.token.c.expires_at_us)), _SPENT_US),
    (_prune(t.device_code, _before(t.device_code.c.expires_at_us)), _ASKED_US),  # anybody may ask for one
    (_prune(t.authorization_code, _before(t.authorization_code.c.expires_at_us)), _ASKED_US),
    (_prune(t.account_link, _before(t.account_link.c.expires_at_us)), _SPENT_US),
    (_prune(t.account_link, _before(t.account_link.c.used_at_us)), _SPENT_US),
    (_prune(t.invitation, _before(t.invitation.c.expires_at_us)), _ENDED_US),
    (_prune(t.invitation, _before(t.invitation.c.revoked_at_us)), _ENDED_US),
    (_prune(t.redeem_token, _before(t.redeem_token.c.expires_at_us)), _ENDED_US),
    (_prune(t.redeem_token, _before(t.redeem_token.c.revoked_at_us)), _ENDED_US),
    (_prune(t.token, _ended(t.token)), _ENDED_US),
    (_prune(t.login, _before(_l.revoked_at_us) & _IS_UNUSED), _ENDED_US),
    (_prune(t.login, (_l.kind == _PAGE) & _before(_l.created_at_us) & _IS_UNUSED), _PAGES_US),
)


async def prune(database: Database, *, at_us: int) -> int:
    """Remove what is of no use at that time; give how many rows went."""
    removed = 0
    for statement, age_us in _RULES:
        row = {"b_before": at_us - age_us}
        while count := (await database.ledger.commit((statement, row)))[0]:
            removed += count
    return removed
