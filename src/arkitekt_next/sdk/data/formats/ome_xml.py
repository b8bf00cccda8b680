"""What OME-XML says of an image: pixel sizes, time between frames, channels. Source: OME schema 2016-06."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

from arkitekt_next.data.model import Channel
from arkitekt_next.data.units import SPACE_SYMBOLS, TIME_SYMBOLS, unit_name

_OUTSIDE = re.compile(r"(?:FileName|MetadataFile)\s*=\s*[\"']([^\"']*[/\\][^\"']*)[\"']")
_DECLARATION = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of one image."""

    scale: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()


def objection(xml: str) -> str | None:
    """Say why this XML is not to be parsed: it declares entities, or names files outside the folder of its own."""
    if found := _DECLARATION.search(xml):
        return f"OME-XML with a {found.group(1)} declaration, which it never needs"
    if named := _OUTSIDE.search(xml):
        return f"OME-XML that names the file {named.group(1)[:100]!r} outside its folder"
    return None


def parse_ome(xml: str, series: int) -> Described:
    """Read what is said of one image. What is not said, or in units of pixels, is left out."""
    root = ElementTree.fromstring(xml)
    images = [element for element in root if _tag(element) == "Image"]
    if series >= len(images):
        return Described()
    pixels = next((element for element in images[series] if _tag(element) == "Pixels"), None)
    if pixels is None:
        return Described()
    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    for axis in "xyz":
        _size(pixels, f"PhysicalSize{axis.upper()}", axis, "µm", SPACE_SYMBOLS, scale, units)
    _size(pixels, "TimeIncrement", "t", "s", TIME_SYMBOLS, scale, units)
    if "t" not in scale and (step := _from_deltas(pixels)):
        scale["t"], units["t"] = step
    channels = tuple(channel for element in pixels if _tag(element) == "Channel" for channel in _channels(element))
    return Described(scale, units, _named(channels))


def signed_color(color: str) -> int:
    """Give RRGGBB as OME writes it: red, green, blue, alpha in a signed 32-bit number."""
    number = int(color, 16) << 8 | 255
    return number - 2**32 if number >= 2**31 else number


def color_of(signed: str) -> str | None:
    """Give RRGGBB of a colour as OME writes it; None when it is none."""
    try:
        return f"{int(signed) % 2**32 >> 8:06X}"
    except ValueError:
        return None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _size(
    pixels: ElementTree.Element,
    attribute: str,
    axis: str,
    default: str,
    known: Mapping[str, str],
    scale: dict[str, float],
    units: dict[str, str],
) -> None:
    value = _number(pixels.get(attribute))
    unit = unit_name(pixels.get(f"{attribute}Unit", default))
    if value is not None and unit in known:
        scale[axis], units[axis] = value, str(unit)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else 0.0
    except ValueError:
        return None
    return value if 0 < value < float("inf") else None


def _from_deltas(pixels: ElementTree.Element) -> tuple[float, str] | None:
    """Give the mean step between frames from the times of planes."""
    times: dict[int, float] = {}
    unit: str | None = "second"
    for plane in pixels:
        if _tag(plane) == "Plane" and plane.get("TheC") == "0" and plane.get("TheZ") == "0" and plane.get("DeltaT"):
            times[int(plane.get("TheT", "0"))] = float(plane.get("DeltaT", "0"))
            unit = unit_name(plane.get("DeltaTUnit", "s"))
    frames = sorted(times)
    if len(frames) < 2 or unit not in TIME_SYMBOLS:
        return None
    step = (times[frames[-1]] - times[frames[0]]) / (frames[-1] - frames[0])
    return (step, str(unit)) if step > 0 else None


def _channels(element: ElementTree.Element) -> list[Channel]:
    name = (element.get("Name") or element.get("Fluor") or "").strip()
    count = int(element.get("SamplesPerPixel", "1") or 1)
    if count in (3, 4):
        colors = ("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", None)
        return [Channel(name=f"{name} {n}".strip(), color=color) for n, color in colors[:count]]
    color = color_of(element.get("Color", ""))
    return [Channel(name=_printable(name), color=color)] * count


def _named(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    return tuple(
        c if c.name != "-" else c.model_copy(update={"name": f"channel {i + 1}"}) for i, c in enumerate(channels)
    )


def _printable(name: str) -> str:
    return "".join(char for char in name if char.isprintable())[:255].strip() or "-"
