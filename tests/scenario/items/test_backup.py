"""A backup takes what is stored along: every file is there, has its hash, and comes back; a damaged one is refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from arkitekt_next.cli.main import cli
from arkitekt_next.embedded import serve
from arkitekt_next.errors import Conflict, RequestRefused
from arkitekt_next.storage import backup_objects
from arkitekt_next.storage.backup import backup, restore
from tests.support.items import commit, fetch, granted, listed, make, put, s3_of, store
from tests.support.rest import rest

pytestmark = pytest.mark.requirement("data.backup", "keep.backup")


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a hub's database and a few stored items: committed, open, and an upload that goes on."""
    folder = tmp_path_factory.mktemp("backed") / "hub"

    async def work(server: Any) -> None:
        async with rest(server) as web:
            for number in range(5):
                item, grant = await make(web, name=f"item {number}")
                for path in ("a.bin", "b/c.bin"):
                    await asyncio.to_thread(put, grant, path, f"{path} of {number}".encode() * 1000)
                await commit(web, item["id"])
            _, grant = await make(web, name="open")
            await asyncio.to_thread(put, grant, "a.bin", b"open")
            where = {"Bucket": grant["bucket"], "Key": f"{grant['prefix']}big"}
            begun = await asyncio.to_thread(lambda: s3_of(grant).create_multipart_upload(**where))
            await asyncio.to_thread(
                lambda: s3_of(grant).upload_part(**where, UploadId=begun["UploadId"], PartNumber=1, Body=b"p" * 9)
            )

    with serve(folder, log_level="error") as running:
        asyncio.run(work(running))
    return folder


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a store by its name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def named(database: Path) -> dict[str, str]:
    return {blob.name: blob.digest for blob in backup_objects.list_blobs(database)}


