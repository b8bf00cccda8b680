"""`hub open`: your own hub in your browser, signed in. And the link by which a new hub is set up.

A link is printed to a terminal or opened, and written nowhere else: it stands for a person.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import hub_folder_option, json_option
from arkitekt_next.errors import ArkitektError

if TYPE_CHECKING:
    from arkitekt_next.embedded import Announcement


@click.command(
    name="open",
    epilog="""\b
Examples:
  arkitekt-next hub open
  arkitekt-next hub open --headless                print the link instead
  arkitekt-next hub open --folder /data/hub

Only whoever can read the hub's folder gets in this way.""",
)
@hub_folder_option
@click.option("--headless", is_flag=True, help="Print the link instead of opening a browser.")
@json_option
def open_hub(folder: Path, headless: bool, as_json: bool) -> None:
    """Open the hub of a folder in your browser, signed in as its owner.

    The link works once, within two minutes.
    """
    from arkitekt_next.cli.browser import can_open, open_secret_link
    from arkitekt_next.cli.reach import no_hub
    from arkitekt_next.embedded import find_hub, page_link

    place = folder.resolve()
    found = find_hub(place)
    if found is None:
        raise no_hub()
    link = page_link(found)
    if as_json:
        output.print_json({"url": link})
    elif not headless and can_open() and open_secret_link(link, place):
        output.say(f"{output.paint(output.mark('ok'), 'green')} Opened {link.partition('/enter')[0]} in your browser")
    else:
        output.say("Open this within two minutes; it works once:")
        output.say(f"  {output.paint(link, 'cyan')}")


def offered_setup(found: Announcement) -> str | None:
    """Give the link that sets a hub up, for a person at a terminal; None elsewhere, and for a hub that is set up."""
    from arkitekt_next.embedded import setup_link

    if not output.is_terminal():
        return None
    with suppress(ArkitektError):  # it can be asked for again, with `hub open`
        return setup_link(found)
    return None


def show_setup(link: str, folder: Path, *, headless: bool) -> None:
    """Print the link that sets a hub up, and open it where a browser can be seen."""
    from arkitekt_next.cli.browser import can_open, open_secret_link

    output.say(f"Set up your account: {output.paint(link, 'cyan')}")
    if not headless and can_open() and open_secret_link(link, folder):
        output.say("  It was opened in your browser. It works once, for 30 minutes.")
