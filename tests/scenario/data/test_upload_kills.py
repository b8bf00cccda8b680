"""Uploads of large files, the program or the hub or both killed in the middle: whole in the end, or not there."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from benchmarks import stage

from arkitekt_next import App, File
from arkitekt_next.embedded import serve
from arkitekt_next.hub.core.ids import now_us
from arkitekt_next.hub.data.sweep import sweep
from tests.support.data import on_loop
from tests.support.frames import Frames, measured
from tests.support.raw import sign_in
from tests.support.scripts import program
from tests.support.waiting import until

SEED = 20261128
KILLS = 20
MIB = 1024 * 1024
PART_BYTES = 16 * MIB
SIZE_BYTES = 3 * PART_BYTES + 12345
OTHER_BYTES = MIB  # what a round sends beside the file: sign-ins, items, heads of requests

UPLOAD = """
from arkitekt_next import App, File

with App("uploader", url={url!r}, token={token!r}):
    print("done", File.save({path!r}).id)
"""


@pytest.fixture
def relay() -> Iterator[Frames]:
    with measured() as frames:
        yield frames


@pytest.fixture
def hub(tmp_path: Path, relay: Frames) -> Iterator[stage.Hub]:
    (tmp_path / "hub").mkdir()
    running = stage.Hub(tmp_path / "hub", public_url=relay.url)
    running.start()
    relay.target = running.url
    try:
        yield running
    finally:
        running.stop()


@pytest.mark.alone
@pytest.mark.requirement("data.resume", "data.commit")
def test_a_killed_upload_is_whole_in_the_end_and_sends_at_most_one_part_again(
    hub: stage.Hub, relay: Frames, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("ARKITEKT_CACHE", str(tmp_path / "cache"))
    rng = random.Random(SEED)
    token = sign_in(hub.url, hub.folder, "uploader")
    again: list[int] = []
    for number in range(KILLS):
        path = tmp_path / f"upload{number}.bin"
        path.write_bytes(rng.randbytes(SIZE_BYTES))
        began = relay.sent_bytes
        at = began + rng.randrange(PART_BYTES // 4, SIZE_BYTES)
        code = UPLOAD.format(url=relay.url, token=token, path=str(path))
        who = ("program", "hub", "both")[number % 3]
        with program(code, tmp_path) as first:
            until(lambda at=at: relay.sent_bytes >= at, within=60)
            if who != "hub":
                first.process.kill()
            if who != "program":
                hub.kill()
                hub.start()
                relay.target = hub.url
            said = first.says("done", within=90) if who == "hub" else ""
        if who != "hub":
            with program(code, tmp_path) as second:
                said = second.says("done", within=90)
        again.append(relay.sent_bytes - began - SIZE_BYTES)
        check(relay, token, said.split()[-1], path)
        path.unlink()
    print(f"N = {KILLS} kills, seed {SEED}; sent again at most {max(again) / MIB:.1f} MiB, a part is 16 MiB: {again}")
    assert max(again) <= PART_BYTES + OTHER_BYTES
    hub.stop()
    check_store(hub.folder)


def check(relay: Frames, token: str, id: str, path: Path) -> None:
    """See that the item is committed, is what was sent, and the only one of its name."""
    with App("uploader", url=relay.url, token=token) as app:
        item = File.get(id)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert (item.sha256, hashlib.sha256(item.read()).hexdigest()) == (digest, digest)
        found: list[dict[str, Any]] = app.link.items.session.ask("GET", f"/api/items?text={path.name}")["items"]
        assert [one["id"] for one in found] == [id]


def check_store(folder: Path) -> None:
    """See that nothing was left open, and that after a sweep the store holds just what is committed."""
    with serve(folder, log_level="error") as running:
        named, files = _named(folder), _files(folder)
        assert named <= files
        swept = on_loop(running, sweep(running.app.state.hub, at_us=now_us(), files_older_than_s=0))
    print(f"{len(named)} objects; {swept.files} files that nothing named were swept")
    assert _named(folder) == _files(folder) == named
    assert swept.files == len(files - named)


def _named(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "hub.db")) as db:
        (opened,) = db.execute("SELECT count(*) FROM item WHERE committed_at_us IS NULL").fetchone()
        assert opened == 0
        return {blob for (blob,) in db.execute("SELECT blob FROM object UNION SELECT blob FROM upload_part")}


def _files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "objects").rglob("*") if path.is_file()}
