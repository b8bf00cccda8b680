"""How each class that holds an item is written to its objects, and read from them.

One table a direction. The rule: what is read back equals what was written: values, their order, names and types.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.ports.holders import ARRAY, FILE, IMAGE, OURS, TABLE

from . import files, tables
from .store import Fill, HubItems, Record, refuse_kind

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer

    from .item import Item
    from .objects import Objects

Reader = Callable[[HubItems, Record], Any]

_KINDS: Mapping[str, str] = {IMAGE: "image", ARRAY: "array", TABLE: "table", FILE: "file"}
_ARRAYS = ("image", "array")
_SMALL_BYTES = 4 * 2**20
"""Arrays up to this size are packed in memory: zarr asks for its own metadata and writes it several times over, which
takes longer than the values where there are few."""
_AT_ONCE = 4


def kind_of(identifier: str) -> str:
    """Give the kind of item that a port's identifier stands for."""
    return _KINDS[identifier]


def writer_of(value: Any, kind: str) -> Fill:
    """Give what writes a value into the objects of an item of this kind."""
    if kind == "table":
        return lambda objects: tables.write(objects, value)
    if kind == "file":
        return lambda objects: files.write(objects, value)
    small = packed(value, kind)
    return small.put if small is not None else lambda objects: _write_array(objects, value)


def reader_of(holder: str, record: Record) -> Reader:
    """Give what reads an item into a class, by its qualified name. Raises `InvalidValue` for another kind of item."""
    wanted, read = _READERS[holder]
    if record["kind"] not in wanted:
        raise refuse_kind(record, " or ".join(wanted))
    return read


def item_of(items: HubItems, record: Record) -> Item:
    """Give an item in the class of its kind."""
    made: Item = {"image": _image, "array": _array, "table": _table, "file": _file}[record["kind"]](items, record)
    return made


@dataclass(frozen=True, slots=True)
class Packed:
    """A small value as the objects that it is stored as, and its metadata."""

    objects: Mapping[str, bytes]
    meta: Mapping[str, Any]

    @property
    def size_bytes(self) -> int:
        """What all objects take."""
        return sum(map(len, self.objects.values()))

    def put(self, objects: Objects) -> Mapping[str, Any]:
        """Put each object once, beside the others; give the metadata."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            list(threads.map(lambda key: objects.put(key, self.objects[key]), self.objects))
        return self.meta


def packed(value: Any, kind: str) -> Packed | None:
    """Pack an array that is small; give None for all else."""
    if kind not in _ARRAYS or value.nbytes > _SMALL_BYTES:
        return None
    from zarr.storage import MemoryStore

    from arkitekt_next.data.model import meta_json

    from .arrays import write_array
    from .describing import describe_array

    held: dict[str, Buffer] = {}
    meta = meta_json(write_array(MemoryStore(held), value, describe_array(value)))
    return Packed({key: data.to_bytes() for key, data in held.items()}, meta)


def _write_array(objects: Objects, value: Any) -> dict[str, Any]:
    from arkitekt_next.data.model import meta_json

    from .arrays import write_array
    from .describing import describe_array

    return meta_json(write_array(objects.zarr(), value, describe_array(value)))


def _lazy(items: HubItems, record: Record) -> Any:
    from .reading import open_array, open_image

    store = items.open(record["id"]).zarr()
    return open_image(store) if record["kind"] == "image" else open_array(store)


def _numpy(items: HubItems, record: Record) -> Any:
    return whole(_lazy(items, record), record["name"])


def whole(values: Any, name: str) -> Any:
    """Read what is lazy into memory. Raises `InvalidValue` where it does not fit there."""
    from .bounds import refuse_too_large

    refuse_too_large(values.nbytes, values.shape, what=name)
    return values.to_numpy()


def _dask(items: HubItems, record: Record) -> Any:
    return _lazy(items, record).data


def _path(items: HubItems, record: Record) -> Path:
    return files.fetch(items, record)


def _opened(items: HubItems, record: Record) -> Any:
    return files.open_file(items, record)


def _in_memory(items: HubItems, record: Record) -> io.BytesIO:
    with files.open_file(items, record) as source:
        return io.BytesIO(source.read())


def _pandas(items: HubItems, record: Record) -> Any:
    return tables.read(items, record).to_pandas()


def _polars(items: HubItems, record: Record) -> Any:
    import polars

    return polars.from_arrow(tables.read(items, record))


def _image(items: HubItems, record: Record) -> Any:
    from .image import Image

    return Image(items, record)


def _array(items: HubItems, record: Record) -> Any:
    from .array import Array
    from .image import Image

    return (Image if record["kind"] == "image" else Array)(items, record)


def _table(items: HubItems, record: Record) -> Any:
    from .table import Table

    return Table(items, record)


def _file(items: HubItems, record: Record) -> Any:
    from .file import File

    return File(items, record)


_TABLE, _FILE = ("table",), ("file",)
_READERS: Mapping[str, tuple[tuple[str, ...], Reader]] = {
    "numpy.ndarray": (_ARRAYS, _numpy),
    "xarray.core.dataarray.DataArray": (_ARRAYS, _lazy),
    "dask.array.core.Array": (_ARRAYS, _dask),
    "pandas.DataFrame": (_TABLE, _pandas),
    "pandas.core.frame.DataFrame": (_TABLE, _pandas),
    "polars.dataframe.frame.DataFrame": (_TABLE, _polars),
    "pyarrow.lib.Table": (_TABLE, tables.read),
    "pathlib.Path": (_FILE, _path),
    "pathlib._local.Path": (_FILE, _path),
    "typing.BinaryIO": (_FILE, _opened),
    "_io.BufferedReader": (_FILE, _opened),
    "_io.BytesIO": (_FILE, _in_memory),
    OURS[IMAGE]: (("image",), _image),
    OURS[ARRAY]: (_ARRAYS, _array),
    OURS[TABLE]: (_TABLE, _table),
    OURS[FILE]: (_FILE, _file),
}
