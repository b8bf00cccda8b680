"""Imports the user's own modules from their source every time.

Python trusts a cached module when the time (in whole seconds) and the size of its source are unchanged, so an edit made
within a second of the last start can go unseen. The rule: inside the app's folders nothing is read from, or written
to, that cache.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from pathlib import Path
from types import CodeType
from typing import Any

from arkitekt_next.cli.loading import is_own


class FreshLoader(SourceFileLoader):
    """Compiles a module from its source, always."""

    def get_code(self, fullname: str) -> CodeType:
        """Read and compile."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def import_fresh(folders: Iterable[Path]) -> None:
    """Make everything inside these folders be imported from source; installed packages stay cached."""
    roots = [folder.resolve() for folder in folders]
    loaders = (
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (FreshLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )
    make = FileFinder.path_hook(*loaders)

    def hook(path: str) -> Any:
        inside = str(Path(path or ".").resolve() / "module.py")
        if not any(is_own(inside, root) for root in roots):
            raise ImportError(f"{path} does not belong to the app")
        return make(path)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()
