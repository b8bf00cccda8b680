"""Waiting in tests: always for something, always inside a deadline."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any

from arkitekt_next import RemoteFunction, find
from arkitekt_next.errors import NotFound


def until(holds: Callable[[], Any], within: float = 20.0) -> Any:
    """Wait for something another thread brings about; give what `holds` gave."""
    deadline = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.001)
    return found


def find_soon(action: str, within: float = 20.0) -> RemoteFunction:
    """Find an action that was registered a moment ago, and so is on its way to the hub."""

    def found() -> RemoteFunction | None:
        try:
            return find(action)
        except NotFound:
            return None

    result: RemoteFunction = until(found, within)
    return result


def scenario(function: Any) -> Any:
    """Run an async test inside a deadline."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(asyncio.wait_for(function(*args, **kwargs), 60))

    return run


async def soon(holds: Callable[[], Any], within: float = 20.0) -> Any:
    """Wait on this loop for something that another task brings about; give what `holds` gave."""
    async with asyncio.timeout(within):
        while not (found := holds()):
            await asyncio.sleep(0.001)
        return found
