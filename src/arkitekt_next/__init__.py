"""Turn typed Python functions into apps a whole team can find, call, watch and compose.

Everything here is loaded when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors as errors
    from .ports import Reference as Reference
    from .ports import TypeRegistry as TypeRegistry
    from .ports import memory_structure as memory_structure
    from .ports import model as model
    from .ports import structure as structure
    from .sdk.app import App as App
    from .sdk.context import Task as Task
    from .sdk.context import TaskContext as TaskContext
    from .sdk.context import alog as alog
    from .sdk.context import apausepoint as apausepoint
    from .sdk.context import aprogress as aprogress
    from .sdk.context import current_task as current_task
    from .sdk.context import log as log
    from .sdk.context import pausepoint as pausepoint
    from .sdk.context import progress as progress
    from .sdk.data.array import Array as Array
    from .sdk.data.file import File as File
    from .sdk.data.folder import Folder as Folder
    from .sdk.data.image import Image as Image
    from .sdk.data.item import Item as Item
    from .sdk.data.rois import Roi as Roi
    from .sdk.data.table import Table as Table
    from .sdk.data.watching import awatch_folder as awatch_folder
    from .sdk.data.watching import watch_folder as watch_folder
    from .sdk.entry import acall as acall
    from .sdk.entry import afind as afind
    from .sdk.entry import aiterate as aiterate
    from .sdk.entry import arun as arun
    from .sdk.entry import asubmit as asubmit
    from .sdk.entry import background as background
    from .sdk.entry import call as call
    from .sdk.entry import context as context
    from .sdk.entry import easy as easy
    from .sdk.entry import find as find
    from .sdk.entry import interactive as interactive
    from .sdk.entry import iterate as iterate
    from .sdk.entry import register as register
    from .sdk.entry import run as run
    from .sdk.entry import run_detached as run_detached
    from .sdk.entry import shutdown as shutdown
    from .sdk.entry import startup as startup
    from .sdk.entry import submit as submit
    from .sdk.handle import TaskHandle as TaskHandle
    from .sdk.offline import alocal as alocal
    from .sdk.offline import local as local
    from .sdk.remote import RemoteFunction as RemoteFunction
    from .sdk.run import Cancelled as Cancelled

__version__ = "0.1.0"

_HOMES = {
    "ports": ("Reference", "TypeRegistry", "memory_structure", "model", "structure"),
    "sdk.app": ("App",),
    "sdk.context": (
        "Task",
        "TaskContext",
        "alog",
        "apausepoint",
        "aprogress",
        "current_task",
        "log",
        "pausepoint",
        "progress",
    ),
    "sdk.data.array": ("Array",),
    "sdk.data.file": ("File",),
    "sdk.data.folder": ("Folder",),
    "sdk.data.image": ("Image",),
    "sdk.data.item": ("Item",),
    "sdk.data.rois": ("Roi",),
    "sdk.data.table": ("Table",),
    "sdk.data.watching": ("awatch_folder", "watch_folder"),
    "sdk.entry": (
        "acall",
        "afind",
        "aiterate",
        "arun",
        "asubmit",
        "background",
        "call",
        "context",
        "easy",
        "find",
        "interactive",
        "iterate",
        "register",
        "run",
        "run_detached",
        "shutdown",
        "startup",
        "submit",
    ),
    "sdk.handle": ("TaskHandle",),
    "sdk.offline": ("alocal", "local"),
    "sdk.remote": ("RemoteFunction",),
    "sdk.run": ("Cancelled",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF), "__version__", "errors"]


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module(".errors", __name__)
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
