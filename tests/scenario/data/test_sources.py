"""The sources of a release are kept once, whole and checked, so that what ran can be run again one day."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arkitekt_next import App, File, Table
from arkitekt_next.cli.project import find_project
from arkitekt_next.cli.serving import identify
from arkitekt_next.data.provenance import EdgeKind
from arkitekt_next.errors import Conflict, NotFound, ReleaseNotRunning, TooLarge
from arkitekt_next.sdk.source_archive import keep_release, write_archive
from arkitekt_next.sdk.sources import hash_sources
from arkitekt_next.storage import data_tables as d
from tests.support.data import on_loop

pytestmark = pytest.mark.requirement("data.sources")

PROJECT = '[project]\nname = "kiln"\nversion = "2.1.0"\n[tool.arkitekt_next]\nidentifier = "{name}"\n'


def write_project(folder: Path, name: str = "kiln") -> Path:
    files = {
        "pyproject.toml": PROJECT.format(name=name),
        "main.py": "VALUE = 1\n",
        "inner/part.py": "VALUE = 2\n",
        "uv.lock": "version = 1\n",
        ".git/config": "secret",
        ".venv/pyvenv.cfg": "",
        ".venv/lib/big.py": "x = 1",
        ".env": "TOKEN=secret",
        "__pycache__/main.py": "cached",
        "measured.csv": "1,2",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


@contextmanager
def serving(url: str, folder: Path, name: str = "kiln") -> Iterator[App]:
    app = App(name, url=url)

    @app.register
    def fire(values: pd.DataFrame) -> pd.DataFrame:
        return values + 1

    identify(app, find_project(folder, module="main"))
    with app.run_detached():
        yield app


def packed(folder: Path) -> bytes:
    sink = io.BytesIO()
    write_archive(folder, sink)
    return sink.getvalue()


def test_the_archive_holds_what_the_hash_is_over_and_the_lock_file_and_nothing_else(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "app")
    first = packed(folder)
    os.utime(folder / "main.py", (1, 1))
    (folder / "main.py").chmod(0o600)
    assert packed(write_project(tmp_path / "copy")) == first == packed(folder)
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert archive.getnames() == ["inner/part.py", "main.py", "pyproject.toml", "uv.lock"]
        archive.extractall(tmp_path / "again", filter="data")
    assert hash_sources(tmp_path / "again") == hash_sources(folder)


def test_a_release_is_kept_once_and_found_by_its_hash(hub: Any, caller: App, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "app")
    with serving(hub.url, folder) as app:
        kept = keep_release(app, folder)
        assert (kept.is_new, keep_release(app, folder)) == (True, (kept.item, False))
        values = Table.save(pd.DataFrame({"a": [1.0]}), name="values")
        handle = caller.find("kiln.fire").submit(values)
        handle.result()
        graph = values.provenance("forward")
        [release] = [node for node in graph.nodes if node.node == "release"]
        assert (release.app, release.version, release.source) == ("kiln", "2.1.0", kept.item)
        assert release.source_hash == hash_sources(folder)
        assert graph.sources(EdgeKind.RAN, release.ref) == [f"task:{handle.id}"]
    with pytest.raises(ReleaseNotRunning, match=f"kiln 2.1.0.*kept in item {kept.item}") as refused:
        handle.run_again("same")
    assert refused.value.source == kept.item
    stored = File.get(kept.item)
    assert stored.read() == packed(folder)
    with serving(hub.url, folder):
        assert handle.run_again("same").result().equals(pd.DataFrame({"a": [2.0]}))


def test_sources_are_never_what_was_stored_for_somebody_elses_task(hub: Any, caller: App, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "app")
    stored = File.save(folder / "pyproject.toml", name="planted")

    async def plant() -> None:
        async with hub.app.state.hub.database.engine.begin() as db:
            await db.execute(d.item.update().where(d.item.c.id == stored.id).values(task_id="01a1"))

    on_loop(hub, plant())
    with serving(hub.url, folder), pytest.raises(NotFound, match="a committed file of your own"):
        caller.link.session.ask("PUT", f"/api/apps/kiln/sources/{hash_sources(folder)}", {"item": stored.id})


def test_what_was_edited_meanwhile_is_not_kept_as_what_runs(hub: Any, caller: App, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "app", "wheel")
    with serving(hub.url, folder, "wheel") as app:
        (folder / "main.py").write_text("VALUE = 3\n")
        with pytest.raises(Conflict, match="is not what it was when the app started"):
            keep_release(app, folder)
        items = caller.link.session.get("/api/items?text=wheel&kind=file")["items"]
        assert items == []


def test_a_tree_that_is_too_large_is_refused_with_the_limit(hub: Any, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "app", "heap")
    (folder / "large.py").write_bytes(b"#" * 20_000_001)
    with serving(hub.url, folder, "heap") as app, pytest.raises(TooLarge, match="or more than 2000 of them or 20 MB"):
        keep_release(app, folder)
