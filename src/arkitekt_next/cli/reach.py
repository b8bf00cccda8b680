"""Which hub a command means, and bringing a hub of this machine back that died.

The rule: a hub that was stopped stays stopped; only one that ended without saying so is started again.
"""

from __future__ import annotations

import os
from pathlib import Path

from arkitekt_next.cli import output
from arkitekt_next.cli.scopes import CLI_APP
from arkitekt_next.errors import HubUnavailable
from arkitekt_next.platform import hub_folder
from arkitekt_next.sdk.announced import read_hub_file
from arkitekt_next.sdk.login import URL, normalize


def named_url(url: str | None) -> str | None:
    """Give the address that the command line or the environment names, or None."""
    if url:
        return normalize(url, "--url")
    chosen = os.environ.get(URL)
    return normalize(chosen, f"the environment variable {URL}") if chosen else None


def reach(url: str | None) -> str:
    """Give the address of the hub to use; raise `HubUnavailable` with what to do when there is none."""
    named = named_url(url)
    if named is not None:
        return named
    folder = hub_folder()
    if read_hub_file(folder) is None:
        raise no_hub()
    return revive(folder)


def enter_hub(url: str | None) -> str:
    """Give the address of the hub to use, with the command line signed in there if whoever sits here can help it."""
    from arkitekt_next.cli.entering import enter

    address = reach(url)
    enter(address, CLI_APP)
    return address


def no_hub() -> HubUnavailable:
    """Make the error for a machine without a hub."""
    remedy = "Start one with `arkitekt-next hub start` or `arkitekt-next run dev`, or name one with --url"
    return HubUnavailable(f"No hub runs on this machine ({hub_folder()}). {remedy}", url="", remedy=remedy)


def revive(folder: Path) -> str:
    """Give the address of the hub that announced itself in a folder, starting it again when it died."""
    from arkitekt_next.embedded import ensure_hub, find_hub

    found = find_hub(folder)
    if found is None:
        found, is_new = ensure_hub(folder)
        if is_new:
            output.note(f"The hub over {folder} had died; it was started again.")
    return found.url
