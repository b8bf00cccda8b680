"""One hub for each file of tests, and an app of the same person that calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next import App
from arkitekt_next.embedded import serve


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module", autouse=True)
def hub(folder: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error") as server:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        patch.setenv("ARKITEKT_CACHE", str(folder / "cache"))
        patch.delenv("ARKITEKT_URL", raising=False)
        patch.delenv("ARKITEKT_TOKEN", raising=False)
        yield server


@pytest.fixture
def caller(hub: Any) -> Iterator[App]:
    with App("caller", url=hub.url) as app:
        yield app
