"""`hub client`: programs that may ask members of the team for sign-ins by OAuth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from arkitekt_next.cli import output
from arkitekt_next.cli.access_commands import SCOPES
from arkitekt_next.cli.options import json_option, team_option, url_option, yes_option

if TYPE_CHECKING:
    from arkitekt_next.cli.hub_api import HubApi


@click.command(
    name="list",
    epilog="""\b
Examples:
  arkitekt-next hub client list""",
)
@team_option
@url_option
@json_option
def list_clients(team: str | None, url: str | None, as_json: bool) -> None:
    """List the programs that the team has registered."""
    found = _open(url, team).every("/api/clients")
    if as_json:
        output.print_json(found)
    elif not found:
        output.say("No program is registered. The command line and apps of the SDK need no registration.")
    else:
        rows = [(c["id"], c["name"], _kind(c), " ".join(c["scopes"]), ", ".join(c["redirect_uris"])) for c in found]
        output.show_table(("ID", "NAME", "KIND", "MAY", "ANSWERED AT"), rows)


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub client add "Plate viewer" --redirect https://plates.example.org/callback
  arkitekt-next hub client add Desk --redirect http://127.0.0.1/callback --public"""
)
@click.argument("name")
@click.option("--redirect", "uris", metavar="URI", multiple=True, required=True, help="Where it is answered; exact.")
@click.option("--scope", "scopes", type=SCOPES, multiple=True, help="The most it may ask for. Default: read, call.")
@click.option("--public", "is_public", is_flag=True, help="It can't keep a secret, as a program in a browser.")
@team_option
@url_option
@json_option
def add(
    name: str,
    uris: tuple[str, ...],
    scopes: tuple[str, ...],
    is_public: bool,
    team: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Register the program NAME, and print its client id and secret."""
    body: dict[str, Any] = {"name": name, "redirect_uris": list(uris), "is_public": is_public}
    if scopes:
        body["scopes"] = list(scopes)
    made = _open(url, team).post("/api/clients", body)
    if as_json:
        output.print_json(made)
        return
    output.say(f"{_ok()} {output.clean(name)} may ask members of the team for sign-ins.")
    output.say(f"  client id      {made['id']}")
    if made["secret"] is not None:
        output.say(f"  client secret  {output.paint(made['secret'], 'cyan')}   not shown again")


@click.command(
    epilog="""\b
Examples:
  arkitekt-next hub client remove "Plate viewer" """
)
@click.argument("client", metavar="NAME")
@yes_option
@team_option
@url_option
@json_option
def remove(client: str, is_sure: bool, team: str | None, url: str | None, as_json: bool) -> None:
    """Remove the program NAME (or an id) and end every sign-in that came by it."""
    from arkitekt_next.cli.hub_api import pick

    api = _open(url, team)
    found = pick(api.every("/api/clients"), client, what="program", keys=("id", "name"))
    output.confirm(f"Remove {found['name']}, and end every sign-in that came by it?", is_sure=is_sure)
    api.delete("/api/clients", found["id"])
    if as_json:
        output.print_json({"removed": found["id"]})
        return
    output.say(f"{_ok()} {output.clean(found['name'])} can't ask for sign-ins any more.")


def _kind(client: dict[str, Any]) -> str:
    return "public" if client["is_public"] else "secret"


def _open(url: str | None, team: str | None) -> HubApi:
    from arkitekt_next.cli.hub_api import HubApi

    return HubApi.open(url, team)


def _ok() -> str:
    return output.paint(output.mark("ok"), "green")
