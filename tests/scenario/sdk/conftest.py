"""One hub for each file of tests, an app hosted on it, one that calls, and programs to start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from arkitekt_next import App, easy
from arkitekt_next.embedded import serve
from tests.support.lab import SETTINGS, make_lab
from tests.support.scripts import Start, program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sdk")


@pytest.fixture(scope="module", autouse=True)
def hub(folder: Path) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", **SETTINGS) as server:
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "hub"))
        patch.setenv("ARKITEKT_STATE_FOLDER", str(folder / "state"))
        patch.delenv("ARKITEKT_URL", raising=False)
        patch.delenv("ARKITEKT_TOKEN", raising=False)
        yield server


@pytest.fixture(scope="module")
def lab(hub: Any) -> Iterator[App]:
    """An app with a bit of everything, hosted in this process."""
    app = make_lab()
    with app.run_detached():
        yield app


@pytest.fixture
def caller(lab: App) -> Iterator[App]:
    with easy("caller") as app:
        yield app


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:
        yield lambda code: stack.enter_context(program(code, tmp_path))
