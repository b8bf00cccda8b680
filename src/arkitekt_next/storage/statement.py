"""Statements of the ledger: written once with SQLAlchemy Core, compiled once for each database.

A statement that touches exactly the row its parameters name is *single*: many of them can run as one, over arrays on
PostgreSQL and over a list of values on SQLite, where one round trip, or one change of threads, a row would be the price
of a call. The rule: a statement that might touch another row, or a column that has to be unique, is never single.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    Dialect,
    Table,
    UniqueConstraint,
    Update,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnElement

_POSTGRES: Dialect = PGDialect_asyncpg()  # type: ignore[no-untyped-call]
_SQLITE: Dialect = SQLiteDialect_pysqlite(paramstyle="named")
_ROWS = "v"
_TRANSACTION: ColumnElement[str] = literal_column("pg_current_xact_id()::text")
"""What every statement gives back on PostgreSQL for each row it changed: how many, and in which transaction."""


class Statement:
    """One statement in the forms both databases take.

    `many` is PostgreSQL's form for a number of rows at once, whose parameters are arrays in the order of `names`;
    `for_rows` gives SQLite's. Both are None when the statement is not single.
    """

    __slots__ = ("_over_values", "many", "name", "names", "postgres", "sqlite", "subject", "table")

    def __init__(
        self,
        name: str,
        clause: UpdateBase,
        postgres: UpdateBase | None = None,
        *,
        subject: Sequence[str] | None = None,
        many: UpdateBase | None = None,
        over_values: UpdateBase | None = None,
    ) -> None:
        clause_of_postgres = clause if postgres is None else postgres
        self.name = name
        self.table = clause.table.name if isinstance(clause.table, Table) else ""
        self.sqlite = str(clause.compile(dialect=_SQLITE))
        self.postgres, self.names = _for_postgres(clause_of_postgres)
        if subject is None and isinstance(clause, Update):
            subject = _subject_of(clause)
            many = _over(clause, dict(_arrays(_types(clause, self.names)).c)) if subject is not None else None
            over_values = _over(clause, _values(self.names)) if subject is not None else None
        self.subject = tuple(subject) if subject is not None else None
        self.many = _for_postgres(many, self.names)[0] if many is not None else None
        self._over_values = str(over_values.compile(dialect=_SQLITE)) if over_values is not None else None

    def for_rows(self, count: int) -> str | None:
        """Give SQLite's form for so many rows, whose parameters are the rows' values in the order of `names`."""
        return _with_values(self._over_values, len(self.names), count) if self._over_values is not None else None

    def key(self, row: Mapping[str, Any]) -> Hashable | None:
        """Name the one row that the statement touches with these parameters; None when it is not single."""
        if self.subject is None:
            return None
        return (self.table, *(row[name] for name in self.subject))


def insert_or(into: Table, keys: Sequence[str], *, update: Sequence[str] = ()) -> Statement:
    """An insert of all columns that leaves an existing row alone, or sets its `update` columns."""
    names = [c.name for c in into.columns]
    binds = {c.name: bindparam(c.name, type_=c.type) for c in into.columns}
    plain, other = sqlite_insert(into).values(binds), postgres_insert(into).values(binds)
    if update:
        return Statement(
            f"upsert {into.name}",
            plain.on_conflict_do_update(index_elements=list(keys), set_={c: plain.excluded[c] for c in update}),
            other.on_conflict_do_update(index_elements=list(keys), set_={c: other.excluded[c] for c in update}),
        )
    rows = _arrays({name: bind.type for name, bind in binds.items()})
    many = postgres_insert(into).from_select(names, select(*rows.c))
    # Without a condition SQLite would take ON CONFLICT for one of a join.
    over_values = sqlite_insert(into).from_select(names, select(*_values(names).values()).where(true()))
    return Statement(
        f"insert {into.name}",
        plain.on_conflict_do_nothing(index_elements=list(keys)),
        other.on_conflict_do_nothing(index_elements=list(keys)),
        subject=[c.name for c in into.primary_key],
        many=many.on_conflict_do_nothing(index_elements=list(keys)),
        over_values=over_values.on_conflict_do_nothing(index_elements=list(keys)),
    )


def _for_postgres(clause: UpdateBase, order: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
    compiled = clause.returning(_TRANSACTION).compile(dialect=_POSTGRES)
    names = tuple(getattr(compiled, "positiontup", None) or ())
    if order and names != tuple(order):
        raise TypeError(f"expected the parameters {tuple(order)}, got {names}")
    return str(compiled), names


def _arrays(types: Mapping[str, Any]) -> Any:
    """A table whose columns are the elements of array parameters."""
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()]
    return func.unnest(*arrays).table_valued(*types).render_derived(name=_ROWS)


def _types(clause: Update, names: Sequence[str]) -> dict[str, Any]:
    binds = clause.compile(dialect=_POSTGRES).binds
    return {name: binds[name].type for name in names}


def _values(names: Sequence[str]) -> dict[str, Any]:
    """The columns of a table whose rows are lists of parameters; `_with_values` writes it."""
    columns = [f"column{number}" for number in range(1, len(names) + 1)]  # as SQLite names them
    rows = table(_ROWS, *map(column, columns))
    return {name: rows.c[position] for name, position in zip(names, columns, strict=True)}


@lru_cache(maxsize=256)
def _with_values(body: str, width: int, count: int) -> str:
    """Put a list of values in the place of the table; not in front, since the driver counts rows of changes alone."""
    row = f"({','.join('?' * width)})"
    return body.replace(f"FROM {_ROWS}", f"FROM (VALUES {','.join([row] * count)}) AS {_ROWS}", 1)


def _over(clause: Update, columns: Mapping[str, Any]) -> Update:
    """The same update for many rows: each parameter becomes a column."""

    def replace(element: Any, **_: Any) -> Any:
        return columns.get(element.key) if isinstance(element, BindParameter) else None

    return cast("Update", visitors.replacement_traverse(clause, {}, replace))


def _subject_of(clause: Update) -> list[str] | None:
    """Give the parameters that name the primary key, when an update touches that row alone and nothing unique in it."""
    table = clause.table
    if not isinstance(table, Table):
        return None
    asked: dict[str, str] = {}
    for term in _terms(clause.whereclause):
        if (
            isinstance(term, BinaryExpression)
            and term.operator is operators.eq
            and isinstance(term.right, BindParameter)
            and getattr(term.left, "table", None) is table
        ):
            asked[str(getattr(term.left, "name", ""))] = str(term.right.key)
    keys = [column.name for column in table.primary_key]
    changed = {str(getattr(column, "name", column)) for column in clause._values or ()}
    if any(key not in asked for key in keys) or changed & (_unique_columns(table) | set(keys)):
        return None
    return [asked[key] for key in keys]


def _terms(where: ColumnElement[Any] | None) -> list[ColumnElement[Any]]:
    if isinstance(where, BooleanClauseList):
        if where.operator is not operators.and_:
            return []
        return [inner for term in where.clauses for inner in _terms(term)]
    return [where] if where is not None else []


def _unique_columns(table: Table) -> set[str]:
    unique = {column.name for column in table.columns if column.unique}
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            unique |= {column.name for column in constraint.columns}
    for index in table.indexes:
        if index.unique:
            unique |= {str(column.name) for column in index.columns}
    return unique
