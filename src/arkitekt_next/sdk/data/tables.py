"""Tables as parquet: written from pandas, polars or arrow, read whole or by the columns and rows that are asked for.

Pandas keeps its index and polars its types in what parquet says of a schema. The rule: one object, `table.parquet`, in
row groups, so that a reader fetches the part it needs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

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
_DICTIONARY = {"RLE_DICTIONARY", "PLAIN_DICTIONARY"}
_ANSWER_ROWS = 2048
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

    with open_object(items.open(record["id"]), KEY) as source:
        opened = _Opened(source, record["name"])
        if not opened.packed:
            return opened.file.read(columns=columns)
        held: list[Any] = []
        for group in range(opened.file.num_row_groups):
            held.append(opened.unpacked(opened.file.read_row_group(group, columns=columns)))
        return pa.concat_tables([*held, opened.unpacked(opened.file.read_row_groups([], columns=columns))])


class _Opened:
    """A table's parquet file that was looked at: what its values take in memory is known before they are there.

    `packed` are the columns of texts that may be far larger than they are stored, since a number stands there for every
    one of them: they are read as these numbers, and unpacked once it is known what that takes.
    """

    def __init__(self, source: IO[bytes], name: str) -> None:
        import pyarrow.parquet as pq

        self._name = name
        self._size = 0
        self.file = pq.ParquetFile(source)
        metadata = self.file.metadata
        self._shape = (metadata.num_rows, metadata.num_columns)
        fixed, self.packed = _looked_at(metadata)
        refuse_too_large(fixed, self._shape, what=name)
        self.schema = self.file.schema_arrow
        if self.packed:
            source.seek(0)
            self.file = pq.ParquetFile(source, read_dictionary=self.packed)

    def unpacked(self, part: Any, *, is_kept: bool = True, is_cast: bool = True) -> Any:
        """Give a part of the table as it is meant. Raises `InvalidValue` where that does not fit into memory."""
        import pyarrow as pa

        if not self.packed:
            return part
        size = sum(_size_of(column) for column in part.columns)
        self._size += size if is_kept else 0
        refuse_too_large(max(size, self._size), self._shape, what=self._name)
        if not is_cast:
            return part
        return part.cast(pa.schema([self.schema.field(name) for name in part.schema.names]))


def _looked_at(metadata: Any) -> tuple[int, list[str]]:
    """Give what values of fixed size take in memory, and the columns whose texts may take far more than it seems."""
    fixed, packed = 0, dict[str, None]()
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        for number in range(rows.num_columns):
            column = rows.column(number)
            width = _WIDTHS.get(column.physical_type) or max(16, metadata.schema.column(number).length)
            fixed += column.num_values * width
            most = column.num_values * column.total_uncompressed_size
            if column.physical_type != "BYTE_ARRAY" or most <= _AT_ONCE_BYTES:
                continue
            if "DELTA_BYTE_ARRAY" in column.encodings:  # every text may begin as the one before it: nothing tells
                fixed += most
            elif _DICTIONARY & set(column.encodings):
                packed[column.path_in_schema] = None
    return fixed, list(packed)


def _size_of(column: Any) -> int:
    """Give what a column takes in memory once the numbers in it are the texts that they stand for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        return sum(_size_of(chunk) for chunk in column.chunks)
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(column.dictionary)
        return int(pc.sum(pc.take(lengths, column.indices.cast(pa.int64()))).as_py() or 0)
    if pa.types.is_map(kind):
        return _size_of(column.keys) + _size_of(column.items)
    if pa.types.is_struct(kind):
        return sum(_size_of(field) for field in column.flatten())
    if pa.types.is_nested(kind):
        return _size_of(column.flatten())
    return int(column.nbytes)


def batches(items: HubItems, record: Record, rows: int, columns: list[str]) -> Iterator[pa.Table]:
    """Read some columns of a table so many rows at a time; the last batch may have fewer."""
    import pyarrow as pa

    with open_object(items.open(record["id"]), KEY) as source:
        opened = _Opened(source, record["name"])
        held: list[Any] = []
        count = 0
        groups = range(opened.file.num_row_groups)
        steps = (opened.file.iter_batches(batch_size=rows, row_groups=[group], columns=columns) for group in groups)
        for batch in itertools.chain.from_iterable(steps):  # each group has numbers for its texts of its own
            held.append(opened.unpacked(batch, is_kept=False))
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
        opened = _Opened(source, record["name"])
        packed = opened.packed
        inner = [name for name in packed if "." in name]
        for group in range(opened.file.num_row_groups if inner else 0):  # these can't be asked for as numbers
            opened.unpacked(opened.file.read_row_group(group, columns=inner), is_cast=False)
        source.seek(0)
        told = ds.ParquetReadOptions(dictionary_columns=set(packed) - set(inner))
        fragment = ds.ParquetFileFormat(read_options=told).make_fragment(source)
        schema = fragment.physical_schema
        db.register(
            "data", ds.FileSystemDataset([fragment], schema, fragment.format)
        )  # columns and rows are pushed down
        try:
            answer = db.sql(query)
            return _gathered(answer, record["name"]) if packed else answer.to_arrow_table()
        except duckdb.Error as wrong:
            raise InvalidValue(where="query", expected="SQL about the table 'data'", got=str(wrong)) from wrong


def _gathered(answer: Any, name: str) -> pa.Table:
    """Gather an answer a few rows at a time. Raises `InvalidValue` once it does not fit into memory."""
    import pyarrow as pa

    asked = getattr(answer, "to_arrow_reader", None) or answer.fetch_arrow_reader  # as older releases call it
    reader = asked(_ANSWER_ROWS)
    held: list[Any] = []
    size = 0
    for batch in reader:
        size += batch.nbytes
        refuse_too_large(size, (len(held) * _ANSWER_ROWS, batch.num_columns), what=f"the answer about {name}")
        held.append(batch)
    return pa.Table.from_batches(held, reader.schema)
