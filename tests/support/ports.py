"""What tests ask of ports."""

from __future__ import annotations

from collections.abc import Iterable

from arkitekt_next.ports import Port


def keys(ports: Iterable[Port]) -> list[str]:
    """Give what the ports are called."""
    return [port.key for port in ports]
