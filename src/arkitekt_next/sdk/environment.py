"""What this program runs in: its Python, its machine's kind, and the packages that are installed, as the hub keeps it.

Names and versions are read off the folders that installers leave, so that nothing is opened. The rule: where a package
is installed twice, the one that would be imported counts.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import sys
from typing import Any

LIMIT_CHARS = 32_000
"""What the list of packages may take in a message, whose frame may have to hold many functions as well."""
_LEFT = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(-py[0-9.]+)?\.(dist-info|egg-info)")


@functools.cache
def describe_environment() -> dict[str, Any]:
    """Give the environment in the form of the protocol; looked at once per process."""
    packages = _packages()
    text = "\n".join(packages)
    kept = _fitting(packages)
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform()[:256],
        "packages": kept,
        "packages_hash": hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
        "omitted": len(packages) - len(kept),
    }


def _packages() -> list[str]:
    found: dict[str, str] = {}
    for place in dict.fromkeys(sys.path):
        for name, version in _installed(place or "."):
            found.setdefault(name, version)
    return sorted(f"{name}=={version}"[:256] for name, version in found.items())


def _installed(place: str) -> list[tuple[str, str]]:
    try:
        names = os.listdir(place)
    except OSError:  # an archive, or a folder that is not there
        return []
    matches = (_LEFT.fullmatch(name) for name in names)
    return [(re.sub(r"[-_.]+", "-", m["name"]).lower(), m["version"]) for m in matches if m is not None]


def _fitting(packages: list[str]) -> list[str]:
    left, kept = LIMIT_CHARS, []
    for package in packages:
        left -= len(package) + 3
        if left < 0:
            break
        kept.append(package)
    return kept