def test_a_restored_copy_has_the_same_rows_and_the_same_files(hub_folder: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    made = backup(hub_folder, tmp_path / "b.db", report=lambda *said: seen.append(said))
    place = tmp_path / "b.db.objects"
    assert hashes(place) == hashes(hub_folder / "objects") == named(tmp_path / "b.db")
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    assert (made.data.files, made.data.size_bytes, made.data.gone) == (12, size, ())
    assert ("Copying data", size, size) in seen
    back = restore(tmp_path / "b.db", tmp_path / "new")
    assert back.contents.differences(made.contents) == []
    assert (back.data.files, back.data.size_bytes) == (12, size)
    assert hashes(tmp_path / "new" / "objects") == hashes(place)
    shutil.rmtree(place)  # what is restored does not need the backup any more

    async def work(server: Any) -> None:
        async with rest(server) as web:
            ids = await listed(web)
            assert len(ids) == 5
            for number, id in enumerate(reversed(ids)):
                grant = await granted(web, id)
                assert await asyncio.to_thread(fetch, grant, "b/c.bin") == f"b/c.bin of {number}".encode() * 1000
            assert (await store(web))["size_bytes"] == 1

    with serve(tmp_path / "new", log_level="error") as running:
        asyncio.run(work(running))


def test_files_are_copied_where_they_can_not_be_linked(
    hub_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    made = backup(hub_folder, tmp_path / "b.db")
    assert made.data.files == 12
    assert hashes(tmp_path / "b.db.objects") == hashes(hub_folder / "objects")
    assert all(path.stat().st_nlink == 1 for path in (tmp_path / "b.db.objects").rglob("*") if path.is_file())
    assert hashes(restore(tmp_path / "b.db", tmp_path / "new").path.parent / "objects") == named(tmp_path / "b.db")


def copy_of(folder: Path, target: Path) -> Path:
    """Copy a hub's folder so that it may be spoilt."""
    shutil.copytree(folder, target)
    return target


def first_of(folder: Path, size: int | None = None) -> Path:
    return next(p for p in sorted(folder.rglob("*")) if p.is_file() and size in (None, p.stat().st_size))


@pytest.mark.parametrize("harm", ["changed", "cut", "longer", "gone", "link"])
def test_a_stored_file_that_is_damaged_is_named_and_nothing_is_made_of_it(
    hub_folder: Path, tmp_path: Path, harm: str
) -> None:
    spoilt = copy_of(hub_folder, tmp_path / "spoilt")
    backup(hub_folder, tmp_path / "good.db")
    shutil.copytree(tmp_path / "good.db.objects", tmp_path / "own")
    shutil.rmtree(tmp_path / "good.db.objects")
    (tmp_path / "own").rename(tmp_path / "good.db.objects")
    for folder in (spoilt / "objects", tmp_path / "good.db.objects"):
        file = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        data = file.read_bytes()
        if harm in ("gone", "link"):
            file.unlink()
            if harm == "link":
                file.symlink_to("/etc/passwd")
        else:
            file.write_bytes({"changed": b"X" + data[1:], "cut": data[:-1], "longer": data + b"1"}[harm])
    with pytest.raises((Conflict, RequestRefused)) as refused:
        backup(spoilt, tmp_path / "b.db")
    print(f"refused: {refused.value}")
    assert not (tmp_path / "b.db").exists()
    assert not (tmp_path / "b.db.objects").exists()
    with pytest.raises((Conflict, RequestRefused)):
        restore(tmp_path / "good.db", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] in ([], ["hub.lock"])
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
    made = backup(spoilt, tmp_path / "rows.db", with_data=False)
    assert made.data.files == 0
    assert not (tmp_path / "rows.db.objects").exists()


def test_a_database_that_names_files_elsewhere_reads_none_of_them(hub_folder: Path, tmp_path: Path) -> None:
    backup(hub_folder, tmp_path / "b.db")
    names = ("../../../etc/passwd", "/etc/passwd", "a", "", "aa" * 16 + "/..", "AA" * 16, "aa" * 15 + "a\n")
    for name in names:
        with closing(sqlite3.connect(tmp_path / "b.db")) as db, db:
            db.execute("UPDATE object SET blob = ? WHERE rowid = (SELECT min(rowid) FROM object)", (name,))
        with pytest.raises(RequestRefused, match="expected the name of a stored file"):
            restore(tmp_path / "b.db", tmp_path / "new")
    print(f"N = {len(names)} names that are none")


def test_without_its_data_a_backup_leaves_the_store_as_it_is_and_keeps_it(hub_folder: Path, tmp_path: Path) -> None:
    place = copy_of(hub_folder, tmp_path / "hub")
    before = hashes(place / "objects")
    backup(place, tmp_path / "b.db", with_data=False)
    with pytest.raises(RequestRefused, match="12 are missing"):
        restore(tmp_path / "b.db", tmp_path / "new")
    back = restore(tmp_path / "b.db", place, True, with_data=False)
    kept = {path.name for path in back.kept if path.suffix != ".db" and "-restore-" not in path.name}
    assert kept == {"objects.before-restore", "hub.db.before-restore"}
    assert hashes(place / "objects") == hashes(place / "objects.before-restore") == before
    with_it = backup(place, tmp_path / "whole.db")
    again = restore(tmp_path / "whole.db", place, True)
    assert len(again.kept) >= 2
    assert again.contents.differences(with_it.contents) == []
    assert hashes(place / "objects") == before


def test_what_is_replaced_while_a_backup_is_made_is_left_out_only_of_what_is_open(
    tmp_path: Path,
) -> None:
    async def work(server: Any) -> None:
        async with rest(server) as web:
            kept = [await store(web, body=secrets.token_bytes(2000)) for _ in range(30)]
            _, grant = await make(web)
            stop = asyncio.Event()

            async def churn() -> int:
                count = 0
                while not stop.is_set():
                    await asyncio.to_thread(put, grant, f"a{count % 3}", secrets.token_bytes(100))
                    count += 1
                return count

            churning = asyncio.create_task(churn())
            for number in range(5):
                made = await asyncio.to_thread(backup, server.folder, tmp_path / f"{number}.db")
                assert hashes(tmp_path / f"{number}.db.objects") == named(tmp_path / f"{number}.db")
                back = await asyncio.to_thread(restore, tmp_path / f"{number}.db", tmp_path / f"new{number}")
                assert back.contents.differences(made.contents) == []
                with closing(sqlite3.connect(back.path)) as db:
                    query = (
                        "SELECT count(*) FROM object JOIN item ON item.id = item_id WHERE committed_at_us IS NOT NULL"
                    )
                    assert db.execute(query).fetchone()[0] == len(kept)
            stop.set()
            print(f"N = 5 backups beside {await churning} writes")

    with serve(tmp_path / "hub", log_level="error") as running:
        asyncio.run(asyncio.wait_for(work(running), 60))


def test_the_commands_say_what_was_taken_along(hub_folder: Path, tmp_path: Path) -> None:
    run = CliRunner()
    file = str(tmp_path / "b.db")
    made = run.invoke(cli, ["hub", "backup", file, "--folder", str(hub_folder), "--json"])
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["data_files"] == 12
    shown = run.invoke(cli, ["hub", "restore", file, "--folder", str(tmp_path / "new")])
    assert shown.exit_code == 0, shown.output
    assert "12 stored files" in shown.output
    bare = run.invoke(
        cli, ["hub", "backup", str(tmp_path / "c.db"), "--folder", str(hub_folder), "--without-data", "--json"]
    )
    assert json.loads(bare.stdout)["data_files"] == 0
    refused = run.invoke(cli, ["hub", "restore", str(tmp_path / "c.db"), "--folder", str(tmp_path / "third")])
    assert refused.exit_code != 0
    back = run.invoke(
        cli, ["hub", "restore", str(tmp_path / "c.db"), "--folder", str(tmp_path / "third"), "--without-data"]
    )
    assert back.exit_code == 0, back.output


@pytest.fixture(autouse=True)
def _no_other_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARKITEKT_HUB_DATABASE_URL", raising=False)
