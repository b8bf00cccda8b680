"""`logout`: a sign-in ended, at its hub and on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, url_option

if TYPE_CHECKING:
    from arkitekt_next.sdk.credentials import Credentials


@click.command(
    epilog="""\b
Examples:
  arkitekt-next logout                             the app of this folder, else the command line itself
  arkitekt-next logout --url https://lab.example.org --app camera
  arkitekt-next logout --all                       everything that is kept on this machine
  arkitekt-next logout --all --app camera          one app, at every hub

A hub that does not answer is said to be so: the sign-in is forgotten here all the same, and ends there unused."""
)
@url_option
@click.option(
    "--app",
    metavar="NAME",
    help="The app to sign out. Default: the one of this folder's pyproject.toml, else the command line itself.",
)
@click.option("--all", "is_all", is_flag=True, help="All that --url and --app do not rule out.")
@json_option
def logout(url: str | None, app: str | None, is_all: bool, as_json: bool) -> None:
    """Sign an app out: its sign-in ends at the hub, with every connection by it, and is forgotten here."""
    from arkitekt_next.sdk.login import sign_out

    ended: list[dict[str, Any]] = []
    for entry in _chosen(url, app, is_all=is_all):
        untold = sign_out(entry.address, entry.app)
        ended.append(
            {
                "url": entry.address,
                "app": entry.app,
                "told_hub": untold is None,
                "reason": untold.message if untold is not None else None,
            }
        )
    if as_json:
        output.print_json(ended)
        return
    if not ended:
        output.say("No sign-in is kept on this machine.")
    for one in ended:
        output.say(f"{output.paint(output.mark('ok'), 'green')} {one['app']} is signed out of {one['url']}")
        if not one["told_hub"]:
            reason = output.clean(one["reason"]).partition(". ")[0]
            output.warn(
                f"the hub could not be told ({reason}). There the sign-in lasts until it is revoked on its page."
            )


def _chosen(url: str | None, app: str | None, *, is_all: bool) -> list[Credentials]:
    from arkitekt_next.cli.login_command import whose
    from arkitekt_next.cli.reach import named_url
    from arkitekt_next.errors import NotFound
    from arkitekt_next.sdk.credentials import CredentialStore
    from arkitekt_next.sdk.login import discover

    entries = CredentialStore().list()
    address = (named_url(url) if url else None) if is_all else (named_url(url) or _only(entries) or discover())
    wanted = app if is_all else whose(app).app
    found = [entry for entry in entries if address in (None, entry.address) and wanted in (None, entry.app)]
    if not found and not is_all:
        there = ", ".join(f"{entry.app} at {entry.address}" for entry in entries) or "none"
        raise NotFound(what="sign-in", name=f"{wanted} at {address}", remedy=f"Kept on this machine: {there}")
    return found


def _only(entries: list[Credentials]) -> str | None:
    """Give the one hub there is a sign-in at, so that it need not be named."""
    addresses = {entry.address for entry in entries}
    return addresses.pop() if len(addresses) == 1 else None
