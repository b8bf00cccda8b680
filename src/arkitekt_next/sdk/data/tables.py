"""Tables as parquet: written from pandas, polars or arrow, read whole or by the columns and rows that are asked for.

Pandas keeps its index and polars its types in what parquet says of a schema. The rule: one object, `table.parquet`, in
row groups, so that a reader fetches the part it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import InvalidValue

from .bounds import refuse_too_large
from .streams import new_object, open_object

if TYPE_CHECKING:
    import pyarrow as pa

    from .objects import Objects
    from .store import HubItems, Record

KEY = "table.parquet"
_SHUT: dict[str, Any] = {
    "enable_external_access": False,
    "python_enable_replacements": False,
    "lock_configuration": True,
}
"""A query may come from elsewhere: it reads the table, and neither files nor the network nor the program around it."""
_ROWS = 128 * 1024
_AT_ONCE_BYTES = 256 * 1024 * 1024
_STEPS_LIMIT = 100_000
_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8, "BYTE_ARRAY": 8}
"""What a value takes in memory, in bytes. Source: Parquet's physical types."""


def as_arrow(value: Any) -> pa.Table:
    """Give a table as arrow, without copying where that can be. Raises `InvalidValue` for what is no table."""
    import pyarrow as pa

    if isinstance(value, pa.Table):
        return value
    module = type(value).__module__.partition(".")[0]
    try:
        if module == "polars":
            return value.to_arrow()
        if module == "pandas":
            return pa.Table.from_pandas(value)
    except (pa.ArrowException, TypeError) as error:
        raise InvalidValue(where="table", expected="columns of one type each", got=str(error)) from error
    raise InvalidValue(where="table", expected="a table of pandas, polars or pyarrow", got=type(value).__qualname__)


def write(objects: Objects, value: Any) -> dict[str, Any]:
    """Write a table; give its metadata."""
    import pyarrow.parquet as pq

    table = as_arrow(value)
    with new_object(objects, KEY) as sink:
        pq.write_table(table, sink, row_group_size=_ROWS, compression="zstd")
    columns = [{"name": field.name, "type": str(field.type)} for field in table.schema]
    return {"columns": columns, "rows": table.num_rows}


def read(items: HubItems, record: Record, columns: list[str] | None = None) -> pa.Table:
    """Read a table, or only some of its columns. Raises `InvalidValue` for what does not fit into memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_object(items.open(record["id"]), KEY) as source:
        file = pq.ParquetFile(source)
        fixed, longest = _sizes(file.metadata)
        shape = (file.metadata.num_rows, file.metadata.num_columns)
        refuse_too_large(fixed, shape, what=record["name"])
        if not longest or file.metadata.num_rows * longest <= _AT_ONCE_BYTES:
            return file.read(columns=columns)
        rows_at_once = max(1, min(_ROWS, _AT_ONCE_BYTES // longest))
        if file.metadata.num_rows > _STEPS_LIMIT * rows_at_once:
            refuse_too_large(file.metadata.num_rows * longest, shape, what=record["name"])
        held: list[Any] = []
        size = 0
        for batch in file.iter_batches(rows_at_once, columns=columns):
            size += batch.nbytes
            refuse_too_large(size, shape, what=record["name"])
            held.append(batch)
        return pa.Table.from_batches(held, file.read_row_groups([], columns=columns).schema)


def _sizes(metadata: Any) -> tuple[int, int]:
    """Give what the values of fixed size take in memory, and how long one of the others may be that is stored in less
    than two bytes: as a number in a dictionary, whose entry takes its room in memory for every row that refers to it.
    """
    fixed, longest = 0, 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for number in range(rows.num_columns):
            column = rows.column(number)
            width = _WIDTHS.get(column.physical_type, 16)
            fixed += column.num_values * width
            if column.physical_type == "BYTE_ARRAY" and column.total_uncompressed_size < 2 * column.num_values:
                longest = max(longest, column.total_uncompressed_size)
    return fixed, longest


def batches(items: HubItems, record: Record, rows: int, columns: list[str]) -> Iterator[pa.Table]:
    """Read some columns of a table so many rows at a time; the last batch may have fewer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_object(items.open(record["id"]), KEY) as source:
        file = pq.ParquetFile(source)
        held: list[Any] = []
        count = 0
        for batch in file.iter_batches(batch_size=rows, columns=columns):
            held.append(batch)
            count += batch.num_rows
            while count >= rows:
                whole = pa.Table.from_batches(held)
                yield whole.slice(0, rows)
                held, count = whole.slice(rows).to_batches(), count - rows
        if count:
            yield pa.Table.from_batches(held)


def ask(items: HubItems, record: Record, query: str) -> pa.Table:
    """Ask a table, called `data`, in SQL. Raises `InvalidValue` for a query that is wrong."""
    import duckdb
    import pyarrow.dataset as ds

    if not isinstance(query, str) or not query.strip():
        raise InvalidValue(where="query", expected="SQL about the table 'data', as SELECT * FROM data", got=repr(query))
    with open_object(items.open(record["id"]), KEY) as source, duckdb.connect(config=_SHUT) as db:
        fragment = ds.ParquetFileFormat().make_fragment(source)
        schema = fragment.physical_schema
        db.register(
            "data", ds.FileSystemDataset([fragment], schema, fragment.format)
        )  # columns and rows are pushed down
        try:
            return db.sql(query).to_arrow_table()
        except duckdb.Error as wrong:
            raise InvalidValue(where="query", expected="SQL about the table 'data'", got=str(wrong)) from wrong
