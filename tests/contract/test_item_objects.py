"""What the SDK asks of the objects of an item, by both ways to the store: obstore, and our requests to a pinned hub."""

from __future__ import annotations

import asyncio
import pickle
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.core.buffer import Buffer
from zarr.core.buffer.cpu import Buffer as CpuBuffer
from zarr.testing.store import StoreTests

from arkitekt_next.embedded import serve
from arkitekt_next.errors import InvalidValue, NotFound, NotPermitted
from arkitekt_next.platform import STATE_FOLDER
from arkitekt_next.sdk import trust
from arkitekt_next.sdk.data.containers import writer_of
from arkitekt_next.sdk.data.grants import Grant
from arkitekt_next.sdk.data.objects import STEP_BYTES, Objects
from arkitekt_next.sdk.data.pinned import PinnedObjects
from arkitekt_next.sdk.data.requests import Connections, Requests
from arkitekt_next.sdk.data.s3 import S3Objects
from arkitekt_next.sdk.data.streams import new_object, open_object
from arkitekt_next.sdk.data.zarr_stores import ThreadedObjects, WholeObjects
from tests.support.data import BUCKET, commit_item, give, new_item
from tests.support.tls import make_certificate

pytestmark = pytest.mark.requirement("data.pinned")

ODD = ("a b", "a+b", "ä", "日本", "a&b=c", "<a>", "a~b", "a*(1)", "#?", "@:,$!", "a%2Fb")
Way = Callable[[str, str], Objects]
"""Opens an item by its id, to `read` or to `write`."""


@pytest.fixture(scope="module")
def connections() -> Connections:
    return Connections()


