"""An app that takes and gives arrays, tables and files by their plain hints, for the tests of the data service."""

# The hints below are read at run time, so they are no text here: no `from __future__ import annotations`.
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import dask.array as da
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import xarray as xr

from arkitekt_next import App, Table


def make_lab(**options: Any) -> App:
    lab = App("lab", **options)

    @lab.register
    def blur(image: np.ndarray, sigma: float) -> np.ndarray:
        """Stand in for a filter: every byte is read, every byte is written."""
        return image * image.dtype.type(sigma)  # nothing wider: a GiB stays one

    @lab.register
    def mean(image: xr.DataArray) -> float:
        return float(image.mean())

    @lab.register
    def lazily(image: da.Array) -> xr.DataArray:
        return xr.DataArray(image + 1, dims=("y", "x"))

    @lab.register
    def summed(table: pd.DataFrame) -> pl.DataFrame:
        return pl.DataFrame({"column": list(table.columns), "sum": [float(table[c].sum()) for c in table.columns]})

    @lab.register
    def arrow(table: pa.Table) -> pa.Table:
        return table.slice(1, 2)

    @lab.register
    def shout(source: Path) -> BinaryIO:
        return io.BytesIO(source.read_bytes().upper())  # type: ignore[return-value]

    @lab.register
    def first(source: BinaryIO, count: int) -> str:
        return source.read(count).decode()

    @lab.register
    def several(images: list[np.ndarray], names: dict[str, Table]) -> tuple[int, dict[str, int]]:
        return sum(int(image.sum()) for image in images), {name: table.rows for name, table in names.items()}

    @lab.register
    def tiles(image: np.ndarray, count: int) -> Iterator[np.ndarray]:
        for number in range(count):
            yield image + number

    @lab.register
    def maybe(image: np.ndarray | None = None) -> np.ndarray | str:
        return "none" if image is None else image

    return lab
