"""Arrays, images, tables and files at a hub that made its certificate itself, for apps that have pinned it."""

from __future__ import annotations

import asyncio
import io
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from arkitekt_next import App, Array, File, Image, Table
from arkitekt_next.embedded import serve
from arkitekt_next.errors import HubUntrusted, StorageFull
from arkitekt_next.sdk import trust
from tests.support.data_lab import make_lab
from tests.support.disks import small_disk
from tests.support.raw import sign_in
from tests.support.scripts import program
from tests.support.signing import signed_in
from tests.support.tls import Front, make_certificate, tls_front
from tests.support.waiting import until

pytestmark = pytest.mark.requirement("data.pinned")

MIB = 1024 * 1024
PART_BYTES = 16 * MIB


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a user on another machine than the hub's."""
    monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(tmp_path / "none"))
    monkeypatch.setenv("ARKITEKT_STATE_FOLDER", str(tmp_path / "state"))
    monkeypatch.setenv("ARKITEKT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ARKITEKT_URL", raising=False)
    monkeypatch.delenv("ARKITEKT_TOKEN", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pinned")


@pytest.fixture(scope="module")
def secured(folder: Path) -> Iterator[Any]:
    """A hub that serves TLS with a certificate nobody vouches for; it calls itself localhost."""
    made = make_certificate(folder)
    with serve(folder / "secured", tls_cert=made.file, tls_key=made.file, log_level="error") as server:
        yield server


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[Any]:
    with serve(folder / "plain", log_level="error") as server:
        yield server


@dataclass(frozen=True)
class Behind:
    """A hub behind a server that shows a pinned certificate and notes what passes."""

    front: Front
    hub: Any

    def app(self, name: str) -> App:
        """Give an app that is signed in."""
        return App(name, url=self.front.url, token=self.token(name))

    def token(self, name: str) -> str:
        return sign_in(self.hub.url, self.hub.folder, name)


@pytest.fixture
def behind(plain: Any, tmp_path: Path) -> Iterator[Behind]:
    made = make_certificate(tmp_path)
    with tls_front(made, int(plain.url.rpartition(":")[2])) as front:
        trust.pin(front.url, made.der)
        yield Behind(front, plain)


def known(server: Any, folder: Path, *apps: str) -> None:
    """Pin the hub's certificate and sign apps in, as `arkitekt-next login` does."""
    trust.pin(server.url, trust.fetch_certificate(server.url))
    for app in apps:
        asyncio.run(signed_in(server, folder / "state", app))


def test_values_pass_by_reference_between_apps_that_pinned_the_hub(secured: Any, tmp_path: Path) -> None:
    known(secured, tmp_path, "lab", "caller")
    values = np.random.default_rng(1).integers(0, 2**15, (3, 1024, 1024), dtype=np.uint16)
    frame = pd.DataFrame({"area": [1.5, 2.5, 4.0], "count": [1, 2, 3]})
    path = tmp_path / "note.txt"
    path.write_bytes(b"hello, cells")
    with make_lab(url=secured.url).run_detached(), App("caller", url=secured.url) as caller:
        assert np.array_equal(caller.find("lab.blur")(values, 2.0), values * 2)
        assert caller.find("lab.mean")(xr.DataArray(np.arange(12.0))) == 5.5
        assert caller.find("lab.summed")(frame).rows() == [("area", 8.0), ("count", 6.0)]
        assert caller.find("lab.first")(path, 5) == "hello"
        assert caller.find("lab.shout")(path).read() == b"HELLO, CELLS"
        tiles = caller.find("lab.tiles").iterate(np.zeros((4, 4), np.uint8), 5)
        assert [int(tile[0, 0]) for tile in tiles] == [0, 1, 2, 3, 4]


def test_items_are_stored_and_read_again_at_a_pinned_hub(secured: Any, tmp_path: Path) -> None:
    known(secured, tmp_path, "caller")
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 2**16, (2, 1500, 1300), np.uint16)
    numbers = rng.normal(size=(7, 50, 60))
    frame = pd.DataFrame({"label": range(1000), "area": rng.normal(size=1000)})
    data = rng.bytes(3 * MIB + 5)
    path = tmp_path / "large.bin"
    path.write_bytes(data)
    with App("caller", url=secured.url) as app:
        image = Image.get(Image.save(pixels, name="i", axes="zyx", scale={"x": 0.5, "y": 0.5}).id)
        array = Array.get(Array.save(numbers, name="a").id)
        table = Table.get(Table.save(frame, name="t").id)
        file = File.get(File.save(path).id)
        assert np.array_equal(image.numpy(), pixels)
        assert np.array_equal(image.data[1, 700:900, 800:1300], pixels[1, 700:900, 800:1300])
        assert image.level(1).shape == (2, 750, 650)
        assert np.array_equal(array[2:4, 10], numbers[2:4, 10])
        pd.testing.assert_frame_equal(table.pandas(), frame)
        assert table.arrow(["label"]).column_names == ["label"]
        assert table.sql("SELECT count(*) AS n FROM data WHERE label < 10").to_pydict() == {"n": [10]}
        assert file.read() == data
        assert file.path().read_bytes() == data
        with file.open() as source:
            source.seek(-5, os.SEEK_END)
            assert source.read() == data[-5:]
        lazy = array.data
    assert np.array_equal(lazy, numbers)  # also after the app has closed
    app.link.items.close()


def test_on_its_own_machine_a_hub_beyond_it_is_believed_without_a_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path / "hub", host="0.0.0.0", log_level="error") as server:
        monkeypatch.setenv("ARKITEKT_HUB_FOLDER", str(server.folder))
        values = np.arange(2000).reshape(40, 50)
        with App("caller"):
            assert np.array_equal(Array.save(values, name="numbers").numpy(), values)


