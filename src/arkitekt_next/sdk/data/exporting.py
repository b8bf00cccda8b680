"""Items as files for other programs: which endings each kind knows, and how it is written.

The rule: what is written appears under its name only when it is complete.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arkitekt_next.errors import InvalidValue

from .appearing import appearing
from .naming import safe_name, target_of

if TYPE_CHECKING:
    from arkitekt_next.data.model import ImageMeta

    from .array import Array
    from .file import File
    from .image import Image
    from .item import Item
    from .progress import Progress
    from .table import Table

IMAGE_ENDINGS = (".ome.zarr", ".ome.tif", ".ome.tiff", ".zarr", ".tif", ".tiff")
ARRAY_ENDINGS = (".zarr", ".npy")
TABLE_ENDINGS = (".parquet", ".csv")
ENDINGS: Mapping[str, tuple[str, ...]] = {"image": IMAGE_ENDINGS, "array": ARRAY_ENDINGS, "table": TABLE_ENDINGS}
"""The endings each kind can be exported with; the first one is taken when none is named. Files have their own."""


@dataclass(frozen=True, slots=True)
class _Imaged:
    data: Any
    meta: ImageMeta


def name_of(item: Item) -> str:
    """Give the name that an item has as a file of this machine, without the ending its kind gets."""
    name = safe_name(item.name, item.id)
    for ending in ENDINGS.get(item.kind, ()):
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def export_image(image: Image, path: Path, *, overwrite: bool, progress: Progress | None) -> Path:
    """Write an image as OME-Zarr or OME-TIFF; see `Image.export`."""
    from .formats import write_ome_tiff, write_ome_zarr

    target, ending = target_of(path, name_of(image), IMAGE_ENDINGS)
    pixels = image.data
    source = _Imaged(pixels.data, pixels.attrs["meta"])
    if ending.endswith("zarr"):
        return write_ome_zarr(source, target, labels=_labels_of(image), overwrite=overwrite, progress=progress)
    return write_ome_tiff(source, target, overwrite=overwrite, progress=progress)


def _labels_of(image: Image) -> dict[str, _Imaged]:
    """Give the labels that are attached to an image, each by a name that no other has."""
    found: dict[str, _Imaged] = {}
    for labels in image.labels():
        name = safe_name(labels.name, labels.id)
        pixels = labels.data
        found[name if name not in found else f"{name} {labels.id}"] = _Imaged(pixels.data, pixels.attrs["meta"])
    return found


def export_array(array: Array, path: Path, *, overwrite: bool, progress: Progress | None) -> Path:
    """Write an array as zarr or in numpy's own format; see `Array.export`."""
    target, ending = target_of(path, name_of(array), ARRAY_ENDINGS)
    write = _write_npy if ending == ".npy" else _write_zarr
    with appearing(target, overwrite=overwrite) as place:
        write(array, place, progress)
    return target


def _write_zarr(array: Array, place: Path, progress: Progress | None) -> None:
    from zarr.storage import LocalStore

    from .arrays import write_array
    from .describing import describe_array

    values = array.data
    meta = describe_array(values, axes=array.axes, scale=array.meta.get("scale"), units=array.meta.get("units"))
    write_array(LocalStore(place), values, meta, progress=progress)


def _write_npy(array: Array, place: Path, progress: Progress | None) -> None:
    import numpy as np

    from .pieces import blocks_of

    values = array.data
    with place.open("wb") as file:  # numpy adds an ending to a name, not to an open file
        np.lib.format.write_array_header_2_0(
            file, {"descr": values.dtype.str, "fortran_order": False, "shape": values.shape}
        )
        start = file.tell()
        file.truncate(start + values.nbytes)
    if not values.nbytes:
        return
    mapped = np.memmap(place, values.dtype, "r+", start, values.shape)
    done, unit = 0, values.data.chunksize
    for at, block in blocks_of(values, values.shape, values.dtype, unit):
        mapped[tuple(slice(a, a + n) for a, n in zip(at, block.shape, strict=True))] = block
        done += block.nbytes
        if progress is not None:
            progress(done, values.nbytes)
    mapped.flush()


def export_table(table: Table, path: Path, *, overwrite: bool, progress: Progress | None) -> Path:
    """Write a table as parquet or CSV; see `Table.export`."""
    target, ending = target_of(path, name_of(table), TABLE_ENDINGS)
    write: Callable[[Table, Path, Progress | None], None] = _write_csv if ending == ".csv" else _write_parquet
    with appearing(target, overwrite=overwrite) as place:
        write(table, place, progress)
    return target


def _write_parquet(table: Table, place: Path, progress: Progress | None) -> None:
    from .objects import STEP_BYTES

    done, total = 0, table.size_bytes
    with table.open_parquet() as source, place.open("wb") as sink:
        while data := source.read(STEP_BYTES):
            sink.write(data)
            done += len(data)
            if progress is not None:
                progress(done, max(done, total))


def _write_csv(table: Table, place: Path, progress: Progress | None) -> None:
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    done, total = 0, table.rows
    with table.open_parquet() as source:
        schema = _flat(pq.ParquetFile(source).schema_arrow.empty_table()).schema
        try:
            with csv.CSVWriter(place, schema) as sink:
                for part in table.batches():
                    sink.write_table(_flat(part))
                    done += part.num_rows
                    if progress is not None:
                        progress(done, total)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            raise InvalidValue(
                where=table.name,
                expected="columns of plain values, as CSV holds them",
                got=f"{str(error).splitlines()[0]}. Export it as .parquet",
            ) from error


def _flat(table: Any) -> Any:
    """Give a table whose lists and records are written as JSON, since CSV has no other way."""
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [
                None if value is None else json.dumps(value, default=str) for value in table.column(at).to_pylist()
            ]
            table = table.set_column(at, field.name, pa.array(texts, pa.string()))
    return table


def export_file(file: File, path: Path, *, overwrite: bool, progress: Progress | None) -> Path:
    """Write a file as it is; see `File.export`."""
    from .downloading import download

    name, ending = safe_name(file.name, str(file.meta["name"])), Path(str(file.meta["name"])).suffix
    if not Path(name).suffix:
        name = safe_name(f"{name}{ending}", name)
    target = path / name if path.is_dir() else path
    return download(file, target, overwrite=overwrite, progress=progress)
