"""Statements of the ledger: written once with SQLAlchemy Core, compiled for a database when they first run on it.

A statement that touches exactly the row its parameters name is *single*: many of them can run as one, over arrays on
PostgreSQL and over a list of values on SQLite, where one round trip, or one change of threads, a row would be the price
of a call. The rule: a statement that might touch another row, or a column that has to be unique, is never single.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from functools import cache, cached_property, lru_cache
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
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnElement

_SQLITE: Dialect = SQLiteDialect_pysqlite(paramstyle="named")
_ROWS = "v"
_TRANSACTION: ColumnElement[str] = literal_column("pg_current_xact_id()::text")
"""What every statement gives back on PostgreSQL for each row it changed: how many, and in which transaction."""


class Statement:
    """One update or deletion in the forms both databases take."""

    def __init__(self, name: str, clause: UpdateBase) -> None:
        self.name = name
        self.table = clause.table.name if isinstance(clause.table, Table) else ""
        subject = _subject_of(clause) if isinstance(clause, Update) else None
        self.subject = tuple(subject) if subject is not None else None
        self._clause = clause

    @cached_property
    def sqlite(self) -> str:
        """SQLite's form for one row, with named parameters."""
        return str(self._compiled)

    @cached_property
    def postgres(self) -> str:
        """PostgreSQL's form for one row, with parameters in the order of `names`."""
        return self._for_postgres(self._one(_postgres()))

    @cached_property
    def many(self) -> str | None:
        """PostgreSQL's form for any number of rows; its parameters are arrays. None when it is not single."""
        if self.subject is None:
            return None
        arrays = _arrays({name: self._compiled.binds[name].type for name in self.names})
        return self._for_postgres(self._each(_postgres(), dict(arrays.c)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters, in the order in which they appear."""
        return tuple(self._compiled.bind_names.values())

    def for_rows(self, count: int) -> str | None:
        """Give SQLite's form for so many rows, whose parameters are the rows' values in the order of `names`.

        None when it is not single.
        """
        return _with_values(self._over_values, len(self.names), count) if self._over_values is not None else None

    def key(self, row: Mapping[str, Any]) -> Hashable | None:
        """Name the one row that the statement touches with these parameters; None when it is not single."""
        if self.subject is None:
            return None
        return (self.table, *(row[name] for name in self.subject))

    @cached_property
    def _compiled(self) -> SQLCompiler:
        return self._one(_SQLITE).compile(dialect=_SQLITE)

    @cached_property
    def _over_values(self) -> str | None:
        if self.subject is None:
            return None
        return str(self._each(_SQLITE, _values(self.names)).compile(dialect=_SQLITE))

    def _one(self, dialect: Dialect) -> UpdateBase:
        return self._clause

    def _each(self, dialect: Dialect, columns: Mapping[str, Any]) -> UpdateBase:
        """The same for many rows: each parameter becomes a column."""

        def replace(element: Any, **_: Any) -> Any:
            return columns.get(element.key) if isinstance(element, BindParameter) else None

        return cast("UpdateBase", visitors.replacement_traverse(self._clause, {}, replace))

    def _for_postgres(self, clause: UpdateBase) -> str:
        compiled = clause.returning(_TRANSACTION).compile(dialect=_postgres())
        names = tuple(getattr(compiled, "positiontup", None) or ())
        if names != self.names:
            raise TypeError(f"expected the parameters {self.names}, got {names}")
        return str(compiled)


class _InsertOr(Statement):
    """An insert that leaves an existing row alone, or sets its `update` columns; the former is single."""

    def __init__(self, into: Table, keys: Sequence[str], update: Sequence[str], unset: Collection[str]) -> None:
        self._into, self._keys, self._update = into, list(keys), update
        self._columns = [column for column in into.columns if column.name not in unset]
        super().__init__(f"{'upsert' if update else 'insert'} {into.name}", self._one(_SQLITE))
        self.subject = None if update else tuple(c.name for c in into.primary_key)

    def _one(self, dialect: Dialect) -> UpdateBase:
        insert = _insert(dialect, self._into)
        return self._or(insert.values({c.name: bindparam(c.name, type_=c.type) for c in self._columns}))

    def _each(self, dialect: Dialect, columns: Mapping[str, Any]) -> UpdateBase:
        rows = select(*columns.values())
        if dialect is _SQLITE:  # without a condition it would take ON CONFLICT for one of a join
            rows = rows.where(true())
        return self._or(_insert(dialect, self._into).from_select(list(columns), rows))

    def _or(self, insert: Any) -> UpdateBase:
        if self._update:
            changes = {name: insert.excluded[name] for name in self._update}
            return cast("UpdateBase", insert.on_conflict_do_update(index_elements=self._keys, set_=changes))
        return cast("UpdateBase", insert.on_conflict_do_nothing(index_elements=self._keys))


def insert_or(
    into: Table, keys: Sequence[str], *, update: Sequence[str] = (), unset: Collection[str] = ()
) -> Statement:
    """An insert that leaves an existing row alone, or sets its `update` columns; `unset` ones get their defaults."""
    return _InsertOr(into, keys, update, unset)


@cache
def _postgres() -> Dialect:
    """Load PostgreSQL's dialect, which a hub on SQLite does without."""
    from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

    return cast("Dialect", PGDialect_asyncpg())  # type: ignore[no-untyped-call]


def _insert(dialect: Dialect, into: Table) -> Any:
    if dialect is _SQLITE:
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(into)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(into)


def _arrays(types: Mapping[str, Any]) -> Any:
    """A table whose columns are the elements of array parameters."""
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in types.items()]
    return func.unnest(*arrays).table_valued(*types).render_derived(name=_ROWS)


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
