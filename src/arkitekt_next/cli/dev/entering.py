"""Signing the app of a `run dev` in, while everything else goes on.

The rule: it can be given up at any moment, so that Ctrl-C ends a run that still waits for somebody to approve it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from arkitekt_next.cli.entering import Lines, ask_person, say_who
from arkitekt_next.cli.scopes import default_scopes
from arkitekt_next.errors import ArkitektError, SignInNeeded
from arkitekt_next.sdk.trust import doubts


class DevSignIn:
    """Asks a person for one app at a time."""

    def __init__(self, *, headless: bool) -> None:
        self._headless = headless
        self._stopping = threading.Event()
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether somebody is being asked just now."""
        return self._asking is not None and not self._asking.done()

    async def ask(self, needed: Mapping[str, Any]) -> None:
        """Show a code and wait until it is approved. Raises `NotAuthenticated`, `HubUntrusted` or `HubUnavailable`."""
        address, app = needed["url"], str(needed["app"])
        if not address:
            raise SignInNeeded(str(needed["reason"]))
        self._asking = asyncio.ensure_future(asyncio.to_thread(self._work, str(address), app, str(needed["version"])))
        await self._asking

    def _work(self, address: str, app: str, version: str) -> None:
        doubt = doubts(address)
        if doubt is not None:
            raise doubt
        screen = Lines(address, app, opens_browser=not self._headless)
        found = ask_person(address, app, version=version, screen=screen, stopping=self._stopping)
        say_who(found, default_scopes(app))

    async def give_up(self) -> None:
        """Stop asking; what was not approved by now is not waited for."""
        self._stopping.set()
        if self._asking is not None:
            with suppress(ArkitektError):
                await self._asking
