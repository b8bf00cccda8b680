"""Builds the page before it is packed, unless it lies there built, as in a source distribution."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Lets wheels and source distributions hold the built page."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page. An editable installation leaves that to `make page`."""
        if version == "editable":
            return
        spec = importlib.util.spec_from_file_location("build_page", Path(self.root) / "scripts" / "build_page.py")
        assert spec is not None
        assert spec.loader is not None
        page = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(page)
        if not page.is_built():
            page.build()
