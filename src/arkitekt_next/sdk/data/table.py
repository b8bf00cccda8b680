"""`Table`: columns of any size, kept at the hub as parquet, read whole, in part, or asked in SQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Self

from arkitekt_next.errors import InvalidValue

from . import tables
from .item import Item
from .progress import Progress
from .streams import open_object

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .folder import Folder


class Table(Item):
    """A table at the hub."""

    kind: ClassVar[str] = "table"

    @classmethod
    def save(
        cls,
        data: Any,
        *,
        name: str,
        note: str = "",
        tags: str | Iterable[str] = (),
        folder: Folder | str | None = None,
        visibility: str | None = None,
        parent: Item | str | None = None,
    ) -> Self:
        """Store a table of pandas, polars or pyarrow and give it as an item, committed.

        Raises `InvalidValue` for columns that parquet has no type for, `StorageFull`.
        """
        return cls._stored(
            lambda objects: tables.write(objects, data),
            name=name,
            note=note,
            tags=tags,
            folder=folder,
            visibility=visibility,
            parent=parent,
        )

    @classmethod
    async def asave(cls, data: Any, *, name: str, **options: Any) -> Self:
        """Store a table without blocking the loop; options as in `save`."""
        return await asyncio.to_thread(cls.save, data, name=name, **options)

    def export(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, progress: Progress | None = None
    ) -> Path:
        """Write it as a file for other programs, by the ending: `.parquet` or `.csv`; give where it is.

        Into a folder that is there it is written under its own name, as parquet. It appears when it is complete.
        Raises `Conflict` for a place that is taken, `InvalidValue` for another ending or columns that CSV can't hold.
        """
        from .exporting import export_table

        return export_table(self, Path(path), overwrite=overwrite, progress=progress)

    async def aexport(self, path: str | os.PathLike[str], **options: Any) -> Path:
        """Write it as a file without blocking the loop; options as in `export`."""
        return await asyncio.to_thread(self.export, path, **options)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self._record["meta"]["rows"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of its columns, in order."""
        return tuple(str(column["name"]) for column in self._record["meta"]["columns"])

    def arrow(self, columns: Iterable[str] | None = None) -> pa.Table:
        """Fetch it as arrow, or only some of its columns. Raises `InvalidValue` for one that is not there."""
        wanted = None if columns is None else list(columns)
        unknown = [name for name in wanted or () if name not in self.columns]
        if unknown:
            raise InvalidValue(
                where=f"columns of {self.name}", expected=f"some of {', '.join(self.columns)}", got=", ".join(unknown)
            )
        return tables.read(self._items, self._record, wanted)

    def batches(self, rows: int = 65_536, columns: Iterable[str] | None = None) -> Iterator[pa.Table]:
        """Fetch it so many rows at a time, or only some of its columns; the last batch may have fewer."""
        return tables.batches(self._items, self._record, rows, list(self.columns if columns is None else columns))

    def pandas(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """Fetch it as pandas, or only some of its columns."""
        return self.arrow(columns).to_pandas()

    async def apandas(self, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """Fetch it as pandas without blocking the loop."""
        return await asyncio.to_thread(self.pandas, columns)

    def open_parquet(self) -> IO[bytes]:
        """Open it for reading as the parquet file that it is, where it is."""
        return open_object(self._items.open(self.id), tables.KEY)

    def sql(self, query: str) -> pa.Table:
        """Ask it in SQL, where it is called `data`: `SELECT label, avg(area) FROM data GROUP BY label`.

        Only the columns and row groups that the query needs travel. Raises `InvalidValue` for a query that is wrong.
        """
        return tables.ask(self._items, self._record, query)

    async def asql(self, query: str) -> pa.Table:
        """Ask it in SQL without blocking the loop."""
        return await asyncio.to_thread(self.sql, query)
