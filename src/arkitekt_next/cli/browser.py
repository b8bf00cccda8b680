"""Opens links in the browser of whoever sits here.

The rule: a link with a secret is never given to a browser as an argument, which every user of the machine could read.
"""

from __future__ import annotations

import html
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from arkitekt_next.cli import output

_DOOR = "open.html"
_PAGE = """<!doctype html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0;url={url}">
<title>arkitekt-next</title>
<p>Your browser goes on by itself. If it does not: <a href="{url}">go on</a>.</p>
"""


def can_open() -> bool:
    """Say whether a person sits at this terminal and has a screen for a browser."""
    if not output.can_ask() or os.environ.get("SSH_CONNECTION"):
        return False
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER")
    )


def open_code_link(link: str) -> bool:
    """Open the page that a hub has named for a code, where a person sits here; give whether that was so."""
    from arkitekt_next.platform import state_folder

    return can_open() and open_secret_link(link, state_folder())


def open_secret_link(url: str, folder: Path) -> bool:
    """Open a link by way of a private file in a folder; give whether a browser was found. Pages only, no programs."""
    import webbrowser

    from arkitekt_next.platform import write_private

    if urlsplit(url).scheme not in ("http", "https"):
        return False
    place = folder / _DOOR
    write_private(place, _PAGE.format(url=html.escape(url)))
    try:
        return webbrowser.open(place.resolve().as_uri())
    except (webbrowser.Error, OSError):
        return False
