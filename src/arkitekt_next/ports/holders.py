"""Which classes hold an item of the data service: arrays, tables and files by their plain hints, and our own.

It knows their names alone: nothing is imported until a class of them is met in a hint. The rule: what a function takes
or gives by such a hint is stored and fetched by reference, without a line of code.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from arkitekt_next.errors import InvalidValue

from .acting import acting_store
from .misfit import Misfit

IMAGE, ARRAY, TABLE, FILE = "data.image", "data.array", "data.table", "data.file"

OURS: Mapping[str, str] = MappingProxyType(
    {
        IMAGE: "arkitekt_next.sdk.data.image.Image",
        ARRAY: "arkitekt_next.sdk.data.array.Array",
        TABLE: "arkitekt_next.sdk.data.table.Table",
        FILE: "arkitekt_next.sdk.data.file.File",
    }
)
"""The class that holds an item of each kind where the one its definition names is unknown here."""

HOLDERS: Mapping[str, str] = MappingProxyType(
    {name: identifier for identifier, name in OURS.items()}
    | {
        "numpy.ndarray": ARRAY,
        "xarray.core.dataarray.DataArray": ARRAY,
        "dask.array.core.Array": ARRAY,
        "pandas.DataFrame": TABLE,
        "pandas.core.frame.DataFrame": TABLE,
        "polars.dataframe.frame.DataFrame": TABLE,
        "pyarrow.lib.Table": TABLE,
        "pathlib.Path": FILE,
        "pathlib._local.Path": FILE,
        "typing.BinaryIO": FILE,
        "_io.BufferedReader": FILE,
        "_io.BytesIO": FILE,
    }
)
"""The kind of item that each class holds, by the class's qualified name."""

FAMILIES: Mapping[str, str] = MappingProxyType({IMAGE: "array", ARRAY: "array", TABLE: "table", FILE: "file"})
"""What fits where: an image is an array to a function that takes one."""

NEEDED = ("numpy", "obstore", "zarr", "pyarrow")


@cache
def can_store() -> bool:
    """Whether what storing and fetching needs is installed here."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def holder_of(cls: type) -> str | None:
    """Give the qualified name of the holder that a class is, or comes from; None when it holds no item."""
    for parent in cls.__mro__:
        name = f"{parent.__module__}.{parent.__qualname__}"
        if name in HOLDERS:
            return name
    return None


def load_holder(identifier: str, python_type: str | None) -> type | None:
    """Import the class to hold an item here: what its definition names, else our own; None where neither can be."""
    for name in (python_type or "", OURS.get(identifier, "")):
        if name not in HOLDERS or not can_store():
            continue
        module, _, attribute = name.rpartition(".")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError):
            continue
        if isinstance(found, type):
            return found
    return None


async def store(value: Any, identifier: str) -> str:
    """Store a value where the code here acts; give the id of its item. Raises `Misfit` for one that can't be stored."""
    try:
        return await acting_store().put(value, identifier)
    except InvalidValue as wrong:
        if type(wrong) is not InvalidValue:
            raise
        raise Misfit(str(wrong.fields["expected"]), str(wrong.fields["got"])) from wrong  # whose value, the codec says


async def fetch(id: str, holder: str) -> Any:
    """Fetch an item from where the code here acts, into the class of this qualified name."""
    return await acting_store().get(id, holder)
