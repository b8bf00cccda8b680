"""Fixtures for apps: `local_app` runs functions with no hub, `hub` starts a real one for the test.

Loaded by pytest through its entry point. The rule: importing it costs nothing in a run that uses none of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from arkitekt_next.sdk.app import App


@pytest.fixture
def local_app(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """Give an app that runs its functions through the whole protocol, in memory: register on it, then call it.

    It is the current app, so the global `register`, `call`, `iterate` and `submit` act on it too.
    """
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "arkitekt-state"))
    from arkitekt_next.sdk.app import App
    from arkitekt_next.testing.local import local_app as run_local

    with run_local(App("local")) as app:
        yield app


@pytest.fixture
def hub(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start a hub of its own for the test, in a temporary folder; apps find it by themselves.

    Skips without the hub extra.
    """
    try:
        from arkitekt_next.embedded import serve
    except ImportError as missing:
        pytest.skip(f"the fixture 'hub' needs arkitekt-next[hub]: {missing}")
    folder = tmp_path / "arkitekt-hub"
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(folder))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "arkitekt-state"))
    monkeypatch.delenv("ARKITEKT_URL", raising=False)
    monkeypatch.delenv("ARKITEKT_TOKEN", raising=False)
    with serve(folder) as server:
        yield server
