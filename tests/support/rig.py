"""A hub with one app that serves on it, for the commands that call and look, in processes of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.cli import Done, Home, Program

APP = '''
import datetime as dt
import enum
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from arkitekt_next import progress, register


class Channel(enum.Enum):
    DAPI = 405
    GFP = 488


@dataclass
class Roi:
    """A region."""

    x: int
    y: int = 2
    name: str | None = None


class Stats(NamedTuple):
    mean: float
    count: int


@register
def show(
    text: str,
    number: Annotated[int, Field(ge=0)] = 1,
    channel: Channel = Channel.GFP,
    sizes: list[float] = [1.0],
    roi: Roi | None = None,
    either: int | str = 5,
    span: dt.timedelta = dt.timedelta(seconds=3),
    mode: Literal["fast", "exact"] = "fast",
    raw: bytes = b"",
) -> str:
    """Show every argument.

    Args:
        text: Any text.
    """
    return repr((text, number, channel.name, sizes, roi, either, span, mode, raw))


@register
def crop(roi: Roi, channel: Channel = Channel.DAPI) -> dict[str, Roi]:
    """Give a region back, by the name of its channel."""
    return {channel.name: roi}


@register
def stats(number: int = 3) -> Stats:
    """Give two outputs."""
    print("measuring")
    return Stats(1.5, number)


@register
def frames(folder: str, count: int = 3) -> Iterator[int]:
    """Yield one number for each file frame0, frame1 … that appears."""
    for frame in range(count):
        progress(100 * frame / count, f"frame {frame}")
        yield frame
        while not (Path(folder) / f"frame{frame}").exists():
            time.sleep(0.01)


@register
def wait(folder: str) -> str:
    """Wait until cancelled; say so in a file."""
    try:
        (Path(folder) / "waiting").touch()
        while True:
            time.sleep(0.01)
            progress(None, "waiting")
    finally:
        (Path(folder) / "cleaned up").touch()


@register
def divide(x: int) -> float:
    """Divide by a number."""
    return 1 / x
'''


@dataclass
class Rig:
    """A hub and an app that serves on it."""

    home: Home
    place: Path
    app: Program

    def call(self, action: str, *arguments: str, **environment: str) -> Done:
        """Call a function of the app."""
        return self.home.run("call", f"lab.{action}", *arguments, **environment)
