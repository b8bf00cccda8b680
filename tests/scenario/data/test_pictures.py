"""An image has a small picture from the moment it is stored, for pages and notebooks; equal images stay equal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from arkitekt_next import App, Image
from arkitekt_next.data.keys import THUMBNAIL


@pytest.mark.requirement("data.page")
def test_an_image_has_its_picture_from_the_moment_it_is_stored(caller: App, tmp_path: Path) -> None:
    pixels = np.zeros((2, 700, 500), np.uint16)
    pixels[0, 100:300] = 4000
    pixels[1, :, 250:] = 900
    image = Image.save(pixels, name="two channels", axes="cyx")
    picture = image.thumbnail()
    assert picture is not None
    assert image._repr_png_() == picture
    shown = PIL.Image.open(io.BytesIO(picture))
    assert (shown.format, shown.size) == ("PNG", (183, 256))
    left, right = np.asarray(shown)[70, 10], np.asarray(shown)[200, 170]
    assert left.any()
    assert right.any()
    assert (left != right).any()
    assert THUMBNAIL not in {path.name for path in image.export(tmp_path / "x.ome.zarr").rglob("*")}
    again = Image.save(pixels, name="two channels", axes="cyx")
    assert again.digest == image.digest
    assert Image.save(pixels + 1, name="two channels", axes="cyx").digest != image.digest
