"""Files in, items found, files out again, from Python: real microscope images keep all that was said of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tifffile
import zarr

from arkitekt_next import App, Array, File, Folder, Image, Item, Table
from arkitekt_next.data.model import Channel
from arkitekt_next.errors import Conflict, InvalidValue, NotFound, UnknownFormat
from arkitekt_next.sdk.data.formats import Hints, read
from tests.support.samples import sample


@pytest.fixture(scope="module")
def lab(hub: Any) -> Iterator[App]:
    app = App("bench")

    @app.register
    def inverted(image: Image) -> Image:
        """Turn bright into dark; sizes, times and channels are those of the image."""
        top = np.iinfo(image.dtype).max
        return Image.save(top - image.data, name=f"{image.name}, inverted", channels=image.channels, parent=image)

    with app.run_detached():
        yield app


def exported(image: Image, folder: Path) -> Iterator[tuple[Any, Any]]:
    """Write an image in both formats; give what each says, and its pixels, read anew."""
    for ending in (".ome.tif", ".ome.zarr"):
        with read(image.export(folder / f"image{ending}")) as source:
            yield source.meta, source.data.compute()


@pytest.mark.requirement("data.import", "data.export")
def test_a_real_ome_tiff_is_imported_worked_on_and_exported_with_every_value(
    lab: App, caller: App, tmp_path: Path
) -> None:
    path = sample("ome", "hela_tzcyx.ome.tif")
    image = Image.load(path)
    result = caller.find("bench.inverted")(image)
    assert result.record["parent"] == image.id
    values = 65535 - tifffile.imread(path).transpose(0, 2, 1, 3, 4)  # tzcyx, as the file says
    assert image.meta["origin"]["name"] == "hela_tzcyx.ome.tif"
    for meta, pixels in exported(result, tmp_path):
        assert meta.sizes == {"t": 3, "c": 3, "z": 4, "y": 128, "x": 160}
        assert meta.dtype == "uint16"
        assert meta.scale == {"x": 0.1625, "y": 0.1625, "z": 0.5, "t": 2.5}
        assert meta.units == {"x": "micrometer", "y": "micrometer", "z": "micrometer", "t": "second"}
        assert [channel.name for channel in meta.channels] == ["lysosome", "mitochondria", "DNA"]
        assert [channel.color for channel in meta.channels] == ["FF0000", "00FF00", "0000FF"]
        assert np.array_equal(pixels, values)
    with tifffile.TiffFile(tmp_path / "image.ome.tif") as tif:
        assert (tif.series[0].axes, tif.series[0].shape) == ("TCZYX", (3, 3, 4, 128, 160))
        xml = tif.ome_metadata or ""
    for said in ('PhysicalSizeX="0.1625"', 'PhysicalSizeZ="0.5"', 'TimeIncrement="2.5"', 'Name="lysosome"'):
        assert said in xml


@pytest.mark.requirement("data.import", "data.export")
def test_a_real_hyperstack_of_imagej_is_imported_worked_on_and_exported(lab: App, caller: App, tmp_path: Path) -> None:
    path = sample("hela", "hela-cells.tif")
    result = caller.find("bench.inverted")(Image.load(path))
    values = 65535 - tifffile.imread(path).transpose(2, 0, 1)
    for meta, pixels in exported(result, tmp_path):
        assert meta.sizes == {"c": 3, "y": 512, "x": 672}
        assert meta.dtype == "uint16"
        assert meta.scale == pytest.approx({"x": 0.05149313, "y": 0.05149313}, rel=1e-6)
        assert meta.units == {"x": "micrometer", "y": "micrometer"}
        assert len(meta.channels) == 3
        assert np.array_equal(pixels, values)


@pytest.mark.requirement("data.import")
def test_a_real_time_lapse_is_imported_as_one_series(caller: App) -> None:
    folder = sample("embryo")
    image = Image.load(folder, scale={"t": 7.0}, colors="green", name="embryo")
    assert (image.axes, image.shape, image.dtype) == (("t", "y", "x"), (21, 264, 542), "uint8")
    assert (image.scale, image.units) == ({"t": 7.0}, {"t": "second"})
    assert image.data.t.values.tolist() == [7.0 * frame for frame in range(21)]
    last = tifffile.imread(max(folder.glob("*.tif")))
    assert np.array_equal(image[20], last[..., 1])
    found = Image.loaded(folder)
    assert found == image


def small(path: Path, value: int = 1) -> Path:
    tifffile.imwrite(path, np.full((12, 10), value, np.uint8))
    return path


@pytest.mark.requirement("data.import")
def test_what_the_person_knows_goes_before_what_the_file_says(caller: App, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "pages.tif", np.zeros((4, 12, 10), np.uint8), photometric="minisblack")
    progress: list[tuple[int, int]] = []
    image = Image.load(
        tmp_path / "pages.tif",
        stack_axis="c",
        scale={"y": 0.5, "x": 0.5},
        channels=["a", "b", "c", "d"],
        name="four",
        tags=["t"],
        note="told",
        visibility="private",
        progress=lambda done, total: progress.append((done, total)),
    )
    assert (image.axes, image.name, image.tags, image.note) == (("c", "y", "x"), "four", ("t",), "told")
    assert [channel.name for channel in image.channels] == ["a", "b", "c", "d"]
    assert isinstance(image.channels[0], Channel)
    assert progress[-1] == (480, 480)


@pytest.mark.requirement("data.import")
def test_a_file_is_known_again_by_its_content_until_it_is_trashed(caller: App, tmp_path: Path) -> None:
    path = small(tmp_path / "known.tif", 77)
    assert Image.loaded(path) is None
    image = Image.load(path)
    assert Image.loaded(path.rename(tmp_path / "moved.tif")) == image
    assert Image.loaded(tmp_path / "moved.tif", series=1) is None
    image.trash()
    assert Image.loaded(tmp_path / "moved.tif") is None


@pytest.mark.requirement("data.import")
def test_a_file_that_is_written_to_meanwhile_is_refused_and_leaves_nothing(caller: App, tmp_path: Path) -> None:
    path = small(tmp_path / "busy.tif", 5)

    def touch(done: int, total: int) -> None:
        with path.open("ab") as file:
            file.write(b"\0")

    with pytest.raises(Conflict, match="was changed while it was read"):
        Image.load(path, progress=touch)
    assert list(Item.search("busy")) == []


@pytest.mark.requirement("data.import")
def test_unknown_and_missing_files_are_refused_with_the_remedy(caller: App, tmp_path: Path) -> None:
    (tmp_path / "x.tif").write_text("no image at all")
    with pytest.raises(UnknownFormat, match="store it as a plain file"):
        Image.load(tmp_path / "x.tif")
    with pytest.raises(NotFound, match="Check the path"):
        Image.load(tmp_path / "y.tif")


@pytest.mark.requirement("data.export")
def test_every_kind_goes_out_under_its_name_or_another(caller: App, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    image = Image.save(np.arange(30, dtype=np.float32).reshape(5, 6), name="../../evil")
    labels = Image.save(np.arange(30, dtype=np.int64).reshape(5, 6), name="labels", is_labels=True)
    array = Array.save(np.arange(4.0).reshape(2, 2), name="numbers", axes=["well", "time"], scale={"time": 2.0})
    table = Table.save(pd.DataFrame({"a": [1, 2], "b": ["x", None]}), name="a\\b")
    (tmp_path / "p.txt").write_text("stain")
    file = File.save(tmp_path / "p.txt", name="protocol")
    made = [item.export(folder) for item in (image, array, table, file)]
    assert [path.name for path in made] == ["_.._evil.ome.zarr", "numbers.zarr", "a_b.parquet", "protocol.txt"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "p.txt"]
    assert zarr.open_array(folder / "numbers.zarr", path="0").attrs is not None
    assert pd.read_csv(table.export(folder / "t.csv")).to_dict("list")["a"] == [1, 2]
    assert np.load(array.export(folder / "n.npy")).tolist() == [[0.0, 1.0], [2.0, 3.0]]
    with pytest.raises(InvalidValue, match=r"ends in \.zarr, \.npy"):
        array.export(folder / "n.mat")
    with pytest.raises(InvalidValue, match="write OME-Zarr"):
        labels.export(folder / "labels.ome.tif")
    with pytest.raises(NotFound, match="Make it first"):
        image.export(tmp_path / "nowhere" / "x.ome.tif")
    with pytest.raises(Conflict, match="--force"):
        file.export(folder)
    nested = Table.save(pd.DataFrame({"a": [[1, 2], [3]]}), name="nested")
    assert pd.read_csv(nested.export(folder / "nested.csv"))["a"].tolist() == ["[1, 2]", "[3]"]
    odd = Table.save(pa.table({"a": [b"\xff"]}), name="odd")
    with pytest.raises(InvalidValue, match=r"odd: .*Export it as \.parquet"):
        odd.export(folder / "odd.csv")
    assert not (folder / "odd.csv").exists()
    assert not (folder / "labels.ome.tif").exists()
    assert [path for path in folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.requirement("data.commands")
def test_items_are_found_by_what_they_are_and_what_is_said_of_them(caller: App) -> None:
    place = Folder.make("search/one")
    image = Image.save(np.zeros((7, 9), np.int16), name="needle", tags=["s1", "s2"], folder=place.id, note="in hay")
    table = Table.save(pd.DataFrame({"a": [1]}), name="needle two", tags=["s1"], folder=place.id)
    assert [type(item) for item in Item.search("needle")] == [Table, Image]
    assert list(Image.search("NEEDLE")) == [image]
    assert list(Item.search("hay")) == [image]
    assert list(Item.search(tags=["s1", "s2"])) == [image]
    assert list(Item.search(folder=place)) == [table, image] == list(place.items())
    assert list(Item.search(shape=(None, 9), dtype="int16")) == [image]
    assert list(Item.search("needle", since=table.created_at)) == [table]
    assert list(Item.search("needle", until=image.created_at)) == [image]
    assert list(Item.search("needle", limit=1)) == [table]
    table.trash()
    assert list(Item.search("needle")) == [image]
    assert list(Item.search("needle", trashed=True)) == [table.refresh()]
    assert Item.get(image.id) == image
    assert type(Item.get(image.id)) is Image
    assert asyncio.run(Image.asearch("needle")) == [image]


@pytest.mark.requirement("data.commands")
def test_a_search_reads_on_over_pages(caller: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("arkitekt_next.sdk.data.listing.PAGE", 3)
    for number in range(8):
        Table.save(pd.DataFrame({"n": [number]}), name=f"paged {number}")
    assert [item.name for item in Item.search("paged")] == [f"paged {number}" for number in range(7, -1, -1)]
    assert len(list(Item.search("paged", limit=5))) == 5


@pytest.mark.requirement("data.commands")
def test_folders_are_named_by_their_path(caller: App) -> None:
    made = Folder.make("plate 9/row B/well 3")
    assert Folder.make("plate 9/row B/well 3") == made == Folder.find("plate 9/row B/well 3")
    assert [folder.path for folder in Folder.find("plate 9").folders()] == ["plate 9/row B"]
    paths = [folder.path for folder in Folder.every()]
    assert paths.index("plate 9") < paths.index("plate 9/row B") < paths.index("plate 9/row B/well 3")
    with pytest.raises(NotFound, match="There are: plate 9/row B"):
        Folder.find("plate 9/row C")
    with pytest.raises(InvalidValue, match="expected a path"):
        Folder.find(" / ")


@pytest.mark.requirement("data.commands")
def test_many_at_once_make_one_folder(caller: App) -> None:
    found: list[Folder] = []
    threads = [threading.Thread(target=lambda: found.append(Folder.make("at once/deep"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.requirement("data.import")
def test_hints_and_options_are_those_of_the_formats() -> None:
    assert set(Hints.__dataclass_fields__) <= set(Image.load.__annotations__)
