"""What this user's own hub says about itself in its folder, and which addresses lead to this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def read_hub_file(folder: Path) -> dict[str, Any] | None:
    """Read what the hub of `folder` says about itself; None when it says nothing sound."""
    try:
        known = json.loads((folder / "hub.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) and isinstance(known.get("url"), str) else None


def is_loopback(address: str) -> bool:
    """Say whether an address leads to this machine, as far as its name tells."""
    return urlsplit(address).hostname in _LOOPBACK
