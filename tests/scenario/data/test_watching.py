"""A watched folder as a stream of images: in a hosted generator, async, and without a hub for a while."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from arkitekt_next import App, Image, awatch_folder, watch_folder
from arkitekt_next.errors import NotFound, TaskCancelled, UnreadableFile

pytestmark = pytest.mark.requirement("data.watch")

SETTLE_S = 0.2


@pytest.fixture(scope="module")
def scope(hub: Any) -> Iterator[App]:
    app = App("scope")

    @app.register
    def images(folder: str) -> Iterator[Image]:
        """Give every image that the microscope writes."""
        yield from watch_folder(folder, settle_s=SETTLE_S, tags=["live"], scale={"y": 0.5, "x": 0.5})

    @app.register
    async def brightness(folder: str) -> AsyncIterator[float]:
        """Say how bright each image is."""
        async for image in awatch_folder(folder, settle_s=SETTLE_S):
            yield float((await image.anumpy()).mean())

    with app.run_detached():
        yield app


def write(folder: Path, name: str, value: int) -> None:
    """Write an image that nobody sees before it is complete."""
    place = folder.parent / f".{name}"
    tifffile.imwrite(place, np.full((6, 7), value, np.uint8))
    place.rename(folder / name)


def test_a_watched_folder_is_a_stream_of_new_images(scope: App, caller: App, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    write(folder, "0.tif", 10)
    task = caller.find("scope.images").submit(str(folder))
    stream = task.stream()
    first = next(stream)
    assert (first.name, first.tags, first.scale) == ("0", ("live",), {"y": 0.5, "x": 0.5})
    assert first.task == task.id
    for number in (1, 2):
        write(folder, f"{number}.tif", 10 + number)
        image = next(stream)
        assert (image.name, int(image[0, 0])) == (str(number), 10 + number)
    task.cancel()
    with pytest.raises(TaskCancelled):
        next(stream)
    write(folder, "3.tif", 13)
    again = caller.find("scope.images").submit(str(folder))
    assert next(again.stream()).name == "3"
    again.cancel()


def test_an_async_generator_watches_and_stops(scope: App, caller: App, tmp_path: Path) -> None:
    folder = tmp_path / "live"
    folder.mkdir()
    task = caller.find("scope.brightness").submit(str(folder))
    stream = task.stream()
    for number in (21, 22):
        write(folder, f"{number}.tif", number)
        assert next(stream) == number
    task.cancel()
    with pytest.raises(TaskCancelled):
        next(stream)


def test_a_file_that_goes_on_changing_is_left_until_it_rests(caller: App, tmp_path: Path) -> None:
    folder = tmp_path / "busy"
    folder.mkdir()
    resting = threading.Event()

    def go_on() -> None:
        for value in range(50, 54):  # each rests long enough to be read as a whole
            write(folder, "busy.tif", value)
            resting.wait(1.5)
        resting.set()

    writer = threading.Thread(target=go_on)
    writer.start()
    images = watch_folder(folder, settle_s=4.0)
    image = next(images)
    assert resting.is_set()
    assert int(image[0, 0]) == 53
    assert [found.id for found in Image.search("busy")] == [image.id]
    images.close()  # type: ignore[attr-defined]
    writer.join(10)


def test_half_a_file_that_rests_is_told_and_taken_when_it_is_whole(caller: App, tmp_path: Path) -> None:
    folder = tmp_path / "slow"
    folder.mkdir()
    source = tmp_path / "whole.tif"
    tifffile.imwrite(source, np.full((60, 70), 31, np.uint8))
    content = source.read_bytes()
    refused: list[tuple[str, Exception]] = []
    images = watch_folder(folder, settle_s=SETTLE_S, refused=lambda path, error: refused.append((path.name, error)))
    (folder / "slow.tif").write_bytes(content[:700])
    found: list[Image] = []

    async def read() -> None:
        taking = asyncio.create_task(asyncio.to_thread(next, images))
        while not refused:  # half a file that rests for too long is told, and looked at again when it grows
            await asyncio.sleep(0.01)
        (folder / "slow.tif").write_bytes(content)
        found.append(await asyncio.wait_for(taking, 20))

    asyncio.run(read())
    [(name, error)] = refused
    assert (name, isinstance(error, UnreadableFile)) == ("slow.tif", True)
    assert found[0].shape == (60, 70)
    images.close()  # type: ignore[attr-defined]


def test_hidden_and_unfinished_files_and_other_names_are_left_alone(caller: App, tmp_path: Path) -> None:
    folder = tmp_path / "names"
    (folder / "deep").mkdir(parents=True)
    for name in (".hidden.tif", "a.tif.part", "b.png.tmp", "other.png", "deep/c.tif", "z.tif"):
        tifffile.imwrite(folder / name, np.full((6, 7), 41, np.uint8) + len(name))
    images = watch_folder(folder, pattern="*.tif", settle_s=SETTLE_S)
    assert next(images).name == "z"
    images.close()  # type: ignore[attr-defined]
    deep = watch_folder(folder, pattern="*.tif", recursive=True, settle_s=SETTLE_S)
    assert next(deep).name == "c"
    deep.close()  # type: ignore[attr-defined]


def test_a_folder_that_is_not_there_is_refused_at_once(caller: App, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="Make it first"):
        watch_folder(tmp_path / "nowhere")


def test_watching_ends_soon_after_it_was_told_to(caller: App, tmp_path: Path) -> None:
    async def watch() -> None:
        async for _ in awatch_folder(tmp_path):
            pass

    async def run() -> None:
        task = asyncio.create_task(watch())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)

    asyncio.run(run())
