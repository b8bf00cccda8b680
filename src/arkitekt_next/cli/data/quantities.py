"""Numbers with units, and moments, as people type them: `7s`, `0.5um`, `2d`, `2026-11-21`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import click

_NUMBER = re.compile(r"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([^\s0-9]*)", re.IGNORECASE)
_AGES = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_steps(steps: Iterable[str], pixel_size: str | None) -> tuple[dict[str, float], dict[str, str]]:
    """Read `--step` (a time is that of frames, a length that of z) and `--pixel-size`: steps and units by axis."""
    from arkitekt_next.data.units import TIME_SYMBOLS

    scale: dict[str, float] = {}
    units: dict[str, str] = {}
    for text in steps:
        value, unit = _quantity(text, "--step", "7s or 0.5um")
        if unit is None:
            raise click.BadParameter(f"expected a unit, as 7s or 0.5um, got '{text}'", param_hint="--step")
        axis = "t" if unit in TIME_SYMBOLS else "z"
        scale[axis], units[axis] = value, unit
    if pixel_size is not None:
        value, unit = _quantity(pixel_size, "--pixel-size", "0.1625 or 65nm")
        if unit in TIME_SYMBOLS:
            raise click.BadParameter(f"expected a length, got '{pixel_size}'", param_hint="--pixel-size")
        for axis in "yx":
            scale[axis], units[axis] = value, unit or "micrometer"
    return scale, units


def read_moment(text: str, option: str) -> datetime:
    """Read a date, a date with a time, or an age: `2026-11-21`, `2026-11-21T14:00`, `3d`. Times are this machine's."""
    age = re.fullmatch(r"([0-9]+)\s*([mhdw])", text.strip().lower())
    if age is not None:
        with suppress(OverflowError):  # longer ago than there are days to count: then everything is younger
            return datetime.now(UTC) - timedelta(**{_AGES[age[2]]: int(age[1])})
        return datetime.fromtimestamp(0, UTC)
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError):
        problem = f"expected a date or an age, as 2026-11-21 or 3d, got '{text}'"
        raise click.BadParameter(problem, param_hint=option) from None


def size_text(size_bytes: int) -> str:
    """Write a number of bytes as people read it."""
    size = float(size_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _quantity(text: str, option: str, example: str) -> tuple[float, str | None]:
    from arkitekt_next.data.units import unit_name

    found = _NUMBER.fullmatch(text.strip())
    value = float(found[1]) if found is not None else 0.0
    unit = unit_name(found[2]) if found is not None and found[2] else None
    if found is None or not 0 < value < float("inf") or (found[2] and unit is None):
        raise click.BadParameter(
            f"expected a number above 0 with a unit, as {example}, got '{text}'", param_hint=option
        )
    return value, unit
