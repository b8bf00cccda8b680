"""A small microscopy app: finds the objects in a real image and measures them one by one, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

import numpy as np
from pydantic import Field
from skimage import color, data, filters, measure, morphology, segmentation

from arkitekt_next import progress, register


class Sample(Enum):
    """A real image that scikit-image carries."""

    COINS = "Greek coins, reflected light"
    CELL = "one cell, phase contrast"
    TISSUE = "colon tissue, nuclei stained with haematoxylin"


@dataclass
class Measurement:
    """One object.

    Attributes:
        label: its number in the image, from 1
        row: centre, in pixels from the top
        column: centre, in pixels from the left
        area_px: its area in pixels
        intensity: mean intensity, 0 to 1
        roundness: 1 for a circle, towards 0 for a line
    """

    label: int
    row: float
    column: float
    area_px: int
    intensity: float
    roundness: float


def load(sample: Sample) -> np.ndarray:
    """Give an image as float, 0 to 1, shape (rows, columns), objects bright."""
    if sample is Sample.COINS:
        return data.coins() / 255
    if sample is Sample.CELL:
        return filters.sobel(data.cell() / 255) * 10  # the cell is told by its texture
    haematoxylin = color.rgb2hed(data.immunohistochemistry())[..., 0]
    return (haematoxylin - haematoxylin.min()) / np.ptp(haematoxylin)


@register(effects="none", collections=("microscopy", "segmentation"))
def measure_objects(
    sample: Sample = Sample.COINS,
    sigma: Annotated[float, Field(ge=0, le=20)] = 2.0,
    min_area_px: Annotated[int, Field(ge=1)] = 200,
) -> Iterator[Measurement]:
    """Find the objects of an image and measure each.

    Args:
        sample: which image
        sigma: how much it is smoothed before the threshold, in pixels
        min_area_px: smaller objects are left out, in pixels
    """
    progress(0, "smoothing")
    image = load(sample)
    smooth = filters.gaussian(image, sigma)
    mask = smooth > filters.threshold_otsu(smooth)
    mask = morphology.closing(segmentation.clear_border(mask), morphology.disk(3))
    regions = [r for r in measure.regionprops(measure.label(mask), image) if r.area >= min_area_px]
    for index, region in enumerate(regions):
        progress(100 * index / len(regions), f"object {index + 1} of {len(regions)}")
        row, column = region.centroid
        yield Measurement(
            label=index + 1,
            row=round(float(row), 1),
            column=round(float(column), 1),
            area_px=int(region.area),
            intensity=round(float(region.intensity_mean), 3),
            roundness=round(float(np.sqrt(1 - region.eccentricity**2)), 3),
        )
