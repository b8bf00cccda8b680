"""What others have stored runs no code and takes no more memory than there is, whatever its metadata promises."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array as da
import numcodecs
import numcodecs.pickles
import numpy as np
import pyarrow as pa
import pytest
import zarr
from zarr.abc.store import RangeByteRequest, SuffixByteRequest
from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.codecs import numcodecs as packers
from zarr.storage import LocalStore, MemoryStore, WrapperStore

from arkitekt_next.data.model import ImageMeta
from arkitekt_next.errors import InvalidMetadata, InvalidValue, NotFound, SuspiciousFile
from arkitekt_next.sdk.data import bounds
from arkitekt_next.sdk.data.bounds import CHUNK_LIMIT_BYTES, available_bytes, checked, refuse_too_large
from arkitekt_next.sdk.data.formats import read, write_ome_zarr
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.reading import COORDINATES_LIMIT, open_image
from arkitekt_next.sdk.data.roots import array_in
from arkitekt_next.sdk.data.zarr_stores import Sizes

pytestmark = pytest.mark.requirement("data.safe")

PICKLES: list[dict[str, Any]] = [
    {"dtype": "|O", "filters": [{"id": "pickle"}]},
    {"dtype": "|O", "filters": [{"id": "vlen-utf8"}, {"id": "pickle"}]},
    {"dtype": "|O", "filters": [{"id": "vlen-utf8"}], "compressor": {"id": "pickle", "protocol": 5}},
    {"dtype": "<u2", "filters": [{"id": "pickle"}]},
    {"dtype": "<u2", "filters": [{"id": "shuffle", "elementsize": 2}, {"id": "pickle"}]},
    {"dtype": "<u2", "compressor": {"id": "pickle", "protocol": 5}},
    {"dtype": "<u2", "filters": [{"id": "json2"}]},
    {"dtype": "<f8", "filters": [{"id": "categorize", "labels": ["a"], "dtype": "<U1"}]},
]


class Runs:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.path,)


def plant(folder: Path, said: dict[str, Any], *, at: int, trap: Path) -> None:
    """Write an image of two levels, as format 2 has it, one of which is as `said` and holds a pickle."""
    folder.mkdir()
    scales = [{"path": str(n), "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]} for n in range(2)]
    axes = [{"name": name, "type": "space"} for name in "yx"]
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps({"multiscales": [{"version": "0.4", "axes": axes, "datasets": scales}]}))
    for level in range(2):
        size = 4 >> level
        plain = {"dtype": "<u2", "filters": None, "compressor": None}
        meta = {"zarr_format": 2, "shape": [size, size], "chunks": [size, size], "order": "C", "fill_value": 0}
        (folder / str(level)).mkdir()
        (folder / str(level) / ".zarray").write_text(json.dumps({**meta, **plain, **(said if level == at else {})}))
        (folder / str(level) / "0.0").write_bytes(pickle.dumps(Runs(trap)) if level == at else bytes(2 * size * size))


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("said", PICKLES, ids=range(len(PICKLES)))
def test_nothing_that_is_stored_is_run(tmp_path: Path, said: dict[str, Any], at: int) -> None:
    trap = tmp_path / "ran"
    plant(tmp_path / "image", said, at=at, trap=trap)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numcodecs.pickles, "_allow_pickle", True, raising=False)  # as others may have set it
        with pytest.raises((InvalidMetadata, ValueError)):
            open_image(LocalStore(tmp_path / "image"), level=at).to_numpy()
    assert not trap.exists()


def test_codecs_inside_shards_are_looked_at_as_well() -> None:
    array = zarr.create_array(MemoryStore(), shape=(4, 4), chunks=(2, 2), shards=(4, 4), dtype="uint16")
    assert checked(array, "0") is array
    nested = ShardingCodec(chunk_shape=(2, 2), codecs=[BytesCodec(), GzipCodec()])
    assert list(bounds._names_of([nested.to_dict()]))[:3] == ["sharding_indexed", "bytes", "gzip"]


PACKED = ("Zlib", "BZ2", "LZMA", "LZ4", "Zstd", "GZip", "Blosc")


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not")
@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("is_sharded", [False, True])
def test_a_codec_that_unpacks_without_bounds_is_refused(name: str, is_sharded: bool) -> None:
    packed = getattr(packers, name)()
    sharded = ShardingCodec(chunk_shape=(2, 2), codecs=[BytesCodec(), packed])
    codecs = [sharded] if is_sharded else [BytesCodec(), packed]
    array = zarr.create(store=MemoryStore(), shape=(4, 4), chunks=(4, 4), dtype="uint16", codecs=codecs, zarr_format=3)
    with pytest.raises(InvalidMetadata, match="known to be safe"):
        checked(array, "0")


def test_a_chunk_that_promises_too_much_is_refused_before_it_is_read() -> None:
    side = int((CHUNK_LIMIT_BYTES / 2) ** 0.5) + 1
    array = zarr.create_array(MemoryStore(), shape=(side, side), chunks=(side, side), dtype="uint16")
    with pytest.raises(InvalidMetadata, match="chunks of at most"):
        checked(array, "0")


def test_what_is_larger_than_memory_is_refused_and_a_part_of_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    free = available_bytes()
    assert free is not None
    assert free > 2**20
    with pytest.raises(InvalidValue, match=r"a part of it.*lazily"):
        refuse_too_large(10**15, (10**9, 10**6), what="a bomb")
    refuse_too_large(1000, (1000,), what="small")
    monkeypatch.setattr(bounds, "_of_container", lambda: 200 * 2**20)
    with pytest.raises(InvalidValue, match=r"0\.2 GB of memory"):
        refuse_too_large(190 * 2**20, (190, 2**20), what="an image")
    refuse_too_large(100 * 2**20, (100, 2**20), what="an image")


def test_our_own_images_pass() -> None:
    store = MemoryStore()
    values = np.arange(600 * 700, dtype=np.uint16).reshape(600, 700)
    write_image(store, values, ImageMeta(shape=values.shape, dtype="uint16", axes=("y", "x")))
    assert np.array_equal(open_image(store).to_numpy(), values)


def bomb(codec: str, size: int) -> bytes:
    """Give few bytes that decode to so many zeros."""
    if codec == "blosc":
        return bytes(numcodecs.Blosc(cname="zstd", clevel=9).encode(np.zeros(size, np.uint8)))
    if codec == "gzip":
        return gzip.compress(bytes(size))
    return bytes(pa.compress(bytes(size), codec="zstd", asbytes=True))


@pytest.mark.parametrize("codec", ["blosc", "gzip", "zstd"])
@pytest.mark.parametrize("is_sharded", [False, True])
def test_a_chunk_that_unpacks_to_more_than_it_may_hold_is_refused(tmp_path: Path, codec: str, is_sharded: bool) -> None:
    packed = {"blosc": BloscCodec(), "gzip": GzipCodec(), "zstd": ZstdCodec()}[codec]
    inner = [BytesCodec(), packed]
    sharded = ShardingCodec(chunk_shape=(16, 16), codecs=inner, index_codecs=[BytesCodec()])
    zarr.create_group(store=LocalStore(tmp_path), zarr_format=3)
    store = zarr.create(
        store=LocalStore(tmp_path),
        path="0",
        shape=(16, 16),
        chunks=(16, 16),
        dtype="uint16",
        codecs=[sharded] if is_sharded else inner,
        zarr_format=3,
    )
    store[:] = np.arange(256, dtype=np.uint16).reshape(16, 16)
    read = array_in(zarr.open_group(LocalStore(tmp_path), mode="r"), "0")
    assert read is not None
    assert np.array_equal(np.asarray(read[:]), np.asarray(store[:]))
    body = bomb(codec, 700 * 2**20)
    assert len(body) < 2**20
    index = np.array([0, len(body)], "<u8").tobytes() if is_sharded else b""
    (tmp_path / "0/c/0/0").write_bytes(body + index)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidValue, match="a stored chunk"):
        read[:]
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 300 * 2**20


def test_chunks_of_others_in_every_codec_are_read() -> None:
    values = np.random.default_rng(1).integers(0, 9, (64, 64)).astype(np.float32)
    for compressor in (BloscCodec(cname="lz4"), GzipCodec(level=5), ZstdCodec(level=3, checksum=True), None):
        store = MemoryStore()
        root = zarr.create_group(store=store, zarr_format=3)
        array = root.create_array("0", shape=(64, 64), chunks=(16, 16), dtype="float32", compressors=compressor)
        array[:] = values
        found = array_in(zarr.open_group(store, mode="r"), "0")
        assert found is not None
        assert np.array_equal(np.asarray(found[:]), values)


def test_what_the_hub_keeps_is_never_of_the_old_format(tmp_path: Path) -> None:
    class Elsewhere(WrapperStore[LocalStore]):
        """A store that is not of this machine."""

    plant(tmp_path / "image", {}, at=5, trap=tmp_path / "ran")
    assert open_image(LocalStore(tmp_path / "image")).shape == (4, 4)
    with pytest.raises(NotFound):
        open_image(Elsewhere(LocalStore(tmp_path / "image")))


@pytest.mark.parametrize(
    ("shape", "chunks", "shards", "expected"),
    [
        ((2**23,), (1,), None, "chunks, or shards"),
        ((2**12, 2**12), (1, 1), None, "chunks, or shards"),
        ((2**34,), (2**11,), (2**11,), "chunks, or shards"),
        ((2**20,), (1,), (2**17,), "chunks in a shard"),
    ],
)
def test_more_chunks_than_can_be_planned_for_are_refused(
    shape: tuple[int, ...], chunks: tuple[int, ...], shards: tuple[int, ...] | None, expected: str
) -> None:
    array = zarr.create_array(MemoryStore(), shape=shape, chunks=chunks, shards=shards, dtype="uint8")
    with pytest.raises(InvalidMetadata, match=expected):
        checked(array, "0")


def test_a_long_axis_has_no_coordinates() -> None:
    store = MemoryStore()
    size = COORDINATES_LIMIT + 1
    values = da.zeros((1, size), chunks=(1, 2**19), dtype=np.uint8)
    meta = ImageMeta(shape=values.shape, dtype="uint8", axes=("y", "x"), scale={"y": 0.5, "x": 0.5})
    write_image(store, values, meta)
    opened = open_image(store)
    assert set(opened.coords) == {"y"}
    assert opened.shape == (1, size)


def test_every_thread_opens_within_bounds_and_zarr_itself_is_as_it_was(tmp_path: Path) -> None:
    root = zarr.create_group(store=LocalStore(tmp_path), zarr_format=3)
    root.create_array("0", shape=(16, 16), chunks=(4, 4), shards=(16, 16), dtype="uint16", compressors=BloscCodec())
    before = dict(zarr.config.get("codecs"))

    def opened(_: int) -> str:
        array = array_in(zarr.open_group(LocalStore(tmp_path), mode="r"), "0")
        assert array is not None
        [sharding] = array.metadata.codecs
        assert isinstance(sharding, ShardingCodec)
        return type(sharding.codecs[-1]).__name__

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(opened, range(400))) == {"BoundedBlosc"}
    assert dict(zarr.config.get("codecs")) == before
    plain = zarr.open_array(LocalStore(tmp_path), path="0", mode="r")
    [sharding] = plain.metadata.codecs
    assert isinstance(sharding, ShardingCodec)
    assert type(sharding.codecs[-1]) is BloscCodec


def test_links_in_the_folder_of_an_image_are_not_followed(tmp_path: Path) -> None:
    write_ome_zarr(read_picture(), tmp_path / "x.ome.zarr")
    (tmp_path / "secret").write_bytes(b"secret" * 100)
    chunk = next(path for path in (tmp_path / "x.ome.zarr" / "0" / "c").rglob("*") if path.is_file())
    chunk.unlink()
    chunk.symlink_to(tmp_path / "secret")
    with pytest.raises(SuspiciousFile, match="a link"):
        read(tmp_path / "x.ome.zarr")


@dataclass
class Picture:
    """Pixels, and what is known of them."""

    data: Any
    meta: ImageMeta


def read_picture() -> Picture:
    return Picture(da.ones((8, 8), dtype=np.uint8), ImageMeta(shape=(8, 8), dtype="uint8", axes=("y", "x")))


OLD_CODECS: dict[str, Any] = {
    "blosc": numcodecs.Blosc(cname="zstd", clevel=9),
    "gzip": numcodecs.GZip(9),
    "zlib": numcodecs.Zlib(9),
    "bz2": numcodecs.BZ2(9),
    "zstd": numcodecs.Zstd(9),
    "lz4": numcodecs.LZ4(),
}


@pytest.mark.requirement("data.safe")
@pytest.mark.parametrize("name", OLD_CODECS)
@pytest.mark.parametrize("is_filter", [False, True])
def test_a_chunk_of_the_old_format_unpacks_to_no_more_than_it_may_hold(
    tmp_path: Path, name: str, is_filter: bool
) -> None:
    codec = OLD_CODECS[name]
    said = {"filters": [codec.get_config()]} if is_filter else {"compressor": codec.get_config()}
    plant(tmp_path / "image", said, at=0, trap=tmp_path / "ran")
    chunk = tmp_path / "image/0/0.0"
    values = np.arange(16, dtype="<u2").reshape(4, 4)
    chunk.write_bytes(bytes(codec.encode(values)))
    with read(tmp_path / "image") as source:
        assert np.array_equal(source.data.compute(), values)
    body = bytes(codec.encode(np.zeros(400 * 2**20, np.uint8)))
    assert len(body) < 4 * 2**20
    chunk.write_bytes(body)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with read(tmp_path / "image") as source, pytest.raises(InvalidValue, match="a stored chunk"):
        source.data.compute()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 100 * 2**20


@pytest.mark.requirement("data.safe")
def test_a_file_that_is_larger_than_any_chunk_of_an_image_is_not_read(tmp_path: Path) -> None:
    plant(tmp_path / "image", {}, at=5, trap=tmp_path / "ran")
    with (tmp_path / "image/0/0.0").open("wb") as chunk:
        chunk.truncate(10 * 2**30)  # all holes: it takes no room
    with pytest.raises(SuspiciousFile, match="at most"):
        read(tmp_path / "image")


@pytest.mark.requirement("data.safe")
@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_a_block_that_says_it_is_longer_than_it_is_reads_nothing_around_it(tmp_path: Path, size: int) -> None:
    header = bytes([2, 1, 0x02, 2]) + b"".join(n.to_bytes(4, "little") for n in (size, size, size + 16))  # stored plain
    root = zarr.create_group(store=LocalStore(tmp_path / "new"), zarr_format=3)
    made = root.create_array("0", shape=(size // 2,), chunks=(size // 2,), dtype="uint16", compressors=BloscCodec())
    made[:] = 7
    (tmp_path / "new/0/c/0").write_bytes(header)
    read_back = array_in(zarr.open_group(LocalStore(tmp_path / "new"), mode="r"), "0")
    assert read_back is not None
    with pytest.raises(InvalidValue, match="its header tells of"):
        read_back[:]
    plant(tmp_path / "old", {"compressor": numcodecs.Blosc().get_config()}, at=0, trap=tmp_path / "ran")
    (tmp_path / "old/0/0.0").write_bytes(
        bytes([2, 1, 0x02, 2]) + b"".join(n.to_bytes(4, "little") for n in (32, 32, 48))
    )
    with read(tmp_path / "old") as source, pytest.raises(InvalidValue, match="its header tells of"):
        source.data.compute()


@pytest.mark.requirement("data.safe")
@pytest.mark.parametrize(
    ("filters", "problem"),
    [
        ([{"id": "astype", "encode_dtype": "<u1", "decode_dtype": "<c16"}] * 2, "widens its numbers"),
        ([{"id": "delta", "dtype": "<u2"}, {"id": "packbits"}], "widens its numbers"),
        ([{"id": "astype", "encode_dtype": "S100000", "decode_dtype": "<u2"}], "codecs of numbers"),
        ([{"id": "pickle", "protocol": 5}], "known to be safe"),
    ],
)
def test_filters_that_widen_step_by_step_are_refused(tmp_path: Path, filters: list[Any], problem: str) -> None:
    plant(tmp_path / "image", {"filters": filters}, at=0, trap=tmp_path / "ran")
    with pytest.raises(InvalidMetadata, match=problem):
        read(tmp_path / "image")


@pytest.mark.requirement("data.safe")
def test_shards_within_shards_are_refused() -> None:
    inner = ShardingCodec(chunk_shape=(2, 2), codecs=[BytesCodec()], index_codecs=[BytesCodec()])
    outer = ShardingCodec(chunk_shape=(4, 4), codecs=[inner], index_codecs=[BytesCodec()])
    array = zarr.create(store=MemoryStore(), shape=(8, 8), chunks=(8, 8), dtype="u1", codecs=[outer], zarr_format=3)
    with pytest.raises(InvalidMetadata, match="no shards within shards"):
        checked(array, "0")


@pytest.mark.requirement("data.safe")
def test_an_index_that_tells_of_a_huge_chunk_is_not_believed() -> None:
    sizes = Sizes()
    sizes.allow("0", 1000)
    assert sizes.part_of("0/c/0/0", RangeByteRequest(5, 1005)) == RangeByteRequest(5, 1005)
    for asked in (RangeByteRequest(0, 400 * 2**20), SuffixByteRequest(2**30)):
        with pytest.raises(InvalidValue, match="parts of at most 1000 bytes"):
            sizes.part_of("0/c/0/0", asked)


@pytest.mark.requirement("data.safe")
@pytest.mark.parametrize("name", ["zarr.json", "0/zarr.json", ".zattrs"])
def test_metadata_without_an_end_is_not_read(tmp_path: Path, name: str) -> None:
    plant(tmp_path / "image", {}, at=5, trap=tmp_path / "ran")
    place = tmp_path / "image" / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    with pytest.raises(SuspiciousFile, match="a pipe or a device"):
        read(tmp_path / "image")
    place.unlink()
    with place.open("wb") as file:
        file.truncate(2 * 2**30)
    with pytest.raises(SuspiciousFile, match="metadata of at most"):
        read(tmp_path / "image")
