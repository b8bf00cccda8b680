"""Folders, private files and locks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arkitekt_next.platform import FileLock, hub_folder, state_folder, write_private


def test_the_environment_names_the_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "h"))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "s"))
    assert (hub_folder(), state_folder()) == (tmp_path / "h", tmp_path / "s")
    monkeypatch.delenv("ARKITEKT_HUB_FOLDER")
    monkeypatch.delenv("ARKITEKT_STATE_FOLDER")
    assert (hub_folder().name, state_folder().name, hub_folder().parent.name) == ("hub", "state", "arkitekt-next")


@pytest.mark.requirement("signin.secrets")
@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_a_private_file_is_replaced_whole_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert list(path.parent.iterdir()) == [path]


def test_a_lock_has_one_holder_between_processes_and_is_freed_when_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    code = (
        "import sys; from pathlib import Path; from arkitekt_next.platform import FileLock\n"
        f"lock = FileLock(Path({str(path)!r})); print(lock.try_acquire(), flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    lock = FileLock(path)
    assert not lock.try_acquire()
    with pytest.raises(TimeoutError, match="still locked"):
        lock.acquire(0.05)
    other.kill()
    other.communicate()
    lock.acquire(5)
    assert lock.is_held
    lock.release()
    with FileLock(path) as again:
        assert again.is_held
