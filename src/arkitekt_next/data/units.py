"""Names of units: what OME-NGFF writes, and the symbols that OME-TIFF and ImageJ write for the same.

Source: OME-NGFF 0.5, axes metadata (UDUNITS-2 names); OME schema 2016-06, UnitsLength and UnitsTime.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_PREFIXES = {
    "yotta": "Y", "zetta": "Z", "exa": "E", "peta": "P", "tera": "T", "giga": "G", "mega": "M", "kilo": "k",
    "hecto": "h", "deci": "d", "centi": "c", "milli": "m", "micro": "µ", "nano": "n", "pico": "p",
    "femto": "f", "atto": "a", "zepto": "z", "yocto": "y",
}  # fmt: skip

SPACE_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "meter": "m",
        **{f"{prefix}meter": f"{symbol}m" for prefix, symbol in _PREFIXES.items()},
        "angstrom": "Å",
        "foot": "ft",
        "inch": "in",
        "mile": "mi",
        "parsec": "pc",
        "yard": "yd",
    }
)
"""Every unit of length that OME-NGFF knows, and its symbol in OME-TIFF."""

TIME_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "second": "s",
        **{f"{prefix}second": f"{symbol}s" for prefix, symbol in _PREFIXES.items()},
        "minute": "min",
        "hour": "h",
        "day": "d",
    }
)
"""Every unit of time that OME-NGFF knows, and its symbol in OME-TIFF."""

_SPELLINGS = {
    **{symbol: name for name, symbol in SPACE_SYMBOLS.items()},
    **{symbol: name for name, symbol in TIME_SYMBOLS.items()},
    "um": "micrometer",
    "μm": "micrometer",  # the Greek letter; OME writes the micro sign
    "\\u00B5m": "micrometer",  # as ImageJ escapes it
    "us": "microsecond",
    "μs": "microsecond",
    "micron": "micrometer",
    "microns": "micrometer",
    "sec": "second",
    "cm": "centimeter",
    "hr": "hour",
}


_POWERS = {
    "yotta": 24, "zetta": 21, "exa": 18, "peta": 15, "tera": 12, "giga": 9, "mega": 6, "kilo": 3, "hecto": 2,
    "deci": -1, "centi": -2, "milli": -3, "micro": -6, "nano": -9, "pico": -12, "femto": -15, "atto": -18,
    "zepto": -21, "yocto": -24,
}  # fmt: skip


def in_base_units(step: float | None, unit: str) -> float | None:
    """Give a step in meters or seconds, by which two are compared; in its own unit where that has no prefix."""
    if step is None:
        return None
    for prefix, power in _POWERS.items():
        if unit in (f"{prefix}meter", f"{prefix}second"):
            return float(step) * 10.0**power
    return float(step)


def unit_name(symbol: str) -> str | None:
    """Give the OME-NGFF name of a unit as files write it; None for what is no unit (`pixel`, `reference frame`)."""
    text = symbol.strip()
    if text in SPACE_SYMBOLS or text in TIME_SYMBOLS:
        return text
    known = _SPELLINGS.get(text)
    if known is None and text.endswith("s") and (text[:-1] in SPACE_SYMBOLS or text[:-1] in TIME_SYMBOLS):
        return text[:-1]
    return known