def test_a_crop_fetches_the_chunks_it_touches_and_many_are_read_at_once(behind: Behind) -> None:
    pixels = np.random.default_rng(3).integers(0, 2**16, (4, 2048, 2048), np.uint16)
    with behind.app("caller"):
        image = Image.get(Image.save(pixels, name="i", axes="zyx", memory_bytes=160 * MIB).id)
        lazy = image.data
        before = behind.front.said_bytes
        assert np.array_equal(lazy[1, 100:356, 1300:1556], pixels[1, 100:356, 1300:1556])
        fetched = behind.front.said_bytes - before
        assert fetched < pixels.nbytes // 8
        together = threading.Barrier(6, timeout=20)

        def read(number: int) -> bool:
            together.wait()
            part = np.s_[number % 4, 300 * number : 300 * number + 400]
            return np.array_equal(lazy[part], pixels[part])

        with ThreadPoolExecutor(6) as pool:
            assert all(pool.map(read, range(6)))
        assert np.array_equal(lazy, pixels)
    print(f"a crop of 128 KiB of {pixels.nbytes // MIB} MiB: {fetched // 1024} KiB came")


UPLOAD = """
from arkitekt_next import App, File

with App("caller", url={url!r}, token={token!r}):
    print("done", File.save({path!r}).id)
"""


def test_a_stopped_upload_goes_on_where_it_was(behind: Behind, tmp_path: Path) -> None:
    data = np.random.default_rng(4).bytes(3 * PART_BYTES + 12345)
    path = tmp_path / "large.bin"
    path.write_bytes(data)
    code = UPLOAD.format(url=behind.front.url, token=behind.token("caller"), path=str(path))
    with program(code, tmp_path) as first:
        until(lambda: len(behind.front.heard) > 2 * PART_BYTES - MIB, within=60)
        first.process.kill()
    with program(code, tmp_path) as second:
        id = second.says("done", within=90).split()[-1]
    again = len(behind.front.heard) - len(data)
    assert again <= PART_BYTES + MIB
    with behind.app("caller"):
        assert File.get(id).read() == data
    print(f"N = 1 kill; sent again {again / MIB:.1f} MiB, a part is 16 MiB")


def test_another_certificate_in_its_place_gets_no_byte(behind: Behind, tmp_path: Path) -> None:
    values = np.random.default_rng(5).integers(0, 2**16, (256, 256), np.uint16)
    frame = pd.DataFrame({"a": range(10)})
    small, large = tmp_path / "small.bin", tmp_path / "large.bin"
    small.write_bytes(b"small")
    large.write_bytes(bytes(PART_BYTES + 1))
    with behind.app("caller") as app:
        image, table = Image.save(values, name="i"), Table.save(frame, name="t")
        file = File.save(small)
        lazy, opened = image.data, file.open()
        behind.front.replace(make_certificate(tmp_path))
        heard = len(behind.front.heard)
        tries: list[Callable[[], object]] = [
            *(lazy.to_numpy, lazy[3:5, 4:9].to_numpy, opened.read),  # rights and addresses are at hand already
            *(image.numpy, table.pandas, lambda: table.sql("SELECT * FROM data"), file.read, file.path),
            lambda: Image.save(values, name="j"),
            lambda: Array.save(values, name="k"),
            lambda: Table.save(frame, name="l"),
            lambda: File.save(small),
            lambda: File.save(large),
            lambda: app.link.items.commit(image.id, {}),
        ]
        for attempt in tries:
            with pytest.raises(HubUntrusted, match="another one than the one pinned"):
                attempt()
        assert len(behind.front.heard) == heard
        pinned = trust.fetch_certificate(behind.front.url)
        trust.pin(behind.front.url, pinned)  # the person has compared the new one
        assert np.array_equal(lazy, values)
        assert opened.read() == b"small"
    print(f"N = {len(tries)} ways to store and fetch; not a byte was said to the other certificate")


def test_an_upload_meets_another_certificate_in_the_middle(behind: Behind, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(np.random.default_rng(6).bytes(2 * PART_BYTES + 1))
    genuine = behind.front.certificate
    heard = 0

    def swap(done: int, total: int) -> None:
        nonlocal heard
        if done == PART_BYTES and not heard:
            behind.front.replace(make_certificate(tmp_path))
            heard = len(behind.front.heard)

    with behind.app("caller"):
        with pytest.raises(HubUntrusted, match="another one than the one pinned"):
            File.save(path, progress=swap)
        assert heard > 0
        behind.front.replace(genuine)
        assert File.save(path).read() == path.read_bytes()


@pytest.mark.requirement("bar.disk-full")
@pytest.mark.parametrize("is_pinned", [False, True], ids=["plain", "pinned"])
def test_a_full_store_is_said_to_be_full_by_either_way(tmp_path: Path, is_pinned: bool) -> None:
    with small_disk(tmp_path / "disk", 24) as disk:
        if disk is None:
            pytest.skip("mounting a small disk needs root")
        with (
            serve(disk.path / "hub", log_level="error") as hub,
            tls_front(made := make_certificate(tmp_path), int(hub.url.rpartition(":")[2])) as front,
        ):
            trust.pin(front.url, made.der)
            url = front.url if is_pinned else hub.url
            noise = np.random.default_rng(7).integers(0, 2**8, 30 * MIB, np.uint8)
            with App("caller", url=url, token=sign_in(hub.url, hub.folder, "caller")):
                for store in (
                    lambda: Array.save(noise, name="too much"),
                    lambda: File.save(io.BytesIO(noise.tobytes()), name="too.bin"),
                ):
                    with pytest.raises(StorageFull):
                        store()
                assert Array.save(noise[:MIB], name="enough").shape == (MIB,)
