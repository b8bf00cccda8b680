"""A thumbnail shows the middle z of the first time, stretched, every channel in its colour."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from zarr.storage import MemoryStore

from arkitekt_next.data.model import Channel, ImageRole
from arkitekt_next.sdk.data.describing import describe_image
from arkitekt_next.sdk.data.images import write_image
from arkitekt_next.sdk.data.thumbnails import thumbnail

pytestmark = pytest.mark.requirement("data.images")


def shown(full: npt.NDArray[Any], **described: Any) -> npt.NDArray[np.uint8]:
    """Store an image and give the pixels of its thumbnail."""
    store = MemoryStore()
    write_image(store, full, describe_image(full, **described))
    made = thumbnail(store)
    assert made.startswith(b"\x89PNG")
    picture = Image.open(io.BytesIO(made))
    assert max(picture.size) <= 256
    return np.asarray(picture)


def test_channels_are_composed_by_colour_from_the_middle_plane() -> None:
    full = np.zeros((2, 2, 3, 600, 900), np.uint16)
    full[0, 0, 1, :, :450] = 1000
    full[0, 1, 1, :300] = 40000
    full[1] = 7
    channels = [
        Channel(name="a", color="FF0000", window=(0, 65535, 0, 1000)),
        Channel(name="b", color="0000FF", window=(0, 65535, 0, 80000)),
    ]
    picture = shown(full, channels=channels)
    assert picture.shape == (171, 256, 3)
    assert picture[20, 20].tolist() == [255, 0, 128]
    assert picture[150, 20].tolist() == [255, 0, 0]
    assert picture[20, 240].tolist() == [0, 0, 128]
    assert picture[150, 240].tolist() == [0, 0, 0]


def test_contrast_is_stretched_where_no_window_is_told() -> None:
    full = np.full((512, 512), 100, np.uint16)
    full[:256] = 110
    picture = shown(full)
    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[-1, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "float16", "float64"])
def test_every_type_has_a_thumbnail(dtype: str) -> None:
    assert shown((np.arange(40 * 30) % 2).reshape(40, 30).astype(dtype)).shape == (40, 30, 3)


def test_labels_have_colours_of_their_own() -> None:
    full = np.zeros((30, 30), np.uint32)
    full[:10], full[20:] = 1, 2
    picture = shown(full, role=ImageRole.LABELS)
    assert picture[15, 0].tolist() == [0, 0, 0]
    assert len({tuple(picture[row, 0].tolist()) for row in (5, 15, 25)}) == 3


def test_an_empty_image_is_black() -> None:
    assert not shown(np.zeros((20, 20), np.uint8)).any()
    assert not shown(np.full((20, 20), np.nan, np.float32)).any()
