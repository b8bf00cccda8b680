"""`hub keys`: the keys that sign access tokens, for the owner of the hub."""

from __future__ import annotations

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.options import json_option, url_option


@click.command(
    name="list",
    epilog="""\b
Examples:
  arkitekt-next hub keys list""",
)
@url_option
@json_option
def list_keys(url: str | None, as_json: bool) -> None:
    """List the keys there are and were. Private halves are told to nobody."""
    from arkitekt_next.cli.hub_api import HubApi

    found = HubApi.open(url).every("/api/keys")
    if as_json:
        output.print_json(found)
        return
    rows = [
        (
            k["id"],
            "signs" if k["signs"] else "verifies" if k["verifies"] else "retired",
            output.when(k["created_at_us"]),
            output.when(k["retired_at_us"]),
        )
        for k in found
    ]
    output.show_table(("KEY", "STATE", "SINCE", "RETIRED"), rows)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub keys rotate"""
)
@url_option
@json_option
def rotate(url: str | None, as_json: bool) -> None:
    """Sign with a new key from now on. Nobody has to sign in anew: old tokens hold until they expire."""
    from arkitekt_next.cli.hub_api import HubApi

    made = HubApi.open(url).post("/api/keys/rotate")
    if as_json:
        output.print_json(made)
        return
    output.say(f"{output.paint(output.mark('ok'), 'green')} Tokens are signed by {made['id']} from now on.")
