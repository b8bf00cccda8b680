"""Names for the generated module: sound, unique, and the same every time.

The rule: a name never hides a builtin or another name of the module.
"""

from __future__ import annotations

import builtins
import keyword
import re

RESERVED = {
    *(name for name in dir(builtins) if not name.startswith("_")),
    *keyword.kwlist,
    *keyword.softkwlist,
    "DEFINITIONS",
    "LEFT_OUT",
    "annotations",
}


class Names:
    """The names given so far; `give` always answers with a new one."""

    def __init__(self, *taken: str) -> None:
        self._taken = {*RESERVED, *taken}

    def give(self, wanted: str) -> str:
        """Give `wanted`, or the nearest name that is free."""
        plain = sound(wanted)
        name, number = plain, 2
        while name in self._taken:
            name = f"{plain}_" if number == 2 and plain in RESERVED else f"{plain}_{number}"
            number += 1
        self._taken.add(name)
        return name


def sound(text: str) -> str:
    """Make a Python name that is public, out of any text."""
    plain = re.sub(r"\W", "_", text, flags=re.ASCII).strip("_") or "unnamed"
    return plain if plain.isidentifier() else f"n_{plain}"


def camel(text: str) -> str:
    """Make the name of a class out of the name of a function."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[\W_]+", text, flags=re.ASCII) if part)
