"""The apps `init` can write: small, real, and runnable as they are.

The rule: a template needs nothing but the core; what it needs beyond, it names in `needs`.
"""

from __future__ import annotations

from dataclasses import dataclass

_SIMPLE = '''\
"""Functions of a microscope, for your team. Run them with: arkitekt-next run dev"""

from arkitekt_next import register


@register
def pixel_size(camera_um: float = 6.5, magnification: float = 60.0) -> float:
    """Give the size of a pixel in the sample, in micrometres.

    Args:
        camera_um: Size of a pixel of the camera, in micrometres.
        magnification: Magnification of the objective.
    """
    return camera_um / magnification
'''

_STREAM = '''\
"""A bleaching curve that arrives while it is measured. Run it with: arkitekt-next run dev"""

import math
import time
from collections.abc import Iterator

from arkitekt_next import progress, register


@register
def bleaching(frames: int = 20, interval_s: float = 0.1) -> Iterator[float]:
    """Measure the mean intensity of one frame after the other, as the sample bleaches.

    Args:
        frames: How many frames to take.
        interval_s: Time between two frames, in seconds.
    """
    for frame in range(frames):
        time.sleep(interval_s)
        progress(100 * (frame + 1) / frames, f"frame {frame + 1} of {frames}")
        yield round(1000 * math.exp(-frame / 15), 1)
'''

_IMAGE = '''\
"""Draws a fluorescence image and measures it. Run it with: arkitekt-next run dev"""

from dataclasses import dataclass

import numpy as np

from arkitekt_next import register


@dataclass
class Measurement:
    mean: float
    brightest: int
    covered_percent: float


@register
def measure_nuclei(nuclei: int = 25, threshold: int = 400, seed: int = 1) -> Measurement:
    """Draw a 16-bit image of stained nuclei and measure how much of it they cover."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    image = random.poisson(100, (256, 256)).astype(float)
    for row, column in random.uniform(16, 240, (nuclei, 2)):
        image += 900 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 128)
    return Measurement(float(image.mean()), int(image.max()), float(100 * (image > threshold).mean()))
'''


@dataclass(frozen=True, slots=True)
class Template:
    """One app: what it shows, its text, the call that tries it, and the modules it needs beyond the core."""

    summary: str
    text: str
    example: str
    needs: tuple[str, ...] = ()


TEMPLATES: dict[str, Template] = {
    "simple": Template("one function", _SIMPLE, "pixel_size magnification=40"),
    "stream": Template("values that arrive one by one, with progress", _STREAM, "bleaching frames=10"),
    "image": Template("an image, measured with numpy", _IMAGE, "measure_nuclei nuclei=12", ("numpy",)),
}
