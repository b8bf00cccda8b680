"""Why a type can't travel, and what to write instead.

Foreign libraries are recognized by the name of their module and never imported. The one rule: every refusal ends
with a remedy the author can type.
"""

from __future__ import annotations

import collections
import os
import typing
from collections.abc import Callable
from typing import Any

import typing_extensions

from arkitekt_next.ports.annotations import Unpublishable
from arkitekt_next.ports.holders import FAMILIES, HOLDERS, can_store, holder_of

_BY_REFERENCE = {
    "numpy": "arrays",
    "xarray": "arrays",
    "dask": "arrays",
    "cupy": "arrays",
    "jax": "arrays",
    "jaxlib": "arrays",
    "torch": "arrays",
    "tensorflow": "arrays",
    "zarr": "arrays",
    "pandas": "tables",
    "polars": "tables",
    "pyarrow": "tables",
    "anndata": "tables",
    "PIL": "images",
}
_WRAP = (
    "Wrap it in a structure (a class with shrink(self) -> str and a classmethod expand(cls, value)) that stores it and "
    "passes its id"
)
_INSTALL = "Install what stores and fetches them: the extra 'data' of arkitekt-next"


def refusal_of(hint: Any) -> Unpublishable:
    """Say why the hint can't travel."""
    origin = typing_extensions.get_origin(hint)
    cls = origin if isinstance(origin, type) else hint
    if isinstance(hint, str | typing.ForwardRef):
        return Unpublishable(f"the name {hint!r} can't be resolved", "Import it at the top of the module")
    if isinstance(hint, typing.TypeVar | typing.ParamSpec | typing_extensions.TypeVar | typing_extensions.ParamSpec):
        return Unpublishable("a type variable stands for any type", "Write the type itself, or Any for untyped JSON")
    if hint is typing_extensions.Self or hint is typing.Self:
        return Unpublishable("Self is known only inside a class", "Write the name of the class")
    if cls is typing.Callable or cls is Callable or (isinstance(cls, type) and issubclass(cls, type(_noop))):
        return Unpublishable("code does not travel", "Pass the name of an action, and call it with find(name)")
    if isinstance(cls, type):
        return _refused_class(cls)
    return Unpublishable("no port kind fits it", "Use a standard type, a model or a structure")


def _noop() -> None: ...


def _refused_class(cls: type) -> Unpublishable:
    holder = holder_of(cls)
    if holder is not None and not can_store():
        return Unpublishable(f"{FAMILIES[HOLDERS[holder]]}s travel by reference, which can't be done here", _INSTALL)
    data = _BY_REFERENCE.get(cls.__module__.partition(".")[0])
    if data is not None:
        return Unpublishable(f"{data} never travel inside a message", _WRAP)
    if issubclass(cls, os.PathLike):
        return Unpublishable("a path means nothing on another machine", _WRAP)
    if cls is collections.deque:
        return Unpublishable("a deque is changed from both ends", "Use list")
    if cls is complex:
        return Unpublishable("JSON has no complex numbers", "Use tuple[float, float]")
    if issubclass(cls, type):
        return Unpublishable("a class does not travel", "Pass its name, or use an Enum")
    if cls.__module__ == "collections.abc" or hasattr(cls, "__next__"):
        return Unpublishable("a stream can't be passed in", "Use list; to stream out, return Iterator[...]")
    if any(callable(getattr(cls, name, None)) for name in ("shrink", "ashrink")):
        return Unpublishable("it has shrink but no expand", "Add a classmethod expand(cls, value)")
    if any(callable(getattr(cls, name, None)) for name in ("expand", "aexpand")):
        return Unpublishable("it has expand but no shrink", "Add shrink(self) -> str")
    return Unpublishable(
        "it is a plain class",
        "Make it a dataclass or a pydantic model to pass its fields, give it shrink(self) -> str and a classmethod "
        "expand(cls, value) to pass a reference, or mark it @memory_structure to keep it in its agent",
    )
