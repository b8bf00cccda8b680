"""An app for the page's tests: a function with every kind of port, a slow one, a failing one, a stream, one on images."""

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel, Field

from arkitekt_next import App, log, pausepoint, progress


class Stain(Enum):
    DAPI = "blue"
    GFP = "green"


class Options(BaseModel):
    sigma: Annotated[float, Field(ge=0, le=10)] = 1.5
    sizes: list[int] = Field(default_factory=list)
    note: str | None = None


@dataclass
class Cell:
    label: int
    area: float


def make_page_lab(**options: Any) -> App:
    lab = App("lab", **options)

    @lab.register
    def everything(
        flag: bool,
        count: Annotated[int, Ge(1), Le(2**62)],
        ratio: float,
        name: Annotated[str, MaxLen(20)],
        raw: bytes,
        at: dt.datetime,
        day: dt.date,
        clock: dt.time,
        wait: dt.timedelta,
        key: uuid.UUID,
        price: Decimal,
        free: Any,
        stain: Stain,
        mode: Literal["fast", "exact"],
        values: list[float],
        kinds: set[int],
        pair: tuple[int, str],
        table: dict[str, int],
        either: int | str,
        options: Options,
        image: np.ndarray,
        maybe: int | None = None,
        preset: int = 7,
    ) -> dict[str, str]:
        """Take one of every kind, and give each back as Python shows it.

        It is what the page's forms are tried with.
        """
        given = dict(locals())
        given["image"] = f"{image.shape} {image.dtype}"
        return {name: repr(value) for name, value in given.items() if name != "lab"}

    @lab.register
    def threshold(image: np.ndarray, level: Annotated[float, Ge(0), Le(1)] = 0.5) -> np.ndarray:
        """Keep what is brighter than a part of the brightest."""
        progress(50, "comparing")
        return (image > image.max() * level).astype(np.uint8) * 255

    @lab.register
    def steps(count: int = 5, pause_s: float = 0.05) -> int:
        """Count slowly, and say so."""
        for number in range(count):
            progress(100 * number / count, f"step {number}")
            log(f"step {number} of {count}")
            pausepoint()
            time.sleep(pause_s)
        return count

    @lab.register
    def family(count: int = 3, pause_s: float = 0.0) -> int:
        """Call others, one after the other."""
        for _ in range(count):
            lab.find("lab.steps")(count=1, pause_s=pause_s)
        return count

    @lab.register
    def cells(count: int = 3) -> Iterator[Cell]:
        """Give cells one after the other."""
        for number in range(count):
            yield Cell(number, 12.5 * number)

    @lab.register
    def readings(count: int = 200) -> Iterator[float]:
        """Give numbers one after the other."""
        for number in range(count):
            yield number / 2

    @lab.register
    def letters(count: int = 3, size: int = 10) -> Iterator[str]:
        """Give texts of a size one after the other."""
        for number in range(count):
            yield str(number % 10) * size

    @lab.register
    def labels(count: int = 450) -> list[str]:
        """Give a long list."""
        return [f"cell {number}" for number in range(count)]

    @lab.register
    def frames(count: int = 5, side: int = 64) -> Iterator[np.ndarray]:
        """Give pictures one after the other: each is a ramp, and brighter than the one before."""
        ramp = np.mgrid[:side, :side][1].astype(np.uint16) * 4
        for number in range(count):
            yield ramp + np.uint16(1000 * (number + 1))

    @lab.register
    def measured(rows: int = 30) -> pd.DataFrame:
        """Give a table."""
        return pd.DataFrame({"cell": range(rows), "area": [12.5 * row for row in range(rows)]})

    @lab.register(collections=["testing"])
    def fails(reason: str = "no such plate") -> None:
        """Go wrong."""
        raise ValueError(reason)

    return lab
