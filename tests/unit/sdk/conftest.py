"""What every test of the SDK needs: folders of its own, and the fixtures that the package publishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.scripted import ScriptedHub


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "hub"))
    monkeypatch.delenv("ARKITEKT_URL", raising=False)
    monkeypatch.delenv("ARKITEKT_TOKEN", raising=False)


@pytest.fixture
def scripted() -> ScriptedHub:
    return ScriptedHub()
