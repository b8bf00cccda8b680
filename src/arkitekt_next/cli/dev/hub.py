"""The hub of a `run dev`: found or started in the background, brought back when it dies, stopped when wanted.

The rule: a hub that somebody else started, or stopped, is left alone.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from arkitekt_next.cli.dev.screen import Screen
from arkitekt_next.cli.hub_commands import hub_line
from arkitekt_next.cli.open_command import offered_setup
from arkitekt_next.embedded import LOG_NAME, Announcement, ensure_hub, find_hub, stop_hub
from arkitekt_next.errors import ArkitektError
from arkitekt_next.platform import HUB_FOLDER, hub_folder
from arkitekt_next.sdk.login import URL

_PATIENCE_S = 1.0


class DevHub:
    """Where the app connects to: a hub somewhere (`url`), or the one of a folder on this machine."""

    def __init__(self, url: str | None, folder: Path | None, *, is_kept: bool) -> None:
        self.given_url = url
        self.is_open = False
        self.is_missed = False
        self._folder = (folder or hub_folder()).resolve()
        self._is_kept = is_kept
        self._is_ours = False
        self._found: Announcement | None = None
        self._setup_link: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the child has to know to find it."""
        return {} if self.given_url else {HUB_FOLDER: str(self._folder), URL: ""}

    async def open(self) -> None:
        """Find it, or start one."""
        if self.given_url is None:
            found, self._is_ours = await asyncio.to_thread(ensure_hub, self._folder)
            self._found = found
            if self._is_ours:
                self._setup_link = await asyncio.to_thread(offered_setup, found)
        self.is_open = True

    def show(self, screen: Screen) -> None:
        """Say which it is."""
        url = self.given_url or (self._found.url if self._found else "")
        screen.hub(
            url,
            self._folder,
            is_new=self._is_ours,
            log=self._folder / LOG_NAME,
            stop=hub_line("stop", self._folder),
            is_kept=self._is_kept,
        )
        if self._setup_link is not None:
            screen.setup(self._setup_link)
        if self.given_url is None and self._folder != hub_folder().resolve():
            screen.elsewhere(HUB_FOLDER, self._folder)

    def missed(self, screen: Screen, reason: str) -> None:
        """Note that it does not answer; said once."""
        if not self.is_missed:
            self.is_missed = True
            screen.waiting(reason)

    async def bring_back(self, screen: Screen) -> None:
        """Start the hub of this machine again when it died; one that was stopped stays stopped."""
        await asyncio.sleep(_PATIENCE_S)
        if self.given_url is not None:
            return
        if await asyncio.to_thread(find_hub, self._folder) is not None:
            return
        if not (self._folder / "hub.json").exists():
            screen.hub_was_stopped()
            return
        try:
            found, is_new = await asyncio.to_thread(ensure_hub, self._folder)
        except ArkitektError as failed:
            screen.waiting(failed.message)
            return
        if is_new:
            self._is_ours = True
            screen.hub_is_back(found.url)

    async def close(self) -> str | None:
        """Stop it if it is ours and not to be kept; else give the command that stops it, when it is ours."""
        if not self._is_ours:
            return None
        if self._is_kept:
            return hub_line("stop", self._folder)
        await asyncio.to_thread(stop_hub, self._folder)
        return None