@pytest.fixture(scope="module", params=["obstore", "pinned"])
def server(
    request: pytest.FixtureRequest, connections: Connections, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A hub by plain HTTP, and one whose certificate is its own and pinned."""
    folder = tmp_path_factory.mktemp("objects")
    made = make_certificate(folder)
    tls = {"tls_cert": made.file, "tls_key": made.file} if request.param == "pinned" else {}
    with pytest.MonkeyPatch.context() as patch, serve(folder / "hub", log_level="error", **tls) as running:
        patch.setenv(STATE_FOLDER, str(folder / "state"))
        patch.setenv("ARKITEKT_HUB_FOLDER", str(folder / "none"))
        if tls:
            trust.pin(running.url, made.der)
        yield running
        connections.close()


@pytest.fixture
def way(server: Any, connections: Connections) -> Way:
    def reach(item: str, mode: str) -> Objects:
        access = give(server, item, mode)
        keys = access.keys
        grant = Grant(
            id=access.grant.id,
            mode=mode,
            endpoint=server.url,
            bucket=BUCKET,
            region="us-east-1",
            prefix=access.prefix,
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            session_token=keys.session_token or "",
            expires_at_us=access.grant.expires_at_us,
        )
        if trust.is_pinned(server.url):
            return PinnedObjects(Requests(grant, lambda: grant, connections))
        return S3Objects(grant, lambda: grant)

    return reach


@pytest.fixture
def item(server: Any) -> str:
    return new_item(server)


@pytest.fixture
def objects(way: Way, item: str) -> Objects:
    return way(item, "write")


def listed(objects: Objects, folder: str = "") -> list[tuple[str, int]]:
    return [(entry.key, entry.size_bytes) for entry in objects.list(folder)]


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 2 * STEP_BYTES + 7])
def test_what_was_put_comes_back_in_whole_and_in_steps(objects: Objects, size: int) -> None:
    data = random.Random(size).randbytes(size)
    objects.put("d/a", memoryview(data))
    assert objects.get("d/a") == data
    assert objects.size("d/a") == size
    steps = list(objects.steps("d/a"))
    assert b"".join(steps) == data
    assert len(steps) >= size // (2 * STEP_BYTES)
    objects.put("d/a", b"another")
    assert objects.get("d/a") == b"another"


@pytest.mark.parametrize(
    "part",
    [
        *(slice(0, 4), slice(3, 7), slice(9, 10), slice(4, 400), slice(3, None), slice(0, None), slice(None, 4)),
        *(slice(-3, None), slice(-10, None), slice(-400, None)),
        *(slice(4, 4), slice(7, 3), slice(10, None), slice(10, 20), slice(400, 500)),
    ],
    ids=str,
)
def test_a_part_is_what_a_slice_of_the_bytes_is(objects: Objects, part: slice) -> None:
    objects.put("a", b"0123456789")
    assert objects.get("a", part) == b"0123456789"[part]
    objects.put("empty", b"")
    assert objects.get("empty", part) == b""


def test_a_file_is_read_from_anywhere_in_it(objects: Objects) -> None:
    data = random.Random(2).randbytes(3 * 1024 * 1024)
    objects.put("a", data)
    with open_object(objects, "a") as source:
        assert source.read(10) == data[:10]
        source.seek(2_000_000)
        assert source.read(1_048_570) == data[2_000_000:3_048_570]
        source.seek(-5, 1)
        assert source.tell() == 3_048_565
        source.seek(-5, 2)
        assert source.read() == data[-5:]
        assert source.read(1) == b""


def test_what_is_not_there_is_said_to_be_missing(objects: Objects) -> None:
    def in_steps(key: str) -> None:
        list(objects.steps(key))

    for ask in (objects.get, objects.size, in_steps, lambda key: objects.get(key, slice(0, 3)), opened(objects)):
        with pytest.raises(NotFound, match="nowhere"):
            ask("nowhere")
    objects.delete("nowhere")
    assert listed(objects) == []


def opened(objects: Objects) -> Callable[[str], Any]:
    return lambda key: open_object(objects, key)


def test_lists_are_of_folders_in_order_and_of_any_length(objects: Objects) -> None:
    keys = [f"many/{number:04}" for number in range(1003)] + ["many-more", "a/b/c", "a/b", "a!/x"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: objects.put(key, key.encode()), keys))
    expected = [(key, len(key)) for key in sorted(keys)]
    assert listed(objects) == expected
    assert listed(objects, "many") == [one for one in expected if one[0].startswith("many/")]
    assert listed(objects, "a") == [("a/b", 3), ("a/b/c", 5)]
    assert listed(objects, "none") == []
    objects.delete("a/b")
    assert listed(objects, "a") == [("a/b/c", 5)]


@pytest.mark.parametrize("name", ODD)
def test_names_are_kept_as_they_are(objects: Objects, name: str) -> None:
    key = f"d/{name}"
    objects.put(key, b"x")
    assert objects.get(key) == b"x"
    assert listed(objects, "d") == [(key, 1)]


@pytest.mark.parametrize("size", [0, 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES])
def test_a_stream_is_there_once_it_has_ended(objects: Objects, size: int) -> None:
    data = random.Random(size).randbytes(size)
    with new_object(objects, "s") as sink:
        for start in range(0, size, 1_000_003):
            sink.write(data[start : start + 1_000_003])
            assert listed(objects) == []
        assert sink.tell() == size
    assert objects.get("s") == data
    with open_object(objects, "s") as source:
        assert source.read() == data


def test_a_stream_that_broke_off_leaves_nothing(objects: Objects) -> None:
    def break_off() -> None:
        with new_object(objects, "s") as sink:
            sink.write(bytes(2 * STEP_BYTES))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert listed(objects) == []


def test_what_is_committed_or_granted_to_read_only_is_refused_to_be_written(
    objects: Objects, way: Way, server: Any, item: str
) -> None:
    objects.put("a", b"1")
    reader = way(item, "read")
    for refused in (lambda: reader.put("a", b"2"), lambda: reader.delete("a")):
        with pytest.raises(NotPermitted):
            refused()
    commit_item(server, item)

    def write() -> None:
        with new_object(objects, "a") as sink:
            sink.write(b"2")

    for refused in (lambda: objects.put("a", b"2"), lambda: objects.delete("a"), write):
        with pytest.raises(NotPermitted):
            refused()
    assert reader.get("a") == b"1"


def test_many_threads_read_at_once(objects: Objects) -> None:
    data = random.Random(1).randbytes(4 * 1024 * 1024)
    objects.put("a", data)
    together = threading.Barrier(8, timeout=20)

    def read(number: int) -> bool:
        together.wait()
        starts = [random.Random(number * 100 + n).randrange(len(data)) for n in range(25)]
        return all(objects.get("a", slice(start, start + 5000)) == data[start : start + 5000] for start in starts)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


@pytest.mark.requirement("data.crops")
def test_where_the_chunks_of_a_committed_shard_lie_is_asked_once(
    server: Any, way: Way, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(1).integers(0, 4000, (256, 256)).astype(np.uint16)
    writing = zarr.create_array(
        way(item, "write").zarr(), shape=values.shape, chunks=(32, 32), shards=(256, 256), dtype=values.dtype
    )
    for row in range(2):  # what is not committed may change: its end is asked for again each time
        writing[row * 128 : row * 128 + 128] = values[row * 128 : row * 128 + 128]
    assert np.array_equal(writing[:], values)
    commit_item(server, item)
    objects, asked = server.app.state.hub.objects, []
    read = objects.read

    def counted(stored: Any, start: int, stop: int) -> Any:
        asked.append((stored.key.rpartition(item)[2], stop - start, stop == stored.size_bytes))
        return read(stored, start, stop)

    monkeypatch.setattr(objects, "read", counted)
    array = zarr.open_array(way(item, "read").zarr(), mode="r")
    for n in range(8):
        place = slice(n * 32, n * 32 + 32), slice(n * 32, n * 32 + 32)
        assert np.array_equal(array[place], values[place])
    ends = [size for key, size, is_end in asked if "/c/" in key and is_end and size == 64 * 16 + 4]
    assert len(ends) == 1
    assert len([key for key, *_ in asked if "/c/" in key]) == 9
    print(f"N = {len(asked)} reads for 8 chunks")


@pytest.mark.anyio
@pytest.mark.usefixtures("anyio_backend")
class TestZarr(StoreTests[Any, CpuBuffer]):
    """Zarr's own tests of stores, on what each way gives it."""

    store_cls = ThreadedObjects
    buffer_cls = CpuBuffer

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture(autouse=True)
    def _of_its_class(self, store_kwargs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        is_pinned = "objects" in store_kwargs
        monkeypatch.setattr(type(self), "store_cls", ThreadedObjects if is_pinned else WholeObjects)

    @pytest.fixture
    def store_kwargs(self, objects: Objects) -> dict[str, Any]:
        self.objects = objects
        found: Any = objects.zarr()
        if isinstance(found, WholeObjects):
            return {"store": found.store}
        return {"objects": objects, "threads": found._threads}

    async def set(self, store: Any, key: str, value: Buffer) -> None:
        await asyncio.to_thread(self.objects.put, key, value.to_bytes())

    async def get(self, store: Any, key: str) -> Buffer:
        return CpuBuffer.from_bytes(await asyncio.to_thread(self.objects.get, key))

    def test_store_repr(self, store: Any) -> None:
        assert type(store).__name__ in repr(store)

    def test_store_supports_writes(self, store: Any) -> None:
        assert store.supports_writes

    def test_store_supports_listing(self, store: Any) -> None:
        assert store.supports_listing

    async def test_serializable_store(self, store: Any) -> None:
        with pytest.raises((TypeError, AttributeError)):  # the secret of a grant stays in its process
            pickle.dumps(store)


@pytest.mark.requirement("data.safe")
def test_objects_that_are_larger_than_they_may_be_are_not_fetched(server: Any, way: Way, item: str) -> None:
    from arkitekt_next.sdk.data.roots import array_in, open_root

    writing = way(item, "write")
    zarr.create_group(writing.zarr(), zarr_format=3).create_array("0", shape=(8,), chunks=(8,), dtype="uint8")[:] = 1
    writing.put("big/zarr.json", b" " * (16 * 2**20 + 1))
    commit_item(server, item)
    root = open_root(way(item, "read").zarr())
    with pytest.raises(InvalidValue, match="at most 16777216 bytes"):
        root.get("big")
    array = array_in(root, "0")
    assert array is not None
    assert np.asarray(array[:]).tolist() == [1] * 8
    spoiled = new_item(server)
    writing = way(spoiled, "write")
    zarr.create_group(writing.zarr(), zarr_format=3).create_array("0", shape=(8,), chunks=(8,), dtype="uint8")[:] = 1
    writing.put("0/c/0", bytes(17 * 2**20))
    array = array_in(open_root(way(spoiled, "read").zarr()), "0")
    assert array is not None
    with pytest.raises(InvalidValue, match="It was stored wrong"):
        array[:]


@pytest.mark.parametrize(("shape", "is_small"), [((512, 512), True), ((5, 2048, 512), False)])
def test_a_small_array_is_few_objects_each_put_once(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], is_small: bool
) -> None:
    counted: list[str] = []
    put = type(objects).put

    def count(self: Any, key: str, data: Any) -> None:
        counted.append(key)
        put(self, key, data)

    monkeypatch.setattr(type(objects), "put", count)
    values = np.random.default_rng(1).integers(0, 4096, shape, np.uint16)
    meta = writer_of(values, "array")(objects)
    if is_small:
        assert sorted(counted) == ["0/c/0/0", "0/zarr.json", "zarr.json"]
        assert sorted(counted) == sorted(key for key, _ in listed(objects))
    assert (meta["shape"], meta["dtype"]) == (list(shape), "uint16")
    read: Any = zarr.open_group(objects.zarr(), mode="r")["0"]
    np.testing.assert_array_equal(read[...], values)
